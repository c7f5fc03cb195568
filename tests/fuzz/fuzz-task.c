/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the task service, as they are, asked for a task "c1" and whatever else is named.
 * The first byte says what has become of its container; then come calls: one byte for the method,
 * two for the length of the message (little endian), the message.
 *
 * There is no runtime, so that none can be run; and nothing of the machine's is opened: containers
 * are asked for where no bundle is, and the stdio of execs is parsed here only.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arena.h"
#include "conn.h"
#include "loop.h"
#include "options.h"
#include "own.h"
#include "pod.h"
#include "setup.h"
#include "ttrpc.h"
#include "uri.h"

#define CALLS_MAX 24

static const enum shim_state states[] = { SHIM_IDLE, SHIM_CREATED, SHIM_RUNNING, SHIM_EXITED };
static const Task__Status statuses[] = { TASK__STATUS__UNKNOWN, TASK__STATUS__CREATED,
					 TASK__STATUS__RUNNING, TASK__STATUS__STOPPED };

static struct task *task_make(struct task_pod *pod, unsigned which)
{
	struct task *t = calloc(1, sizeof(*t));
	struct cps_err err;

	if (!t)
		abort();
	t->pod = pod;
	t->id = strdup("c1");
	t->bundle = strdup("/nowhere");
	t->root = strdup("/nowhere");
	t->criu = strdup("");
	LIST_INIT(&t->asked);
	TAILQ_INIT(&t->execs);
	LIST_INSERT_HEAD(&pod->tasks, t, link);
	task_events_init(t);
	task_process_init(&t->init, t);
	t->init.exec_id = strdup("");
	t->init.status = statuses[which];
	t->init.pid = which ? 1u << 30 : 0; /* beyond the kernel's */
	for (int i = 0; i < 3; i++)
		t->init.io.paths[i] = strdup("");
	shim_init(&t->shim, t->root, t->id);
	t->shim_up = true;
	t->shim.over = task_over;
	t->shim.process = t;
	if (shim_scratch_init(&t->shim.scratch, &err) < 0)
		abort();
	shim_loop_join(&t->shim, pod->base);
	shim_container_init(&t->shim);
	t->shim.machine.state = states[which];
	t->conn = shim_conn_inside(&t->shim, task_take, t);
	if (!t->conn)
		abort();
	return t;
}

/* What would be opened is parsed, and left out of what is sent. */
static bool is_harmless(const ProtobufCMessageDescriptor *d, ProtobufCMessage *m)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	Task__ExecRequest *e = (Task__ExecRequest *)m;
	struct task_uri uri;
	struct cps_err ignored;
	char **paths[3];

	if (d == &task__create_request__descriptor) {
		Task__CreateRequest *c = (Task__CreateRequest *)m;
		cleanup_message Task__Options *o = task_options_of(c->options);
		bool own;

		return task_bundle_look(c->bundle, &own, &ignored) < 0;
	}
	if (d != &task__exec_request__descriptor)
		return true;
	paths[0] = &e->stdin;
	paths[1] = &e->stdout;
	paths[2] = &e->stderr;
	for (int i = 0; i < 3; i++) {
		if ((*paths[i])[0]) {
			(void)task_uri_parse(&arena, *paths[i], &uri, &ignored);
			(*paths[i])[0] = '\0';
		}
	}
	return true;
}

static void call_send(int fd, uint32_t stream, const struct task_method *method,
		      const uint8_t *data, size_t size)
{
	cleanup_message ProtobufCMessage *m = task_unpack(method->request, data, size);
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	Wire__Request r = WIRE__REQUEST__INIT;

	if (!m || !is_harmless(method->request, m))
		return;
	r.service = (char *)(uintptr_t)task_services[0].name;
	r.method = (char *)(uintptr_t)method->name;
	task_request_put(&b, stream, &r, m);
	if (!b.failed)
		(void)send(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void answers_drop(int fd)
{
	char text[4096];

	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct task_publish_to nobody = { .ns = "space" };
	struct task_pod pod;
	struct cps_err err;
	unsigned nmethods = 0;
	size_t at = 1;
	int pair[2];

	if (size == 0)
		return 0;
	while (task_services[0].methods[nmethods].name)
		nmethods++;
	if (task_pod_init(&pod, -1, &nobody, &err) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	(void)task_make(&pod, data[0] % 4);
	task_server_add(&pod.server, pair[1]);
	for (uint32_t stream = 1; at + 3 <= size && stream < 2 * CALLS_MAX; stream += 2) {
		size_t len = data[at + 1] | (size_t)data[at + 2] << 8;

		len = len < size - at - 3 ? len : size - at - 3;
		call_send(pair[0], stream, &task_services[0].methods[data[at] % nmethods],
			  data + at + 3, len);
		(void)event_base_loop(pod.base, EVLOOP_NONBLOCK);
		answers_drop(pair[0]);
		at += 3 + len;
	}
	for (struct task *t = LIST_FIRST(&pod.tasks); t; t = LIST_FIRST(&pod.tasks)) {
		t->gone = true;
		event_active(&t->later_event, EV_TIMEOUT, 0);
		(void)event_base_loop(pod.base, EVLOOP_NONBLOCK);
	}
	task_pod_done(&pod);
	(void)close(pair[0]);
	return 0;
}
