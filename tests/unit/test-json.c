/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: what is read, where errors are said to be, what is written.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "json.h"
#include "own.h"

static const struct cps_json *parsed(struct cps_arena *a, const char *text)
{
	const struct cps_json *root = NULL;
	struct cps_err err = { 0 };
	int rc = cps_json_parse(a, text, strlen(text), &root, &err);

	ck_assert_msg(rc == 0, "%s: %s", text, err.msg);
	ck_assert_ptr_nonnull(root);
	return root;
}

static void refused(const char *text, size_t len, const char *where)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root = NULL;
	struct cps_err err = { 0 };
	/* Of its exact size, so that a sanitizer sees one byte too many read. */
	cleanup_free char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	rc = cps_json_parse(&a, copy, len, &root, &err);
	ck_assert_msg(rc == -EINVAL, "%s: %d", text, rc);
	ck_assert_int_eq(err.num, EINVAL);
	ck_assert_msg(strncmp(err.msg, where, strlen(where)) == 0, "%s: '%s' is not '%s'", text,
		      err.msg, where);
	ck_assert_ptr_null(root);
}

START_TEST(every_type)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root =
		parsed(&a, " {\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"d\":1.5e3,\"s\":\"x\","
			   "\"a\":[1,[],{}],\"o\":{\"k\":0}} ");
	const struct cps_json *list = cps_json_get(root, "a");

	ck_assert_int_eq(root->type, CPS_JSON_OBJECT);
	ck_assert_uint_eq(root->count, 8);
	ck_assert_ptr_null(root->key);
	ck_assert_ptr_null(root->parent);
	ck_assert_ptr_null(cps_json_get(root, "n"));
	ck_assert_str_eq(root->first->key, "n");
	ck_assert_int_eq(root->first->type, CPS_JSON_NULL);
	ck_assert(cps_json_get(root, "t")->boolean);
	ck_assert(!cps_json_get(root, "f")->boolean);
	ck_assert_str_eq(cps_json_get(root, "d")->text, "1.5e3");
	ck_assert_uint_eq(list->count, 3);
	ck_assert_uint_eq(list->first->next->next->index, 2);
	ck_assert_ptr_eq(list->first->parent, list);
	ck_assert_ptr_null(list->first->next->first);
	ck_assert_ptr_null(cps_json_get(root, "x"));
	ck_assert_ptr_null(cps_json_get(NULL, "x"));
	ck_assert_ptr_null(cps_json_get(list, "x"));
}
END_TEST

START_TEST(scalars_at_the_top)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;

	ck_assert_str_eq(parsed(&a, "42")->text, "42");
	ck_assert_str_eq(parsed(&a, "\"x\"")->text, "x");
	ck_assert_int_eq(parsed(&a, "null")->type, CPS_JSON_NULL);
}
END_TEST

START_TEST(strings_are_decoded)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *s = parsed(&a, "\"a\\n\\t\\\"\\\\\\/\\u00e4\\ud834\\udd1eä\"");

	ck_assert_str_eq(s->text, "a\n\t\"\\/ä𝄞ä");
	s = parsed(&a, "\"\\\\ud834\\\\\"");
	ck_assert_str_eq(s->text, "\\ud834\\");
	s = parsed(&a, "\"a\\u0000b\"");
	ck_assert_uint_eq(s->len, 3);
	ck_assert_int_eq(memcmp(s->text, "a\0b", 4), 0);
}
END_TEST

START_TEST(the_last_of_equal_keys_wins)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root =
		parsed(&a, "{\"a\":1,\"b\":2,\"a\":3,\"c\":{\"x\":1,\"x\":null},\"a\":4}");

	ck_assert_uint_eq(root->count, 3);
	ck_assert_str_eq(cps_json_get(root, "a")->text, "4");
	ck_assert_str_eq(root->first->key, "b");
	ck_assert_ptr_null(root->first->next->next->next);
	ck_assert_ptr_null(cps_json_get(cps_json_get(root, "c"), "x"));
}
END_TEST

