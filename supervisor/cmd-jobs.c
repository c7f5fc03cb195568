/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule jobs: what `exec` has started in a container.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "jobs.h"
#include "list.h"
#include "name.h"
#include "own.h"
#include "table.h"

static const char *text_of(const struct cps_json *job, const char *key)
{
	const char *text = "-";
	struct cps_err ignored;

	if (cps_json_get(job, key))
		(void)cps_json_str(cps_json_get(job, key), &text, &ignored);
	return text;
}

static void command_add(struct cps_table *t, const struct cps_json *args)
{
	cleanup_buf struct cps_buf line = CPS_BUF_INIT;

	for (const struct cps_json *a = args ? args->first : NULL; a; a = a->next) {
		if (line.len)
			cps_buf_puts(&line, " ");
		cps_buf_add(&line, a->text ? a->text : "?", a->text ? a->len : 1);
	}
	cps_table_add(t, line.data);
}

static void job_add(struct cps_table *t, const struct cps_json *job)
{
	const struct cps_json *exit = cps_json_get(job, "exit");
	struct cps_err ignored;
	int64_t pid = 0;
	int code = sup_exit_object_code(exit);

	(void)cps_json_i64(cps_json_get(job, "pid"), 0, INT32_MAX, &pid, &ignored);
	cps_table_add(t, text_of(job, "exec"));
	cps_table_addf(t, "%d", (int)pid);
	cps_table_add(t, strcmp(text_of(job, "status"), "running") == 0 ? "Running" : "Exited");
	if (code < 0)
		cps_table_add(t, exit ? "unknown" : "-");
	else
		cps_table_addf(t, "%d", code);
	cps_table_add(t, text_of(job, "started_at"));
	command_add(t, cps_json_get(job, "args"));
}

static void table_print(const struct cps_json *jobs)
{
	static const char *const heading[] = {
		"JOB", "PID", "STATUS", "EXIT", "STARTED", "COMMAND"
	};
	const unsigned columns = sizeof(heading) / sizeof(heading[0]);
	struct cps_table t;

	cps_table_init(&t, columns);
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&t, heading[i]);
	for (const struct cps_json *job = jobs->first; job; job = job->next)
		job_add(&t, job);
	cps_table_print(&t, stdout);
	cps_table_done(&t);
}

static int json_print(const struct cps_json *jobs, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_node(&w, NULL, jobs);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "print the jobs");
	puts(buf.data);
	return 0;
}

/* From its shim; one that has ended and has none any more is read from its files. */
static int jobs_find(const struct sup_ctx *ctx, const char *id, struct sup_client *client,
		     const struct cps_json **ret, struct cps_err *err)
{
	struct sup_container c = { 0 };
	cleanup_fd int rootfd = -1;
	char what[80];
	int rc;

	(void)snprintf(what, sizeof(what), "jobs %.64s", id);
	rc = sup_connect(ctx, id, &c, client, err);
	if (rc == 0)
		rc = sup_jobs_get(ctx, what, &c, client, ret, err);
	if (rc == 0 || client->sock >= 0 || !c.id || c.status != SUP_STATUS_STOPPED)
		return rc;
	rootfd = sup_store_open(ctx->root, err);
	return rootfd < 0 ? rootfd : sup_jobs_read(rootfd, id, &client->arena, ret, err);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_args struct sup_args args = { 0 };
	const struct cps_json *jobs = NULL;
	enum sup_list_format format;
	const char *text = NULL;
	bool quiet = false;
	const struct cps_opt table[] = {
		{ "quiet", 'q', CPS_OPT_FLAG, &quiet, NULL, "ids only" },
		{ "format", 0, CPS_OPT_STR, &text, "FORMAT", "table (default) or json" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_list_format_parse(text, &format, err);
	if (rc == 0)
		rc = jobs_find(ctx, sup_name_id(ctx, args.v[0]), &client, &jobs, err);
	if (rc < 0)
		return cps_wrap(err, rc, "jobs %.64s", args.v[0]);
	if (quiet)
		for (const struct cps_json *job = jobs ? jobs->first : NULL; job; job = job->next)
			puts(text_of(job, "exec"));
	else if (format == SUP_LIST_JSON)
		rc = json_print(jobs, err);
	else
		table_print(jobs);
	return rc;
}

const struct sup_command sup_cmd_jobs = {
	.name = "jobs",
	.usage = "[-q] [--format table|json] ID",
	.summary = "Lists what `exec` has started in a container",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
