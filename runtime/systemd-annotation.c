/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of a scope by annotation: org.systemd.property.TimeoutStopUSec = "uint64 5000000".
 * GVariant's text form, of which basic types and arrays of strings and numbers are understood.
 */
#include <config.h>

#include "systemd.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

static const struct {
	const char *word;
	char type;
} kinds[] = {
	{ "boolean", 'b' }, { "byte", 'y' },	   { "int16", 'n' }, { "uint16", 'q' },
	{ "int32", 'i' },   { "uint32", 'u' },	   { "int64", 'x' }, { "uint64", 't' },
	{ "string", 's' },  { "objectpath", 'o' },
};

static int bad(const char *value, struct cps_err *err)
{
	return cps_failx(err, EINVAL, "'%.64s' is no value that is understood", value);
}

static const char *skip(const char *p)
{
	return p + strspn(p, " \t");
}

/* 'text' or "text", with a backslash before what would end it. */
static const char *read_string(const char *p, struct cps_buf *text)
{
	char quote = *p++;

	for (; *p && *p != quote; p++) {
		if (*p == '\\' && p[1])
			p++;
		cps_buf_add(text, p, 1);
	}
	return *p ? p + 1 : NULL;
}

/* One literal; *type is its own if it was 0. NULL: it is none. */
static const char *read_one(const char *p, char *type, struct cps_jsonw *w)
{
	cleanup_buf struct cps_buf text = CPS_BUF_INIT;
	char found = 'i';
	const char *end;

	if (*p == '\'' || *p == '"') {
		found = 's';
		end = read_string(p, &text);
	} else if (strncmp(p, "true", 4) == 0 || strncmp(p, "false", 5) == 0) {
		found = 'b';
		end = p + (*p == 't' ? 4 : 5);
	} else {
		end = p + (*p == '-');
		end += strspn(end, "0123456789");
		if (end == p + (*p == '-'))
			return NULL;
	}
	if (!*type)
		*type = found;
	if (!end || (found == 's') != (*type == 's' || *type == 'o') ||
	    (found == 'b') != (*type == 'b'))
		return NULL;
	if (found != 's')
		cps_buf_add(&text, p, (size_t)(end - p));
	if (text.failed)
		return NULL;
	if (found == 's')
		cps_jsonw_str(w, NULL, text.len ? text.data : "");
	else
		cps_jsonw_raw(w, NULL, text.data);
	return skip(end);
}

static const char *read_array(const char *p, char *type, struct cps_jsonw *w)
{
	cps_jsonw_open(w, NULL, '[');
	p = skip(p + 1);
	while (p && *p && *p != ']') {
		p = read_one(p, type, w);
		if (p && *p == ',')
			p = skip(p + 1);
		else if (p && *p != ']')
			p = NULL;
	}
	cps_jsonw_close(w, ']');
	return p && *p == ']' && *type ? skip(p + 1) : NULL;
}

/* "uint64 " or "@as ": the type before the value. */
static const char *read_type(const char *p, char *type, bool *ret_array)
{
	size_t n = strcspn(p, " \t");

	if (*p == '@' && n >= 2 && n <= 3 && (n == 2 || p[1] == 'a')) {
		*ret_array = n == 3;
		*type = p[n - 1];
		return skip(p + n);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].word) == n && strncmp(p, kinds[i].word, n) == 0) {
			*type = kinds[i].type;
			return skip(p + n);
		}
	return p;
}

/* systemd's files speak of seconds, D-Bus of microseconds. */
static int put_seconds(const char *name, const char *value, struct cps_jsonw *w,
		       struct cps_err *err)
{
	cleanup_buf struct cps_buf bus_name = CPS_BUF_INIT;
	char type = 0;
	bool array = false;
	const char *p = read_type(skip(value), &type, &array);
	char *end;
	double seconds = strtod(p, &end);

	if (end == p || *skip(end) || array || !isfinite(seconds) || seconds < 0 || seconds > 1e12)
		return bad(value, err);
	cps_buf_printf(&bus_name, "%.*sUSec", (int)(strlen(name) - 3), name);
	if (bus_name.failed)
		return cps_fail(err, ENOMEM, "a property of systemd's");
	rt_systemd_property(w, bus_name.data, "t");
	cps_jsonw_u64(w, NULL, (uint64_t)(seconds * 1e6));
	cps_jsonw_close(w, ']');
	return 0;
}

int rt_systemd_annotation(const char *name, const char *value, struct cps_jsonw *w,
			  struct cps_err *err)
{
	cleanup_buf struct cps_buf json = CPS_BUF_INIT;
	size_t len = strlen(name);
	struct cps_jsonw one;
	char type = 0, text[3];
	bool array = false;
	const char *p;

	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			return cps_failx(err, EINVAL, "'%.64s' is no name of a property", name);
	if (len < 3)
		return cps_failx(err, EINVAL, "'%.64s' is no name of a property", name);
	if (len > 3 && strcmp(name + len - 3, "Sec") == 0 &&
	    (len < 4 || strcmp(name + len - 4, "USec") != 0))
		return put_seconds(name, value, w, err);
	cps_jsonw_init(&one, &json, false);
	p = read_type(skip(value), &type, &array);
	if (*p == '[') {
		array = true;
		p = read_array(p, &type, &one);
	} else {
		p = array ? NULL : read_one(p, &type, &one);
	}
	if (!p || *p)
		return bad(value, err);
	if (json.failed)
		return cps_fail(err, ENOMEM, "a property of systemd's");
	text[0] = array ? 'a' : type;
	text[1] = array ? type : '\0';
	text[2] = '\0';
	rt_systemd_property(w, name, text);
	cps_jsonw_raw(w, NULL, json.data);
	cps_jsonw_close(w, ']');
	return 0;
}
