/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim against a fake runtime: whole lives, and what must hold when things go wrong.
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

#include "gate.h"
#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

START_TEST(test_a_whole_life)
{
	const struct cps_json *exit_object;
	char *text;
	int sub;

	h_start(&h, SH("echo out; echo err >&2; printf tail; exit 7"), NULL);
	sub = h_connect(&h);
	{
		struct cps_frame f;

		h_reply(&h, sub, h_send(&h, sub, "\"op\":\"subscribe\"", NULL, 0), &f);
	}
	h_create(&h);
	(void)h_event(&h, sub, "created");
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "created");
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_event(&h, sub, "started");
	exit_object = h_ok(&h, "\"op\":\"wait\"");
	ck_assert_int_eq(h_num(exit_object, "code"), 7);
	ck_assert_int_eq(h_num(exit_object, "signal"), 0);
	exit_object = cps_json_get(h_event(&h, sub, "exited"), "exit");
	ck_assert_int_eq(h_num(exit_object, "code"), 7);

	text = h_file(&h, "exit.json", NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\"code\":7"));
	free(text);
	text = h_file(&h, "log", NULL);
	ck_assert_ptr_nonnull(strstr(text, "Z stdout F out\n"));
	ck_assert_ptr_nonnull(strstr(text, "Z stderr F err\n"));
	ck_assert_ptr_nonnull(strstr(text, "Z stdout P tail\n"));
	free(text);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "stopped");
	(void)h_ok(&h, "\"op\":\"delete\"");
	ck_assert_int_lt(access(h.state, F_OK), 0);
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(test_created_only_after_the_runtime_has_exited)
{
	int64_t from;

	h_start(&h, SH("true"), "{\"create\":{\"linger_ms\":300}}");
	from = h_now_ms();
	h_create(&h);
	ck_assert_int_ge(h_now_ms() - from, 290);
	/* init is the shim's child now, so its status comes here */
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
}
END_TEST

START_TEST(test_init_dies_before_the_runtime_has_exited)
{
	h_start(&h, SH("true"), "{\"create\":{\"linger_ms\":200,\"init_exit\":9}}");
	h_create(&h);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 9);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"start\""), ESRCH);
}
END_TEST

START_TEST(test_init_dies_between_gate_and_execve)
{
	const char *message;

	h_start(&h, SH("true"), "{\"create\":{\"killed_after_gate\":true}}");
	h_create(&h);
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"start\""), EIO);
	ck_assert_str_eq(message, "start: " CPS_GATE_DIED);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), SIGKILL);
}
END_TEST

START_TEST(test_create_fails)
{
	const char *message;
	struct cps_frame f;
	char members[256];

	h_start(&h, SH("true"), "{\"create\":{\"fail\":\"mounts: /x: no\",\"step\":\"mounts\"}}");
	(void)snprintf(members, sizeof(members), "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, NULL, 0), &f);
	ck_assert_str_eq(h_str(cps_json_get(f.body, "error"), "step"), "mounts");
	ck_assert_str_eq(h_str(cps_json_get(f.body, "error"), "message"), "mounts: /x: no");
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"start\""), EBUSY);
	ck_assert_str_eq(message, "start: the container is idle");
	/* the same shim can try again */
	h_fake(&h, "{}");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(test_a_shim_without_container_and_client_goes)
{
	h_start(&h, SH("true"), "{\"create\":{\"fail\":\"no\"}}");
	(void)h_error(&h, NULL, "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	(void)close(h.sock);
	h.sock = -1;
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(test_the_runtime_dies)
{
	const char *message;

	h_start(&h, SH("sleep 30"),
		_i == 0 ? "{\"create\":{\"die\":\"early\"}}" : "{\"create\":{\"die\":\"late\"}}");
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle),
			 EPROTO);
	ck_assert_str_eq(message, "the runtime was killed by signal 9");
	/* what it has left is cleared away by another one, and nothing remains */
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(test_the_runtime_does_not_say_which_process)
{
	h_start(&h, SH("sleep 30"), "{\"create\":{\"silent\":true}}");
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle),
			 EPROTO);
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(test_start_of_what_cannot_be_executed)
{
	const char *message;

	h_start(&h, "{\"args\":[\"/nonexistent/program\"]}", NULL);
	h_create(&h);
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"start\""), ENOENT);
	ck_assert_str_eq(message, "exec '/nonexistent/program': No such file or directory");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 127);
}
END_TEST

START_TEST(test_start_by_the_runtime_when_there_are_poststart_hooks)
{
	h_start(&h, SH("echo started; sleep 30"), "{\"create\":{\"poststart\":true}}");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 137);
}
END_TEST

START_TEST(test_a_start_by_the_runtime_that_did_not_reach_init_can_be_repeated)
{
	const char *message = NULL;

	h_start(&h, SH("sleep 30"),
		"{\"create\":{\"poststart\":true},\"start\":{\"fail\":\"not yet\"}}");
	h_create(&h);
	(void)h_error(&h, &message, "\"op\":\"start\"");
	ck_assert_str_eq(message, "not yet");
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "created");
	h_fake(&h, "{}");
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
}
END_TEST

