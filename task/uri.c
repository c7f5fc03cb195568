/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs, see uri.h. As Go reads them: %XX anywhere, + is a space in a query, of a name that is there
 * twice the first value counts, a fragment is nothing to us.
 */
#include <config.h>
#include "uri.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define SEPARATOR "://"

bool task_uri_is(const char *text, const char *scheme)
{
	const char *at = strstr(text, SEPARATOR);

	return at && (!scheme || (strlen(scheme) == (size_t)(at - text) &&
				  strncmp(text, scheme, strlen(scheme)) == 0));
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* NULL: no memory, or (errno EINVAL) no text that could be meant. */
static char *decode(struct cps_arena *a, const char *text, size_t len, bool query)
{
	char *out = cps_arena_alloc(a, len + 1);
	size_t n = 0;

	errno = ENOMEM;
	for (size_t i = 0; out && i < len; i++) {
		int high = text[i] == '%' && i + 2 < len ? digit(text[i + 1]) : -1;
		int low = high >= 0 ? digit(text[i + 2]) : -1;

		if (text[i] == '%' && (low < 0 || (high == 0 && low == 0))) {
			errno = EINVAL;
			return NULL;
		}
		if (text[i] == '%') {
			out[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[n++] = query && text[i] == '+' ? ' ' : text[i];
		}
	}
	return out;
}

/* argv has room. */
static int pair_add(struct cps_arena *a, struct task_uri *u, const char *pair, size_t len)
{
	const char *equals = memchr(pair, '=', len);
	size_t name_len = equals ? (size_t)(equals - pair) : len;
	char *name = decode(a, pair, name_len, true);
	char *value;

	if (!name)
		return -errno;
	value = decode(a, equals ? equals + 1 : "", equals ? len - name_len - 1 : 0, true);
	if (!value)
		return -errno;
	for (size_t i = 1; i < u->argc; i += 2) {
		if (strcmp(u->argv[i], name) == 0)
			return 0;
	}
	u->argv[u->argc++] = name;
	u->argv[u->argc++] = value;
	return 0;
}

static int query_parse(struct cps_arena *a, struct task_uri *u, const char *at)
{
	int rc = 0;

	while (*at && *at != '#' && rc == 0) {
		size_t len = strcspn(at, "&#");

		if (len > 0)
			rc = pair_add(a, u, at, len);
		at += len;
		at += *at == '&';
	}
	return rc;
}

int task_uri_parse(struct cps_arena *a, const char *text, struct task_uri *ret, struct cps_err *err)
{
	const char *path = strstr(text, SEPARATOR);
	size_t len, pairs = 1;
	int rc;

	path = path ? path + strlen(SEPARATOR) : text;
	len = strcspn(path, "?#");
	if (path[0] != '/')
		return cps_failx(err, EINVAL, "stdio '%s': the path is not absolute", text);
	for (const char *at = path; *at; at++)
		pairs += *at == '&';
	*ret = (struct task_uri){ .argv = cps_arena_array(a, 2 * pairs + 2, sizeof(char *)) };
	ret->path = ret->argv ? decode(a, path, len, false) : NULL;
	rc = ret->path ? 0 : ret->argv ? -errno : -ENOMEM;
	if (rc == 0) {
		ret->argv[ret->argc++] = ret->path;
		rc = path[len] == '?' ? query_parse(a, ret, path + len + 1) : 0;
	}
	if (rc == -EINVAL)
		return cps_failx(err, EINVAL, "stdio '%s': a bad %%XX", text);
	return rc < 0 ? cps_fail(err, ENOMEM, "stdio") : 0;
}
