/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of `create`, see params.h.
 */
#include <config.h>
#include "params.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit-command.h"
#include "health.h"
#include "own.h"
#include "shim.h"

#define STOP_TIMEOUT_DEFAULT 10000
#define USER_MAX	     512

static int path_parse(const struct cps_json *node, char **ret, struct cps_err *err)
{
	const char *path;
	int rc = node ? cps_json_str(node, &path, err)
		      : cps_failx(err, EINVAL, "create: 'bundle' is missing");

	if (rc < 0)
		return rc;
	if (path[0] != '/')
		return cps_json_fail(node, EINVAL, err, "'%s' is not an absolute path", path);
	*ret = strdup(path);
	return *ret ? 0 : cps_fail(err, ENOMEM, "create");
}

/* Who that is the runtime finds out, in the container's own files. */
static int user_parse(const struct cps_json *node, char **ret, struct cps_err *err)
{
	const char *text;
	int rc = cps_json_str(node, &text, err);

	if (rc < 0)
		return rc;
	if (!text[0] || strlen(text) > USER_MAX)
		return cps_json_fail(node, EINVAL, err, "a user has 1 to %d bytes", USER_MAX);
	*ret = strdup(text);
	return *ret ? 0 : cps_fail(err, ENOMEM, "create");
}

static int stdin_parse(const struct cps_json *node, bool *ret, struct cps_err *err)
{
	const char *kind = "null";
	int rc = node ? cps_json_str(node, &kind, err) : 0;

	if (rc < 0)
		return rc;
	if (strcmp(kind, "null") != 0 && strcmp(kind, "fifo") != 0)
		return cps_json_fail(node, EINVAL, err, "expected \"null\" or \"fifo\"");
	*ret = strcmp(kind, "fifo") == 0;
	return 0;
}

static int bool_parse(const struct cps_json *body, const char *key, bool *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(body, key);

	return node ? cps_wrap(err, cps_json_bool(node, ret, err), "%s", key) : 0;
}

static int number_parse(const struct cps_json *body, const char *key, int64_t min, int64_t max,
			int64_t *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(body, key);

	return node ? cps_json_i64(node, min, max, ret, err) : 0;
}

int shim_params_parse(struct shim *s, const struct cps_json *body, struct cps_err *err)
{
	struct shim_container *ct = &s->ct;
	cleanup_free char *log_path = NULL;
	int64_t stop_signal = SIGTERM;
	int64_t stop_timeout = STOP_TIMEOUT_DEFAULT;
	int64_t jobs_max = SHIM_JOBS_DEFAULT;
	int rc;

	if (asprintf(&log_path, "%s/log", s->dir_path) < 0) {
		log_path = NULL;
		return cps_fail(err, ENOMEM, "create");
	}
	rc = path_parse(cps_json_get(body, "bundle"), &ct->bundle, err);
	if (rc == 0 && cps_json_get(body, "cgroup_parent"))
		rc = path_parse(cps_json_get(body, "cgroup_parent"), &ct->cgroup_parent, err);
	if (rc == 0 && cps_json_get(body, "systemd"))
		rc = path_parse(cps_json_get(body, "systemd"), &ct->systemd, err);
	if (rc == 0)
		rc = bool_parse(body, "no_pivot", &ct->no_pivot, err);
	if (rc == 0)
		rc = bool_parse(body, "no_new_keyring", &ct->no_new_keyring, err);
	if (rc == 0 && cps_json_get(body, "pid_file"))
		rc = path_parse(cps_json_get(body, "pid_file"), &ct->pid_file, err);
	if (rc == 0 && cps_json_get(body, "user"))
		rc = user_parse(cps_json_get(body, "user"), &ct->user, err);
	if (rc == 0)
		rc = stdin_parse(cps_json_get(body, "stdin"), &ct->want_stdin, err);
	if (rc == 0)
		rc = number_parse(body, "stop_signal", 1, _NSIG - 1, &stop_signal, err);
	if (rc == 0)
		rc = number_parse(body, "stop_timeout_ms", 0, INT32_MAX, &stop_timeout, err);
	if (rc == 0)
		rc = number_parse(body, "jobs_max", 0, SHIM_JOBS_MOST, &jobs_max, err);
	if (rc == 0)
		rc = shim_log_config_parse(cps_json_get(body, "log"), log_path, &ct->log, err);
	if (rc == 0)
		rc = shim_exit_command_parse(cps_json_get(body, "exit_command"), &ct->exit_command,
					     err);
	if (rc == 0)
		rc = shim_health_parse(s, cps_json_get(body, "health"), &ct->health, err);
	ct->stop_signal = (int)stop_signal;
	ct->stop_timeout_ms = (uint64_t)stop_timeout;
	ct->jobs_max = (unsigned)jobs_max;
	return rc;
}
