/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding up blocks.
 */
#include <config.h>
#include "usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "own.h"

#define DEPTH_MAX 400 /* one descriptor each; what is deeper is rare, and counts nothing */
#define BLOCK	  512

static uint64_t usage_at(int dirfd_at, const char *name, dev_t dev, unsigned depth)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	struct stat st;
	uint64_t sum;
	int fd;

	if (fstatat(dirfd_at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (depth > 0 && st.st_dev != dev))
		return 0;
	sum = (uint64_t)st.st_blocks * BLOCK;
	if (!S_ISDIR(st.st_mode))
		return st.st_nlink > 1 ? sum / st.st_nlink : sum;
	fd = depth < DEPTH_MAX
		     ? openat(dirfd_at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		     : -1;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return sum;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			sum += usage_at(fd, entry->d_name, st.st_dev, depth + 1);
	return sum;
}

uint64_t sto_usage(int dirfd, const char *name)
{
	return usage_at(dirfd, name, 0, 0);
}
