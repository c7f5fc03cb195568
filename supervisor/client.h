/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to a shim (link A of docs/protocol.md). Every wait is bounded unless the caller
 * says SUP_NO_TIMEOUT, so that a stuck shim never hangs a command.
 */
#ifndef SUP_CLIENT_H
#define SUP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "frame.h"
#include "json.h"
#include "store.h"

#define SUP_HELLO_MS   10000 /* greeting, and whatever a shim answers by itself */
#define SUP_REPLY_MS   60000 /* what has to run capsule-runtime */
#define SUP_NO_TIMEOUT (-1)  /* hooks and waits last as long as they last */

struct sup_client {
	int sock;
	uint32_t last_id;
	pid_t shim_pid; /* as its parent or shim.json knows it, then as hello says */
	const char *id; /* the container's; borrowed */
	int interrupt;	/* readable: waiting ends with -EINTR; borrowed, -1: none */
	bool lost;	/* the connection ended or the shim does not answer: nothing is known */
	char step[64];	/* of the last error reply that named one */
	struct cps_arena arena; /* replies live as long as the connection */
};

#define SUP_CLIENT_INIT                                       \
	{                                                     \
		-1, 0, 0, NULL, -1, false, "", CPS_ARENA_INIT \
	}

/* A request being written: sup_request_open(), members by cps_jsonw_*, sup_client_call(). */
struct sup_request {
	struct cps_buf buf;
	struct cps_jsonw w;
	const char *fd_names[CPS_FRAME_FDS_MAX];
	int fds[CPS_FRAME_FDS_MAX]; /* borrowed */
	unsigned nfds;
};

void sup_request_open(struct sup_request *r, const char *op);
/* The greeting, members and all. */
void sup_request_hello(struct sup_request *r);
void sup_request_fd(struct sup_request *r, const char *name, int fd);
void sup_request_done(struct sup_request *r);

#define cleanup_request __attribute__((cleanup(sup_request_done)))

/* Connects to <root>/<id>/shim.sock and says hello. -ENOENT, -ECONNREFUSED: no shim is there. */
int sup_client_open(struct sup_client *c, int rootfd, const char *id, struct cps_err *err);
/* The greeting on c->sock, where sup_client_open() has not done it. */
int sup_client_hello(struct sup_client *c, struct cps_err *err);
/* Whether a call failed because the shim at the other end has gone. */
bool sup_client_is_gone(const struct sup_client *c, int rc);
void sup_client_done(struct sup_client *c);

#define cleanup_client __attribute__((cleanup(sup_client_done)))

/* Sends the request and leaves the reply to whoever reads the socket. */
int sup_client_send(struct sup_client *c, struct sup_request *r, uint32_t *ret_id,
		    struct cps_err *err);
/* One frame: 1, 0 at the end of the connection; -ETIMEDOUT, -EINTR. */
int sup_client_recv(struct sup_client *c, int timeout_ms, struct cps_frame *ret,
		    struct cps_err *err);
/* The reply to request id; other frames that come before it are dropped. *ret_frame (may be NULL)
 * keeps the descriptors. */
int sup_client_reply(struct sup_client *c, uint32_t id, int timeout_ms, struct cps_frame *ret_frame,
		     const struct cps_json **ret_ok, struct cps_err *err);
/* Send and reply in one. */
int sup_client_call(struct sup_client *c, struct sup_request *r, int timeout_ms,
		    struct cps_frame *ret_frame, const struct cps_json **ret_ok,
		    struct cps_err *err);
/* Takes an error reply apart: fills *err and c->step, or gives the "ok" object. */
int sup_client_check(struct sup_client *c, const struct cps_frame *f,
		     const struct cps_json **ret_ok, struct cps_err *err);

/* 125, 126 or 127 for a user's command that could not be run, from the last error. */
int sup_client_exit_code(const struct sup_client *c, const struct cps_err *err);

/* Code of an exit object; -1 if it is not known. */
int sup_exit_object_code(const struct cps_json *exit);

#endif
