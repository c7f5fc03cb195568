/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ttrpc: bytes as containerd sends and expects them, what the server refuses, and that no call
 * holds another one up.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.pb-c.h"
#include "own.h"
#include "server.h"
#include "task.pb-c.h"
#include "ttrpc.h"

struct box {
	struct event_base *base;
	struct task_server server;
	int client;
	struct task_call *held[8]; /* calls of Wait, not answered yet */
	unsigned nheld;
	unsigned started;
};

static void run_wait(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct box *b = owner;

	ck_assert_str_eq(r->id, "c1");
	ck_assert_uint_lt(b->nheld, 8);
	b->held[b->nheld++] = call;
}

static void run_start(struct task_call *call, const void *request, void *owner)
{
	Task__PidReply reply = TASK__PID_REPLY__INIT;
	struct box *b = owner;

	(void)request;
	reply.pid = 4711 + b->started++;
	task_reply(call, &reply.base);
}

static void run_pause(struct task_call *call, const void *request, void *owner)
{
	(void)request;
	(void)owner;
	task_reply_empty(call);
}

static void run_kill(struct task_call *call, const void *request, void *owner)
{
	const Task__KillRequest *r = request;

	(void)owner;
	task_error(call, TASK_NOT_FOUND, "%s: not found", r->exec_id);
}

static void run_stats(struct task_call *call, const void *request, void *owner)
{
	static uint8_t much[60000];
	Task__StatsReply reply = TASK__STATS_REPLY__INIT;
	Wire__Any any = WIRE__ANY__INIT;

	(void)request;
	(void)owner;
	any.value.data = much;
	any.value.len = sizeof(much);
	reply.stats = &any;
	task_reply(call, &reply.base);
}

static const struct task_method methods[] = {
	{ "Wait", &task__process_request__descriptor, run_wait },
	{ "Start", &task__process_request__descriptor, run_start },
	{ "Pause", &task__process_request__descriptor, run_pause },
	{ "Kill", &task__kill_request__descriptor, run_kill },
	{ "Stats", &task__process_request__descriptor, run_stats },
	{ NULL },
};

static const struct task_service services[] = {
	{ "containerd.task.v2.Task", methods },
	{ NULL },
};

static struct box *box_open(void)
{
	struct box *b = calloc(1, sizeof(*b));
	struct cps_err err;
	int pair[2];

	ck_assert_ptr_nonnull(b);
	b->base = event_base_new();
	ck_assert_ok(task_server_start(&b->server, b->base, -1, services, b, &err), err);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	b->client = pair[0];
	task_server_add(&b->server, pair[1]);
	ck_assert_uint_eq(b->server.nconns, 1);
	return b;
}

static void box_close(struct box *b)
{
	task_server_done(&b->server);
	for (unsigned i = 0; i < b->nheld; i++)
		task_reply_empty(b->held[i]);
	event_base_free(b->base);
	cps_close(&b->client);
	free(b);
}

static void turn(struct box *b)
{
	for (int i = 0; i < 10; i++)
		ck_assert_int_ge(event_base_loop(b->base, EVLOOP_NONBLOCK), 0);
}

static void put(struct box *b, const void *data, size_t len)
{
	ck_assert_int_eq(send(b->client, data, len, MSG_NOSIGNAL), (ssize_t)len);
	turn(b);
}

static void ask(struct box *b, uint32_t stream, const char *service, const char *method,
		const ProtobufCMessage *m)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	Wire__Request r = WIRE__REQUEST__INIT;

	r.service = (char *)service;
	r.method = (char *)method;
	task_request_put(&buf, stream, &r, m);
	put(b, buf.data, buf.len);
}

static void ask_process(struct box *b, uint32_t stream, const char *method)
{
	Task__ProcessRequest m = TASK__PROCESS_REQUEST__INIT;

	m.id = (char *)"c1";
	ask(b, stream, "containerd.task.v2.Task", method, &m.base);
}

/* The next answer: its stream; the response is the caller's to free. */
static uint32_t answer(struct box *b, struct task_ttrpc_reader *r, Wire__Response **ret)
{
	ck_assert_int_eq(task_ttrpc_read(r, b->client), 1);
	ck_assert_uint_eq(r->head.type, TASK_TTRPC_RESPONSE);
	*ret = task_unpack(&wire__response__descriptor, r->data.data, r->data.len);
	ck_assert_ptr_nonnull(*ret);
	return r->head.stream;
}

