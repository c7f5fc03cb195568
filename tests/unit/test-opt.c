/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines, sizes, numbers, names.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "opt.h"
#include "own.h"

#define WORDS 16

struct given {
	bool detach;
	bool tty;
	bool it; /* a long name that could be joined letters */
	const char *bundle;
	struct cps_opt_list env;
	uint64_t size;
	int64_t tail;
	char **args;
	int count;
};

static void given_done(struct given *g)
{
	free(g->env.values);
	free(g->args);
}

#define cleanup_given __attribute__((cleanup(given_done)))

/* line: words parted by one space. Returns what cps_opt_parse does. */
static int parse(struct given *g, enum cps_opt_order order, char *line, struct cps_err *err)
{
	const struct cps_opt table[] = {
		{ "detach", 'd', CPS_OPT_FLAG, &g->detach, NULL, "run in the background" },
		{ "tty", 't', CPS_OPT_FLAG, &g->tty, NULL, "with a terminal" },
		{ "it", 0, CPS_OPT_FLAG, &g->it, NULL, NULL },
		{ "bundle", 'b', CPS_OPT_STR, &g->bundle, "DIR", "where config.json is" },
		{ "env", 'e', CPS_OPT_LIST, &g->env, "K=V", "environment" },
		{ "log-max-size", 0, CPS_OPT_SIZE, &g->size, "SIZE", "bound" },
		{ "tail", 'n', CPS_OPT_NUM, &g->tail, "N", "lines" },
		{ NULL, 0, CPS_OPT_FLAG, NULL, NULL, NULL },
	};
	char *argv[WORDS + 1] = { "program" };
	int argc = 1;

	for (char *word = line; word && argc < WORDS; argc++)
		argv[argc] = strsep(&word, " ");
	return cps_opt_parse(table, order, argc, argv, &g->args, &g->count, err);
}

static bool is_args(const struct given *g, const char *wanted)
{
	char text[256] = "";

	for (int i = 0; i < g->count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, g->args[i]);
	}
	ck_assert_ptr_null(g->args[g->count]);
	if (strcmp(text, wanted) != 0)
		printf("# '%s' is not '%s'\n", text, wanted);
	return strcmp(text, wanted) == 0;
}

#define PARSE(g, order, text)                                     \
	char line[] = text;                                       \
	struct cps_err err = { 0 };                               \
	cleanup_given struct given g = { .tail = -1, .size = 1 }; \
	int rc = parse(&(g), order, line, &err)

START_TEST(one_dash_or_two)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-detach --tty -bundle /a --env A=1 -env=B=2 -e C -tail=5 x");
	ck_assert_ok(rc, err);
	ck_assert(g.detach && g.tty && !g.it);
	ck_assert_str_eq(g.bundle, "/a");
	ck_assert_uint_eq(g.env.count, 3);
	ck_assert_str_eq(g.env.values[0], "A=1");
	ck_assert_str_eq(g.env.values[1], "B=2");
	ck_assert_str_eq(g.env.values[2], "C");
	ck_assert_int_eq(g.tail, 5);
	ck_assert(is_args(&g, "x"));
}
END_TEST

START_TEST(letters)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-d -b=/x -b /y -n 7 -t=false");
	ck_assert_ok(rc, err);
	ck_assert(g.detach && !g.tty);
	ck_assert_str_eq(g.bundle, "/y");
	ck_assert_int_eq(g.tail, 7);
	ck_assert_int_eq(g.count, 0);
	ck_assert_ptr_null(g.args[0]);
}
END_TEST

START_TEST(letters_joined)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-td x");
	ck_assert_ok(rc, err);
	ck_assert(g.detach && g.tty);
}
END_TEST

START_TEST(a_long_name_goes_before_joined_letters)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-it");
	ck_assert_ok(rc, err);
	ck_assert(g.it && !g.tty);
}
END_TEST

START_TEST(flags_with_a_value)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-d -d=false --tty=true -it=1 -tty=0 false");
	ck_assert_ok(rc, err);
	ck_assert(!g.detach && !g.tty && g.it);
	ck_assert(is_args(&g, "false"));
}
END_TEST

