/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linux object: namespaces, id maps, paths, propagation, and the rules between them. Devices
 * and sysctls are in spec-devices.c and spec-sysctl.c.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>

static const char *const ns_names[RT_NS_COUNT] = {
	[RT_NS_USER] = "user",	   [RT_NS_MOUNT] = "mount", [RT_NS_PID] = "pid",
	[RT_NS_NET] = "network",   [RT_NS_UTS] = "uts",	    [RT_NS_IPC] = "ipc",
	[RT_NS_CGROUP] = "cgroup", [RT_NS_TIME] = "time",
};

struct ns_item {
	const char *type, *path;
};

static int parse_ns_path(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	const char **path = field;
	int rc;

	rc = rt_spec_str_some(in, node, field, err);
	if (rc < 0)
		return rc;
	if (*path && (*path)[0] != '/')
		return cps_json_fail(node, EINVAL, err, "'%s' is not an absolute path", *path);
	return 0;
}

static const struct rt_spec_member ns_members[] = {
	{ "type", rt_spec_str, offsetof(struct ns_item, type) },
	{ "path", parse_ns_path, offsetof(struct ns_item, path) },
	{ NULL, NULL, 0 },
};

static int parse_namespace(const struct rt_spec_in *in, const struct cps_json *node,
			   struct rt_namespace *namespaces, struct cps_err *err)
{
	struct ns_item item = { NULL, NULL };
	int i, rc;

	rc = rt_spec_object(in, node, ns_members, &item, err);
	if (rc < 0)
		return rc;
	if (!item.type)
		return cps_json_fail(node, EINVAL, err, "'type' is missing");
	for (i = 0; i < RT_NS_COUNT; i++)
		if (strcmp(item.type, ns_names[i]) == 0)
			break;
	if (i == RT_NS_COUNT)
		return cps_json_fail(node, EINVAL, err, "'%s' is no namespace type", item.type);
	if (namespaces[i].wanted)
		return cps_json_fail(node, EINVAL, err, "'%s' is given twice", item.type);
	namespaces[i].wanted = true;
	namespaces[i].path = item.path;
	return 0;
}

