/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim and its clients: garbage, hammering, clients that stop reading, attach, terminals, full
 * disks. Whatever they do, the container and the other clients do not notice.
 */
#include <config.h>

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"

#define SH(script)	    "{\"args\":[\"sh\",\"-c\",\"" script "\"]}"
#define SH_TERMINAL(script) "{\"terminal\":true,\"args\":[\"sh\",\"-c\",\"" script "\"]}"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static void running(const char *process, const char *more)
{
	h_start(&h, process, NULL);
	h_create_with(&h, more);
	(void)h_ok(&h, "\"op\":\"start\"");
}

static void shim_is_well(void)
{
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "id"), "c1");
}

/* Reads to the end, or until `until` is in the text; at most 10 s. */
static char *read_until(int fd, const char *until, size_t *ret_len)
{
	size_t size = 1 << 16;
	size_t len = 0;
	char *buf = calloc(1, size + 1);

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		ck_assert_msg(poll(&p, 1, 10000) == 1, "nothing to read after '%s'", buf);
		if (len == size) {
			char *more = realloc(buf, 2 * size + 1);

			ck_assert_ptr_nonnull(more);
			buf = more;
			size *= 2;
		}
		n = read(fd, buf + len, size - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		buf[len] = '\0';
		if (until && strstr(buf, until))
			break;
	}
	buf[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return buf;
}

/* ---- the socket ---- */

START_TEST(garbage_ends_the_connection_and_nothing_else)
{
	static const char *const junk[] = { "", "x", "CPS1 but not a frame", "{\"op\":\"state\"}" };
	struct cps_frame f;

	running(SH("sleep 30"), "");
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		int sock = h_connect(&h);

		ck_assert_int_ge(send(sock, junk[i], strlen(junk[i]), 0), 0);
		ck_assert(!h_recv(&h, sock, &f));
		(void)close(sock);
	}
	shim_is_well();
}
END_TEST

START_TEST(a_reply_is_no_request)
{
	struct cps_frame f;
	struct cps_err err;
	int sock;

	running(SH("sleep 30"), "");
	sock = h_connect(&h);
	ck_assert_int_eq(cps_frame_send(sock, CPS_FRAME_REPLY, 1, "{}", 2, NULL, 0, 0, &err), 0);
	ck_assert(!h_recv(&h, sock, &f));
	shim_is_well();
	(void)close(sock);
}
END_TEST

START_TEST(unknown_words)
{
	const char *message;

	running(SH("sleep 30"), "");
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"levitate\""), ENOSYS);
	ck_assert_str_eq(message, "no such operation: 'levitate'");
	ck_assert_int_eq(h_error(&h, NULL, "\"nothing\":1"), EINVAL);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"kill\",\"signal\":99999"), EINVAL);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"kill\",\"signal\":\"TERM\""), EINVAL);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"kill\",\"exec\":\"none\""), ENOENT);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"wait\",\"exec\":\"none\""), ENOENT);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"resize\",\"rows\":0,\"cols\":1"), EINVAL);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"hello\",\"protocol\":2"), EPROTONOSUPPORT);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"create\",\"bundle\":\"/x\""), EBUSY);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"shutdown\""), EBUSY);
	/* members that nobody knows are ignored */
	(void)h_ok(&h, "\"op\":\"state\",\"colour\":\"blue\"");
}
END_TEST

START_TEST(hello_comes_first)
{
	struct cps_frame f;
	int dir;
	int sock;

	running(SH("sleep 30"), "");
	dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sock = cps_sock_connect(dir, "shim.sock", 0);
	h_reply(&h, sock, h_send(&h, sock, "\"op\":\"state\"", NULL, 0), &f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EPROTO);
	(void)close(sock);
	(void)close(dir);
}
END_TEST

START_TEST(bad_creates_are_refused_and_leave_nothing)
{
	static const char *const members[] = {
		"\"op\":\"create\"",
		"\"op\":\"create\",\"bundle\":\"relative\"",
		"\"op\":\"create\",\"bundle\":\"/nonexistent\"",
		"\"op\":\"create\",\"bundle\":\"/tmp\",\"log\":{\"driver\":\"journal\"}",
		"\"op\":\"create\",\"bundle\":\"/tmp\",\"log\":{\"path\":\"x\"}",
		"\"op\":\"create\",\"bundle\":\"/tmp\",\"stdin\":\"tty\"",
		"\"op\":\"create\",\"bundle\":\"/tmp\",\"stop_signal\":0",
		"\"op\":\"create\",\"bundle\":\"/tmp\",\"jobs_max\":-1",
	};

	h_start(&h, SH("true"), NULL);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		int num = h_error(&h, NULL, "%s", members[i]);

		ck_assert_msg(num == EINVAL || num == ENOENT, "%s: %d", members[i], num);
		ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "machine"), "idle");
	}
	h_create(&h);
}
END_TEST

