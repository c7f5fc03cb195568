/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container's control groups are, as JSON: for state.json, and for people.
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void rt_cgroup_format(const struct rt_cgroup *cg, struct cps_jsonw *w, const char *key)
{
	cps_jsonw_open(w, key, '{');
	cps_jsonw_str(w, "layout", cg->layout == RT_CGROUP_V2 ? "v2" : "v1");
	cps_jsonw_open(w, "dirs", '[');
	for (unsigned i = 0; i < cg->ndirs; i++) {
		const struct rt_cgroup_dir *dir = &cg->dirs[i];

		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "controllers", dir->controllers);
		cps_jsonw_str(w, "mount", dir->mount);
		cps_jsonw_str(w, "path", dir->path);
		cps_jsonw_bool(w, "made", dir->made);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}

static int load_text(const struct cps_json *obj, const char *key, size_t max, const char **ret,
		     struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);
	const char *text;
	int rc;

	if (!node)
		return cps_json_fail(obj, EBADMSG, err, "'%s' is missing", key);
	rc = cps_json_str(node, &text, err);
	if (rc < 0)
		return rc;
	if (strlen(text) > max)
		return cps_json_fail(node, EBADMSG, err, "is too long");
	*ret = text;
	return 0;
}

bool rt_cgroup_is_path(const char *path)
{
	size_t len = strlen(path);

	return path[0] == '/' && len >= 2 && len <= RT_CGROUP_PATH_MAX && !strstr(path, "/../") &&
	       (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

/* What is removed by these paths is outside of our own directories: a state file full of noise must
 * not name anything else. */
static int load_dir(const struct cps_json *node, struct rt_cgroup_dir *ret, struct cps_err *err)
{
	static const char root[] = "/sys/fs/cgroup";
	const struct cps_json *made = cps_json_get(node, "made");
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = load_text(node, "controllers", RT_CGROUP_CONTROLLERS_MAX, &ret->controllers,
			       err);
	if (rc == 0)
		rc = load_text(node, "mount", RT_CGROUP_MOUNT_MAX, &ret->mount, err);
	if (rc == 0)
		rc = load_text(node, "path", RT_CGROUP_PATH_MAX, &ret->path, err);
	if (rc == 0 && made)
		rc = cps_json_bool(made, &ret->made, err);
	if (rc < 0)
		return rc;
	if (strncmp(ret->mount, root, sizeof(root) - 1) != 0 ||
	    (ret->mount[sizeof(root) - 1] && ret->mount[sizeof(root) - 1] != '/') ||
	    strstr(ret->mount, "..") || !rt_cgroup_is_path(ret->path))
		return cps_json_fail(node, EBADMSG, err, "is no cgroup of a container");
	return 0;
}

int rt_cgroup_load(struct rt_cgroup *cg, const struct cps_json *node, struct cps_err *err)
{
	const struct cps_json *dirs = cps_json_get(node, "dirs");
	const char *layout;
	int rc;

	cg->ndirs = 0;
	rc = load_text(node, "layout", 3, &layout, err);
	if (rc < 0)
		return rc;
	if (strcmp(layout, "v1") != 0 && strcmp(layout, "v2") != 0)
		return cps_json_fail(node, EBADMSG, err, "'%s' is no cgroup layout", layout);
	cg->layout = layout[1] == '2' ? RT_CGROUP_V2 : RT_CGROUP_V1;
	if (!dirs)
		return cps_json_fail(node, EBADMSG, err, "'dirs' is missing");
	rc = cps_json_want(dirs, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	if (dirs->count > (cg->layout == RT_CGROUP_V2 ? 1 : RT_CGROUP_MAX))
		return cps_json_fail(dirs, EBADMSG, err, "too many");
	for (const struct cps_json *d = dirs->first; d; d = d->next) {
		rc = load_dir(d, &cg->dirs[cg->ndirs], err);
		if (rc < 0)
			return rc;
		cg->ndirs++;
	}
	return 0;
}

void rt_cgroup_paths(const struct rt_cgroup *cg, struct cps_jsonw *w, const char *key)
{
	char path[RT_CGROUP_FILE], name[RT_CGROUP_CONTROLLERS_MAX + 1];

	cps_jsonw_open(w, key, '{');
	for (unsigned i = 0; i < cg->ndirs; i++) {
		const struct rt_cgroup_dir *dir = &cg->dirs[i];
		char *one, *save = NULL;

		(void)rt_cgroup_file(dir, NULL, path);
		if (!dir->controllers[0])
			cps_jsonw_str(w, "unified", path);
		(void)snprintf(name, sizeof(name), "%s", dir->controllers);
		for (one = strtok_r(name, ",", &save); one; one = strtok_r(NULL, ",", &save))
			cps_jsonw_str(w, one, path);
	}
	cps_jsonw_close(w, '}');
}