static int parse_namespaces(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	struct rt_spec *spec = field;
	const struct cps_json *child;
	int rc;

	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	memset(spec->ns, 0, sizeof(spec->ns));
	for (child = node->first; child; child = child->next) {
		rc = parse_namespace(in, child, spec->ns, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static const struct rt_spec_member map_members[] = {
	{ "containerID", rt_spec_id, offsetof(struct rt_id_map, container) },
	{ "hostID", rt_spec_id, offsetof(struct rt_id_map, host) },
	{ "size", rt_spec_u32, offsetof(struct rt_id_map, size) },
	{ NULL, NULL, 0 },
};

static int parse_map(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		     struct cps_err *err)
{
	struct rt_id_map *map = field;
	int rc;

	rc = rt_spec_object(in, node, map_members, map, err);
	if (rc < 0)
		return rc;
	if (map->size == 0)
		return cps_json_fail(node, EINVAL, err, "'size' is missing or 0");
	/* 4294967295 is no id, so that no range may reach it */
	if ((uint64_t)map->container + map->size > UINT32_MAX ||
	    (uint64_t)map->host + map->size > UINT32_MAX)
		return cps_json_fail(node, EINVAL, err, "the range goes beyond 4294967294");
	return 0;
}

static bool is_overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

#define MAPS_MAX 340 /* the kernel's UID_GID_MAP_MAX_EXTENTS */

int rt_spec_id_maps(const struct rt_spec_in *in, const struct cps_json *node, size_t *ret_count,
		    const struct rt_id_map **ret_maps, struct cps_err *err)
{
	const struct rt_id_map *maps;
	const struct cps_json *child;
	uint32_t i, j;
	size_t count;
	void *v;
	int rc;

	if (node->type == CPS_JSON_ARRAY && node->count > MAPS_MAX)
		return cps_json_fail(node, EINVAL, err, "%u ranges are more than the kernel's %d",
				     node->count, MAPS_MAX);
	rc = rt_spec_array(in, node, sizeof(*maps), parse_map, &count, &v, err);
	if (rc < 0)
		return rc;
	maps = v;
	for (child = node->first, i = 0; child; child = child->next, i++)
		for (j = 0; j < i; j++) {
			if (is_overlap(maps[i].container, maps[i].size, maps[j].container,
				       maps[j].size))
				return cps_json_fail(child, EINVAL, err,
						     "container ids overlap with range %u", j);
			if (is_overlap(maps[i].host, maps[i].size, maps[j].host, maps[j].size))
				return cps_json_fail(child, EINVAL, err,
						     "host ids overlap with range %u", j);
		}
	*ret_count = count;
	*ret_maps = maps;
	return 0;
}

static int parse_uid_maps(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	struct rt_spec *spec = field;

	return rt_spec_id_maps(in, node, &spec->nuid_maps, &spec->uid_maps, err);
}

static int parse_gid_maps(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	struct rt_spec *spec = field;

	return rt_spec_id_maps(in, node, &spec->ngid_maps, &spec->gid_maps, err);
}

static int parse_cgroups_path(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			      struct cps_err *err)
{
	const char **path = field, *at;
	int rc;

	rc = rt_spec_str_some(in, node, field, err);
	if (rc < 0 || !*path)
		return rc;
	/* the path is shown in line-based files of the kernel (D18) */
	for (at = *path; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return cps_json_fail(node, EINVAL, err, "control characters in the path");
	return 0;
}

static int parse_propagation(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	/* Recursive always: "slave" for / alone would leave the host's submounts shared. */
	static const struct {
		const char *name;
		unsigned long flags;
	} words[] = {
		{ "private", MS_PRIVATE | MS_REC },	  { "rprivate", MS_PRIVATE | MS_REC },
		{ "slave", MS_SLAVE | MS_REC },		  { "rslave", MS_SLAVE | MS_REC },
		{ "shared", MS_SHARED | MS_REC },	  { "rshared", MS_SHARED | MS_REC },
		{ "unbindable", MS_UNBINDABLE | MS_REC }, { "runbindable", MS_UNBINDABLE | MS_REC },
	};
	unsigned long *flags = field;
	const char *word;
	size_t i;
	int rc;

	rc = rt_spec_str_some(in, node, &word, err);
	if (rc < 0 || !word)
		return rc;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].name) != 0)
			continue;
		*flags = words[i].flags;
		return 0;
	}
	return cps_json_fail(node, EINVAL, err, "'%s' is no mount propagation", word);
}

static int parse_abs_paths(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	const struct rt_strs *paths = field;
	const struct cps_json *child;
	int rc;

	rc = rt_spec_strs(in, node, field, err);
	if (rc < 0)
		return rc;
	for (child = node->first; child; child = child->next)
		if (paths->v[child->index][0] != '/')
			return cps_json_fail(child, EINVAL, err, "'%s' is not an absolute path",
					     paths->v[child->index]);
	return 0;
}

