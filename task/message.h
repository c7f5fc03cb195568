/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of protobuf: into buffers, in and out of Any, times, and the statuses of gRPC.
 */
#ifndef TASK_MESSAGE_H
#define TASK_MESSAGE_H

#include <stdbool.h>
#include <time.h>

#include <protobuf-c/protobuf-c.h>

#include "buf.h"
#include "envelope.pb-c.h"
#include "err.h"

/* The statuses of gRPC that are of use here. containerd makes its own errors of NotFound,
 * AlreadyExists, FailedPrecondition, InvalidArgument, Unimplemented and Unavailable. */
enum task_code {
	TASK_OK = 0,
	TASK_UNKNOWN = 2,
	TASK_INVALID_ARGUMENT = 3,
	TASK_NOT_FOUND = 5,
	TASK_ALREADY_EXISTS = 6,
	TASK_RESOURCE_EXHAUSTED = 8,
	TASK_FAILED_PRECONDITION = 9,
	TASK_UNIMPLEMENTED = 12,
	TASK_UNAVAILABLE = 14,
};

/* Adds the message as bytes. */
void task_pack(const ProtobufCMessage *m, struct cps_buf *b);
/* The message of these bytes, to be freed with protobuf_c_message_free_unpacked(); NULL: they are
 * none. */
void *task_unpack(const ProtobufCMessageDescriptor *d, const void *data, size_t len);

/* Frees whatever message a local has. */
static inline void task_message_free(void *p)
{
	ProtobufCMessage **m = p;

	protobuf_c_message_free_unpacked(*m, NULL);
}
#define cleanup_message __attribute__((cleanup(task_message_free)))

/* A whole response frame: the message, or with a code other than TASK_OK only a status. NULL is an
 * empty message. */
void task_response_put(struct cps_buf *b, uint32_t stream, enum task_code code, const char *text,
		       const ProtobufCMessage *m);
/* A whole request frame. */
void task_request_put(struct cps_buf *b, uint32_t stream, Wire__Request *r,
		      const ProtobufCMessage *m);

/* Is it an Any of that type, with or without "type.googleapis.com/"? NULL is not. */
bool task_any_is(const Wire__Any *any, const char *name);

/* NULL: the time of what has not happened, as Go has it. */
void task_time_set(Wire__Timestamp *ret, const struct timespec *t);

/* The code that stands for an errno of ours. */
enum task_code task_code_of(int num);
/* Go refuses text that is not UTF-8: what is none becomes '?', in place. */
void task_text_clean(char *text);

#endif