START_TEST(test_init_killed_at_the_gate)
{
	h_start(&h, SH("true"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), 9);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"start\""), ESRCH);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"kill\""), ESRCH);
	(void)h_ok(&h, "\"op\":\"delete\"");
}
END_TEST

START_TEST(test_exit_is_not_held_back_by_a_grandchild_with_the_pipe)
{
	int64_t from;
	size_t len;
	char *text;

	h_start(&h, SH("(sleep 1; echo late) & echo early"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	from = h_now_ms();
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	ck_assert_int_lt(h_now_ms() - from, 900);
	/* … and what it says later is in the log all the same */
	(void)usleep(1200000);
	text = h_log_text(&h, "log", &len);
	ck_assert_str_eq(text, "early\nlate\n");
	free(text);
}
END_TEST

START_TEST(test_exit_is_told_at_once_when_the_output_ends)
{
	const struct cps_json *t;
	unsigned closed = 0;

	h_start(&h, SH("read x; exit 3"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	/* not by the bound, however long a busy machine takes for it */
	t = cps_json_get(h_ok(&h, "\"op\":\"debug\""), "transitions");
	for (t = t->first; t; t = t->next) {
		ck_assert_str_ne(h_str(t, "event"), "drain-timeout");
		closed += strcmp(h_str(t, "event"), "stdio-closed") == 0;
	}
	ck_assert_uint_eq(closed, 1);
}
END_TEST

START_TEST(test_all_output_is_in_the_log_when_the_exit_is_told)
{
	size_t len;
	char *text;

	h_start(&h, SH("i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	text = h_log_text(&h, "log", &len);
	char *at = text;

	for (int i = 0; i < 20000; i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "line-%d\n", i);
		ck_assert_msg(strncmp(at, line, strlen(line)) == 0, "line %d is missing", i);
		at += strlen(line);
	}
	ck_assert_int_eq(*at, '\0');
	free(text);
}
END_TEST

START_TEST(test_stop)
{
	int64_t from;

	h_start(&h, SH("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(200000);
	from = h_now_ms();
	(void)h_ok(&h, "\"op\":\"stop\"");
	ck_assert_int_lt(h_now_ms() - from, 3000);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 5);
	(void)h_ok(&h, "\"op\":\"stop\""); /* again: nothing to do */
}
END_TEST

START_TEST(test_stop_kills_after_its_timeout_though_the_client_is_gone)
{
	int other;
	int64_t from;

	h_start(&h, SH("trap '' TERM; echo up; while :; do sleep 0.05; done"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(200000);
	other = h_connect(&h);
	from = h_now_ms();
	(void)h_send(&h, other, "\"op\":\"stop\",\"timeout_ms\":400", NULL, 0);
	(void)close(other);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), SIGKILL);
	ck_assert_int_ge(h_now_ms() - from, 390);
}
END_TEST

START_TEST(test_an_earlier_deadline_counts)
{
	int other;

	h_start(&h, SH("trap '' TERM; echo up; while :; do sleep 0.05; done"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(200000);
	other = h_connect(&h);
	(void)h_send(&h, other, "\"op\":\"stop\",\"timeout_ms\":60000", NULL, 0);
	(void)h_ok(&h, "\"op\":\"stop\",\"timeout_ms\":0");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), SIGKILL);
	(void)close(other);
}
END_TEST

START_TEST(test_delete_force_of_a_running_one)
{
	h_start(&h, SH("sleep 30"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"delete\""), EBUSY);
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(test_delete_that_fails_can_be_repeated)
{
	h_start(&h, SH("exit 1"), "{\"delete\":{\"fail\":\"busy\",\"errno\":16}}");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_ok(&h, "\"op\":\"wait\"");
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"delete\""), EBUSY);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 1);
	h_fake(&h, "{}");
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST

/* Whoever asked first may have been killed since. */
START_TEST(test_a_delete_that_is_under_way_is_waited_for)
{
	int other;

	h_start(&h, SH("exit 1"), "{\"delete\":{\"delay_ms\":500}}");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_ok(&h, "\"op\":\"wait\"");
	other = h_connect(&h);
	(void)h_send(&h, other, "\"op\":\"delete\"", NULL, 0);
	(void)usleep(100000);
	(void)close(other);
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

/* `delete --force` has the whole cgroup killed. That must not reach the next container of its name.
 */
START_TEST(test_what_is_late_does_not_outlive_its_container)
{
	int64_t from;

	h_start(&h, SH("exec sleep 30"), "{\"kill\":{\"delay_ms\":8000}}");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	from = h_now_ms();
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	ck_assert_int_lt(h_now_ms() - from, 4000); /* it is ended, not waited for */
	h_shim_gone(&h, 0);
	/* what outlives the shim becomes ours */
	ck_assert_int_lt(waitpid(-1, NULL, WNOHANG), 0);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(test_delete_force_of_a_create_that_hangs)
{
	int other;
	char members[256];

	h_start(&h, SH("true"), "{\"create\":{\"delay_ms\":20000}}");
	other = h_connect(&h);
	(void)snprintf(members, sizeof(members), "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	(void)h_send(&h, other, members, NULL, 0);
	(void)usleep(100000);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"start\""), EBUSY);
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
	(void)close(other);
}
END_TEST

START_TEST(test_sigterm_stops_the_container_and_leaves_the_record)
{
	char *text;

	h_start(&h, SH("trap 'exit 6' TERM; echo up; while :; do sleep 0.05; done"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(200000);
	(void)kill(h.shim, SIGTERM);
	h_shim_gone(&h, 0);
	text = h_file(&h, "exit.json", NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\"code\":6"));
	free(text);
}
END_TEST

START_TEST(test_oom_is_told_before_the_exit)
{
	struct cps_frame f;
	char path[256];
	FILE *file;
	int sub;

	h_start(&h, SH("read x; sleep 0.3; kill -9 $$"), NULL);
	sub = h_connect(&h);
	h_reply(&h, sub, h_send(&h, sub, "\"op\":\"subscribe\"", NULL, 0), &f);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)snprintf(path, sizeof(path), "%s/memory.events", h.bundle);
	file = fopen(path, "we");
	(void)fputs("low 0\noom 1\noom_kill 1\n", file);
	(void)fclose(file);
	(void)h_event(&h, sub, "started");
	ck_assert(h_recv(&h, sub, &f));
	ck_assert_str_eq(h_str(f.body, "event"), "oom");
	ck_assert(h_recv(&h, sub, &f));
	ck_assert_str_eq(h_str(f.body, "event"), "exited");
	ck_assert(cps_json_get(cps_json_get(f.body, "exit"), "oom")->boolean);
}
END_TEST

START_TEST(test_pid_file_has_digits_only)
{
	char more[256];
	char path[128];
	char *text;
	long pid;

	h_start(&h, SH("true"), NULL);
	(void)snprintf(path, sizeof(path), "%s/pid", h.dir);
	(void)snprintf(more, sizeof(more), ",\"pid_file\":\"%s\"", path);
	h_create_with(&h, more);
	pid = h_num(h_ok(&h, "\"op\":\"state\""), "pid");
	text = h_file(&h, path, NULL);
	ck_assert_int_eq(atol(text), pid);
	ck_assert_int_eq(strspn(text, "0123456789"), strlen(text));
	free(text);
}
END_TEST

START_TEST(test_pid_file_that_cannot_be_written_undoes_the_create)
{
	h_start(&h, SH("sleep 30"), NULL);
	ck_assert_int_eq(
		h_error(&h, NULL,
			"\"op\":\"create\",\"bundle\":\"%s\",\"pid_file\":\"/nonexistent/x\"",
			h.bundle),
		ENOENT);
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("life");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, test_a_whole_life);
	tcase_add_test(tc, test_created_only_after_the_runtime_has_exited);
	tcase_add_test(tc, test_init_dies_before_the_runtime_has_exited);
	tcase_add_test(tc, test_init_dies_between_gate_and_execve);
	tcase_add_test(tc, test_create_fails);
	tcase_add_test(tc, test_a_shim_without_container_and_client_goes);
	tcase_add_loop_test(tc, test_the_runtime_dies, 0, 2);
	tcase_add_test(tc, test_the_runtime_does_not_say_which_process);
	tcase_add_test(tc, test_start_of_what_cannot_be_executed);
	tcase_add_test(tc, test_start_by_the_runtime_when_there_are_poststart_hooks);
	tcase_add_test(tc, test_a_start_by_the_runtime_that_did_not_reach_init_can_be_repeated);
	tcase_add_test(tc, test_init_killed_at_the_gate);
	tcase_add_test(tc, test_exit_is_not_held_back_by_a_grandchild_with_the_pipe);
	tcase_add_test(tc, test_exit_is_told_at_once_when_the_output_ends);
	tcase_add_test(tc, test_all_output_is_in_the_log_when_the_exit_is_told);
	tcase_add_test(tc, test_stop);
	tcase_add_test(tc, test_stop_kills_after_its_timeout_though_the_client_is_gone);
	tcase_add_test(tc, test_an_earlier_deadline_counts);
	tcase_add_test(tc, test_delete_force_of_a_running_one);
	tcase_add_test(tc, test_delete_that_fails_can_be_repeated);
	tcase_add_test(tc, test_a_delete_that_is_under_way_is_waited_for);
	tcase_add_test(tc, test_what_is_late_does_not_outlive_its_container);
	tcase_add_test(tc, test_delete_force_of_a_create_that_hangs);
	tcase_add_test(tc, test_sigterm_stops_the_container_and_leaves_the_record);
	tcase_add_test(tc, test_oom_is_told_before_the_exit);
	tcase_add_test(tc, test_pid_file_has_digits_only);
	tcase_add_test(tc, test_pid_file_that_cannot_be_written_undoes_the_create);
	return h_main("shim-life", tc);
}
