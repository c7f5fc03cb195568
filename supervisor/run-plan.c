/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting together what was asked for and what the image wants.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "file.h"
#include "names.h"
#include "own.h"

#define ENV_FILE_MAX (1u << 20)
#define SECCOMP_MAX  (1u << 20)
#define HOSTNAME_MAX 63
#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define INIT_IN_IT   "/sbin/capsule-init"

/* ---- command ---- */

static void words_append(struct sto_strs *to, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to->v[to->n++] = words[i];
}

/* A given entrypoint replaces the image's and its command, an empty one leaves none. */
static int args_make(struct sup_plan *p, struct cps_err *err)
{
	const struct sto_image_config *image = p->image;
	const struct sup_run *run = p->run;
	const char *given = run->entrypoint;

	p->args.v = cps_arena_array(p->arena, image->entrypoint.n + image->cmd.n + run->nwords + 4,
				    sizeof(*p->args.v));
	if (!p->args.v)
		return cps_fail(err, ENOMEM, "options");
	if (run->init) {
		const char *const init[] = { INIT_IN_IT, "--" };

		words_append(&p->args, init, 2);
	}
	if (given && *given)
		words_append(&p->args, &given, 1);
	else if (!given)
		words_append(&p->args, image->entrypoint.v, image->entrypoint.n);
	if (run->nwords)
		words_append(&p->args, run->words, run->nwords);
	else if (!given)
		words_append(&p->args, image->cmd.v, image->cmd.n);
	if (p->args.n == (run->init ? 2 : 0))
		return cps_failx(err, EINVAL, "no command is given, and the image names none");
	return 0;
}

/* ---- environment ---- */

struct env {
	struct sto_strs list;
	size_t room;
};

static int env_set(struct cps_arena *a, struct env *env, const char *entry, struct cps_err *err)
{
	size_t len = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < env->list.n; i++)
		if (strncmp(env->list.v[i], entry, len) == 0) {
			env->list.v[i] = entry;
			return 0;
		}
	if (env->list.n + 1 >= env->room) {
		size_t room = env->room ? env->room * 2 : 32;
		const char **v = cps_arena_array(a, room, sizeof(*v));

		if (!v)
			return cps_fail(err, ENOMEM, "environment");
		if (env->list.n)
			memcpy(v, env->list.v, env->list.n * sizeof(*v));
		env->list.v = v;
		env->room = room;
	}
	env->list.v[env->list.n++] = entry;
	env->list.v[env->list.n] = NULL;
	return 0;
}

static int env_add(struct cps_arena *a, struct env *env, const char *entry, const char *what,
		   struct cps_err *err)
{
	const char *equals = strchr(entry, '=');

	if (!equals || equals == entry)
		return cps_failx(err, EINVAL, "%s: '%.60s' is not NAME=VALUE", what, entry);
	return env_set(a, env, entry, err);
}

/* Lines; blank ones and those that begin with # are none. */
static int env_file(struct cps_arena *a, struct env *env, const char *path, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	char *copy, *line;
	int rc = cps_file_read(AT_FDCWD, path, ENV_FILE_MAX, &text, &len, err);

	if (rc < 0)
		return cps_wrap(err, rc, "--env-file");
	if (strlen(text) != len)
		return cps_failx(err, EINVAL, "--env-file '%.60s': a NUL in it", path);
	copy = cps_arena_strndup(a, text, len);
	if (!copy)
		return cps_fail(err, ENOMEM, "--env-file");
	while (rc == 0 && (line = strsep(&copy, "\n"))) {
		line += strspn(line, " \t");
		if (*line && *line != '#')
			rc = env_add(a, env, line, "--env-file", err);
	}
	return rc;
}

static int env_make(struct sup_plan *p, struct cps_err *err)
{
	const char *hostname = p->hostname ? p->hostname : p->id;
	struct cps_arena *a = p->arena;
	const char *entry = cps_arena_printf(a, "HOSTNAME=%s", hostname);
	struct env env = { 0 };
	int rc = entry ? env_set(a, &env, PATH_DEFAULT, err) : cps_fail(err, ENOMEM, "options");

	if (rc == 0)
		rc = env_set(a, &env, entry, err);
	if (rc == 0 && p->run->terminal)
		rc = env_set(a, &env, "TERM=xterm", err);
	for (size_t i = 0; rc == 0 && i < p->image->env.n; i++)
		rc = env_set(a, &env, p->image->env.v[i], err);
	for (unsigned i = 0; rc == 0 && i < p->run->env_files.count; i++)
		rc = env_file(a, &env, p->run->env_files.values[i], err);
	for (unsigned i = 0; rc == 0 && i < p->run->env.count; i++)
		rc = env_add(a, &env, p->run->env.values[i], "-e", err);
	p->env = env.list;
	return rc;
}

/* ---- labels, names ---- */

