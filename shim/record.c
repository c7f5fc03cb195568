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

#include "file.h"
#include "own.h"
#include "proto.h"
#include "shim.h"

#define RECORD_FILE "shim.json"

int shim_record_save(struct shim *s, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "pid", getpid());
	cps_jsonw_u64(&w, "start_time", s->start_time);
	cps_jsonw_str(&w, "version", PACKAGE_VERSION);
	cps_jsonw_i64(&w, "protocol", CPS_PROTOCOL);
	cps_jsonw_str(&w, "bundle", s->ct.bundle);
	shim_log_config_format(&s->ct.log, &w, "log");
	cps_jsonw_i64(&w, "stop_signal", s->ct.stop_signal);
	cps_jsonw_u64(&w, "stop_timeout_ms", s->ct.stop_timeout_ms);
	cps_jsonw_u64(&w, "jobs_max", s->ct.jobs_max);
	cps_jsonw_str(&w, "memory_events", s->ct.oom.path);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&b, "\n");
	if (b.failed)
		return cps_fail(err, ENOMEM, "%s", RECORD_FILE);
	return cps_wrap(err, cps_file_replace(s->dir, RECORD_FILE, b.data, b.len, 0600, err), "%s",
			RECORD_FILE);
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
