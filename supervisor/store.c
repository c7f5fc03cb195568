/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers as their directories tell of them.
 */
#include <config.h>

#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cgroup-file.h"
#include "command.h"
#include "file.h"
#include "opt.h"
#include "own.h"
#include "proc.h"

#define FILE_MAX (1 << 20) /* state.json repeats annotations; ours are a few KiB */

static const char *const status_names[SUP_STATUS_COUNT][2] = {
	[SUP_STATUS_CREATING] = { "creating", "Creating" },
	[SUP_STATUS_CREATED] = { "created", "Created" },
	[SUP_STATUS_RUNNING] = { "running", "Running" },
	[SUP_STATUS_PAUSED] = { "paused", "Paused" },
	[SUP_STATUS_STOPPED] = { "stopped", "Stopped" },
	[SUP_STATUS_BROKEN] = { "broken", "Broken" },
};

const char *sup_status_name(enum sup_status status)
{
	return status_names[status][0];
}

const char *sup_status_title(enum sup_status status)
{
	return status_names[status][1];
}

/* Written before the machine was restarted? */
static bool is_other_boot(const struct sup_identity *who)
{
	struct cps_err ignored;
	char boot[37];

	return who->boot_id && cps_boot_id(boot, &ignored) == 0 && strcmp(boot, who->boot_id) != 0;
}

bool sup_identity_is_alive(const struct sup_identity *who)
{
	return who->pid > 0 && !is_other_boot(who) && cps_proc_is_alive(who->pid, who->start_time);
}

static const struct cps_json *either_get(const struct cps_json *obj, const char *a, const char *b)
{
	const struct cps_json *node = cps_json_get(obj, a);

	return node ? node : cps_json_get(obj, b);
}

static int identity_parse(const struct cps_json *obj, struct sup_identity *ret, struct cps_err *err)
{
	/* the runtime spells as the OCI's files do, the shim as the wire does */
	const struct cps_json *boot = either_get(obj, "bootId", "boot_id");
	const struct cps_json *ticks = either_get(obj, "startTime", "start_time");
	struct sup_identity who = { 0 };
	int64_t pid = 0;
	int rc;

	if (cps_json_get(obj, "pid")) {
		rc = cps_json_i64(cps_json_get(obj, "pid"), 0, INT32_MAX, &pid, err);
		if (rc < 0)
			return rc;
	}
	who.pid = (pid_t)pid;
	if (who.pid && !ticks)
		return cps_failx(err, EINVAL, "the start time is missing");
	rc = ticks ? cps_json_u64(ticks, UINT64_MAX, &who.start_time, err) : 0;
	if (rc == 0 && boot)
		rc = cps_json_str(boot, &who.boot_id, err);
	if (rc == 0)
		*ret = who;
	return rc;
}

/* A member that may be missing but must be text if it is there. */
static int text_parse(const struct cps_json *obj, const char *key, const char **ret,
		      struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);

	return node ? cps_json_str(node, ret, err) : 0;
}

static int object_parse(struct cps_arena *a, const char *text, size_t len,
			const struct cps_json **ret, struct cps_err *err)
{
	int rc = cps_json_parse(a, text, len, ret, err);

	return rc < 0 ? rc : cps_json_want(*ret, CPS_JSON_OBJECT, err);
}

int sup_state_parse(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		    struct cps_err *err)
{
	const struct cps_json *obj;
	int rc = object_parse(a, text, len, &obj, err);

	if (rc == 0)
		rc = identity_parse(obj, &c->init, err);
	if (rc == 0)
		rc = text_parse(obj, "bundle", &c->bundle, err);
	if (rc == 0)
		rc = text_parse(obj, "created", &c->created, err);
	if (rc == 0)
		c->state_json = obj;
	return rc;
}

int sup_shim_parse(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		   struct cps_err *err)
{
	const struct cps_json *obj;
	int rc = object_parse(a, text, len, &obj, err);

	if (rc == 0)
		rc = identity_parse(obj, &c->shim, err);
	if (rc == 0 && !c->bundle)
		rc = text_parse(obj, "bundle", &c->bundle, err);
	if (rc == 0)
		c->shim_json = obj;
	return rc;
}

