/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a shim, in this process: link A of docs/protocol.md. */
#include <config.h>

#include "bench.h"

#include <errno.h>
#include <string.h>

#include "frame.h"
#include "own.h"

/* One request and its reply; the value of `member` in ok goes to text (size bytes) if asked for. */
int bench_call(int sock, const char *json, const int *fds, unsigned nfds, const char *member,
	       char *text, size_t size)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { 0 };
	const struct cps_json *ok = NULL;
	const struct cps_json *value;
	struct cps_err err = { 0 };
	int rc;

	rc = cps_frame_send(sock, CPS_FRAME_REQUEST, 1, json, strlen(json), fds, nfds, 0, &err);
	if (rc == 0)
		rc = cps_frame_recv(sock, 0, &arena, &f, &err);
	if (rc == 0)
		rc = cps_failx(&err, EPIPE, "the shim closed the connection");
	if (rc > 0)
		rc = cps_reply_check(&f, &ok, &err);
	if (rc < 0) {
		fprintf(stderr, "bench: %s: %s\n", json, err.msg);
		return -1;
	}
	value = member ? cps_json_get(ok, member) : NULL;
	if (member && !value)
		return -1;
	if (member)
		(void)snprintf(text, size, "%s", value->text);
	return 0;
}

int bench_greet(const char *path)
{
	cleanup_fd int sock = bench_connect(path);

	if (sock < 0 || bench_call(sock, "{\"op\":\"hello\",\"protocol\":1,\"version\":\"bench\"}",
				   NULL, 0, NULL, NULL, 0) < 0)
		return -1;
	return take_fd(&sock);
}

int bench_send(int sock, const char *json)
{
	struct cps_err err = { 0 };

	return cps_frame_send(sock, CPS_FRAME_REQUEST, 2, json, strlen(json), NULL, 0, 0, &err);
}

int bench_receive(int sock)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { 0 };
	const struct cps_json *ok;
	struct cps_err err = { 0 };

	if (cps_frame_recv(sock, 0, &arena, &f, &err) <= 0)
		return -1;
	return cps_reply_check(&f, &ok, &err) < 0 ? -1 : 0;
}
