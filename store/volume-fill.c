/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A volume's first use: what the image has at its place is copied. A file beside the data says that
 * this is under way; what a crash has left half copied is nobody's yet, since every use comes by
 * here first, and is thrown away.
 */
#include <config.h>
#include "volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "copy.h"
#include "file.h"
#include "own.h"

#define FILLING	 "filling"
#define READ_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* 1, 0 or -errno. */
static int is_empty(int dir_fd)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(dir_fd, ".", READ_DIR);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int rc = -errno;

		cps_close(&fd);
		return rc;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return 0;
	return 1;
}

/* Of a copying that was cut short. The directory itself stays: who has it mounted has this one. */
static int start_over(int data, struct cps_err *err)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(data, ".", READ_DIR);
	int rc = 0;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return cps_fail(err, errno, "read its data");
	}
	while (rc == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = cps_remove_tree(data, entry->d_name, err);
	return rc;
}

static int fill(int volume, int data, int from, struct cps_err *err)
{
	const struct sto_copy how = { .archive = true };
	cleanup_fd int mark = openat(volume, FILLING, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int rc;

	if (mark < 0)
		return cps_fail(err, errno, "mark it");
	rc = sto_copy_entries(from, data, &how, err);
	if (rc == 0)
		rc = sto_copy_attributes(from, data, &how, err);
	if (rc == 0 && unlinkat(volume, FILLING, 0) < 0)
		rc = cps_fail(err, errno, "unmark it");
	return rc;
}

/* The directory that the image has there; -ENOENT, -ENOTDIR: it has none, and nothing to copy. */
static int place_open(int root_fd, const char *path)
{
	return cps_open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
}

static int use(int volume, int root_fd, const char *path, struct cps_err *err)
{
	cleanup_fd int data = openat(volume, STO_VOLUME_DATA, READ_DIR);
	cleanup_fd int from = -1;
	int rc = 0;

	if (data < 0)
		return cps_fail(err, errno, "its data");
	if (flock(volume, LOCK_EX) < 0)
		return cps_fail(err, errno, "lock it");
	if (faccessat(volume, FILLING, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		rc = start_over(data, err);
		if (rc == 0 && unlinkat(volume, FILLING, 0) < 0)
			rc = cps_fail(err, errno, "unmark it");
	}
	if (rc < 0 || root_fd < 0)
		return rc;
	rc = is_empty(data);
	if (rc <= 0)
		return rc < 0 ? cps_fail(err, -rc, "read its data") : 0;
	from = place_open(root_fd, path);
	if (from == -ENOENT || from == -ENOTDIR)
		return 0;
	if (from < 0)
		return cps_fail(err, -from, "'%s' in the image", path);
	return cps_wrap(err, fill(volume, data, from, err), "copy '%s' of the image", path);
}

int sto_volume_use(const struct sto *s, const char *name, int root_fd, const char *path,
		   struct cps_err *err)
{
	cleanup_fd int topic = sto_topic(s, STO_VOLUMES, true, err);
	cleanup_fd int volume = -1;

	if (topic < 0)
		return topic;
	volume = openat(topic, name, READ_DIR);
	if (volume < 0)
		return errno == ENOENT ? cps_failx(err, ENOENT, "no such volume: '%s'", name)
				       : cps_fail(err, errno, "volume '%s'", name);
	return cps_wrap(err, use(volume, root_fd, path, err), "volume '%s'", name);
}