START_TEST(order_anywhere)
{
	PARSE(g, CPS_OPT_ANYWHERE, "a -d b --tail 3 c - -- -t --x");
	ck_assert_ok(rc, err);
	ck_assert(g.detach && !g.tty);
	ck_assert(is_args(&g, "a b c - -t --x"));
}
END_TEST

START_TEST(order_first_only)
{
	PARSE(g, CPS_OPT_FIRST_ONLY, "-d run -t --unknown -- x");
	ck_assert_ok(rc, err);
	ck_assert(g.detach && !g.tty);
	ck_assert(is_args(&g, "run -t --unknown -- x"));
}
END_TEST

START_TEST(order_then_one)
{
	PARSE(g, CPS_OPT_THEN_ONE, "-d c1 -e A=1 sh -c -t -- x");
	ck_assert_ok(rc, err);
	ck_assert(g.detach && !g.tty);
	ck_assert_uint_eq(g.env.count, 1);
	ck_assert(is_args(&g, "c1 sh -c -t -- x"));
}
END_TEST

START_TEST(order_then_one_with_dashes)
{
	PARSE(g, CPS_OPT_THEN_ONE, "c1 -- -t -d");
	ck_assert_ok(rc, err);
	ck_assert(!g.detach && !g.tty);
	ck_assert(is_args(&g, "c1 -t -d"));
}
END_TEST

START_TEST(a_value_may_look_like_an_option)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-b -d -e --");
	ck_assert_ok(rc, err);
	ck_assert_str_eq(g.bundle, "-d");
	ck_assert_str_eq(g.env.values[0], "--");
	ck_assert(!g.detach);
}
END_TEST

START_TEST(empty_values)
{
	PARSE(g, CPS_OPT_ANYWHERE, "-b= -e= ");
	ck_assert_ok(rc, err);
	ck_assert_str_eq(g.bundle, "");
	ck_assert_str_eq(g.env.values[0], "");
	ck_assert(is_args(&g, ""));
	ck_assert_int_eq(g.count, 1); /* the empty word at the end */
}
END_TEST

START_TEST(bad_lines)
{
	static const struct {
		const char *line;
		const char *message;
	} bad[] = {
		{ "-x", "unknown option -x" },
		{ "--unknown=5", "unknown option --unknown" },
		{ "--d", "unknown option --d" },
		{ "-dx", "unknown option -dx" },
		{ "-db", "unknown option -db" },
		{ "-dt=1", "unknown option -dt" },
		{ "-=x", "unknown option -" },
		{ "--=x", "unknown option --" },
		{ "---detach", "unknown option ---detach" },
		{ "--det", "unknown option --det" },
		{ "-b", "option -b needs a value" },
		{ "x --bundle", "option --bundle needs a value" },
		{ "-d=maybe", "option -d: 'maybe' is neither true nor false" },
		{ "-d=", "option -d: '' is neither true nor false" },
		{ "--tail=x", "option --tail: 'x' is no number" },
		{ "-n -5", "option -n: '-5' is out of range" },
		{ "-n 9223372036854775808", "is out of range" },
		{ "--log-max-size 10x", "option --log-max-size: '10x' is no size" },
		{ "--log-max-size 99999999999999999999", "is too large" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_given struct given g = { 0 };
		cleanup_free char *line = strdup(bad[i].line);
		struct cps_err err = { 0 };

		ck_assert_err(parse(&g, CPS_OPT_ANYWHERE, line, &err), EINVAL, err, bad[i].message);
		ck_assert_ptr_null(g.args);
	}
}
END_TEST

START_TEST(help)
{
	bool flag = false;
	const char *dir = NULL;
	const struct cps_opt table[] = {
		{ "detach", 'd', CPS_OPT_FLAG, &flag, NULL, "run in the background" },
		{ "hidden", 0, CPS_OPT_FLAG, &flag, NULL, NULL },
		{ "log-dir", 0, CPS_OPT_STR, &dir, "DIR", "where logs go" },
		{ NULL, 0, CPS_OPT_FLAG, NULL, NULL, NULL },
	};
	char text[256] = { 0 };
	int out = dup(STDOUT_FILENO);
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	(void)fflush(stdout);
	ck_assert_int_ge(dup2(p[1], STDOUT_FILENO), 0);
	cps_opt_help(table);
	(void)fflush(stdout);
	ck_assert_int_ge(dup2(out, STDOUT_FILENO), 0);
	ck_assert_int_gt(read(p[0], text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "  -d, --detach       run in the background\n"
			       "      --log-dir DIR  where logs go\n");
}
END_TEST

START_TEST(sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "10", 10 },
		{ "10b", 10 },
		{ "512k", 524288 },
		{ "10m", 10485760 },
		{ "10M", 10485760 },
		{ "10MB", 10485760 },
		{ "10MiB", 10485760 },
		{ "1g", 1073741824 },
		{ "1t", 1ull << 40 },
		{ "1p", 1ull << 50 },
		{ "18446744073709551615", UINT64_MAX },
		{ "16383p", 16383ull << 50 },
	};
	static const char *const bad[] = { "",	  "k",	 "-1",	"+1", " 1",  "1 ",   "1x",
					   "1kk", "1ki", "1mx", "1i", "1bb", "1.5m", "1,5" };
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(cps_size_parse(good[i].text, &bytes) == 0, "%s", good[i].text);
		ck_assert_uint_eq(bytes, good[i].bytes);
	}
	bytes = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(cps_size_parse(bad[i], &bytes) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(cps_size_parse("18446744073709551616", &bytes), -ERANGE);
	ck_assert_int_eq(cps_size_parse("16384p", &bytes), -ERANGE);
	ck_assert_int_eq(cps_size_parse("18446744073709551616x", &bytes), -EINVAL);
	ck_assert_uint_eq(bytes, 77);
}
END_TEST

