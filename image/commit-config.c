/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing that configuration (OCI image-spec, config.md).
 */
#include <config.h>
#include "commit-config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "arena.h"
#include "clock.h"
#include "json.h"
#include "manifest.h"

enum kind {
	KIND_COMMAND, /* replaced: an array of words */
	KIND_TEXT,    /* replaced: a string */
	KIND_PAIRS,   /* Env: an array of K=V, one for each K */
	KIND_MAP,     /* Labels: K to V */
	KIND_SET,     /* K to {} */
};

static const struct word {
	const char *word, *member;
	enum kind kind;
} words[] = {
	{ "CMD", "Cmd", KIND_COMMAND },
	{ "ENTRYPOINT", "Entrypoint", KIND_COMMAND },
	{ "ENV", "Env", KIND_PAIRS },
	{ "EXPOSE", "ExposedPorts", KIND_SET },
	{ "LABEL", "Labels", KIND_MAP },
	{ "USER", "User", KIND_TEXT },
	{ "VOLUME", "Volumes", KIND_SET },
	{ "WORKDIR", "WorkingDir", KIND_TEXT },
	{ "STOPSIGNAL", "StopSignal", KIND_TEXT },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* The word of a change, and what follows it. */
static const struct word *word_find(const char *change, const char **ret_rest)
{
	size_t len = strcspn(change, " \t=");

	for (size_t i = 0; i < WORDS; i++)
		if (strlen(words[i].word) == len && strncasecmp(words[i].word, change, len) == 0) {
			*ret_rest = change + len + strspn(change + len, " \t=");
			return **ret_rest ? &words[i] : NULL;
		}
	return NULL;
}

/* Length of the K of "K=V". */
static size_t key_len(const char *pair)
{
	return strcspn(pair, "=");
}

/* Does a later change give this key of this member another value? */
static bool is_overridden(const struct img_commit *c, const struct word *word, unsigned after,
			  const char *key, size_t len)
{
	for (unsigned i = after; i < c->changes->count; i++) {
		const char *rest;

		if (word_find(c->changes->values[i], &rest) == word && key_len(rest) == len &&
		    strncmp(rest, key, len) == 0)
			return true;
	}
	return false;
}

static int command_write(struct cps_jsonw *w, const char *member, const char *text,
			 struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *node;
	int rc;

	if (text[0] != '[') {
		cps_jsonw_open(w, member, '[');
		cps_jsonw_str(w, NULL, "/bin/sh");
		cps_jsonw_str(w, NULL, "-c");
		cps_jsonw_str(w, NULL, text);
		cps_jsonw_close(w, ']');
		return 0;
	}
	rc = cps_json_parse(&a, text, strlen(text), &node, err);
	if (rc == 0)
		rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	for (const struct cps_json *e = rc == 0 ? node->first : NULL; e && rc == 0; e = e->next)
		rc = cps_json_want(e, CPS_JSON_STRING, err);
	if (rc == 0)
		cps_jsonw_node(w, member, node);
	return rc;
}

static void one_write(struct cps_jsonw *w, const struct word *word, const char *rest)
{
	const size_t len = key_len(rest);
	char key[512];

	(void)snprintf(key, sizeof(key), "%.*s", (int)len, rest);
	switch (word->kind) {
	case KIND_PAIRS:
		cps_jsonw_str(w, NULL, rest);
		break;
	case KIND_MAP:
		cps_jsonw_str(w, key, rest[len] ? rest + len + 1 : "");
		break;
	case KIND_SET:
		cps_jsonw_raw(w, rest, "{}");
		break;
	case KIND_COMMAND:
	case KIND_TEXT:
		break;
	}
}

/* A member of which the old entries stay, but those that get a new value. */
static void merged_write(const struct img_commit *c, struct cps_jsonw *w, const struct word *word,
			 const struct cps_json *old)
{
	const char bracket = word->kind == KIND_PAIRS ? '[' : '{';

	cps_jsonw_open(w, word->member, bracket);
	for (const struct cps_json *e = old ? old->first : NULL; e; e = e->next) {
		const char *key = word->kind == KIND_PAIRS ? e->text : e->key;

		if (key && !is_overridden(c, word, 0, key, key_len(key)))
			cps_jsonw_node(w, e->key, e);
	}
	for (unsigned i = 0; i < c->changes->count; i++) {
		const char *rest;

		if (word_find(c->changes->values[i], &rest) == word &&
		    !is_overridden(c, word, i + 1, rest, key_len(rest)))
			one_write(w, word, rest);
	}
	cps_jsonw_close(w, bracket == '[' ? ']' : '}');
}

/* One member of `config`, changed or as it was. */
static int member_write(const struct img_commit *c, struct cps_jsonw *w, const struct word *word,
			const struct cps_json *config, struct cps_err *err)
{
	const struct cps_json *old = cps_json_get(config, word->member);
	const char *last = NULL;

	for (unsigned i = 0; i < c->changes->count; i++) {
		const char *rest;

		if (word_find(c->changes->values[i], &rest) == word)
			last = rest;
	}
	if (!last && old)
		cps_jsonw_node(w, word->member, old);
	if (!last)
		return 0;
	if (word->kind == KIND_COMMAND)
		return cps_wrap(err, command_write(w, word->member, last, err), "%s", word->word);
	if (word->kind == KIND_TEXT)
		cps_jsonw_str(w, word->member, last);
	else
		merged_write(c, w, word, old);
	return 0;
}

static bool is_ours(const char *member)
{
	for (size_t i = 0; i < WORDS; i++)
		if (strcmp(words[i].member, member) == 0)
			return true;
	return false;
}

static int config_write(const struct img_commit *c, struct cps_jsonw *w,
			const struct cps_json *config, struct cps_err *err)
{
	int rc = 0;

	cps_jsonw_open(w, "config", '{');
	for (const struct cps_json *e = config ? config->first : NULL; e; e = e->next)
		if (e->key && !is_ours(e->key))
			cps_jsonw_node(w, e->key, e);
	for (size_t i = 0; i < WORDS && rc == 0; i++)
		rc = member_write(c, w, &words[i], config, err);
	cps_jsonw_close(w, '}');
	return rc;
}

/* An array of the base, and `one` more. */
static void array_write(struct cps_jsonw *w, const char *key, const struct cps_json *old)
{
	cps_jsonw_open(w, key, '[');
	for (const struct cps_json *e = old ? old->first : NULL; e; e = e->next)
		cps_jsonw_node(w, NULL, e);
}

static void history_write(const struct img_commit *c, struct cps_jsonw *w,
			  const struct cps_json *root, const char *now)
{
	char by[160];

	(void)snprintf(by, sizeof(by), "capsule commit %.64s", c->container);
	array_write(w, "history", cps_json_get(root, "history"));
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "created", now);
	cps_jsonw_str(w, "created_by", by);
	if (c->author)
		cps_jsonw_str(w, "author", c->author);
	if (c->message)
		cps_jsonw_str(w, "comment", c->message);
	cps_jsonw_close(w, '}');
	cps_jsonw_close(w, ']');
}

