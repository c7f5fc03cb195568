/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `create` can be told: each member is checked, some are passed on to the runtime, and a
 * command is run at the end.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"
#include "own.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

/* A file below h.dir, as text; NULL: there is none. */
static char *beside(const char *name)
{
	char path[160];
	struct cps_err err;
	char *text = NULL;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", h.dir, name);
	return cps_file_read(AT_FDCWD, path, 65536, &text, &len, &err) < 0 ? NULL : text;
}

static char *beside_soon(const char *name, const char *end)
{
	for (int i = 0; i < 500; i++) {
		char *text = beside(name);

		if (text && strstr(text, end))
			return text;
		free(text);
		(void)usleep(10000);
	}
	ck_abort_msg("no '%s' in %s", end, name);
	return NULL;
}

START_TEST(test_what_is_of_a_wrong_type_is_refused_by_name)
{
	static const struct {
		const char *name, *value;
	} wrong[] = {
		{ "stdin", "true" },
		{ "stdin", "\"pipe\"" },
		{ "cgroup_parent", "1" },
		{ "cgroup_parent", "\"relative\"" },
		{ "no_pivot", "1" },
		{ "no_new_keyring", "\"yes\"" },
		{ "log", "\"cri\"" },
		{ "log.driver", "7" },
		{ "log.path", "[]" },
		{ "log.max_size", "\"1\"" },
		{ "log.max_files", "0" },
		{ "log.mode", "\"sometimes\"" },
		{ "stop_signal", "\"TERM\"" },
		{ "stop_signal", "0" },
		{ "stop_timeout_ms", "-1" },
		{ "jobs_max", "1.5" },
		{ "pid_file", "{}" },
		{ "pid_file", "\"pid\"" },
		{ "user", "1000" },
		{ "user", "\"\"" },
		{ "exit_command", "\"/bin/true\"" },
		{ "exit_command", "[]" },
		{ "exit_command[0]", "[\"true\"]" },
		{ "exit_command[1]", "[\"/bin/true\",1]" },
		{ "health", "[\"true\"]" },
		{ "health", "{}" },
		{ "health.args", "\"true\"" },
		{ "health.args", "[]" },
	};
	const char *message = NULL;
	int rc;

	h_start(&h, SH("true"), NULL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *dot = strchr(wrong[i].name, '.');
		int len = (int)strcspn(wrong[i].name, ".[");
		char member[128];

		(void)snprintf(member, sizeof(member),
			       dot ? "\"%.*s\":{\"%s\":%s}" : "\"%.*s\":%s%s", len, wrong[i].name,
			       dot ? dot + 1 : "", wrong[i].value);
		rc = h_error(&h, &message, "\"op\":\"create\",\"bundle\":\"%s\",%s", h.bundle,
			     member);
		ck_assert_int_ne(rc, 0);
		ck_assert_msg(strstr(message, wrong[i].name), "%s: %s", member, message);
	}
	(void)h_error(&h, &message, "\"op\":\"create\",\"bundle\":7");
	ck_assert_ptr_nonnull(strstr(message, "bundle"));
	(void)h_error(&h, &message, "\"op\":\"create\"");
	ck_assert_ptr_nonnull(strstr(message, "bundle"));
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(test_user_and_rootfs_are_the_runtime_s)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct cps_frame f;
	char members[200];
	char *asked;

	h_start(&h, SH("sleep 30"), NULL);
	(void)snprintf(
		members, sizeof(members),
		"\"op\":\"create\",\"bundle\":\"%s\",\"user\":\"app:staff\",\"fds\":[\"rootfs\"]",
		h.bundle);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, &fd, 1), &f);
	ck_assert_ptr_nonnull(cps_json_get(f.body, "ok"));
	(void)close(fd);
	asked = beside_soon("bundle/create.asked", "}");
	ck_assert_ptr_nonnull(strstr(asked, "\"user\":\"app:staff\""));
	ck_assert_ptr_nonnull(
		strstr(asked, "\"fds\":[\"stdin\",\"stdout\",\"stderr\",\"rootfs\"]"));
	free(asked);
}
END_TEST

