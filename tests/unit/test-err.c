/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: what is said, what is cut, what stays.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

START_TEST(fail_appends_the_cause)
{
	struct cps_err err = { 0 };

	ck_assert_int_eq(cps_fail(&err, ENOENT, "open '%s'", "/x"), -ENOENT);
	ck_assert_int_eq(err.num, ENOENT);
	ck_assert_str_eq(err.msg, "open '/x': No such file or directory");
}
END_TEST

START_TEST(failx_says_it_all_itself)
{
	struct cps_err err = { 0 };

	ck_assert_int_eq(cps_failx(&err, EBADMSG, "%d of %d", 3, 4), -EBADMSG);
	ck_assert_int_eq(err.num, EBADMSG);
	ck_assert_str_eq(err.msg, "3 of 4");
}
END_TEST

START_TEST(no_errno_is_eio)
{
	struct cps_err err = { 0 };

	ck_assert_int_eq(cps_fail(&err, 0, "x"), -EIO);
	ck_assert_str_eq(err.msg, "x: Input/output error");
	ck_assert_int_eq(cps_failx(&err, -5, "x"), -EIO);
	ck_assert_int_eq(cps_fail(&err, 4000, "x"), -4000);
	ck_assert_str_eq(err.msg, "x: errno 4000");
}
END_TEST

START_TEST(nobody_wants_the_message)
{
	ck_assert_int_eq(cps_fail(NULL, EPERM, "x"), -EPERM);
	ck_assert_int_eq(cps_failx(NULL, EPERM, "x"), -EPERM);
	ck_assert_int_eq(cps_wrap(NULL, -EPERM, "x"), -EPERM);
}
END_TEST

START_TEST(wrap_goes_in_front)
{
	struct cps_err err = { 0 };
	int rc = cps_fail(&err, EPERM, "mount");

	rc = cps_wrap(&err, rc, "create %s", "web1");
	ck_assert_int_eq(rc, -EPERM);
	ck_assert_str_eq(err.msg, "create web1: mount: Operation not permitted");
	ck_assert_int_eq(err.num, EPERM);
	ck_assert_int_eq(cps_wrap(&err, -EBADMSG, "frame"), -EBADMSG);
	ck_assert_int_eq(err.num, EBADMSG);
}
END_TEST

START_TEST(wrap_of_a_success_is_nothing)
{
	struct cps_err err = { 0 };

	ck_assert_int_eq(cps_wrap(&err, 7, "x"), 7);
	ck_assert_int_eq(err.num, 0);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

START_TEST(wrap_may_quote_the_message)
{
	struct cps_err err = { 0 };

	(void)cps_failx(&err, EIO, "inner");
	(void)cps_wrap(&err, -EIO, "<%s>", err.msg);
	ck_assert_str_eq(err.msg, "<inner>: inner");
	(void)cps_failx(&err, EIO, "again: %s", err.msg);
	ck_assert_str_eq(err.msg, "again: <inner>: inner");
}
END_TEST

static char *repeated(const char *unit, size_t times)
{
	char *text = calloc(times, strlen(unit) + 1);

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * strlen(unit), unit, strlen(unit));
	return text;
}

START_TEST(the_cause_survives_any_context)
{
	static const char cause[] = "mount: Operation not permitted";
	struct cps_err err = { 0 };
	char *context = repeated("c", 300);

	(void)cps_fail(&err, EPERM, "mount");
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(cps_wrap(&err, -EPERM, "%s", context), -EPERM);
		ck_assert_uint_lt(strlen(err.msg), sizeof(err.msg));
		ck_assert_str_eq(err.msg + strlen(err.msg) - strlen(cause), cause);
	}
	free(context);
}
END_TEST

START_TEST(a_long_text_keeps_its_errno)
{
	struct cps_err err = { 0 };
	char *text = repeated("t", 2000);

	(void)cps_fail(&err, EPERM, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
	ck_assert_ptr_nonnull(strstr(err.msg, "t…: Operation not permitted"));
	(void)cps_failx(&err, EPERM, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
	free(text);
}
END_TEST

/* Every length of the cut text, of characters of two, three and four bytes. */
START_TEST(no_character_is_halved)
{
	static const char *const chars[] = { "ä", "→", "𝄞" };

	for (size_t c = 0; c < 3; c++) {
		char *text = repeated(chars[c], 400);

		for (int ahead = 0; ahead < 8; ahead++) {
			struct cps_err err = { 0 };

			(void)cps_fail(&err, EPERM, "%.*s%s", ahead, "12345678", text);
			ck_assert_uint_eq(cps_utf8_span(err.msg, strlen(err.msg)), strlen(err.msg));
			ck_assert_uint_ge(strlen(err.msg), sizeof(err.msg) - 1 - 3);
			(void)cps_failx(&err, EPERM, "%.*s", 440 + ahead, "x");
			(void)cps_wrap(&err, -EPERM, "%s", text);
			ck_assert_uint_eq(cps_utf8_span(err.msg, strlen(err.msg)), strlen(err.msg));
		}
		free(text);
	}
}
END_TEST

/* The context has room for 0, 1, 2 … bytes. */
START_TEST(context_at_the_edge)
{
	for (size_t len = 470; len < 500; len++) {
		struct cps_err err = { 0 };
		char *inner = repeated("i", len);

		(void)cps_failx(&err, EPERM, "%s", inner);
		(void)cps_wrap(&err, -EPERM, "outer context");
		ck_assert_uint_lt(strlen(err.msg), sizeof(err.msg));
		ck_assert_uint_eq(cps_utf8_span(err.msg, strlen(err.msg)), strlen(err.msg));
		ck_assert_int_eq(err.msg[0] == 'o' || err.msg[0] == 'i' || err.msg[0] == '\xe2', 1);
		if (len < sizeof(err.msg))
			ck_assert_str_eq(err.msg + strlen(err.msg) - len, inner);
		free(inner);
	}
}
END_TEST

START_TEST(utf8_is_strict)
{
	static const char *const good[] = {
		"a", "ä", "→", "𝄞", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf"
	};
	static const char *const bad[] = {
		"\x80",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc3",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xe2\x82",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf0\x9d\x84",
		"\xff",
		"\xfe",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_uint_eq(cps_utf8_len(good[i], strlen(good[i])), strlen(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_uint_eq(cps_utf8_len(bad[i], strlen(bad[i])), 0);
	ck_assert_uint_eq(cps_utf8_span("", 0), 0);
	ck_assert_uint_eq(cps_utf8_span("12345678ä12345678\xff", 19), 18);
	ck_assert_uint_eq(cps_utf8_cut("aä", 2), 1);
	ck_assert_uint_eq(cps_utf8_cut("aä", 3), 3);
	ck_assert_uint_eq(cps_utf8_cut("\x80\x80\x80\x80\x80\x80", 5), 5);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		fail_appends_the_cause,
		failx_says_it_all_itself,
		no_errno_is_eio,
		nobody_wants_the_message,
		wrap_goes_in_front,
		wrap_of_a_success_is_nothing,
		wrap_may_quote_the_message,
		the_cause_survives_any_context,
		a_long_text_keeps_its_errno,
		no_character_is_halved,
		context_at_the_edge,
		utf8_is_strict,
		NULL,
	};

	return unit_main("err", tests);
}
