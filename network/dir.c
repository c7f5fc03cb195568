/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of ours.
 */
#include <config.h>

#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "clock.h"
#include "opt.h"
#include "own.h"

#define LOCK_SECONDS 10
#define LOOK_MS	     1

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
	const char **v;
	size_t n;
	size_t room;
};

static int names_add(struct names *names, struct cps_arena *a, const char *name, size_t len)
{
	char *copy = cps_arena_strndup(a, name, len);

	if (!copy)
		return -ENOMEM;
	if (!cps_is_name(copy))
		return 0;
	if (names->n + 1 >= names->room) {
		size_t room = names->room ? names->room * 2 : 32;
		const char **v = cps_arena_array(a, room, sizeof(*v));

		if (!v)
			return -ENOMEM;
		if (names->n)
			memcpy(v, names->v, names->n * sizeof(*v));
		names->v = v;
		names->room = room;
	}
	names->v[names->n++] = copy;
	names->v[names->n] = NULL;
	return 0;
}

int net_names_in(int dirfd, const char *path, const char *suffix, size_t max, struct cps_arena *a,
		 const char ***ret_names, size_t *ret_n, struct cps_err *err)
{
	static const char *none[] = { NULL };
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct names names = { .v = none };
	size_t tail = strlen(suffix);
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;

	if (fd < 0 && errno != ENOENT)
		return cps_fail(err, errno, "open the directory %s", path);
	if (fd >= 0) {
		dir = fdopendir(fd);
		if (!dir)
			return cps_fail(err, errno, "read the directory %s", path);
		(void)take_fd(&fd);
	}
	while (dir && (e = readdir(dir)) && names.n < max) {
		size_t len = strlen(e->d_name);

		if (len > tail && strcmp(e->d_name + len - tail, suffix) == 0 &&
		    names_add(&names, a, e->d_name, len - tail) < 0)
			return cps_fail(err, ENOMEM, "read the directory %s", path);
	}
	qsort(names.v, names.n, sizeof(*names.v), by_name);
	*ret_names = names.v;
	*ret_n = names.n;
	return 0;
}

int net_lock(int dirfd, const char *name, struct cps_err *err)
{
	cleanup_fd int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int64_t end;

	if (fd < 0)
		return cps_fail(err, errno, "open the lock");
	for (end = cps_monotonic_ms() + 1000 * LOCK_SECONDS; flock(fd, LOCK_EX | LOCK_NB) < 0;) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cps_fail(err, errno, "lock");
		if (cps_monotonic_ms() > end)
			return cps_failx(err, EBUSY, "another command has held the lock for %d s",
					 LOCK_SECONDS);
		(void)poll(NULL, 0, LOOK_MS);
	}
	return take_fd(&fd);
}
