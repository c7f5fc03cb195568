/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a parsed tree: members, paths for messages, typed getters.
 */
#include <config.h>
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

const struct cps_json *cps_json_get(const struct cps_json *obj, const char *key)
{
	if (!obj || obj->type != CPS_JSON_OBJECT)
		return NULL;
	for (const struct cps_json *m = obj->first; m; m = m->next) {
		if (strcmp(m->key, key) == 0)
			return m->type == CPS_JSON_NULL ? NULL : m;
	}
	return NULL;
}

/* A bounded text in the making, for paths: no heap, cut where it is full. */
struct text {
	char *data;
	size_t len;
	size_t size; /* >= 1 */
};

static void text_put(struct text *t, const char *s, size_t len)
{
	if (len > t->size - 1 - t->len)
		len = cps_utf8_cut(s, t->size - 1 - t->len);
	memcpy(t->data + t->len, s, len);
	t->len += len;
}

static bool is_plain_key(const char *key)
{
	return *key && key[strspn(key, "0123456789abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-")] == '\0';
}

static void path_step(struct text *t, const struct cps_json *node)
{
	char index[16];
	int n;

	if (!node->key) {
		n = snprintf(index, sizeof(index), "[%" PRIu32 "]", node->index);
		text_put(t, index, (size_t)n);
	} else if (is_plain_key(node->key)) {
		if (t->len > 0)
			text_put(t, ".", 1);
		text_put(t, node->key, strlen(node->key));
	} else {
		size_t start = t->len + 2;

		text_put(t, "[\"", 2);
		text_put(t, node->key, strlen(node->key));
		for (size_t i = start; i < t->len; i++) {
			if ((unsigned char)t->data[i] < 0x20 || t->data[i] == 0x7f)
				t->data[i] = '?'; /* the path is for terminals and logs */
		}
		text_put(t, "\"]", 2);
	}
}

void cps_json_path(const struct cps_json *node, char *buf, size_t size)
{
	const struct cps_json *way[CPS_JSON_DEPTH + 1];
	struct text t = { .data = buf, .size = size };
	unsigned steps = 0;

	if (size == 0)
		return;
	if (!node)
		text_put(&t, "(absent)", strlen("(absent)"));
	else if (!node->parent)
		text_put(&t, "(top)", strlen("(top)"));
	for (; node && node->parent && steps < CPS_JSON_DEPTH + 1; node = node->parent)
		way[steps++] = node;
	while (steps > 0)
		path_step(&t, way[--steps]);
	t.data[t.len] = '\0';
}

int cps_json_fail(const struct cps_json *node, int num, struct cps_err *err, const char *fmt, ...)
{
	char path[256];
	char text[sizeof(err->msg)];
	va_list args;

	cps_json_path(node, path, sizeof(path));
	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	(void)cps_failx(err, num, "%s", text);
	return cps_wrap(err, num > 0 ? -num : -EIO, "%s", path);
}

static const char *type_name(enum cps_json_type type)
{
	static const char *const names[] = {
		[CPS_JSON_NULL] = "null",	[CPS_JSON_BOOL] = "a boolean",
		[CPS_JSON_NUMBER] = "a number", [CPS_JSON_STRING] = "a string",
		[CPS_JSON_ARRAY] = "an array",	[CPS_JSON_OBJECT] = "an object",
	};

	return names[type];
}

static const char *what_is(const struct cps_json *node)
{
	return node ? type_name(node->type) : "nothing";
}

static bool is_type(const struct cps_json *node, enum cps_json_type type)
{
	return node && node->type == type;
}

int cps_json_want(const struct cps_json *node, enum cps_json_type type, struct cps_err *err)
{
	if (is_type(node, type))
		return 0;
	return cps_json_fail(node, EINVAL, err, "expected %s, got %s", type_name(type),
			     what_is(node));
}

int cps_json_str(const struct cps_json *node, const char **ret, struct cps_err *err)
{
	int rc = cps_json_want(node, CPS_JSON_STRING, err);

	if (rc < 0)
		return rc;
	if (memchr(node->text, '\0', node->len))
		return cps_json_fail(node, EINVAL, err, "a NUL in the string");
	*ret = node->text;
	return 0;
}

int cps_json_bool(const struct cps_json *node, bool *ret, struct cps_err *err)
{
	int rc = cps_json_want(node, CPS_JSON_BOOL, err);

	if (rc < 0)
		return rc;
	*ret = node->boolean;
	return 0;
}

/*
 * The magnitude of an integer's text: 0, -EINVAL if there is a fraction or an exponent, -ERANGE if
 * it takes more than 64 bits. yajl has seen to the syntax.
 */
static int integer_parse(const struct cps_json *node, bool *ret_negative, uint64_t *ret)
{
	const char *c = node->text;
	uint64_t value = 0;
	bool negative = *c == '-';

	if (negative)
		c++;
	if (strspn(c, "0123456789") != strlen(c))
		return -EINVAL;
	for (; *c; c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	}
	*ret_negative = negative;
	*ret = value;
	return 0;
}

/* Long digits are not worth a long message. */
#define SHOWN(node) (int)((node)->len < 40 ? (node)->len : 40), (node)->text

int cps_json_i64(const struct cps_json *node, int64_t min, int64_t max, int64_t *ret,
		 struct cps_err *err)
{
	uint64_t size = 0;
	bool negative = false;
	int64_t value = 0;
	int rc;

	if (!is_type(node, CPS_JSON_NUMBER))
		return cps_json_fail(node, EINVAL, err, "expected an integer, got %s",
				     what_is(node));
	rc = integer_parse(node, &negative, &size);
	if (rc == -EINVAL)
		return cps_json_fail(node, EINVAL, err, "expected an integer, got %.*s",
				     SHOWN(node));
	if (rc == 0 && size > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		rc = -ERANGE;
	if (rc == 0)
		value = negative ? (int64_t)(0 - size) : (int64_t)size;
	if (rc < 0 || value < min || value > max)
		return cps_json_fail(node, EINVAL, err,
				     "%.*s is not within %" PRId64 " and %" PRId64, SHOWN(node),
				     min, max);
	*ret = value;
	return 0;
}

int cps_json_u64(const struct cps_json *node, uint64_t max, uint64_t *ret, struct cps_err *err)
{
	uint64_t value = 0;
	bool negative = false;
	int rc;

	if (!is_type(node, CPS_JSON_NUMBER))
		return cps_json_fail(node, EINVAL, err, "expected an integer, got %s",
				     what_is(node));
	rc = integer_parse(node, &negative, &value);
	if (rc == -EINVAL)
		return cps_json_fail(node, EINVAL, err, "expected an integer, got %.*s",
				     SHOWN(node));
	if (rc < 0 || (negative && value > 0) || value > max)
		return cps_json_fail(node, EINVAL, err, "%.*s is not within 0 and %" PRIu64,
				     SHOWN(node), max);
	*ret = value;
	return 0;
}
