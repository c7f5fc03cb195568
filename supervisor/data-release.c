/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container that has gone leaves outside its state directory: its place in networks, its
 * directory in the data root, its anonymous volumes.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "clock.h"
#include "container-record.h"
#include "container.h"
#include "data-root.h"
#include "delete.h"
#include "own.h"
#include "store.h"
#include "volume.h"

#define CLAIM_MS 10000 /* whoever makes or removes one is done soon */
#define LOOK_MS	 20

/* Somebody else may be at it, or has begun another container of this name. */
static int claim(const struct sup_ctx *ctx, const struct sto *s, const char *id,
		 struct cps_err *err)
{
	cleanup_fd int fd = -1;

	for (int waited = 0;; waited += LOOK_MS) {
		fd = sto_container_claim(s, id, err);
		if (fd != -EBUSY || waited >= CLAIM_MS)
			break;
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (fd < 0)
		return fd;
	if (sup_store_has(ctx->root, id))
		return cps_failx(err, EEXIST, "there is a container of this name again");
	return take_fd(&fd);
}

static int volumes_release(const struct sto *s, const struct sto_record *r, struct cps_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->nmounts; i++) {
		const struct sto_record_mount *m = &r->mounts[i];
		struct cps_err why = { 0 };
		int one = 0;

		/* one that another container uses by name meanwhile is that one's now */
		if (m->anonymous && m->name)
			one = sto_volume_delete(s, m->name, &why);
		if (one < 0 && one != -ENOENT && one != -EBUSY && rc == 0) {
			rc = one;
			*err = why;
		}
	}
	return rc;
}

int sup_data_release(const struct sup_ctx *ctx, const char *id, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	struct sto_record record = { 0 };
	cleanup_fd int dir = -1;
	struct cps_err ignored;
	int rc = sto_open(ctx->data_root, false, &s, &ignored);

	if (rc == 0) {
		rc = dir = claim(ctx, &s, id, &ignored);
		if (rc < 0 && rc != -ENOENT && rc != -EEXIST)
			*err = ignored;
	}
	if (rc == -ENOENT || rc == -EEXIST)
		return 0;
	if (rc < 0)
		return rc;
	(void)sto_record_read(dir, &a, &record, &ignored); /* none: cut short */
	rc = sto_container_remove(&s, id, err);
	return rc < 0 ? rc : volumes_release(&s, &record, err);
}
