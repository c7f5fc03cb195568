/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of an archive's members, and the directories that they are in. What must hold: the kernel
 * resolves a directory below our root without following anything (RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS), and the last word is used with calls that do not follow it.
 */
#include <config.h>
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define OPAQUE	      "trusted.overlay.opaque"
#define IMPLICIT_MODE 0755 /* of a directory that no member of the archive describes */

int img_path_clean(const char *name, char buf[PATH_MAX], struct cps_err *err)
{
	size_t len = 0;

	if (name[0] == '/')
		return cps_failx(err, EINVAL, "'%.200s': an absolute name", name);
	while (*name) {
		size_t n = strcspn(name, "/");

		if (n == 2 && name[0] == '.' && name[1] == '.')
			return cps_failx(err, EINVAL, "a name with '..' in it");
		if (n > NAME_MAX || len + n + 2 > PATH_MAX)
			return cps_failx(err, ENAMETOOLONG, "'%.60s…': a name too long", name);
		if (n > 0 && !(n == 1 && name[0] == '.')) {
			if (len > 0)
				buf[len++] = '/';
			memcpy(buf + len, name, n);
			len += n;
		}
		name += n + strspn(name + n, "/");
	}
	buf[len] = '\0';
	return 0;
}

int img_opaque(int fd, struct cps_err *err)
{
	if (fsetxattr(fd, OPAQUE, "y", 1, 0) < 0)
		return cps_fail(err, errno, "set " OPAQUE);
	return 0;
}

static void forget_dir(struct img_unpack *u)
{
	cps_close(&u->dir_fd);
	u->dir[0] = '\0';
}

int img_make_way(struct img_unpack *u, int parent, const char *name, struct cps_err *err)
{
	struct cps_err why;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR || u->tree)
		return cps_fail(err, errno, "replace");
	/* the directory that is remembered may be in there; the caller's copy of it stays valid */
	u->dir[0] = '\0';
	if (cps_remove_tree(parent, name, &why) < 0)
		return cps_failx(err, why.num, "replace: %s", why.msg);
	return 0;
}

static int dir_open(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_whiteout(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(0, 0);
}

int img_directory(struct img_unpack *u, int parent, const char *name, mode_t mode,
		  struct cps_err *err)
{
	cleanup_fd int fd = -1;
	bool gone = false;
	int rc;

	if (mkdirat(parent, name, mode) < 0) {
		if (errno != EEXIST)
			return cps_fail(err, errno, "make directory");
		fd = dir_open(parent, name);
		if (fd >= 0)
			return take_fd(&fd);
		if (u->tree)
			return cps_fail(err, -fd, "open directory");
		gone = is_whiteout(parent, name);
		rc = img_make_way(u, parent, name, err);
		if (rc < 0)
			return rc;
		if (mkdirat(parent, name, mode) < 0)
			return cps_fail(err, errno, "make directory");
	}
	fd = dir_open(parent, name);
	if (fd < 0)
		return cps_fail(err, -fd, "open directory");
	rc = gone ? img_opaque(fd, err) : 0;
	return rc < 0 ? rc : take_fd(&fd);
}

/* Word by word, from the root; only a whiteout makes way for what is in it. */
static int make_parents(struct img_unpack *u, char *path, struct cps_err *err)
{
	cleanup_fd int dir = openat(u->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *word = path;

	if (dir < 0)
		return cps_fail(err, errno, "open the layer");
	while (*word) {
		size_t n = strcspn(word, "/");
		char end = word[n];
		struct stat st;
		bool is_new;
		int fd;

		word[n] = '\0';
		is_new = fstatat(dir, word, &st, AT_SYMLINK_NOFOLLOW) < 0;
		if (!is_new && !S_ISDIR(st.st_mode) && (u->tree || !is_whiteout(dir, word)))
			return cps_failx(err, EINVAL, "'%.200s' is on its way, no directory", path);
		fd = img_directory(u, dir, word, IMPLICIT_MODE, err);
		if (fd < 0)
			return fd;
		if (is_new && u->tree && fchown(fd, u->tree->uid, u->tree->gid) < 0) {
			(void)close(fd);
			return cps_fail(err, errno, "set the owner of '%.200s'", path);
		}
		word[n] = end;
		cps_close(&dir);
		dir = fd;
		word += end ? n + 1 : n;
	}
	return take_fd(&dir);
}

int img_parent(struct img_unpack *u, const char *path, const char **ret_base, struct cps_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	char dir[PATH_MAX];
	int fd;

	*ret_base = slash ? slash + 1 : path;
	if (len == 0)
		return u->root;
	if (u->dir_fd >= 0 && strncmp(u->dir, path, len) == 0 && u->dir[len] == '\0')
		return u->dir_fd;
	memcpy(dir, path, len);
	dir[len] = '\0';
	fd = cps_open_beneath(u->root, dir, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		fd = make_parents(u, dir, err); /* or says what is in the way */
	else if (fd < 0)
		return cps_fail(err, -fd, "open its directory");
	if (fd < 0)
		return fd;
	forget_dir(u);
	memcpy(u->dir, path, len);
	u->dir[len] = '\0';
	u->dir_fd = fd;
	return fd;
}
