/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an image's configuration: members by name, each with its bound.
 */
#include <config.h>
#include "image-config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "json.h"
#include "opt.h"
#include "proc.h"

#define WORDS_MAX   4096   /* of a command, of the environment */
#define WORD_MAX    131071 /* the kernel's, of one argument */
#define VOLUMES_MAX 256
#define PORTS_MAX   4096
#define LABELS_MAX  4096
#define USER_MAX    256
#define SHORT_MAX   64
#define NS_PER_MS   1000000

bool sto_is_destination(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len >= PATH_MAX)
		return false;
	for (const char *c = path; *c; c++) {
		if (*c == '\n')
			return false;
		if (c[0] == '/' && c[1] == '.' && c[2] == '.' && (c[3] == '/' || !c[3]))
			return false;
	}
	return path[strspn(path, "/.")] != '\0';
}

/* A string within a bound; "" counts as missing. */
static int text_get(const struct cps_json *obj, const char *key, size_t max, const char **ret,
		    struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);
	const char *text;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_str(node, &text, err);
	if (rc < 0)
		return rc;
	if (node->len > max)
		return cps_json_fail(node, EINVAL, err, "longer than %zu bytes", max);
	if (*text)
		*ret = text;
	return 0;
}

static int word_check(const struct cps_json *node, const char **ret, struct cps_err *err)
{
	int rc = cps_json_str(node, ret, err);

	if (rc == 0 && node->len > WORD_MAX)
		return cps_json_fail(node, EINVAL, err, "longer than an argument may be");
	return rc;
}

/* An array of words, or with is_good the names of the members of an object that is a set:
 * {"/data":{},…} */
static int strs_get(struct cps_arena *a, const struct cps_json *obj, const char *key, size_t max,
		    bool (*is_good)(const char *), struct sto_strs *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);
	size_t n = 0;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_want(node, is_good ? CPS_JSON_OBJECT : CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	if (node->count > max)
		return cps_json_fail(node, EINVAL, err, "more than %zu", max);
	ret->v = cps_arena_array(a, node->count + 1, sizeof(*ret->v));
	if (!ret->v)
		return cps_fail(err, ENOMEM, "image configuration");
	for (const struct cps_json *m = node->first; m; m = m->next, n++) {
		if (!is_good)
			rc = word_check(m, &ret->v[n], err);
		else if (!is_good(m->key))
			rc = cps_json_fail(node, EINVAL, err, "'%.80s' is none", m->key);
		else
			ret->v[n] = m->key;
		if (rc < 0)
			return rc;
	}
	ret->n = n;
	return 0;
}

static int words_get(struct cps_arena *a, const struct cps_json *obj, const char *key,
		     struct sto_strs *ret, struct cps_err *err)
{
	return strs_get(a, obj, key, WORDS_MAX, NULL, ret, err);
}

static int env_get(struct cps_arena *a, const struct cps_json *obj, struct sto_strs *ret,
		   struct cps_err *err)
{
	int rc = words_get(a, obj, "Env", ret, err);

	for (size_t i = 0; rc == 0 && i < ret->n; i++) {
		const char *eq = strchr(ret->v[i], '=');

		if (!eq || eq == ret->v[i])
			return cps_failx(err, EINVAL, "config.Env[%zu]: not NAME=VALUE", i);
	}
	return rc;
}

static bool is_port(const char *text)
{
	int64_t first, last;
	char buf[SHORT_MAX];
	char *dash, *slash;

	if (strlen(text) >= sizeof(buf))
		return false;
	memcpy(buf, text, strlen(text) + 1);
	slash = strchr(buf, '/');
	if (slash)
		*slash++ = '\0';
	if (slash && strcmp(slash, "tcp") != 0 && strcmp(slash, "udp") != 0 &&
	    strcmp(slash, "sctp") != 0)
		return false;
	dash = strchr(buf, '-');
	if (dash)
		*dash++ = '\0';
	return cps_num_parse(buf, 1, 65535, &first) == 0 &&
	       (!dash || cps_num_parse(dash, first, 65535, &last) == 0);
}

int sto_pairs_get(struct cps_arena *a, const struct cps_json *node, size_t max,
		  int (*value)(const struct cps_json *node, const char **ret, struct cps_err *err),
		  struct sto_pairs *ret, struct cps_err *err)
{
	struct sto_pair *pairs;
	size_t n = 0;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return rc;
	if (node->count > max)
		return cps_json_fail(node, EINVAL, err, "more than %zu", max);
	pairs = cps_arena_array(a, node->count + 1, sizeof(*pairs));
	if (!pairs)
		return cps_fail(err, ENOMEM, "%s", node->key);
	for (const struct cps_json *m = node->first; m; m = m->next) {
		pairs[n].key = m->key;
		rc = value(m, &pairs[n++].value, err);
		if (rc < 0)
			return rc;
	}
	ret->v = pairs;
	ret->n = n;
	return 0;
}

void sto_pairs_write(struct cps_jsonw *w, const char *key, const struct sto_pairs *pairs)
{
	cps_jsonw_open(w, key, '{');
	for (size_t i = 0; pairs && i < pairs->n; i++)
		cps_jsonw_str(w, pairs->v[i].key, pairs->v[i].value);
	cps_jsonw_close(w, '}');
}