/* One that is given replaces the image's. */
static int labels_make(struct sup_plan *p, struct cps_err *err)
{
	size_t room = p->image->labels.n + p->run->labels.count;
	struct sto_pair *v = cps_arena_array(p->arena, room + 1, sizeof(*v));
	size_t n = p->image->labels.n;

	if (!v)
		return cps_fail(err, ENOMEM, "labels");
	if (n)
		memcpy(v, p->image->labels.v, n * sizeof(*v));
	for (unsigned i = 0; i < p->run->labels.count; i++) {
		const char *text = p->run->labels.values[i];
		size_t len = strcspn(text, "="), at = 0;
		char *key = cps_arena_strndup(p->arena, text, len);

		if (!key)
			return cps_fail(err, ENOMEM, "labels");
		if (!len)
			return cps_failx(err, EINVAL, "--label: '%.60s' has no name", text);
		while (at < n && strcmp(v[at].key, key) != 0)
			at++;
		v[at].key = key;
		v[at].value = text[len] ? text + len + 1 : "";
		n += at == n ? 1 : 0;
	}
	p->labels.v = v;
	p->labels.n = n;
	return 0;
}

/* It lands in lines of /etc/hosts, of others too. */
static int hostname_check(const char *name, struct cps_err *err)
{
	size_t len = strlen(name);

	if (len > 0 && len <= HOSTNAME_MAX && name[0] != '-' && name[0] != '.' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
		    len)
		return 0;
	return cps_failx(err, EINVAL, "--hostname: '%.80s' is none: 1 to %d of a-z A-Z 0-9 . _ -",
			 name, HOSTNAME_MAX);
}

static int names_make(struct sup_plan *p, struct cps_err *err)
{
	const char *user = p->run->user ? p->run->user : p->image->user;
	const char *cwd = p->run->cwd ? p->run->cwd : p->image->cwd;

	p->cwd = cwd ? cwd : "/";
	if (p->cwd[0] != '/' || strlen(p->cwd) >= PATH_MAX)
		return cps_failx(err, EINVAL, "--cwd: '%.80s' is no absolute path", p->cwd);
	p->user = user && *user ? user : NULL;
	p->is_root = !p->user;
	if (p->user) {
		size_t len = strcspn(p->user, ":");

		p->is_root = (len == 4 && strncmp(p->user, "root", len) == 0) ||
			     (len > 0 && strspn(p->user, "0") == len);
	}
	if (p->run->hostname) {
		p->hostname = p->run->hostname;
		return hostname_check(p->hostname, err);
	}
	p->hostname =
		p->mode.kind == NET_MODE_HOST || p->mode.kind == NET_MODE_CONTAINER ? NULL : p->id;
	return 0;
}

/* ---- security options ---- */

static int seccomp_file(struct sup_plan *p, const char *path, struct cps_err *err)
{
	const struct cps_json *root = NULL, *rules;
	cleanup_free char *text = NULL;
	size_t len;
	int rc = cps_file_read(AT_FDCWD, path, SECCOMP_MAX, &text, &len, err);

	if (rc == 0)
		rc = cps_json_parse(p->arena, text, len, &root, err);
	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return cps_wrap(err, rc, "--security-opt seccomp=%.80s", path);
	rules = cps_json_get(root, "syscalls");
	for (const struct cps_json *r = rules ? rules->first : NULL; r; r = r->next) {
		const struct cps_json *in = cps_json_get(r, "includes");
		const struct cps_json *out = cps_json_get(r, "excludes");

		if ((in && in->count) || (out && out->count))
			return cps_failx(
				err, EOPNOTSUPP,
				"--security-opt seccomp=%.80s: syscalls[%u] has conditions "
				"(includes, excludes): the OCI's form is wanted",
				path, r->index);
	}
	p->seccomp = root;
	return 0;
}

static int security_make(struct sup_plan *p, struct cps_err *err)
{
	int rc = 0;

	p->unconfined = p->run->privileged;
	for (unsigned i = 0; rc == 0 && i < p->run->security.count; i++) {
		const char *text = p->run->security.values[i];
		size_t len = strcspn(text, "=:");
		const char *value = text[len] ? text + len + 1 : "";

		if (len == 17 && strncmp(text, "no-new-privileges", len) == 0 &&
		    (!*value || strcmp(value, "true") == 0 || strcmp(value, "false") == 0)) {
			p->no_new_privs = strcmp(value, "false") != 0;
		} else if (len == 7 && strncmp(text, "seccomp", len) == 0 && *value) {
			p->unconfined = strcmp(value, "unconfined") == 0;
			p->seccomp = NULL;
			if (!p->unconfined && strcmp(value, "default") != 0)
				rc = seccomp_file(p, value, err);
		} else {
			rc = cps_failx(err, EOPNOTSUPP,
				       "--security-opt: '%.60s' is none of no-new-privileges, "
				       "seccomp=unconfined, seccomp=FILE",
				       text);
		}
	}
	return rc;
}

int sup_plan_make(struct cps_arena *a, const struct sup_run *run,
		  const struct sto_image_config *image, const char *id, struct sup_plan *ret,
		  struct cps_err *err)
{
	struct sup_plan p = { .arena = a, .run = run, .image = image, .id = id };
	int rc = sup_plan_network(&p, err);

	if (rc == 0)
		rc = names_make(&p, err);
	if (rc == 0)
		rc = net_names_check(&p.net, err);
	if (rc == 0)
		rc = args_make(&p, err);
	if (rc == 0)
		rc = env_make(&p, err);
	if (rc == 0)
		rc = labels_make(&p, err);
	if (rc == 0)
		rc = sup_plan_mounts(&p, err);
	if (rc == 0)
		rc = sup_plan_caps(&p, err);
	if (rc == 0)
		rc = security_make(&p, err);
	if (rc == 0)
		rc = sup_plan_health(&p, err);
	if (rc == 0)
		*ret = p;
	return rc;
}
