/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New limits for a group in use: all of them, or none.
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cgroup-values.h"
#include "file.h"
#include "own.h"

#define VALUE_MAX 4096

/* A file of one value, as opposed to a table of devices ("8:0 1048576"). */
static bool is_one_value(const char *text)
{
	const char *newline = strchr(text, '\n');

	return text[0] && text[0] != '\n' && newline && !newline[1] && !strchr(text, ':');
}

/* What the file holds now; NULL: there is none, or no single value, or nothing to save it in. */
static const char *value_now(const struct rt_cgroup *cg, const struct rt_cgroup_write *w,
			     struct cps_arena *a)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, w->controller);
	cleanup_free char *text = NULL;
	char path[RT_CGROUP_FILE];
	struct cps_err ignored;
	size_t len;

	if (!dir || cps_file_read(AT_FDCWD, rt_cgroup_file(dir, w->file, path), VALUE_MAX, &text,
				  &len, &ignored) < 0)
		return NULL;
	return is_one_value(text) ? cps_arena_strndup(a, text, len - 1) : NULL;
}

static int save(const struct rt_cgroup *cg, const struct rt_cgroup_writes *writes,
		struct cps_arena *a, struct rt_cgroup_writes *ret, struct cps_err *err)
{
	*ret = (struct rt_cgroup_writes){ 0 };
	ret->v = cps_arena_array(a, writes->n + 1, sizeof(*ret->v));
	if (!ret->v)
		return cps_fail(err, ENOMEM, "resources");
	for (size_t i = 0; i < writes->n; i++) {
		const char *text = value_now(cg, &writes->v[i], a);

		if (!text)
			continue;
		ret->v[ret->n] = writes->v[i];
		ret->v[ret->n].text = text;
		ret->v[ret->n].or_next = false;
		ret->n++;
		/* the next one is the same value for another kernel */
		i += writes->v[i].or_next;
	}
	return 0;
}

int rt_cgroup_update(const struct rt_cgroup *cg, const struct rt_resources *res,
		     struct rt_warn *warn, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct rt_cgroup_writes writes, before;
	struct cps_err ignored;
	int rc;

	rc = rt_cgroup_ops(cg)->values(cg, &arena, res, &writes, warn, err);
	if (rc == 0)
		rc = save(cg, &writes, &arena, &before, err);
	if (rc < 0)
		return rc;
	rc = rt_cgroup_apply(cg, &writes, err);
	if (rc < 0 && rt_cgroup_apply(cg, &before, &ignored) < 0)
		rt_warn(warn, "not all limits are what they were: %s", ignored.msg);
	return rc;
}
