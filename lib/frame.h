/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: one message, one packet, on AF_UNIX SOCK_SEQPACKET (docs/protocol.md).
 *
 *  0 u32 magic "CPS1"   4 u16 kind   6 u16 nfds   8 u32 id   12 u32 length   16 JSON object
 *
 * little endian. The JSON's "fds" array (in a reply: of its "ok" object) names the descriptors in
 * order, each differently; a count that differs from nfds or from what arrived closes them all and
 * rejects the frame (EBADMSG). Received descriptors are close-on-exec.
 */
#ifndef CPS_FRAME_H
#define CPS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "json.h"

#define CPS_FRAME_JSON_MAX 65536
#define CPS_FRAME_HEADER   16
#define CPS_FRAME_FDS_MAX  16

enum cps_frame_kind {
	CPS_FRAME_REQUEST = 1,
	CPS_FRAME_REPLY = 2,
	CPS_FRAME_EVENT = 3,
};

struct cps_frame {
	enum cps_frame_kind kind;
	uint32_t id;		     /* of the request; replies repeat it, events have 0 */
	const struct cps_json *body; /* the object; in the arena that cps_frame_recv was given */
	int fds[CPS_FRAME_FDS_MAX];  /* owned: cps_frame_done() closes what is left */
	unsigned nfds;
};

/* Sends one frame; fds are borrowed. json is one object, its "fds" member naming nfds entries.
 * flags: MSG_DONTWAIT or 0 (MSG_NOSIGNAL is always set). -EAGAIN fills *err too. */
int cps_frame_send(int sock, enum cps_frame_kind kind, uint32_t id, const char *json, size_t len,
		   const int *fds, unsigned nfds, int flags, struct cps_err *err);

/* Receives one frame. Returns 1 and fills *ret, 0 at EOF, -EAGAIN with MSG_DONTWAIT and nothing
 * there, another -errno otherwise; -EBADMSG: what came is no frame, its fds are closed. */
int cps_frame_recv(int sock, int flags, struct cps_arena *a, struct cps_frame *ret,
		   struct cps_err *err);

/* The codec without the socket, for tests and fuzzing: header and JSON of a packet; nfds is what
 * arrived with it. */
int cps_frame_decode(struct cps_arena *a, const void *packet, size_t len, unsigned nfds,
		     struct cps_frame *ret, struct cps_err *err);

/* The fd that the body names so; ownership passes to the caller. -1 if there is none. */
int cps_frame_take_fd(struct cps_frame *f, const char *name);
void cps_frame_done(struct cps_frame *f);

#define cleanup_frame __attribute__((cleanup(cps_frame_done)))

/* Replies. `ok` is a JSON object's text ("{}" for nothing). nfds may name fds in ok's "fds". */
int cps_reply_ok(int sock, uint32_t id, const char *ok, const int *fds, unsigned nfds, int flags,
		 struct cps_err *err);
/* {"error":{"errno":N,"step":"…","message":"…"}}; step may be NULL. */
int cps_reply_error(int sock, uint32_t id, const struct cps_err *why, const char *step, int flags,
		    struct cps_err *err);
/* Of a received reply: 0 and *ret_ok (the "ok" object), or the peer's error as ours. */
int cps_reply_check(const struct cps_frame *f, const struct cps_json **ret_ok, struct cps_err *err);

#endif