/* It is looked up in the container's own files, line by line: nothing that could be one. */
static int user_check(const char *user, struct cps_err *err)
{
	for (const char *c = user; c && *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return cps_failx(err, EINVAL, "config.User: a blank or control character");
	return 0;
}

static int stop_signal_check(const char *text, struct cps_err *err)
{
	int signal;

	if (text && cps_signal_parse(text, &signal) < 0)
		return cps_failx(err, EINVAL, "config.StopSignal: no such signal: '%.40s'", text);
	return 0;
}

/* Durations are nanoseconds there. */
static int health_number(const struct cps_json *obj, const char *key, int64_t unit, int64_t *ret,
			 struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);
	int64_t value = 0;
	int rc = node ? cps_json_i64(node, 0, INT64_MAX, &value, err) : 0;

	if (rc == 0) /* what is more than nothing does not become nothing */
		*ret = value / unit + (value % unit ? 1 : 0);
	return rc;
}

static int health_test(struct sto_health *h, const struct cps_json *node, struct cps_err *err)
{
	const char *kind = h->test.n ? h->test.v[0] : NULL;

	if (!kind) { /* only other times for what it was built upon, which nobody knows here */
		h->set = false;
		return 0;
	}
	h->off = strcmp(kind, "NONE") == 0;
	h->shell = strcmp(kind, "CMD-SHELL") == 0;
	if (!h->off && !h->shell && strcmp(kind, "CMD") != 0)
		return cps_json_fail(node, EINVAL, err, "Test: '%.40s' is no kind of test", kind);
	h->test.v++;
	h->test.n--;
	if (!h->off && (h->test.n < 1 || (h->shell && h->test.n != 1)))
		return cps_json_fail(node, EINVAL, err, "Test: no command for %s", kind);
	return 0;
}

static int health_get(struct cps_arena *a, const struct cps_json *obj, struct sto_health *ret,
		      struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, "Healthcheck");
	struct sto_health h = { .set = true };
	int rc;

	if (!node)
		return 0;
	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = words_get(a, node, "Test", &h.test, err);
	if (rc == 0)
		rc = health_test(&h, node, err);
	if (rc == 0)
		rc = health_number(node, "Interval", NS_PER_MS, &h.interval_ms, err);
	if (rc == 0)
		rc = health_number(node, "Timeout", NS_PER_MS, &h.timeout_ms, err);
	if (rc == 0)
		rc = health_number(node, "StartPeriod", NS_PER_MS, &h.start_ms, err);
	if (rc == 0)
		rc = health_number(node, "Retries", 1, &h.retries, err);
	if (rc == 0 && h.retries > INT32_MAX)
		rc = cps_json_fail(node, EINVAL, err, "Retries: too many");
	if (rc == 0 && h.set)
		*ret = h;
	return rc;
}

static int process_get(struct cps_arena *a, const struct cps_json *c, struct sto_image_config *ret,
		       struct cps_err *err)
{
	int rc = words_get(a, c, "Entrypoint", &ret->entrypoint, err);

	if (rc == 0)
		rc = words_get(a, c, "Cmd", &ret->cmd, err);
	if (rc == 0)
		rc = env_get(a, c, &ret->env, err);
	if (rc == 0)
		rc = text_get(c, "User", USER_MAX, &ret->user, err);
	if (rc == 0)
		rc = user_check(ret->user, err);
	if (rc == 0)
		rc = text_get(c, "WorkingDir", PATH_MAX - 1, &ret->cwd, err);
	if (rc == 0 && ret->cwd && ret->cwd[0] != '/')
		rc = cps_failx(err, EINVAL, "config.WorkingDir: '%.80s' is not absolute", ret->cwd);
	if (rc == 0)
		rc = text_get(c, "StopSignal", SHORT_MAX, &ret->stop_signal, err);
	if (rc == 0)
		rc = stop_signal_check(ret->stop_signal, err);
	return rc;
}

int sto_image_config_parse(struct cps_arena *a, const char *text, size_t len,
			   struct sto_image_config *ret, struct cps_err *err)
{
	struct sto_image_config parsed = { 0 };
	const struct cps_json *root, *c;
	int rc;

	if (len > STO_CONFIG_MAX)
		return cps_failx(err, EINVAL, "image configuration: larger than %u bytes",
				 STO_CONFIG_MAX);
	rc = cps_json_parse(a, text, len, &root, err);
	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return cps_wrap(err, rc, "image configuration");
	c = cps_json_get(root, "config");
	rc = c ? cps_json_want(c, CPS_JSON_OBJECT, err) : 0;
	if (rc == 0)
		rc = process_get(a, c, &parsed, err);
	if (rc == 0)
		rc = strs_get(a, c, "Volumes", VOLUMES_MAX, sto_is_destination, &parsed.volumes,
			      err);
	if (rc == 0)
		rc = strs_get(a, c, "ExposedPorts", PORTS_MAX, is_port, &parsed.ports, err);
	if (rc == 0)
		rc = sto_pairs_get(a, cps_json_get(c, "Labels"), LABELS_MAX, word_check,
				   &parsed.labels, err);
	if (rc == 0)
		rc = health_get(a, c, &parsed.health, err);
	if (rc == 0)
		rc = text_get(root, "os", SHORT_MAX, &parsed.os, err);
	if (rc == 0)
		rc = text_get(root, "architecture", SHORT_MAX, &parsed.architecture, err);
	if (rc < 0)
		return cps_wrap(err, rc, "image configuration");
	*ret = parsed;
	return 0;
}
