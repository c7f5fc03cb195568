/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sysctls: only those that belong to a namespace of the container's own, since any other would be
 * the host's (CRI-O's CVE-2022-0811), written through a procfs that the container has not made
 * (D3).
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "rootfs-priv.h"

/* "net.ipv4.conf.eth0/100.forwarding" -> "net/ipv4/conf/eth0.100/forwarding": dots separate, and a
 * slash stands for a dot in a name. */
static int name_to_path(const char *key, char *path, size_t size, struct cps_err *err)
{
	size_t len = strlen(key);

	if (len >= size)
		return cps_fail(err, ENAMETOOLONG, "name");
	for (size_t i = 0; i <= len; i++)
		path[i] = key[i] == '.' ? '/' : key[i] == '/' ? '.' : key[i];
	return 0;
}

/* The parser has let in only names of these four namespaces (spec-sysctl.c). */
static enum rt_ns name_to_ns(const char *key)
{
	if (strncmp(key, "net.", 4) == 0)
		return RT_NS_NET;
	if (strncmp(key, "user.", 5) == 0)
		return RT_NS_USER;
	if (strcmp(key, "kernel.hostname") == 0 || strcmp(key, "kernel.domainname") == 0)
		return RT_NS_UTS;
	return RT_NS_IPC;
}

/* A namespace joined by path may be the host's own under another name. */
static bool is_ours(const char *path, enum rt_ns ns)
{
	const char *name = ns == RT_NS_NET    ? "/proc/self/ns/net"
			   : ns == RT_NS_USER ? "/proc/self/ns/user"
			   : ns == RT_NS_UTS  ? "/proc/self/ns/uts"
					      : "/proc/self/ns/ipc";
	struct stat theirs, ours;

	return stat(path, &theirs) < 0 || stat(name, &ours) < 0 ||
	       (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino);
}

int rt_sysctl_check(const struct rt_spec *spec, struct cps_err *err)
{
	for (size_t i = 0; i < spec->nsysctl; i++) {
		enum rt_ns ns = name_to_ns(spec->sysctl[i].key);
		const struct rt_namespace *n = &spec->ns[ns];

		if (!n->wanted || (n->path && is_ours(n->path, ns)))
			return cps_failx(err, EPERM,
					 "sysctl '%s' is not of a namespace of the container's own",
					 spec->sysctl[i].key);
	}
	return 0;
}

static int sysctl_write(const struct rt_rootfs *r, const char *path, const char *value,
			struct cps_err *err)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	size_t len = strlen(value);
	cleanup_fd int fd = -1;
	char full[PATH_MAX + 8];

	(void)snprintf(full, sizeof(full), "sys/%s", path);
	fd = (int)syscall(SYS_openat2, r->proc_fd, full, &how, sizeof(how));
	if (fd < 0)
		return cps_fail(err, errno, "open /proc/%s", full);
	/* In one write: the kernel takes a second one for a second value. */
	if (write(fd, value, len) != (ssize_t)len)
		return cps_fail(err, errno, "write '%.64s'", value);
	return 0;
}

int rt_rootfs_sysctls(const struct rt_rootfs *r, const struct rt_spec *spec, struct cps_err *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < spec->nsysctl; i++) {
		int rc = name_to_path(spec->sysctl[i].key, path, sizeof(path), err);

		if (rc == 0)
			rc = sysctl_write(r, path, spec->sysctl[i].value, err);
		if (rc < 0)
			return cps_wrap(err, rc, "sysctl '%s'", spec->sysctl[i].key);
	}
	return 0;
}
