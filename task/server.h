/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ttrpc server of unary calls: connections, calls, services. Calls of one connection are
 * answered in any order, whenever their answer is known, so that one that waits holds nothing up.
 *
 * A call outlives its connection: its answer is then dropped.
 */
#ifndef TASK_SERVER_H
#define TASK_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "message.h"

struct task_call;
struct task_conn;
LIST_HEAD(task_calls, task_call);
LIST_HEAD(task_conns, task_conn);

struct task_method {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	/* Answers the call, now or later. The request is the call's, and valid until then. */
	void (*run)(struct task_call *call, const void *request, void *owner);
};

struct task_service {
	const char *name;
	const struct task_method *methods; /* ends with a name of NULL */
};

struct task_server {
	struct event_base *base;
	int fd;
	struct event event;
	struct event retry;
	const struct task_service *services; /* ends with a name of NULL */
	void *owner;
	struct task_conns conns;
	unsigned nconns;
};

/* Serves a listening socket, which is non-blocking, and its own from now on. */
int task_server_start(struct task_server *s, struct event_base *base, int fd,
		      const struct task_service *services, void *owner, struct cps_err *err);
/* Serves a connected socket, its own from now on. */
void task_server_add(struct task_server *s, int fd);
/* Closes everything. Calls not answered yet must still be, and go nowhere. */
void task_server_done(struct task_server *s);
/* Has everything that was answered been taken by the kernel? */
bool task_server_is_flushed(const struct task_server *s);

/* Each of these ends the call. */
void task_reply(struct task_call *call, const ProtobufCMessage *m);
void task_reply_empty(struct task_call *call);
void task_error(struct task_call *call, enum task_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
