/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log format of the Kubernetes CRI, as containerd writes it:
 *
 *   2026-11-21T20:45:35.123456789Z stdout F text
 *
 * F: the line ended here; P: it goes on in the stream's next record (a long line), or the output
 * ended without a newline. The text is the container's bytes as they were, so the output can be
 * put together again exactly: a newline behind each F, none behind P.
 */
#include <config.h>
#include "shim-log.h"

#include <stdio.h>
#include <string.h>

#include "log-scan.h"

#define HEAD_ROOM     64 /* a head is shorter: so many bytes are copied without counting */
#define LINE_MAX_FAST (SHIM_LINE_ROOM - HEAD_ROOM)

static size_t cri_bound(size_t len)
{
	return CPS_TIME_SIZE + strlen(" stdout F \n") + len;
}

static void cri_stamp(struct shim_stamp *s, const struct timespec *t, enum shim_stream_name stream)
{
	char time[CPS_TIME_SIZE];

	cps_time_format(t, false, time);
	s->head_len = (size_t)snprintf(s->head, sizeof(s->head), "%s %s F ", time,
				       stream == SHIM_STDOUT ? "stdout" : "stderr");
	s->tail_len = 0;
}

static size_t cri_format(char *out, const struct shim_stamp *s, const char *data, size_t len,
			 bool end)
{
	memcpy(out, s->head, s->head_len);
	if (!end)
		out[s->head_len - 2] = 'P';
	memcpy(out + s->head_len, data, len);
	out[s->head_len + len] = '\n';
	return s->head_len + len + 1;
}

/* A line of at most max bytes, its newline included; 0: there is none. */
static size_t line_copy(char *out, const char *data, size_t max)
{
	for (size_t i = 0; i + SHIM_SCAN <= max; i += SHIM_SCAN) {
		shim_vec v = shim_scan_copy(out + i, data + i);
		unsigned n = shim_scan_first((shim_vec)(v == '\n'));

		if (n < SHIM_SCAN)
			return i + n + 1;
	}
	return 0;
}

static size_t cri_lines(char *out, size_t room, const struct shim_stamp *s, const char *data,
			size_t len, size_t *ret_used, unsigned *ret_records)
{
	const size_t head_len = s->head_len;
	size_t used = 0;
	size_t done = 0;
	unsigned records = 0;

	while (room - done >= SHIM_LINE_ROOM) {
		size_t rest = len - used;
		size_t n;

		memcpy(out + done, s->head, HEAD_ROOM);
		n = line_copy(out + done + head_len, data + used,
			      rest < LINE_MAX_FAST ? rest : LINE_MAX_FAST);
		if (n == 0)
			break;
		used += n;
		done += head_len + n;
		records++;
	}
	*ret_used = used;
	*ret_records = records;
	return done;
}

const struct shim_log_driver shim_log_cri = {
	.name = "cri",
	.bound = cri_bound,
	.stamp = cri_stamp,
	.format = cri_format,
	.lines = cri_lines,
};
