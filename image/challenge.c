/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading challenges: a scheme, then its parameters up to the word that no "=" follows, which is
 * the next scheme.
 */
#include <config.h>
#include "challenge.h"

#include <stdbool.h>
#include <string.h>

/* A parameter's length is bounded, and so is how many there are. */
#define VALUE_MAX  4096
#define PARAMS_MAX 64

#define BLANKS	   " \t"
#define SEPARATORS " \t,"
#define TOKEN_CHARS                                                      \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"!#$%&'*+-.^_`|~"

struct word {
	const char *at;
	size_t len;
};

static struct word word_take(const char **at)
{
	struct word w = { *at, strspn(*at, TOKEN_CHARS) };

	*at += w.len;
	return w;
}

static bool word_is(struct word w, const char *text)
{
	return w.len == strlen(text) && strncasecmp(w.at, text, w.len) == 0;
}

/* Behind the opening quote. NULL: no closing quote, too long, a control character, or no memory.
 * What a backslash is before stands for itself. */
static const char *quoted_take(struct cps_arena *a, const char **at)
{
	char buf[VALUE_MAX];
	size_t len = 0;
	const char *c = *at;

	for (; *c && *c != '"'; c++) {
		if (*c == '\\' && c[1])
			c++;
		if ((unsigned char)*c < ' ' || *c == 127 || len == sizeof(buf))
			return NULL;
		buf[len++] = *c;
	}
	if (*c != '"')
		return NULL;
	*at = c + 1;
	return cps_arena_strndup(a, buf, len);
}

static const char *value_take(struct cps_arena *a, const char **at)
{
	struct word w;

	*at += strspn(*at, BLANKS);
	if (**at == '"') {
		(*at)++;
		return quoted_take(a, at);
	}
	w = word_take(at);
	return w.len > 0 && w.len <= VALUE_MAX ? cps_arena_strndup(a, w.at, w.len) : NULL;
}

static void param_set(struct img_challenge *c, struct word name, const char *value)
{
	/* a second one of a name would be an attempt to be read differently by different clients */
	if (word_is(name, "realm") && !c->realm)
		c->realm = value;
	else if (word_is(name, "service") && !c->service)
		c->service = value;
	else if (word_is(name, "scope") && !c->scope)
		c->scope = value;
}

/* The parameters of one challenge; *at is then at the next scheme. false: malformed. */
static bool params_take(struct cps_arena *a, const char **at, struct img_challenge *c)
{
	for (unsigned n = 0; n < PARAMS_MAX; n++) {
		const char *next = *at + strspn(*at, SEPARATORS);
		struct word name = word_take(&next);
		const char *value;

		if (name.len == 0)
			return *next == '\0';
		next += strspn(next, BLANKS);
		if (*next != '=') {
			*at = name.at;
			return true;
		}
		next++;
		value = value_take(a, &next);
		if (!value)
			return false;
		param_set(c, name, value);
		*at = next;
	}
	return false;
}

void img_challenge_parse(struct cps_arena *a, const char *text, struct img_challenge *ret)
{
	struct img_challenge best = { .auth = IMG_AUTH_NONE };
	const char *at = text;

	for (;;) {
		struct img_challenge c = { .auth = IMG_AUTH_NONE };
		struct word scheme;

		at += strspn(at, SEPARATORS);
		scheme = word_take(&at);
		if (scheme.len == 0 || !params_take(a, &at, &c))
			break;
		if (word_is(scheme, "bearer") && c.realm)
			c.auth = IMG_AUTH_BEARER;
		else if (word_is(scheme, "basic"))
			c.auth = IMG_AUTH_BASIC;
		if (c.auth > best.auth)
			best = c;
	}
	*ret = best;
}
