/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule system prune and check. Only what is ours is touched: it is below the data root, or says
 * so itself.
 */
#include <config.h>
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attach.h"
#include "container-record.h"
#include "container.h"
#include "idrange.h"
#include "image-program.h"
#include "name.h"
#include "network.h"
#include "own.h"
#include "store.h"
#include "sweep.h"
#include "trash.h"
#include "volume.h"

/* Does this process have the container's overlay among its mounts? */
static bool mounts_have(const char *pid, const char *upper)
{
	cleanup_file FILE *f = NULL;
	cleanup_free char *line = NULL;
	char path[64];
	size_t size = 0;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", pid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0)
		if (strstr(line, upper))
			return true;
	return false;
}

/* Does it run after all, below another --root than ours? By its files' place the kernel tells; what
 * only looks so stays. Only what has no state is asked for, so this is rare. */
static bool is_mounted(const char *id)
{
	cleanup_dir DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char upper[128];

	(void)snprintf(upper, sizeof(upper), "/" STO_CONTAINERS "/%.64s/" STO_CONTAINER_UPPER ",",
		       id);
	while (proc && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    mounts_have(entry->d_name, upper))
			return true;
	return !proc; /* it cannot be told */
}

/* Its anonymous volumes go with it, once it no longer uses them. */
static void volumes_delete(const struct sto *s, const struct sto_record *r)
{
	struct cps_err ignored;

	for (size_t i = 0; i < r->nmounts; i++)
		if (r->mounts[i].anonymous && r->mounts[i].name)
			(void)sto_volume_delete(s, r->mounts[i].name, &ignored);
}

/* The lock says that nobody is making it just now; then we look whether it has come to anything. */
static int container_prune(const struct sup_ctx *ctx, const struct sto *s, const char *id,
			   struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int dir = sto_container_claim(s, id, err);
	cleanup_net struct net n = NET_INIT;
	struct sto_record r = { 0 };
	struct cps_err ignored;
	int rc;

	if (dir < 0)
		return dir == -EBUSY || dir == -ENOENT ? 0 : dir;
	if (sup_store_has(ctx->root, id) || is_mounted(id))
		return 0;
	if (net_open(ctx->data_root, false, &n, &ignored) == 0)
		(void)net_detach(&n, id, &ignored);
	if (sto_record_read(dir, &a, &r, &ignored) < 0)
		r.nmounts = 0;
	rc = sto_container_remove(s, id, err);
	if (rc < 0)
		return rc;
	volumes_delete(s, &r);
	printf("container %s\n", id);
	return 0;
}

/* The first failure is kept, all is tried. */
static void note(int rc, const struct cps_err *why, struct cps_err *first)
{
	if (rc < 0 && first->num == 0)
		*first = *why;
}

static void containers_prune(const struct sup_ctx *ctx, const struct sto *s, struct cps_err *first)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	const char **ids;
	size_t n = 0;

	note(sto_container_list(s, &a, &ids, &n, &err), &err, first);
	for (size_t i = 0; i < n; i++)
		note(container_prune(ctx, s, ids[i], &err), &err, first);
}

static void print_volume(void *arg, const char *name)
{
	(void)arg;
	printf("volume %s\n", name);
}

static void images_prune(const struct sup_ctx *ctx, bool all, struct cps_err *first)
{
	const char *const args[] = { "prune", all ? "--all" : NULL, NULL };
	struct cps_err err = { 0 };
	int code = 0;
	int rc;

	(void)fflush(stdout); /* it prints too */
	rc = sup_image_program_run(ctx, args, NULL, 0, &code, &err);
	if (rc == 0 && code != 0)
		rc = cps_failx(&err, EIO, "images: see above");
	note(rc, &err, first);
}

/* Members of networks that have ended without a word, addresses that nobody has, and the like. */
static void networks_prune(const struct sup_ctx *ctx, struct cps_err *first)
{
	cleanup_buf struct cps_buf found = CPS_BUF_INIT;
	cleanup_net struct net n = NET_INIT;
	struct cps_err err = { 0 };
	unsigned count;
	int rc = net_open(ctx->data_root, false, &n, &err);

	if (rc == -ENOENT)
		return;
	if (rc == 0)
		rc = net_sweep(&n, &found, &count, &err);
	if (found.len && !found.failed)
		fputs(found.data, stdout);
	note(rc, &err, first);
}

/* Names of containers that have gone, or whose rename was killed. */
static void names_prune(const struct sup_ctx *ctx, struct cps_err *first)
{
	struct cps_err err = { 0 };
	unsigned n = 0;

	note(sup_name_sweep(ctx->root, &n, &err), &err, first);
	if (n > 0)
		printf("names %u\n", n);
}

