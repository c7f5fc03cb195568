/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surrounds a shim: the process that it runs in, its directory, its beginning and its end.
 */
#ifndef SHIM_SETUP_H
#define SHIM_SETUP_H

#include <signal.h>

#include "err.h"

struct shim;

/* Session, signals, subreaper, malloc. *ret_signals: blocked, for shim_loop_init(). */
int shim_process_init(sigset_t *ret_signals, struct cps_err *err);
/* stdin, stdout and stderr are /dev/null from now on. */
void shim_stdio_detach(void);

/* Empty; shim_free() is allowed from then on. Both texts are borrowed. */
void shim_init(struct shim *s, const char *root, const char *id);
/* <root>/<id>, made now: that is what takes the id. dir_path must be there. */
int shim_dir_make(struct shim *s, struct cps_err *err);
/* What its records say of it. */
void shim_identity_find(struct shim *s);
/* Closes and frees what it has; the directory stays. */
void shim_free(struct shim *s);

#endif
