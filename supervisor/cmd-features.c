/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule features: what the runtime can do, as it says itself.
 */
#include <config.h>

#include <stdio.h>

#include "command.h"
#include "json.h"
#include "own.h"
#include "runtime-run.h"

#define FEATURES_MAX (1u << 20)

static void value_print(const struct cps_json *node)
{
	if (node->type == CPS_JSON_BOOL)
		fputs(node->boolean ? " yes" : " no", stdout);
	else
		printf(" %s", node->text ? node->text : "-");
}

/* A line for each member that holds no others: "linux.seccomp.enabled: yes". */
static void node_print(const struct cps_json *node)
{
	char path[256];

	if (node->type == CPS_JSON_OBJECT) {
		for (const struct cps_json *m = node->first; m; m = m->next)
			node_print(m);
		return;
	}
	cps_json_path(node, path, sizeof(path));
	printf("%s:", path);
	if (node->type != CPS_JSON_ARRAY)
		value_print(node);
	for (const struct cps_json *e = node->first; e && node->type == CPS_JSON_ARRAY; e = e->next)
		value_print(e);
	puts("");
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	static const char *const words[] = { "features", NULL };
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_args struct sup_args args = { 0 };
	const struct cps_json *root = NULL;
	cleanup_free char *text = NULL;
	const char *format = NULL;
	bool json = false;
	const struct cps_opt table[] = {
		{ "format", 0, CPS_OPT_STR, &format, "FORMAT",
		  "text (default), or json: the object of the OCI's specification" },
		{ 0 },
	};
	size_t len = 0;
	int rc = sup_args_parse(self, table, argc, argv, 0, 0, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_format_parse(format, &json, err);
	if (rc == 0)
		rc = sup_runtime_read(ctx, words, FEATURES_MAX, &text, &len, err);
	if (rc == 0 && !json)
		rc = cps_json_parse(&arena, text, len, &root, err);
	if (rc < 0)
		return cps_wrap(err, rc, "features");
	if (json)
		fputs(text, stdout);
	else if (root)
		node_print(root);
	return 0;
}

const struct sup_command sup_cmd_features = {
	.name = "features",
	.usage = "[--format text|json]",
	.summary = "Prints what the runtime can do",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