START_TEST(equal_keys_among_many)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	const struct cps_json *root;
	uint32_t seen = 0;

	cps_buf_puts(&b, "{");
	for (int i = 0; i < 30000; i++)
		cps_buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i % 1000, i);
	cps_buf_puts(&b, "}");
	root = parsed(&a, b.data);
	ck_assert_uint_eq(root->count, 1000);
	for (const struct cps_json *m = root->first; m; m = m->next, seen++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u", 29000 + seen);
		ck_assert_str_eq(m->text, text);
	}
	ck_assert_uint_eq(seen, 1000);
}
END_TEST

#define REFUSED(text, where) refused(text, sizeof(text) - 1, where)

START_TEST(errors_name_line_and_column)
{
	REFUSED("", "line 1, column 1: the text ends too early");
	REFUSED("   \n ", "line 2, column 2: the text ends too early");
	REFUSED("{\"a\":1", "line 1, column 7: the text ends too early");
	REFUSED("[1,\n\"abc", "line 2, column 5: the text ends too early");
	REFUSED("{\"a\": ]}", "line 1, column 7: ");
	REFUSED("[1,\n \"x\" 5]", "line 2, column 6: ");
	REFUSED("[1,\n \"ä\\\"→\" \"y\"]", "line 2, column 9: ");
	REFUSED("{}\n\nx", "line 3, column 1: ");
	REFUSED("{}\n  {}", "line 2, column 3: trailing garbage");
	REFUSED("[1]]", "line 1, column 4: trailing garbage");
	REFUSED("{1:2}", "line 1, column 2: ");
	REFUSED("{\"a\" 1}", "line 1, column 6: ");
	REFUSED("{\"a\":1,}", "line 1, column 8: ");
	REFUSED("{\"a\":tru}", "line 1, column 9: ");
	REFUSED("{\"a\":bad}", "line 1, column 6: ");
	REFUSED("nul", "line 1, column ");
	REFUSED("[01]", "line 1, column ");
	REFUSED("[1.]", "line 1, column ");
	REFUSED("[-]", "line 1, column ");
	REFUSED("[+1]", "line 1, column 2: ");
	REFUSED("[\"\\x\"]", "line 1, column ");
	REFUSED("[\"\\u12g4\"]", "line 1, column ");
	REFUSED("[\"a\nb\"]", "line 1, column ");
	REFUSED("// no\n1", "line 1, column ");
	REFUSED("/* no */1", "line 1, column ");
	REFUSED("{\"a\\u0000b\":1}", "line 1, column 2: a NUL in a member's name");
	REFUSED("\0", "line 1, column 1: ");
	REFUSED("1\0", "line 1, column ");
	REFUSED("[1,,2]", "line 1, column 4: ");
	REFUSED("}", "line 1, column 1: ");
	REFUSED("\"", "line 1, column 2: the text ends too early");
}
END_TEST

START_TEST(invalid_utf8_is_refused_where_it_is)
{
	REFUSED("\"\xff\"", "line 1, column 2: invalid UTF-8");
	REFUSED("{\n\"aä\xc0\x80\":1}", "line 2, column 4: invalid UTF-8");
	REFUSED("\"\xed\xa0\x80\"", "line 1, column 2: invalid UTF-8");
	REFUSED("\"\xf4\x90\x80\x80\"", "line 1, column 2: invalid UTF-8");
	REFUSED("\"12345678\xe2\x82", "line 1, column 10: invalid UTF-8");
	REFUSED("\x80", "line 1, column 1: invalid UTF-8");
	REFUSED("[\"\\ud834\"]", "line 1, column 3: half of a surrogate pair");
	REFUSED("[\"\\ud834\\n\"]", "line 1, column 3: half of a surrogate pair");
	REFUSED("[\"\\ud834\\ud834\"]", "line 1, column 3: half of a surrogate pair");
	REFUSED("[\"\\\\\\uDD1E\"]", "line 1, column 5: half of a surrogate pair");
	REFUSED("[\"\\ud834\\udd1e\\udd1e\"]", "line 1, column 15: half of a surrogate pair");
}
END_TEST

START_TEST(depth_is_bounded)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *node;
	char text[2 * CPS_JSON_DEPTH + 3] = { 0 };
	int depth = 0;

	memset(text, '[', CPS_JSON_DEPTH);
	memset(text + CPS_JSON_DEPTH, ']', CPS_JSON_DEPTH);
	for (node = parsed(&a, text); node; node = node->first)
		depth++;
	ck_assert_int_eq(depth, CPS_JSON_DEPTH);

	memset(text, '[', CPS_JSON_DEPTH + 1);
	memset(text + CPS_JSON_DEPTH + 1, ']', CPS_JSON_DEPTH + 1);
	refused(text, strlen(text), "line 1, column 65: nested too deeply");
	for (int i = 0; i <= CPS_JSON_DEPTH; i++)
		text[i] = '[';
	refused(text, CPS_JSON_DEPTH, "line 1, column 65: the text ends too early");
}
END_TEST

