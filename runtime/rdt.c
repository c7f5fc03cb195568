/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rdt.h.
 */
#include <config.h>

#include "rdt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "own.h"

#define USUAL_PLACE  "/sys/fs/resctrl"
#define SCHEMATA_MAX (64u << 10)
#define STATUS_MAX   4096

/* -- schemata --------------------------------------------------------------------------------- */

bool rt_rdt_is_schema(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0 && !strchr(line, '\n');
}

/* The resource's name before the colon, without the blanks that the kernel aligns it by. */
static const char *read_name(const char *line, size_t *ret_len)
{
	const char *end;

	line += strspn(line, " \t");
	end = line + strcspn(line, ":\n");
	if (*end != ':')
		return NULL;
	*ret_len = (size_t)(end - line);
	return line;
}

/* "0=7f0", moves on behind it. Bandwidths are decimal, masks of caches hexadecimal. */
static bool read_share(const char **at, int base, unsigned long *ret_id,
		       unsigned long long *ret_value)
{
	char *end;

	*at += strspn(*at, " \t;");
	if (!isdigit((unsigned char)**at))
		return false;
	*ret_id = strtoul(*at, &end, 10);
	end += strspn(end, " \t");
	if (*end++ != '=')
		return false;
	end += strspn(end, " \t");
	if (!isxdigit((unsigned char)*end))
		return false;
	*ret_value = strtoull(end, &end, base);
	*at = end + strspn(end, " \t");
	return **at == ';' || **at == '\n' || **at == '\0';
}

static bool has_share(const char *shares, int base, unsigned long id, unsigned long long value)
{
	unsigned long other;
	unsigned long long its;

	while (read_share(&shares, base, &other, &its))
		if (other == id)
			return its == value;
	return false;
}

/* The shares of the resource in a text of lines; NULL: it is not there. */
static const char *find_shares(const char *schemata, const char *name, size_t len)
{
	while (*schemata) {
		size_t its;
		const char *at = read_name(schemata, &its);

		if (at && its == len && strncmp(at, name, len) == 0)
			return at + len + 1;
		schemata += strcspn(schemata, "\n");
		schemata += strspn(schemata, "\n");
	}
	return NULL;
}

bool rt_rdt_matches(const char *schemata, const char *line)
{
	size_t len;
	const char *name = read_name(line, &len);
	const char *shares = name ? find_shares(schemata, name, len) : NULL;
	int base = name && len >= 2 && strncmp(name + len - 2, "MB", 2) == 0 ? 10 : 16;
	unsigned long long value;
	unsigned long id;
	const char *at;

	if (!shares)
		return false;
	at = name + len + 1;
	while (read_share(&at, base, &id, &value))
		if (!has_share(shares, base, id, value))
			return false;
	return *at == '\0'; /* else it is no list of shares */
}

/* -- files ------------------------------------------------------------------------------------ */

/* What the kernel has to say about the last thing that it refused. */
static int with_status(const char *root, int rc, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	char path[PATH_MAX];
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/info/last_cmd_status", root);
	if (cps_file_read(AT_FDCWD, path, STATUS_MAX, &text, &len, &ignored) < 0)
		return rc;
	text[strcspn(text, "\n")] = '\0';
	return cps_wrap(err, rc, "resctrl says '%.100s'", text);
}

static int put(const struct rt_rdt *rdt, const char *dir, const char *file, const char *text,
	       struct cps_err *err)
{
	char path[PATH_MAX];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = cps_file_put(AT_FDCWD, path, text, err);
	return rc < 0 && rc != -ENOENT ? with_status(rdt->root, rc, err) : rc;
}

static int make(const struct rt_rdt *rdt, const char *dir, struct cps_err *err)
{
	if (mkdir(dir, 0755) < 0)
		return with_status(rdt->root, cps_fail(err, errno, "make '%s'", dir), err);
	return 0;
}

static int write_schemata(const struct rt_rdt *rdt, const char *const lines[], size_t n,
			  struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (!lines[i])
			continue;
		cps_buf_puts(&buf, lines[i]);
		cps_buf_puts(&buf, "\n");
	}
	if (buf.failed)
		return cps_fail(err, ENOMEM, "schemata");
	return buf.len ? put(rdt, rdt->group, "schemata", buf.data, err) : 0;
}

