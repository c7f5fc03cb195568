/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames, see ttrpc.h. The buffer grows with what has come, not with what a header promises.
 */
#include <config.h>
#include "ttrpc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 16384
#define KEPT  16384 /* a buffer that has grown beyond this is given back after its frame */

static uint32_t u32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void u32_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void task_ttrpc_header_decode(const uint8_t raw[TASK_TTRPC_HEADER], struct task_ttrpc_header *ret)
{
	*ret = (struct task_ttrpc_header){
		.len = u32_get(raw),
		.stream = u32_get(raw + 4),
		.type = raw[8],
		.flags = raw[9],
	};
}

void task_ttrpc_header_put(struct cps_buf *b, uint32_t len, uint32_t stream,
			   enum task_ttrpc_type type)
{
	uint8_t raw[TASK_TTRPC_HEADER] = { 0 };

	u32_put(raw, len);
	u32_put(raw + 4, stream);
	raw[8] = (uint8_t)type;
	cps_buf_add(b, raw, sizeof(raw));
}

/* read(2) as it is, but for signals. */
static ssize_t take(int fd, void *data, size_t len)
{
	ssize_t n;

	do {
		n = read(fd, data, len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The last frame is over. */
static void frame_forget(struct task_ttrpc_reader *r)
{
	r->have = 0;
	r->data.len = 0;
	if (r->data.size > KEPT || r->data.failed)
		cps_buf_done(&r->data);
}

static int header_read(struct task_ttrpc_reader *r, int fd)
{
	while (r->have < TASK_TTRPC_HEADER) {
		ssize_t n = take(fd, r->raw + r->have, TASK_TTRPC_HEADER - r->have);

		if (n == 0)
			return r->have == 0 ? 0 : -EPIPE;
		if (n < 0)
			return (int)n;
		r->have += (unsigned)n;
	}
	task_ttrpc_header_decode(r->raw, &r->head);
	r->left = r->head.len;
	return 1;
}

int task_ttrpc_read(struct task_ttrpc_reader *r, int fd)
{
	char chunk[CHUNK];

	if (r->have == TASK_TTRPC_HEADER && r->left == 0)
		frame_forget(r);
	if (r->have < TASK_TTRPC_HEADER) {
		int rc = header_read(r, fd);

		if (rc <= 0)
			return rc;
	}
	while (r->left > 0) {
		ssize_t n = take(fd, chunk, r->left < sizeof(chunk) ? r->left : sizeof(chunk));

		if (n <= 0)
			return n == 0 ? -EPIPE : (int)n;
		r->left -= (size_t)n;
		if (r->head.len <= TASK_TTRPC_MAX)
			cps_buf_add(&r->data, chunk, (size_t)n);
	}
	return r->data.failed ? -ENOMEM : 1;
}

void task_ttrpc_reader_done(struct task_ttrpc_reader *r)
{
	cps_buf_done(&r->data);
	r->have = 0;
	r->left = 0;
}
