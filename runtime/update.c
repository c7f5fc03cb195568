/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See update.h.
 */
#include <config.h>

#include "update.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "file.h"
#include "own.h"

/* -- the config that we keep ---------------------------------------------------------------- */

/* Does 0 say something for this member? Elsewhere it is "leave it". */
static bool has_zero(const char *key)
{
	return strcmp(key, "idle") == 0 || strcmp(key, "burst") == 0 ||
	       strcmp(key, "swappiness") == 0;
}

static bool is_nothing(const struct cps_json *node)
{
	if (node->type == CPS_JSON_NULL)
		return true;
	if (node->type == CPS_JSON_NUMBER)
		return strcmp(node->text, "0") == 0 && !has_zero(node->key);
	if (node->type == CPS_JSON_STRING)
		return node->len == 0;
	return node->type == CPS_JSON_ARRAY && node->count == 0;
}

static void merge(struct cps_jsonw *w, const char *key, const struct cps_json *old,
		  const struct cps_json *more)
{
	cps_jsonw_open(w, key, '{');
	for (const struct cps_json *m = old ? old->first : NULL; m; m = m->next) {
		const struct cps_json *n = cps_json_get(more, m->key);

		if (n && n->type == CPS_JSON_OBJECT && m->type == CPS_JSON_OBJECT)
			merge(w, m->key, m, n);
		else
			cps_jsonw_node(w, m->key, n && !is_nothing(n) ? n : m);
	}
	for (const struct cps_json *n = more->first; n; n = n->next)
		if (!cps_json_get(old, n->key) && !is_nothing(n))
			cps_jsonw_node(w, n->key, n);
	cps_jsonw_close(w, '}');
}

static void merge_linux(struct cps_jsonw *w, const struct cps_json *linux_,
			const struct cps_json *more)
{
	cps_jsonw_open(w, "linux", '{');
	for (const struct cps_json *m = linux_ ? linux_->first : NULL; m; m = m->next)
		if (strcmp(m->key, "resources") != 0)
			cps_jsonw_node(w, m->key, m);
	merge(w, "resources", cps_json_get(linux_, "resources"), more);
	cps_jsonw_close(w, '}');
}

void rt_update_merge(const struct cps_json *config, const struct cps_json *more,
		     struct cps_buf *ret)
{
	struct cps_jsonw w;

	cps_jsonw_init(&w, ret, false);
	cps_jsonw_open(&w, NULL, '{');
	for (const struct cps_json *m = config ? config->first : NULL; m; m = m->next)
		if (strcmp(m->key, "linux") != 0)
			cps_jsonw_node(&w, m->key, m);
	merge_linux(&w, cps_json_get(config, "linux"), more);
	cps_jsonw_close(&w, '}');
}

static int config_update(const struct rt_container *c, const struct cps_json *more,
			 struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	const struct cps_json *config = NULL;
	int rc = cps_json_load(c->arena, c->dir, RT_CONFIG_NAME, RT_SPEC_MAX, &config, err);

	if (rc < 0)
		return rc;
	rt_update_merge(config, more, &buf);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write '%s'", RT_CONFIG_NAME);
	return cps_file_replace(c->dir, RT_CONFIG_NAME, buf.data, buf.len, 0600, err);
}

/* -- the limits ----------------------------------------------------------------------------- */

/* One at a time. Not the directory's own lock: who has that is taken for a creator. */
static int lock(const struct rt_container *c, struct cps_err *err)
{
	cleanup_fd int fd = openat(c->dir, RT_STATE_NAME, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", RT_STATE_NAME);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return cps_fail(err, errno, "lock '%s'", RT_STATE_NAME);
	return take_fd(&fd);
}

static int set(struct rt_container *c, const struct rt_resources *res, struct rt_warn *warn,
	       struct cps_err *err)
{
	int rc = 0;

	/* systemd first: it writes the same files, and rounds */
	if (c->state.scope.program)
		rc = rt_systemd_update(&c->state.scope, res, c->state.cgroup.layout, err);
	if (rc == 0)
		rc = rt_cgroup_update(&c->state.cgroup, res, warn, err);
	if (rc < 0 || res->ndevices == 0)
		return rc;
	return rt_cgroup_devices(&c->state.cgroup, res, err);
}

int rt_container_update(struct rt_container *c, const struct cps_json *node, struct rt_warn *warn,
			struct cps_err *err)
{
	struct rt_resources res = { 0 };
	cleanup_fd int held = -1;
	int rc;

	if (c->pidfd < 0)
		return cps_failx(err, ESRCH, "container not running: it is %s",
				 rt_status_names[c->status]);
	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = rt_resources_parse(c->arena, node, warn, &res, err);
	if (rc < 0)
		return cps_wrap(err, rc, "resources");
	/* a limit at creation; here it is what callers send for what they do not set */
	if (res.pids_limit.v == 0)
		res.pids_limit.set = false;
	held = lock(c, err);
	if (held < 0)
		return held;
	rc = set(c, &res, warn, err);
	return rc < 0 ? rc : config_update(c, node, err);
}