START_TEST(no_more_than_64_clients)
{
	int socks[64];
	struct cps_frame f;
	int dir;

	running(SH("sleep 30"), "");
	for (int i = 0; i < 63; i++)
		socks[i] = h_connect(&h);
	dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	socks[63] = cps_sock_connect(dir, "shim.sock", 0);
	ck_assert(h_recv(&h, socks[63], &f));
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EBUSY);
	(void)close(socks[63]);
	(void)close(dir);
	shim_is_well();
	for (int i = 0; i < 63; i++)
		(void)close(socks[i]);
	(void)usleep(50000);
	(void)close(h_connect(&h));
}
END_TEST

/* A client that asks without end and reads nothing is dropped once its queue is full. */
START_TEST(a_client_that_does_not_read_is_dropped)
{
	static const char json[] = "{\"op\":\"state\"}";
	struct cps_err err;
	int rc = 0;
	int sock;

	running(SH("sleep 30"), "");
	sock = h_connect(&h);
	for (int i = 0; i < 100000 && rc >= 0; i++) {
		struct pollfd p = { .fd = sock, .events = POLLOUT };

		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		rc = cps_frame_send(sock, CPS_FRAME_REQUEST, 7, json, sizeof(json) - 1, NULL, 0,
				    MSG_DONTWAIT, &err);
		if (rc == -EAGAIN)
			rc = 0;
	}
	ck_assert_msg(rc == -EPIPE || rc == -ECONNRESET, "%d", rc);
	(void)close(sock);
	shim_is_well();
}
END_TEST

START_TEST(too_many_waits_of_one_client)
{
	struct cps_frame f;

	running(SH("sleep 30"), "");
	for (int i = 0; i < 64; i++)
		(void)h_send(&h, h.sock, "\"op\":\"wait\"", NULL, 0);
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"wait\"", NULL, 0), &f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EBUSY);
	shim_is_well();
}
END_TEST

START_TEST(a_chatty_container_does_not_starve_kill)
{
	int64_t from;

	running(SH("yes 0123456789012345678901234567890123456789"), "");
	(void)usleep(300000);
	from = h_now_ms();
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), 9);
	ck_assert_int_lt(h_now_ms() - from, 1000);
}
END_TEST

START_TEST(all_descriptors_used_up)
{
	struct rlimit r = { .rlim_cur = 24, .rlim_max = 24 };
	int dir;
	int sock[8];
	int got = 0;

	running(SH("sleep 30"), "");
	ck_assert_int_eq(prlimit(h.shim, RLIMIT_NOFILE, &r, NULL), 0);
	dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 8; i++)
		sock[i] = cps_sock_connect(dir, "shim.sock", 0);
	(void)usleep(200000);
	shim_is_well(); /* accept waits; who is in is served */
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"kill\",\"all\":true,\"signal\":15"), EMFILE);
	for (int i = 0; i < 8; i++)
		(void)close(sock[i]);
	(void)close(dir);
	(void)usleep(1300000);
	got = h_connect(&h); /* and goes on */
	(void)close(got);
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), 9);
}
END_TEST

#ifndef CAPSULE_SANITIZERS /* which end the process when memory does */
START_TEST(no_memory_left)
{
	static const char json[] = "{\"op\":\"state\"}";
	struct rlimit none = { .rlim_cur = 1, .rlim_max = RLIM_INFINITY };
	struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	int socks[40];
	pid_t init;
	int dir;

	running(SH("while :; do echo some words; sleep 0.001; done"), "");
	init = (pid_t)h_num(h_ok(&h, "\"op\":\"state\""), "pid");
	dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(prlimit(h.shim, RLIMIT_AS, &none, NULL), 0);
	/* Clients that use up what the heap has left: they may be dropped, nobody else may. */
	for (int i = 0; i < 40; i++) {
		struct cps_err err;

		socks[i] = cps_sock_connect(dir, "shim.sock", SOCK_NONBLOCK);
		for (int n = 0; n < 50; n++)
			(void)cps_frame_send(socks[i], CPS_FRAME_REQUEST, 1, json, sizeof(json) - 1,
					     NULL, 0, MSG_DONTWAIT, &err);
	}
	(void)usleep(200000);
	ck_assert_int_eq(kill(init, SIGKILL), 0);
	(void)usleep(300000);
	for (int i = 0; i < 40; i++)
		(void)close(socks[i]);
	(void)close(dir);
	ck_assert_int_eq(kill(h.shim, 0), 0);
	ck_assert_int_eq(prlimit(h.shim, RLIMIT_AS, &all, NULL), 0);
	(void)close(h.sock);
	(void)usleep(200000);
	h.sock = h_connect(&h);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), SIGKILL);
	free(h_file(&h, "exit.json", NULL));
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST
#endif

