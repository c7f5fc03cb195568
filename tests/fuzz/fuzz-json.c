/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON parser, the getters and the writer. Besides not crashing: what was parsed is written as
 * JSON that parses again and is then written the same.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

static void read_all(const struct cps_json *node)
{
	struct cps_err err = { 0 };
	char path[64];
	const char *s;
	uint64_t u;
	int64_t i;
	bool b;

	cps_json_path(node, path, sizeof(path));
	(void)cps_json_str(node, &s, &err);
	(void)cps_json_bool(node, &b, &err);
	(void)cps_json_i64(node, INT64_MIN, INT64_MAX, &i, &err);
	(void)cps_json_u64(node, UINT64_MAX, &u, &err);
	for (const struct cps_json *n = node->first; n; n = n->next) {
		if (n->key && n->type != CPS_JSON_NULL && cps_json_get(node, n->key) != n)
			abort();
		read_all(n);
	}
}

static void write_again(const struct cps_json *root, bool pretty)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf first = CPS_BUF_INIT;
	cleanup_buf struct cps_buf second = CPS_BUF_INIT;
	const struct cps_json *again;
	struct cps_err err = { 0 };
	struct cps_jsonw w;

	cps_jsonw_init(&w, &first, pretty);
	cps_jsonw_node(&w, NULL, root);
	if (first.failed)
		return;
	if (cps_json_parse(&a, first.data, first.len, &again, &err) < 0)
		abort();
	cps_jsonw_init(&w, &second, pretty);
	cps_jsonw_node(&w, NULL, again);
	if (!second.failed && strcmp(first.data, second.data) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root;
	struct cps_err err = { 0 };

	if (cps_json_parse(&a, (const char *)data, size, &root, &err) < 0) {
		if (err.num == 0 || err.msg[0] == '\0')
			abort();
		return 0;
	}
	read_all(root);
	write_again(root, false);
	write_again(root, true);
	return 0;
}
