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

const struct shim_log_driver shim_log_cri = {
	.name = "cri",
	.bound = cri_bound,
	.stamp = cri_stamp,
	.format = cri_format,
};
