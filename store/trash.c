/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up directories, and removing what was given up.
 */
#include <config.h>
#include "trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "file.h"
#include "own.h"

#define NAMES_MAX 100000 /* of one name, all given up and none removed */

/* Renames it to the first free name here. */
static int give_up(int topic_fd, const char *topic, const char *name, int trash_fd,
		   char ret_name[NAME_MAX + 1], struct cps_err *err)
{
	for (unsigned n = 0; n < NAMES_MAX; n++) {
		int len = snprintf(ret_name, NAME_MAX + 1, "%s-%.64s.%u", topic, name, n);

		if (len < 0 || len > NAME_MAX)
			return cps_fail(err, ENAMETOOLONG, "give up '%s'", name);
		if (renameat2(topic_fd, name, trash_fd, ret_name, RENAME_NOREPLACE) == 0)
			return 1;
		if (errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			return cps_fail(err, errno, "give up '%s/%s'", topic, name);
	}
	return cps_failx(err, EEXIST, "give up '%s/%s': the trash is full", topic, name);
}

int sto_trash_put(const struct sto *s, const char *topic, const char *name, struct cps_err *err)
{
	cleanup_fd int topic_fd = sto_topic(s, topic, false, err);
	cleanup_fd int trash_fd = -1;
	char given[NAME_MAX + 1];
	int rc;

	if (topic_fd < 0)
		return topic_fd == -ENOENT ? 0 : topic_fd;
	trash_fd = sto_topic(s, STO_TRASH, true, err);
	if (trash_fd < 0)
		return trash_fd;
	rc = give_up(topic_fd, topic, name, trash_fd, given, err);
	return rc <= 0 ? rc : cps_remove_tree(trash_fd, given, err);
}

int sto_trash_sweep(const struct sto *s, unsigned *ret_removed, struct cps_err *err)
{
	cleanup_fd int trash_fd = sto_topic(s, STO_TRASH, false, err);
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	unsigned removed = 0;
	int fd, first = 0;

	if (trash_fd == -ENOENT) {
		*ret_removed = 0;
		return 0;
	}
	if (trash_fd < 0)
		return trash_fd;
	fd = openat(trash_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return cps_fail(err, errno, "read the trash");
	}
	while ((entry = readdir(dir))) {
		struct cps_err why = { 0 };

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (cps_remove_tree(trash_fd, entry->d_name, &why) == 0) {
			removed++;
		} else if (first == 0) {
			first = -why.num;
			*err = why;
		}
	}
	if (first < 0)
		return cps_wrap(err, first, "trash");
	*ret_removed = removed;
	return 0;
}