/* Texts that make yajl's buffers as large as they can be. */
START_TEST(long_tokens)
{
	enum { LONG = 300000 };
	cleanup_free char *text = malloc(LONG + 8);

	for (size_t len = 1; len < LONG; len = len * 3 / 2 + 1) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;

		memset(text, 'x', len + 8);
		memcpy(text, "\"\\n", 3);
		refused(text, len + 3, "line 1, column ");
		memcpy(text + len + 3, "\"", 2);
		ck_assert_uint_eq(parsed(&a, text)->len, len + 1);
		memset(text, '7', len);
		text[len] = '\0';
		ck_assert_uint_eq(parsed(&a, text)->len, len);
		memset(text, '[', len);
		text[0] = '"';
		refused(text, len, "line 1, column ");
		memset(text, 'x', len + 2); /* ends like a config, but inside a string */
		text[0] = '[';
		text[1] = '"';
		text[len + 1] = ']';
		refused(text, len + 2, "line 1, column ");
		memset(text + 2, ']', len);
		refused(text, len + 2, "line 1, column ");
		if (len < 5)
			continue;
		text[len / 2] = '"';
		refused(text, len + 2, "line 1, column ");
	}
}
END_TEST

START_TEST(paths)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root =
		parsed(&a, "{\"process\":{\"args\":[\"a\",\"b\"]},\"io.x/y\":[[{\"\":1}]],"
			   "\"a\\nb\":1}");
	const struct cps_json *args = cps_json_get(cps_json_get(root, "process"), "args");
	char path[64];

	cps_json_path(root, path, sizeof(path));
	ck_assert_str_eq(path, "(top)");
	cps_json_path(NULL, path, sizeof(path));
	ck_assert_str_eq(path, "(absent)");
	cps_json_path(args->first->next, path, sizeof(path));
	ck_assert_str_eq(path, "process.args[1]");
	cps_json_path(cps_json_get(root, "io.x/y")->first->first->first, path, sizeof(path));
	ck_assert_str_eq(path, "[\"io.x/y\"][0][0][\"\"]");
	cps_json_path(cps_json_get(root, "a\nb"), path, sizeof(path));
	ck_assert_str_eq(path, "[\"a?b\"]");
	for (size_t size = 1; size < 20; size++) {
		memset(path, 'x', sizeof(path));
		cps_json_path(args->first->next, path, size);
		ck_assert_uint_eq(strlen(path), size - 1 < 15 ? size - 1 : 15);
		ck_assert_int_eq(path[size], 'x');
	}
}
END_TEST

START_TEST(getters)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root =
		parsed(&a, "{\"s\":\"x\",\"z\":\"a\\u0000\",\"t\":true,\"i\":7,"
			   "\"u\":{\"v\":[1.5]}}");
	const struct cps_json *fraction = cps_json_get(cps_json_get(root, "u"), "v")->first;
	struct cps_err err = { 0 };
	const char *s = "before";
	int64_t i = 5;
	uint64_t u = 5;
	bool b = false;

	ck_assert_int_eq(cps_json_str(cps_json_get(root, "s"), &s, &err), 0);
	ck_assert_str_eq(s, "x");
	ck_assert_err(cps_json_str(cps_json_get(root, "z"), &s, &err), EINVAL, err, "z: a NUL");
	ck_assert_err(cps_json_str(cps_json_get(root, "i"), &s, &err), EINVAL, err,
		      "i: expected a string, got a number");
	ck_assert_err(cps_json_str(NULL, &s, &err), EINVAL, err, "expected a string, got nothing");
	ck_assert_str_eq(s, "x");
	ck_assert_int_eq(cps_json_bool(cps_json_get(root, "t"), &b, &err), 0);
	ck_assert(b);
	ck_assert_err(cps_json_bool(root, &b, &err), EINVAL, err,
		      "(top): expected a boolean, got an object");
	ck_assert_err(cps_json_i64(fraction, 0, 9, &i, &err), EINVAL, err,
		      "u.v[0]: expected an integer, got 1.5");
	ck_assert_err(cps_json_u64(fraction, 9, &u, &err), EINVAL, err, "u.v[0]: ");
	ck_assert_err(cps_json_i64(cps_json_get(root, "s"), 0, 9, &i, &err), EINVAL, err,
		      "s: expected an integer, got a string");
	ck_assert_err(cps_json_u64(cps_json_get(root, "s"), 9, &u, &err), EINVAL, err, "s: ");
	ck_assert_err(cps_json_want(root, CPS_JSON_ARRAY, &err), EINVAL, err,
		      "(top): expected an array, got an object");
	ck_assert_int_eq(cps_json_want(root, CPS_JSON_OBJECT, &err), 0);
	ck_assert_int_eq(i, 5);
	ck_assert_uint_eq(u, 5);
	ck_assert_err(cps_json_fail(fraction, ENOTSUP, &err, "is %d", 5), ENOTSUP, err,
		      "u.v[0]: is 5");
}
END_TEST

