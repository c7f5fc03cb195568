/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim.json and the pid file, see record.h.
 */
#include <config.h>
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "health.h"
#include "own.h"
#include "proto.h"
#include "shim.h"

#define RECORD_FILE "shim.json"

static void time_write(struct cps_jsonw *w, const char *key, const struct timespec *t)
{
	char at[CPS_TIME_SIZE];

	if (t->tv_sec == 0)
		return;
	cps_time_format(t, true, at);
	cps_jsonw_str(w, key, at);
}

static void parameters_write(const struct shim_container *ct, struct cps_jsonw *w)
{
	cps_jsonw_str(w, "bundle", ct->bundle);
	cps_jsonw_bool(w, "stdin", ct->want_stdin);
	if (ct->stdio_given)
		cps_jsonw_bool(w, "stdio_given", true);
	shim_log_config_format(&ct->log, w, "log");
	cps_jsonw_i64(w, "stop_signal", ct->stop_signal);
	cps_jsonw_u64(w, "stop_timeout_ms", ct->stop_timeout_ms);
	cps_jsonw_u64(w, "jobs_max", ct->jobs_max);
	if (ct->exit_command) {
		cps_jsonw_raw(w, "exit_command", ct->exit_command);
		cps_jsonw_bool(w, "exit_command_run", ct->exit_command_run);
	}
	shim_health_record(ct->health, w);
}

static void made_write(const struct shim_container *ct, struct cps_jsonw *w)
{
	cps_jsonw_bool(w, "terminal", ct->terminal);
	cps_jsonw_u64(w, "uid", ct->uid);
	cps_jsonw_u64(w, "gid", ct->gid);
	cps_jsonw_bool(w, "poststart", ct->poststart);
	if (ct->init.listed) {
		cps_jsonw_open(w, "init", '{');
		cps_jsonw_i64(w, "pid", ct->init.pid);
		cps_jsonw_u64(w, "start_time", ct->init_start);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_str(w, "memory_events", ct->oom.path);
	cps_jsonw_u64(w, "oom_first", ct->oom.first);
	if (ct->cgroups)
		cps_jsonw_raw(w, "cgroups", ct->cgroups);
	time_write(w, "created_at", &ct->created_at);
	time_write(w, "started_at", &ct->started_at);
	if (ct->stop_at > 0)
		cps_jsonw_u64(w, "stop_at_ms", ct->stop_at);
}

int shim_record_save(struct shim *s, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "pid", getpid());
	cps_jsonw_u64(&w, "start_time", s->start_time);
	cps_jsonw_str(&w, "boot_id", s->boot_id[0] ? s->boot_id : NULL);
	cps_jsonw_str(&w, "version", PACKAGE_VERSION);
	cps_jsonw_i64(&w, "protocol", CPS_PROTOCOL);
	cps_jsonw_str(&w, "phase", shim_machine_state_name(&s->machine));
	parameters_write(&s->ct, &w);
	made_write(&s->ct, &w);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&b, "\n");
	if (b.failed)
		return cps_fail(err, ENOMEM, "%s", RECORD_FILE);
	return cps_wrap(err, cps_file_replace(s->dir, RECORD_FILE, b.data, b.len, 0600, err), "%s",
			RECORD_FILE);
}

void shim_record_update(struct shim *s)
{
	struct cps_err err;

	if (shim_record_save(s, &err) < 0)
		shim_note(&s->note, "%s; a successor will know less", err.msg);
}

int shim_pid_file_write(const char *path, pid_t pid, struct cps_err *err)
{
	const char *name = strrchr(path, '/') + 1; /* absolute: there is one */
	cleanup_free char *folder = strndup(path, (size_t)(name - path));
	cleanup_fd int dir = -1;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (!folder)
		return cps_fail(err, ENOMEM, "pid file '%s'", path);
	dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cps_fail(err, errno, "pid file '%s'", path);
	return cps_wrap(err, cps_file_replace(dir, name, text, (size_t)n, 0644, err),
			"pid file '%s'", path);
}
