/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories: resolution below a root whose content is somebody else's, and removal of such trees.
 * What must hold: no path is resolved twice with a decision in between; a step goes from an open
 * directory to a name in it, or is resolved by the kernel with the root as its limit.
 */
#include <config.h>
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "own.h"

#define AGAIN_MAX                                                                                \
	128	      /* a rename anywhere on the system may make the kernel ask for another try \
		       */
#define LINKS_MAX  40 /* the kernel's own bound */
#define DEPTH_MAX  64 /* one descriptor and one directory buffer for each level */
#define READ_SIZE  4096
#define PASSES_MAX 16 /* over one directory that somebody keeps filling */

int cps_open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
		.resolve = resolve,
	};
	long fd;
	int tries = 0;

	do {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < AGAIN_MAX)));
	return fd < 0 ? -errno : (int)fd;
}

int cps_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	return cps_open_resolved(root_fd, path, flags, mode,
				 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int cps_open_beneath(int root_fd, const char *path, int flags, mode_t mode)
{
	return cps_open_resolved(root_fd, path, flags, mode,
				 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/* A path on its way down: what is before `done` is there and is what `dir` has open. */
struct walk {
	int root;
	int dir;
	char path[PATH_MAX];
	size_t done;
	unsigned links;
};

/*
 * The component at path[start..end) is a symlink to something that does not exist: puts its target
 * in its place and starts over. -EINVAL: it is no symlink (any more).
 */
static int walk_splice(struct walk *w, size_t start, size_t end, const char *name)
{
	char target[PATH_MAX];
	char spliced[PATH_MAX];
	ssize_t n;
	int len;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	n = readlinkat(w->dir, name, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	len = snprintf(spliced, sizeof(spliced), "%.*s%s%s", target[0] == '/' ? 0 : (int)start,
		       w->path, target, w->path + end);
	if (len < 0 || (size_t)len >= sizeof(spliced))
		return -ENAMETOOLONG;
	memcpy(w->path, spliced, (size_t)len + 1);
	w->done = 0;
	return 0;
}

/* One component further; makes it if it is missing. */
static int walk_step(struct walk *w, mode_t mode)
{
	size_t start = w->done + strspn(w->path + w->done, "/");
	size_t end = start + strcspn(w->path + start, "/");
	char behind = w->path[end];
	char name[NAME_MAX + 1];
	int fd;

	if (end - start > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->path + start, end - start);
	name[end - start] = '\0';

	/* From the root each time: only so can the kernel take ".." and symlinks as the root's. */
	w->path[end] = '\0';
	fd = cps_open_in_root(w->root, w->path, O_PATH | O_DIRECTORY, 0);
	w->path[end] = behind;
	if (fd == -ENOENT) {
		if (mkdirat(w->dir, name, mode) < 0) {
			if (errno != EEXIST)
				return -errno;
			fd = walk_splice(w, start, end, name);
			if (fd != -EINVAL)
				return fd;
		}
		fd = openat(w->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		return fd;
	cps_close(&w->dir);
	w->dir = fd;
	w->done = end;
	return 0;
}

int cps_mkdir_in_root(int root_fd, const char *path, mode_t mode, struct cps_err *err)
{
	struct walk w = { .root = root_fd, .dir = -1 };
	size_t len = strlen(path);
	int rc = cps_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);

	if (rc >= 0) /* mostly it is there */
		return rc;
	if (rc != -ENOENT)
		return cps_fail(err, -rc, "open directory '%s'", path);
	if (len >= sizeof(w.path))
		return cps_fail(err, ENAMETOOLONG, "make directory '%s'", path);
	memcpy(w.path, path, len + 1);

	rc = 0;
	while (rc == 0) {
		if (w.done == 0) { /* at the start, and again after a symlink */
			cps_close(&w.dir);
			w.dir = cps_open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0);
			if (w.dir < 0)
				return cps_fail(err, -w.dir, "open the root");
		}
		if (w.path[w.done + strspn(w.path + w.done, "/")] == '\0')
			return w.dir;
		rc = walk_step(&w, mode);
	}
	cps_close(&w.dir);
	return cps_fail(err, -rc, "make directory '%s'", path);
}

int cps_mkdir_all(const char *path, mode_t mode, struct cps_err *err)
{
	char partial[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (mkdir(path, mode) == 0) /* mostly only the last one is missing */
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0
					   : cps_fail(err, ENOTDIR, "make directory '%s'", path);
	if (errno != ENOENT || len == 0)
		return cps_fail(err, errno, "make directory '%s'", path);
	if (len >= sizeof(partial))
		return cps_fail(err, ENAMETOOLONG, "make directory '%s'", path);

	memcpy(partial, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		partial[i] = '\0';
		if (mkdir(partial, mode) < 0 && errno != EEXIST)
			return cps_fail(err, errno, "make directory '%s'", partial);
		partial[i] = path[i];
	}
	if (stat(path, &st) < 0)
		return cps_fail(err, errno, "make directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return cps_fail(err, ENOTDIR, "make directory '%s'", path);
	return 0;
}

/* One removal. Levels below DEPTH_MAX are taken to the top of the tree by rename(2) and have their
 * turn there, so that neither descriptors nor stack grow with the tree's depth. */
struct removal {
	int top; /* the tree itself, once it is open */
	unsigned long lifted;
};

static int tree_empty(struct removal *r, int dirfd, const char *name, unsigned depth,
		      struct cps_err *err);

/*
 * Removes one entry, whatever it is, and whatever somebody makes of it meanwhile. type is what the
 * directory says, a hint.
 */
static int entry_remove(struct removal *r, int dirfd, const char *name, unsigned char type,
			unsigned depth, struct cps_err *err)
{
	unsigned long lifted;

	for (int pass = 0; pass < PASSES_MAX;) {
		int rc;

		lifted = r->lifted;
		if (type != DT_DIR) {
			if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
				return 0;
			if (errno != EISDIR) /* what Linux says for a directory */
				return cps_fail(err, errno, "remove '%s'", name);
		}
		rc = tree_empty(r, dirfd, name, depth, err);
		if (rc < 0)
			return rc;
		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY && errno != ENOTDIR)
			break;
		type = DT_UNKNOWN; /* filled or exchanged behind our back: look again */
		if (depth > 0 || r->lifted == lifted)
			pass++; /* not where the next levels have just come to the top */
	}
	return cps_fail(err, errno, "remove directory '%s'", name);
}

static int lift(struct removal *r, int dirfd, const char *name, struct cps_err *err)
{
	char up[48];

	do {
		(void)snprintf(up, sizeof(up), ".lifted-%lu", r->lifted++);
		if (renameat2(dirfd, name, r->top, up, RENAME_NOREPLACE) == 0 || errno == ENOENT)
			return 0;
	} while (errno == EEXIST);
	return cps_fail(err, errno, "'%s' is nested deep, and moving it up", name);
}

/* All entries but the directory itself; an error does not end the work. Read without readdir(3),
 * which would want the descriptor for itself. */
static int entries_remove(struct removal *r, int dirfd, unsigned depth, struct cps_err *err)
{
	_Alignas(struct dirent64) char buf[READ_SIZE];
	int first = 0;
	ssize_t n;

	if (lseek(dirfd, 0, SEEK_SET) < 0)
		return cps_fail(err, errno, "read the directory");
	while ((n = getdents64(dirfd, buf, sizeof(buf))) > 0) {
		const struct dirent64 *entry;

		for (ssize_t at = 0; at < n; at += entry->d_reclen) {
			struct cps_err why = { 0 };

			entry = (const struct dirent64 *)(buf + at);
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (entry_remove(r, dirfd, entry->d_name, entry->d_type, depth + 1, &why) <
				    0 &&
			    first == 0) {
				first = -why.num;
				if (err)
					*err = why;
			}
		}
	}
	if (n < 0 && errno != ENOENT && first == 0) /* ENOENT: somebody else has removed it */
		return cps_fail(err, errno, "read the directory");
	return first;
}

/*
 * Empties the directory `name`. What can go goes, and the first error is told. Not a symlink and
 * not another file system: both are the kernel's to check, in the same call that opens.
 */
static int tree_empty(struct removal *r, int dirfd, const char *name, unsigned depth,
		      struct cps_err *err)
{
	cleanup_fd int fd = -1;
	int rc;

	if (depth >= DEPTH_MAX)
		return lift(r, dirfd, name, err);
	fd = cps_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0; /* gone, or no directory any more, which the caller finds out */
	if (fd == -EXDEV)
		return cps_failx(err, EBUSY, "remove '%s': something is mounted there", name);
	if (fd < 0)
		return cps_fail(err, -fd, "open directory '%s'", name);
	if (depth == 0)
		r->top = fd;
	rc = entries_remove(r, fd, depth, err);
	return rc < 0 ? cps_wrap(err, rc, "%s", name) : 0;
}

int cps_remove_tree(int dirfd, const char *name, struct cps_err *err)
{
	struct removal r = { .top = -1 };
	cleanup_fd int parent = -1;
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	char dir[PATH_MAX];

	if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return cps_failx(err, EINVAL, "remove '%s': no name of a tree", name);
	if (!slash)
		return entry_remove(&r, dirfd, name, DT_UNKNOWN, 0, err);
	/* The way to the tree may cross mounts and symlinks; the tree itself may not. */
	if ((size_t)(base - name) >= sizeof(dir))
		return cps_fail(err, ENAMETOOLONG, "remove '%s'", name);
	memcpy(dir, name, (size_t)(base - name));
	dir[base - name] = '\0';
	parent = openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return errno == ENOENT ? 0 : cps_fail(err, errno, "open directory '%s'", dir);
	return cps_wrap(err, entry_remove(&r, parent, base, DT_UNKNOWN, 0, err), "%s", dir);
}

int cps_remove_open_tree(int dirfd, const char *path, struct cps_err *err)
{
	struct removal r = { .top = dirfd };

	for (int pass = 0; pass < PASSES_MAX;) {
		unsigned long lifted = r.lifted;
		int rc = entries_remove(&r, dirfd, 0, err);

		if (rc < 0)
			return cps_wrap(err, rc, "%s", path);
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != ENOTEMPTY)
			break;
		pass += r.lifted == lifted; /* as in entry_remove() */
	}
	return cps_fail(err, errno, "remove directory '%s'", path);
}
