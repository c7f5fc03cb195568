/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks on disk: opening, loading, listing. How they come and go: network-life.c.
 */
#include <config.h>

#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dir.h"
#include "file.h"
#include "own.h"

#define RECORD_MAX   ((size_t)1 << 20)
#define NETWORKS_MAX 65536

int net_open(const char *data_root, bool create, struct net *ret, struct cps_err *err)
{
	char path[PATH_MAX], self[40];
	cleanup_fd int fd = -1;
	struct net n = NET_INIT;
	ssize_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/networks", data_root);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		rc = cps_mkdir_all(path, 0700, err);
		if (rc < 0)
			return rc;
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", path);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, n.path, sizeof(n.path));
	if (len < 0)
		return cps_fail(err, errno, "find the path of '%s'", path);
	/* it goes into the alias of interfaces, which has room for so much */
	if ((size_t)len == sizeof(n.path))
		return cps_failx(err, ENAMETOOLONG, "'%s': longer than %d characters", path,
				 NET_PATH_SIZE - 1);
	n.path[len] = '\0';
	n.fd = take_fd(&fd);
	*ret = n;
	return 0;
}

void net_done(struct net *n)
{
	cps_close(&n->fd);
}

void net_dir_done(struct net_dir *d)
{
	cps_close(&d->lock);
	cps_close(&d->fd);
}

static bool is_same(int a, int dirfd, const char *name)
{
	struct stat there, here;

	return fstat(a, &here) == 0 && fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       there.st_ino == here.st_ino && there.st_dev == here.st_dev;
}

int net_dir_open(const struct net *n, const char *name, bool lock, struct net_dir *ret,
		 struct cps_err *err)
{
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;

	if (!cps_is_name(name))
		return cps_failx(err, EINVAL, "'%.80s' is no network's name", name);
	d.fd = openat(n->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d.fd < 0 && errno == ENOENT)
		return cps_failx(err, ENOENT, "there is no network '%s'", name);
	if (d.fd < 0)
		return cps_fail(err, errno, "network %s", name);
	if (lock) {
		d.lock = net_lock(d.fd, "lock", err);
		if (d.lock < 0)
			return cps_wrap(err, d.lock, "network %s", name);
		/* while we waited, it may have been deleted */
		if (!is_same(d.fd, n->fd, name))
			return cps_failx(err, ENOENT, "there is no network '%s'", name);
	}
	*ret = (struct net_dir){ take_fd(&d.fd), take_fd(&d.lock) };
	return 0;
}

int net_network_load(const struct net *n, const char *name, struct cps_arena *a,
		     struct net_network *ret, struct cps_err *err)
{
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	cleanup_free char *text = NULL;
	struct net_network network;
	size_t len;
	int rc = net_dir_open(n, name, false, &d, err);

	if (rc < 0)
		return rc;
	rc = cps_file_read(d.fd, "network.json", RECORD_MAX, &text, &len, err);
	if (rc == 0)
		rc = net_network_parse(a, text, len, &network, err);
	if (rc == 0 && strcmp(network.name, name) != 0)
		rc = cps_failx(err, EINVAL, "network.json is of another one");
	if (rc < 0)
		return cps_wrap(err, rc, "network %s", name);
	*ret = network;
	return 0;
}

int net_network_list(const struct net *n, struct cps_arena *a, const char ***ret_names,
		     size_t *ret_n, struct cps_err *err)
{
	return net_names_in(n->fd, ".", "", NETWORKS_MAX, a, ret_names, ret_n, err);
}
