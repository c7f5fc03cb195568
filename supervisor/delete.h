/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a container: by its shim, or, where that is dead, by the runtime and by hand.
 */
#ifndef SUP_DELETE_H
#define SUP_DELETE_H

#include <stdbool.h>

#include "client.h"
#include "command.h"
#include "store.h"

/* Returns when everything is gone, the shim included. */
int sup_delete_by_shim(struct sup_client *client, bool force, struct cps_err *err);
/* Of a container without a shim that answers. What could not be found out is in *ret_warnings. */
int sup_delete_remains(const struct sup_ctx *ctx, const struct sup_container *c, bool force,
		       struct cps_buf *ret_warnings, struct cps_err *err);

#endif
