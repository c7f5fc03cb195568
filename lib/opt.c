/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by table. getopt(3) knows neither long options with one dash nor options behind the
 * arguments that end at the second argument, and keeps its state in globals.
 */
#include <config.h>
#include "opt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

/* Finds the option that the first len bytes of text name, after the dashes. */
static const struct cps_opt *opt_find(const struct cps_opt *table, const char *text, size_t len,
				      bool letters)
{
	for (const struct cps_opt *o = table; o->name; o++) {
		if (strlen(o->name) == len && memcmp(o->name, text, len) == 0)
			return o;
		if (letters && len == 1 && o->letter == *text && o->letter)
			return o;
	}
	return NULL;
}

static bool bool_parse(const char *text, bool *ret)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		*ret = true;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		*ret = false;
	else
		return false;
	return true;
}

static int list_add(struct cps_opt_list *list, const char *value, struct cps_err *err)
{
	/* Grown one by one: nobody gives so many that it would matter. */
	const char **values = realloc(list->values, (list->count + 1) * sizeof(*values));

	if (!values)
		return cps_fail(err, ENOMEM, "options");
	values[list->count++] = value;
	list->values = values;
	return 0;
}

/* Stores a value; shown is the option as the user wrote it. */
static int opt_store(const struct cps_opt *o, const char *shown, int shown_len, const char *value,
		     struct cps_err *err)
{
	int rc;

	switch (o->kind) {
	case CPS_OPT_FLAG:
		if (bool_parse(value, o->value))
			return 0;
		return cps_failx(err, EINVAL, "option %.*s: '%s' is neither true nor false",
				 shown_len, shown, value);
	case CPS_OPT_STR:
		*(const char **)o->value = value;
		return 0;
	case CPS_OPT_LIST:
		return list_add(o->value, value, err);
	case CPS_OPT_SIZE:
		rc = cps_size_parse(value, o->value);
		if (rc == 0)
			return 0;
		return cps_failx(err, EINVAL, "option %.*s: '%s' is %s", shown_len, shown, value,
				 rc == -ERANGE ? "too large"
					       : "no size (a number, with k, m or g)");
	case CPS_OPT_NUM:
		rc = cps_num_parse(value, 0, INT64_MAX, o->value);
		if (rc == 0)
			return 0;
		return cps_failx(err, EINVAL, "option %.*s: '%s' is %s", shown_len, shown, value,
				 rc == -ERANGE ? "out of range" : "no number");
	}
	return cps_failx(err, EINVAL, "option %.*s", shown_len, shown);
}

/* "-it": letters of flags, all of them; false, and nothing is set, if it is not that. */
static bool flags_joined(const struct cps_opt *table, const char *letters)
{
	for (const char *c = letters; *c; c++) {
		const struct cps_opt *o = opt_find(table, c, 1, true);

		if (!o || o->letter != *c || o->kind != CPS_OPT_FLAG)
			return false;
	}
	for (const char *c = letters; *c; c++)
		*(bool *)opt_find(table, c, 1, true)->value = true;
	return true;
}

/* One option at argv[*at]; *at moves on to the value that it takes from there. */
static int opt_take(const struct cps_opt *table, int argc, char **argv, int *at,
		    struct cps_err *err)
{
	const char *arg = argv[*at];
	bool two = arg[1] == '-';
	const char *name = arg + (two ? 2 : 1);
	size_t len = strcspn(name, "=");
	int shown = (int)(name + len - arg);
	const struct cps_opt *o = opt_find(table, name, len, !two);

	if (!o) {
		if (!two && name[len] == '\0' && flags_joined(table, name))
			return 0;
		return cps_failx(err, EINVAL, "unknown option %.*s", shown, arg);
	}
	if (name[len] == '=')
		return opt_store(o, arg, shown, name + len + 1, err);
	if (o->kind == CPS_OPT_FLAG) {
		*(bool *)o->value = true;
		return 0;
	}
	if (*at + 1 >= argc)
		return cps_failx(err, EINVAL, "option %s needs a value", arg);
	return opt_store(o, arg, shown, argv[++*at], err);
}

