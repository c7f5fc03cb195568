/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a created container, as `start` and `run` both do.
 */
#ifndef SUP_START_H
#define SUP_START_H

#include <stdbool.h>

#include "client.h"
#include "command.h"

/* Both: should the shim die over it, another one goes on. what: for messages ("run c1").
 *
 * close_stdin: the container was made with a stdin that nobody will ever write to; it sees its end
 * at once, as with `run -d`. */
int sup_start_detached(struct sup_ctx *ctx, const char *what, struct sup_client *client,
		       bool close_stdin, struct cps_err *err);
/* Until it ends, signals passed on from sup_signals_block()'s signal_fd: 0 and its exit code, -1 if
 * nobody knows it; 1 if the user detached. with_stdin: our standard input is its own. */
int sup_start_foreground(struct sup_ctx *ctx, const char *what, struct sup_client *client,
			 int signal_fd, bool with_stdin, int *ret_code, struct cps_err *err);

#endif
