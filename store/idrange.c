/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of ids: where they may be, who has which, and the namespace that maps one.
 */
#include <config.h>
#include "idrange.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "opt.h"
#include "own.h"

#define POOL_FIRST  0x70000000u
#define POOL_END    0x7fff0000u
#define SUBID_MAX   (1u << 20) /* bytes of /etc/subuid */
#define SUBID_NAME  "capsule:"
#define LINK_MAX    65
#define CONTAINER_P STO_CONTAINERS "/"

struct pool {
	uint32_t first, end;
};

/* "capsule:FIRST:COUNT"; false: no such line. */
static bool subid_read(const char *path, struct pool *ret)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	char *line, *rest;
	size_t len;

	if (cps_file_read(AT_FDCWD, path, SUBID_MAX, &text, &len, &ignored) < 0)
		return false;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		int64_t first, count;
		char *colon;

		if (strncmp(line, SUBID_NAME, sizeof(SUBID_NAME) - 1) != 0)
			continue;
		line += sizeof(SUBID_NAME) - 1;
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		if (cps_num_parse(line, STO_IDRANGE_COUNT, UINT32_MAX - 1, &first) < 0 ||
		    cps_num_parse(colon + 1, STO_IDRANGE_COUNT, UINT32_MAX - first, &count) < 0)
			continue;
		ret->first = (uint32_t)first;
		ret->end = (uint32_t)(first + count);
		return true;
	}
	return false;
}

/* Users and groups have the same numbers, as one range serves both. */
static void pool_find(struct pool *ret)
{
	struct pool users, groups;

	if (!subid_read("/etc/subuid", &users) || !subid_read("/etc/subgid", &groups)) {
		ret->first = POOL_FIRST;
		ret->end = POOL_END;
		return;
	}
	ret->first = users.first > groups.first ? users.first : groups.first;
	ret->end = users.end < groups.end ? users.end : groups.end;
}

static DIR *ranges_open(const struct sto *s, bool create, struct cps_err *err)
{
	cleanup_fd int topic = sto_topic(s, STO_IDRANGES, create, err);
	int fd;
	DIR *dir;

	if (topic < 0)
		return NULL;
	fd = openat(topic, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		(void)cps_fail(err, errno, "read '%s/" STO_IDRANGES "'", s->path);
		cps_close(&fd);
	}
	return dir;
}

/* Who has the range of this name? */
static bool range_owner(int dir, const char *name, char ret_id[LINK_MAX], uint32_t *ret_first)
{
	int64_t first;
	ssize_t n;

	if (cps_num_parse(name, 0, UINT32_MAX - STO_IDRANGE_COUNT, &first) < 0)
		return false;
	n = readlinkat(dir, name, ret_id, LINK_MAX);
	if (n <= 0 || n >= LINK_MAX)
		return false;
	ret_id[n] = '\0';
	*ret_first = (uint32_t)first;
	return cps_is_name(ret_id);
}

/* 1: *ret_first is id's; 0: it has none. */
static int range_of(DIR *dir, const char *id, uint32_t *ret_first)
{
	const struct dirent *entry;
	char owner[LINK_MAX];

	rewinddir(dir);
	while ((entry = readdir(dir)))
		if (range_owner(dirfd(dir), entry->d_name, owner, ret_first) &&
		    strcmp(owner, id) == 0)
			return 1;
	return 0;
}

int sto_idrange_take(const struct sto *s, const char *id, uint32_t *ret_first, struct cps_err *err)
{
	cleanup_dir DIR *dir = ranges_open(s, true, err);
	struct pool pool;

	if (!dir)
		return -err->num;
	if (range_of(dir, id, ret_first) > 0)
		return 0;
	pool_find(&pool);
	for (uint64_t first = pool.first; first + STO_IDRANGE_COUNT <= pool.end;
	     first += STO_IDRANGE_COUNT) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%u", (unsigned)first);
		if (symlinkat(id, dirfd(dir), name) == 0) {
			*ret_first = (uint32_t)first;
			return 0;
		}
		if (errno != EEXIST)
			return cps_fail(err, errno, "take the user ids from %s", name);
	}
	return cps_failx(err, ENOSPC,
			 "all ranges of user ids from %u to %u are taken by containers", pool.first,
			 pool.end);
}

int sto_idrange_find(const struct sto *s, const char *id, uint32_t *ret_first, struct cps_err *err)
{
	cleanup_dir DIR *dir = ranges_open(s, false, err);

	if (!dir)
		return -err->num;
	return range_of(dir, id, ret_first) > 0
		       ? 0
		       : cps_failx(err, ENOENT, "'%s' has no user ids of its own", id);
}

static int range_unlink(DIR *dir, uint32_t first, struct cps_err *err)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", first);
	return unlinkat(dirfd(dir), name, 0) < 0 && errno != ENOENT
		       ? cps_fail(err, errno, "give back the user ids from %s", name)
		       : 0;
}

int sto_idrange_release(const struct sto *s, const char *id, struct cps_err *err)
{
	cleanup_dir DIR *dir = ranges_open(s, false, err);
	uint32_t first;

	if (!dir)
		return err->num == ENOENT ? 0 : -err->num;
	return range_of(dir, id, &first) > 0 ? range_unlink(dir, first, err) : 0;
}

int sto_idrange_sweep(const struct sto *s, unsigned *ret_released, struct cps_err *err)
{
	cleanup_dir DIR *dir = ranges_open(s, false, err);
	const struct dirent *entry;
	char path[sizeof(CONTAINER_P) + LINK_MAX];
	char owner[LINK_MAX];
	unsigned released = 0;
	uint32_t first;

	while (dir && (entry = readdir(dir))) {
		int rc;

		if (!range_owner(dirfd(dir), entry->d_name, owner, &first))
			continue;
		(void)snprintf(path, sizeof(path), CONTAINER_P "%s", owner);
		if (faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
			continue;
		rc = range_unlink(dir, first, err);
		if (rc < 0)
			return rc;
		released++;
	}
	if (!dir && err->num != ENOENT)
		return -err->num;
	*ret_released = released;
	return 0;
}

static int maps_write(pid_t pid, uint32_t inside, uint32_t outside, struct cps_err *err)
{
	static const char *const files[] = { "uid_map", "gid_map" };
	char path[64], map[64];
	int rc = 0;

	(void)snprintf(map, sizeof(map), "%u %u %u", inside, outside, STO_IDRANGE_COUNT);
	for (size_t i = 0; i < 2 && rc == 0; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[i]);
		rc = cps_file_put(AT_FDCWD, path, map, err);
	}
	return rc;
}

int sto_userns_make(uint32_t inside, uint32_t outside, struct cps_err *err)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	cleanup_fd int kept = -1, theirs = -1;
	char path[64];
	int ends[2];
	int fd, rc;
	long pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "pipe");
	theirs = ends[0];
	kept = ends[1];
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return cps_fail(err, errno, "make a user namespace");
	if (pid == 0) { /* there until we are done, or dead */
		(void)close(kept);
		_exit(read(theirs, path, 1) != 0);
	}
	fd = rc = maps_write((pid_t)pid, inside, outside, err);
	if (rc == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%ld/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = cps_fail(err, errno, "open '%s'", path);
	}
	(void)kill((pid_t)pid, SIGKILL); /* our own child, not reaped yet */
	(void)waitpid((pid_t)pid, NULL, 0);
	return fd;
}
