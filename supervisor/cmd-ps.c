/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule ps: the processes of a container; without an id, the containers.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include "adopt.h"
#include "command.h"
#include "list.h"
#include "name.h"
#include "own.h"
#include "processes.h"
#include "store.h"
#include "table.h"

static void table_row(struct cps_table *t, const struct sup_process *p)
{
	cps_table_addf(t, "%d", (int)p->pid);
	cps_table_addf(t, "%d", (int)p->ppid);
	cps_table_addf(t, "%u", (unsigned)p->uid);
	cps_table_addf(t, "%c", p->state);
	cps_table_addf(t, "%" PRIu64 ":%02" PRIu64, p->cpu_seconds / 60, p->cpu_seconds % 60);
	cps_table_add(t, p->command);
}

static void json_row(struct cps_jsonw *w, const struct sup_process *p)
{
	char state[2] = { p->state, '\0' };

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_i64(w, "pid", p->pid);
	cps_jsonw_i64(w, "ppid", p->ppid);
	cps_jsonw_u64(w, "uid", p->uid);
	cps_jsonw_str(w, "state", state);
	cps_jsonw_u64(w, "cpu_seconds", p->cpu_seconds);
	cps_jsonw_str(w, "command", p->command);
	cps_jsonw_close(w, '}');
}

static void print(struct cps_arena *a, const pid_t *pids, size_t n, enum sup_list_format format)
{
	static const char *const heading[] = { "PID", "PPID", "UID", "STATE", "TIME", "COMMAND" };
	const unsigned columns = sizeof(heading) / sizeof(heading[0]);
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_table t;
	struct cps_jsonw w;

	cps_table_init(&t, columns);
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '[');
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&t, heading[i]);
	for (size_t i = 0; i < n; i++) {
		struct sup_process p;

		if (sup_process_describe(pids[i], a, &p) < 0)
			continue; /* it has ended */
		table_row(&t, &p);
		json_row(&w, &p);
	}
	cps_jsonw_close(&w, ']');
	if (format == SUP_LIST_JSON)
		puts(buf.failed ? "[]" : buf.data);
	else
		cps_table_print(&t, stdout);
	cps_table_done(&t);
}

static int processes_print(const struct sup_ctx *ctx, const char *id, enum sup_list_format format,
			   struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_fd int rootfd = -1;
	struct sup_container c;
	pid_t *pids;
	size_t n;
	int rc = sup_container_open(ctx->root, id, &arena, &rootfd, &c, err);

	if (rc == 0)
		sup_revive(ctx, rootfd, &arena, &c);
	if (rc == 0)
		rc = sup_processes_pids(&c, &arena, &pids, &n, err);
	if (rc == 0)
		print(&arena, pids, n, format);
	return rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	enum sup_list_format format;
	int rc = sup_list_args_parse(self, argc, argv, 0, 1, &args, &format, err);

	if (rc < 0 || args.done)
		return rc;
	rc = args.n ? processes_print(ctx, sup_name_id(ctx, args.v[0]), format, err)
		    : sup_list_print(ctx, format, err);
	return cps_wrap(err, rc, "ps%s%.64s", args.n ? " " : "", args.n ? args.v[0] : "");
}

const struct sup_command sup_cmd_ps = {
	.name = "ps",
	.usage = "[--format table|json] [ID]",
	.summary = "Lists a container's processes; without an id, containers",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
