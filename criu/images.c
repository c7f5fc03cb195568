/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See images.h.
 */
#include <config.h>

#include "images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file.h"
#include "json.h"
#include "mountinfo.h"
#include "own.h"

#define DESCRIPTORS_MAX (64u << 10)
#define LOG_TAIL_MAX	(256u << 10)
#define PARENTS_MAX	64 /* pre-dumps of one checkpoint */
#define FILES_MAX	100000

/* -- the directories ------------------------------------------------------------------------ */

static int open_dir(const char *path, bool make, const char *what, struct cps_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0 && errno == ENOENT && make) {
		rc = cps_mkdir_all(path, 0700, err);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", what);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? cps_fail(err, errno, "%s '%s'", what, path) : fd;
}

static const char *absolute(const char *path, struct cps_arena *a)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return path;
	return getcwd(cwd, sizeof(cwd)) ? cps_arena_printf(a, "%s/%s", cwd, path) : NULL;
}

int criu_images_open(struct criu_images *im, const char *path, const char *work_path, bool make,
		     struct cps_arena *a, struct cps_err *err)
{
	im->path = absolute(path && path[0] ? path : "checkpoint", a);
	im->work_path = work_path && work_path[0] ? absolute(work_path, a) : im->path;
	if (!im->path || !im->work_path)
		return cps_fail(err, ENOMEM, "--image-path");
	im->fd = open_dir(im->path, make, "--image-path", err);
	if (im->fd < 0)
		return im->fd;
	im->work_fd = open_dir(im->work_path, true, "--work-path", err);
	return im->work_fd < 0 ? im->work_fd : 0;
}

static int reopen(int *fd, const char *path, const char *what, struct cps_err *err)
{
	cleanup_fd int again = open_dir(path, false, what, err);
	struct stat before, now;

	if (again < 0)
		return again;
	if (fstat(*fd, &before) < 0 || fstat(again, &now) < 0)
		return cps_fail(err, errno, "%s '%s'", what, path);
	if (before.st_dev != now.st_dev || before.st_ino != now.st_ino)
		return cps_failx(err, ESTALE, "%s '%s' is another directory now", what, path);
	cps_close(fd);
	*fd = take_fd(&again);
	return 0;
}

int criu_images_reopen(struct criu_images *im, struct cps_err *err)
{
	int rc = reopen(&im->fd, im->path, "--image-path", err);

	return rc < 0 ? rc : reopen(&im->work_fd, im->work_path, "--work-path", err);
}

void criu_images_done(struct criu_images *im)
{
	cps_close(&im->fd);
	cps_close(&im->work_fd);
}

/* -- what is in them ------------------------------------------------------------------------ */

/* What a directory is called in the one above it, found by asking who that is. */
static int name_in(int above, int dir, char *ret, size_t size)
{
	cleanup_fd int copy = openat(above, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct stat want, st;
	struct dirent *e;

	if (!d)
		return -errno;
	(void)take_fd(&copy); /* d has it */
	if (fstat(dir, &want) < 0)
		return -errno;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, ".") != 0 &&
		    fstatat(above, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return (size_t)snprintf(ret, size, "%s", e->d_name) < size ? 0
										   : -ENAMETOOLONG;
	return -ENOENT;
}

/* The directory that a word in dir leads to: it lies beside dir, or deeper. */
static int open_beside(int dir, const char *word, const char *name, struct cps_err *err)
{
	cleanup_fd int above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char own[NAME_MAX + 1], path[PATH_MAX];
	int rc = above < 0 ? -errno : name_in(above, dir, own, sizeof(own));
	int fd;

	if (rc < 0)
		return cps_fail(err, -rc, "%s: find its own name", name);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", own, word) >= sizeof(path))
		return cps_fail(err, ENAMETOOLONG, "%s: '%.64s'", name, word);
	/* symlinks on the way may lead anywhere below, and no further */
	fd = cps_open_resolved(above, path, O_RDONLY | O_DIRECTORY, 0,
			       RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (fd == -EXDEV || fd == -ELOOP)
		return cps_failx(err, EINVAL, "%s: '%.64s' leads out of the directory above it",
				 name, word);
	return fd < 0 ? cps_fail(err, -fd, "%s: '%.64s'", name, word) : fd;
}

/* 1: there is a parent. */
static int check_one(int dir, const char *name, struct cps_err *err)
{
	cleanup_fd int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	size_t count = 0;
	struct dirent *e;
	struct stat st;
	int parent = 0;

	if (!d)
		return cps_fail(err, errno, "%s: read the directory", name);
	(void)take_fd(&copy); /* d has it */
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return cps_fail(err, errno, "%s: '%.64s'", name, e->d_name);
		if (S_ISLNK(st.st_mode) && strcmp(e->d_name, "parent") == 0)
			parent = 1;
		else if (S_ISLNK(st.st_mode))
			return cps_failx(err, ELOOP, "%s: '%.64s' is a symlink", name, e->d_name);
		else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISSOCK(st.st_mode))
			return cps_failx(err, EINVAL, "%s: '%.64s' is no file", name, e->d_name);
		if (++count > FILES_MAX)
			return cps_failx(err, E2BIG, "%s: too many files", name);
	}
	return parent;
}

