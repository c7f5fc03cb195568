/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices: --device, and for a privileged container all that the host has in /dev.
 */
#include <config.h>

#include "run-plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "own.h"

#define DEPTH_MAX 4

static void node_write(const char *path, const struct stat *st, struct cps_jsonw *w)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "path", path);
	cps_jsonw_str(w, "type", S_ISBLK(st->st_mode) ? "b" : "c");
	cps_jsonw_u64(w, "major", major(st->st_rdev));
	cps_jsonw_u64(w, "minor", minor(st->st_rdev));
	cps_jsonw_u64(w, "fileMode", st->st_mode & 07777);
	cps_jsonw_u64(w, "uid", st->st_uid);
	cps_jsonw_u64(w, "gid", st->st_gid);
	cps_jsonw_close(w, '}');
}

static void rule_write(bool allow, char type, int64_t major, int64_t minor, const char *access,
		       struct cps_jsonw *w)
{
	const char kind[2] = { type, '\0' };

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_bool(w, "allow", allow);
	if (type) {
		cps_jsonw_str(w, "type", kind);
		cps_jsonw_i64(w, "major", major);
		cps_jsonw_i64(w, "minor", minor);
	}
	cps_jsonw_str(w, "access", access);
	cps_jsonw_close(w, '}');
}

/* HOST[:PATH[:rwm]] */
static int given_write(const struct sup_plan *p, const char *text, bool as_rule,
		       struct cps_jsonw *w, struct cps_err *err)
{
	char *rest = cps_arena_strdup(p->arena, text), *host, *path, *access = NULL;
	struct stat st;

	if (!rest)
		return cps_fail(err, ENOMEM, "--device");
	host = strsep(&rest, ":");
	path = rest ? strsep(&rest, ":") : host;
	access = rest;
	if (!access && path != host && path[0] != '/') {
		access = path; /* HOST:rwm */
		path = host;
	}
	if (stat(host, &st) < 0)
		return cps_fail(err, errno, "--device '%.80s'", host);
	if (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
		return cps_failx(err, EINVAL, "--device: '%.80s' is no device", host);
	if (strncmp(path, "/dev/", 5) != 0 || !sto_is_destination(path))
		return cps_failx(err, EINVAL, "--device: '%.80s' is no path below /dev", path);
	if (access && (!*access || access[strspn(access, "rwm")]))
		return cps_failx(err, EINVAL, "--device: '%.80s': '%.20s' is not of r, w, m", text,
				 access);
	if (as_rule)
		rule_write(true, S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev),
			   minor(st.st_rdev), access ? access : "rwm", w);
	else
		node_write(path, &st, w);
	return 0;
}

/* What the container has of its own, or what is not a device of the machine. */
static bool is_left_out(const char *path)
{
	static const char *const names[] = { "/dev/pts",     "/dev/shm",      "/dev/mqueue",
					     "/dev/console", "/dev/fd",	      "/dev/.lxc",
					     "/dev/ptmx",    "/dev/hugepages" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], path) == 0)
			return true;
	return false;
}

static void all_write(int parent, const char *name, const char *path, int depth,
		      struct cps_jsonw *w)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (fd >= 0 && !dir)
		cps_close(&fd);
	while (dir && (e = readdir(dir))) {
		char child[PATH_MAX];
		struct stat st;
		int n = snprintf(child, sizeof(child), "%s/%s", path, e->d_name);

		if (e->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof(child) ||
		    is_left_out(child) ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			all_write(dirfd(dir), e->d_name, child, depth + 1, w);
		else if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
			node_write(child, &st, w);
	}
}

/* The six that every container has; terminals are the runtime's to add. */
static void usual_rules(struct cps_jsonw *w)
{
	static const unsigned char usual[][2] = { { 1, 3 }, { 1, 5 }, { 1, 7 },
						  { 1, 8 }, { 1, 9 }, { 5, 0 } };

	rule_write(false, 0, 0, 0, "rwm", w);
	/* a node may be made of any, and used of none */
	rule_write(true, 'c', -1, -1, "m", w);
	rule_write(true, 'b', -1, -1, "m", w);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		rule_write(true, 'c', usual[i][0], usual[i][1], "rwm", w);
}

int sup_spec_devices(const struct sup_plan *p, bool as_rules, struct cps_jsonw *w,
		     struct cps_err *err)
{
	const struct cps_opt_list *given = &p->run->devices;
	int rc = 0;

	cps_jsonw_open(w, "devices", '[');
	if (p->run->privileged && as_rules)
		rule_write(true, 0, 0, 0, "rwm", w);
	else if (p->run->privileged)
		all_write(AT_FDCWD, "/dev", "/dev", 0, w);
	else if (as_rules)
		usual_rules(w);
	for (unsigned i = 0; rc == 0 && i < given->count; i++)
		rc = given_write(p, given->values[i], as_rules, w, err);
	cps_jsonw_close(w, ']');
	return rc;
}
