/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and durations.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "clock.h"

static void check_format(int64_t sec, long nsec, const char *full, const char *trimmed)
{
	const struct timespec t = { sec, nsec };
	char buf[CPS_TIME_SIZE];

	cps_time_format(&t, false, buf);
	ck_assert_str_eq(buf, full);
	cps_time_format(&t, true, buf);
	ck_assert_str_eq(buf, trimmed);
}

START_TEST(format)
{
	check_format(0, 0, "1970-01-01T00:00:00.000000000Z", "1970-01-01T00:00:00Z");
	check_format(0, 1, "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z");
	check_format(1000000000, 120000000, "2001-09-09T01:46:40.120000000Z",
		     "2001-09-09T01:46:40.12Z");
	check_format(-1, 0, "1969-12-31T23:59:59.000000000Z", "1969-12-31T23:59:59Z");
	check_format(951782400, 0, "2000-02-29T00:00:00.000000000Z", "2000-02-29T00:00:00Z");
	check_format(4107542400, 0, "2100-03-01T00:00:00.000000000Z", "2100-03-01T00:00:00Z");
	check_format(253402300799, 0, "9999-12-31T23:59:59.000000000Z", "9999-12-31T23:59:59Z");
	check_format(INT64_MAX, 0, "9999-12-31T23:59:59.999999999Z",
		     "9999-12-31T23:59:59.999999999Z");
	check_format(INT64_MIN, 0, "0000-01-01T00:00:00.000000000Z", "0000-01-01T00:00:00Z");
}
END_TEST

/* Against libc, through four centuries and at odd hours. */
START_TEST(calendar_agrees_with_libc)
{
	for (int64_t day = -50000; day < 150000; day++) {
		struct timespec t = { day * 86400 + day % 86400, 0 };
		struct timespec back = { 0 };
		char buf[CPS_TIME_SIZE];
		char wanted[CPS_TIME_SIZE];
		struct tm tm;

		ck_assert_ptr_nonnull(gmtime_r(&t.tv_sec, &tm));
		(void)strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
		cps_time_format(&t, true, buf);
		ck_assert_str_eq(buf, wanted);
		ck_assert_int_eq(cps_time_parse(buf, &back), 0);
		ck_assert_int_eq(back.tv_sec, t.tv_sec);
	}
}
END_TEST

START_TEST(parse)
{
	static const struct {
		const char *text;
		int64_t sec;
		long nsec;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "1970-01-01t00:00:00z", 0, 0 },
		{ "1970-01-01 00:00:01Z", 1, 0 },
		{ "1970-01-01T01:00:00+01:00", 0, 0 },
		{ "1969-12-31T18:30:00-05:30", 0, 0 },
		{ "2001-09-09T01:46:40.5Z", 1000000000, 500000000 },
		{ "2001-09-09T01:46:40.123456789Z", 1000000000, 123456789 },
		{ "2001-09-09T01:46:40.1234567899999Z", 1000000000, 123456789 },
		{ "2016-12-31T23:59:60Z", 1483228800, 0 },
		{ "2024-02-29T00:00:00Z", 1709164800, 0 },
		{ "0000-01-01T00:00:00Z", -62167219200, 0 },
	};
	static const char *const bad[] = {
		"",
		"1970-01-01",
		"1970-01-01T00:00:00",
		"1970-01-01T00:00:00Zx",
		"1970-01-01T00:00:00 Z",
		"1970-1-01T00:00:00Z",
		"1970-13-01T00:00:00Z",
		"1970-00-01T00:00:00Z",
		"1970-01-00T00:00:00Z",
		"1970-01-32T00:00:00Z",
		"2023-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"1970-04-31T00:00:00Z",
		"1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z",
		"1970-01-01T00:00:61Z",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00,5Z",
		"1970-01-01T00:00:00+1:00",
		"1970-01-01T00:00:00+0100",
		"1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+00:60",
		"-970-01-01T00:00:00Z",
		"19700-01-01T00:00:00Z",
		" 1970-01-01T00:00:00Z",
	};
	struct timespec t;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(cps_time_parse(good[i].text, &t) == 0, "%s", good[i].text);
		ck_assert_int_eq(t.tv_sec, good[i].sec);
		ck_assert_int_eq(t.tv_nsec, good[i].nsec);
	}
	t.tv_sec = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(cps_time_parse(bad[i], &t) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(t.tv_sec, 77);
}
END_TEST

START_TEST(durations)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "90", 90000 },	  { "0", 0 },	       { "90s", 90000 },
		{ "1m30s", 90000 },	  { "500ms", 500 },    { "2h", 7200000 },
		{ "1h1m1s1ms", 3661001 }, { "1.5s", 1500 },    { "0.25h", 900000 },
		{ "1.5", 1500 },	  { "1.0005s", 1000 },
	};
	static const char *const bad[] = {
		"",
		"s",
		"-1s",
		"1x",
		"1s5",
		"1 s",
		"1d",
		"1.s",
		"1..5s",
		"1m 3s",
		"0s5",
		"1S",
		"+1",
		"1e3",
		"99999999999999999999",
		"9223372036854775807h",
		"9223372036854775807ms1ms",
	};
	int64_t ms;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(cps_duration_parse(good[i].text, &ms) == 0, "%s", good[i].text);
		ck_assert_int_eq(ms, good[i].ms);
	}
	ms = 77;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(cps_duration_parse(bad[i], &ms) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(ms, 77);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		format, calendar_agrees_with_libc, parse, durations, NULL,
	};

	return unit_main("clock", tests);
}
