/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as text for people: members, lists, and what must not reach a terminal.
 */
#include <config.h>
#include "unit.h"

#include <string.h>

#include "arena.h"
#include "debug-text.h"

static void check(const char *json, const char *text)
{
	struct cps_arena arena = CPS_ARENA_INIT;
	struct cps_buf b = CPS_BUF_INIT;
	const struct cps_json *root = NULL;
	struct cps_err err;

	ck_assert_ok(cps_json_parse(&arena, json, strlen(json), &root, &err), err);
	sup_debug_text(root, &b);
	ck_assert_str_eq(b.data ? b.data : "", text);
	cps_buf_done(&b);
	cps_arena_done(&arena);
}

START_TEST(members)
{
	check("{}", "");
	check("{\"a\":1,\"b\":true,\"c\":false,\"d\":null,\"e\":\"x y\",\"f\":\"\"}",
	      "a: 1\nb: yes\nc: no\nd: -\ne: x y\nf: \n");
	check("{\"a\":{\"b\":1,\"c\":{\"d\":2,\"e\":[3,4]}}}", "a:\n  b: 1\n  c: d 2, e 3 4\n");
	check("{\"a\":{},\"b\":[],\"c\":{\"d\":{}}}", "a:\nb: -\nc:\n  d: -\n");
}
END_TEST

START_TEST(lists)
{
	check("{\"a\":[1,\"two\",null]}", "a: 1 two -\n");
	check("{\"a\":[\"a line\",\"another\"]}", "a:\n  - a line\n  - another\n");
	check("{\"a\":[{\"b\":1,\"c\":[2,3]},{\"b\":4}]}", "a:\n  - b 1, c 2 3\n  - b 4\n");
	check("{\"a\":[{\"b\":{\"c\":1}}]}", "a:\n  -\n    b: c 1\n");
}
END_TEST

START_TEST(no_control_characters)
{
	check("{\"a\\u001b\":\"\\u001b[2J\\n\",\"b\":[\"\\u0007 x\"]}", "a?: ?[2J?\nb:\n  - ? x\n");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { members, lists, no_control_characters, NULL };

	return unit_main("debug-text", tests);
}