static void check_refusal(struct box *b, uint32_t stream, enum task_code code, const char *text)
{
	struct task_ttrpc_reader r = TASK_TTRPC_READER_INIT;
	cleanup_message Wire__Response *response = NULL;

	ck_assert_uint_eq(answer(b, &r, &response), stream);
	ck_assert_ptr_nonnull(response->status);
	ck_assert_int_eq(response->status->code, code);
	ck_assert_str_eq(response->status->message, text);
	task_ttrpc_reader_done(&r);
}

START_TEST(the_bytes_of_a_call)
{
	/* Start of c1, as containerd's client sends it, and its answer. */
	static const uint8_t request[] = "\0\0\0\x26\0\0\0\x01\x01\0"
					 "\x0a\x17"
					 "containerd.task.v2.Task"
					 "\x12\x05"
					 "Start"
					 "\x1a\x04\x0a\x02"
					 "c1";
	static const uint8_t wanted[] = "\0\0\0\x05\0\0\0\x01\x02\0\x12\x03\x08\xe7\x24";
	uint8_t got[64];
	struct box *b = box_open();

	put(b, request, sizeof(request) - 1);
	ck_assert_int_eq(read(b->client, got, sizeof(got)), sizeof(wanted) - 1);
	ck_assert_mem_eq(got, wanted, sizeof(wanted) - 1);
	box_close(b);
}
END_TEST

START_TEST(an_empty_answer_is_a_header)
{
	static const uint8_t wanted[] = { 0, 0, 0, 0, 0, 0, 0, 3, 2, 0 };
	uint8_t got[64];
	struct box *b = box_open();

	ask_process(b, 3, "Pause");
	ck_assert_int_eq(read(b->client, got, sizeof(got)), sizeof(wanted));
	ck_assert_mem_eq(got, wanted, sizeof(wanted));
	box_close(b);
}
END_TEST

START_TEST(a_frame_in_single_bytes)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct task_ttrpc_reader r = TASK_TTRPC_READER_INIT;
	cleanup_message Wire__Response *response = NULL;
	Task__ProcessRequest m = TASK__PROCESS_REQUEST__INIT;
	Wire__Request w = WIRE__REQUEST__INIT;
	struct box *b = box_open();

	w.service = (char *)"containerd.task.v2.Task";
	w.method = (char *)"Start";
	task_request_put(&buf, 1, &w, &m.base);
	for (size_t i = 0; i < buf.len; i++) {
		ck_assert_int_eq(task_ttrpc_read(&r, b->client), -EAGAIN);
		put(b, buf.data + i, 1);
	}
	ck_assert_uint_eq(answer(b, &r, &response), 1);
	ck_assert_ptr_null(response->status);
	task_ttrpc_reader_done(&r);
	box_close(b);
}
END_TEST

START_TEST(one_that_waits_holds_nothing_up)
{
	struct task_ttrpc_reader r = TASK_TTRPC_READER_INIT;
	cleanup_message Wire__Response *first = NULL;
	cleanup_message Wire__Response *second = NULL;
	struct box *b = box_open();

	ask_process(b, 1, "Wait");
	ask_process(b, 3, "Start");
	ck_assert_uint_eq(b->nheld, 1);
	ck_assert_uint_eq(answer(b, &r, &first), 3);
	ck_assert_int_eq(task_ttrpc_read(&r, b->client), -EAGAIN);
	task_reply_empty(b->held[--b->nheld]);
	ck_assert_uint_eq(answer(b, &r, &second), 1);
	task_ttrpc_reader_done(&r);
	box_close(b);
}
END_TEST

START_TEST(a_call_outlives_its_connection)
{
	struct box *b = box_open();

	ask_process(b, 1, "Wait");
	cps_close(&b->client);
	turn(b);
	ck_assert_uint_eq(b->server.nconns, 0);
	task_reply_empty(b->held[--b->nheld]);
	box_close(b);
}
END_TEST

