/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that containers are given besides their ids (capsule rename).
 *
 * <root>/NAME is a symlink to ID and <root>/ID/name one to NAME: a name holds while the two agree.
 * Names and ids are thus entries of one directory, and symlink(2) and mkdir(2) decide who is first:
 * no id can be made that is a name, no name given that is an id. <root>/ID/name is what counts, is
 * replaced in one step, and goes with the container; a link that it does not answer is a leftover,
 * which `delete`, `system prune`, or whoever wants that word for himself, removes. Names are given
 * and taken with the root directory locked, flock(2).
 */
#ifndef SUP_NAME_H
#define SUP_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "command.h"
#include "err.h"

#define SUP_NAME_SIZE 65

/* The id of the container that has this name; `text` itself if none has, which is an id then, or
 * nothing. One system call where it is no name. It lives as long as the command. */
const char *sup_name_id(const struct sup_ctx *ctx, const char *text);

/* The name that this container was given; false: none, and ret is "". */
bool sup_name_of(const struct sup_ctx *ctx, const char *id, char ret[SUP_NAME_SIZE]);

/* Gives it this one instead of the one that it has; its own id: it has none any more. -EEXIST: a
 * container has it. */
int sup_name_give(const struct sup_ctx *ctx, const char *id, const char *name, struct cps_err *err);

/* If `name` is a leftover, it is removed. */
void sup_name_release(const char *root, const char *name);

/* Removes all leftovers; *ret_n: how many. */
int sup_name_sweep(const char *root, unsigned *ret_n, struct cps_err *err);

#endif
