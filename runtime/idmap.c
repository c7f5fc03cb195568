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

#include "buf.h"
#include "file.h"

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

int rt_idmap_write(pid_t pid, const struct rt_spec *spec, struct cps_err *err)
{
	int rc;

	rc = write_map(pid, "gid_map", spec->gid_maps, spec->ngid_maps, err);
	if (rc < 0)
		return cps_wrap(err, rc, "linux.gidMappings");
	rc = write_map(pid, "uid_map", spec->uid_maps, spec->nuid_maps, err);
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

int rt_idmap_become_root(struct cps_err *err)
{
	/* The caller's groups first: they are nothing in here but still open doors out there. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return cps_fail(err, errno, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0)
		return cps_fail(err, errno, "become group 0 of the user namespace");
	if (setresuid(0, 0, 0) < 0)
		return cps_fail(err, errno, "become user 0 of the user namespace");
	return 0;
}
