/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of many writers in one file, see lines.h.
 */
#include <config.h>
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"

/* Not for a FIFO or device that somebody put there: O_NONBLOCK, and the fstat below. */
#define FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* Best effort: if it fails, the next line tries again. */
static void rename_away(int dirfd, const char *name, int fd, const struct stat *ours)
{
	char old[NAME_MAX];
	struct stat st;

	if (snprintf(old, sizeof(old), "%s.1", name) >= (int)sizeof(old))
		return;
	/* Locked already: whoever has it is about to do it. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	/* Renamed while we came here? Then the name is another file's, or nobody's. */
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != ours->st_ino ||
	    st.st_dev != ours->st_dev)
		return;
	(void)renameat(dirfd, name, dirfd, old);
	/* close() unlocks */
}

int cps_lines_append(int dirfd, const char *name, uint64_t max, const char *line, size_t len,
		     struct cps_err *err)
{
	cleanup_fd int fd = openat(dirfd, name, FLAGS, 0600);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return cps_fail(err, errno, "open '%s'", name);
	do {
		n = write(fd, line, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cps_fail(err, errno, "append to '%s'", name);
	if ((size_t)n != len)
		return cps_fail(err, ENOSPC, "append to '%s'", name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size > max)
		rename_away(dirfd, name, fd, &st);
	return 0;
}
