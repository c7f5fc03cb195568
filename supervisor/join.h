/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers and their networks: what a bundle's container joins, joining, and leaving at its end.
 */
#ifndef SUP_JOIN_H
#define SUP_JOIN_H

#include <stdbool.h>

#include "arena.h"
#include "attach.h"
#include "buf.h"
#include "command.h"
#include "err.h"
#include "opt.h"

struct sup_join { /* lives in the arena that it was planned with */
	bool wanted;
	struct net_options o;
};

/* What a container of this bundle joins. network: as given, or NULL: $CAPSULE_NETWORK, or else the
 * default network if config.json asks for a network namespace of its own. "none" is not even
 * looked into. ENOENT: there is no such network. EINVAL: what was asked for cannot be with this
 * config.json. */
int sup_join_plan(const struct sup_ctx *ctx, const char *bundle, const char *network,
		  const struct cps_opt_list *ports, struct cps_arena *a, struct sup_join *ret,
		  struct cps_err *err);

/* Puts the container on a network, between its creation and its start. What the user should know is
 * printed. On failure it is on none. */
int sup_join(const struct sup_ctx *ctx, const char *id, const struct net_options *o,
	     struct cps_err *err);

/* Takes a container that has been deleted off all networks, if its shim has not had that done at
 * its end. Nothing of it is a failure; what could
 * not be done is said in *ret_warnings, and net_sweep()'s to find. */
void sup_leave(const struct sup_ctx *ctx, const char *id, struct cps_buf *ret_warnings);

#endif
