/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule-runtime run directly, for containers whose shim is dead: its files are enough for it to
 * kill and delete.
 */
#ifndef SUP_RUNTIME_RUN_H
#define SUP_RUNTIME_RUN_H

#include "buf.h"
#include "command.h"
#include "err.h"

/* Runs `capsule-runtime --root ROOT ARG...` (args NULL-terminated); what it says on stderr becomes
 * the error, or, if it succeeds, is added to *ret_warnings (may be NULL), a line each. */
int sup_runtime_run(const struct sup_ctx *ctx, const char *const *args,
		    struct cps_buf *ret_warnings, struct cps_err *err);

/* The same with what it reads, and what it prints; -1: nothing, nowhere. */
int sup_runtime_run_io(const struct sup_ctx *ctx, const char *const *args, int stdin_fd,
		       int stdout_fd, struct cps_buf *ret_warnings, struct cps_err *err);

/* The same, and what it prints is the result: at most max bytes (EFBIG), caller-freed. */
int sup_runtime_read(const struct sup_ctx *ctx, const char *const *args, size_t max, char **ret,
		     size_t *ret_len, struct cps_err *err);

#endif
