/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the mount API with descriptors, and what stands in for them on older kernels.
 */
#include <config.h>
#include "mount-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "own.h"

#define FS_VALUE_MAX 255 /* fsconfig(2) takes strings shorter than 256 bytes */
#define FS_LOG_MAX   256

#define EMPTY_TO_EMPTY (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

int rt_mount_clone(int fd, bool recursive)
{
	int tree = open_tree(fd, "",
			     AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				     (recursive ? (unsigned)AT_RECURSIVE : 0));

	return tree < 0 ? -errno : tree;
}

int rt_mount_attach(int tree, int target)
{
	return move_mount(tree, "", target, "", EMPTY_TO_EMPTY) < 0 ? -errno : 0;
}

long rt_fs_type(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ? 0 : (long)fs.f_type;
}

/* mount(2) on a descriptor. With a proc_fd the name is relative to it: the path "/proc" is then the
 * container's. The working directory is set by a later step in any case. */
static int fd_mount(int fd, int proc_fd, const char *source, const char *type, unsigned long flags,
		    const char *data)
{
	char path[48];

	if (proc_fd >= 0 && fchdir(proc_fd) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%sself/fd/%d", proc_fd >= 0 ? "" : "/proc/", fd);
	return mount(source, path, type, flags, data) < 0 ? -errno : 0;
}

/* Flags that a remount must repeat to keep them. */
static unsigned long flags_now(int mount_fd)
{
	struct statvfs st;
	unsigned long flags;

	if (fstatvfs(mount_fd, &st) < 0)
		return 0;
	flags = st.f_flag &
		(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
	if (st.f_flag & ST_RELATIME)
		flags |= MS_RELATIME;
	else if (!(flags & MS_NOATIME))
		flags |= MS_STRICTATIME;
	return flags;
}

static int change_old(int mount_fd, const struct rt_mount_change *c, int proc_fd)
{
	unsigned long set = rt_mount_attr_flags(c->set);
	unsigned long clr = rt_mount_attr_flags(c->clr & ~(uint64_t)MOUNT_ATTR__ATIME);
	int rc;

	if (c->propagation) {
		rc = fd_mount(mount_fd, proc_fd, NULL, NULL,
			      c->propagation | (c->recursive ? MS_REC : 0), NULL);
		if (rc < 0)
			return rc;
	}
	if (c->set == 0 && c->clr == 0)
		return 0;
	if (c->recursive)
		return -EOPNOTSUPP;
	if (c->clr & MOUNT_ATTR__ATIME)
		clr |= MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
	return fd_mount(mount_fd, proc_fd, NULL, NULL,
			MS_REMOUNT | MS_BIND | (flags_now(mount_fd) & ~clr) | set, NULL);
}

int rt_mount_change(int mount_fd, const struct rt_mount_change *c, int proc_fd)
{
	struct mount_attr attr = {
		.attr_set = c->set,
		.attr_clr = c->clr,
		.propagation = c->propagation,
	};
	unsigned flags = AT_EMPTY_PATH | (c->recursive ? (unsigned)AT_RECURSIVE : 0);

	if (mount_setattr(mount_fd, "", flags, &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == EINVAL && (attr.attr_clr & ~attr.attr_set & MOUNT_ATTR_NOSYMFOLLOW)) {
		/* before Linux 5.14 there is no such flag, and it need not be cleared */
		attr.attr_clr &= ~(uint64_t)MOUNT_ATTR_NOSYMFOLLOW;
		if (mount_setattr(mount_fd, "", flags, &attr, sizeof(attr)) == 0)
			return 0;
	}
	return errno == ENOSYS ? change_old(mount_fd, c, proc_fd) : -errno;
}

/* What the file system has to say about a failure; its messages start with a letter and a space. */
static void fs_log(int fs, char *buf, size_t size)
{
	ssize_t n = read(fs, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (buf[0] && buf[1] == ' ')
		memmove(buf, buf + 2, strlen(buf + 2) + 1);
}

static int fs_fail(int fs, int num, const char *type, const char *what, struct cps_err *err)
{
	char said[FS_LOG_MAX];

	fs_log(fs, said, sizeof(said));
	if (said[0])
		return cps_fail(err, num, "mount %s: %s%s", type, what, said);
	return cps_fail(err, num, "mount %s%s%s", type, *what ? ": " : "", what);
}

/* One option of the file system: "key=value" or "flag". */
static int fs_option(int fs, const char *type, const char *option, size_t len, struct cps_err *err)
{
	char key[FS_VALUE_MAX * 2 + 2];
	char *value;
	int rc;

	if (len >= sizeof(key))
		return -ENOSYS;
	memcpy(key, option, len);
	key[len] = '\0';
	value = strchr(key, '=');
	if (value)
		*value++ = '\0';
	if (value && strlen(value) > FS_VALUE_MAX)
		return -ENOSYS;
	rc = fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
	if (rc == 0)
		return 0;
	rc = errno;
	memcpy(key, option, len);
	return fs_fail(fs, rc, type, key, err);
}

static int fs_options(int fs, const char *type, const struct rt_mount_opts *o, struct cps_err *err)
{
	const char *at = o->data;

	while (*at) {
		size_t len = strcspn(at, ",");
		int rc = len > 0 ? fs_option(fs, type, at, len, err) : 0;

		if (rc < 0)
			return rc;
		at += len;
		at += *at == ',';
	}
	return 0;
}

static int fs_flags(int fs, const char *type, unsigned long flags, struct cps_err *err)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} names[] = {
		{ MS_RDONLY, "ro" },	     { MS_SYNCHRONOUS, "sync" }, { MS_DIRSYNC, "dirsync" },
		{ MS_LAZYTIME, "lazytime" }, { MS_MANDLOCK, "mand" },
	};

	for (size_t i = 0; flags && i < sizeof(names) / sizeof(names[0]); i++)
		if ((flags & names[i].flag) &&
		    fsconfig(fs, FSCONFIG_SET_FLAG, names[i].name, NULL, 0) < 0)
			return fs_fail(fs, errno, type, names[i].name, err);
	return 0;
}

/* Overlay's own option parser knows escaped commas, and its lists of layers are long. The other
 * flags have no word in fsconfig(2). */
static bool wants_legacy(const char *type, const struct rt_mount_opts *o)
{
	return strcmp(type, "overlay") == 0 ||
	       (o->sb_flags & (MS_POSIXACL | MS_I_VERSION | MS_SILENT));
}

int rt_mount_new(const char *type, const char *source, const struct rt_mount_opts *o, uint64_t attr,
		 struct cps_err *err)
{
	cleanup_fd int fs = -1;
	int tree;
	int rc;

	if (wants_legacy(type, o) || (source && strlen(source) > FS_VALUE_MAX))
		return -ENOSYS;
	fs = fsopen(type, FSOPEN_CLOEXEC);
	if (fs < 0 && errno == ENOSYS)
		return -ENOSYS;
	if (fs < 0 && errno == ENODEV)
		return cps_failx(err, ENODEV, "mount: the kernel knows no file system '%s'", type);
	if (fs < 0)
		return cps_fail(err, errno, "mount %s", type);

	if (source && fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return fs_fail(fs, errno, type, source, err);
	rc = fs_flags(fs, type, o->sb_flags | (attr & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0), err);
	if (rc == 0)
		rc = fs_options(fs, type, o, err);
	if (rc < 0)
		return rc;
	if (o->context && fsconfig(fs, FSCONFIG_SET_STRING, "context", o->context, 0) < 0)
		return fs_fail(fs, errno, type, "linux.mountLabel", err);
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_fail(fs, errno, type, "", err);
	tree = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attr);
	if (tree < 0)
		return fs_fail(fs, errno, type, "", err);
	return tree;
}

int rt_mount_legacy(const char *type, const char *source, const struct rt_mount_opts *o,
		    uint64_t attr, int target, int proc_fd, struct cps_err *err)
{
	char labelled[RT_MOUNT_DATA_MAX];
	const char *data = o->data[0] ? o->data : NULL;
	int rc;

	if (o->context) {
		data = labelled;
		if ((size_t)snprintf(labelled, sizeof(labelled), "%s%scontext=\"%s\"", o->data,
				     o->data[0] ? "," : "", o->context) >= sizeof(labelled))
			return cps_failx(err, E2BIG, "mount %s: the options are too long", type);
	}
	rc = fd_mount(target, proc_fd, source, type, o->sb_flags | rt_mount_attr_flags(attr), data);
	return rc < 0 ? cps_fail(err, -rc, "mount %s", type) : 0;
}
