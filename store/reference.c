/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of image names.
 */
#include <config.h>
#include "reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"
#define LIBRARY "library/"

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One word of a path: runs of a-z0-9 with ".", "_", "__" or any number of "-" between them. */
static bool is_path_word(const char *at, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t run = i;

		while (i < len && is_lower(at[i]))
			i++;
		if (i == run)
			return false;
		if (i == len)
			return true;
		if (at[i] == '-')
			while (i < len && at[i] == '-')
				i++;
		else if (at[i] == '_')
			i += i + 1 < len && at[i + 1] == '_' ? 2 : 1;
		else if (at[i] == '.')
			i++;
		else
			return false;
	}
	return false; /* empty, or it ends with a separator */
}

static bool is_path(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (!is_path_word(path, len))
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

static bool is_tag(const char *tag)
{
	size_t len = strspn(tag, LOWER UPPER DIGITS "_.-");

	return len >= 1 && len <= 128 && tag[len] == '\0' && tag[0] != '.' && tag[0] != '-';
}

/* Labels of letters, digits and inner dashes, or an IPv6 address in brackets, and a port. */
static bool is_domain(const char *domain)
{
	const char *at = domain;
	size_t len;

	if (*at == '[') {
		len = strspn(at + 1, "abcdefABCDEF" DIGITS ":.");
		if (len < 2 || at[len + 1] != ']')
			return false;
		at += len + 2;
	} else {
		for (;;) {
			len = strspn(at, LOWER UPPER DIGITS "-");
			if (len == 0 || at[0] == '-' || at[len - 1] == '-')
				return false;
			at += len;
			if (*at != '.')
				break;
			at++;
		}
	}
	if (*at == '\0')
		return true;
	len = strspn(at + 1, DIGITS);
	return *at == ':' && len >= 1 && len <= 5 && at[len + 1] == '\0';
}

/* Docker's rule: the first word is a registry if it could not be a word of a path. */
static bool looks_like_domain(const char *word, size_t len)
{
	if (len == strlen("localhost") && memcmp(word, "localhost", len) == 0)
		return true;
	for (size_t i = 0; i < len; i++)
		if (word[i] == '.' || word[i] == ':' || word[i] == '[' ||
		    isupper((unsigned char)word[i]))
			return true;
	return false;
}

static int refuse(const char *text, struct cps_err *err)
{
	return cps_failx(err, EINVAL,
			 "'%.80s' is no image's name: [REGISTRY/]PATH[:TAG][@sha256:DIGEST], the "
			 "path of a-z 0-9 with . _ - between them",
			 text);
}

/* Cuts "@digest" and ":tag" off the end of rest. false: they are none. */
static bool cut_ends(char *rest, struct sto_ref *ret)
{
	char *at = strchr(rest, '@');
	char *colon, *slash;

	if (at) {
		if (!sto_is_digest(at + 1))
			return false;
		memcpy(ret->digest, at + 1, sizeof(ret->digest));
		*at = '\0';
	}
	slash = strrchr(rest, '/');
	colon = strrchr(rest, ':');
	if (colon && (!slash || colon > slash)) {
		if (!is_tag(colon + 1))
			return false;
		memcpy(ret->tag, colon + 1, strlen(colon + 1) + 1);
		*colon = '\0';
	} else if (!at) {
		memcpy(ret->tag, STO_REF_TAG_LATEST, sizeof(STO_REF_TAG_LATEST));
	}
	return true;
}

/* What would be taken for an image's id is no name. */
static bool looks_like_id(const char *rest)
{
	return strcmp(rest, "sha256") == 0 ||
	       (strlen(rest) == STO_HEX_SIZE - 1 &&
		strspn(rest, "0123456789abcdef") == STO_HEX_SIZE - 1);
}

int sto_ref_parse(const char *text, struct sto_ref *ret, struct cps_err *err)
{
	struct sto_ref ref = { 0 };
	char copy[STO_NAME_SIZE];
	size_t len = strlen(text);
	char *rest = copy;
	size_t word;

	if (len >= sizeof(copy))
		return refuse(text, err);
	memcpy(copy, text, len + 1);
	word = strcspn(copy, "/");
	if (copy[word] == '/' && looks_like_domain(copy, word)) {
		memcpy(ref.domain, copy, word);
		rest = copy + word + 1;
		if (!is_domain(ref.domain))
			return refuse(text, err);
	}
	if (!ref.domain[0] || strcmp(ref.domain, "index.docker.io") == 0)
		memcpy(ref.domain, STO_REF_REGISTRY, sizeof(STO_REF_REGISTRY));
	if (!cut_ends(rest, &ref) || !is_path(rest) || looks_like_id(rest))
		return refuse(text, err);
	(void)snprintf(ref.path, sizeof(ref.path), "%s%s",
		       strcmp(ref.domain, STO_REF_REGISTRY) == 0 && !strchr(rest, '/') ? LIBRARY
										       : "",
		       rest);
	*ret = ref;
	return 0;
}

void sto_ref_name(const struct sto_ref *ref, char buf[STO_NAME_SIZE])
{
	bool hub = strcmp(ref->domain, STO_REF_REGISTRY) == 0;
	const char *path = ref->path;
	const char *mark = ref->digest[0] ? "@" : ":";
	int n;

	if (hub && strncmp(path, LIBRARY, strlen(LIBRARY)) == 0 &&
	    !strchr(path + strlen(LIBRARY), '/'))
		path += strlen(LIBRARY);
	if (!ref->digest[0] && strcmp(ref->tag, STO_REF_TAG_LATEST) == 0)
		mark = "";
	n = snprintf(buf, STO_NAME_SIZE, "%s%s%s%s%s", hub ? "" : ref->domain, hub ? "" : "/", path,
		     mark, *mark ? sto_ref_wanted(ref) : "");
	if (n < 0 || n >= STO_NAME_SIZE)
		buf[0] = '\0'; /* cannot be: it is never longer than the text that was parsed */
}

const char *sto_ref_wanted(const struct sto_ref *ref)
{
	return ref->digest[0] ? ref->digest : ref->tag;
}

int sto_name_normalise(const char *text, char buf[STO_NAME_SIZE], struct cps_err *err)
{
	struct sto_ref ref;
	int rc = sto_ref_parse(text, &ref, err);

	if (rc == 0)
		sto_ref_name(&ref, buf);
	return rc;
}