int cps_opt_parse(const struct cps_opt *table, enum cps_opt_order order, int argc, char **argv,
		  char ***ret_args, int *ret_count, struct cps_err *err)
{
	cleanup_free char **args = calloc((size_t)(argc > 0 ? argc : 0) + 1, sizeof(char *));
	bool ended = false;
	int count = 0;

	if (!args)
		return cps_fail(err, ENOMEM, "options");
	for (int i = 1; i < argc; i++) {
		int rc;

		if (ended || argv[i][0] != '-' || argv[i][1] == '\0') {
			args[count++] = argv[i];
			if (order == CPS_OPT_FIRST_ONLY ||
			    (order == CPS_OPT_THEN_ONE && count == 2))
				ended = true;
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			ended = true;
			continue;
		}
		rc = opt_take(table, argc, argv, &i, err);
		if (rc < 0)
			return rc;
	}
	*ret_args = take_ptr(&args);
	*ret_count = count;
	return 0;
}

/* "-b, --bundle DIR" into buf; returns its length. */
static int opt_label(const struct cps_opt *o, char *buf, size_t size)
{
	char letter[5] = "    ";

	if (o->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	return snprintf(buf, size, "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
}

void cps_opt_help(const struct cps_opt *table)
{
	char label[128];
	int width = 0;

	for (const struct cps_opt *o = table; o->name; o++) {
		int n = o->help ? opt_label(o, label, sizeof(label)) : 0;

		if (n > width)
			width = n;
	}
	for (const struct cps_opt *o = table; o->name; o++) {
		if (!o->help)
			continue;
		(void)opt_label(o, label, sizeof(label));
		printf("  %-*s  %s\n", width, label, o->help);
	}
}

/* The digits at the start of text. -EINVAL: there are none, -ERANGE: too many. */
static int digits_parse(const char *text, const char **ret_end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *c = text;
	int rc = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			rc = -ERANGE;
	}
	if (c == text)
		return -EINVAL;
	*ret_end = c;
	*ret = value;
	return rc;
}

/* "m", "M", "mb", "MiB": the power of two, -1 if it is no unit. */
static int unit_shift(const char *text)
{
	static const char units[] = "kmgtp";
	char unit = (char)(*text | 0x20); /* lower case, of a letter */
	const char *found = *text ? strchr(units, unit) : NULL;
	const char *rest = text + (found ? 1 : 0);

	if (found && (*rest | 0x20) == 'i' && (rest[1] | 0x20) == 'b')
		rest += 2;
	else if ((*rest | 0x20) == 'b')
		rest++;
	if (*rest)
		return -1;
	return found ? 10 * (int)(found - units + 1) : 0;
}

int cps_size_parse(const char *text, uint64_t *ret_bytes)
{
	const char *end = text;
	uint64_t value = 0;
	int rc = digits_parse(text, &end, &value);
	int shift;

	if (rc == -EINVAL)
		return rc;
	shift = unit_shift(end);
	if (shift < 0)
		return -EINVAL;
	if (rc < 0 || value > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_bytes = value << shift;
	return 0;
}

int cps_num_parse(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = *text == '-';
	const char *end = text;
	uint64_t size = 0;
	int64_t value;
	int rc = digits_parse(text + (negative ? 1 : 0), &end, &size);

	if (rc == -EINVAL || *end)
		return -EINVAL;
	if (rc < 0 || size > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return -ERANGE;
	value = negative ? (int64_t)(0 - size) : (int64_t)size;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool cps_is_name(const char *text)
{
	size_t len = 0;

	if (!is_alnum(*text))
		return false;
	for (; text[len]; len++) {
		if (!is_alnum(text[len]) && !strchr("_.-", text[len]))
			return false;
		if (len >= 64)
			return false;
	}
	return true;
}

bool cps_list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (strncmp(p, word, len) == 0 && (p[len] == '\0' || p[len] == ','))
			return true;
	}
	return false;
}
