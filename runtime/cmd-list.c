/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: the containers below --root.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "names.h"
#include "own.h"
#include "table.h"

struct listing {
	const char *format;
	bool quiet;
	struct cps_table table;
	struct cps_buf buf;
	struct cps_jsonw w;
};

static void add_row(struct listing *l, const char *id, const struct rt_container *c)
{
	bool is_there = c->dir >= 0;
	const char *status = is_there ? rt_status_names[c->status] : "broken";
	pid_t pid = c->pidfd >= 0 ? c->state.pid : 0;
	const char *bundle = is_there ? c->state.bundle : "";
	const char *created = is_there ? c->state.created : "";
	/* From a static binary, and with a name service that may hang: root is known. */
	const char *owner = is_there && c->state.owner == 0 ? "root" : "";

	if (l->quiet) {
		printf("%s\n", id);
		return;
	}
	if (strcmp(l->format, "json") == 0) {
		cps_jsonw_open(&l->w, NULL, '{');
		cps_jsonw_str(&l->w, "ociVersion", is_there ? c->state.oci_version : "");
		cps_jsonw_str(&l->w, "id", id);
		cps_jsonw_i64(&l->w, "pid", pid);
		cps_jsonw_str(&l->w, "status", status);
		cps_jsonw_str(&l->w, "bundle", bundle);
		cps_jsonw_str(&l->w, "rootfs", is_there ? c->state.rootfs : "");
		cps_jsonw_str(&l->w, "created", created);
		if (is_there && c->state.annotations)
			cps_jsonw_raw(&l->w, "annotations", c->state.annotations);
		cps_jsonw_str(&l->w, "owner", owner);
		cps_jsonw_close(&l->w, '}');
		return;
	}
	cps_table_add(&l->table, id);
	cps_table_addf(&l->table, "%d", pid);
	cps_table_add(&l->table, status);
	cps_table_add(&l->table, bundle);
	cps_table_add(&l->table, created);
	cps_table_add(&l->table, owner);
}

static void add_all(struct listing *l, const char *root, const struct rt_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
		cleanup_container struct rt_container c = RT_CONTAINER_INIT;
		struct cps_err why;
		int rc = rt_container_open(root, names->v[i], &arena, &c, &why);

		/* What cannot be read is named, so that it can be deleted by force. A directory
		 * without a state is the shim's, or was deleted meanwhile. */
		if (rc != -ENOENT)
			add_row(l, names->v[i], &c);
	}
}

static int cmd_list(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		    struct cps_err *err)
{
	static const char *const heading[] = {
		"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"
	};
	struct listing l = { .format = "table" };
	cleanup_free char **args = NULL;
	cleanup_names struct rt_names names = { 0 };
	const struct cps_opt table[] = {
		{ "format", 'f', CPS_OPT_STR, &l.format, "FORMAT", "table or json" },
		{ "quiet", 'q', CPS_OPT_FLAG, &l.quiet, NULL, "ids only" },
		{ 0 },
	};
	int count, rc;

	rc = rt_command_parse(&rt_cmd_list, table, argc, argv, 0, 0, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	if (strcmp(l.format, "table") != 0 && strcmp(l.format, "json") != 0)
		return cps_failx(err, EINVAL, "list: invalid format '%s'", l.format);
	/* more likely a mistake than an answer */
	if (g->root_given && access(g->root, F_OK) < 0)
		return cps_fail(err, errno, "list: --root '%s'", g->root);
	cps_table_init(&l.table, 6);
	cps_jsonw_init(&l.w, &l.buf, false);
	for (size_t i = 0; i < 6; i++)
		cps_table_add(&l.table, heading[i]);
	cps_jsonw_open(&l.w, NULL, '[');
	rc = rt_names_read(g->root, &names, err);
	if (rc == 0)
		add_all(&l, g->root, &names);
	cps_jsonw_close(&l.w, ']');
	/* runc says null for none, and its callers know that */
	if (rc == 0 && !l.quiet && strcmp(l.format, "json") == 0)
		puts(names.n ? l.buf.data : "null");
	else if (rc == 0 && !l.quiet)
		cps_table_print(&l.table, stdout);
	cps_table_done(&l.table);
	cps_buf_done(&l.buf);
	*ret_status = 0;
	return rc;
}

const struct rt_command rt_cmd_list = {
	"list", "", "List containers.", false, 1, cmd_list,
};
