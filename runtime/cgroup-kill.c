/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a control group: its processes listed, signalled and killed, its directories removed.
 *
 * A pid read from cgroup.procs may be another process by the time it is used (D10). So pidfds are
 * opened for a batch of pids, the list is read once more, and only what is on it still is
 * signalled.
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "proc.h"

#define DEPTH_MAX 64 /* of groups that the container made below its own */
#define BATCH	  256

/* -- groups below a group ------------------------------------------------------------------- */

/* Opens cgroup directory `name` below fd. */
static int group_open(int fd, const char *name)
{
	int dir = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 ? -errno : dir;
}

/* Calls visit(child directory's parent fd, name) for each group directly below. */
static int group_children(int fd, int (*visit)(int fd, const char *name, void *arg), void *arg)
{
	cleanup_dir DIR *d = NULL;
	struct dirent *e;
	struct stat st;
	int copy;

	/* cgroupfs counts its directories' links right: usually there is nothing to read */
	if (fstat(fd, &st) == 0 && st.st_nlink == 2)
		return 0;
	copy = group_open(fd, ".");
	if (copy < 0)
		return copy;
	d = fdopendir(copy);
	if (!d) {
		int rc = -errno;

		cps_close(&copy);
		return rc;
	}
	while ((e = readdir(d))) {
		int rc;

		if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		rc = visit(fd, e->d_name, arg);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* -- pids ----------------------------------------------------------------------------------- */

struct pids {
	pid_t *v; /* owned */
	size_t n, room;
	unsigned depth;
};

static int pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		pid_t *v = reallocarray(p->v, room, sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->v = v;
		p->room = room;
	}
	p->v[p->n++] = pid;
	return 0;
}

static int pids_read(struct pids *p, int fd)
{
	cleanup_file FILE *f = NULL;
	int file = openat(fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	int pid;

	if (file < 0)
		return -errno;
	f = fdopen(file, "r");
	if (!f) {
		cps_close(&file);
		return -ENOMEM;
	}
	while (fscanf(f, "%d", &pid) == 1) {
		/* 0 is a process that our pid namespace does not see: we cannot name it */
		int rc = pid > 0 ? pids_add(p, (pid_t)pid) : 0;

		if (rc < 0)
			return rc;
	}
	return ferror(f) ? -EIO : 0;
}

static int pids_visit(int fd, const char *name, void *arg)
{
	struct pids *p = arg;
	cleanup_fd int dir = group_open(fd, name);
	int rc;

	if (dir == -ENOENT || dir == -ENODEV)
		return 0; /* gone meanwhile */
	if (dir < 0)
		return dir;
	rc = pids_read(p, dir);
	if (rc == -ENOENT || rc == -ENODEV)
		return 0;
	if (rc == -EOPNOTSUPP) /* a threaded group: its processes are listed above it */
		rc = 0;
	if (rc < 0)
		return rc;
	if (p->depth == DEPTH_MAX)
		return -ELOOP;
	p->depth++;
	rc = group_children(dir, pids_visit, p);
	p->depth--;
	return rc;
}

/* The hierarchy that is asked for processes. Any would do, as they join all; the freezer's list is
 * the one that a kill can rely on. */
static const struct rt_cgroup_dir *process_dir(const struct rt_cgroup *cg)
{
	static const char *const order[] = { "freezer", "pids", "memory", "devices" };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, order[i]);

		if (dir)
			return dir;
	}
	return cg->ndirs ? &cg->dirs[0] : NULL;
}

int rt_cgroup_pids(const struct rt_cgroup *cg, pid_t **ret_pids, size_t *ret_count,
		   struct cps_err *err)
{
	const struct rt_cgroup_dir *dir = process_dir(cg);
	struct pids p = { 0 };
	char path[RT_CGROUP_FILE];
	int rc;

	if (dir) {
		rc = pids_visit(AT_FDCWD, rt_cgroup_file(dir, NULL, path), &p);
		if (rc < 0) {
			free(p.v);
			return cps_fail(err, -rc, "read the processes of cgroup '%s'", path);
		}
	}
	*ret_pids = p.v;
	*ret_count = p.n;
	return 0;
}

/* -- signals -------------------------------------------------------------------------------- */

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Signals pids[0..n), n <= BATCH: see the head of this file. */
static int signal_batch(const struct rt_cgroup *cg, const pid_t *pids, size_t n, int signal,
			struct cps_err *err)
{
	cleanup_free pid_t *now = NULL;
	int fds[BATCH];
	size_t count = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		fds[i] = cps_pidfd_open(pids[i]);
	rc = rt_cgroup_pids(cg, &now, &count, err);
	if (rc == 0 && count)
		qsort(now, count, sizeof(*now), compare_pids);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0 && fds[i] >= 0 && count &&
		    bsearch(&pids[i], now, count, sizeof(*now), compare_pids)) {
			int sent = cps_pidfd_signal(fds[i], signal);

			if (sent < 0 && sent != -ESRCH)
				rc = cps_fail(err, -sent, "signal process %d of the cgroup",
					      (int)pids[i]);
		}
		cps_close(&fds[i]);
	}
	return rc;
}

static int signal_all(const struct rt_cgroup *cg, int signal, struct cps_err *err)
{
	cleanup_free pid_t *pids = NULL;
	size_t count = 0;
	int rc;

	rc = rt_cgroup_pids(cg, &pids, &count, err);
	for (size_t i = 0; rc == 0 && i < count; i += BATCH)
		rc = signal_batch(cg, pids + i, count - i < BATCH ? count - i : BATCH, signal, err);
	return rc;
}

