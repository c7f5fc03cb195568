/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a layer's archive, one after the other.
 */
#include <config.h>
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "buf.h"
#include "command.h"
#include "acl.h"
#include "file.h"
#include "own.h"

#define WHITEOUT	".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META	".wh..wh." /* what AUFS kept for itself; says nothing here */

struct img_late_time {
	struct img_late_time *next;
	struct timespec times[2];
	const void *acl; /* the default one; NULL */
	size_t acl_size;
	char path[];
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Does a word of the path begin so? last: the last one counts, too. */
static bool has_word(const char *path, const char *with, bool last)
{
	for (const char *at = path; *at; at += strcspn(at, "/"), at += *at == '/')
		if (begins(at, with) && (last || strchr(at, '/')))
			return true;
	return false;
}

/* Set at once it would be handed down to the members that follow. */
static int late_acl(struct img_unpack *u, struct img_late_time *late, struct archive_entry *entry,
		    struct cps_err *err)
{
	cleanup_free void *value = NULL;
	void *kept;
	int rc = u->tree ? 0 : img_acl_read(entry, IMG_ACL_DEFAULT, &value, &late->acl_size, err);

	late->acl = NULL;
	if (rc < 0 || !value)
		return rc;
	kept = cps_arena_alloc(&u->arena, late->acl_size + 1);
	if (!kept)
		return cps_fail(err, ENOMEM, "remember its ACL");
	memcpy(kept, value, late->acl_size);
	late->acl = kept;
	return 0;
}

static int late_time(struct img_unpack *u, const char *path, struct archive_entry *entry,
		     struct cps_err *err)
{
	size_t len = strlen(path);
	struct img_late_time *late = cps_arena_alloc(&u->arena, sizeof(*late) + len + 1);