START_TEST(numbers)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "0x10", "1e2", "1.0", "--1" };
	int64_t n = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(cps_num_parse(bad[i], INT64_MIN, INT64_MAX, &n), -EINVAL);
	ck_assert_int_eq(cps_num_parse("9223372036854775808", INT64_MIN, INT64_MAX, &n), -ERANGE);
	ck_assert_int_eq(cps_num_parse("-9223372036854775809", INT64_MIN, INT64_MAX, &n), -ERANGE);
	ck_assert_int_eq(cps_num_parse("6", 0, 5, &n), -ERANGE);
	ck_assert_int_eq(cps_num_parse("-1", 0, 5, &n), -ERANGE);
	ck_assert_int_eq(n, 77);
	ck_assert_int_eq(cps_num_parse("-9223372036854775808", INT64_MIN, INT64_MAX, &n), 0);
	ck_assert_int_eq(n, INT64_MIN);
	ck_assert_int_eq(cps_num_parse("9223372036854775807", INT64_MIN, INT64_MAX, &n), 0);
	ck_assert_int_eq(n, INT64_MAX);
	ck_assert_int_eq(cps_num_parse("007", 0, 10, &n), 0);
	ck_assert_int_eq(n, 7);
}
END_TEST

START_TEST(names)
{
	static const char *const good[] = { "a", "0", "web1", "a.b-c_d", "A9-" };
	static const char *const bad[] = { "",	  ".",	 "..",	"-a", "_a",    ".a", "a/b",
					   "a b", "a\n", "a:b", "ä",  "a\x01", "a@b" };
	char name[70] = { 0 };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(cps_is_name(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!cps_is_name(bad[i]), "%s", bad[i]);
	memset(name, 'a', 64);
	ck_assert(cps_is_name(name));
	name[64] = 'a';
	ck_assert(!cps_is_name(name));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_dash_or_two,
		letters,
		letters_joined,
		a_long_name_goes_before_joined_letters,
		flags_with_a_value,
		order_anywhere,
		order_first_only,
		order_then_one,
		order_then_one_with_dashes,
		a_value_may_look_like_an_option,
		empty_values,
		bad_lines,
		help,
		sizes,
		numbers,
		names,
		NULL,
	};

	return unit_main("opt", tests);
}
