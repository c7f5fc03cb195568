/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running capsule-image for a command of ours, and waiting for it.
 */
#ifndef SUP_IMAGE_PROGRAM_H
#define SUP_IMAGE_PROGRAM_H

#include "command.h"
#include "err.h"

#define SUP_IMAGE_FD 3 /* of the first descriptor that is handed over */

/* args: the verb and what follows, up to a NULL. fds: descriptors that it gets as SUP_IMAGE_FD and
 * the following; borrowed. Its messages are printed by itself. *ret_code: its exit status. */
int sup_image_program_run(const struct sup_ctx *ctx, const char *const *args, const int *fds,
			  unsigned nfds, int *ret_code, struct cps_err *err);

#endif