/* -- a container's ---------------------------------------------------------------------------- */

int rt_rdt_find(struct cps_arena *a, const char **ret_root, struct cps_err *err)
{
	const struct mntent *m;
	struct statfs fs;
	FILE *mounts;

	*ret_root = NULL;
	if (statfs(USUAL_PLACE, &fs) == 0 && fs.f_type == RDTGROUP_SUPER_MAGIC) {
		*ret_root = USUAL_PLACE;
		return 0;
	}
	mounts = setmntent("/proc/self/mounts", "re");
	while (mounts && !*ret_root && (m = getmntent(mounts)))
		if (strcmp(m->mnt_type, "resctrl") == 0)
			*ret_root = cps_arena_strdup(a, m->mnt_dir);
	if (mounts)
		(void)endmntent(mounts);
	if (*ret_root)
		return 0;
	return cps_failx(err, ENODEV,
			 "linux.intelRdt: no resctrl file system is mounted (" USUAL_PLACE
			 "): this machine has no Intel RDT, or does not use it");
}

static bool wants_schemata(const struct rt_intel_rdt *want)
{
	return want->l3_cache || want->mem_bw || want->schemata.n > 0;
}

int rt_rdt_plan(const struct rt_intel_rdt *want, const char *root, const char *id,
		struct cps_arena *a, struct rt_rdt *ret, struct cps_err *err)
{
	bool is_root = want->clos_id && strcmp(want->clos_id, "/") == 0;
	struct rt_rdt r = { .root = root };
	bool exists;

	r.group = is_root ? root
			  : cps_arena_printf(a, "%s/%s", root, want->clos_id ? want->clos_id : id);
	if (!r.group)
		return cps_fail(err, ENOMEM, "linux.intelRdt");
	exists = access(r.group, F_OK) == 0;
	r.own = !want->clos_id && !exists;
	if (want->clos_id && !exists && !wants_schemata(want))
		return cps_failx(err, ENOENT,
				 "linux.intelRdt.closID: there is no '%s', and no schemata to make "
				 "it with",
				 r.group);
	if (want->monitoring) {
		r.monitor = cps_arena_printf(a, "%s/mon_groups/%s", r.group, id);
		if (!r.monitor)
			return cps_fail(err, ENOMEM, "linux.intelRdt");
		/* else it would go with our container */
		if (access(r.monitor, F_OK) == 0)
			return cps_failx(err, EEXIST,
					 "linux.intelRdt.enableMonitoring: '%s' exists already",
					 r.monitor);
	}
	*ret = r;
	return 0;
}

/* A group that others have made stays as it is: what is asked for must be what it has. */
static int compare(const struct rt_rdt *rdt, const struct rt_intel_rdt *want, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/schemata", rdt->group);
	rc = cps_file_read(AT_FDCWD, path, SCHEMATA_MAX, &text, &len, err);
	if (rc < 0)
		return cps_wrap(err, rc, "linux.intelRdt.closID");
	if (want->l3_cache && !rt_rdt_matches(text, want->l3_cache))
		return cps_failx(err, EEXIST,
				 "linux.intelRdt.l3CacheSchema: '%s' exists with other shares than "
				 "'%s'",
				 rdt->group, want->l3_cache);
	if (want->mem_bw && !rt_rdt_matches(text, want->mem_bw))
		return cps_failx(err, EEXIST,
				 "linux.intelRdt.memBwSchema: '%s' exists with other shares than "
				 "'%s'",
				 rdt->group, want->mem_bw);
	return 0;
}

static int set_shares(const struct rt_rdt *rdt, const struct rt_intel_rdt *want,
		      struct cps_err *err)
{
	const char *const both[] = { want->l3_cache, want->mem_bw };
	int rc = 0;

	if (rdt->made || !want->clos_id) {
		rc = write_schemata(rdt, both, 2, err);
		rc = cps_wrap(err, rc, "linux.intelRdt.%s",
			      want->l3_cache ? "l3CacheSchema" : "memBwSchema");
	} else if (want->l3_cache || want->mem_bw) {
		rc = compare(rdt, want, err);
	}
	if (rc < 0)
		return rc;
	rc = write_schemata(rdt, want->schemata.v, want->schemata.n, err);
	return cps_wrap(err, rc, "linux.intelRdt.schemata");
}

