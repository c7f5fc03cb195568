/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quoted command split into words.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "words.h"

/* expected: words joined by '|' */
static void check_words(const char *text, const char *expected)
{
	struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	const char **words = NULL;
	char joined[256] = "";
	size_t n = 0;

	ck_assert_ok(sup_words_split(&a, text, &words, &n, &err), err);
	for (size_t i = 0; i < n; i++) {
		if (i)
			strcat(joined, "|");
		strcat(joined, words[i]);
	}
	ck_assert_str_eq(joined, expected);
	ck_assert_ptr_null(words[n]);
	cps_arena_done(&a);
}

static void check_refused(const char *text, const char *what)
{
	struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	const char **words;
	size_t n;

	ck_assert_err(sup_words_split(&a, text, &words, &n, &err), EINVAL, err, what);
	cps_arena_done(&a);
}

START_TEST(blanks)
{
	check_words("sleep 100", "sleep|100");
	check_words("  a\t b\n c  ", "a|b|c");
	check_words("a", "a");
	check_words("/docker-entrypoint.sh mysqld --user=root",
		    "/docker-entrypoint.sh|mysqld|--user=root");
}
END_TEST

START_TEST(quotes)
{
	check_words("sh -c 'echo a  b'", "sh|-c|echo a  b");
	check_words("sh -c \"echo 'x'\"", "sh|-c|echo 'x'");
	check_words("a''b \"\" c", "ab||c");
	check_words("'a\\b' \"a\\b\" \"a\\\"b\\\\\\$\\`\"", "a\\b|a\\b|a\"b\\$`");
	check_words("a\"b c\"d'e f'", "ab cde f");
	check_words("$HOME * ~ ; & |x", "$HOME|*|~|;|&||x");
}
END_TEST

START_TEST(backslash)
{
	check_words("a\\ b c", "a b|c");
	check_words("\\'x\\\"", "'x\"");
	check_words("\\\\", "\\");
}
END_TEST

START_TEST(refused)
{
	check_refused("", "empty");
	check_refused("   ", "empty");
	check_refused("sh -c 'x", "the quote ' is not closed");
	check_refused("sh \"x", "the quote \" is not closed");
	check_refused("a b\\", "a backslash at the end");
}
END_TEST

START_TEST(wanted)
{
	ck_assert(sup_words_wanted("a b"));
	ck_assert(sup_words_wanted("a\tb"));
	ck_assert(!sup_words_wanted("a"));
	ck_assert(!sup_words_wanted(""));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { blanks, quotes, backslash, refused, wanted, NULL };

	return unit_main("words", tests);
}