/* ---- attach ---- */

static void attach(int sock, const char *flow, const char *names, const int *fds, unsigned nfds)
{
	struct cps_frame f;
	char members[256];

	(void)snprintf(members, sizeof(members), "\"op\":\"attach\",\"flow\":\"%s\",\"fds\":[%s]",
		       flow, names);
	h_reply(&h, sock, h_send(&h, sock, members, fds, nfds), &f);
	ck_assert_msg(cps_json_get(f.body, "ok") != NULL, "attach failed");
	for (unsigned i = 0; i < nfds; i++)
		(void)close(fds[i]);
}

START_TEST(attached_before_start_nothing_is_missed)
{
	int out[2];
	int error[2];
	char *text;

	h_start(&h, SH("echo out; echo err >&2"), NULL);
	h_create(&h);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(error, O_CLOEXEC), 0);
	attach(h.sock, "wait", "\"stdout\",\"stderr\"", (const int[]){ out[1], error[1] }, 2);
	(void)h_ok(&h, "\"op\":\"start\"");
	text = read_until(out[0], NULL, NULL); /* to the end: the shim closes it */
	ck_assert_str_eq(text, "out\n");
	free(text);
	text = read_until(error[0], NULL, NULL);
	ck_assert_str_eq(text, "err\n");
	free(text);
}
END_TEST

START_TEST(flow_wait_loses_nothing_however_slow)
{
	size_t len;
	size_t log_len;
	char *text;
	char *log;
	int out[2];

	h_start(&h, SH("i=0; while [ $i -lt 60000 ]; do echo line number $i; i=$((i+1)); done"),
		NULL);
	h_create(&h);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	attach(h.sock, "wait", "\"stdout\"", (const int[]){ out[1] }, 1);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(700000); /* the container is held back meanwhile */
	text = read_until(out[0], NULL, &len);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	log = h_log_text(&h, "log", &log_len);
	ck_assert_uint_eq(len, log_len);
	ck_assert_mem_eq(text, log, len);
	ck_assert_ptr_nonnull(strstr(text + len - 20, "number 59999\n"));
	free(text);
	free(log);
}
END_TEST

START_TEST(flow_drop_drops_the_client_not_the_container)
{
	int64_t from;
	int out[2];

	h_start(&h,
		SH("i=0; while [ $i -lt 60000 ]; do echo 01234567890123456789 $i; i=$((i+1)); "
		   "done"),
		NULL);
	h_create(&h);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	attach(h.sock, "drop", "\"stdout\"", (const int[]){ out[1] }, 1);
	from = h_now_ms();
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	ck_assert_int_lt(h_now_ms() - from, 8000);
	/* what was dropped is closed: reading ends, earlier than the output did */
	{
		size_t len;
		char *text = read_until(out[0], NULL, &len);

		ck_assert_uint_lt(len, 60000 * 21);
		free(text);
	}
}
END_TEST

START_TEST(a_waiting_client_that_dies_lets_go)
{
	int other;
	int out[2];

	h_start(&h,
		SH("i=0; while [ $i -lt 60000 ]; do echo 01234567890123456789 $i; i=$((i+1)); "
		   "done"),
		NULL);
	h_create(&h);
	other = h_connect(&h);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	attach(other, "wait", "\"stdout\"", (const int[]){ out[1] }, 1);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(300000);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
	(void)close(other); /* out[0] stays open, unread */
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
}
END_TEST

START_TEST(several_clients_hear_the_same)
{
	int others[5];
	int pipes[5][2];

	h_start(&h, SH("echo to all; sleep 0.1; echo end"), NULL);
	h_create(&h);
	for (int i = 0; i < 5; i++) {
		others[i] = h_connect(&h);
		ck_assert_int_eq(pipe2(pipes[i], O_CLOEXEC), 0);
		attach(others[i], "drop", "\"stdout\"", (const int[]){ pipes[i][1] }, 1);
	}
	(void)h_ok(&h, "\"op\":\"start\"");
	for (int i = 0; i < 5; i++) {
		char *text = read_until(pipes[i][0], NULL, NULL);

		ck_assert_str_eq(text, "to all\nend\n");
		free(text);
		(void)close(others[i]);
	}
}
END_TEST

