/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim and its clients: garbage, hammering, clients that stop reading. Whatever they do, the
 * container and the other clients do not notice.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

START_TEST(garbage_ends_the_connection_and_nothing_else)
{
	static const char *const junk[] = { "", "x", "CPS1 but not a frame", "{\"op\":\"state\"}" };
	struct cps_frame f;

	h_run(&h, SH("sleep 30"), "");
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		int sock = h_connect(&h);

		ck_assert_int_ge(send(sock, junk[i], strlen(junk[i]), 0), 0);
		ck_assert(!h_recv(&h, sock, &f));
		(void)close(sock);
	}
	h_is_well(&h);
}
END_TEST

START_TEST(a_reply_is_no_request)
{
	struct cps_frame f;
	struct cps_err err;
	int sock;

	h_run(&h, SH("sleep 30"), "");
	sock = h_connect(&h);
	ck_assert_int_eq(cps_frame_send(sock, CPS_FRAME_REPLY, 1, "{}", 2, NULL, 0, 0, &err), 0);
	ck_assert(!h_recv(&h, sock, &f));
	h_is_well(&h);
	(void)close(sock);
}
END_TEST

START_TEST(unknown_words)
{
	const char *message;

	h_run(&h, SH("sleep 30"), "");
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

	h_run(&h, SH("sleep 30"), "");
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

	h_run(&h, SH("sleep 30"), "");
	for (int i = 0; i < 63; i++)
		socks[i] = h_connect(&h);
	dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	socks[63] = cps_sock_connect(dir, "shim.sock", 0);
	ck_assert(h_recv(&h, socks[63], &f));
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EBUSY);
	(void)close(socks[63]);
	(void)close(dir);
	h_is_well(&h);
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

	h_run(&h, SH("sleep 30"), "");
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
	h_is_well(&h);
}
END_TEST

START_TEST(too_many_waits_of_one_client)
{
	struct cps_frame f;

	h_run(&h, SH("sleep 30"), "");
	for (int i = 0; i < 64; i++)
		(void)h_send(&h, h.sock, "\"op\":\"wait\"", NULL, 0);
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"wait\"", NULL, 0), &f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EBUSY);
	h_is_well(&h);
}
END_TEST

START_TEST(a_chatty_container_does_not_starve_kill)
{
	int64_t from;

	h_run(&h, SH("yes 0123456789012345678901234567890123456789"), "");
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

	h_run(&h, SH("sleep 30"), "");
	ck_assert_int_eq(prlimit(h.shim, RLIMIT_NOFILE, &r, NULL), 0);
	dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 8; i++)
		sock[i] = cps_sock_connect(dir, "shim.sock", 0);
	(void)usleep(200000);
	h_is_well(&h); /* accept waits; who is in is served */
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

#ifndef CAPSULE_SANITIZERS /* which open files at the process's end */
/* Its client has died before it asked for anything, and it may open nothing: nobody else knows of
 * its directory. */
START_TEST(a_directory_goes_without_a_descriptor)
{
	struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	h_start(&h, SH("true"), NULL);
	ck_assert_int_eq(prlimit(h.shim, RLIMIT_NOFILE, &none, NULL), 0);
	(void)close(h.sock);
	h.sock = -1;
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST
#endif

/* libevent gets no descriptors for itself, and ends the process. */
static void refuse_pipes(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_pipe
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pipe, 3, 0),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pipe2, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socketpair, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EMFILE),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	struct rlimit no_core = { .rlim_cur = 0, .rlim_max = 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &no_core) < 0)
		_exit(126);
}

START_TEST(no_descriptor_for_the_event_loop)
{
	int status;

	h_before_exec = refuse_pipes;
	h_start_silent(&h, SH("true"), NULL);
	h_before_exec = NULL;
	ck_assert_int_eq(waitpid(h.shim, &status, 0), h.shim);
	h.shim = 0;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_int_lt(access(h.state, F_OK), 0);
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

	h_run(&h, SH("while :; do echo some words; sleep 0.001; done"), "");
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

int main(void)
{
	TCase *tc = tcase_create("clients");

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
	tcase_add_test(tc, no_descriptor_for_the_event_loop);
#ifndef CAPSULE_SANITIZERS
	tcase_add_test(tc, a_directory_goes_without_a_descriptor);
	tcase_add_test(tc, no_memory_left);
#endif
	return h_main("shim-clients", tc);
}
