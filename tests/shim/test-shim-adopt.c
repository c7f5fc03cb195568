/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim is killed, and another one adopts the container: in every state, with all that had been
 * under way. The test's process is next in line as parent of what a shim leaves behind; it reaps
 * when told to.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "proc.h"

/* Lines until it is told to end by SIGTERM, with status 5. */
#define COUNTER                                                                                    \
	SH("trap 'echo end; exit 5' TERM; i=0; while :; do echo line-$i; i=$((i+1)); sleep 0.01; " \
	   "done")

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static pid_t init_pid(void)
{
	return (pid_t)h_num(h_ok(&h, "\"op\":\"state\""), "pid");
}

static void is_status(const char *status)
{
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), status);
}

static void lines_are_whole(void)
{
	size_t len;
	char *text = h_log_text(&h, "log", &len);
	char *at = text;

	for (int i = 0; *at && strncmp(at, "end\n", 4) != 0; i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "line-%d\n", i);
		ck_assert_msg(strncmp(at, line, strlen(line)) == 0,
			      "line %d is not there but %.20s", i, at);
		at += strlen(line);
	}
	free(text);
}

START_TEST(a_running_container)
{
	const struct cps_json *ok;
	const struct cps_json *exit_object;
	pid_t pid;

	h_run(&h, COUNTER, "");
	pid = init_pid();
	h_file_has(&h, "log", "line-5");
	h_kill_shim(&h);
	(void)usleep(200000); /* it goes on writing */
	ok = h_adopt(&h);
	ck_assert_str_eq(h_str(ok, "status"), "running");
	ck_assert_int_eq(h_num(ok, "pid"), pid);
	is_status("running");
	ck_assert_int_eq(init_pid(), pid);
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":15");
	if (_i == 1) {
		/* its parent reaps it at once */
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	}
	exit_object = h_ok(&h, "\"op\":\"wait\"");
	ck_assert_int_eq(h_num(exit_object, "code"), 5);
	ck_assert_int_eq(h_num(exit_object, "signal"), 0);
	ck_assert(cps_json_get(exit_object, "known")->boolean);
	lines_are_whole();
	h_file_has(&h, "log", "stdout F end\n");
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(again_and_again)
{
	h_run(&h, COUNTER, "");
	for (int i = 0; i < 10; i++) {
		h_file_has(&h, "log", i % 2 ? "line-9" : "line-3");
		h_kill_shim(&h);
		(void)h_adopt(&h);
	}
	(void)h_ok(&h, "\"op\":\"stop\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 5);
	lines_are_whole();
}
END_TEST

START_TEST(a_created_container)
{
	pid_t pid;

	h_start(&h, SH("echo started; exit 3"),
		_i == 1 ? "{\"create\":{\"poststart\":true}}" : NULL);
	h_create(&h);
	pid = init_pid();
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "created");
	ck_assert_int_eq(init_pid(), pid);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	h_file_has(&h, "log", "stdout F started\n");
}
END_TEST

/* It has not read anything yet, so its stdin is as good as new. */
START_TEST(stdin_of_a_created_container)
{
	struct cps_frame f;
	int in[2];

	h_start(&h, SH("read x; echo got $x; exit 4"), NULL);
	h_create_with(&h, ",\"stdin\":\"fifo\"");
	h_kill_shim(&h);
	(void)h_adopt(&h);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"attach\",\"fds\":[\"stdin\"]", &in[0], 1),
		&f);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(write(in[1], "word\n", 5), 5);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 4);
	h_file_has(&h, "log", "stdout F got word\n");
}
END_TEST

START_TEST(stdin_of_a_running_container_is_over)
{
	h_run(&h, SH("cat; echo over; exec sleep 60"), ",\"stdin\":\"fifo\"");
	h_kill_shim(&h);
	(void)h_adopt(&h);
	h_file_has(&h, "log", "stdout F over\n");
}
END_TEST

START_TEST(one_that_exits_meanwhile_and_is_not_reaped)
{
	const struct cps_json *exit_object;
	pid_t pid;

	h_run(&h, SH("trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done"), "");
	h_file_has(&h, "log", "up");
	pid = init_pid();
	h_kill_shim(&h);
	(void)kill(pid, SIGTERM);
	h_wait_zombie(pid);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "running");
	exit_object = h_ok(&h, "\"op\":\"wait\"");
	ck_assert_int_eq(h_num(exit_object, "code"), 7);
	ck_assert(cps_json_get(exit_object, "known")->boolean);
}
END_TEST