int criu_images_check(int dir, const char *name, struct cps_err *err)
{
	cleanup_fd int at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = at < 0 ? cps_fail(err, errno, "%s", name) : 0;

	for (int depth = 0; rc == 0; depth++) {
		int next;

		rc = check_one(at, name, err);
		if (rc <= 0)
			return rc;
		if (depth == PARENTS_MAX)
			return cps_failx(err, ELOOP, "%s: a chain of more than %d parents", name,
					 PARENTS_MAX);
		next = open_beside(at, "parent", name, err);
		if (next < 0)
			return next;
		cps_close(&at);
		at = next;
		rc = 0;
	}
	return rc;
}

int criu_images_check_parent(const struct criu_images *im, const char *parent, struct cps_err *err)
{
	cleanup_fd int fd = -1;

	if (parent[0] == '/')
		return cps_failx(err, EINVAL, "--parent-path must be relative");
	fd = open_beside(im->fd, parent, "--image-path", err);
	return fd < 0 ? cps_wrap(err, fd, "invalid --parent-path") : 0;
}

/* -- descriptors.json ----------------------------------------------------------------------- */

/* "pipe:[17]": what the kernel calls one, and CRIU after it. "file[1f:2a3]": CRIU's name for a file
 * by mount and inode. Nothing else is inherited. */
static bool is_key(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n, m;

	if (strncmp(text, "pipe:[", 6) == 0) {
		n = strspn(text + 6, "0123456789");
		return n > 0 && n <= 20 && strcmp(text + 6 + n, "]") == 0;
	}
	if (strncmp(text, "file[", 5) != 0)
		return false;
	n = strspn(text + 5, hex);
	if (n == 0 || n > 8 || text[5 + n] != ':')
		return false;
	m = strspn(text + 6 + n, hex);
	return m > 0 && m <= 16 && strcmp(text + 6 + n + m, "]") == 0;
}

int criu_descriptors_read(int dir, struct cps_arena *a, const char *ret[CRIU_STDIO],
			  struct cps_err *err)
{
	cleanup_free char *text = NULL;
	cleanup_fd int fd = cps_open_beneath(dir, CRIU_DESCRIPTORS, O_RDONLY | O_NONBLOCK, 0);
	const struct cps_json *root = NULL;
	struct stat st;
	size_t len;
	int rc = 0;

	if (fd < 0)
		return cps_fail(err, -fd, "'%s': is it a whole checkpoint?", CRIU_DESCRIPTORS);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return cps_failx(err, EINVAL, "'%s' is no file", CRIU_DESCRIPTORS);
	rc = cps_fd_read(fd, CRIU_DESCRIPTORS, DESCRIPTORS_MAX, &text, &len, err);
	if (rc == 0)
		rc = cps_json_parse(a, text, len, &root, err);
	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_ARRAY, err);
	for (int i = 0; i < CRIU_STDIO; i++)
		ret[i] = NULL;
	for (const struct cps_json *n = rc == 0 ? root->first : NULL; n && rc == 0; n = n->next) {
		const char *one = NULL;

		rc = cps_json_str(n, &one, err);
		if (rc == 0 && n->index < CRIU_STDIO && is_key(one))
			ret[n->index] = one;
	}
	return cps_wrap(err, rc, "%s", CRIU_DESCRIPTORS);
}

int criu_descriptors_write(int dir, const char *const text[CRIU_STDIO], struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '[');
	for (int i = 0; i < CRIU_STDIO; i++)
		cps_jsonw_str(&w, NULL, text[i]);
	cps_jsonw_close(&w, ']');
	if (buf.failed)
		return cps_fail(err, ENOMEM, CRIU_DESCRIPTORS);
	return cps_file_replace(dir, CRIU_DESCRIPTORS, buf.data, buf.len, 0600, err);
}

/* Is this mount one of the container's? */
static bool has_mount(const char *mountinfo, unsigned id)
{
	for (const char *line = mountinfo; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strtoul(line, NULL, 10) == id)
			return true;
	}
	return false;
}