START_TEST(stdin_arrives_and_ends)
{
	char *text;
	int in[2];
	int out[2];
	static char data[300000];

	running("{\"args\":[\"cat\"]}", ",\"stdin\":\"fifo\"");
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	attach(h.sock, "wait", "\"stdin\",\"stdout\"", (const int[]){ in[0], out[1] }, 2);
	if (fork() == 0) {
		memset(data, 'd', sizeof(data));
		for (size_t i = 99; i < sizeof(data); i += 100)
			data[i] = '\n';
		_exit(cps_write_all(in[1], data, sizeof(data)) < 0);
	}
	(void)close(in[1]);
	{
		size_t len;

		text = read_until(out[0], NULL, &len);
		ck_assert_uint_eq(len, sizeof(data));
		free(text);
	}
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
}
END_TEST

START_TEST(stdin_stays_open_until_the_last_attached_ends)
{
	int first[2];
	int second[2];
	int other;

	running("{\"args\":[\"cat\"]}", ",\"stdin\":\"fifo\"");
	ck_assert_int_eq(pipe2(first, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(second, O_CLOEXEC), 0);
	other = h_connect(&h);
	attach(h.sock, "drop", "\"stdin\"", (const int[]){ first[0] }, 1);
	attach(other, "drop", "\"stdin\"", (const int[]){ second[0] }, 1);
	(void)close(first[1]);
	(void)usleep(100000);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
	(void)close(other); /* its client dies: that is an end, too */
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	(void)close(second[1]);
}
END_TEST

static unsigned shim_fds(void)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	shim_is_well(); /* it has done with what came before */
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)h.shim);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

START_TEST(clients_that_come_and_vanish_leave_nothing)
{
	unsigned before;

	running(SH("while :; do echo 0123456789; sleep 0.01; done"), ",\"stdin\":\"fifo\"");
	before = shim_fds();
	for (int i = 0; i < 300; i++) {
		int sock = h_connect(&h);
		int out[2];
		int in[2];

		ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
		ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
		attach(sock, i % 2 ? "wait" : "drop", "\"stdin\",\"stdout\"",
		       (const int[]){ in[0], out[1] }, 2);
		if (i % 3 == 0)
			(void)h_send(&h, sock, "\"op\":\"wait\"", NULL, 0);
		(void)close(out[0]);
		(void)close(sock);
		(void)close(in[1]);
		cps_arena_done(&h.arena);
	}
	(void)usleep(100000);
	ck_assert_uint_eq(shim_fds() + 1, before); /* the end of their stdin was the container's */
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
}
END_TEST

START_TEST(only_pipes_and_sockets_can_be_attached)
{
	struct cps_frame f;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	running(SH("sleep 30"), "");
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"attach\",\"fds\":[\"stdout\"]", &fd, 1),
		&f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EINVAL);
	(void)close(fd);
}
END_TEST

/* ---- terminals ---- */

