/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op `debug`: what the shim is doing, has done lately and waits for. It looks and changes
 * nothing.
 */
#ifndef SHIM_DEBUG_H
#define SHIM_DEBUG_H

#include "json.h"

struct shim;

/* The object; its size is less than a frame holds. */
void shim_debug_format(struct shim *s, struct cps_jsonw *w);

#endif