/* What /proc says of a descriptor: the mount that it is in, and the flags that it was opened with.
 */
static int look(int pid, int i, unsigned *ret_mount, unsigned *ret_flags, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	const char *mount, *flags;
	char path[48];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, i);
	rc = cps_file_read(AT_FDCWD, path, 64u << 10, &text, &len, err);
	mount = rc == 0 ? strstr(text, "mnt_id:") : NULL;
	flags = rc == 0 ? strstr(text, "flags:") : NULL;
	*ret_mount = mount ? (unsigned)strtoul(mount + strlen("mnt_id:"), NULL, 10) : 0;
	*ret_flags = flags ? (unsigned)strtoul(flags + strlen("flags:"), NULL, 8) : 0;
	return rc;
}

/* A file, FIFO or null device of the host's is nothing that CRIU could find in the container: it is
 * called by a name that stands for it, and the one at restore takes its place. */
static int outside(int pid, int i, const struct stat *st, const char *mountinfo,
		   struct cps_arena *a, const char **ret, struct cps_err *err)
{
	unsigned id = 0, flags = 0;
	int rc;

	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode) &&
	    !(S_ISCHR(st->st_mode) && major(st->st_rdev) == 1))
		return 0;
	rc = look(pid, i, &id, &flags, err);
	if (rc < 0 || has_mount(mountinfo, id))
		return rc;
	/* It would have it opened by /proc/self/fd/N, which is a link. */
	if (flags & O_NOFOLLOW)
		return cps_failx(
			err, ENOTSUP,
			"descriptor %d was opened with O_NOFOLLOW: CRIU could not restore it", i);
	*ret = cps_arena_printf(a, "file[%x:%llx]", id, (unsigned long long)st->st_ino);
	return *ret ? 0 : cps_fail(err, ENOMEM, CRIU_DESCRIPTORS);
}

int criu_descriptors_of(int pid, struct cps_arena *a, const char *ret[CRIU_STDIO],
			struct cps_err *err)
{
	cleanup_free char *mountinfo = NULL;
	char path[48], target[PATH_MAX];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	rc = cps_file_read(AT_FDCWD, path, CRIU_MOUNTINFO_MAX, &mountinfo, &len, err);
	for (int i = 0; rc == 0 && i < CRIU_STDIO; i++) {
		struct stat st;
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, i);
		n = readlink(path, target, sizeof(target));
		ret[i] = cps_arena_strndup(a, target, n < 0 ? 0 : (size_t)n);
		if (!ret[i])
			return cps_fail(err, ENOMEM, CRIU_DESCRIPTORS);
		if (ret[i][0] == '/' && stat(path, &st) == 0)
			rc = outside(pid, i, &st, mountinfo, a, &ret[i], err);
	}
	return rc;
}

/* -- CRIU's log ----------------------------------------------------------------------------- */

/* "(00.012345) Error (criu/mount.c:123): mnt: it is not there" */
static const char *message_of(char *line)
{
	char *at = strstr(line, "Error (");

	at = at ? strstr(at, "): ") : NULL;
	return at ? at + 3 : NULL;
}

/* Beside the point: how a program ended that CRIU ran (why that matters comes next), and what it
 * tried in vain before it did something else. */
static bool is_noise(const char *message)
{
	return strncmp(message, "exited, ", 8) == 0 || strncmp(message, "tun: ", 5) == 0;
}

static void collect(char *text, struct cps_buf *to, size_t max)
{
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *message = message_of(line);

		if (!message || is_noise(message))
			continue;
		if (to->len > 0 && to->len + strlen(message) + 2 > max)
			return;
		cps_buf_puts(to, to->len > 0 ? "; " : "");
		cps_buf_add_plain(to, message, strlen(message));
	}
}

void criu_log_error(int work_fd, const char *name, char *ret, size_t size)
{
	cleanup_buf struct cps_buf messages = CPS_BUF_INIT;
	cleanup_free char *text = malloc(LOG_TAIL_MAX + 1);
	cleanup_fd int fd = cps_open_beneath(work_fd, name, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	ssize_t n;

	ret[0] = '\0';
	if (!text || fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	n = pread(fd, text, LOG_TAIL_MAX,
		  st.st_size > (off_t)LOG_TAIL_MAX ? st.st_size - (off_t)LOG_TAIL_MAX : 0);
	if (n <= 0)
		return;
	text[n] = '\0';
	collect(text, &messages, size);
	(void)snprintf(ret, size, "%s", messages.data ? messages.data : "");
}
