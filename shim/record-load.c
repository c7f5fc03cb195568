/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dead shim has left, read back. Records of older shims lack members: then the runtime's
 * state.json says it, or the defaults of `create` hold.
 */
#include <config.h>
#include "record.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "clock.h"
#include "exit-command.h"
#include "health.h"
#include "own.h"
#include "proc.h"
#include "shim.h"

#define FILE_MAX (1u << 20) /* state.json repeats annotations; ours are a few KiB */

static int identity_load(const struct cps_json *o, const char *start, struct shim_identity *ret,
			 struct cps_err *err)
{
	int64_t pid = 0;
	int rc = 0;

	if (cps_json_get(o, "pid"))
		rc = cps_json_i64(cps_json_get(o, "pid"), 0, INT32_MAX, &pid, err);
	if (rc == 0 && pid > 0)
		rc = cps_json_u64(cps_json_get(o, start), UINT64_MAX, &ret->start_time, err);
	if (rc == 0 && pid > 0)
		ret->pid = (pid_t)pid;
	return rc;
}

static int boot_check(const struct cps_json *id, bool *ret_other, struct cps_err *err)
{
	const char *then;
	char now[37];
	int rc;

	if (!id)
		return 0;
	rc = cps_json_str(id, &then, err);
	if (rc == 0)
		rc = cps_boot_id(now, err);
	if (rc == 0 && strcmp(then, now) != 0)
		*ret_other = true;
	return rc;
}

int shim_past_load(int dir, struct cps_arena *a, struct shim_past *ret, struct cps_err *err)
{
	struct shim_past p = { .phase = "" };
	bool early = false;
	int rc = cps_json_load(a, dir, "state.json", FILE_MAX, &p.state, err);

	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0) {
		rc = shim_exit_load(dir, &p.exit, &early, err);
		p.has_exit = rc == 0;
		p.over = p.has_exit && !early;
	}
	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		rc = cps_json_load(a, dir, "shim.json", FILE_MAX, &p.record, err);
	if (rc < 0)
		return rc;
	rc = identity_load(p.record, "start_time", &p.shim, err);
	if (rc == 0)
		rc = boot_check(cps_json_get(p.record, "boot_id"), &p.other_boot, err);
	if (rc == 0 && cps_json_get(p.record, "init"))
		rc = identity_load(cps_json_get(p.record, "init"), "start_time", &p.init, err);
	if (rc == 0 && cps_json_get(p.record, "phase"))
		rc = cps_json_str(cps_json_get(p.record, "phase"), &p.phase, err);
	if (rc < 0)
		return cps_wrap(err, rc, "shim.json");
	/* The runtime knows best what it has made. */
	rc = identity_load(p.state, "startTime", &p.init, err);
	if (rc == 0 && p.init.pid > 0)
		rc = boot_check(cps_json_get(p.state, "bootId"), &p.other_boot, err);
	if (rc < 0)
		return cps_wrap(err, rc, "state.json");
	*ret = p;
	return 0;
}

bool shim_identity_is_alive(const struct shim_identity *who)
{
	return cps_proc_is_alive(who->pid, who->start_time);
}

/* ---- into the container ---- */

static int number_get(const struct cps_json *o, const char *key, uint64_t max, uint64_t *ret,
		      struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(o, key);

	return node ? cps_json_u64(node, max, ret, err) : 0;
}

static int flag_get(const struct cps_json *o, const char *key, bool *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(o, key);

	return node ? cps_json_bool(node, ret, err) : 0;
}

static int time_get(const struct cps_json *o, const char *key, struct timespec *ret,
		    struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(o, key);
	const char *text;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_str(node, &text, err);
	if (rc == 0 && cps_time_parse(text, ret) < 0)
		rc = cps_json_fail(node, EINVAL, err, "'%s' is no time", text);
	return rc;
}

static int text_copy(const struct cps_json *node, char **ret, struct cps_err *err)
{
	const char *text;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_str(node, &text, err);
	if (rc < 0)
		return rc;
	*ret = strdup(text);
	return *ret ? 0 : cps_fail(err, ENOMEM, "adopt");
}

/* Who owns the FIFOs of later jobs. An older record does not say; the runtime's copy of config.json
 * does. */
static int owner_get(const struct shim_past *past, struct shim *s, struct cps_err *err)
{
	struct shim_bundle bundle = { .terminal = false };
	uint64_t uid = 0;
	uint64_t gid = 0;
	int rc;

	if (!cps_json_get(past->record, "uid")) {
		if (shim_bundle_load(s->dir_path, &bundle, err) == 0) {
			s->ct.uid = bundle.uid;
			s->ct.gid = bundle.gid;
		}
		return 0;
	}
	rc = number_get(past->record, "uid", UINT32_MAX, &uid, err);
	if (rc == 0)
		rc = number_get(past->record, "gid", UINT32_MAX, &gid, err);
	s->ct.uid = (uid_t)uid;
	s->ct.gid = (gid_t)gid;
	return rc;
}

