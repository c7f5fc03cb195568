/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding events, see publish.h: a client of containerd's ttrpc socket with one call at a time,
 * or one program at a time.
 */
#include <config.h>
#include "publish.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child-program.h"
#include "events.pb-c.h"
#include "file.h"
#include "own.h"

#define RETRY_MIN_MS  100
#define RETRY_MAX_MS  5000
#define ANSWER_MS     5000 /* longer than this nobody answers: once more on a new connection */
#define FORWARD_LIMIT 5000000000

struct task_news {
	STAILQ_ENTRY(task_news) link;
	const char *topic;
	size_t len;
	char request[]; /* a Forward request's payload; for the program the event alone */
};

static void on_io(evutil_socket_t fd, short what, void *arg);
static void work(struct task_publisher *p);

static void timer(struct event *e, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(e, &tv);
}

static void hang_up(struct task_publisher *p)
{
	(void)event_del(&p->io_event);
	cps_close(&p->fd);
	cps_buf_done(&p->out);
	task_ttrpc_reader_done(&p->reader);
	p->sent = 0;
	p->asked = false;
	p->stream = 1;
}

static void later(struct task_publisher *p)
{
	hang_up(p);
	timer(&p->retry_event, p->retry_ms);
	p->retry_ms = p->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : p->retry_ms * 2;
}

static bool dial(struct task_publisher *p)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if ((size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", p->to.ttrpc) >=
	    sizeof(sa.sun_path))
		return false;
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		cps_close(&p->fd);
		return false;
	}
	return true;
}

static void request_make(struct task_publisher *p, const struct task_news *n)
{
	Wire__KeyValue ns = WIRE__KEY_VALUE__INIT;
	Wire__KeyValue *metadata[] = { &ns };
	Wire__Request r = WIRE__REQUEST__INIT;

	ns.key = (char *)"containerd-namespace-ttrpc";
	ns.value = (char *)p->to.ns;
	r.service = (char *)"containerd.services.events.ttrpc.v1.Events";
	r.method = (char *)"Forward";
	r.timeout_nano = FORWARD_LIMIT;
	r.metadata = metadata;
	r.n_metadata = 1;
	r.payload.data = (uint8_t *)n->request;
	r.payload.len = n->len;
	task_ttrpc_header_put(&p->out, (uint32_t)wire__request__get_packed_size(&r), p->stream,
			      TASK_TTRPC_REQUEST);
	task_pack(&r.base, &p->out);
	p->asked = true;
}

static void io_wait(struct task_publisher *p, short what)
{
	struct timeval tv = { .tv_sec = ANSWER_MS / 1000 };

	(void)event_del(&p->io_event);
	(void)event_assign(&p->io_event, p->base, p->fd, what, on_io, p);
	(void)event_add(&p->io_event, &tv);
}

/* False: the connection is of no use any more. */
static bool flush(struct task_publisher *p)
{
	while (p->sent < p->out.len) {
		ssize_t n = send(p->fd, p->out.data + p->sent, p->out.len - p->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0) {
			io_wait(p, EV_WRITE);
			return true;
		}
		p->sent += (size_t)n;
	}
	io_wait(p, EV_READ);
	return true;
}

static void taken(struct task_publisher *p)
{
	struct task_news *n = STAILQ_FIRST(&p->queue);

	STAILQ_REMOVE_HEAD(&p->queue, link);
	free(n);
	p->count--;
	p->stream += 2;
	p->retry_ms = RETRY_MIN_MS;
	p->asked = false;
	p->out.len = 0;
	p->sent = 0;
	(void)event_del(&p->io_event);
	if (p->count == 0 && p->empty)
		p->empty(p->owner);
}

/* An answer. True: it was to our request, and all is well. What containerd finds wrong with an
 * event it will find wrong again: that one goes, or the others would wait behind it for ever. */
static bool answer_read(struct task_publisher *p)
{
	cleanup_message Wire__Response *r = NULL;

	if (p->reader.head.stream != p->stream || p->reader.head.type != TASK_TTRPC_RESPONSE)
		return false;
	r = task_unpack(&wire__response__descriptor, p->reader.data.data, p->reader.data.len);
	return r && (!r->status || r->status->code == TASK_OK ||
		     r->status->code == TASK_INVALID_ARGUMENT);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct task_publisher *p = arg;
	int rc;

	if (!p->to.ttrpc) {
		(void)task_child_signal(&p->child, SIGKILL); /* on_program_exit() comes */
		return;
	}
	if (what & EV_WRITE) {
		if (!flush(p))
			later(p);
		return;
	}
	rc = what & EV_READ ? task_ttrpc_read(&p->reader, fd) : -ETIMEDOUT;
	if (rc == -EAGAIN) {
		io_wait(p, EV_READ);
		return;
	}
	if (rc <= 0 || !answer_read(p)) {
		later(p);
		return;
	}
	taken(p);
	work(p);
}

