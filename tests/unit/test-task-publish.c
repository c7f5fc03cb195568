/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way to containerd: none is lost, and their order stays, whatever becomes of it.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "events.pb-c.h"
#include "own.h"
#include "publish.h"
#include "server.h"

#define EVENTS 500

struct box {
	struct event_base *base;
	struct event *child_event;
	struct task_children children;
	struct task_publisher publisher;
	struct task_server server; /* containerd's */
	bool serving;
	unsigned got;	/* events taken */
	unsigned again; /* … that had been taken before */
	unsigned stop;	/* answer no more than these; it is gone then */
	struct task_call *unanswered;
	bool all_gone;
	int dir;
	char path[64];
	char address[96];
};

static void run_forward(struct task_call *call, const void *request, void *owner)
{
	const Events__ForwardRequest *r = request;
	cleanup_message Events__TaskStart *e = NULL;
	struct box *b = owner;

	ck_assert_str_eq(r->envelope->namespace_, "space");
	ck_assert_str_eq(r->envelope->topic, "/tasks/start");
	ck_assert_str_eq(r->envelope->event->type_url, "containerd.events.TaskStart");
	e = task_unpack(&events__task_start__descriptor, r->envelope->event->value.data,
			r->envelope->event->value.len);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->container_id, "c1");
	if (b->got > 0 && e->pid == b->got)
		b->again++; /* the answer to it was lost */
	else
		ck_assert_uint_eq(e->pid, ++b->got);
	if (b->got == b->stop) {
		b->unanswered = call;
		(void)event_base_loopbreak(b->base);
		return;
	}
	task_reply_empty(call);
}

static const struct task_method methods[] = {
	{ "Forward", &events__forward_request__descriptor, run_forward },
	{ NULL },
};

static const struct task_service services[] = {
	{ "containerd.services.events.ttrpc.v1.Events", methods },
	{ NULL },
};

static void on_empty(void *owner)
{
	struct box *b = owner;

	b->all_gone = true;
	(void)event_base_loopbreak(b->base);
}

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	struct box *b = arg;
	int status;
	pid_t pid;

	(void)signal;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		(void)task_children_reaped(&b->children, pid, status);
}

static struct box *box_open(const char *program)
{
	struct task_publish_to to = { .ns = "space", .grpc = "/run/grpc" };
	struct box *b = calloc(1, sizeof(*b));

	ck_assert_ptr_nonnull(b);
	b->base = event_base_new();
	b->child_event = evsignal_new(b->base, SIGCHLD, on_child, b);
	ck_assert_int_eq(event_add(b->child_event, NULL), 0);
	LIST_INIT(&b->children);
	b->dir = unit_dir();
	(void)snprintf(b->path, sizeof(b->path), "/proc/%d/fd/%d", (int)getpid(), b->dir);
	(void)snprintf(b->address, sizeof(b->address), "%s/%s", b->path, program ? "program" : "s");
	to.children = &b->children;
	if (program) {
		unit_put(b->dir, "program", program);
		ck_assert_int_eq(fchmodat(b->dir, "program", 0755, 0), 0);
		to.binary = b->address;
	} else {
		to.ttrpc = b->address;
	}
	task_publisher_init(&b->publisher, b->base, &to, on_empty, b);
	return b;
}

static void serve(struct box *b, unsigned stop)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct cps_err err;

	(void)unlinkat(b->dir, "s", 0);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", b->address);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_ok(task_server_start(&b->server, b->base, fd, services, b, &err), err);
	b->stop = stop;
	b->serving = true;
}

static void serve_no_more(struct box *b)
{
	task_server_done(&b->server);
	if (b->unanswered)
		task_reply_empty(b->unanswered);
	b->unanswered = NULL;
	b->serving = false;
}

static void box_close(struct box *b)
{
	if (b->serving)
		serve_no_more(b);
	task_publisher_done(&b->publisher);
	event_free(b->child_event);
	event_base_free(b->base);
	cps_close(&b->dir);
	free(b);
}