START_TEST(one_that_exits_meanwhile_and_is_reaped)
{
	const struct cps_json *exit_object;
	char *text;
	pid_t pid;

	h_run(&h, SH("echo up; exec sleep 60"), "");
	h_file_has(&h, "log", "up");
	pid = init_pid();
	h_kill_shim(&h);
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	(void)h_adopt(&h);
	exit_object = h_ok(&h, "\"op\":\"wait\"");
	ck_assert_int_eq(h_num(exit_object, "code"), 255);
	ck_assert_int_eq(h_num(exit_object, "signal"), 0);
	ck_assert_int_eq(h_num(exit_object, "pid"), pid);
	ck_assert(!cps_json_get(exit_object, "known")->boolean);
	text = h_file(&h, "exit.json", NULL);
	ck_assert_ptr_nonnull(strstr(text, "\"known\":false"));
	free(text);
	h_file_has(&h, "shim.log", "ended while the container had no shim");
	is_status("stopped");
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(one_that_was_over)
{
	char *before;
	char *after;

	h_run(&h, SH("echo all; exit 6"), "");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 6);
	before = h_file(&h, "exit.json", NULL);
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "stopped");
	is_status("stopped");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 6);
	after = h_file(&h, "exit.json", NULL);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	before = h_log_text(&h, "log", NULL);
	ck_assert_str_eq(before, "all\n");
	free(before);
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(while_its_delete_was_under_way)
{
	h_run(&h, SH("exit 6"), "");
	(void)h_ok(&h, "\"op\":\"wait\"");
	h_fake(&h, "{\"delete\":{\"delay_ms\":60000}}");
	(void)h_send(&h, h.sock, "\"op\":\"delete\"", NULL, 0);
	(void)usleep(100000);
	h_kill_shim(&h);
	h_fake(&h, "{}");
	(void)h_adopt(&h);
	is_status("stopped");
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(a_stop_goes_on)
{
	int64_t from;

	h_run(&h, SH("trap '' TERM; echo up; while :; do sleep 0.05; done"), "");
	h_file_has(&h, "log", "up");
	from = h_now_ms();
	(void)h_send(&h, h.sock, "\"op\":\"stop\",\"timeout_ms\":600", NULL, 0);
	(void)usleep(100000);
	h_kill_shim(&h);
	if (_i == 1)
		(void)usleep(700000); /* overdue */
	(void)h_adopt(&h);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), SIGKILL);
	ck_assert_int_ge(h_now_ms() - from, 590);
	ck_assert_int_lt(h_now_ms() - from, 4000);
}
END_TEST

START_TEST(two_at_once)
{
	struct h first;
	int num = 0;

	h_run(&h, SH("exec sleep 60"), "");
	/* it lives */
	first = h;
	ck_assert(!h_adopter(&h, &num));
	ck_assert_int_eq(num, EALREADY);
	h_shim_gone(&h, 256);
	h.shim = first.shim;
	h.sock = first.sock;
	is_status("running");
	/* it is dead: one of two successors is too late */
	h_kill_shim(&h);
	ck_assert(h_adopter(&h, &num));
	first = h;
	ck_assert(!h_adopter(&h, &num));
	ck_assert_int_eq(num, EALREADY);
	h_shim_gone(&h, 256);
	h.shim = first.shim;
	h.sock = first.sock;
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"state\""), EBUSY);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"adopt\""), "status"), "running");
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"adopt\""), EALREADY);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"restore\""), EALREADY);
	/* and the socket is the new one's */
	(void)close(h_connect(&h));
}
END_TEST

START_TEST(nobody_is_needed)
{
	int num;

	h_run(&h, SH("exec sleep 60"), "");
	h_kill_shim(&h);
	ck_assert(h_adopter(&h, &num));
	(void)close(h.sock);
	for (int i = 0; i < 500; i++) {
		char *text = h_file(&h, "shim.json", NULL);
		char pid[32];
		bool found;

		(void)snprintf(pid, sizeof(pid), "\"pid\":%d,", (int)h.shim);
		found = strstr(text, pid) != NULL;
		free(text);
		if (found)
			break;
		(void)usleep(10000);
	}
	h.sock = h_connect(&h);
	is_status("running");
}
END_TEST

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", h.state, name);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static void away(const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", h.state, name);
	ck_assert_int_eq(unlink(path), 0);
}

