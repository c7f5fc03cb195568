/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by cgroup.
 */
#include <config.h>

#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "own.h"

#define PROCS_MAX   (1 << 20) /* bytes of a cgroup.procs, PIDS_MAX of them at least */
#define PIDS_MAX    65536
#define DEPTH_MAX   16
#define CMDLINE_MAX 4096

struct pids {
	pid_t *v;
	size_t n, room;
};

static int pid_compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

static int pids_add(struct pids *p, pid_t pid)
{
	pid_t *more;

	if (p->n == PIDS_MAX)
		return -E2BIG;
	if (p->n == p->room) {
		more = reallocarray(p->v, p->room ? 2 * p->room : 64, sizeof(*p->v));
		if (!more)
			return -ENOMEM;
		p->v = more;
		p->room = p->room ? 2 * p->room : 64;
	}
	p->v[p->n++] = pid;
	return 0;
}

static int procs_read(int dir, struct pids *p, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = cps_file_read(dir, "cgroup.procs", PROCS_MAX, &text, &len, err);

	if (rc < 0)
		return rc;
	for (char *line = text; *line;) {
		char *end;
		long pid = strtol(line, &end, 10);

		if (end == line)
			break;
		if (pid > 0) {
			rc = pids_add(p, (pid_t)pid);
			if (rc < 0)
				return cps_fail(err, -rc, "list processes");
		}
		line = *end ? end + 1 : end;
	}
	return 0;
}

/* fd is consumed. A cgroup that goes away meanwhile has no processes. */
static int tree_read(int fd, int depth, struct pids *p, struct cps_err *err)
{
	cleanup_dir DIR *d = fdopendir(fd);
	struct dirent *e;
	int rc;

	if (!d) {
		(void)close(fd);
		return cps_fail(err, errno, "read its cgroup");
	}
	rc = procs_read(dirfd(d), p, err);
	if (rc == -ENOENT || rc == -ENODEV)
		return 0;
	while (rc == 0 && depth < DEPTH_MAX && (e = readdir(d))) {
		int below;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		below = openat(dirfd(d), e->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			rc = tree_read(below, depth + 1, p, err);
	}
	return rc;
}

/* Any hierarchy will do: the processes are in all of them. */
static int cgroup_open(const struct sup_container *c)
{
	const struct cps_json *dirs = cps_json_get(cps_json_get(c->state_json, "cgroup"), "dirs");

	for (const struct cps_json *d = dirs ? dirs->first : NULL; d; d = d->next) {
		const char *mount, *path;
		char full[PATH_MAX];
		struct cps_err ignored;
		int fd;

		if (cps_json_str(cps_json_get(d, "mount"), &mount, &ignored) < 0 ||
		    cps_json_str(cps_json_get(d, "path"), &path, &ignored) < 0)
			continue;
		(void)snprintf(full, sizeof(full), "%s%s", mount, path);
		fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

int sup_processes_pids(const struct sup_container *c, struct cps_arena *a, pid_t **ret,
		       size_t *ret_n, struct cps_err *err)
{
	struct pids p = { 0 };
	pid_t *pids;
	int rc = 0, fd = cgroup_open(c);

	if (fd >= 0)
		rc = tree_read(fd, 0, &p, err);
	else if (sup_identity_is_alive(&c->init))
		rc = cps_failx(err, ENOENT, "its cgroup is not there");
	pids = rc < 0 ? NULL : cps_arena_array(a, p.n + 1, sizeof(*pids));
	if (rc == 0 && !pids)
		rc = cps_fail(err, ENOMEM, "list processes");
	if (rc == 0 && p.n) {
		qsort(p.v, p.n, sizeof(*p.v), pid_compare);
		memcpy(pids, p.v, p.n * sizeof(*p.v));
	}
	free(p.v);
	if (rc < 0)
		return rc;
	*ret = pids;
	*ret_n = p.n;
	return 0;
}

/* The command line, or the name in brackets for kernel's sake and for zombies. */
static const char *command_read(int proc, struct cps_arena *a, const char *name)
{
	cleanup_fd int fd = openat(proc, "cmdline", O_RDONLY | O_CLOEXEC);
	char line[CMDLINE_MAX];
	ssize_t n = fd < 0 ? -1 : cps_read_full(fd, line, sizeof(line));

	while (n > 0 && line[n - 1] == '\0')
		n--;
	if (n <= 0)
		return cps_arena_printf(a, "[%s]", name);
	for (ssize_t i = 0; i < n; i++)
		if (line[i] == '\0')
			line[i] = ' ';
	return cps_arena_strndup(a, line, (size_t)n);
}

/* /proc/PID/stat; the name, between the first ( and the last ), may hold anything. */
static int stat_parse(const char *text, struct cps_arena *a, struct sup_process *p)
{
	const char *open_paren = strchr(text, '(');
	const char *close_paren = strrchr(text, ')');
	uint64_t user, system;

	if (!open_paren || !close_paren || close_paren < open_paren ||
	    sscanf(close_paren + 1,
		   " %c %d %d %d %u %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %ld %u %*d %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &p->state, &p->ppid, &p->pgid, &p->sid, &p->tty, &user, &system, &p->nice,
		   &p->threads, &p->start_ticks, &p->vsize, &p->rss_pages) != 12)
		return -ESRCH;
	p->cpu_ticks = user + system;
	p->cpu_seconds = p->cpu_ticks / (uint64_t)sysconf(_SC_CLK_TCK);
	p->name = cps_arena_strndup(a, open_paren + 1, (size_t)(close_paren - open_paren - 1));
	return p->name ? 0 : -ENOMEM;
}

int sup_process_describe(pid_t pid, struct cps_arena *a, struct sup_process *ret)
{
	struct sup_process p = { .pid = pid };
	cleanup_free char *text = NULL;
	cleanup_fd int proc = -1;
	struct cps_err ignored;
	char path[32];
	struct stat st;
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || fstat(proc, &st) < 0 ||
	    cps_file_read(proc, "stat", 4096, &text, &len, &ignored) < 0)
		return -ESRCH;
	rc = stat_parse(text, a, &p);
	if (rc < 0)
		return rc;
	p.uid = st.st_uid;
	p.command = command_read(proc, a, p.name);
	*ret = p;
	return p.command ? 0 : -ENOMEM;
}