/* ---- by a program ---- */

static void on_program_exit(void *owner, int status)
{
	struct task_publisher *p = owner;

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		later(p);
		return;
	}
	taken(p);
	work(p);
}

static void program_run(struct task_publisher *p, const struct task_news *n)
{
	const char *const argv[] = { p->to.binary, "--address",	  p->to.grpc, "publish", "--topic",
				     n->topic,	   "--namespace", p->to.ns,   NULL };
	struct timeval tv = { .tv_sec = ANSWER_MS / 1000 };
	struct cps_err ignored;
	cleanup_fd int in = cps_memfd_sealed("event", n->request, n->len, &ignored);
	int fds[3] = { in, -1, -1 };
	struct cps_program program = { .file = p->to.binary,
				       .argv = argv,
				       .fds = fds,
				       .nfds = 3,
				       .own_signals = true,
				       .detached = true };
	pid_t pid;

	if (in < 0 || cps_program_spawn(&program, &pid) < 0) {
		later(p);
		return;
	}
	p->asked = true;
	task_child_add(p->to.children, &p->child, pid, on_program_exit, p);
	(void)event_del(&p->io_event);
	(void)event_assign(&p->io_event, p->base, -1, 0, on_io, p);
	(void)event_add(&p->io_event, &tv);
}

static void work(struct task_publisher *p)
{
	const struct task_news *n = STAILQ_FIRST(&p->queue);

	if (!n || p->asked || event_pending(&p->retry_event, EV_TIMEOUT, NULL))
		return;
	if (!p->to.ttrpc) {
		program_run(p, n);
		return;
	}
	if (p->fd < 0 && !dial(p)) {
		later(p);
		return;
	}
	request_make(p, n);
	if (p->out.failed || !flush(p))
		later(p);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	work(arg);
}

void task_publisher_init(struct task_publisher *p, struct event_base *base,
			 const struct task_publish_to *to, void (*empty)(void *owner), void *owner)
{
	*p = (struct task_publisher){
		.base = base,
		.to = *to,
		.fd = -1,
		.retry_ms = RETRY_MIN_MS,
		.stream = 1,
		.empty = empty,
		.owner = owner,
	};
	STAILQ_INIT(&p->queue);
	(void)event_assign(&p->io_event, base, -1, 0, on_io, p);
	(void)event_assign(&p->retry_event, base, -1, 0, on_retry, p);
}

void task_publisher_done(struct task_publisher *p)
{
	struct task_news *n;

	hang_up(p);
	task_child_remove(&p->child);
	(void)event_del(&p->retry_event);
	while ((n = STAILQ_FIRST(&p->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->queue, link);
		free(n);
	}
	p->count = 0;
}

void task_publish(struct task_publisher *p, const char *topic, const char *type,
		  const ProtobufCMessage *m)
{
	Events__ForwardRequest f = EVENTS__FORWARD_REQUEST__INIT;
	Events__Envelope e = EVENTS__ENVELOPE__INIT;
	Wire__Any any = WIRE__ANY__INIT;
	Wire__Timestamp at;
	cleanup_buf struct cps_buf event = CPS_BUF_INIT;
	struct task_news *n;
	struct timespec now;

	const ProtobufCMessage *request = p->to.ttrpc ? &f.base : &any.base;

	if (!p->to.ttrpc && !p->to.binary)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	task_time_set(&at, &now);
	task_pack(m, &event);
	any.type_url = (char *)type;
	any.value.data = (uint8_t *)event.data;
	any.value.len = event.len;
	e.timestamp = &at;
	e.namespace_ = (char *)p->to.ns;
	e.topic = (char *)topic;
	e.event = &any;
	f.envelope = &e;
	n = event.failed ? NULL : malloc(sizeof(*n) + protobuf_c_message_get_packed_size(request));
	if (!n)
		return;
	n->topic = topic;
	n->len = protobuf_c_message_pack(request, (uint8_t *)n->request);
	STAILQ_INSERT_TAIL(&p->queue, n, link);
	p->count++;
	work(p);
}
