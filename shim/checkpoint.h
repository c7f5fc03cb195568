/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints, and containers out of them, as far as the shim has to do with it: whom CRIU is asked
 * by, and what its end was then.
 */
#ifndef SHIM_CHECKPOINT_H
#define SHIM_CHECKPOINT_H

#include "err.h"
#include "json.h"

/* What is between a client and the runtime alone goes through as it is: "program", "criu",
 * "options". */
int shim_checkpoint_pass(const struct cps_json *body, struct cps_jsonw *w, struct cps_err *err);

#endif