int sup_exit_parse(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		   struct cps_err *err)
{
	const struct cps_json *obj;
	bool known = true;
	int64_t code;
	int rc = object_parse(a, text, len, &obj, err);

	if (rc == 0 && cps_json_get(obj, "known"))
		rc = cps_json_bool(cps_json_get(obj, "known"), &known, err);
	if (rc == 0 && known)
		rc = cps_json_i64(cps_json_get(obj, "code"), 0, 255, &code, err);
	if (rc == 0)
		c->exit_json = obj;
	return rc;
}

/* One file, read and parsed; a missing one is no error. */
static int file_load(int dir, const char *name, struct cps_arena *a,
		     int (*parse)(struct cps_arena *, const char *, size_t, struct sup_container *,
				  struct cps_err *),
		     struct sup_container *c, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = cps_file_read(dir, name, FILE_MAX, &text, &len, err);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = cps_wrap(err, parse(a, text, len, c, err), "%s", name);
	return rc;
}

/* Its lock decides, where there is one: a process that is being killed has let go of it before it
 * is gone, and one that takes over holds it before shim.json names it. */
static bool is_shim_alive(int dir, const struct sup_container *c)
{
	int held = cps_lock_is_held(dir, "shim.lock", LOCK_SH);

	if (held >= 0)
		return held;
	return c->shim_json ? sup_identity_is_alive(&c->shim)
			    : cps_sock_is_listening(dir, "shim.sock");
}

bool sup_exit_is_unknown(const struct sup_container *c)
{
	const struct cps_json *known = cps_json_get(c->exit_json, "known");

	if (c->status != SUP_STATUS_STOPPED)
		return false;
	if (!c->exit_json)
		return !c->shim_alive; /* which may be about to write it */
	return known && known->type == CPS_JSON_BOOL && !known->boolean;
}

void sup_exit_write_record(const struct cps_json *exit, struct cps_jsonw *w)
{
	if (exit)
		cps_jsonw_node(w, "exit", exit);
	else
		cps_jsonw_raw(w, "exit", "{\"known\":false}");
}

bool sup_exit_write(const struct sup_container *c, struct cps_jsonw *w)
{
	if (!c->exit_json && !sup_exit_is_unknown(c))
		return false;
	sup_exit_write_record(c->exit_json, w);
	return true;
}

/* Did its shim die before the runtime had answered? */
static bool is_cut_short(const struct sup_container *c)
{
	const struct cps_json *phase = cps_json_get(c->shim_json, "phase");

	return !c->shim_alive && phase && phase->type == CPS_JSON_STRING &&
	       strcmp(phase->text, "creating") == 0;
}

bool sup_has_process(const struct sup_container *c)
{
	return c->status == SUP_STATUS_CREATED || c->status == SUP_STATUS_RUNNING ||
	       c->status == SUP_STATUS_PAUSED;
}

static const char *member(const struct cps_json *obj, const char *key)
{
	const struct cps_json *node = cps_json_get(obj, key);

	return node && node->type == CPS_JSON_STRING ? node->text : "";
}

bool sup_cgroup_file(const struct sup_container *c, const char *controller, const char *file,
		     char *buf, size_t size)
{
	const struct cps_json *cgroup = cps_json_get(c->state_json, "cgroup");
	const struct cps_json *dirs = cps_json_get(cgroup, "dirs");
	bool v2 = strcmp(member(cgroup, "layout"), "v2") == 0;

	for (const struct cps_json *d = dirs ? dirs->first : NULL; d; d = d->next)
		if (v2 || cps_list_has(member(d, "controllers"), controller))
			return (size_t)snprintf(buf, size, "%s%s/%s", member(d, "mount"),
						member(d, "path"), file) < size;
	return false;
}

static bool is_paused(const struct sup_container *c)
{
	const char *layout = member(cps_json_get(c->state_json, "cgroup"), "layout");
	char path[PATH_MAX];

	return sup_cgroup_file(c, "freezer", cps_cgroup_freezer(strcmp(layout, "v2") == 0), path,
			       sizeof(path)) &&
	       cps_cgroup_is_frozen(path);
}

