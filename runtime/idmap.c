/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See idmap.h. The kernel takes each map in one write, once, and checks it: what does not fit is
 * EINVAL (overlaps) or EPERM.
 */
#include <config.h>

#include "idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "file.h"
#include "hooks.h"
#include "own.h"
#include "rootless.h"

/* Programs of the package uidmap, which may map what /etc/subuid and /etc/subgid give to the user.
 */
static int ask_helper(pid_t pid, const char *name, const struct rt_id_map *maps, size_t n,
		      struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **args = cps_arena_array(&a, 3 * n + 3, sizeof(*args));
	struct rt_hook helper = { .path = cps_arena_printf(&a, "/usr/bin/%s", name) };
	cleanup_fd int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t count = 0;

	if (!args || !helper.path)
		return cps_fail(err, ENOMEM, "%s", name);
	if (in < 0)
		return cps_fail(err, errno, "open /dev/null");
	if (access(helper.path, X_OK) < 0)
		return cps_fail(err, errno, "more than one's own id takes '%s' (package uidmap)",
				helper.path);
	args[count++] = name;
	args[count++] = cps_arena_printf(&a, "%d", pid);
	for (size_t i = 0; i < n; i++) {
		args[count++] = cps_arena_printf(&a, "%u", maps[i].container);
		args[count++] = cps_arena_printf(&a, "%u", maps[i].host);
		args[count++] = cps_arena_printf(&a, "%u", maps[i].size);
	}
	for (size_t i = 0; i < count; i++)
		if (!args[i])
			return cps_fail(err, ENOMEM, "%s", name);
	helper.args.n = count;
	helper.args.v = args;
	return cps_wrap(err, rt_hook_run(&helper, in, err), "%s", helper.path);
}

static int write_map(pid_t pid, const char *file, const struct rt_id_map *maps, size_t n,
		     struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	char path[64];

	for (size_t i = 0; i < n; i++)
		cps_buf_printf(&buf, "%u %u %u\n", maps[i].container, maps[i].host, maps[i].size);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write %s", file);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return cps_file_put(AT_FDCWD, path, buf.data, err);
}

/* One's own id alone needs nobody's help. */
static bool is_own(const struct rt_id_map *maps, size_t n, uint32_t id)
{
	return n == 1 && maps[0].size == 1 && maps[0].host == id;
}

static int write_gids(pid_t pid, const struct rt_spec *spec, struct cps_err *err)
{
	char path[64];
	int rc;

	if (!rt_is_unprivileged())
		return write_map(pid, "gid_map", spec->gid_maps, spec->ngid_maps, err);
	if (!is_own(spec->gid_maps, spec->ngid_maps, getegid()))
		return ask_helper(pid, "newgidmap", spec->gid_maps, spec->ngid_maps, err);
	/* Who could leave a group could do what is forbidden to its members: the kernel wants that
	 * given up first. */
	(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	rc = cps_file_put(AT_FDCWD, path, "deny", err);
	return rc < 0 ? rc : write_map(pid, "gid_map", spec->gid_maps, spec->ngid_maps, err);
}

static int write_uids(pid_t pid, const struct rt_spec *spec, struct cps_err *err)
{
	if (rt_is_unprivileged() && !is_own(spec->uid_maps, spec->nuid_maps, geteuid()))
		return ask_helper(pid, "newuidmap", spec->uid_maps, spec->nuid_maps, err);
	return write_map(pid, "uid_map", spec->uid_maps, spec->nuid_maps, err);
}

int rt_idmap_write_maps(pid_t pid, const struct rt_id_maps *maps, struct cps_err *err)
{
	int rc = write_map(pid, "gid_map", maps->gid, maps->ngid, err);

	if (rc < 0)
		return cps_wrap(err, rc, "gidMappings");
	rc = write_map(pid, "uid_map", maps->uid, maps->nuid, err);
	return cps_wrap(err, rc, "uidMappings");
}

int rt_idmap_write(pid_t pid, const struct rt_spec *spec, struct cps_err *err)
{
	int rc;

	rc = write_gids(pid, spec, err);
	if (rc < 0)
		return cps_wrap(err, rc, "linux.gidMappings");
	rc = write_uids(pid, spec, err);
	return cps_wrap(err, rc, "linux.uidMappings");
}

uint32_t rt_idmap_to_host(uint32_t id, const struct rt_id_map *maps, size_t n)
{
	if (n == 0)
		return id;
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].container && id - maps[i].container < maps[i].size)
			return maps[i].host + (id - maps[i].container);
	return UINT32_MAX;
}

int rt_idmap_become_root(bool keep_groups, struct cps_err *err)
{
	/* The caller's groups first: they are nothing in here but still open doors out there, which
	 * is why some ask for them. */
	if (!keep_groups && setgroups(0, NULL) < 0 && errno != EPERM)
		return cps_fail(err, errno, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0)
		return cps_fail(err, errno, "become group 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0)
		return cps_fail(err, errno, "become user 0 of the user namespace");
	return 0;
}