static void check_i64(const char *text, int64_t min, int64_t max, bool ok, int64_t wanted)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	int64_t value = 99;
	int rc = cps_json_i64(parsed(&a, text), min, max, &value, &err);

	ck_assert_msg(rc == (ok ? 0 : -EINVAL), "%s: %d", text, rc);
	ck_assert_int_eq(value, ok ? wanted : 99);
}

static void check_u64(const char *text, uint64_t max, bool ok, uint64_t wanted)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	uint64_t value = 99;
	int rc = cps_json_u64(parsed(&a, text), max, &value, &err);

	ck_assert_msg(rc == (ok ? 0 : -EINVAL), "%s: %d", text, rc);
	ck_assert_uint_eq(value, ok ? wanted : 99);
}

START_TEST(integers_are_exact)
{
	check_i64("9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX);
	check_i64("-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN);
	check_i64("9223372036854775808", INT64_MIN, INT64_MAX, false, 0);
	check_i64("-9223372036854775809", INT64_MIN, INT64_MAX, false, 0);
	check_i64("9007199254740993", 0, INT64_MAX, true, 9007199254740993);
	check_i64("-0", 0, 5, true, 0);
	check_i64("5", 0, 5, true, 5);
	check_i64("6", 0, 5, false, 0);
	check_i64("-1", 0, 5, false, 0);
	check_i64("1e2", 0, 500, false, 0);
	check_i64("1.0", 0, 500, false, 0);
	check_i64("99999999999999999999999999999999999999999999999999999999", 0, 5, false, 0);
	check_u64("18446744073709551615", UINT64_MAX, true, UINT64_MAX);
	check_u64("18446744073709551616", UINT64_MAX, false, 0);
	check_u64("4294967296", UINT32_MAX, false, 0);
	check_u64("-1", UINT64_MAX, false, 0);
	check_u64("-0", UINT64_MAX, true, 0);
	check_u64("1E2", UINT64_MAX, false, 0);
}
END_TEST

START_TEST(writer_compact)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_open(&w, "empty", '[');
	cps_jsonw_close(&w, ']');
	cps_jsonw_str(&w, "s", "x");
	cps_jsonw_str(&w, "none", NULL);
	cps_jsonw_open(&w, "a", '[');
	cps_jsonw_i64(&w, NULL, INT64_MIN);
	cps_jsonw_u64(&w, NULL, UINT64_MAX);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_close(&w, '}');
	cps_jsonw_bool(&w, NULL, true);
	cps_jsonw_bool(&w, NULL, false);
	cps_jsonw_null(&w, NULL);
	cps_jsonw_raw(&w, NULL, "{\"r\":1}");
	cps_jsonw_close(&w, ']');
	cps_jsonw_node(&w, "node", NULL);
	cps_jsonw_close(&w, '}');
	ck_assert_str_eq(b.data, "{\"empty\":[],\"s\":\"x\",\"none\":null,\"a\":"
				 "[-9223372036854775808,18446744073709551615,{},true,false,null,"
				 "{\"r\":1}],\"node\":null}");
}
END_TEST

START_TEST(writer_pretty)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, true);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "a", 1);
	cps_jsonw_open(&w, "b", '[');
	cps_jsonw_i64(&w, NULL, 2);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	ck_assert_str_eq(b.data, "{\n\t\"a\": 1,\n\t\"b\": [\n\t\t2,\n\t\t{}\n\t]\n}");
}
END_TEST