/* What cannot be adopted is refused, said, and left as it is. */
START_TEST(damaged)
{
	static const struct {
		const char *file, *text, *says;
	} cases[] = {
		{ "shim.json", "{\"pid\":", "shim.json: " },
		{ "shim.json", "", "shim.json: " },
		{ "shim.json", "[]", "shim.json: " },
		{ "shim.json", "{\"pid\":1,\"start_time\":1,\"log\":7}", "shim.json: log" },
		{ "shim.json", NULL, "shim.json" },
		{ "state.json", "{\"pid\":", "state.json: " },
		{ "exit.json", "{\"code\":", "exit.json: " },
		{ "exit.json", "{\"code\":1}", "exit.json: " },
		{ "stdout", NULL, "open FIFO 'stdout'" },
	};
	const char *message;
	pid_t pid;
	int num;

	h_run(&h, SH("while :; do echo tick; sleep 0.01; done"), "");
	pid = init_pid();
	h_kill_shim(&h);
	if (cases[_i].text)
		put(cases[_i].file, cases[_i].text);
	else
		away(cases[_i].file);
	ck_assert(h_adopter(&h, &num));
	ck_assert_int_gt(h_error(&h, &message, "\"op\":\"adopt\""), 0);
	ck_assert_msg(strstr(message, cases[_i].says) != NULL, "%s", message);
	h_shim_gone(&h, 256);
	h_file_has(&h, "shim.log", message);
	(void)usleep(50000);
	ck_assert_int_ne(cps_proc_state(pid), 'Z');
	ck_assert_int_eq(kill(pid, 0), 0);
	if (!cases[_i].text)
		return;
	free(h_file(&h, cases[_i].file, NULL));
}
END_TEST

START_TEST(of_another_boot)
{
	const char *message;
	char json[256];
	pid_t pid;
	int num;

	h_run(&h, SH("exec sleep 60"), "");
	pid = init_pid();
	h_kill_shim(&h);
	(void)snprintf(json, sizeof(json),
		       "{\"pid\":%d,\"startTime\":1,\"bootId\":"
		       "\"00000000-0000-4000-8000-000000000000\"}",
		       (int)pid);
	put("state.json", json);
	ck_assert(h_adopter(&h, &num));
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"adopt\""), ESTALE);
	h_shim_gone(&h, 256);
	ck_assert_int_eq(kill(pid, 0), 0);
}
END_TEST

/* As the first shims wrote it: no lock, no phase, nothing about init. */
START_TEST(an_older_record)
{
	char json[512];
	uint64_t start = 0;
	int num;

	h_run(&h, COUNTER, "");
	h_file_has(&h, "log", "line-2");
	(void)cps_proc_start_time(h.shim, &start);
	(void)snprintf(
		json, sizeof(json),
		"{\"pid\":%d,\"start_time\":%llu,\"version\":\"0.1.0\",\"protocol\":1,"
		"\"bundle\":\"%s\",\"log\":{\"driver\":\"cri\",\"path\":\"%s/log\","
		"\"max_size\":10485760,\"max_files\":5,\"mode\":\"block\"},\"stop_signal\":15,"
		"\"stop_timeout_ms\":10000,\"jobs_max\":100,\"memory_events\":null}",
		(int)h.shim, (unsigned long long)start, h.bundle, h.state);
	put("shim.json", json);
	away("shim.lock");
	{
		struct h first = h;

		ck_assert(!h_adopter(&h, &num)); /* it lives */
		ck_assert_int_eq(num, EALREADY);
		h_shim_gone(&h, 256);
		h = first;
	}
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "running");
	(void)h_ok(&h, "\"op\":\"stop\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 5);
	lines_are_whole();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("adopt");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_loop_test(tc, a_running_container, 0, 2);
	tcase_add_test(tc, again_and_again);
	tcase_add_loop_test(tc, a_created_container, 0, 2);
	tcase_add_test(tc, stdin_of_a_created_container);
	tcase_add_test(tc, stdin_of_a_running_container_is_over);
	tcase_add_test(tc, one_that_exits_meanwhile_and_is_not_reaped);
	tcase_add_test(tc, one_that_exits_meanwhile_and_is_reaped);
	tcase_add_test(tc, one_that_was_over);
	tcase_add_test(tc, while_its_delete_was_under_way);
	tcase_add_loop_test(tc, a_stop_goes_on, 0, 2);
	tcase_add_test(tc, two_at_once);
	tcase_add_test(tc, nobody_is_needed);
	tcase_add_loop_test(tc, damaged, 0, 9);
	tcase_add_test(tc, of_another_boot);
	tcase_add_test(tc, an_older_record);
	return h_main("shim-adopt", tc);
}
