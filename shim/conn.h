/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients. Each has a bounded queue of what it has not yet taken; one whose queue is full is
 * dropped. A connection is freed by its own event callback alone, so that nobody who sends to it
 * ever finds it gone.
 */
#ifndef SHIM_CONN_H
#define SHIM_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <event2/event_struct.h>

#include "err.h"
#include "frame.h"

#define SHIM_CONNS_MAX	    64
#define SHIM_CONN_WAITS_MAX 64	   /* requests of one connection that wait for their answer */
#define SHIM_CONN_QUEUE_MAX 262144 /* bytes; one frame more than that may be queued */

struct shim;
struct shim_conn;
struct shim_attach;

/* A request that is answered later. It is on the list of what it waits for, and of its client. */
struct shim_waiter {
	LIST_ENTRY(shim_waiter) of_owner;
	LIST_ENTRY(shim_waiter) of_conn;
	struct shim_conn *conn;
	uint32_t id;
};
LIST_HEAD(shim_waiters, shim_waiter);

/* What a client within this process is sent: replies and events, as text. It must not ask in turn
 * before it has returned; descriptors that ride along are not its own. */
typedef void shim_conn_take(void *owner, enum cps_frame_kind kind, uint32_t id, const char *json,
			    size_t len);

struct shim_packet;
STAILQ_HEAD(shim_packets, shim_packet);
LIST_HEAD(shim_conn_attaches, shim_attach);

struct shim_conn {
	LIST_ENTRY(shim_conn) link;
	struct shim *shim;
	int fd;		      /* -1: a client within this process */
	shim_conn_take *take; /* of such a one */
	void *owner;
	pid_t peer_pid; /* who connected, as the kernel saw it then */
	uid_t peer_uid;
	struct event read_event;
	struct event write_event;
	struct shim_packets queue;
	size_t queued; /* bytes */
	struct shim_waiters waiters;
	unsigned nwaiters;
	struct shim_conn_attaches attaches;
	bool greeted;	 /* hello was said */
	bool subscribed; /* wants events */
	bool keeper;	 /* … and descriptors with them, see keep.h */
	bool doomed;	 /* to be freed by its callback */
};

/* Takes over a connected socket, in any case; one client too many is told so. */
void shim_conn_open(struct shim *s, int fd);
void shim_conns_close_all(struct shim *s);

/* A client within this process, which has said hello and gets all events. It stays until all are
 * closed. NULL: no memory. */
struct shim_conn *shim_conn_inside(struct shim *s, shim_conn_take *take, void *owner);
/* Its request: one object, whose "fds" name nfds descriptors, which are taken over. The reply may
 * come before this returns. < 0: it is none. */
int shim_conn_ask(struct shim_conn *c, uint32_t id, const char *json, size_t len, int *fds,
		  unsigned nfds, struct cps_err *err);

/* Sends or queues one frame; fds are duplicated if need be. A client that cannot take it any more
 * is doomed; the caller need not care. */
void shim_conn_send(struct shim_conn *c, enum cps_frame_kind kind, uint32_t id, const char *json,
		    size_t len, const int *fds, unsigned nfds);
void shim_conn_ok(struct shim_conn *c, uint32_t id, const char *ok, const int *fds, unsigned nfds);
void shim_conn_error(struct shim_conn *c, uint32_t id, const struct cps_err *why, const char *step);

/* Makes it a keeper. Keepers are no company: a shim without a container leaves when the last other
 * client has. */
void shim_conn_keeper(struct shim_conn *c);
bool shim_conns_only_keepers(const struct shim *s);

/* To all that have subscribed. */
void shim_broadcast(struct shim *s, const char *json, size_t len);

/* -EBUSY if the connection has too many, -ENOMEM. */
int shim_waiter_add(struct shim_waiters *list, struct shim_conn *c, uint32_t id,
		    struct cps_err *err);
/* Takes back the one added last: its request is answered otherwise. */
void shim_waiter_drop(struct shim_waiters *list);
/* Answer all of the list, and empty it. */
void shim_waiters_ok(struct shim_waiters *list, const char *ok, const int *fds, unsigned nfds);
void shim_waiters_error(struct shim_waiters *list, const struct cps_err *why, const char *step);

#endif
