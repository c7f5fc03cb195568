/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the files of `login`.
 */
#include <config.h>
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"

#define FILE_MAX   (1U << 20) /* bytes of a file of credentials */
#define SECRET_MAX (16U << 10)
#define DOCKER_KEY "index.docker.io" /* what docker.io is called there, for reasons of old */

/* "USER:PASS" as a header's value. The user's name is what is before the first colon. */
static int basic_make(struct cps_arena *a, const char *pair, const char **ret_user,
		      const char **ret_basic, struct cps_err *err)
{
	size_t len = strlen(pair);
	const char *colon = strchr(pair, ':');
	char *text, *user, *basic;

	if (!colon || colon == pair || len > SECRET_MAX)
		return cps_failx(err, EINVAL, "credentials: USER:PASS is wanted");
	for (const char *c = pair; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return cps_failx(err, EINVAL, "credentials: a control character");
	user = cps_arena_strndup(a, pair, (size_t)(colon - pair));
	text = cps_arena_alloc(a, (len + 2) / 3 * 4 + 1);
	if (!user || !text)
		return cps_fail(err, ENOMEM, "credentials");
	(void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)pair, (int)len);
	basic = cps_arena_printf(a, "Basic %s", text);
	if (!basic)
		return cps_fail(err, ENOMEM, "credentials");
	*ret_user = user;
	*ret_basic = basic;
	return 0;
}

/* Base64 into text; NULL: it is none, or holds a NUL. */
static const char *base64_text(struct cps_arena *a, const char *text)
{
	size_t len = strlen(text), pad = 0;
	char *out;
	int n;

	if (len == 0 || len % 4 || len > SECRET_MAX)
		return NULL;
	while (pad < 2 && text[len - 1 - pad] == '=')
		pad++;
	out = cps_arena_alloc(a, len / 4 * 3 + 1);
	if (!out)
		return NULL;
	n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
	if (n < (int)pad)
		return NULL;
	out[n - (int)pad] = '\0';
	return strlen(out) == (size_t)n - pad ? out : NULL;
}

/* How well an entry's key fits: the length of the path that it names, and one more; 0: not at all.
 * Keys are HOST[:PORT][/PATH], or a URL, whose path says nothing. */
static size_t key_fits(const char *key, const struct sto_ref *ref)
{
	const char *bare = key;
	size_t host, path;
	bool url = false;

	if (strncmp(key, "https://", 8) == 0 || strncmp(key, "http://", 7) == 0) {
		bare = strstr(key, "://") + 3;
		url = true;
	}
	host = strcspn(bare, "/");
	if (strlen(ref->domain) == host && strncasecmp(bare, ref->domain, host) == 0)
		;
	else if (strcmp(ref->domain, STO_REF_REGISTRY) == 0 && host == strlen(DOCKER_KEY) &&
		 strncasecmp(bare, DOCKER_KEY, host) == 0)
		url = true; /* "/v1/" */
	else
		return 0;
	if (url || bare[host] == '\0')
		return 1;
	bare += host + 1;
	path = strlen(bare);
	if (strncmp(ref->path, bare, path) != 0 ||
	    (ref->path[path] != '\0' && ref->path[path] != '/'))
		return 0;
	return path + 1;
}

/* An entry's secret: "auth", or "username" and "password". NULL: neither. */
static const char *entry_pair(struct cps_arena *a, const struct cps_json *entry)
{
	const char *auth, *user, *password;
	struct cps_err ignored;

	if (cps_json_str(cps_json_get(entry, "auth"), &auth, &ignored) == 0 && auth[0])
		return base64_text(a, auth);
	if (cps_json_str(cps_json_get(entry, "username"), &user, &ignored) == 0 &&
	    cps_json_str(cps_json_get(entry, "password"), &password, &ignored) == 0)
		return cps_arena_printf(a, "%s:%s", user, password);
	return NULL;
}

/* *ret_pair stays NULL if the file is absent, or has nothing that fits. */
static int file_look(struct cps_arena *a, const char *path, const struct sto_ref *ref,
		     const char **ret_pair, struct cps_err *err)
{
	const struct cps_json *root, *auths;
	size_t best = 0;
	int rc = cps_json_load(a, AT_FDCWD, path, FILE_MAX, &root, err);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc < 0)
		return cps_wrap(err, rc, "credentials");
	auths = cps_json_get(root, "auths");
	if (!auths || auths->type != CPS_JSON_OBJECT)
		return 0;
	for (const struct cps_json *e = auths->first; e; e = e->next) {
		size_t fits = key_fits(e->key, ref);
		const char *pair = fits > best ? entry_pair(a, e) : NULL;

		if (pair) {
			best = fits;
			*ret_pair = pair;
		}
	}
	return 0;
}

static const char *below(struct cps_arena *a, const char *variable, const char *name)
{
	const char *dir = getenv(variable);

	if (!dir || !dir[0])
		return NULL;
	return name ? cps_arena_printf(a, "%s/%s", dir, name) : dir;
}

int img_credentials(struct cps_arena *a, const struct sto_ref *ref, const char *creds,
		    const char **ret_user, const char **ret_basic, struct cps_err *err)
{
	const char *const files[] = {
		below(a, "REGISTRY_AUTH_FILE", NULL),
		below(a, "XDG_RUNTIME_DIR", "containers/auth.json"),
		cps_arena_printf(a, "/run/containers/%u/auth.json", (unsigned)geteuid()),
		below(a, "DOCKER_CONFIG", "config.json"),
		below(a, "HOME", ".docker/config.json"),
	};
	const char *pair = creds;
	int rc = 0;

	for (size_t i = 0; rc == 0 && !pair && i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i])
			rc = file_look(a, files[i], ref, &pair, err);
	if (rc < 0)
		return rc;
	if (pair)
		return basic_make(a, pair, ret_user, ret_basic, err);
	*ret_user = NULL;
	*ret_basic = NULL;
	return 0;
}
