/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way to containerd, one after the other in their order. What it does not take, or
 * cannot because it is not there, is sent again until it does; nothing is dropped.
 *
 * They go over containerd's ttrpc socket or, to one that has none, by a program of its own:
 * publish.
 */
#ifndef TASK_PUBLISH_H
#define TASK_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "child.h"
#include "message.h"
#include "ttrpc.h"

struct task_news;
STAILQ_HEAD(task_newses, task_news);

/* Where they go. */
struct task_publish_to {
	const char *ns;
	const char *ttrpc;  /* a path; NULL: there is none */
	const char *binary; /* or else a program; NULL: nobody wants to know */
	const char *grpc;   /* what the program is told */
	struct task_children *children;
};

struct task_publisher {
	struct event_base *base;
	struct task_publish_to to;
	struct task_child child; /* of the program */
	int fd;			 /* -1: not connected */
	struct event io_event;
	struct event retry_event;
	unsigned retry_ms;
	struct task_newses queue;
	size_t count;
	uint32_t stream;    /* of the next request on this connection */
	struct cps_buf out; /* the first of the queue, as it is sent */
	size_t sent;
	bool asked; /* it is sent, or being sent */
	struct task_ttrpc_reader reader;
	void (*empty)(void *owner); /* the last one was taken */
	void *owner;
};

void task_publisher_init(struct task_publisher *p, struct event_base *base,
			 const struct task_publish_to *to, void (*empty)(void *owner), void *owner);
void task_publisher_done(struct task_publisher *p);
/* topic: "/tasks/exit", which must last; type: "containerd.events.TaskExit". Without memory it is
 * lost. */
void task_publish(struct task_publisher *p, const char *topic, const char *type,
		  const ProtobufCMessage *m);

#endif
