/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a container: by its shim, or, where that is dead, by the runtime and by hand.
 */
#ifndef SUP_DELETE_H
#define SUP_DELETE_H

#include <stdbool.h>

#include "client.h"
#include "command.h"
#include "shim-start.h"
#include "store.h"

/* Container id and all that belongs to it; returns when everything is gone, the shim included. If
 * that one dies over it, the work is finished without it. What could not be found out is in
 * *ret_warnings. force: kills it first, removes what a crash has left, and one that is not there is
 * no failure. */
int sup_delete(const struct sup_ctx *ctx, const char *id, bool force, struct cps_buf *ret_warnings,
	       struct cps_err *err);
/* The same, by force, of one that the caller is connected to. */
int sup_delete_own(const struct sup_ctx *ctx, const char *id, struct sup_client *client,
		   struct cps_buf *ret_warnings, struct cps_err *err);
/* What there is of it in the data root, once its state directory has gone: its directory, its
 * anonymous volumes. Nothing there is no error. */
int sup_data_release(const struct sup_ctx *ctx, const char *id, struct cps_err *err);
/* By the shim of this connection alone. */
int sup_delete_by_shim(struct sup_client *client, bool force, struct cps_err *err);

#endif
