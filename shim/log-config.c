/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of log: the `log` object of requests, of the state and of shim.json. The table of
 * drivers is here.
 */
#include <config.h>
#include "shim-log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

#define MAX_SIZE_DEFAULT  (10u * 1024 * 1024)
#define MAX_SIZE_LEAST	  512 /* a record of a few words */
#define MAX_FILES_DEFAULT 5
#define MAX_FILES_MOST	  1000

static const struct shim_log_driver *const drivers[] = { &shim_log_cri, &shim_log_json };

const struct shim_log_driver *shim_log_driver_find(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	}
	return NULL;
}

static int driver_parse(const struct cps_json *node, const struct shim_log_driver **ret,
			struct cps_err *err)
{
	const char *name;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_str(node, &name, err);
	if (rc < 0)
		return rc;
	*ret = shim_log_driver_find(name);
	if (!*ret && strcmp(name, "none") != 0)
		return cps_json_fail(node, EINVAL, err,
				     "no such log driver '%s': there are cri, json-file and none",
				     name);
	return 0;
}

static int mode_parse(const struct cps_json *node, enum shim_log_mode *ret, struct cps_err *err)
{
	const char *name;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_str(node, &name, err);
	if (rc < 0)
		return rc;
	if (strcmp(name, "block") == 0)
		*ret = SHIM_LOG_BLOCK;
	else if (strcmp(name, "drop") == 0)
		*ret = SHIM_LOG_DROP;
	else
		return cps_json_fail(node, EINVAL, err,
				     "no such log mode '%s': there are block and drop", name);
	return 0;
}

static int bounds_parse(const struct cps_json *node, struct shim_log_config *c, struct cps_err *err)
{
	const struct cps_json *size = cps_json_get(node, "max_size");
	const struct cps_json *files = cps_json_get(node, "max_files");
	int64_t count = MAX_FILES_DEFAULT;
	int rc = 0;

	if (size)
		rc = cps_json_u64(size, INT64_MAX / 4, &c->max_size, err);
	if (rc == 0 && c->max_size > 0 && c->max_size < MAX_SIZE_LEAST)
		rc = cps_json_fail(size, EINVAL, err, "a log file of less than %d bytes",
				   MAX_SIZE_LEAST);
	if (rc == 0 && files)
		rc = cps_json_i64(files, 1, MAX_FILES_MOST, &count, err);
	c->max_files = (unsigned)count;
	return rc;
}

int shim_log_config_parse(const struct cps_json *node, const char *default_path,
			  struct shim_log_config *ret, struct cps_err *err)
{
	const struct cps_json *path_node = cps_json_get(node, "path");
	const char *path = default_path;
	struct shim_log_config c = {
		.driver = &shim_log_cri,
		.max_size = MAX_SIZE_DEFAULT,
		.mode = SHIM_LOG_BLOCK,
	};
	int rc = 0;

	if (node)
		rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = driver_parse(cps_json_get(node, "driver"), &c.driver, err);
	if (rc == 0)
		rc = mode_parse(cps_json_get(node, "mode"), &c.mode, err);
	if (rc == 0)
		rc = bounds_parse(node, &c, err);
	if (rc == 0 && path_node)
		rc = cps_json_str(path_node, &path, err);
	if (rc < 0)
		return rc;
	if (path[0] != '/')
		return cps_json_fail(path_node, EINVAL, err, "the log's path is not absolute");
	c.path = strdup(path);
	if (!c.path)
		return cps_fail(err, ENOMEM, "log");
	*ret = c;
	return 0;
}

void shim_log_config_done(struct shim_log_config *c)
{
	cps_free_at(&c->path);
}

void shim_log_config_format(const struct shim_log_config *c, struct cps_jsonw *w, const char *key)
{
	cps_jsonw_open(w, key, '{');
	cps_jsonw_str(w, "driver", c->driver ? c->driver->name : "none");
	if (c->driver) {
		cps_jsonw_str(w, "path", c->path);
		cps_jsonw_u64(w, "max_size", c->max_size);
		cps_jsonw_u64(w, "max_files", c->max_files);
		cps_jsonw_str(w, "mode", c->mode == SHIM_LOG_BLOCK ? "block" : "drop");
	}
	cps_jsonw_close(w, '}');
}
