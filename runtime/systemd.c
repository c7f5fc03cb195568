/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See systemd.h.
 */
#include <config.h>

#include "systemd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "own.h"
#include "proc.h"
#include "program.h"
#include "spawn.h"

#define PROGRAM	   "capsule-systemd"
#define ANSWER_MAX 4096
#define WAIT_MS	   90000 /* it gives up by itself before */

/* -- names ---------------------------------------------------------------------------------- */

int rt_systemd_find(const char *self, struct cps_arena *a, const char **ret, struct cps_err *err)
{
	return cps_wrap(err, rt_program_find(PROGRAM, self, a, ret, err), "--systemd-cgroup");
}

/* "a-b.slice" is below "a.slice": systemd's rule. */
static int slice_path(const char *slice, struct cps_buf *path, struct cps_err *err)
{
	size_t len = strlen(slice);

	if (strcmp(slice, "-.slice") == 0)
		return 0; /* the root */
	if (len <= 6 || strcmp(slice + len - 6, ".slice") != 0 || strchr(slice, '/') ||
	    slice[0] == '-' || slice[len - 7] == '-' || strstr(slice, "--"))
		return cps_failx(err, EINVAL, "linux.cgroupsPath: '%s' is no name of a slice",
				 slice);
	for (const char *dash = strchr(slice, '-'); dash; dash = strchr(dash + 1, '-'))
		cps_buf_printf(path, "/%.*s.slice", (int)(dash - slice), slice);
	cps_buf_printf(path, "/%s", slice);
	return 0;
}

/* What a unit's name may consist of (systemd.unit(5)). */
static bool is_unit(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  ":-_.\\@");

	return len > 0 && len < 256 && name[len] == '\0';
}

int rt_systemd_names(const char *cgroups_path, const char *id, struct rt_scope *scope,
		     const char **ret_path, struct cps_arena *a, struct cps_err *err)
{
	cleanup_buf struct cps_buf path = CPS_BUF_INIT;
	const char *given = cgroups_path && cgroups_path[0] ? cgroups_path : "::";
	const char *first = strchr(given, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	const char *prefix, *name;
	int rc;

	if (!second || strchr(second + 1, ':'))
		return cps_failx(err, EINVAL,
				 "linux.cgroupsPath: '%s' is not slice:prefix:name, as "
				 "--systemd-cgroup has it",
				 given);
	scope->slice = first > given ? cps_arena_strndup(a, given, (size_t)(first - given))
		       : scope->user ? "user.slice"
				     : "system.slice";
	prefix = cps_arena_strndup(a, first + 1, (size_t)(second - first - 1));
	if (!cgroups_path || !cgroups_path[0])
		prefix = "capsule";
	name = second[1] ? second + 1 : id;
	if (!scope->slice || !prefix)
		return cps_fail(err, ENOMEM, "linux.cgroupsPath");
	scope->unit = cps_arena_printf(a, "%s%s%s.scope", prefix, prefix[0] ? "-" : "", name);
	if (!scope->unit)
		return cps_fail(err, ENOMEM, "linux.cgroupsPath");
	if (!is_unit(scope->unit))
		return cps_failx(err, EINVAL, "linux.cgroupsPath: '%s' is no name of a unit",
				 scope->unit);
	rc = slice_path(scope->slice, &path, err);
	if (rc < 0)
		return rc;
	cps_buf_printf(&path, "/%s", scope->unit);
	*ret_path = path.failed ? NULL : cps_arena_strdup(a, path.data);
	return *ret_path ? 0 : cps_fail(err, ENOMEM, "linux.cgroupsPath");
}

/* -- what is wanted of a scope -------------------------------------------------------------- */

void rt_systemd_property(struct cps_jsonw *w, const char *name, const char *type)
{
	cps_jsonw_open(w, NULL, '[');
	cps_jsonw_str(w, NULL, name);
	cps_jsonw_str(w, NULL, type);
}

static void put_flag(struct cps_jsonw *w, const char *name, bool value)
{
	rt_systemd_property(w, name, "b");
	cps_jsonw_bool(w, NULL, value);
	cps_jsonw_close(w, ']');
}

static void put_text(struct cps_jsonw *w, const char *name, const char *value)
{
	rt_systemd_property(w, name, "s");
	cps_jsonw_str(w, NULL, value);
	cps_jsonw_close(w, ']');
}

static void put_scope(const struct rt_scope *scope, enum rt_cgroup_layout layout, pid_t pid,
		      struct cps_jsonw *w)
{
	put_text(w, "Description", "container");
	put_text(w, "Slice", scope->slice);
	rt_systemd_property(w, "PIDs", "au");
	cps_jsonw_open(w, NULL, '[');
	cps_jsonw_i64(w, NULL, pid);
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, ']');
	put_flag(w, "Delegate", true); /* the container may have groups below */
	put_flag(w, "DefaultDependencies", false);
	put_flag(w, "MemoryAccounting", true);
	put_flag(w, "CPUAccounting", true);
	put_flag(w, layout == RT_CGROUP_V2 ? "IOAccounting" : "BlockIOAccounting", true);
	put_flag(w, "TasksAccounting", true);
}