static void publish(struct box *b, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++) {
		Events__TaskStart e = EVENTS__TASK_START__INIT;

		e.container_id = (char *)"c1";
		e.pid = i;
		task_publish(&b->publisher, "/tasks/start", "containerd.events.TaskStart", &e.base);
	}
}

START_TEST(events_wait_for_a_containerd_that_is_not_there_yet)
{
	struct box *b = box_open(NULL);

	publish(b, 1, EVENTS);
	ck_assert_uint_eq(b->publisher.count, EVENTS);
	/* a few tries in vain */
	while (b->publisher.retry_ms < 400)
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
	serve(b, 0);
	ck_assert_int_eq(event_base_dispatch(b->base), 0);
	ck_assert(b->all_gone);
	ck_assert_uint_eq(b->got, EVENTS);
	ck_assert_uint_eq(b->again, 0);
	box_close(b);
}
END_TEST

/* It dies ten times between having an event and saying so. */
START_TEST(events_whose_answer_is_lost_come_again)
{
	struct box *b = box_open(NULL);

	publish(b, 1, EVENTS);
	for (unsigned i = 1; i <= 10; i++) {
		serve(b, i * 7);
		ck_assert_int_eq(event_base_dispatch(b->base), 0);
		ck_assert(!b->all_gone);
		ck_assert_uint_eq(b->got, i * 7);
		serve_no_more(b);
		/* more while it is away */
		publish(b, EVENTS + i, EVENTS + i);
	}
	serve(b, 0);
	ck_assert_int_eq(event_base_dispatch(b->base), 0);
	ck_assert_uint_eq(b->got, EVENTS + 10);
	ck_assert_uint_eq(b->again, 10);
	box_close(b);
}
END_TEST

static unsigned lines_count(int dir, const char *name)
{
	char text[65536];
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text));
	unsigned lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

START_TEST(a_program_takes_events_one_by_one_and_again_if_it_fails)
{
	struct box *b = box_open("#!/bin/bash\ncd ${0%/*}\n"
				 /* the first two runs fail, the fourth dies */
				 "echo x >>runs; r=$(wc -l <runs); [ $r -gt 2 ] || exit 1\n"
				 "[ $r != 4 ] || kill -9 $$\n"
				 "[ \"$*\" = '--address /run/grpc publish --topic /tasks/start "
				 "--namespace space' ] || echo \"$*\" >wrong\n"
				 "od -An -v -tx1 | tr -d ' \\n' >>events; echo >>events\n");

	publish(b, 1, 5);
	while (!b->all_gone)
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
	ck_assert(!unit_is_there(b->dir, "wrong"));
	ck_assert_uint_eq(lines_count(b->dir, "runs"), 5 + 3);
	/* an Any each: type containerd.events.TaskStart, value { 1: "c1", 2: pid } */
#define EVENT "0a1b636f6e7461696e6572642e6576656e74732e5461736b537461727412060a02633110"
	unit_check_content(b->dir, "events",
			   EVENT "01\n" EVENT "02\n" EVENT "03\n" EVENT "04\n" EVENT "05\n");
	box_close(b);
}
END_TEST

START_TEST(a_program_that_hangs_is_killed_and_run_again)
{
	struct box *b = box_open("#!/bin/bash\ncd ${0%/*}\n"
				 "echo x >>runs; [ $(wc -l <runs) != 1 ] || exec sleep 1000\n");

	publish(b, 1, 1);
	while (!b->all_gone)
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
	ck_assert_uint_eq(lines_count(b->dir, "runs"), 2);
	ck_assert(LIST_EMPTY(&b->children));
	box_close(b);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		events_wait_for_a_containerd_that_is_not_there_yet,
		events_whose_answer_is_lost_come_again,
		a_program_takes_events_one_by_one_and_again_if_it_fails,
		a_program_that_hangs_is_killed_and_run_again,
		NULL,
	};

	return unit_main("task-publish", tests);
}
