/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule volume …: volumes by hand. Those that `image run -v NAME:DIR` makes are the same.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "list.h"
#include "own.h"
#include "table.h"
#include "volume.h"

static int pair_parse(const char *text, struct cps_arena *a, struct sto_pair *ret,
		      struct cps_err *err)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);

	if (len == 0)
		return cps_failx(err, EINVAL, "--label '%.60s': KEY=VALUE is wanted", text);
	ret->key = cps_arena_strndup(a, text, len);
	ret->value = equals ? equals + 1 : "";
	return ret->key ? 0 : cps_fail(err, ENOMEM, "--label");
}

static int labels_parse(const struct cps_opt_list *list, struct cps_arena *a, struct sto_pairs *ret,
			struct cps_err *err)
{
	struct sto_pair *v = cps_arena_array(a, list->count + 1, sizeof(*v));
	int rc = v ? 0 : cps_fail(err, ENOMEM, "--label");

	for (unsigned i = 0; i < list->count && rc == 0; i++)
		rc = pair_parse(list->values[i], a, &v[i], err);
	ret->v = v;
	ret->n = list->count;
	return rc;
}

/* As Docker has it, a volume that is there already is as good as one that was made. */
static int create(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		  struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_opt_list struct cps_opt_list labels = { 0 };
	cleanup_args struct sup_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	char name[STO_VOLUME_NAME];
	struct sto_pairs pairs;
	const struct cps_opt table[] = {
		{ "label", 'l', CPS_OPT_LIST, &labels, "KEY=VALUE", "label it; repeatable" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = labels_parse(&labels, &a, &pairs, err);
	if (rc == 0)
		rc = sto_open(ctx->data_root, true, &s, err);
	if (rc == 0)
		rc = sto_volume_create(&s, args.v[0], &pairs, name, err);
	if (rc == -EEXIST) {
		puts(args.v[0]);
		return 0;
	}
	if (rc == 0)
		puts(name);
	return cps_wrap(err, rc, "volume create");
}

static void json_write(struct cps_jsonw *w, const struct sto_volume *v,
		       const struct sto_volume_ref *refs, size_t n)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "name", v->name);
	cps_jsonw_str(w, "created", v->created);
	cps_jsonw_bool(w, "anonymous", v->anonymous);
	cps_jsonw_str(w, "path", v->path);
	sto_pairs_write(w, "labels", &v->labels);
	cps_jsonw_open(w, "containers", '[');
	for (size_t i = 0; i < n; i++)
		if (strcmp(refs[i].volume, v->name) == 0)
			cps_jsonw_str(w, NULL, refs[i].id);
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}

/* The volumes of these names; missing_ok: one that goes while we look is left out. */
static int print_json(const struct sto *s, const char *const *names, size_t n, bool missing_ok,
		      struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	const struct sto_volume_ref *refs = NULL;
	struct cps_jsonw w;
	size_t nrefs = 0;
	int rc = sto_volume_refs(s, &a, &refs, &nrefs, err);

	cps_jsonw_init(&w, &b, true);
	cps_jsonw_open(&w, NULL, '[');
	for (size_t i = 0; i < n && rc == 0; i++) {
		cleanup_arena struct cps_arena one = CPS_ARENA_INIT;
		struct sto_volume v;

		rc = sto_volume_load(s, names[i], &one, &v, err);
		if (rc == 0)
			json_write(&w, &v, refs, nrefs);
		else if (rc == -ENOENT && missing_ok)
			rc = 0;
	}
	cps_jsonw_close(&w, ']');
	if (rc == 0 && b.failed)
		rc = cps_fail(err, ENOMEM, "print volumes");
	if (rc == 0)
		puts(b.data);
	return rc;
}

static int print_table(const struct sto *s, const char *const *names, size_t n, struct cps_err *err)
{
	static const char *const heading[] = { "NAME", "CREATED", "USED BY", "LABELS" };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct sto_volume_ref *refs = NULL;
	struct cps_table t;
	size_t nrefs = 0;
	int rc = sto_volume_refs(s, &a, &refs, &nrefs, err);

	if (rc < 0)
		return rc;
	cps_table_init(&t, 4);
	for (size_t i = 0; i < 4; i++)
		cps_table_add(&t, heading[i]);
	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct cps_buf labels = CPS_BUF_INIT;
		struct sto_volume v;
		struct cps_err why;
		const char *user;

		rc = sto_volume_load(s, names[i], &a, &v, &why);
		if (rc < 0) {
			if (rc != -ENOENT)
				fprintf(stderr, "capsule: volume list: %s\n", why.msg);
			continue;
		}
		user = sto_volume_user(refs, nrefs, v.name);
		for (size_t j = 0; j < v.labels.n; j++)
			cps_buf_printf(&labels, "%s%s=%s", j ? "," : "", v.labels.v[j].key,
				       v.labels.v[j].value);
		cps_table_add(&t, v.name);
		cps_table_add(&t, v.created ? v.created : "-");
		cps_table_add(&t, user ? user : "-");
		cps_table_add(&t, labels.len && !labels.failed ? labels.data : "-");
	}
	cps_table_print(&t, stdout);
	cps_table_done(&t);
	return 0;
}