static void status_find(int dir, struct sup_container *c)
{
	if (c->exit_json)
		c->status = SUP_STATUS_STOPPED;
	else if (sup_identity_is_alive(&c->init))
		c->status = cps_sock_is_listening(dir, "gate.sock") ? SUP_STATUS_CREATED
			    : is_paused(c)			    ? SUP_STATUS_PAUSED
								    : SUP_STATUS_RUNNING;
	else if (c->init.pid && !is_cut_short(c)) /* recorded once it was there */
		c->status = SUP_STATUS_STOPPED;
	else if (c->shim_alive)
		c->status = SUP_STATUS_CREATING;
	else {
		c->status = SUP_STATUS_BROKEN;
		c->broken = "its creation was cut short";
	}
}

int sup_container_load(int rootfd, const char *id, struct cps_arena *a, struct sup_container *ret,
		       struct cps_err *err)
{
	struct sup_container c = { .id = id };
	struct cps_err damage = { 0 };
	cleanup_fd int dir = -1;
	int rc;

	dir = openat(rootfd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) /* ENOTDIR: a name, which the commands have resolved, or a file of ours */
		return errno == ENOENT || errno == ENOTDIR
			       ? cps_failx(err, ENOENT, "no such container: '%s'", id)
			       : cps_fail(err, errno, "open the state of '%s'", id);
	rc = file_load(dir, "state.json", a, sup_state_parse, &c, &damage);
	if (rc == 0)
		rc = file_load(dir, "exit.json", a, sup_exit_parse, &c, &damage);
	if (rc == 0)
		rc = file_load(dir, "shim.json", a, sup_shim_parse, &c, &damage);
	c.shim_alive = is_shim_alive(dir, &c);
	c.other_boot = is_other_boot(&c.init);
	if (rc < 0) {
		c.status = SUP_STATUS_BROKEN;
		c.broken = cps_arena_strdup(a, damage.msg);
	} else {
		status_find(dir, &c);
	}
	*ret = c;
	return 0;
}

int sup_store_open(const char *root, struct cps_err *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? cps_fail(err, errno, "open '%s'", root) : fd;
}

bool sup_store_has(const char *root, const char *id)
{
	char path[PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", root, id);
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A container's directory; the data directory, which may lie below the root, is recognised by
 * having nothing of a container in it. */
static bool is_container(int rootfd, const char *name)
{
	static const char *const marks[] = { "state.json", "shim.json", "shim.sock", "lock",
					     "config.json" };
	cleanup_fd int dir = openat(rootfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return false;
	if (strcmp(name, "data") != 0)
		return true;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (faccessat(dir, marks[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

int sup_store_list(int rootfd, struct cps_arena *a, const char ***ret_ids, size_t *ret_n,
		   struct cps_err *err)
{
	cleanup_free const char **names = NULL;
	cleanup_dir DIR *d = NULL;
	const char **ids;
	size_t n = 0, room = 0;
	struct dirent *e;
	int fd = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return cps_fail(err, errno, "read the root directory");
	}
	while ((errno = 0, e = readdir(d))) {
		if (!cps_is_name(e->d_name) || !is_container(rootfd, e->d_name))
			continue;
		if (n == room) {
			const char **more =
				reallocarray(names, room = room ? 2 * room : 64, sizeof(*names));
			if (!more)
				return cps_fail(err, ENOMEM, "list containers");
			names = more;
		}
		names[n] = cps_arena_strdup(a, e->d_name);
		if (!names[n++])
			return cps_fail(err, ENOMEM, "list containers");
	}
	if (errno)
		return cps_fail(err, errno, "read the root directory");
	if (n)
		qsort(names, n, sizeof(*names), name_compare);
	ids = cps_arena_array(a, n + 1, sizeof(*ids));
	if (!ids)
		return cps_fail(err, ENOMEM, "list containers");
	if (n)
		memcpy(ids, names, n * sizeof(*ids));
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

int sup_container_open(const char *root, const char *id, struct cps_arena *a, int *ret_rootfd,
		       struct sup_container *ret, struct cps_err *err)
{
	cleanup_fd int rootfd = -1;
	int rc = sup_id_check(id, err);

	if (rc < 0)
		return rc;
	rootfd = sup_store_open(root, err);
	if (rootfd == -ENOENT)
		return cps_failx(err, ENOENT, "no such container: '%s'", id);
	if (rootfd < 0)
		return rootfd;
	rc = sup_container_load(rootfd, id, a, ret, err);
	if (rc == 0)
		*ret_rootfd = take_fd(&rootfd);
	return rc;
}
