/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing a topic.
 */
#include <config.h>
#include "topic-names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "own.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_read(DIR *dir, struct cps_arena *a, const char ***ret_names, size_t *ret_n)
{
	cleanup_free const char **names = NULL;
	const struct dirent *entry;
	const char **kept;
	size_t n = 0, room = 0;

	while ((entry = readdir(dir))) {
		if (!cps_is_name(entry->d_name))
			continue;
		if (n == room) {
			size_t more = room ? 2 * room : 64;
			const char **moved = reallocarray(names, more, sizeof(*names));

			if (!moved)
				return -ENOMEM;
			names = moved;
			room = more;
		}
		names[n] = cps_arena_strdup(a, entry->d_name);
		if (!names[n++])
			return -ENOMEM;
	}
	kept = cps_arena_array(a, n + 1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	if (n > 0) {
		qsort(names, n, sizeof(*names), compare);
		memcpy(kept, names, n * sizeof(*names));
	}
	*ret_names = kept;
	*ret_n = n;
	return 0;
}

int sto_names(const struct sto *s, const char *topic, struct cps_arena *a, const char ***ret_names,
	      size_t *ret_n, struct cps_err *err)
{
	int fd = openat(s->fd, topic, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *dir = NULL;
	int rc;

	if (s->fd < 0 || (fd < 0 && errno == ENOENT)) {
		cps_close(&fd);
		*ret_names = NULL;
		*ret_n = 0;
		return 0;
	}
	if (fd < 0)
		return cps_fail(err, errno, "'%s/%s'", s->path, topic);
	dir = fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return cps_fail(err, ENOMEM, "read '%s/%s'", s->path, topic);
	}
	rc = names_read(dir, a, ret_names, ret_n);
	return rc < 0 ? cps_fail(err, -rc, "read '%s/%s'", s->path, topic) : 0;
}