static int list(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_args struct sup_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	enum sup_list_format format;
	const char *text = NULL;
	const char **names = NULL;
	bool quiet = false;
	size_t n = 0;
	const struct cps_opt table[] = {
		{ "quiet", 'q', CPS_OPT_FLAG, &quiet, NULL, "names only" },
		{ "format", 0, CPS_OPT_STR, &text, "FORMAT", "table (default) or json" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_list_format_parse(text, &format, err);
	if (rc == 0)
		rc = sto_open(ctx->data_root, false, &s, err);
	if (rc == 0 || rc == -ENOENT) /* nothing is kept yet */
		rc = sto_volume_list(&s, &a, &names, &n, err);
	if (rc == 0 && quiet)
		for (size_t i = 0; i < n; i++)
			puts(names[i]);
	else if (rc == 0)
		rc = format == SUP_LIST_JSON ? print_json(&s, names, n, true, err)
					     : print_table(&s, names, n, err);
	return cps_wrap(err, rc, "volume list");
}

static int get(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_open(ctx->data_root, false, &s, err);
	if (rc == 0)
		rc = print_json(&s, (const char *const *)args.v, (size_t)args.n, false, err);
	return cps_wrap(err, rc, "volume get");
}

struct deletion {
	const struct sto *store;
	bool force;
};

static int delete_one(struct sup_ctx *ctx, const char *name, void *arg, struct cps_err *err)
{
	const struct deletion *d = arg;
	int rc = sto_volume_delete(d->store, name, err);

	(void)ctx;
	return rc == -ENOENT && d->force ? 0 : rc;
}

static int delete (struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		   struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	struct deletion d = { .store = &s };
	const struct cps_opt table[] = {
		{ "force", 'f', CPS_OPT_FLAG, &d.force, NULL, "one that is not there is no error" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_open(ctx->data_root, false, &s, err);
	return rc < 0 ? rc : sup_args_each(ctx, &args, "volume delete", delete_one, &d, err);
}

static void print_name(void *arg, const char *name)
{
	(void)arg;
	puts(name);
}

static int prune(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		 struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	bool all = false;
	const struct cps_opt table[] = {
		{ "all", 'a', CPS_OPT_FLAG, &all, NULL, "those that have a name, too" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_open(ctx->data_root, false, &s, err);
	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = sto_volume_prune(&s, all ? STO_VOLUME_ALL : STO_VOLUME_ANONYMOUS, print_name,
				      NULL, err);
	return cps_wrap(err, rc, "volume prune");
}

static const struct sup_command cmd_create = {
	.name = "volume create",
	.usage = "[-l KEY=VALUE]... [NAME]",
	.summary = "Makes a volume, and prints its name",
	.order = CPS_OPT_ANYWHERE,
	.run = create,
};

static const struct sup_command cmd_list = {
	.name = "volume list",
	.alias = "ls",
	.usage = "[-q] [--format table|json]",
	.summary = "Lists volumes",
	.order = CPS_OPT_ANYWHERE,
	.run = list,
};

static const struct sup_command cmd_get = {
	.name = "volume get",
	.alias = "inspect",
	.usage = "NAME...",
	.summary = "Tells all about volumes, as JSON",
	.order = CPS_OPT_ANYWHERE,
	.run = get,
};

static const struct sup_command cmd_delete = {
	.name = "volume delete",
	.alias = "rm",
	.usage = "[-f] NAME...",
	.summary = "Deletes volumes that no container uses",
	.order = CPS_OPT_ANYWHERE,
	.run = delete,
};

static const struct sup_command cmd_prune = {
	.name = "volume prune",
	.usage = "[-a]",
	.summary = "Deletes all that no container uses: anonymous ones, with -a others too",
	.order = CPS_OPT_ANYWHERE,
	.run = prune,
};

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	static const struct sup_command *const commands[] = { &cmd_create, &cmd_list, &cmd_get,
							      &cmd_delete, &cmd_prune };

	return sup_group_run(ctx, self, commands, sizeof(commands) / sizeof(commands[0]), argc,
			     argv, err);
}

const struct sup_command sup_cmd_volume = {
	.name = "volume",
	.usage = "COMMAND [ARGUMENT]...",
	.summary = "Volumes, which outlive containers",
	.order = CPS_OPT_FIRST_ONLY,
	.run = run,
};