START_TEST(writer_arrays_of_strings)
{
	static const char *const words[] = { "a", "b", NULL };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_strs(&w, "all", words);
	cps_jsonw_strs(&w, "none", NULL);
	cps_jsonw_nstrs(&w, "one", words, 1);
	cps_jsonw_nstrs(&w, "zero", NULL, 0);
	cps_jsonw_close(&w, '}');
	ck_assert_str_eq(b.data, "{\"all\":[\"a\",\"b\"],\"none\":[],\"one\":[\"a\"],\"zero\":[]}");
}
END_TEST

START_TEST(writer_escapes)
{
	static const char in[] =
		"\"\\/\b\f\n\r\t\v\x01\x1f\x7f\0ä→𝄞\xff\xc0\x80\xed\xa0\x80\xe2\x82";
	static const char out[] =
		"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\x7f\\u0000ä→𝄞"
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		"\xef\xbf\xbd\xef\xbf\xbd\"";
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_strn(&w, NULL, in, sizeof(in) - 1);
	ck_assert_str_eq(b.data, out);
}
END_TEST

/* Whatever a string holds: written, it parses, and if it was UTF-8 it comes back the same. */
START_TEST(strings_go_round)
{
	unsigned seed = 1;

	for (int round = 0; round < 3000; round++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		cleanup_buf struct cps_buf b = CPS_BUF_INIT;
		cleanup_buf struct cps_buf again = CPS_BUF_INIT;
		const struct cps_json *node = NULL;
		struct cps_err err = { 0 };
		struct cps_jsonw w;
		char text[40];
		size_t len = (size_t)round % sizeof(text);
		int rc;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245u + 12345u;
			text[i] = (char)(seed >> 16);
		}
		cps_jsonw_init(&w, &b, round % 2 == 0);
		cps_jsonw_strn(&w, NULL, text, len);
		rc = cps_json_parse(&a, b.data, b.len, &node, &err);
		ck_assert_ok(rc, err);
		cps_jsonw_init(&w, &again, false);
		cps_jsonw_node(&w, NULL, node);
		ck_assert_str_eq(again.data, b.data);
	}
}
END_TEST

START_TEST(trees_go_round)
{
	static const char text[] = "{\"a\":[1,-2.5e10,\"x\\n\",null,true,{\"b\":{}}],\"c\":[]}";
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	cleanup_free char *copy = NULL;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_node(&w, NULL, parsed(&a, text));
	ck_assert_str_eq(b.data, text);
	copy = cps_json_text(parsed(&a, text));
	ck_assert_str_eq(copy, text);
}
END_TEST

START_TEST(objects_in_files)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int dir = unit_dir();
	const struct cps_json *o = NULL;
	struct cps_err err = { 0 };

	ck_assert_int_eq(cps_json_load(&a, dir, "none", 64, &o, &err), -ENOENT);
	ck_assert_ok(cps_file_replace(dir, "f", "{\"a\":1}\n", 8, 0600, &err), err);
	ck_assert_ok(cps_json_load(&a, dir, "f", 64, &o, &err), err);
	ck_assert_ptr_nonnull(cps_json_get(o, "a"));
	ck_assert_int_lt(cps_json_load(&a, dir, "f", 4, &o, &err), 0);
	ck_assert_ok(cps_file_replace(dir, "f", "[]", 2, 0600, &err), err);
	ck_assert_int_eq(cps_json_load(&a, dir, "f", 64, &o, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "f: "));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_type,
		scalars_at_the_top,
		strings_are_decoded,
		the_last_of_equal_keys_wins,
		equal_keys_among_many,
		errors_name_line_and_column,
		invalid_utf8_is_refused_where_it_is,
		depth_is_bounded,
		long_tokens,
		paths,
		getters,
		integers_are_exact,
		writer_compact,
		writer_pretty,
		writer_arrays_of_strings,
		writer_escapes,
		strings_go_round,
		trees_go_round,
		objects_in_files,
		NULL,
	};

	return unit_main("json", tests);
}