static int parameters_get(const struct cps_json *o, struct shim *s, struct cps_err *err)
{
	struct shim_container *ct = &s->ct;
	cleanup_free char *log_path = NULL;
	uint64_t stop_signal = SIGTERM;
	uint64_t jobs_max = SHIM_JOBS_DEFAULT;
	int rc = text_copy(cps_json_get(o, "bundle"), &ct->bundle, err);

	if (asprintf(&log_path, "%s/log", s->dir_path) < 0) {
		log_path = NULL;
		return cps_fail(err, ENOMEM, "adopt");
	}
	if (rc == 0)
		rc = flag_get(o, "stdin", &ct->want_stdin, err);
	if (rc == 0)
		rc = flag_get(o, "stdio_given", &ct->stdio_given, err);
	if (rc == 0)
		rc = shim_log_config_parse(cps_json_get(o, "log"), log_path, &ct->log, err);
	if (rc == 0)
		rc = number_get(o, "stop_signal", _NSIG - 1, &stop_signal, err);
	if (rc == 0)
		rc = number_get(o, "stop_timeout_ms", INT32_MAX, &ct->stop_timeout_ms, err);
	if (rc == 0)
		rc = number_get(o, "jobs_max", SHIM_JOBS_MOST, &jobs_max, err);
	if (rc == 0)
		rc = number_get(o, "stop_at_ms", INT64_MAX, &ct->stop_at, err);
	if (rc == 0)
		rc = shim_exit_command_parse(cps_json_get(o, "exit_command"), &ct->exit_command,
					     err);
	if (rc == 0)
		rc = flag_get(o, "exit_command_run", &ct->exit_command_run, err);
	if (rc == 0)
		rc = shim_health_load(s, cps_json_get(o, "health"), &ct->health, err);
	ct->stop_signal = (int)stop_signal;
	ct->jobs_max = (unsigned)jobs_max;
	return rc;
}

/* The next directory of the runtime's record: its controllers, and its path in buf. */
static const struct cps_json *cgroup_next(const struct shim_past *past, const struct cps_json *at,
					  const char **ret_controllers, char *buf, size_t size)
{
	const struct cps_json *dirs = cps_json_get(cps_json_get(past->state, "cgroup"), "dirs");
	const char *mount;
	const char *path;
	struct cps_err err;

	for (at = at ? at->next : dirs ? dirs->first : NULL; at; at = at->next) {
		if (cps_json_str(cps_json_get(at, "controllers"), ret_controllers, &err) == 0 &&
		    cps_json_str(cps_json_get(at, "mount"), &mount, &err) == 0 &&
		    cps_json_str(cps_json_get(at, "path"), &path, &err) == 0 &&
		    snprintf(buf, size, "%s%s", mount, path) < (int)size)
			return at;
	}
	return NULL;
}

/* Is one of "cpu,cpuacct" */
static bool is_listed(const char *controllers, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(controllers, name); at; at = strstr(at + 1, name)) {
		if ((at == controllers || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

bool shim_past_memory_events(const struct shim_past *past, char *buf, size_t size)
{
	const struct cps_json *at = NULL;
	const char *controllers;
	const char *text = "";
	char path[PATH_MAX];
	struct cps_err err;

	/* Once the runtime has answered, that is what counts. */
	if (cps_json_get(past->record, "memory_events") || strcmp(past->phase, "creating") != 0) {
		if (cps_json_str(cps_json_get(past->record, "memory_events"), &text, &err) < 0)
			return false;
		return snprintf(buf, size, "%s", text) < (int)size;
	}
	while ((at = cgroup_next(past, at, &controllers, path, sizeof(path))) != NULL) {
		bool v2 = controllers[0] == '\0';

		if ((v2 || is_listed(controllers, "memory")) &&
		    snprintf(buf, size, "%s/%s", path,
			     v2 ? "memory.events" : "memory.oom_control") < (int)size)
			return access(buf, F_OK) == 0;
	}
	return false;
}

static void cgroups_format(const struct shim_past *past, struct cps_jsonw *w)
{
	const struct cps_json *at = NULL;
	const char *controllers;
	char path[PATH_MAX];

	cps_jsonw_open(w, NULL, '{');
	while ((at = cgroup_next(past, at, &controllers, path, sizeof(path))) != NULL) {
		cleanup_free char *names = strdup(controllers[0] ? controllers : "unified");
		char *save = NULL;

		for (char *one = names ? strtok_r(names, ",", &save) : NULL; one;
		     one = strtok_r(NULL, ",", &save))
			cps_jsonw_str(w, one, path);
	}
	cps_jsonw_close(w, '}');
}

static int cgroups_get(const struct shim_past *past, struct shim_container *ct, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(past->record, "cgroups");
	struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	if (!node && !cps_json_get(past->state, "cgroup"))
		return 0;
	cps_jsonw_init(&w, &b, false);
	if (node)
		cps_jsonw_node(&w, NULL, node);
	else
		cgroups_format(past, &w);
	if (b.failed) {
		cps_buf_done(&b);
		return cps_fail(err, ENOMEM, "adopt");
	}
	ct->cgroups = b.data;
	return 0;
}

static int made_get(const struct shim_past *past, struct shim *s, struct cps_err *err)
{
	const struct cps_json *o = past->record;
	struct shim_container *ct = &s->ct;
	int rc = flag_get(past->state, "terminal", &ct->terminal, err);

	if (rc == 0)
		rc = flag_get(past->state, "poststart", &ct->poststart, err);
	if (rc == 0)
		rc = time_get(past->state, "created", &ct->created_at, err);
	if (rc < 0)
		return cps_wrap(err, rc, "state.json");
	rc = flag_get(o, "terminal", &ct->terminal, err);
	if (rc == 0)
		rc = owner_get(past, s, err);
	if (rc == 0)
		rc = time_get(o, "created_at", &ct->created_at, err);
	if (rc == 0)
		rc = time_get(o, "started_at", &ct->started_at, err);
	if (rc == 0)
		rc = cgroups_get(past, ct, err);
	ct->init_start = past->init.start_time;
	return rc;
}

int shim_past_apply(const struct shim_past *past, struct shim *s, struct cps_err *err)
{
	int rc = parameters_get(past->record, s, err);

	if (rc == 0)
		rc = made_get(past, s, err);
	return cps_wrap(err, rc, "shim.json");
}
