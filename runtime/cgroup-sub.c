/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec --cgroup: groups that a container has made below its own, for one more process.
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int lead(struct rt_cgroup_dir *dir, const char *path, struct cps_arena *a,
		struct cps_err *err)
{
	char text[RT_CGROUP_PATH_MAX + 1] = "";
	char file[RT_CGROUP_FILE];
	int rc = rt_cgroup_path_append(text, sizeof(text), dir->path, err);

	if (rc == 0)
		rc = rt_cgroup_path_append(text, sizeof(text), path, err);
	if (rc < 0)
		return cps_wrap(err, rc, "bad sub cgroup path: %s is not a sub cgroup path", path);
	dir->path = cps_arena_strdup(a, text);
	if (!dir->path)
		return cps_fail(err, ENOMEM, "--cgroup");
	/* told here, and not by the process that would join it */
	if (access(rt_cgroup_file(dir, "cgroup.procs", file), F_OK) < 0 && errno == ENOENT)
		return cps_failx(err, ENOENT,
				 "--cgroup '%s': adding pid to %s: no such file or directory", path,
				 file);
	return 0;
}

static struct rt_cgroup_dir *find_named(struct rt_cgroup *cg, const char *name, size_t len)
{
	char controller[RT_CGROUP_CONTROLLERS_MAX + 1];
	const struct rt_cgroup_dir *found;

	if (cg->layout == RT_CGROUP_V2 || len == 0 || len >= sizeof(controller))
		return NULL;
	memcpy(controller, name, len);
	controller[len] = '\0';
	found = rt_cgroup_find(cg, controller);
	return found ? &cg->dirs[found - cg->dirs] : NULL;
}

/* One "CONTROLLER,...:PATH". by: the text that each of the directories was led by. Controllers of
 * one text may share their hierarchy; two texts for one would have the later decide. */
static int lead_controllers(struct rt_cgroup *cg, const char *text, const char **by,
			    struct cps_arena *a, struct cps_err *err)
{
	const char *colon = strchr(text, ':');
	const char *word = text;

	for (;;) {
		size_t len = strcspn(word, ",:");
		struct rt_cgroup_dir *dir = find_named(cg, word, len);
		const char **mine = dir ? &by[dir - cg->dirs] : NULL;
		int rc;

		if (!dir)
			return cps_failx(err, EINVAL, "--cgroup '%s': unknown controller '%.*s'",
					 text, (int)len, word);
		if (*mine && *mine != text)
			return cps_failx(err, EINVAL, "--cgroup '%s': '%s' is for %.*s too", text,
					 *mine, (int)len, word);
		if (!*mine) {
			*mine = text;
			rc = lead(dir, colon + 1, a, err);
			if (rc < 0)
				return rc;
		}
		if (word + len == colon)
			return 0;
		word += len + 1;
	}
}

int rt_cgroup_sub(struct rt_cgroup *cg, const char *const *texts, size_t n, struct cps_arena *a,
		  struct cps_err *err)
{
	const char *by[RT_CGROUP_MAX] = { NULL };
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (strchr(texts[i], ':')) {
			rc = lead_controllers(cg, texts[i], by, a, err);
			continue;
		}
		if (n > 1)
			return cps_failx(err, EINVAL,
					 "--cgroup '%s': one of several names its controllers",
					 texts[i]);
		for (unsigned d = 0; d < cg->ndirs && rc == 0; d++)
			rc = lead(&cg->dirs[d], texts[i], a, err);
	}
	return rc;
}