static int put_annotations(const struct rt_spec *spec, struct cps_jsonw *w, struct cps_err *err)
{
	static const char start[] = RT_SYSTEMD_ANNOTATION;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < spec->nannotations; i++) {
		const struct rt_key_value *kv = &spec->annotations[i];

		if (strncmp(kv->key, start, sizeof(start) - 1) != 0)
			continue;
		rc = rt_systemd_annotation(kv->key + sizeof(start) - 1, kv->value, w, err);
		(void)cps_wrap(err, rc, "annotations: %s", kv->key);
	}
	return rc;
}

/* -- the program ---------------------------------------------------------------------------- */

static int read_answer(int fd, char *ret, size_t size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return n < 0 ? -errno : 0;
}

static int wait_for(int pidfd, siginfo_t *si)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc;

	do
		rc = poll(&p, 1, WAIT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		(void)cps_pidfd_signal(pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)pidfd, si, WEXITED) < 0 && errno == EINTR)
		;
	return rc;
}

/* Runs capsule-systemd with the request on its stdin. Of our environment it gets what says where a
 * user's bus is. */
static int run(const struct rt_scope *scope, const struct cps_buf *request, char *ret_answer,
	       struct cps_err *err)
{
	const char *env[3] = { NULL };
	struct rt_hook program = { .path = (char *)(uintptr_t)scope->program };
	cleanup_fd int in = -1;
	cleanup_fd int out = memfd_create("answer", MFD_CLOEXEC);
	cleanup_fd int pidfd = -1;
	siginfo_t si = { 0 };
	pid_t pid;
	int rc;

	for (char **e = environ; *e && program.env.n < 2; e++)
		if (strncmp(*e, "XDG_RUNTIME_DIR=", 16) == 0 ||
		    strncmp(*e, "DBUS_SESSION_BUS_ADDRESS=", 25) == 0)
			env[program.env.n++] = *e;
	program.env.v = env;
	if (request->failed)
		return cps_fail(err, ENOMEM, PROGRAM);
	in = cps_memfd_sealed("request", request->data, request->len, err);
	if (in < 0)
		return in;
	if (out < 0)
		return cps_fail(err, errno, "make a memfd");
	rc = rt_spawn_hook(&program, in, out, &pid, &pidfd, err);
	if (rc < 0)
		return rc;
	if (wait_for(pidfd, &si) == 0)
		return cps_failx(err, ETIMEDOUT, PROGRAM " does not end");
	rc = read_answer(out, ret_answer, ANSWER_MAX);
	if (rc < 0)
		return cps_fail(err, -rc, "read what " PROGRAM " says");
	if (si.si_code == CLD_EXITED && si.si_status == 0)
		return 0;
	return cps_failx(err, EIO, "--systemd-cgroup: %s",
			 ret_answer[0] ? ret_answer : "'" PROGRAM "' failed");
}

static void begin(struct cps_jsonw *w, struct cps_buf *buf, const char *what,
		  const struct rt_scope *scope)
{
	cps_jsonw_init(w, buf, false);
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "do", what);
	cps_jsonw_str(w, "unit", scope->unit);
	cps_jsonw_bool(w, "user", scope->user);
}

int rt_systemd_start(const struct rt_scope *scope, const struct rt_spec *spec,
		     enum rt_cgroup_layout layout, pid_t pid, struct cps_arena *a,
		     const char **ret_path, struct cps_err *err)
{
	cleanup_buf struct cps_buf request = CPS_BUF_INIT;
	char answer[ANSWER_MAX];
	struct cps_jsonw w;
	int rc;

	begin(&w, &request, "start", scope);
	cps_jsonw_open(&w, "properties", '[');
	put_scope(scope, layout, pid, &w);
	rc = put_annotations(spec, &w, err);
	if (rc == 0)
		rc = rt_systemd_limits(&spec->resources, layout, &w, err);
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (rc == 0)
		rc = run(scope, &request, answer, err);
	if (rc < 0)
		return rc;
	if (!rt_cgroup_is_path(answer))
		return cps_failx(err, EBADMSG, "--systemd-cgroup: '%.64s' is no cgroup", answer);
	*ret_path = cps_arena_strdup(a, answer);
	return *ret_path ? 0 : cps_fail(err, ENOMEM, "the scope's path");
}

int rt_systemd_update(const struct rt_scope *scope, const struct rt_resources *res,
		      enum rt_cgroup_layout layout, struct cps_err *err)
{
	cleanup_buf struct cps_buf request = CPS_BUF_INIT;
	char answer[ANSWER_MAX];
	struct cps_jsonw w;
	int rc;

	begin(&w, &request, "set", scope);
	cps_jsonw_open(&w, "properties", '[');
	rc = rt_systemd_limits(res, layout, &w, err);
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	return rc < 0 ? rc : run(scope, &request, answer, err);
}

int rt_systemd_stop(const struct rt_scope *scope, struct cps_err *err)
{
	cleanup_buf struct cps_buf request = CPS_BUF_INIT;
	char answer[ANSWER_MAX];
	struct cps_jsonw w;

	begin(&w, &request, "stop", scope);
	cps_jsonw_close(&w, '}');
	return run(scope, &request, answer, err);
}
