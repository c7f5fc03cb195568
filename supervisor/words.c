/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splitting one argument into words. The output is never longer than the input, so one buffer of
 * the input's size holds all words and an array of half of it all pointers.
 */
#include <config.h>

#include "words.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

bool sup_words_wanted(const char *text)
{
	return strpbrk(text, " \t\n") != NULL;
}

/* One word from *text on, written to *out with its NUL; both move behind it. */
static int word_copy(const char **text, char **out, struct cps_err *err)
{
	const char *in = *text;
	char *to = *out;
	char quote = 0;

	for (; *in && (quote || !is_blank(*in)); in++) {
		if (quote ? *in == quote : *in == '\'' || *in == '"') {
			quote = quote ? 0 : *in;
			continue;
		}
		/* in double quotes a backslash quotes only what would end or quote there */
		if (*in == '\\' && quote != '\'' &&
		    (!quote || in[1] == '"' || in[1] == '\\' || in[1] == '$' || in[1] == '`')) {
			in++;
			if (!*in)
				return cps_failx(err, EINVAL, "a backslash at the end");
		}
		*to++ = *in;
	}
	if (quote)
		return cps_failx(err, EINVAL, "the quote %c is not closed", quote);
	*to++ = '\0';
	*text = in;
	*out = to;
	return 0;
}

int sup_words_split(struct cps_arena *a, const char *text, const char ***ret_words, size_t *ret_n,
		    struct cps_err *err)
{
	size_t len = strlen(text), n = 0;
	const char **words = cps_arena_array(a, len / 2 + 2, sizeof(*words));
	char *out = cps_arena_alloc(a, len + 1);
	int rc;

	if (!words || !out)
		return cps_fail(err, ENOMEM, "split '%.60s'", text);
	for (;;) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		words[n++] = out;
		rc = word_copy(&text, &out, err);
		if (rc < 0)
			return cps_wrap(err, rc, "command '%.60s'", words[0]);
	}
	if (!n)
		return cps_failx(err, EINVAL, "the command is empty");
	words[n] = NULL;
	*ret_words = words;
	*ret_n = n;
	return 0;
}
