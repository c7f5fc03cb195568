/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time as text. The calendar is worked out here: gmtime(3) takes a lock and has libc look for time
 * zone files, and nothing of ours has a time zone.
 */
#include <config.h>
#include "clock.h"

#include <errno.h>
#include <string.h>

#define DAY 86400

/* Days since 1970-01-01 of a day of the Gregorian calendar; years count from March on here. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*ret_day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
	*ret_month = (unsigned)(m < 10 ? m + 3 : m - 9);
	*ret_year = years + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

static char *digits_put(char *at, unsigned long value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + width;
}

void cps_time_format(const struct timespec *t, bool trim, char buf[CPS_TIME_SIZE])
{
	int64_t days = t->tv_sec / DAY;
	int64_t seconds = t->tv_sec % DAY;
	int64_t year;
	unsigned month, day;
	char *at = buf;

	if (seconds < 0) {
		seconds += DAY;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	if (year < 0 || year > 9999) { /* RFC 3339 has four digits: the nearest it can say */
		static const struct timespec ends[] = { { -62167219200, 0 },
							{ 253402300799, 999999999 } };

		cps_time_format(&ends[year > 9999], trim, buf);
		return;
	}
	at = digits_put(at, (unsigned long)year, 4);
	*at++ = '-';
	at = digits_put(at, month, 2);
	*at++ = '-';
	at = digits_put(at, day, 2);
	*at++ = 'T';
	at = digits_put(at, (unsigned long)seconds / 3600, 2);
	*at++ = ':';
	at = digits_put(at, (unsigned long)seconds / 60 % 60, 2);
	*at++ = ':';
	at = digits_put(at, (unsigned long)seconds % 60, 2);
	*at++ = '.';
	at = digits_put(at, (unsigned long)t->tv_nsec, 9);
	if (trim) {
		while (at[-1] == '0')
			at--;
		if (at[-1] == '.')
			at--;
	}
	*at++ = 'Z';
	*at = '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly width digits at *at, which moves on. */
static bool digits_take(const char **at, int width, unsigned *ret)
{
	unsigned value = 0;

	for (int i = 0; i < width; i++, (*at)++) {
		if (!is_digit(**at))
			return false;
		value = value * 10 + (unsigned)(**at - '0');
	}
	*ret = value;
	return true;
}

static bool char_take(const char **at, const char *any_of)
{
	if (**at == '\0' || !strchr(any_of, **at))
		return false;
	(*at)++;
	return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
	if (month == 2)
		return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static bool fraction_take(const char **at, long *ret_nanoseconds)
{
	long unit = 100000000;

	*ret_nanoseconds = 0;
	if (!char_take(at, "."))
		return true;
	if (!is_digit(**at))
		return false;
	for (; is_digit(**at); (*at)++, unit /= 10) /* what is finer than that is dropped */
		*ret_nanoseconds += (**at - '0') * unit;
	return true;
}

/* "Z" or "+01:00" */
static bool offset_take(const char **at, int64_t *ret_seconds)
{
	unsigned hours, minutes;
	bool west = **at == '-';

	*ret_seconds = 0;
	if (char_take(at, "Zz"))
		return true;
	if (!char_take(at, "+-") || !digits_take(at, 2, &hours) || !char_take(at, ":") ||
	    !digits_take(at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = (west ? -1 : 1) * (int64_t)(hours * 3600 + minutes * 60);
	return true;
}

int cps_time_parse(const char *text, struct timespec *ret)
{
	unsigned year, month, day, hour, minute, second;
	int64_t offset;
	long nanoseconds;
	const char *at = text;

	if (!digits_take(&at, 4, &year) || !char_take(&at, "-") || !digits_take(&at, 2, &month) ||
	    !char_take(&at, "-") || !digits_take(&at, 2, &day) || !char_take(&at, "Tt ") ||
	    !digits_take(&at, 2, &hour) || !char_take(&at, ":") || !digits_take(&at, 2, &minute) ||
	    !char_take(&at, ":") || !digits_take(&at, 2, &second) ||
	    !fraction_take(&at, &nanoseconds) || !offset_take(&at, &offset) || *at)
		return -EINVAL;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
	    minute > 59 || second > 60) /* 60: a leap second, which runs into the next minute */
		return -EINVAL;
	ret->tv_sec = days_from_date(year, month, day) * DAY + (int64_t)hour * 3600 +
		      (int64_t)minute * 60 + second - offset;
	ret->tv_nsec = nanoseconds;
	return 0;
}

/* The unit at *at, in milliseconds; 0: there is none. */
static int64_t unit_take(const char **at)
{
	static const struct {
		char name[3];
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*at, units[i].name, len) == 0) {
			*at += len;
			return units[i].ms;
		}
	}
	return 0;
}

int cps_duration_parse(const char *text, int64_t *ret_ms)
{
	const char *at = text;
	int64_t total = 0;

	do {
		bool alone = at == text;
		int64_t value = 0;
		int64_t unit;
		long fraction = 0;

		if (!is_digit(*at))
			return -EINVAL;
		for (; is_digit(*at); at++) {
			if (__builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, *at - '0', &value))
				return -EINVAL;
		}
		if (!fraction_take(&at, &fraction))
			return -EINVAL;
		unit = unit_take(&at);
		if (unit == 0 && alone && *at == '\0')
			unit = 1000;
		if (unit == 0 || __builtin_mul_overflow(value, unit, &value) ||
		    __builtin_add_overflow(total, value, &total) ||
		    __builtin_add_overflow(total, fraction / 1000 * unit / 1000000, &total))
			return -EINVAL;
	} while (*at);
	*ret_ms = total;
	return 0;
}

int64_t cps_monotonic_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
