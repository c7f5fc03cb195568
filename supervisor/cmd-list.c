/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule list: all containers, from their files. One whose shim has died gets a new one, and no
 * other shim is asked.
 */
#include <config.h>

#include "list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adopt.h"
#include "attach.h"
#include "command.h"
#include "name.h"
#include "own.h"
#include "store.h"
#include "table.h"

#define NO_ADDRESS "-"
#define NO_NAME	   "-"

static void table_row(struct cps_table *t, const struct sup_container *c, const char *address,
		      const char *name)
{
	cps_table_add(t, c->id);
	cps_table_addf(t, "%d", sup_has_process(c) ? (int)c->init.pid : 0);
	cps_table_addf(t, "%s%s", sup_status_title(c->status),
		       sup_exit_is_unknown(c) ? "(unknown)" : "");
	cps_table_add(t, address ? address : NO_ADDRESS);
	cps_table_add(t, c->bundle ? c->bundle : "-");
	cps_table_add(t, c->created ? c->created : "-");
	if (name)
		cps_table_add(t, *name ? name : NO_NAME);
}

static void json_row(struct cps_jsonw *w, const struct sup_container *c, const char *address,
		     const char *name)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "id", c->id);
	cps_jsonw_str(w, "name", *name ? name : NULL);
	cps_jsonw_i64(w, "pid", sup_has_process(c) ? c->init.pid : 0);
	cps_jsonw_str(w, "status", sup_status_name(c->status));
	cps_jsonw_str(w, "ip", address);
	cps_jsonw_str(w, "bundle", c->bundle);
	cps_jsonw_str(w, "created", c->created);
	if (c->broken)
		cps_jsonw_str(w, "reason", c->broken);
	(void)sup_exit_write(c, w);
	cps_jsonw_close(w, '}');
}

struct listing {
	const struct sup_ctx *ctx;
	enum sup_list_format format;
	bool with_names; /* a column for them: there is one */
	struct cps_table table;
	struct cps_buf buf;
	struct cps_jsonw w;
	struct net net; /* fd -1: nobody is on any */
};

static void listing_open(struct listing *l)
{
	static const char *const heading[] = { "ID",	 "PID",	    "STATUS", "IP",
					       "BUNDLE", "CREATED", "NAME" };
	const unsigned columns = sizeof(heading) / sizeof(heading[0]) - !l->with_names;

	cps_table_init(&l->table, columns);
	for (unsigned i = 0; i < columns; i++)
		cps_table_add(&l->table, heading[i]);
	cps_jsonw_init(&l->w, &l->buf, true);
	cps_jsonw_open(&l->w, NULL, '[');
}

static void listing_add(struct listing *l, const struct sup_container *c)
{
	char buf[NET_ADDR_SIZE], name[SUP_NAME_SIZE];
	const char *address = NULL;

	if ((l->format == SUP_LIST_TABLE || l->format == SUP_LIST_JSON) && l->net.fd >= 0 &&
	    net_address(&l->net, c->id, buf, sizeof(buf)) == 0)
		address = buf;
	(void)sup_name_of(l->ctx, c->id, name);
	switch (l->format) {
	case SUP_LIST_TABLE:
		table_row(&l->table, c, address, l->with_names ? name : NULL);
		break;
	case SUP_LIST_JSON:
		json_row(&l->w, c, address, name);
		break;
	case SUP_LIST_NAMES:
		if (*name)
			puts(name);
		puts(c->id);
		break;
	case SUP_LIST_QUIET:
		puts(c->id);
		break;
	}
}

static int listing_close(struct listing *l, struct cps_err *err)
{
	bool failed;

	cps_jsonw_close(&l->w, ']');
	failed = l->buf.failed;
	if (l->format == SUP_LIST_TABLE)
		cps_table_print(&l->table, stdout);
	else if (l->format == SUP_LIST_JSON && !failed)
		puts(l->buf.data);
	cps_table_done(&l->table);
	cps_buf_done(&l->buf);
	net_done(&l->net);
	return failed ? cps_fail(err, ENOMEM, "list containers") : 0;
}

static void warn(const char *id, const struct cps_err *why)
{
	fprintf(stderr, "capsule: list: %s: no new shim: %s\n", id, why->msg);
}

int sup_list_print(const struct sup_ctx *ctx, enum sup_list_format format, struct cps_err *err)
{
	cleanup_arena struct cps_arena names = CPS_ARENA_INIT;
	cleanup_fd int rootfd = sup_store_open(ctx->root, err);
	struct listing l = { .ctx = ctx, .format = format, .net = NET_INIT };
	char name[SUP_NAME_SIZE];
	const char **ids = NULL;
	size_t n = 0;
	int rc = 0;

	if (rootfd < 0 && rootfd != -ENOENT)
		return rootfd;
	if (rootfd >= 0)
		rc = sup_store_list(rootfd, &names, &ids, &n, err);
	if (rc < 0)
		return rc;
	if (n)
		sup_adopt_all(ctx, rootfd, ids, n, warn);
	for (size_t i = 0; format == SUP_LIST_TABLE && i < n && !l.with_names; i++)
		l.with_names = sup_name_of(ctx, ids[i], name);
	listing_open(&l);
	if (n)
		(void)net_open(ctx->data_root, false, &l.net, err); /* no networks, no addresses */
	for (size_t i = 0; i < n; i++) {
		cleanup_arena struct cps_arena one = CPS_ARENA_INIT;
		struct sup_container c;

		/* one that is deleted meanwhile is no longer on the list */
		if (sup_container_load(rootfd, ids[i], &one, &c, err) == 0)
			listing_add(&l, &c);
	}
	return listing_close(&l, err);
}

int sup_list_format_parse(const char *text, enum sup_list_format *ret, struct cps_err *err)
{
	if (!text || strcmp(text, "table") == 0)
		*ret = SUP_LIST_TABLE;
	else if (strcmp(text, "json") == 0)
		*ret = SUP_LIST_JSON;
	else
		return cps_failx(err, EINVAL, "--format: '%.40s' is neither table nor json", text);
	return 0;
}

int sup_list_args_parse(const struct sup_command *self, int argc, char **argv, int min, int max,
			struct sup_args *ret_args, enum sup_list_format *ret_format,
			struct cps_err *err)
{
	const char *text = NULL;
	const struct cps_opt table[] = {
		{ "format", 0, CPS_OPT_STR, &text, "FORMAT", "table (default) or json" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, min, max, ret_args, err);

	if (rc < 0 || ret_args->done)
		return rc;
	return cps_wrap(err, sup_list_format_parse(text, ret_format, err), "%s", self->name);
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *text = NULL;
	bool quiet = false, names = false;
	enum sup_list_format format;
	const struct cps_opt table[] = {
		{ "quiet", 'q', CPS_OPT_FLAG, &quiet, NULL, "ids only" },
		{ "names", 0, CPS_OPT_FLAG, &names, NULL, "ids, and the names besides them" },
		{ "format", 0, CPS_OPT_STR, &text, "FORMAT", "table (default) or json" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_list_format_parse(text, &format, err);
	if (rc == 0)
		rc = sup_list_print(ctx,
				    names   ? SUP_LIST_NAMES
				    : quiet ? SUP_LIST_QUIET
					    : format,
				    err);
	return cps_wrap(err, rc, "list");
}

const struct sup_command sup_cmd_list = {
	.name = "list",
	.alias = "ls",
	.usage = "[-q | --names] [--format table|json]",
	.summary = "Lists containers",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