/* Kills until nobody is left, for where nothing can hold the processes still: each round is faster
 * than the forks of a bomb only with luck, so there are some. */
static int kill_rounds(const struct rt_cgroup *cg, struct cps_err *err)
{
	for (int round = 0; round < 64; round++) {
		cleanup_free pid_t *pids = NULL;
		size_t count = 0;
		int rc = rt_cgroup_pids(cg, &pids, &count, err);

		if (rc < 0 || count == 0)
			return rc;
		rc = signal_all(cg, SIGKILL, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int thaw_visit(int fd, const char *name, void *arg)
{
	cleanup_fd int dir = group_open(fd, name);
	struct cps_err *err = arg;
	int rc;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	rc = cps_file_put(dir, "freezer.state", "THAWED", err);
	return rc < 0 ? rc : group_children(dir, thaw_visit, arg);
}

/* v1: frozen processes cannot fork, and one that was forking starts frozen. They die when they
 * thaw, and thaw they must, even if the group was paused or the container froze groups below. */
int rt_cgroup_v1_kill(const struct rt_cgroup *cg, struct cps_err *err)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, "freezer");
	char path[RT_CGROUP_FILE];
	struct cps_err later = { 0 };
	int rc, thawed;

	if (!dir)
		return kill_rounds(cg, err);
	rc = cps_file_put(AT_FDCWD, rt_cgroup_file(dir, "freezer.state", path), "FROZEN", err);
	if (rc == -ENOENT)
		return 0; /* the group is gone, and who was in it */
	if (rc < 0)
		return rc;
	/* Who would be born after the list was read would be missed. Not for ever: one that waits
	 * for a disk cannot freeze. */
	(void)rt_cgroup_v1_wait_frozen(dir, 200000);
	rc = signal_all(cg, SIGKILL, err);
	thawed = thaw_visit(AT_FDCWD, rt_cgroup_file(dir, NULL, path), &later);
	if (rc == 0 && thawed < 0)
		return cps_fail(err, -thawed, "thaw cgroup '%s'", path);
	return rc;
}

/* Before Linux 5.14 there is no cgroup.kill; frozen processes of v2 die at once. */
static int kill_frozen(const struct rt_cgroup *cg, struct cps_err *err)
{
	char path[RT_CGROUP_FILE];
	struct cps_err ignored;
	int rc;

	rc = cps_file_put(AT_FDCWD, rt_cgroup_file(&cg->dirs[0], "cgroup.freeze", path), "1", err);
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return rc;
	rc = signal_all(cg, SIGKILL, err);
	(void)cps_file_put(AT_FDCWD, path, "0", &ignored); /* for those who come later */
	return rc;
}

int rt_cgroup_v2_kill(const struct rt_cgroup *cg, struct cps_err *err)
{
	char path[RT_CGROUP_FILE];
	int rc;

	rc = cps_file_put(AT_FDCWD, rt_cgroup_file(&cg->dirs[0], "cgroup.kill", path), "1", err);
	return rc == -ENOENT ? kill_frozen(cg, err) : rc;
}

int rt_cgroup_kill(const struct rt_cgroup *cg, int signal, struct cps_err *err)
{
	if (cg->ndirs == 0)
		return cps_failx(err, ESRCH, "the container has no cgroup");
	return signal == SIGKILL ? rt_cgroup_ops(cg)->kill(cg, err) : signal_all(cg, signal, err);
}

/* -- removal -------------------------------------------------------------------------------- */

struct sweep {
	unsigned depth;
};

static int sweep_visit(int fd, const char *name, void *arg)
{
	struct sweep *s = arg;
	cleanup_fd int dir = -1;
	int rc;

	if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	if (s->depth == DEPTH_MAX)
		return -ELOOP;
	dir = group_open(fd, name);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	s->depth++;
	rc = group_children(dir, sweep_visit, s);
	s->depth--;
	if (rc < 0)
		return rc;
	return unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Dead processes leave their group a moment after they were seen to die. The first wait is as short
 * as that moment usually is; *left_us bounds all waits together. */
static int remove_patiently(const char *path, long *left_us, struct cps_err *err)
{
	struct timespec pause = { 0, 50000 };
	int rc;

	for (;;) {
		struct sweep s = { 0 };

		rc = sweep_visit(AT_FDCWD, path, &s);
		if (rc != -EBUSY || *left_us <= 0)
			break;
		(void)nanosleep(&pause, NULL);
		*left_us -= pause.tv_nsec / 1000;
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec *= 2;
	}
	return rc < 0 ? cps_fail(err, -rc, "remove cgroup '%s'", path) : 0;
}

int rt_cgroup_remove(const struct rt_cgroup *cg, struct cps_err *err)
{
	char path[RT_CGROUP_FILE];
	struct cps_err later;
	long left_us = 2000000;
	int rc = 0;

	/* all of them, whatever happens to one: what is left is then named by the first error */
	for (unsigned i = 0; i < cg->ndirs; i++) {
		int one;

		if (!cg->dirs[i].made)
			continue;
		one = remove_patiently(rt_cgroup_file(&cg->dirs[i], NULL, path), &left_us,
				       rc ? &later : err);
		if (rc == 0)
			rc = one;
	}
	return rc;
}
