/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages, see message.h.
 */
#include <config.h>
#include "message.h"

#include <errno.h>
#include <string.h>

#include "ttrpc.h"
#include "utf8.h"

/* 0001-01-01T00:00:00Z, the zero of Go's time. What is left out, containerd 2 takes for 1970. */
#define GO_ZERO_SECONDS (-62135596800)

struct sink {
	ProtobufCBuffer base;
	struct cps_buf *buf;
};

static void sink_append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
	struct sink *s = (struct sink *)buffer;

	cps_buf_add(s->buf, data, len);
}

void task_pack(const ProtobufCMessage *m, struct cps_buf *b)
{
	struct sink s = { .base = { .append = sink_append }, .buf = b };

	(void)protobuf_c_message_pack_to_buffer(m, &s.base);
}

void *task_unpack(const ProtobufCMessageDescriptor *d, const void *data, size_t len)
{
	static const uint8_t nothing[1] = { 0 };

	return protobuf_c_message_unpack(d, NULL, len, data ? data : nothing);
}

void task_response_put(struct cps_buf *b, uint32_t stream, enum task_code code, const char *text,
		       const ProtobufCMessage *m)
{
	cleanup_buf struct cps_buf payload = CPS_BUF_INIT;
	Wire__Status status = WIRE__STATUS__INIT;
	Wire__Response r = WIRE__RESPONSE__INIT;

	if (code != TASK_OK) {
		status.code = code;
		status.message = (char *)text;
		r.status = &status;
	} else if (m) {
		task_pack(m, &payload);
		r.payload.data = (uint8_t *)payload.data;
		r.payload.len = payload.len;
	}
	b->failed |= payload.failed;
	task_ttrpc_header_put(b, (uint32_t)wire__response__get_packed_size(&r), stream,
			      TASK_TTRPC_RESPONSE);
	task_pack(&r.base, b);
}

void task_request_put(struct cps_buf *b, uint32_t stream, Wire__Request *r,
		      const ProtobufCMessage *m)
{
	cleanup_buf struct cps_buf payload = CPS_BUF_INIT;

	task_pack(m, &payload);
	r->payload.data = (uint8_t *)payload.data;
	r->payload.len = payload.len;
	b->failed |= payload.failed;
	task_ttrpc_header_put(b, (uint32_t)wire__request__get_packed_size(r), stream,
			      TASK_TTRPC_REQUEST);
	task_pack(&r->base, b);
	r->payload.data = NULL;
	r->payload.len = 0;
}

bool task_any_is(const Wire__Any *any, const char *name)
{
	const char *slash;

	if (!any)
		return false;
	/* Names that have slashes of their own come without that prefix. */
	if (strcmp(any->type_url, name) == 0)
		return true;
	slash = strrchr(any->type_url, '/');
	return slash && strcmp(slash + 1, name) == 0;
}

void task_time_set(Wire__Timestamp *ret, const struct timespec *t)
{
	wire__timestamp__init(ret);
	ret->seconds = t ? t->tv_sec : GO_ZERO_SECONDS;
	ret->nanos = t ? (int32_t)t->tv_nsec : 0;
}

enum task_code task_code_of(int num)
{
	switch (num) {
	case ENOENT:
	case ESRCH:
		return TASK_NOT_FOUND;
	case EEXIST:
		return TASK_ALREADY_EXISTS;
	case EBUSY:
		return TASK_FAILED_PRECONDITION;
	case EINVAL:
		return TASK_INVALID_ARGUMENT;
	case ENOSYS:
	case EOPNOTSUPP:
		return TASK_UNIMPLEMENTED;
	default:
		return TASK_UNKNOWN;
	}
}

void task_text_clean(char *text)
{
	size_t len = strlen(text);
	size_t at = 0;

	while ((at += cps_utf8_span(text + at, len - at)) < len)
		text[at] = '?';
}
