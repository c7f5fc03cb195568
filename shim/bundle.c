/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the few fields, see bundle.h. What is wrong with the rest of the file the runtime says.
 */
#include <config.h>
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>

#include "arena.h"
#include "file.h"
#include "json.h"
#include "own.h"

#define CONFIG_MAX (16u * 1024 * 1024)

/* Through linux.uidMappings or gidMappings, if there are any. An id that no line maps stays as it
 * is; the runtime refuses such a container. */
static int id_map(const struct cps_json *mappings, uint32_t *id, struct cps_err *err)
{
	if (!mappings || mappings->type != CPS_JSON_ARRAY)
		return 0;
	for (const struct cps_json *m = mappings->first; m; m = m->next) {
		uint64_t inside = 0;
		uint64_t host = 0;
		uint64_t size = 0;
		int rc = cps_json_u64(cps_json_get(m, "containerID"), UINT32_MAX, &inside, err);

		if (rc == 0)
			rc = cps_json_u64(cps_json_get(m, "hostID"), UINT32_MAX, &host, err);
		if (rc == 0)
			rc = cps_json_u64(cps_json_get(m, "size"), UINT32_MAX, &size, err);
		if (rc < 0)
			return rc;
		if (*id >= inside && *id - inside < size) {
			*id = (uint32_t)(host + (*id - inside));
			return 0;
		}
	}
	return 0;
}

static int id_read(const struct cps_json *user, const char *key, const struct cps_json *mappings,
		   uint32_t *ret, struct cps_err *err)
{
	uint64_t id = 0;
	int rc = 0;

	if (cps_json_get(user, key))
		rc = cps_json_u64(cps_json_get(user, key), UINT32_MAX - 1, &id, err);
	if (rc < 0)
		return rc;
	*ret = (uint32_t)id;
	return id_map(mappings, ret, err);
}

int shim_bundle_load(const char *bundle, struct shim_bundle *ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char *text = NULL;
	cleanup_fd int dir = -1;
	const struct cps_json *root = NULL;
	const struct cps_json *process;
	const struct cps_json *linux_node;
	struct shim_bundle b = { .terminal = false };
	size_t len = 0;
	int rc;

	dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cps_fail(err, errno, "open bundle '%s'", bundle);
	rc = cps_file_read(dir, "config.json", CONFIG_MAX, &text, &len, err);
	if (rc < 0)
		return rc;
	rc = cps_json_parse(&arena, text, len, &root, err);
	if (rc < 0)
		return cps_wrap(err, rc, "config.json");
	process = cps_json_get(root, "process");
	linux_node = cps_json_get(root, "linux");
	if (cps_json_get(process, "terminal"))
		rc = cps_json_bool(cps_json_get(process, "terminal"), &b.terminal, err);
	if (rc == 0)
		rc = id_read(cps_json_get(process, "user"), "uid",
			     cps_json_get(linux_node, "uidMappings"), &b.uid, err);
	if (rc == 0)
		rc = id_read(cps_json_get(process, "user"), "gid",
			     cps_json_get(linux_node, "gidMappings"), &b.gid, err);
	if (rc < 0)
		return cps_wrap(err, rc, "config.json");
	*ret = b;
	return 0;
}