/* A create with pipes of ours as the container's stdio; ours[]: our ends. */
static void create_with_pipes(const char *process, int ours[3])
{
	char members[300];
	struct cps_frame f;
	int theirs[3];
	int p[2];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
		theirs[i] = p[i == 0 ? 0 : 1];
		ours[i] = p[i == 0 ? 1 : 0];
	}
	h_start(&h, process, NULL);
	(void)snprintf(members, sizeof(members),
		       "\"op\":\"create\",\"bundle\":\"%s\",\"log\":{\"driver\":\"none\"},"
		       "\"fds\":[\"stdin\",\"stdout\",\"stderr\"]",
		       h.bundle);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, theirs, 3), &f);
	ck_assert_ptr_nonnull(cps_json_get(f.body, "ok"));
	for (int i = 0; i < 3; i++)
		(void)close(theirs[i]);
	(void)h_ok(&h, "\"op\":\"start\"");
}

static void check_read(int fd, const char *wanted)
{
	char text[64] = "";

	ck_assert_int_eq(cps_read_full(fd, text, strlen(wanted)), (ssize_t)strlen(wanted));
	ck_assert_str_eq(text, wanted);
}

START_TEST(test_stdio_that_is_given_is_the_container_s)
{
	int fds[3];
	char byte;

	create_with_pipes(SH("cat; echo wrong >&2; exit 3"), fds);
	ck_assert_int_eq(write(fds[0], "hello\n", 6), 6);
	check_read(fds[1], "hello\n");
	cps_close(&fds[0]);
	check_read(fds[2], "wrong\n");
	/* nobody else has had them open */
	ck_assert_int_eq(read(fds[1], &byte, 1), 0);
	ck_assert_int_eq(read(fds[2], &byte, 1), 0);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	ck_assert_ptr_null(h_file(&h, "log", NULL));
	ck_assert_ptr_null(h_file(&h, "stdout", NULL));
	cps_close(&fds[1]);
	cps_close(&fds[2]);
}
END_TEST

START_TEST(test_a_successor_leaves_given_stdio_alone)
{
	int fds[3];

	create_with_pipes(SH("while read a; do echo $a; done"), fds);
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "running");
	ck_assert_int_eq(write(fds[0], "still there\n", 12), 12);
	check_read(fds[1], "still there\n");
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	h_reap();
	(void)h_ok(&h, "\"op\":\"wait\"");
	for (int i = 0; i < 3; i++)
		cps_close(&fds[i]);
}
END_TEST

START_TEST(test_stdio_is_given_whole_and_without_a_log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[3] = { null, null, null };
	char members[300];
	struct cps_frame f;
	struct cps_err err;
	const struct cps_json *ok;

	h_start(&h, SH("exit 0"), NULL);
	(void)snprintf(members, sizeof(members),
		       "\"op\":\"create\",\"bundle\":\"%s\",\"fds\":[\"stdin\",\"stdout\"]",
		       h.bundle);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, fds, 2), &f);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "come together"));
	(void)snprintf(members, sizeof(members),
		       "\"op\":\"create\",\"bundle\":\"%s\","
		       "\"fds\":[\"stdin\",\"stdout\",\"stderr\"]",
		       h.bundle);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, fds, 3), &f);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "no log"));
	(void)close(null);
	h_create(&h);
}
END_TEST

START_TEST(test_update_wants_resources_and_a_container_that_lives)
{
	const char *message;

	h_start(&h, SH("exit 0"), NULL);
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"update\",\"resources\":{}"), EBUSY);
	ck_assert_str_eq(message, "update: the container is idle");
	h_create(&h);
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"update\""), EINVAL);
	ck_assert_ptr_nonnull(strstr(message, "'resources' is missing"));
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"update\",\"resources\":[]"), EINVAL);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_ok(&h, "\"op\":\"wait\"");
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"update\",\"resources\":{}"), ESRCH);
	ck_assert_str_eq(message, "update: the container is stopped");
}
END_TEST