START_TEST(a_terminal_with_a_size)
{
	const struct cps_json *state;
	char *text;
	int out[2];
	int in[2];

	h_start(&h, SH_TERMINAL("read x; stty size; tty; echo got $x; exit 4"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"resize\",\"rows\":33,\"cols\":111");
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	attach(h.sock, "drop", "\"stdin\",\"stdout\"", (const int[]){ in[0], out[1] }, 2);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(write(in[1], "hello\n", 6), 6);
	text = read_until(out[0], NULL, NULL);
	ck_assert_ptr_nonnull(strstr(text, "33 111\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "/dev/pts/"));
	ck_assert_ptr_nonnull(strstr(text, "got hello\r\n"));
	free(text);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 4);
	state = h_ok(&h, "\"op\":\"state\"");
	ck_assert(cps_json_get(state, "terminal")->boolean);
	text = h_file(&h, "log", NULL);
	ck_assert_ptr_nonnull(strstr(text, "stdout F got hello\r\n"));
	free(text);
}
END_TEST

START_TEST(a_terminal_left_without_a_slave_for_a_while)
{
	char *text;

	h_start(&h,
		SH_TERMINAL("t=$(tty); exec </dev/null >/dev/null 2>&1; sleep 0.3; echo back >$t"),
		NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	text = h_file(&h, "log", NULL);
	ck_assert_ptr_nonnull(strstr(text, "stdout F back\r\n"));
	free(text);
}
END_TEST

/* ---- full disks: the shim's own limit on files plays them ---- */

static void disk_limit(rlim_t bytes)
{
	struct rlimit r = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	ck_assert_int_eq(prlimit(h.shim, RLIMIT_FSIZE, &r, NULL), 0);
}

#define LINES	    5000
#define COUNT_LINES "i=0; while [ $i -lt 5000 ]; do echo line $i of five thousand; i=$((i+1)); done"

START_TEST(a_full_disk_blocks_and_nothing_is_lost)
{
	size_t len;
	char *text;
	char *at;

	h_start(&h, SH(COUNT_LINES), NULL);
	h_create(&h);
	disk_limit(20000);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(500000);
	shim_is_well();
	disk_limit(RLIM_INFINITY);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	(void)usleep(800000); /* the exit does not wait for the log; the log does get it */
	text = h_log_text(&h, "log", &len);
	at = text;
	for (int i = 0; i < LINES; i++) {
		char want[64];

		(void)snprintf(want, sizeof(want), "line %d of five thousand\n", i);
		ck_assert_msg(strncmp(at, want, strlen(want)) == 0, "line %d", i);
		at += strlen(want);
	}
	ck_assert_int_eq(*at, '\0');
	free(text);
}
END_TEST

START_TEST(a_full_disk_drops_and_counts)
{
	unsigned long long told = 0;
	size_t logged = 0;
	size_t sent = 0;
	char *text;

	h_start(&h, SH(COUNT_LINES), NULL);
	h_create_with(&h, ",\"log\":{\"mode\":\"drop\"}");
	disk_limit(20000);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	disk_limit(RLIM_INFINITY);
	(void)usleep(500000);
	for (int i = 0; i < LINES; i++)
		sent += (size_t)snprintf(NULL, 0, "line %d of five thousand\n", i);
	text = h_log_text(&h, "log", NULL);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "capsule: dropped ", 17) == 0)
			told += strtoull(line + 17, NULL, 10);
		else
			logged += strlen(line) + 1;
	}
	ck_assert_uint_gt(told, 0);
	ck_assert_uint_eq(logged + told, sent);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"state\""), "log_dropped"), (long)told);
	free(text);
}
END_TEST

START_TEST(the_exit_does_not_wait_for_a_full_disk)
{
	int64_t from;

	h_start(&h, SH("echo some words; exit 3"), NULL);
	h_create(&h);
	disk_limit(10);
	from = h_now_ms();
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(50000);
	disk_limit(10);
	/* the record itself needs room: exit.json is a file, too */
	(void)usleep(100000);
	disk_limit(RLIM_INFINITY);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	ck_assert_int_lt(h_now_ms() - from, 3000);
	free(h_file(&h, "exit.json", NULL));
}
END_TEST

START_TEST(no_log_at_all)
{
	h_start(&h, SH("yes | head -c 3000000"), NULL);
	h_create_with(&h, ",\"log\":{\"driver\":\"none\"}");
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	ck_assert_ptr_null(h_file(&h, "log", NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shim-clients");
	TCase *tc = tcase_create("clients");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, garbage_ends_the_connection_and_nothing_else);
	tcase_add_test(tc, a_reply_is_no_request);
	tcase_add_test(tc, unknown_words);
	tcase_add_test(tc, hello_comes_first);
	tcase_add_test(tc, bad_creates_are_refused_and_leave_nothing);
	tcase_add_test(tc, no_more_than_64_clients);
	tcase_add_test(tc, a_client_that_does_not_read_is_dropped);
	tcase_add_test(tc, too_many_waits_of_one_client);
	tcase_add_test(tc, a_chatty_container_does_not_starve_kill);
	tcase_add_test(tc, all_descriptors_used_up);
#ifndef CAPSULE_SANITIZERS
	tcase_add_test(tc, no_memory_left);
#endif
	tcase_add_test(tc, attached_before_start_nothing_is_missed);
	tcase_add_test(tc, flow_wait_loses_nothing_however_slow);
	tcase_add_test(tc, flow_drop_drops_the_client_not_the_container);
	tcase_add_test(tc, a_waiting_client_that_dies_lets_go);
	tcase_add_test(tc, several_clients_hear_the_same);
	tcase_add_test(tc, stdin_arrives_and_ends);
	tcase_add_test(tc, stdin_stays_open_until_the_last_attached_ends);
	tcase_add_test(tc, clients_that_come_and_vanish_leave_nothing);
	tcase_add_test(tc, only_pipes_and_sockets_can_be_attached);
	tcase_add_test(tc, a_terminal_with_a_size);
	tcase_add_test(tc, a_terminal_left_without_a_slave_for_a_while);
	tcase_add_test(tc, a_full_disk_blocks_and_nothing_is_lost);
	tcase_add_test(tc, a_full_disk_drops_and_counts);
	tcase_add_test(tc, the_exit_does_not_wait_for_a_full_disk);
	tcase_add_test(tc, no_log_at_all);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