int sup_system_prune(const struct sup_ctx *ctx, const struct sup_prune *what, struct cps_err *err)
{
	const enum sto_volume_which which = !what->volumes ? STO_VOLUME_LEFTOVERS
					    : what->all	   ? STO_VOLUME_ALL
							   : STO_VOLUME_ANONYMOUS;
	cleanup_sto struct sto s = STO_INIT;
	struct cps_err first = { 0 }, why = { 0 };
	unsigned n = 0;
	int rc;

	names_prune(ctx, &first);
	rc = sto_open(ctx->data_root, false, &s, err);
	if (rc == -ENOENT) { /* nothing is kept yet */
		*err = first;
		return -first.num;
	}
	if (rc < 0)
		return rc;
	containers_prune(ctx, &s, &first);
	networks_prune(ctx, &first);
	note(sto_idrange_sweep(&s, &n, &why), &why, &first);
	note(sto_volume_prune(&s, which, print_volume, NULL, &why), &why, &first);
	images_prune(ctx, what->all, &first);
	n = 0;
	note(sto_trash_sweep(&s, &n, &why), &why, &first);
	if (n > 0)
		printf("trash %u\n", n);
	*err = first;
	return -first.num;
}

static bool complain(const char *what, const char *name, const struct cps_err *why)
{
	printf("%s %s: %s\n", what, name, why->msg);
	return true;
}

static bool volume_is_bad(const struct sto *s, const char *name)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_volume v;
	struct cps_err err = { 0 };
	char path[STO_VOLUME_NAME + 24];
	struct stat st;

	if (sto_volume_load(s, name, &a, &v, &err) < 0)
		return complain("volume", name, &err);
	(void)snprintf(path, sizeof(path), STO_VOLUMES "/%s/" STO_VOLUME_DATA, name);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return false;
	(void)cps_failx(&err, ENOENT, "its data is not there");
	return complain("volume", name, &err);
}

static bool container_is_bad(const struct sto *s, const char *id)
{
	static const char *const dirs[] = { STO_CONTAINER_UPPER, STO_CONTAINER_WORK };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	cleanup_fd int dir = sto_container_open(s, id, &err);
	struct sto_record r;
	struct stat st;
	int rc;

	if (dir < 0)
		return dir != -ENOENT && complain("container", id, &err);
	rc = sto_record_read(dir, &a, &r, &err);
	if (rc == -ENOENT) /* a bundle's, or being made, or for `system prune` */
		return false;
	if (rc < 0)
		return complain("container", id, &err);
	for (size_t i = 0; i < 2; i++)
		if (fstatat(dir, dirs[i], &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) {
			(void)cps_failx(&err, ENOENT, "'%s' is not there", dirs[i]);
			return complain("container", id, &err);
		}
	return false;
}

/* false: all well; true: something is not, or it cannot be told, which was printed. */
static bool networks_are_bad(const struct sup_ctx *ctx)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf found = CPS_BUF_INIT;
	unsigned left = 0;
	cleanup_net struct net n = NET_INIT;
	struct net_network network;
	struct cps_err err = { 0 };
	const char **names = NULL;
	bool bad = false;
	size_t count = 0;
	int rc = net_open(ctx->data_root, false, &n, &err);

	if (rc == 0)
		rc = net_network_list(&n, &a, &names, &count, &err);
	if (rc < 0)
		return rc != -ENOENT && complain("networks", "cannot be read", &err);
	for (size_t i = 0; i < count; i++) {
		rc = net_network_load(&n, names[i], &a, &network, &err);
		if (rc < 0 && rc != -ENOENT)
			bad = complain("network", names[i], &err);
	}
	/* what cannot be read above is none of them */
	if (!bad && net_check(&n, &found, &left, &err) < 0)
		return complain("networks", "left over", &err);
	if (left && !found.failed)
		fputs(found.data, stdout);
	return bad || left;
}

int sup_system_check(const struct sup_ctx *ctx, struct cps_err *err)
{
	static const char *const args[] = { "check", NULL };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	const char **names;
	bool bad = false;
	size_t n = 0;
	int code = 0, rc = sto_open(ctx->data_root, false, &s, err);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0)
		rc = sto_volume_list(&s, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		bad |= volume_is_bad(&s, names[i]);
	if (rc == 0)
		rc = sto_container_list(&s, &a, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		bad |= container_is_bad(&s, names[i]);
	if (rc < 0)
		return rc;
	bad |= networks_are_bad(ctx);
	(void)fflush(stdout);
	rc = sup_image_program_run(ctx, args, NULL, 0, &code, err);
	return rc < 0 ? rc : bad || code != 0;
}