int rt_rdt_create(struct rt_rdt *rdt, const struct rt_intel_rdt *want, struct cps_err *err)
{
	int rc = 0;

	if (access(rdt->group, F_OK) < 0) {
		rc = make(rdt, rdt->group, err);
		if (rc < 0)
			return cps_wrap(err, rc, "linux.intelRdt");
		rdt->made = true;
	}
	rc = set_shares(rdt, want, err);
	if (rc == 0 && rdt->monitor) {
		rc = make(rdt, rdt->monitor, err);
		(void)cps_wrap(err, rc, "linux.intelRdt.enableMonitoring");
	}
	return rc;
}

int rt_rdt_join(const struct rt_rdt *rdt, pid_t pid, struct cps_err *err)
{
	char text[16];
	int rc;

	(void)snprintf(text, sizeof(text), "%d", pid);
	rc = put(rdt, rdt->group, "tasks", text, err);
	if (rc == 0 && rdt->monitor)
		rc = put(rdt, rdt->monitor, "tasks", text, err);
	return cps_wrap(err, rc, "linux.intelRdt");
}

int rt_rdt_update(const struct rt_rdt *rdt, const char *l3_cache, const char *mem_bw,
		  struct cps_err *err)
{
	const char *const both[] = { l3_cache, mem_bw };

	if (l3_cache && !rt_rdt_is_schema(l3_cache, ""))
		return cps_failx(err, EINVAL, "l3-cache-schema: more than one line");
	if (mem_bw && !rt_rdt_is_schema(mem_bw, "MB:"))
		return cps_failx(err, EINVAL,
				 "mem-bw-schema: '%s' is no line that begins with MB:", mem_bw);
	return write_schemata(rdt, both, 2, err);
}

/* A group's directory is removed with the files that the kernel put there; processes that it still
 * has become those of the group above. */
static int remove_group(const char *dir, struct cps_err *err)
{
	return rmdir(dir) < 0 && errno != ENOENT ? cps_fail(err, errno, "remove '%s'", dir) : 0;
}

int rt_rdt_remove(const struct rt_rdt *rdt, struct cps_err *err)
{
	int rc = 0;

	if (rdt->monitor)
		rc = remove_group(rdt->monitor, err);
	if (rc == 0 && rdt->own)
		rc = remove_group(rdt->group, err);
	return rc;
}

void rt_rdt_undo(const struct rt_rdt *rdt)
{
	struct rt_rdt all = *rdt;
	struct cps_err ignored;

	all.own = rdt->own || rdt->made;
	(void)rt_rdt_remove(&all, &ignored);
}

/* -- the state -------------------------------------------------------------------------------- */

void rt_rdt_format(const struct rt_rdt *rdt, struct cps_jsonw *w, const char *key)
{
	if (!rdt->root)
		return;
	cps_jsonw_open(w, key, '{');
	cps_jsonw_str(w, "root", rdt->root);
	cps_jsonw_str(w, "group", rdt->group);
	if (rdt->monitor)
		cps_jsonw_str(w, "monitor", rdt->monitor);
	cps_jsonw_bool(w, "own", rdt->own);
	cps_jsonw_close(w, '}');
}

/* Below the root, and nowhere else: directories there are removed. */
static bool is_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return strncmp(path, root, len) == 0 && (path[len] == '/' || !path[len]) &&
	       !strstr(path + len, "/..");
}

int rt_rdt_load(struct rt_rdt *rdt, const struct cps_json *node, struct cps_err *err)
{
	int rc;

	if (!node)
		return 0;
	rc = cps_json_str(cps_json_get(node, "root"), &rdt->root, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(node, "group"), &rdt->group, err);
	if (rc == 0 && cps_json_get(node, "monitor"))
		rc = cps_json_str(cps_json_get(node, "monitor"), &rdt->monitor, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(node, "own"), &rdt->own, err);
	if (rc < 0)
		return rc;
	if (rdt->root[0] != '/' || !is_below(rdt->group, rdt->root) ||
	    (rdt->monitor && !is_below(rdt->monitor, rdt->group)))
		return cps_json_fail(node, EBADMSG, err, "names other directories");
	return 0;
}