START_TEST(refusals)
{
	Task__ProcessRequest p = TASK__PROCESS_REQUEST__INIT;
	Task__KillRequest kill = TASK__KILL_REQUEST__INIT;
	Wire__Request w = WIRE__REQUEST__INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct box *b = box_open();

	ask(b, 1, "containerd.task.v9.Task", "Start", &p.base);
	check_refusal(b, 1, TASK_UNIMPLEMENTED, "service containerd.task.v9.Task");
	ask_process(b, 3, "Dance");
	check_refusal(b, 3, TASK_UNIMPLEMENTED, "method Dance");
	ask_process(b, 4, "Start");
	check_refusal(b, 4, TASK_INVALID_ARGUMENT, "a stream's number must be odd and new");
	ask_process(b, 3, "Start");
	check_refusal(b, 3, TASK_INVALID_ARGUMENT, "a stream's number must be odd and new");
	put(b, "\0\0\0\x02\0\0\0\x05\x01\0\x0a\x7f", 12);
	check_refusal(b, 5, TASK_INVALID_ARGUMENT, "malformed request");
	put(b, "\0\0\0\0\0\0\0\x05\x03\0", 10);
	check_refusal(b, 5, TASK_INVALID_ARGUMENT, "no such stream");
	put(b, "\0\0\0\0\0\0\0\x07\x09\0", 10); /* unknown: ignored */
	/* a payload that is no request: the tag of a string, and no string */
	put(b,
	    "\0\0\0\x22\0\0\0\x07\x01\0\x0a\x17"
	    "containerd.task.v2.Task"
	    "\x12\x04"
	    "Kill"
	    "\x1a\x01\x0a",
	    44);
	check_refusal(b, 7, TASK_INVALID_ARGUMENT, "malformed request of Kill");
	/* an error's text that is no UTF-8 */
	w.service = (char *)"containerd.task.v2.Task";
	w.method = (char *)"Kill";
	kill.exec_id = (char *)"e\xff";
	task_request_put(&buf, 9, &w, &kill.base);
	put(b, buf.data, buf.len);
	check_refusal(b, 9, TASK_NOT_FOUND, "e?: not found");
	ck_assert_uint_eq(b->started, 0);
	box_close(b);
}
END_TEST

START_TEST(a_frame_that_is_too_long)
{
	static char zeros[65536];
	cleanup_message Wire__Response *response = NULL;
	struct task_ttrpc_reader r = TASK_TTRPC_READER_INIT;
	struct box *b = box_open();
	size_t left = (4u << 20) + 1;

	put(b, "\0\x40\0\x01\0\0\0\x01\x01\0", 10);
	while (left > 0) {
		size_t n = left < sizeof(zeros) ? left : sizeof(zeros);

		put(b, zeros, n);
		left -= n;
	}
	check_refusal(b, 1, TASK_RESOURCE_EXHAUSTED, "the message is too long");
	ask_process(b, 3, "Start");
	ck_assert_uint_eq(answer(b, &r, &response), 3);
	task_ttrpc_reader_done(&r);
	box_close(b);
}
END_TEST

START_TEST(half_a_frame_ends_a_connection)
{
	struct box *b = box_open();

	put(b, "\0\0\0\x09\0\0\0\x01\x01\0abc", 13);
	ck_assert_uint_eq(b->server.nconns, 1);
	ck_assert_int_eq(shutdown(b->client, SHUT_WR), 0);
	turn(b);
	ck_assert_uint_eq(b->server.nconns, 0);
	box_close(b);
}
END_TEST

START_TEST(who_does_not_read_is_not_read_from)
{
	struct task_ttrpc_reader r = TASK_TTRPC_READER_INIT;
	struct box *b = box_open();
	uint32_t stream = 1;
	uint32_t asked;

	/* The server's queue fills, then the socket with our requests. */
	while (true) {
		cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
		Task__ProcessRequest m = TASK__PROCESS_REQUEST__INIT;
		Wire__Request w = WIRE__REQUEST__INIT;

		w.service = (char *)"containerd.task.v2.Task";
		w.method = (char *)"Stats";
		task_request_put(&buf, stream, &w, &m.base);
		if (send(b->client, buf.data, buf.len, MSG_NOSIGNAL) != (ssize_t)buf.len)
			break;
		turn(b);
		stream += 2;
		ck_assert_uint_lt(stream, 100000);
	}
	ck_assert_uint_gt(stream, 20);
	/* Nothing is lost, and in time everything is answered. */
	for (asked = 1; asked < stream; asked += 2) {
		int rc;

		while ((rc = task_ttrpc_read(&r, b->client)) == -EAGAIN)
			turn(b);
		ck_assert_int_eq(rc, 1);
		ck_assert_uint_eq(r.head.stream, asked);
		ck_assert_uint_gt(r.head.len, 60000);
	}
	turn(b);
	ck_assert(task_server_is_flushed(&b->server));
	task_ttrpc_reader_done(&r);
	box_close(b);
}
END_TEST

