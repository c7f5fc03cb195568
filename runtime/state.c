/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See state.h.
 */
#include <config.h>

#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "gate.h"
#include "own.h"
#include "proc.h"
#include "start.h"

#define STATE_MAX (256u << 10)

const char *const rt_status_names[RT_STATUS_COUNT] = {
	[RT_STATUS_CREATING] = "creating", [RT_STATUS_CREATED] = "created",
	[RT_STATUS_RUNNING] = "running",   [RT_STATUS_PAUSED] = "paused",
	[RT_STATUS_STOPPED] = "stopped",
};

static void format(const struct rt_state *s, struct cps_buf *buf)
{
	struct cps_jsonw w;

	cps_jsonw_init(&w, buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "ociVersion", s->oci_version);
	cps_jsonw_str(&w, "id", s->id);
	cps_jsonw_str(&w, "bundle", s->bundle);
	cps_jsonw_str(&w, "rootfs", s->rootfs);
	if (s->user)
		cps_jsonw_str(&w, "user", s->user);
	cps_jsonw_str(&w, "created", s->created);
	cps_jsonw_u64(&w, "owner", s->owner);
	cps_jsonw_i64(&w, "pid", s->pid);
	cps_jsonw_u64(&w, "startTime", s->start_time);
	cps_jsonw_str(&w, "bootId", s->boot_id);
	cps_jsonw_bool(&w, "ownPidNamespace", s->own_pidns);
	cps_jsonw_bool(&w, "poststart", s->poststart);
	cps_jsonw_bool(&w, "poststop", s->poststop);
	cps_jsonw_bool(&w, "terminal", s->terminal);
	rt_cgroup_format(&s->cgroup, &w, "cgroup");
	rt_rdt_format(&s->rdt, &w, "intelRdt");
	if (s->scope.program) {
		cps_jsonw_open(&w, "systemd", '{');
		cps_jsonw_str(&w, "program", s->scope.program);
		cps_jsonw_str(&w, "unit", s->scope.unit);
		cps_jsonw_bool(&w, "user", s->scope.user);
		cps_jsonw_close(&w, '}');
	}
	if (s->annotations)
		cps_jsonw_raw(&w, "annotations", s->annotations);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(buf, "\n");
}

int rt_state_save(const struct rt_state *s, int dir, bool first, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_fd int fd = -1;
	int rc;

	format(s, &buf);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write '%s'", RT_STATE_NAME);
	if (!first)
		return cps_file_replace(dir, RT_STATE_NAME, buf.data, buf.len, 0600, err);
	fd = openat(dir, RT_STATE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cps_fail(err, errno, "make '%s'", RT_STATE_NAME);
	rc = cps_write_all(fd, buf.data, buf.len);
	return rc < 0 ? cps_fail(err, -rc, "write '%s'", RT_STATE_NAME) : 0;
}

static int load_annotations(const struct cps_json *o, struct cps_arena *a, struct rt_state *s,
			    struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	if (!o)
		return 0;
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_node(&w, NULL, o);
	s->annotations = buf.failed ? NULL : cps_arena_strdup(a, buf.data);
	return s->annotations ? 0 : cps_fail(err, ENOMEM, "read the annotations");
}

static int copy_text(const struct cps_json *o, char *to, size_t size, struct cps_err *err)
{
	const char *text;
	int rc;

	rc = cps_json_str(o, &text, err);
	if (rc < 0)
		return rc;
	if (strlen(text) >= size)
		return cps_json_fail(o, EBADMSG, err, "is too long");
	(void)snprintf(to, size, "%s", text);
	return 0;
}

static int load_process(const struct cps_json *o, struct rt_state *s, struct cps_err *err)
{
	int64_t pid = 0;
	uint64_t owner = 0;
	int rc;

	rc = cps_json_i64(cps_json_get(o, "pid"), 0, INT32_MAX, &pid, err);
	if (rc == 0)
		rc = cps_json_u64(cps_json_get(o, "owner"), UINT32_MAX, &owner, err);
	if (rc == 0)
		rc = cps_json_u64(cps_json_get(o, "startTime"), UINT64_MAX, &s->start_time, err);
	if (rc == 0)
		rc = copy_text(cps_json_get(o, "created"), s->created, sizeof(s->created), err);
	if (rc == 0)
		rc = copy_text(cps_json_get(o, "bootId"), s->boot_id, sizeof(s->boot_id), err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(o, "ownPidNamespace"), &s->own_pidns, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(o, "poststart"), &s->poststart, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(o, "poststop"), &s->poststop, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(o, "terminal"), &s->terminal, err);
	if (rc < 0)
		return rc;
	s->pid = (pid_t)pid;
	s->owner = (uid_t)owner;
	return 0;
}

static int load_scope(const struct cps_json *o, struct rt_scope *ret, struct cps_err *err)
{
	static const char name[] = "/capsule-systemd";
	size_t len;
	int rc;

	if (!o)
		return 0;
	rc = cps_json_str(cps_json_get(o, "program"), &ret->program, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(o, "unit"), &ret->unit, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(o, "user"), &ret->user, err);
	if (rc < 0)
		return rc;
	/* A file full of noise must not have anything else run. */
	len = strlen(ret->program);
	if (ret->program[0] != '/' || len < sizeof(name) - 1 ||
	    strcmp(ret->program + len - (sizeof(name) - 1), name) != 0)
		return cps_json_fail(o, EBADMSG, err, "names another program");
	return 0;
}

static int load_object(const struct cps_json *o, struct cps_arena *a, struct rt_state *s,
		       struct cps_err *err)
{
	struct {
		const char *key;
		const char **to;
	} texts[] = { { "ociVersion", &s->oci_version },
		      { "id", &s->id },
		      { "bundle", &s->bundle },
		      { "rootfs", &s->rootfs } };
	int rc = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == 0; i++)
		rc = cps_json_str(cps_json_get(o, texts[i].key), texts[i].to, err);
	if (rc == 0 && cps_json_get(o, "user"))
		rc = cps_json_str(cps_json_get(o, "user"), &s->user, err);
	if (rc == 0)
		rc = load_process(o, s, err);
	if (rc == 0)
		rc = rt_cgroup_load(&s->cgroup, cps_json_get(o, "cgroup"), err);
	if (rc == 0)
		rc = rt_rdt_load(&s->rdt, cps_json_get(o, "intelRdt"), err);
	if (rc == 0)
		rc = load_scope(cps_json_get(o, "systemd"), &s->scope, err);
	if (rc == 0)
		rc = load_annotations(cps_json_get(o, "annotations"), a, s, err);
	return rc;
}

