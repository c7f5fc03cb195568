/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of clients: decoding, and those that are answered without the machine.
 */
#ifndef SHIM_OPS_H
#define SHIM_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "machine.h"

struct shim;
struct shim_conn;

/* The four words of the OCI, and `running` for all between. */
const char *shim_status_word(enum shim_state state);

struct shim_request {
	struct shim *shim;
	struct shim_conn *conn;
	uint32_t id;
	const struct cps_json *body;
	struct cps_frame *frame; /* for its descriptors */
	bool restored;		 /* create: out of images */
};

/* One request. It is answered here, or whoever takes it on answers later. */
void shim_ops_handle(struct shim_conn *c, struct cps_frame *f);

#endif
