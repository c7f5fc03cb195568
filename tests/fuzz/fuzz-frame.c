/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets as a peer may send them. The first byte says how many descriptors came along.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "frame.h"
#include "own.h"

static void use(struct cps_frame *f)
{
	const struct cps_json *ok = NULL;
	struct cps_err err = { 0 };

	(void)cps_frame_take_fd(f, "stdin");
	(void)cps_reply_check(f, &ok, &err);
	if (f->kind < CPS_FRAME_REQUEST || f->kind > CPS_FRAME_EVENT ||
	    f->body->type != CPS_JSON_OBJECT)
		abort();
}

/* The codec alone. There are no descriptors behind the count: none may be touched. */
static void decode(const uint8_t *data, size_t size, unsigned nfds)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };

	if (cps_frame_decode(&a, data, size, nfds, &f, &err) < 0) {
		if (err.num == 0 || f.body)
			abort();
		return;
	}
	if (f.nfds != nfds)
		abort();
	use(&f);
}

/* The same through a socket, whole and with what the kernel adds. */
static void receive(const uint8_t *data, size_t size)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { 0 };
	struct cps_err err = { 0 };
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		return;
	if (send(s[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size &&
	    cps_frame_recv(s[1], MSG_DONTWAIT, &a, &f, &err) == 1)
		use(&f);
	cps_close(&s[0]);
	cps_close(&s[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	decode(data + 1, size - 1, data[0]);
	receive(data + 1, size - 1);
	return 0;
}
