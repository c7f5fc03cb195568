/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups by the container's own files. Those are hostile: they are read bounded, only if
 * they are regular files, and a number is taken as a number, whole and in range (D15): "1" is never
 * the name of somebody whom the image made root.
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define FILE_MAX   (4u << 20)
#define ID_MAX	   INT32_MAX /* beyond it others have taken ids for negative numbers */
#define NAME_SIZE  256
#define GROUPS_MAX 1024
#define FIELDS	   7

struct lookup {
	int root_fd;
	char user[NAME_SIZE];
	char group[NAME_SIZE]; /* "": none given */
	bool user_is_id, group_is_id;
	uint32_t user_id, group_id;
	bool user_found;
	uid_t uid;
	gid_t gid;
	char name[NAME_SIZE]; /* of the passwd entry; "": none */
	bool group_found;
	size_t ngids;
	gid_t gids[GROUPS_MAX];
};

static bool is_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static bool id_parse(const char *s, uint32_t *ret)
{
	unsigned long long v;

	if (!is_digits(s) || strlen(s) > 10)
		return false;
	v = strtoull(s, NULL, 10);
	if (v > ID_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* One half of "user:group". */
static int half_parse(const char *what, const char *text, size_t len, char *name, bool *ret_is_id,
		      uint32_t *ret_id, struct cps_err *err)
{
	if (len >= NAME_SIZE)
		return cps_failx(err, EINVAL, "%s '%.32s…': the name is too long", what, text);
	memcpy(name, text, len);
	name[len] = '\0';
	*ret_is_id = is_digits(name);
	if (*ret_is_id && !id_parse(name, ret_id))
		return cps_failx(err, ERANGE, "%s '%s': ids are 0 to %d", what, name, ID_MAX);
	return 0;
}

/* The whole file, or *ret_data NULL if there is none. A name that stands for something else than a
 * regular file counts as none; it is looked at before it is opened for reading. */
static int file_load(int root_fd, const char *path, char **ret_data, struct cps_err *err)
{
	cleanup_fd int seen = cps_open_in_root(root_fd, path, O_PATH, 0);
	cleanup_fd int fd = -1;
	struct stat a, b;
	size_t len;
	int rc;

	*ret_data = NULL;
	if (seen == -ENOENT || seen == -ENOTDIR)
		return 0;
	if (seen < 0)
		return cps_fail(err, -seen, "open '%s'", path);
	if (fstat(seen, &a) < 0)
		return cps_fail(err, errno, "stat '%s'", path);
	if (!S_ISREG(a.st_mode))
		return cps_failx(err, EINVAL, "'%s' is not a regular file", path);
	fd = cps_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return cps_fail(err, -fd, "open '%s'", path);
	if (fstat(fd, &b) < 0 || !S_ISREG(b.st_mode))
		return cps_failx(err, EINVAL, "'%s' is not a regular file", path);
	rc = cps_fd_read(fd, path, FILE_MAX, ret_data, &len, err);
	if (rc == 0 && memchr(*ret_data, '\0', len)) {
		free(*ret_data);
		*ret_data = NULL;
		return cps_failx(err, EINVAL, "'%s' has a NUL in it", path);
	}
	return rc;
}

/* Splits a line at its colons; missing fields are "". */
static void line_split(char *line, char *fields[FIELDS])
{
	static char none[1];

	for (int i = 0; i < FIELDS; i++) {
		fields[i] = line ? line : none;
		line = line ? strchr(line, ':') : NULL;
		if (line)
			*line++ = '\0';
	}
}

/* The first entry that fits wins, as in libc. */
static void passwd_line(struct lookup *l, char *fields[FIELDS])
{
	uint32_t uid, gid;

	if (l->user_found || !fields[0][0] || strlen(fields[0]) >= NAME_SIZE ||
	    !id_parse(fields[2], &uid) || !id_parse(fields[3], &gid))
		return;
	if (l->user_is_id ? uid != l->user_id : strcmp(fields[0], l->user) != 0)
		return;
	l->user_found = true;
	l->uid = uid;
	l->gid = gid;
	memcpy(l->name, fields[0], strlen(fields[0]) + 1);
}

static bool has_member(const char *members, const char *name)
{
	size_t len = strlen(name);

	while (len > 0 && *members) {
		size_t n = strcspn(members, ",");

		if (n == len && memcmp(members, name, n) == 0)
			return true;
		members += n;
		members += *members == ',';
	}
	return false;
}

static void group_line(struct lookup *l, char *fields[FIELDS])
{
	uint32_t gid;

	if (!fields[0][0] || !id_parse(fields[2], &gid))
		return;
	if (l->group[0]) {
		if (!l->group_found && !l->group_is_id && strcmp(fields[0], l->group) == 0) {
			l->group_found = true;
			l->gid = gid;
		}
		return;
	}
	if (l->ngids < GROUPS_MAX && has_member(fields[3], l->name))
		l->gids[l->ngids++] = gid;
}

static int file_walk(struct lookup *l, const char *path,
		     void (*line)(struct lookup *, char *[FIELDS]), struct cps_err *err)
{
	cleanup_free char *data = NULL;
	int rc = file_load(l->root_fd, path, &data, err);
	char *save = NULL;

	if (rc < 0 || !data)
		return rc;
	for (char *at = strtok_r(data, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		char *fields[FIELDS];

		line_split(at, fields);
		line(l, fields);
	}
	return 0;
}

static int lookup_run(struct lookup *l, struct cps_err *err)
{
	int rc = file_walk(l, "/etc/passwd", passwd_line, err);

	if (rc < 0)
		return rc;
	if (!l->user_found && !l->user_is_id)
		return cps_failx(err, EINVAL,
				 "unable to find user %s: no matching entries in passwd file",
				 l->user);
	if (!l->user_found)
		l->uid = l->user_id;
	if (l->group_is_id)
		l->gid = l->group_id;
	if (l->group_is_id || (!l->group[0] && !l->name[0]))
		return 0; /* nothing that /etc/group could add */
	rc = file_walk(l, "/etc/group", group_line, err);
	if (rc < 0)
		return rc;
	if (l->group[0] && !l->group_found)
		return cps_failx(err, EINVAL,
				 "unable to find group %s: no matching entries in group file",
				 l->group);
	return 0;
}

int rt_user_lookup(int root_fd, const char *text, struct cps_arena *a, struct rt_user *ret,
		   struct cps_err *err)
{
	cleanup_free struct lookup *l = calloc(1, sizeof(*l));
	cleanup_fd int slash = -1;
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	gid_t *gids = NULL;
	int rc;

	if (!l)
		return cps_fail(err, ENOMEM, "user '%s'", text);
	if (root_fd == AT_FDCWD) {
		slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (slash < 0)
			return cps_fail(err, errno, "open '/'");
	}
	l->root_fd = root_fd == AT_FDCWD ? slash : root_fd;
	rc = half_parse("user", len ? text : "0", len ? len : 1, l->user, &l->user_is_id,
			&l->user_id, err);
	if (rc == 0 && colon)
		rc = half_parse("group", colon + 1, strlen(colon + 1), l->group, &l->group_is_id,
				&l->group_id, err);
	if (rc == 0)
		rc = lookup_run(l, err);
	if (rc < 0)
		return rc;

	if (l->ngids > 0) {
		gids = cps_arena_array(a, l->ngids, sizeof(*gids));
		if (!gids)
			return cps_fail(err, ENOMEM, "user '%s'", text);
		memcpy(gids, l->gids, l->ngids * sizeof(*gids));
	}
	ret->uid = l->uid;
	ret->gid = l->gid;
	ret->ngids = l->ngids;
	ret->gids = gids;
	return 0;
}

int rt_user_add_groups(struct rt_user *user, const gid_t *more, size_t n, struct cps_arena *a,
		       struct cps_err *err)
{
	gid_t *gids = cps_arena_array(a, user->ngids + n + 1, sizeof(*gids));

	if (!gids)
		return cps_fail(err, ENOMEM, "groups");
	if (user->ngids)
		memcpy(gids, user->gids, user->ngids * sizeof(*gids));
	if (n)
		memcpy(gids + user->ngids, more, n * sizeof(*gids));
	user->gids = gids;
	user->ngids += n;
	return 0;
}
