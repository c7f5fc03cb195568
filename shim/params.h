/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of `create` (docs/protocol.md), each checked for its type and its bounds before
 * anything is done.
 */
#ifndef SHIM_PARAMS_H
#define SHIM_PARAMS_H

#include "err.h"
#include "json.h"

struct shim;

/* Fills the container from the request's body. What is wrong is told by the member's name. */
int shim_params_parse(struct shim *s, const struct cps_json *body, struct cps_err *err);

#endif