int rt_state_load(int dir, struct cps_arena *a, struct rt_state *ret, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	const struct cps_json *o;
	size_t len;
	int rc;

	rc = cps_file_read(dir, RT_STATE_NAME, STATE_MAX, &text, &len, err);
	if (rc < 0)
		return rc;
	rc = cps_json_parse(a, text, len, &o, err);
	if (rc == 0)
		rc = load_object(o, a, ret, err);
	if (rc < 0) {
		(void)cps_wrap(err, rc, "%s", RT_STATE_NAME);
		if (rc != -ENOMEM)
			err->num = EBADMSG;
		return -err->num;
	}
	return 0;
}

void rt_state_unlink(int dir)
{
	static const char *const names[] = { CPS_GATE_SOCKET, RT_CONFIG_NAME, RT_STATE_NAME,
					     "." RT_STATE_NAME ".tmp" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(dir, names[i], 0); /* most often some are not there */
}

void rt_state_remove_dir(const char *root, const char *id)
{
	char path[PATH_MAX];

	/* By name, since this has to work when there is no descriptor left to be had. */
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", root, id) < sizeof(path))
		(void)rmdir(path);
}

int rt_state_set_process(struct rt_state *s, pid_t pid, struct cps_err *err)
{
	int rc;

	rc = cps_proc_start_time(pid, &s->start_time);
	if (rc < 0)
		return cps_fail(err, -rc, "read the start time of process %d", pid);
	rc = cps_boot_id(s->boot_id, err);
	if (rc == 0)
		s->pid = pid;
	return rc;
}

/* The creator holds a lock on the directory for as long as it works. */
static bool is_being_created(int dir)
{
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	(void)flock(dir, LOCK_UN);
	return false;
}

/* Of a process that has ended its pidfd is readable, reaped or not. */
static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

bool rt_state_is_other_boot(const struct rt_state *s)
{
	struct cps_err ignored;
	char boot_id[37];

	return cps_boot_id(boot_id, &ignored) == 0 && strcmp(boot_id, s->boot_id) != 0;
}

enum rt_status rt_state_status(const struct rt_state *s, int dir, int *ret_pidfd)
{
	cleanup_fd int pidfd = -1;

	if (ret_pidfd)
		*ret_pidfd = -1;
	if (is_being_created(dir))
		return RT_STATUS_CREATING;
	if (s->pid == 0)
		return RT_STATUS_STOPPED;
	pidfd = cps_pidfd_open_verified(s->pid, s->start_time);
	if (pidfd < 0 || has_ended(pidfd))
		return RT_STATUS_STOPPED;
	/* The same pid with the same start time after a reboot is unlikely, and somebody else. */
	if (rt_state_is_other_boot(s))
		return RT_STATUS_STOPPED;
	if (ret_pidfd)
		*ret_pidfd = take_fd(&pidfd);
	if (rt_gate_is_open(dir))
		return RT_STATUS_CREATED;
	return rt_cgroup_is_frozen(&s->cgroup) ? RT_STATUS_PAUSED : RT_STATUS_RUNNING;
}

void rt_state_json(const struct rt_state *s, enum rt_status status, pid_t pid, bool full,
		   struct cps_jsonw *w)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "ociVersion", s->oci_version);
	cps_jsonw_str(w, "id", s->id);
	cps_jsonw_i64(w, "pid", status == RT_STATUS_STOPPED ? 0 : pid);
	cps_jsonw_str(w, "status", rt_status_names[status]);
	cps_jsonw_str(w, "bundle", s->bundle);
	if (full) {
		cps_jsonw_str(w, "rootfs", s->rootfs);
		cps_jsonw_str(w, "created", s->created);
	}
	if (s->annotations)
		cps_jsonw_raw(w, "annotations", s->annotations);
	if (full)
		cps_jsonw_str(w, "owner", "");
	cps_jsonw_close(w, '}');
}