	if (!late)
		return cps_fail(err, ENOMEM, "remember its time");
	memcpy(late->path, path, len + 1);
	img_times(entry, late->times);
	late->next = u->late;
	u->late = late;
	return late_acl(u, late, entry, err);
}

static int late_set(const struct img_unpack *u, const struct img_late_time *late, int fd,
		    struct cps_err *err)
{
	if (late->acl && fsetxattr(fd, IMG_ACL_DEFAULT, late->acl, late->acl_size, 0) < 0)
		return cps_fail(err, errno, "'%.200s': set its default ACL", late->path);
	if (!late->acl && u->has_acls) /* it may have had one when it was said before */
		(void)fremovexattr(fd, IMG_ACL_DEFAULT);
	return futimens(fd, late->times) < 0
		       ? cps_fail(err, errno, "'%.200s': set its time", late->path)
		       : 0;
}

/* What was replaced meanwhile is no directory any more, or has said its time again before. */
static int late_times_set(struct img_unpack *u, struct cps_err *err)
{
	struct img_late_time *last_first = NULL;

	while (u->late) { /* in the archive's order, so that the last word counts */
		struct img_late_time *late = u->late;

		u->late = late->next;
		late->next = last_first;
		last_first = late;
	}
	for (struct img_late_time *late = last_first; late; late = late->next) {
		cleanup_fd int fd = cps_open_beneath(u->root, *late->path ? late->path : ".",
						     O_RDONLY | O_DIRECTORY, 0);
		int rc;

		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue;
		if (fd < 0)
			return cps_fail(err, -fd, "'%.200s'", late->path);
		rc = late_set(u, late, fd, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int unpack_dir(struct img_unpack *u, const char *path, int parent, const char *base,
		      struct archive_entry *entry, struct cps_err *err)
{
	cleanup_fd int fd = -1;
	int rc;

	if (*path)
		fd = img_directory(u, parent, base, 0700, err);
	else
		fd = openat(u->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return *path ? fd : cps_fail(err, errno, "open the layer");
	if (u->has_acls) /* said twice: the last word counts */
		(void)fremovexattr(fd, IMG_ACL_ACCESS);
	rc = img_meta(u, fd, entry, err);
	return rc < 0 ? rc : late_time(u, path, entry, err);
}

static int copy_content(struct img_unpack *u, int fd, struct archive_entry *entry,
			struct cps_err *err)
{
	int64_t size = archive_entry_size(entry);
	int64_t end = 0;

	for (;;) {
		const void *data;
		int64_t at;
		size_t len;
		int rc = archive_read_data_block(u->tar, &data, &len, &at);

		if (rc == ARCHIVE_EOF)
			break;
		if (rc != ARCHIVE_OK)
			return img_archive_fail(u->tar, err);
		if (at < end || len > INT64_MAX - (uint64_t)at)
			return cps_failx(err, EBADMSG, "its pieces are out of order");
		if (at != end && lseek(fd, at, SEEK_SET) < 0)
			return cps_fail(err, errno, "seek");
		rc = cps_write_all(fd, data, len);
		if (rc < 0)
			return cps_fail(err, -rc, "write");
		end = at + (int64_t)len;
		u->bytes += len;
	}
	if (end < size && ftruncate(fd, size) < 0) /* it ends with a hole */
		return cps_fail(err, errno, "set its size");
	return 0;
}

static int unpack_file(struct img_unpack *u, int parent, const char *base,
		       struct archive_entry *entry, struct cps_err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	cleanup_fd int fd = openat(parent, base, flags, 0600);
	int rc;

	if (fd < 0 && errno == EEXIST) {
		rc = img_make_way(u, parent, base, err);
		if (rc < 0)
			return rc;
		fd = openat(parent, base, flags, 0600);
	}
	if (fd < 0)
		return cps_fail(err, errno, "make file");
	rc = copy_content(u, fd, entry, err);
	return rc < 0 ? rc : img_meta(u, fd, entry, err);
}

/* To another member of this archive, and to nothing else: its directory is resolved as ours is,
 * and the last word is not followed. */
static int unpack_hard_link(struct img_unpack *u, int parent, const char *base, const char *target,
			    struct cps_err *err)
{
	cleanup_fd int dir = -1;
	char clean[PATH_MAX];
	const char *name;
	struct stat st;
	char *slash;
	int rc = img_path_clean(target, clean, err);

	if (rc < 0)
		return cps_wrap(err, rc, "hard link to");
	slash = strrchr(clean, '/');
	name = slash ? slash + 1 : clean;
	if (slash)
		*slash = '\0';
	dir = cps_open_beneath(u->root, slash ? clean : ".", O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return cps_fail(err, -dir, "hard link to '%.200s'", target);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cps_fail(err, errno, "hard link to '%.200s'", target);
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0))
		return cps_failx(err, EINVAL, "hard link to '%.200s', a whiteout", target);
	if (linkat(dir, name, parent, base, 0) == 0)
		return 0;
	if (errno == EEXIST) {
		struct stat there;

		if (fstatat(parent, base, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    there.st_ino == st.st_ino)
			return 0; /* to itself, or said twice */
		rc = img_make_way(u, parent, base, err);
		if (rc < 0)
			return rc;
		if (linkat(dir, name, parent, base, 0) == 0)
			return 0;
	}
	return cps_fail(err, errno, "hard link to '%.200s'", target);
}

static int special_make(const struct img_unpack *u, int parent, const char *base,
			struct archive_entry *entry)
{
	mode_t type = archive_entry_filetype(entry);

	if (type == AE_IFLNK)
		return symlinkat(archive_entry_symlink(entry), parent, base);
	return mknodat(parent, base, type | img_mode(u, entry),
		       type == AE_IFIFO ? 0 : archive_entry_rdev(entry));
}

static int unpack_special(struct img_unpack *u, int parent, const char *base,
			  struct archive_entry *entry, struct cps_err *err)
{
	struct timespec times[2];
	cleanup_fd int fd = -1;
	struct stat st;
	uid_t uid;
	gid_t gid;
	int rc = img_owner(u, entry, &uid, &gid, err);

	if (rc < 0)
		return rc;
	if (archive_entry_filetype(entry) == AE_IFLNK && !archive_entry_symlink(entry))
		return cps_failx(err, EBADMSG, "a symlink to nothing");
	if (archive_entry_filetype(entry) == AE_IFCHR && archive_entry_rdev(entry) == makedev(0, 0))
		return cps_failx(err, EINVAL, "the device 0:0, which means a whiteout");
	if (special_make(u, parent, base, entry) < 0) {
		if (errno != EEXIST)
			return cps_fail(err, errno, "make it");
		rc = img_make_way(u, parent, base, err);
		if (rc < 0)
			return rc;
		if (special_make(u, parent, base, entry) < 0)
			return cps_fail(err, errno, "make it");
	}
	fd = openat(parent, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cps_fail(err, errno, "look at it");
	if ((st.st_mode & S_IFMT) != archive_entry_filetype(entry) || st.st_nlink != 1)
		return cps_failx(err, ESTALE, "somebody has put something else there");
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "set its owner");
	img_times(entry, times);
	if (utimensat(fd, "", times, AT_EMPTY_PATH) < 0)
		return cps_fail(err, errno, "set its time");
	return 0;
}

/* It is about the layers below: what this layer itself has of that name stays, and a directory
 * hides theirs. */
static int unpack_whiteout(int parent, const char *base, struct cps_err *err)
{
	const char *name = base + strlen(WHITEOUT);
	cleanup_fd int fd = -1;

	if (strcmp(base, WHITEOUT_OPAQUE) == 0) {
		fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? cps_fail(err, errno, "open its directory") : img_opaque(fd, err);
	}
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return cps_failx(err, EINVAL, "a whiteout of nothing");
	if (mknodat(parent, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return cps_fail(err, errno, "make a whiteout");
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? 0 : img_opaque(fd, err);
}

static bool is_device(struct archive_entry *entry)
{
	return !archive_entry_hardlink(entry) && (archive_entry_filetype(entry) == AE_IFCHR ||
						  archive_entry_filetype(entry) == AE_IFBLK);
}

static void device_skip(const char *path)
{
	cleanup_buf struct cps_buf line = CPS_BUF_INIT;

	cps_buf_printf(&line, "'%s' is a device and left out", path);
	img_print_line(stderr, "capsule", line.failed ? "a device is left out" : line.data);
}

static int unpack_entry(struct img_unpack *u, const char *path, struct archive_entry *entry,
			struct cps_err *err)
{
	const char *link = archive_entry_hardlink(entry);
	const char *base;
	int parent;

	if (!*path) {
		if (archive_entry_filetype(entry) != AE_IFDIR || link)
			return cps_failx(err, EINVAL, "the root is no directory");
		return u->tree ? 0 : unpack_dir(u, path, -1, NULL, entry, err);
	}
	if (u->tree && !u->tree->archive && is_device(entry)) {
		device_skip(path);
		return 0;
	}
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	if (!u->tree && has_word(path, WHITEOUT_META, true) && strcmp(base, WHITEOUT_OPAQUE) != 0)
		return 0;
	if (!u->tree && has_word(path, WHITEOUT, false))
		return cps_failx(err, EINVAL, "it is in a whiteout");
	parent = img_parent(u, path, &base, err);
	if (parent < 0)
		return parent;
	if (!u->tree && begins(base, WHITEOUT))
		return unpack_whiteout(parent, base, err);
	if (link)
		return unpack_hard_link(u, parent, base, link, err);
	switch (archive_entry_filetype(entry)) {
	case AE_IFDIR:
		return unpack_dir(u, path, parent, base, entry, err);
	case AE_IFREG:
		return unpack_file(u, parent, base, entry, err);
	case AE_IFLNK:
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		return unpack_special(u, parent, base, entry, err);
	default:
		return cps_failx(err, EINVAL, "a file of an unknown kind");
	}
}

static int unpack_all(struct img_unpack *u, struct cps_err *err)
{
	char path[PATH_MAX];

	for (;;) {
		struct archive_entry *entry;
		const char *name;
		int rc = archive_read_next_header(u->tar, &entry);

		if (rc == ARCHIVE_EOF)
			return late_times_set(u, err);
		/* a warning is about names that are no UTF-8, which are bytes to us */
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return img_archive_fail(u->tar, err);
		name = archive_entry_pathname(entry);
		if (!name || !*name)
			return cps_failx(err, EBADMSG, "a member without a name");
		if (++u->entries > IMG_ENTRIES_MAX)
			return cps_failx(err, E2BIG, "more than %u members", IMG_ENTRIES_MAX);
		rc = img_path_clean(name, path, err);
		if (rc < 0)
			return rc;
		if (!u->tree && !u->has_acls)
			u->has_acls = img_acl_is_there(entry);
		rc = unpack_entry(u, path, entry, err);
		if (rc < 0)
			return cps_wrap(err, rc, "'%.200s'", path);
	}
}

int img_unpack(struct archive *tar, int root, const struct img_tree *tree, uint64_t *ret_bytes,
	       struct cps_err *err)
{
	cleanup_free struct img_unpack *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return cps_fail(err, ENOMEM, "unpack");
	u->root = root;
	u->tree = tree;
	u->tar = tar;
	u->dir_fd = -1;
	rc = unpack_all(u, err);
	*ret_bytes = u->bytes;
	cps_close(&u->dir_fd);
	cps_arena_done(&u->arena);
	return rc;
}
