/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's record, see job-record.h.
 */
#include <config.h>
#include "job-record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exec-run.h"
#include "file.h"
#include "own.h"
#include "proc.h"
#include "shim.h"

#define JOB_FILE "job.json"
#define FILE_MAX 65536

static int save(const struct shim_exec *x, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	char at[CPS_TIME_SIZE];
	uint64_t start_time = 0;
	struct cps_jsonw w;

	(void)cps_proc_start_time(x->pid, &start_time); /* 0: it cannot be found again */
	cps_time_format(&x->started_at, true, at);
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "pid", x->pid);
	cps_jsonw_u64(&w, "start_time", start_time);
	cps_jsonw_raw(&w, "args", x->args ? x->args : "[]");
	cps_jsonw_bool(&w, "terminal", x->terminal);
	cps_jsonw_str(&w, "started_at", at);
	cps_jsonw_u64(&w, "oom_kills", x->run->oom_kills);
	shim_log_config_format(&x->log, &w, "log");
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&b, "\n");
	if (b.failed)
		return cps_fail(err, ENOMEM, JOB_FILE);
	return cps_wrap(err, cps_file_replace(x->run->dir, JOB_FILE, b.data, b.len, 0600, err),
			JOB_FILE);
}

void shim_job_save(const struct shim_exec *x)
{
	struct cps_err err;

	if (save(x, &err) < 0)
		shim_note(&x->shim->note, "exec %s: %s; a successor will not know it", x->id,
			  err.msg);
}

/* ---- and back ---- */

static int args_get(struct shim_exec *x, const struct cps_json *node, struct cps_err *err)
{
	if (!node)
		return 0;
	x->args = cps_json_text(node);
	return x->args ? 0 : cps_fail(err, ENOMEM, JOB_FILE);
}

static int log_get(struct shim_exec *x, const struct cps_json *node, struct cps_err *err)
{
	cleanup_free char *path = NULL;

	if (asprintf(&path, "%s/exec/%s/log", x->shim->dir_path, x->id) < 0) {
		path = NULL;
		return cps_fail(err, ENOMEM, JOB_FILE);
	}
	return shim_log_config_parse(node, path, &x->log, err);
}

static int record_get(struct shim_exec *x, const struct cps_json *o, struct shim_identity *process,
		      uint64_t *oom_kills, struct cps_err *err)
{
	const char *at = "";
	int64_t pid = 0;
	int rc = cps_json_i64(cps_json_get(o, "pid"), 1, INT32_MAX, &pid, err);

	if (rc == 0)
		rc = cps_json_u64(cps_json_get(o, "start_time"), UINT64_MAX, &process->start_time,
				  err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(o, "terminal"), &x->terminal, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(o, "started_at"), &at, err);
	if (rc == 0 && cps_time_parse(at, &x->started_at) < 0)
		rc = cps_json_fail(cps_json_get(o, "started_at"), EINVAL, err, "'%s' is no time",
				   at);
	if (rc == 0)
		rc = cps_json_u64(cps_json_get(o, "oom_kills"), UINT64_MAX, oom_kills, err);
	if (rc == 0)
		rc = args_get(x, cps_json_get(o, "args"), err);
	if (rc == 0)
		rc = log_get(x, cps_json_get(o, "log"), err);
	process->pid = (pid_t)pid;
	x->pid = (pid_t)pid;
	return rc;
}

int shim_job_load(struct shim_exec *x, int dir, struct shim_identity *ret_process,
		  uint64_t *ret_oom_kills, bool *ret_over, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *job = NULL;
	bool early = false;
	int rc = shim_exit_load(dir, &x->exit, &early, err);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	x->has_exit = rc == 0;
	*ret_over = x->has_exit && !early;
	rc = cps_json_load(&arena, dir, JOB_FILE, FILE_MAX, &job, err);
	if (rc == 0)
		return cps_wrap(err, record_get(x, job, ret_process, ret_oom_kills, err), JOB_FILE);
	if (rc != -ENOENT)
		return rc;
	rc = log_get(x, NULL, err);
	return rc < 0 ? rc : -ENOENT;
}
