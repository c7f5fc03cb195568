/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ttrpc's frames: a header of 10 bytes, big endian, and data.
 *
 *  0 u32 length of the data   4 u32 stream   8 u8 type   9 u8 flags
 *
 * A stream is one call. The client opens it with an odd number; the answer has the same.
 */
#ifndef TASK_TTRPC_H
#define TASK_TTRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define TASK_TTRPC_HEADER 10
#define TASK_TTRPC_MAX	  (4u << 20) /* of data; more is refused, and the connection goes on */

enum task_ttrpc_type {
	TASK_TTRPC_REQUEST = 1,
	TASK_TTRPC_RESPONSE = 2,
	TASK_TTRPC_DATA = 3, /* of streams, which nobody here has */
};

struct task_ttrpc_header {
	uint32_t len;
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
};

/* What comes on a connection, put together from pieces of any size. */
struct task_ttrpc_reader {
	uint8_t raw[TASK_TTRPC_HEADER];
	unsigned have;		       /* bytes of raw */
	struct task_ttrpc_header head; /* once raw is full */
	struct cps_buf data;
	size_t left; /* of the data, to come */
};

#define TASK_TTRPC_READER_INIT                \
	{                                     \
		.data = { NULL, 0, 0, false } \
	}

/* Reads from a descriptor that does not block. 1: a frame is whole, in head and data until the next
 * call; of one that is too long, data is empty and head.len says so. 0: end; -EAGAIN; -EPIPE: an
 * end within a frame; another -errno. */
int task_ttrpc_read(struct task_ttrpc_reader *r, int fd);
void task_ttrpc_reader_done(struct task_ttrpc_reader *r);

void task_ttrpc_header_decode(const uint8_t raw[TASK_TTRPC_HEADER], struct task_ttrpc_header *ret);
/* Adds a header with that length; the data is the caller's to add. */
void task_ttrpc_header_put(struct cps_buf *b, uint32_t len, uint32_t stream,
			   enum task_ttrpc_type type);

#endif
