/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that are attached: what they see of a container's output, what it sees of their input,
 * and terminals. However slow they are, the others do not notice.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
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

	h_run(&h, "{\"args\":[\"cat\"]}", ",\"stdin\":\"fifo\"");
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

	h_run(&h, "{\"args\":[\"cat\"]}", ",\"stdin\":\"fifo\"");
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

START_TEST(clients_that_come_and_vanish_leave_nothing)
{
	unsigned before;

	h_run(&h, SH("while :; do echo 0123456789; sleep 0.01; done"), ",\"stdin\":\"fifo\"");
	before = h_shim_fds(&h);
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
	ck_assert_uint_eq(h_shim_fds(&h) + 1,
			  before); /* the end of their stdin was the container's */
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
}
END_TEST

/* stdout of a terminal, to a file that is never too slow. */
START_TEST(output_is_added_to_an_attached_file)
{
	char name[] = "/tmp/attached.XXXXXX";
	int file = mkostemp(name, O_APPEND | O_CLOEXEC);
	char text[256] = "";

	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(unlink(name), 0);
	ck_assert_int_eq(write(file, "before\n", 7), 7);
	h_start(&h, SH_TERMINAL("tty; head -c 100000 /dev/zero | wc -c"), NULL);
	h_create(&h);
	attach(h.sock, "drop", "\"stdout\"", (const int[]){ fcntl(file, F_DUPFD_CLOEXEC, 0) }, 1);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	ck_assert_int_gt(pread(file, text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_eq(strstr(text, "before\n/dev/pts/"), text);
	ck_assert_ptr_nonnull(strstr(text, "\r\n100000\r\n"));
	ck_assert_int_eq(fcntl(file, F_GETFL) & O_NONBLOCK, 0);
	(void)close(file);
}
END_TEST

START_TEST(what_cannot_be_attached)
{
	struct cps_frame f;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int file = memfd_create("input", MFD_CLOEXEC);

	h_run(&h, SH("sleep 30"), "");
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"attach\",\"fds\":[\"stdout\"]", &fd, 1),
		&f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EINVAL);
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"attach\",\"fds\":[\"stdin\"]", &file, 1),
		&f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EINVAL);
	(void)close(fd);
	(void)close(file);
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

int main(void)
{
	TCase *tc = tcase_create("attach");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, attached_before_start_nothing_is_missed);
	tcase_add_test(tc, flow_wait_loses_nothing_however_slow);
	tcase_add_test(tc, flow_drop_drops_the_client_not_the_container);
	tcase_add_test(tc, a_waiting_client_that_dies_lets_go);
	tcase_add_test(tc, several_clients_hear_the_same);
	tcase_add_test(tc, stdin_arrives_and_ends);
	tcase_add_test(tc, stdin_stays_open_until_the_last_attached_ends);
	tcase_add_test(tc, clients_that_come_and_vanish_leave_nothing);
	tcase_add_test(tc, output_is_added_to_an_attached_file);
	tcase_add_test(tc, what_cannot_be_attached);
	tcase_add_test(tc, a_terminal_with_a_size);
	tcase_add_test(tc, a_terminal_left_without_a_slave_for_a_while);
	return h_main("shim-attach", tc);
}