START_TEST(test_what_is_being_checkpointed_is_not_updated)
{
	const char *message;
	struct cps_frame f;
	uint32_t id;

	h_run(&h, SH("sleep 100"), "");
	h_fake(&h, "{\"checkpoint\":{\"delay_ms\":500}}");
	id = h_send(
		&h, h.sock,
		"\"op\":\"checkpoint\",\"options\":{\"image-path\":\"/i\",\"leave-running\":true}",
		NULL, 0);
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"update\",\"resources\":{}"), EBUSY);
	ck_assert_str_eq(message, "update: the container is checkpointing");
	h_reply(&h, h.sock, id, &f);
	cps_frame_done(&f);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "status"), "running");
}
END_TEST

/* Appends a line to h.dir/ran, and tells of its surroundings. */
static void create_with_command(const char *process)
{
	char more[600];

	h_start(&h, process, NULL);
	(void)snprintf(
		more, sizeof(more),
		",\"exit_command\":[\"/bin/sh\",\"-c\",\"env | sort; readlink /proc/self/fd/0; "
		"test -e %s/exit.json && cut -d' ' -f1,6 /proc/$$/stat; echo $1 end\","
		"\"sh\",\"a b\"]",
		h.state);
	/* its stdout is /dev/null */
	for (char *at = strstr(more, "env |"); at; at = NULL) {
		char rest[600];

		(void)snprintf(rest, sizeof(rest), "%s", at);
		(void)snprintf(at, sizeof(more) - (size_t)(at - more), "exec >>%s/ran; %s", h.dir,
			       rest);
	}
	h_create_with(&h, more);
	(void)h_ok(&h, "\"op\":\"start\"");
}

static unsigned runs(void)
{
	char *text = beside("ran");
	unsigned n = 0;

	for (const char *at = text; at && (at = strstr(at, "a b end\n")); at++)
		n++;
	free(text);
	return n;
}

START_TEST(test_the_exit_command_runs_once_when_all_is_told)
{
	char *text;
	int pid = 0, session = 0;

	create_with_command(SH("sleep 30"));
	ck_assert_uint_eq(runs(), 0);
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	(void)h_ok(&h, "\"op\":\"wait\"");
	text = beside_soon("ran", "a b end\n");
	ck_assert_ptr_nonnull(strstr(text, "PATH=/"));
	ck_assert_ptr_null(strstr(text, "HOME="));
	ck_assert_ptr_nonnull(strstr(text, "/dev/null\n"));
	ck_assert_int_eq(sscanf(strstr(text, "/dev/null\n") + 10, "%d %d", &pid, &session), 2);
	ck_assert_int_eq(pid, session);
	free(text);
	/* a successor knows that it was run */
	h_kill_shim(&h);
	(void)h_adopt(&h);
	(void)usleep(200000);
	ck_assert_uint_eq(runs(), 1);
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
	ck_assert_uint_eq(runs(), 1);
}
END_TEST