START_TEST(times_and_types)
{
	static const uint8_t never[] = { 0x08, 0x80, 0x92, 0xb8, 0xc3, 0x98,
					 0xfe, 0xff, 0xff, 0xff, 0x01 };
	struct timespec t = { .tv_sec = 1, .tv_nsec = 2 };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	Wire__Timestamp stamp;
	Wire__Any any = WIRE__ANY__INIT;

	task_time_set(&stamp, NULL);
	task_pack(&stamp.base, &b);
	ck_assert_uint_eq(b.len, sizeof(never));
	ck_assert_mem_eq(b.data, never, sizeof(never));
	task_time_set(&stamp, &t);
	b.len = 0;
	task_pack(&stamp.base, &b);
	ck_assert_uint_eq(b.len, 4);
	ck_assert_mem_eq(b.data, "\x08\x01\x10\x02", 4);

	any.type_url = (char *)"containerd.runc.v1.Options";
	ck_assert(task_any_is(&any, "containerd.runc.v1.Options"));
	any.type_url = (char *)"type.googleapis.com/containerd.runc.v1.Options";
	ck_assert(task_any_is(&any, "containerd.runc.v1.Options"));
	any.type_url = (char *)"types.containerd.io/opencontainers/runtime-spec/1/Process";
	ck_assert(task_any_is(&any, "types.containerd.io/opencontainers/runtime-spec/1/Process"));
	ck_assert(!task_any_is(&any, "containerd.runc.v1.Options"));
	ck_assert(!task_any_is(NULL, "containerd.runc.v1.Options"));
}
END_TEST

/* The options of `ctr run --runc-binary --runc-root`, seen on the stdin of `start`. */
START_TEST(options_as_ctr_sends_them)
{
	static const uint8_t bytes[] = "\x0a\x1a"
				       "containerd.runc.v1.Options"
				       "\x12\x1f"
				       "\x32\x0e"
				       "/usr/sbin/runc"
				       "\x3a\x0b"
				       "/run/states"
				       "\x48\x01";
	cleanup_message Wire__Any *any =
		task_unpack(&wire__any__descriptor, bytes, sizeof(bytes) - 1);
	cleanup_message Task__Options *o = NULL;

	ck_assert_ptr_nonnull(any);
	ck_assert(task_any_is(any, "containerd.runc.v1.Options"));
	o = task_unpack(&task__options__descriptor, any->value.data, any->value.len);
	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(o->binary_name, "/usr/sbin/runc");
	ck_assert_str_eq(o->root, "/run/states");
	ck_assert_str_eq(o->shim_cgroup, "");
	ck_assert(o->systemd_cgroup);
	ck_assert(!o->no_pivot_root);
}
END_TEST

START_TEST(errors_as_codes)
{
	ck_assert_int_eq(task_code_of(ENOENT), TASK_NOT_FOUND);
	ck_assert_int_eq(task_code_of(ESRCH), TASK_NOT_FOUND);
	ck_assert_int_eq(task_code_of(EEXIST), TASK_ALREADY_EXISTS);
	ck_assert_int_eq(task_code_of(EBUSY), TASK_FAILED_PRECONDITION);
	ck_assert_int_eq(task_code_of(ENOSYS), TASK_UNIMPLEMENTED);
	ck_assert_int_eq(task_code_of(EIO), TASK_UNKNOWN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_bytes_of_a_call,
		an_empty_answer_is_a_header,
		a_frame_in_single_bytes,
		one_that_waits_holds_nothing_up,
		a_call_outlives_its_connection,
		refusals,
		a_frame_that_is_too_long,
		half_a_frame_ends_a_connection,
		who_does_not_read_is_not_read_from,
		times_and_types,
		options_as_ctr_sends_them,
		errors_as_codes,
		NULL,
	};

	return unit_main("ttrpc", tests);
}
