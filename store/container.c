/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers' directories and their locks.
 */
#include <config.h>
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "idrange.h"
#include "topic-names.h"
#include "opt.h"
#include "own.h"
#include "trash.h"

#define TRIES_MAX 100 /* against those who remove it as soon as it is made */
#define OPEN_DIR  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int name_check(const char *id, struct cps_err *err)
{
	return cps_is_name(id) ? 0 : cps_failx(err, EINVAL, "'%.80s' is no container's name", id);
}

/* Does the name still mean what fd has open? */
static bool is_same(int topic_fd, const char *id, int fd)
{
	struct stat there, ours;

	return fstatat(topic_fd, id, &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &ours) == 0 &&
	       there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

/* rootfs is passed through by the container's user; the two others hold what it may not see. */
static int fill(int fd, const char *id, struct cps_err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {
		{ STO_CONTAINER_UPPER, 0755 }, /* the container's "/" has its mode and owner */
		{ STO_CONTAINER_WORK, 0700 },
		{ STO_CONTAINER_ROOTFS, 0755 },
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (mkdirat(fd, dirs[i].name, 0700) < 0 && errno != EEXIST)
			return cps_fail(err, errno, "make '" STO_CONTAINERS "/%s/%s'", id,
					dirs[i].name);
		if (fchmodat(fd, dirs[i].name, dirs[i].mode, 0) < 0) /* whatever the umask */
			return cps_fail(err, errno, "chmod '" STO_CONTAINERS "/%s/%s'", id,
					dirs[i].name);
	}
	return 0;
}

int sto_container_create(const struct sto *s, const char *id, struct cps_err *err)
{
	cleanup_fd int topic_fd = -1;
	int rc = name_check(id, err);

	if (rc < 0)
		return rc;
	topic_fd = sto_topic(s, STO_CONTAINERS, true, err);
	if (topic_fd < 0)
		return topic_fd;
	for (int i = 0; i < TRIES_MAX; i++) {
		cleanup_fd int fd = -1;

		if (mkdirat(topic_fd, id, 0700) < 0)
			return errno == EEXIST
				       ? cps_failx(err, EEXIST, "container '%s' exists already", id)
				       : cps_fail(err, errno, "make '" STO_CONTAINERS "/%s'", id);
		fd = openat(topic_fd, id, OPEN_DIR);
		/* taken for a crash's before we had the lock: make it again */
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_same(topic_fd, id, fd))
			continue;
		rc = fill(fd, id, err);
		if (rc < 0) {
			struct cps_err ignored;

			(void)sto_trash_put(s, STO_CONTAINERS, id, &ignored);
			return rc;
		}
		return take_fd(&fd);
	}
	return cps_failx(err, EBUSY, "make '" STO_CONTAINERS "/%s': somebody keeps removing it",
			 id);
}

static int open_in(int topic_fd, const char *id, struct cps_err *err)
{
	int fd = openat(topic_fd, id, OPEN_DIR);

	if (fd >= 0)
		return fd;
	return errno == ENOENT ? cps_failx(err, ENOENT, "nothing is kept of a container '%s'", id)
			       : cps_fail(err, errno, "'" STO_CONTAINERS "/%s'", id);
}

int sto_container_open(const struct sto *s, const char *id, struct cps_err *err)
{
	cleanup_fd int topic_fd = -1;
	int rc = name_check(id, err);

	if (rc < 0)
		return rc;
	topic_fd = sto_topic(s, STO_CONTAINERS, false, err);
	return topic_fd < 0 ? topic_fd : open_in(topic_fd, id, err);
}

int sto_container_claim(const struct sto *s, const char *id, struct cps_err *err)
{
	cleanup_fd int topic_fd = -1;
	cleanup_fd int fd = -1;
	int rc = name_check(id, err);

	if (rc < 0)
		return rc;
	topic_fd = sto_topic(s, STO_CONTAINERS, false, err);
	if (topic_fd < 0)
		return topic_fd;
	fd = open_in(topic_fd, id, err);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? cps_failx(err, EBUSY,
					   "container '%s' is being made or removed by another "
					   "command",
					   id)
			       : cps_fail(err, errno, "lock '" STO_CONTAINERS "/%s'", id);
	if (!is_same(topic_fd, id, fd)) /* removed while we looked */
		return cps_failx(err, ENOENT, "nothing is kept of a container '%s'", id);
	return take_fd(&fd);
}

int sto_container_remove(const struct sto *s, const char *id, struct cps_err *err)
{
	int rc = name_check(id, err);

	if (rc == 0)
		rc = sto_idrange_release(s, id, err);
	return rc < 0 ? rc : sto_trash_put(s, STO_CONTAINERS, id, err);
}

int sto_container_list(const struct sto *s, struct cps_arena *a, const char ***ret_ids,
		       size_t *ret_n, struct cps_err *err)
{
	return sto_names(s, STO_CONTAINERS, a, ret_ids, ret_n, err);
}