/* 0: it ends under the successor; 1: its exit was on record, and no more. */
START_TEST(test_the_exit_command_is_run_by_a_successor)
{
	static const char exit_json[] = "{\"code\":0,\"signal\":0,\"oom\":false,\"at\":"
					"\"2026-01-02T03:04:05Z\",\"pid\":1,\"known\":true}";
	create_with_command(SH("sleep 30"));
	h_kill_shim(&h);
	if (_i == 1) {
		cleanup_fd int dir = open(h.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct cps_err err;

		ck_assert_int_eq(cps_file_replace(dir, "exit.json", exit_json,
						  sizeof(exit_json) - 1, 0600, &err),
				 0);
	}
	(void)h_adopt(&h);
	if (_i == 0) {
		(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
		h_reap();
		(void)h_ok(&h, "\"op\":\"wait\"");
	}
	free(beside_soon("ran", "a b end\n"));
	(void)h_ok(&h, "\"op\":\"delete\"");
	ck_assert_uint_eq(runs(), 1);
	h_reap();
}
END_TEST

/* Who deletes it by force clears up after it. */
START_TEST(test_no_exit_command_for_one_that_ends_by_being_deleted)
{
	create_with_command(SH("sleep 30"));
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
	(void)usleep(100000);
	ck_assert_uint_eq(runs(), 0);
}
END_TEST

START_TEST(test_an_exit_command_that_fails_is_one_line_in_the_log_of_the_shim)
{
	static const char *const commands[] = { "[\"/bin/false\"]", "[\"/nowhere/x\"]",
						"[\"/bin/sh\",\"-c\",\"kill -9 $$\"]" };
	static const char *const lines[] = { "exit command: it ended with status 1",
					     "exit command: execute '/nowhere/x': No such file",
					     "exit command: it was killed by signal 9" };
	char more[128];

	h_start(&h, SH("true"), NULL);
	(void)snprintf(more, sizeof(more), ",\"exit_command\":%s", commands[_i]);
	h_create_with(&h, more);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_ok(&h, "\"op\":\"wait\"");
	free(beside_soon("root/c1/shim.log", lines[_i]));
	(void)h_ok(&h, "\"op\":\"delete\"");
}
END_TEST

START_TEST(test_no_exit_command_for_a_create_that_fails)
{
	char path[160];

	h_start(&h, SH("sleep 30"), NULL);
	(void)snprintf(path, sizeof(path), "%s/ran", h.dir);
	(void)h_error(&h, NULL,
		      "\"op\":\"create\",\"bundle\":\"%s\",\"pid_file\":\"/nowhere/pid\","
		      "\"exit_command\":[\"/bin/touch\",\"%s\"]",
		      h.bundle, path);
	h_shim_gone(&h, 0);
	(void)usleep(100000);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

/* 0: it has ended before; 1: it ends afterwards; 2: that is left to a successor. */
START_TEST(test_at_exit_gives_it_a_command_later)
{
	char words[200];

	h_start(&h, SH("sleep 30"), NULL);
	(void)snprintf(
		words, sizeof(words),
		"\"op\":\"at-exit\",\"command\":[\"/bin/sh\",\"-c\",\"echo a b end >>%s/ran\"]",
		h.dir);
	ck_assert_int_eq(h_error(&h, NULL, "%s", words), ESRCH);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_error(&h, NULL, "\"op\":\"at-exit\"");
	(void)h_error(&h, NULL, "\"op\":\"at-exit\",\"command\":[]");
	if (_i > 0)
		(void)h_ok(&h, "%s", words);
	if (_i == 2) {
		h_kill_shim(&h);
		(void)h_adopt(&h);
	}
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	if (_i == 2)
		h_reap();
	(void)h_ok(&h, "\"op\":\"wait\"");
	if (_i == 0)
		(void)h_ok(&h, "%s", words);
	free(beside_soon("ran", "a b end\n"));
	/* there is one, run or not */
	(void)h_error(&h, NULL, "%s", words);
	(void)h_ok(&h, "\"op\":\"delete\"");
	ck_assert_uint_eq(runs(), 1);
	if (_i == 2)
		h_reap();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("create");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, test_what_is_of_a_wrong_type_is_refused_by_name);
	tcase_add_test(tc, test_user_and_rootfs_are_the_runtime_s);
	tcase_add_test(tc, test_stdio_that_is_given_is_the_container_s);
	tcase_add_test(tc, test_a_successor_leaves_given_stdio_alone);
	tcase_add_test(tc, test_stdio_is_given_whole_and_without_a_log);
	tcase_add_test(tc, test_update_wants_resources_and_a_container_that_lives);
	tcase_add_test(tc, test_what_is_being_checkpointed_is_not_updated);
	tcase_add_test(tc, test_the_exit_command_runs_once_when_all_is_told);
	tcase_add_loop_test(tc, test_the_exit_command_is_run_by_a_successor, 0, 2);
	tcase_add_test(tc, test_no_exit_command_for_one_that_ends_by_being_deleted);
	tcase_add_loop_test(tc, test_an_exit_command_that_fails_is_one_line_in_the_log_of_the_shim,
			    0, 3);
	tcase_add_test(tc, test_no_exit_command_for_a_create_that_fails);
	tcase_add_loop_test(tc, test_at_exit_gives_it_a_command_later, 0, 3);
	return h_main("shim-create", tc);
}