static void platform_write(struct cps_jsonw *w, const struct cps_json *root)
{
	static const char *const members[] = { "architecture", "os", "variant", "os.version" };
	struct sto_platform ours;

	sto_platform_host(&ours);
	if (!root) {
		cps_jsonw_str(w, "architecture", ours.architecture);
		cps_jsonw_str(w, "os", ours.os);
		return;
	}
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (cps_json_get(root, members[i]))
			cps_jsonw_node(w, members[i], cps_json_get(root, members[i]));
}

static int changes_check(const struct cps_opt_list *changes, struct cps_err *err)
{
	const char *rest;

	for (unsigned i = 0; i < changes->count; i++)
		if (!word_find(changes->values[i], &rest))
			return cps_failx(err, EINVAL,
					 "--change '%.60s': none of CMD, ENTRYPOINT, ENV, EXPOSE, "
					 "LABEL, USER, VOLUME, WORKDIR, STOPSIGNAL with a value",
					 changes->values[i]);
	return 0;
}

int img_commit_config(const struct img_commit *c, struct cps_buf *ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *root = NULL;
	char now[CPS_TIME_SIZE];
	struct timespec t;
	struct cps_jsonw w;
	int rc = changes_check(c->changes, err);

	if (rc == 0 && c->base)
		rc = cps_json_parse(&a, c->base, c->base_len, &root, err);
	if (rc < 0)
		return rc;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	cps_time_format(&t, true, now);
	cps_jsonw_init(&w, ret, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "created", now);
	if (c->author)
		cps_jsonw_str(&w, "author", c->author);
	platform_write(&w, root);
	rc = config_write(c, &w, cps_json_get(root, "config"), err);
	cps_jsonw_open(&w, "rootfs", '{');
	cps_jsonw_str(&w, "type", "layers");
	array_write(&w, "diff_ids", cps_json_get(cps_json_get(root, "rootfs"), "diff_ids"));
	cps_jsonw_str(&w, NULL, c->diff_id);
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	history_write(c, &w, root, now);
	cps_jsonw_close(&w, '}');
	if (rc == 0 && ret->failed)
		rc = cps_fail(err, ENOMEM, "write a config");
	return rc;
}
