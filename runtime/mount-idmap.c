/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idmapped mounts (mount_setattr(2), Linux 5.12): files of the source show other owners through the
 * mount. The kernel takes a mapping from a user namespace, and only for a mount that is attached to
 * nothing yet: a source's clone on the host.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "mount-opts.h"
#include "own.h"
#include "rootfs-priv.h"
#include "spawn.h"

bool rt_mount_is_idmapped(const struct rt_mount *m, const struct rt_mount_opts *o)
{
	return o->idmap || m->maps.nuid > 0;
}

static bool is_same_map(const struct rt_id_map *a, size_t na, const struct rt_id_map *b, size_t nb)
{
	for (size_t i = 0; na == nb && i < na; i++)
		if (a[i].container != b[i].container || a[i].host != b[i].host ||
		    a[i].size != b[i].size)
			return false;
	return na == nb;
}

static bool is_same(const struct rt_id_maps *a, const struct rt_id_maps *b)
{
	return is_same_map(a->uid, a->nuid, b->uid, b->nuid) &&
	       is_same_map(a->gid, a->ngid, b->gid, b->ngid);
}

int rt_mount_idmap(const struct rt_mount *m, const struct rt_mount_opts *o, int source, int users,
		   struct cps_err *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)users };
	unsigned flags = AT_EMPTY_PATH | (o->ridmap ? (unsigned)AT_RECURSIVE : 0);

	if (mount_setattr(source, "", flags, &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == EINVAL)
		return cps_fail(err, EINVAL, "idmap '%s': a file system there takes no id mappings",
				m->source);
	if (errno == EPERM)
		return cps_fail(err, EPERM,
				"idmap '%s': it has id mappings already, or is not ours to map",
				m->source);
	return cps_fail(err, errno, "idmap '%s'", m->source);
}

/* One mapping and the namespace that stands for it. */
struct users {
	struct rt_id_maps maps;
	int fd;
};

/* The namespace of a mapping, made by the first mount that needs it. */
static int users_find(struct users *made, size_t *n, const struct rt_id_maps *maps,
		      struct cps_err *err)
{
	int fd;

	for (size_t i = 0; i < *n; i++)
		if (is_same(&made[i].maps, maps))
			return made[i].fd;
	fd = rt_spawn_userns(maps, err);
	if (fd >= 0) {
		made[*n].maps = *maps;
		made[(*n)++].fd = fd;
	}
	return fd;
}

static int idmap_one(const struct rt_spec *spec, const struct rt_mount *m, int joined_users,
		     int *source, struct users *made, size_t *n, struct cps_err *err)
{
	const struct rt_id_maps own = { spec->nuid_maps, spec->ngid_maps, spec->uid_maps,
					spec->gid_maps };
	struct rt_mount_opts o;
	bool in_root;
	int fd, rc;

	rc = rt_mount_opts_parse(&m->options, &o, err);
	if (rc < 0 || !rt_mount_is_idmapped(m, &o))
		return rc;
	in_root = rt_mount_is_bind(m, &o) && rt_bind_in_root(spec, m);
	if (*source < 0 && !in_root)
		return cps_failx(err, EINVAL,
				 "id mappings take a source that root has opened, and no remount");
	if (m->maps.nuid > 0)
		fd = users_find(made, n, &m->maps, err);
	else
		fd = joined_users >= 0 ? joined_users : users_find(made, n, &own, err);
	if (fd < 0)
		return fd;
	if (!in_root)
		return rt_mount_idmap(m, &o, *source, fd, err);
	*source = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *source < 0 ? cps_fail(err, errno, "idmap '%s'", m->source) : 0;
}

int rt_mounts_idmap(const struct rt_spec *spec, int joined_users, int *sources, struct cps_err *err)
{
	cleanup_free struct users *made = calloc(spec->nmounts, sizeof(*made));
	size_t n = 0;
	int rc = 0;

	if (!made)
		return cps_fail(err, ENOMEM, "%zu mounts", spec->nmounts);
	for (size_t i = 0; rc == 0 && i < spec->nmounts; i++) {
		rc = idmap_one(spec, &spec->mounts[i], joined_users, &sources[i], made, &n, err);
		rc = cps_wrap(err, rc, "%s", spec->mounts[i].destination);
	}
	for (size_t i = 0; i < n; i++)
		cps_close(&made[i].fd);
	return rc;
}