static int parse_nanosecs(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	uint64_t value;
	int rc;

	(void)in;
	rc = cps_json_u64(node, 999999999, &value, err);
	if (rc < 0)
		return rc;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

static int parse_secs(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	(void)in;
	return cps_json_i64(node, INT64_MIN, INT64_MAX, field, err);
}

static const struct rt_spec_member offset_members[] = {
	{ "secs", parse_secs, offsetof(struct rt_time_offset, secs) },
	{ "nanosecs", parse_nanosecs, offsetof(struct rt_time_offset, nanosecs) },
	{ NULL, NULL, 0 },
};

static int parse_time_offset(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	return rt_spec_object(in, node, offset_members, field, err);
}

static const struct rt_spec_member clock_members[] = {
	{ "monotonic", parse_time_offset, offsetof(struct rt_spec, monotonic) },
	{ "boottime", parse_time_offset, offsetof(struct rt_spec, boottime) },
	{ NULL, NULL, 0 },
};

static int parse_time_offsets(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			      struct cps_err *err)
{
	struct rt_spec *spec = field;
	const struct cps_json *child;
	int rc;

	rc = rt_spec_object(in, node, clock_members, spec, err);
	if (rc < 0)
		return rc;
	/* a clock that is not one of the two would keep the host's time */
	for (child = node->first; child; child = child->next)
		if (strcmp(child->key, "monotonic") != 0 && strcmp(child->key, "boottime") != 0)
			return cps_json_fail(child, EINVAL, err,
					     "no clock that a time namespace can move");
	spec->has_time_offsets = node->count > 0;
	return 0;
}

static const struct rt_spec_member linux_members[] = {
	{ "namespaces", parse_namespaces, 0 },
	{ "uidMappings", parse_uid_maps, 0 },
	{ "gidMappings", parse_gid_maps, 0 },
	{ "devices", rt_spec_devices, 0 },
	{ "cgroupsPath", parse_cgroups_path, offsetof(struct rt_spec, cgroups_path) },
	{ "resources", rt_spec_resources, offsetof(struct rt_spec, resources) },
	{ "rootfsPropagation", parse_propagation, offsetof(struct rt_spec, propagation) },
	{ "seccomp", rt_spec_seccomp, offsetof(struct rt_spec, seccomp) },
	{ "sysctl", rt_spec_sysctl, 0 },
	{ "maskedPaths", parse_abs_paths, offsetof(struct rt_spec, masked_paths) },
	{ "readonlyPaths", parse_abs_paths, offsetof(struct rt_spec, readonly_paths) },
	{ "mountLabel", rt_spec_str_some, offsetof(struct rt_spec, mount_label) },
	{ "intelRdt", rt_spec_intel_rdt, offsetof(struct rt_spec, intel_rdt) },
	{ "memoryPolicy", rt_spec_memory_policy, offsetof(struct rt_spec, memory_policy) },
	{ "personality", rt_spec_personality, offsetof(struct rt_spec, personality) },
	{ "netDevices", rt_spec_net_devices, 0 },
	{ "timeOffsets", parse_time_offsets, 0 },
	{ NULL, NULL, 0 },
};

int rt_spec_linux(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		  struct cps_err *err)
{
	return rt_spec_object(in, node, linux_members, field, err);
}

static bool is_mapped(const struct rt_id_map *maps, size_t n, uint32_t id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (id >= maps[i].container && id - maps[i].container < maps[i].size)
			return true;
	return false;
}

/* The ids that the container starts with must exist in its new user namespace. */
static int check_mapped(const struct rt_spec *spec, const struct cps_json *top, struct cps_err *err)
{
	const struct cps_json *linux_node = cps_json_get(top, "linux");
	const struct cps_json *user = cps_json_get(cps_json_get(top, "process"), "user");
	size_t i;

	/* mounts, devices and credentials are set up as the namespace's root */
	if (!is_mapped(spec->uid_maps, spec->nuid_maps, 0))
		return cps_json_fail(cps_json_get(linux_node, "uidMappings"), EINVAL, err,
				     "container id 0 is not mapped");
	if (!is_mapped(spec->gid_maps, spec->ngid_maps, 0))
		return cps_json_fail(cps_json_get(linux_node, "gidMappings"), EINVAL, err,
				     "container id 0 is not mapped");
	if (!spec->process.has_user)
		return 0;
	if (!is_mapped(spec->uid_maps, spec->nuid_maps, spec->process.user.uid))
		return cps_json_fail(user, EINVAL, err, "uid %u is not in linux.uidMappings",
				     spec->process.user.uid);
	if (!is_mapped(spec->gid_maps, spec->ngid_maps, spec->process.user.gid))
		return cps_json_fail(user, EINVAL, err, "gid %u is not in linux.gidMappings",
				     spec->process.user.gid);
	for (i = 0; i < spec->process.user.ngids; i++)
		if (!is_mapped(spec->gid_maps, spec->ngid_maps, spec->process.user.gids[i]))
			return cps_json_fail(user, EINVAL, err,
					     "additional gid %u is not in linux.gidMappings",
					     spec->process.user.gids[i]);
	return 0;
}

int rt_spec_default_maps(const struct rt_spec_in *in, struct rt_spec *spec, struct cps_err *err)
{
	const struct rt_namespace *user = &spec->ns[RT_NS_USER];
	struct rt_id_map *maps;

	if (!user->wanted || user->path || spec->nuid_maps || spec->ngid_maps)
		return 0;
	maps = cps_arena_array(in->arena, 2, sizeof(*maps));
	if (!maps)
		return cps_fail(err, ENOMEM, "linux.uidMappings");
	maps[0] = (struct rt_id_map){ 0, geteuid(), 1 };
	maps[1] = (struct rt_id_map){ 0, getegid(), 1 };
	spec->uid_maps = &maps[0];
	spec->gid_maps = &maps[1];
	spec->nuid_maps = spec->ngid_maps = 1;
	rt_note(in->warn, "linux.uidMappings: root in the container is who calls");
	return 0;
}

static int check_userns(const struct rt_spec *spec, const struct cps_json *top,
			struct rt_warn *warn, struct cps_err *err)
{
	const struct rt_namespace *user = &spec->ns[RT_NS_USER];
	const struct cps_json *node = cps_json_get(top, "linux");

	if (!user->wanted) {
		if (spec->nuid_maps)
			return cps_json_fail(cps_json_get(node, "uidMappings"), EINVAL, err,
					     "needs a user namespace in linux.namespaces");
		if (spec->ngid_maps)
			return cps_json_fail(cps_json_get(node, "gidMappings"), EINVAL, err,
					     "needs a user namespace in linux.namespaces");
		return 0;
	}
	if (user->path) {
		/* podman repeats the mappings of the namespace that it joins */
		if (spec->nuid_maps || spec->ngid_maps)
			rt_note(warn, "linux.uidMappings: the joined user namespace has its own");
		return 0;
	}
	if (!spec->nuid_maps || !spec->ngid_maps)
		return cps_json_fail(
			cps_json_get(node, "namespaces"), EINVAL, err,
			"a new user namespace needs linux.uidMappings and gidMappings");
	return check_mapped(spec, top, err);
}

/* What would change the host's mounts if there were no mount namespace. */
static int check_mountns(const struct rt_spec *spec, const struct cps_json *top,
			 struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(top, "linux");

	if (spec->ns[RT_NS_MOUNT].wanted)
		return 0;
	if (spec->nmounts)
		node = cps_json_get(top, "mounts");
	else if (spec->root_readonly)
		node = cps_json_get(cps_json_get(top, "root"), "readonly");
	else if (spec->masked_paths.n)
		node = cps_json_get(node, "maskedPaths");
	else if (spec->readonly_paths.n)
		node = cps_json_get(node, "readonlyPaths");
	else if (spec->propagation)
		node = cps_json_get(node, "rootfsPropagation");
	else
		return 0;
	return cps_json_fail(node, EINVAL, err, "needs a mount namespace in linux.namespaces");
}

int rt_spec_check_linux(const struct rt_spec *spec, const struct cps_json *top,
			struct rt_warn *warn, struct cps_err *err)
{
	int rc;

	if (!spec->ns[RT_NS_UTS].wanted && (spec->hostname || spec->domainname))
		return cps_json_fail(cps_json_get(top, spec->hostname ? "hostname" : "domainname"),
				     EINVAL, err, "needs a uts namespace in linux.namespaces");
	if (spec->has_time_offsets && (!spec->ns[RT_NS_TIME].wanted || spec->ns[RT_NS_TIME].path))
		return cps_json_fail(cps_json_get(cps_json_get(top, "linux"), "timeOffsets"),
				     EINVAL, err, "needs a new time namespace in linux.namespaces");
	if (spec->nnet_devices && !spec->ns[RT_NS_NET].wanted)
		return cps_json_fail(cps_json_get(cps_json_get(top, "linux"), "netDevices"), EINVAL,
				     err, "needs a network namespace in linux.namespaces");
	rc = check_mountns(spec, top, err);
	if (rc < 0)
		return rc;
	return check_userns(spec, top, warn, err);
}
