/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who uses which volume, and the end of those that nobody uses.
 */
#include <config.h>
#include "volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "container-record.h"
#include "container.h"
#include "file.h"
#include "opt.h"
#include "own.h"
#include "trash.h"

#define TEMPORARY ".new-"

struct refs {
	struct cps_arena *arena;
	struct sto_volume_ref *v; /* owned while it grows */
	size_t n, room;
};

static int refs_add(struct refs *r, const char *volume, const char *id)
{
	if (r->n == r->room) {
		size_t more = r->room ? 2 * r->room : 32;
		struct sto_volume_ref *moved = reallocarray(r->v, more, sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		r->v = moved;
		r->room = more;
	}
	r->v[r->n].volume = cps_arena_strdup(r->arena, volume);
	r->v[r->n].id = id;
	return r->v[r->n++].volume ? 0 : -ENOMEM;
}

/* A record that cannot be read is an error: nobody knows then what may go. */
static int refs_of(const struct sto *s, const char *id, struct refs *refs, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int dir = sto_container_open(s, id, err);
	struct sto_record r;
	int rc = dir < 0 ? dir : sto_record_read(dir, &a, &r, err);

	if (rc < 0) /* none: being made, and no volume is used before it is written */
		return rc == -ENOENT ? 0 : cps_wrap(err, rc, "container '%s'", id);
	for (size_t i = 0; i < r.nmounts && rc == 0; i++)
		if (r.mounts[i].name)
			rc = refs_add(refs, r.mounts[i].name, id);
	return rc < 0 ? cps_fail(err, -rc, "volumes of container '%s'", id) : 0;
}

int sto_volume_refs(const struct sto *s, struct cps_arena *a,
		    const struct sto_volume_ref **ret_refs, size_t *ret_n, struct cps_err *err)
{
	struct refs refs = { .arena = a };
	struct sto_volume_ref *kept;
	const char **ids;
	size_t n;
	int rc = sto_container_list(s, a, &ids, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = refs_of(s, ids[i], &refs, err);
	kept = rc == 0 ? cps_arena_array(a, refs.n + 1, sizeof(*kept)) : NULL;
	if (kept) {
		if (refs.n > 0)
			memcpy(kept, refs.v, refs.n * sizeof(*kept));
		*ret_refs = kept;
		*ret_n = refs.n;
	} else if (rc == 0) {
		rc = cps_fail(err, ENOMEM, "users of volumes");
	}
	free(refs.v);
	return rc;
}

const char *sto_volume_user(const struct sto_volume_ref *refs, size_t n, const char *volume)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(refs[i].volume, volume) == 0)
			return refs[i].id;
	return NULL;
}

int sto_volume_delete(const struct sto *s, const char *name, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct sto_volume_ref *refs = NULL;
	cleanup_fd int lock = -1;
	char path[STO_VOLUME_NAME + 16];
	const char *user;
	size_t n = 0;
	int rc;

	if (!cps_is_name(name))
		return cps_failx(err, EINVAL, "'%.80s' is no volume's name", name);
	(void)snprintf(path, sizeof(path), STO_VOLUMES "/%s", name);
	if (faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? cps_failx(err, ENOENT, "no such volume: '%s'", name)
				       : cps_fail(err, errno, "volume '%s'", name);
	lock = sto_volumes_lock(s, LOCK_EX, err);
	if (lock < 0)
		return lock;
	rc = sto_volume_refs(s, &a, &refs, &n, err);
	if (rc < 0)
		return rc;
	user = sto_volume_user(refs, n, name);
	if (user)
		return cps_failx(err, EBUSY, "volume '%s' is used by container '%s'", name, user);
	return sto_trash_put(s, STO_VOLUMES, name, err);
}

/* Of volumes that were being made; nobody makes one while we have the lock. */
static int temporaries_remove(int lock, struct cps_err *err)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(lock, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return cps_fail(err, errno, "read the volumes");
	}
	while (rc == 0 && (entry = readdir(dir)))
		if (strncmp(entry->d_name, TEMPORARY, sizeof(TEMPORARY) - 1) == 0)
			rc = cps_remove_tree(lock, entry->d_name, err);
	return rc;
}

/* Is it one that may go, if nobody uses it? One that cannot be read is not. */
static bool is_prunable(const struct sto *s, const char *name, enum sto_volume_which which)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_volume v;
	struct cps_err ignored;

	return sto_volume_load(s, name, &a, &v, &ignored) == 0 &&
	       (which == STO_VOLUME_ALL || v.anonymous);
}

int sto_volume_prune(const struct sto *s, enum sto_volume_which which,
		     void (*deleted)(void *arg, const char *name), void *arg, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_fd int lock = sto_volumes_lock(s, LOCK_EX, err);
	const struct sto_volume_ref *refs = NULL;
	const char **names = NULL;
	size_t nrefs = 0, n = 0;
	int rc = lock < 0 ? lock : temporaries_remove(lock, err);

	if (rc < 0 || which == STO_VOLUME_LEFTOVERS)
		return rc;
	rc = sto_volume_refs(s, &a, &refs, &nrefs, err);
	if (rc == 0)
		rc = sto_volume_list(s, &a, &names, &n, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (sto_volume_user(refs, nrefs, names[i]) || !is_prunable(s, names[i], which))
			continue;
		rc = sto_trash_put(s, STO_VOLUMES, names[i], err);
		if (rc == 0)
			deleted(arg, names[i]);
	}
	return rc;
}
