/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs, asked for or read from <id>/exec/<job>/{job.json,exit.json}.
 */
#include <config.h>

#include "jobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "own.h"
#include "proto.h"

#define FILE_MAX (1 << 20)
#define JOBS_MAX 10000 /* that a shim remembers at the most */

int sup_jobs_get(const struct sup_ctx *ctx, const char *what, struct sup_container *c,
		 struct sup_client *client, const struct cps_json **ret, struct cps_err *err)
{
	const struct sup_question q = { what, CPS_OP_JOBS, NULL, NULL, SUP_HELLO_MS };
	const struct cps_json *ok = NULL, *jobs;
	int rc = sup_ask(ctx, &q, c, client, &ok, err);

	if (rc < 0)
		return rc;
	jobs = cps_json_get(ok, "jobs");
	rc = cps_json_want(jobs, CPS_JSON_ARRAY, err);
	if (rc == 0)
		*ret = jobs;
	return rc;
}

/* NULL if it is missing or damaged. */
static const struct cps_json *object_read(int dir, const char *name, struct cps_arena *a)
{
	const struct cps_json *obj = NULL;
	struct cps_err ignored;

	return cps_json_load(a, dir, name, FILE_MAX, &obj, &ignored) < 0 ? NULL : obj;
}

static int exec_open(int rootfd, const char *id)
{
	char path[80];

	(void)snprintf(path, sizeof(path), "%.64s/exec", id);
	return openat(rootfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int sup_job_exit(int rootfd, const char *id, const char *exec, struct cps_arena *a,
		 const struct cps_json **ret, struct cps_err *err)
{
	cleanup_fd int jobs = exec_open(rootfd, id);
	cleanup_fd int dir = -1;

	if (jobs >= 0 && cps_is_name(exec))
		dir = openat(jobs, exec, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return cps_failx(err, ENOENT, "no such job: '%.60s'", exec);
	*ret = object_read(dir, "exit.json", a);
	return 0;
}

/* What docs/protocol.md calls an exec object. One without an exit record ended with the container,
 * or its shim died first. */
static void job_write(struct cps_jsonw *w, const char *exec, const struct cps_json *job,
		      const struct cps_json *exit)
{
	static const char *const same[] = {
		"pid", "detach", "terminal", "args", "started_at", "log"
	};

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "exec", exec);
	cps_jsonw_str(w, "status", "exited");
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (cps_json_get(job, same[i]))
			cps_jsonw_node(w, same[i], cps_json_get(job, same[i]));
	sup_exit_write_record(exit, w);
	cps_jsonw_close(w, '}');
}

struct job {
	const char *id;
	const char *since; /* RFC 3339 */
	const struct cps_json *job;
	const struct cps_json *exit;
};

static int newer_first(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	return strcmp(y->since, x->since);
}

static size_t dir_read(DIR *d, struct cps_arena *a, struct job *jobs)
{
	struct cps_err ignored;
	struct dirent *e;
	size_t n = 0;

	while (n < JOBS_MAX && (e = readdir(d)) != NULL) {
		cleanup_fd int dir = -1;
		struct job j = { .since = "" };

		if (!cps_is_name(e->d_name))
			continue;
		dir = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0)
			continue;
		j.id = cps_arena_strdup(a, e->d_name);
		j.job = object_read(dir, "job.json", a);
		j.exit = object_read(dir, "exit.json", a);
		if (cps_json_get(j.job, "started_at"))
			(void)cps_json_str(cps_json_get(j.job, "started_at"), &j.since, &ignored);
		if (j.id)
			jobs[n++] = j;
	}
	qsort(jobs, n, sizeof(*jobs), newer_first);
	return n;
}

int sup_jobs_read(int rootfd, const char *id, struct cps_arena *a, const struct cps_json **ret,
		  struct cps_err *err)
{
	cleanup_free struct job *jobs = calloc(JOBS_MAX, sizeof(*jobs));
	cleanup_buf struct cps_buf text = CPS_BUF_INIT;
	cleanup_dir DIR *d = NULL;
	struct cps_jsonw w;
	size_t n = 0;
	int fd = exec_open(rootfd, id);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		(void)close(fd);
	if (!jobs || (!d && errno != ENOENT))
		return cps_fail(err, jobs ? errno : ENOMEM, "read its jobs");
	if (d)
		n = dir_read(d, a, jobs);
	cps_jsonw_init(&w, &text, false);
	cps_jsonw_open(&w, NULL, '[');
	for (size_t i = 0; i < n; i++)
		job_write(&w, jobs[i].id, jobs[i].job, jobs[i].exit);
	cps_jsonw_close(&w, ']');
	if (text.failed)
		return cps_fail(err, ENOMEM, "read its jobs");
	return cps_json_parse(a, text.data, text.len, ret, err);
}
