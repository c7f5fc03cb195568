/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containerd, or whoever else connects, may send: a stream of frames to a server that has all
 * methods; and each message alone, of which the first byte says which. What is understood is
 * written and understood once more.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.pb-c.h"
#include "server.h"
#include "task.pb-c.h"

static const ProtobufCMessageDescriptor *const kinds[] = {
	&task__process_request__descriptor,
	&task__create_request__descriptor,
	&task__checkpoint_request__descriptor,
	&task__kill_request__descriptor,
	&task__exec_request__descriptor,
	&task__resize_request__descriptor,
	&task__close_io_request__descriptor,
	&task__update_request__descriptor,
	&task__shutdown_request__descriptor,
	&task__options__descriptor,
	&task__checkpoint_options__descriptor,
	&task__bootstrap_params__descriptor,
	&wire__any__descriptor,
	&wire__request__descriptor,
	&wire__response__descriptor,
	&events__forward_request__descriptor,
};

static void run(struct task_call *call, const void *request, void *owner)
{
	unsigned *count = owner;

	if (++*count % 2 == 0)
		task_error(call, TASK_UNKNOWN, "no");
	else
		task_reply(call, request);
}

static void serve(const uint8_t *data, size_t size)
{
	static const struct task_method methods[] = {
		{ "Create", &task__create_request__descriptor, run },
		{ "Exec", &task__exec_request__descriptor, run },
		{ "Kill", &task__kill_request__descriptor, run },
		{ "State", &task__process_request__descriptor, run },
		{ "Update", &task__update_request__descriptor, run },
		{ NULL },
	};
	static const struct task_service services[] = { { "containerd.task.v2.Task", methods },
							{ NULL } };
	static struct event_base *base;
	struct task_server server;
	struct cps_err err;
	unsigned count = 0;
	int pair[2];

	if (!base)
		base = event_base_new();
	if (task_server_start(&server, base, -1, services, &count, &err) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	task_server_add(&server, pair[1]);
	if (send(pair[0], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size) {
		(void)shutdown(pair[0], SHUT_WR);
		for (int i = 0; i < 4; i++)
			(void)event_base_loop(base, EVLOOP_NONBLOCK);
	}
	task_server_done(&server);
	(void)close(pair[0]);
}

static void understand(const ProtobufCMessageDescriptor *d, const uint8_t *data, size_t size)
{
	cleanup_message ProtobufCMessage *m = task_unpack(d, data, size);
	cleanup_message ProtobufCMessage *again = NULL;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	if (!m)
		return;
	task_pack(m, &b);
	again = task_unpack(d, b.data, b.len);
	if (!again || protobuf_c_message_get_packed_size(again) != b.len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	understand(kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))], data + 1, size - 1);
	serve(data + 1, size - 1);
	return 0;
}
