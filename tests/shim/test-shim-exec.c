/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec sessions of the shim: foreground, terminals, jobs, and what is kept of them.
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
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static void running(const char *more, const char *fake)
{
	h_start(&h, SH("sleep 60"), fake);
	h_create_with(&h, more);
	(void)h_ok(&h, "\"op\":\"start\"");
}

/* Sends an exec; the reply is in *f. */
static void exec_frame(const char *process, const char *more, struct cps_frame *f)
{
	int fds[4] = { h_process_memfd(process), open("/dev/null", O_RDWR | O_CLOEXEC), -1, -1 };
	bool own = strstr(more, "\"detach\":true") || strstr(more, "\"terminal\":true");
	char members[512];

	fds[2] = fds[3] = fds[1];
	(void)snprintf(members, sizeof(members), "\"op\":\"exec\"%s,\"fds\":[%s]", more,
		       own ? "\"process\"" : "\"process\",\"stdin\",\"stdout\",\"stderr\"");
	h_reply(&h, h.sock, h_send(&h, h.sock, members, fds, own ? 1 : 4), f);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static const char *exec_ok(const char *process, const char *more)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;

	exec_frame(process, more, &f);
	ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(strlen(h_str(ok, "exec")), 36);
	return h_str(ok, "exec");
}

static int exec_wait(const char *id)
{
	return (int)h_num(h_ok(&h, "\"op\":\"wait\",\"exec\":\"%s\"", id), "code");
}

START_TEST(foreground)
{
	int out[2];
	int fds[4];
	struct cps_frame f;
	const struct cps_json *ok = NULL;
	struct cps_err err;
	char text[32] = "";

	running("", NULL);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	fds[0] = h_process_memfd(SH("echo foreground; exit 42"));
	fds[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[2] = out[1];
	fds[3] = fds[1];
	h_reply(&h, h.sock,
		h_send(&h, h.sock,
		       "\"op\":\"exec\",\"fds\":[\"process\",\"stdin\",\"stdout\",\"stderr\"]", fds,
		       4),
		&f);
	(void)close(out[1]);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), 0);
	ck_assert_int_eq(exec_wait(h_str(ok, "exec")), 42);
	ck_assert_int_gt(read(out[0], text, sizeof(text)), 0);
	ck_assert_str_eq(text, "foreground\n");
	ck_assert_int_eq(read(out[0], text, sizeof(text)), 0); /* nobody else has it open */
	/* told once, gone; and no job, no file */
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"wait\",\"exec\":\"%s\"", h_str(ok, "exec")),
			 ENOENT);
	ck_assert_uint_eq(cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->count, 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

START_TEST(the_exit_is_known_before_anybody_asks)
{
	const char *id;

	running("", NULL);
	id = exec_ok(SH("exit 5"), "");
	(void)usleep(200000);
	ck_assert_int_eq(exec_wait(id), 5);
}
END_TEST

START_TEST(a_session_that_ends_before_the_runtime_does)
{
	running("", "{\"exec\":{\"linger_ms\":200}}");
	ck_assert_int_eq(exec_wait(exec_ok(SH("exit 6"), "")), 6);
}
END_TEST

START_TEST(a_job)
{
	const struct cps_json *job;
	const char *id;
	char name[128];
	char *text;

	running("", NULL);
	id = exec_ok(SH("echo job out; echo job err >&2; sleep 0.3; exit 4"), ",\"detach\":true");
	job = cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->first;
	ck_assert_str_eq(h_str(job, "status"), "running");
	ck_assert_str_eq(h_str(job, "exec"), id);
	ck_assert_str_eq(cps_json_get(job, "args")->first->text, "sh");
	ck_assert_int_eq(exec_wait(id), 4);
	ck_assert_int_eq(exec_wait(id), 4); /* kept */
	job = cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->first;
	ck_assert_str_eq(h_str(job, "status"), "exited");
	ck_assert_int_eq(h_num(cps_json_get(job, "exit"), "code"), 4);
	(void)snprintf(name, sizeof(name), "exec/%s/log", id);
	text = h_file(&h, name, NULL);
	ck_assert_ptr_nonnull(strstr(text, " stdout F job out\n"));
	ck_assert_ptr_nonnull(strstr(text, " stderr F job err\n"));
	free(text);
	(void)snprintf(name, sizeof(name), "exec/%s/exit.json", id);
	text = h_file(&h, name, NULL);
	ck_assert_ptr_nonnull(strstr(text, "\"code\":4"));
	free(text);
}
END_TEST

START_TEST(a_job_is_killed)
{
	const char *id;

	running("", NULL);
	id = exec_ok(SH("sleep 30"), ",\"detach\":true");
	(void)h_ok(&h, "\"op\":\"kill\",\"exec\":\"%s\",\"signal\":9", id);
	ck_assert_int_eq(exec_wait(id), 137);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"kill\",\"exec\":\"%s\"", id), ESRCH);
}
END_TEST

START_TEST(a_job_with_its_own_log)
{
	char path[128];
	char more[256];
	char *text;

	running("", NULL);
	(void)snprintf(path, sizeof(path), "%s/job.log", h.dir);
	(void)snprintf(more, sizeof(more),
		       ",\"detach\":true,\"log\":{\"driver\":\"json-file\",\"path\":\"%s\"}", path);
	ck_assert_int_eq(exec_wait(exec_ok(SH("echo in json"), more)), 0);
	text = h_file(&h, path, NULL);
	ck_assert_int_eq(
		strncmp(text, "{\"log\":\"in json\\n\",\"stream\":\"stdout\",\"time\":\"", 44), 0);
	free(text);
}
END_TEST

START_TEST(attached_to_a_job)
{
	struct cps_frame f;
	char members[256];
	char process[256];
	char text[64] = "";
	const char *id;
	int out[2];

	running("", NULL);
	(void)snprintf(process, sizeof(process),
		       SH("while [ ! -e %s/go ]; do sleep 0.02; done; echo for all; exit 1"),
		       h.dir);
	id = exec_ok(process, ",\"detach\":true");
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	(void)snprintf(members, sizeof(members),
		       "\"op\":\"attach\",\"exec\":\"%s\",\"fds\":[\"stdout\"]", id);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, &out[1], 1), &f);
	ck_assert_ptr_nonnull(cps_json_get(f.body, "ok"));
	(void)close(out[1]);
	(void)snprintf(members, sizeof(members), "%s/go", h.dir);
	ck_assert_int_eq(mkdir(members, 0700), 0);
	ck_assert_int_gt(read(out[0], text, sizeof(text)), 0);
	ck_assert_str_eq(text, "for all\n");
	ck_assert_int_eq(read(out[0], text, sizeof(text)), 0);
}
END_TEST

static unsigned exec_dirs(void)
{
	char path[128];
	unsigned n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/exec", h.state);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n - 2;
}

START_TEST(only_the_last_jobs_are_kept)
{
	char first[40] = "";
	char last[40] = "";

	running(",\"jobs_max\":3", NULL);
	for (int i = 0; i < 6; i++) {
		const char *id = exec_ok(SH("exit 0"), ",\"detach\":true");

		(void)snprintf(i == 0 ? first : last, 40, "%s", id);
		ck_assert_int_eq(exec_wait(id), 0);
	}
	ck_assert_uint_eq(cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->count, 3);
	ck_assert_uint_eq(exec_dirs(), 3);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"wait\",\"exec\":\"%s\"", first), ENOENT);
	ck_assert_int_eq(exec_wait(last), 0);
}
END_TEST

START_TEST(an_exec_that_fails)
{
	struct cps_frame f;
	const struct cps_json *error;

	running("", "{\"exec\":{\"fail\":\"no such user\",\"step\":\"user\",\"errno\":22}}");
	for (int detach = 0; detach < 2; detach++) {
		exec_frame(SH("true"), detach ? ",\"detach\":true" : "", &f);
		error = cps_json_get(f.body, "error");
		ck_assert_int_eq(h_num(error, "errno"), EINVAL);
		ck_assert_str_eq(h_str(error, "step"), "user");
	}
	ck_assert_uint_eq(cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->count, 0);
	ck_assert_uint_eq(exec_dirs(), 0);
}
END_TEST

START_TEST(bad_requests)
{
	struct cps_frame f;

	running("", NULL);
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"exec\""), EINVAL);
	exec_frame("not json", ",\"detach\":true", &f);
	ck_assert_int_gt(h_num(cps_json_get(f.body, "error"), "errno"), 0);
	exec_frame(SH("true"), ",\"detach\":true,\"log\":{\"driver\":\"x\"}", &f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), EINVAL);
	ck_assert_uint_eq(exec_dirs(), 0);
	/* and not in the wrong state */
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	(void)h_ok(&h, "\"op\":\"wait\"");
	exec_frame(SH("true"), "", &f);
	ck_assert_int_eq(h_num(cps_json_get(f.body, "error"), "errno"), ESRCH);
	ck_assert_str_eq(h_str(cps_json_get(f.body, "error"), "message"),
			 "exec: the container is stopped");
}
END_TEST

START_TEST(a_foreground_terminal_belongs_to_the_client)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	char text[256] = "";
	size_t len = 0;
	int master;

	running("", NULL);
	exec_frame(SH("echo on; tty; read x; echo bye $x; exit 3"), ",\"terminal\":true", &f);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), 0);
	master = cps_frame_take_fd(&f, "console");
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(write(master, "you\n", 4), 4);
	while (!strstr(text, "bye you")) {
		struct pollfd p = { .fd = master, .events = POLLIN };
		ssize_t n;

		ck_assert_int_eq(poll(&p, 1, 5000), 1);
		n = read(master, text + len, sizeof(text) - 1 - len);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	ck_assert_ptr_nonnull(strstr(text, "/dev/pts/"));
	ck_assert_int_eq(exec_wait(h_str(ok, "exec")), 3);
	(void)close(master);
}
END_TEST

START_TEST(a_client_that_dies_hangs_its_terminal_up)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	const char *id;
	int master;

	running("", NULL);
	exec_frame(SH("sleep 30"), ",\"terminal\":true", &f);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), 0);
	id = h_str(ok, "exec");
	master = cps_frame_take_fd(&f, "console");
	(void)close(master);
	ck_assert_int_eq(exec_wait(id), 128 + SIGHUP);
}
END_TEST

START_TEST(a_job_with_a_terminal)
{
	const char *id;
	char name[128];
	char *text;

	running("", NULL);
	id = exec_ok(SH("tty; exit 2"), ",\"detach\":true,\"terminal\":true");
	ck_assert_int_eq(exec_wait(id), 2);
	(void)snprintf(name, sizeof(name), "exec/%s/log", id);
	text = h_file(&h, name, NULL);
	ck_assert_ptr_nonnull(strstr(text, "stdout F /dev/pts/"));
	free(text);
}
END_TEST

/* What is given with a job's terminal is attached before its first byte is read, however quick it
 * is. */
START_TEST(a_job_with_a_terminal_and_an_output_of_its_client_s)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	char text[64] = "";
	int fds[3];
	int in[2];
	int out[2];

	running("", NULL);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	fds[0] = h_process_memfd(SH("stty -echo; echo ready; read a; echo got $a; exit 2"));
	fds[1] = in[0];
	fds[2] = out[1];
	h_reply(&h, h.sock,
		h_send(&h, h.sock,
		       "\"op\":\"exec\",\"detach\":true,\"terminal\":true,\"log\":{\"driver\":"
		       "\"none\"},\"fds\":[\"process\",\"stdin\",\"stdout\"]",
		       fds, 3),
		&f);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), 0);
	(void)close(in[0]);
	(void)close(out[1]);
	ck_assert_int_eq(cps_read_full(out[0], text, 7), 7);
	ck_assert_str_eq(text, "ready\r\n");
	ck_assert_int_eq(write(in[1], "x\n", 2), 2);
	ck_assert_int_eq(exec_wait(h_str(ok, "exec")), 2);
	memset(text, 0, sizeof(text));
	ck_assert_int_eq(cps_read_full(out[0], text, sizeof(text) - 1), 7);
	ck_assert_str_eq(text, "got x\r\n");
	(void)close(in[1]);
	(void)close(out[0]);
	(void)close(fds[0]);
}
END_TEST

#ifdef CAPSULE_SANITIZERS
#define SESSIONS 50 /* each start of an instrumented runtime takes its time */
#else
#define SESSIONS 300
#endif

START_TEST(hundreds_of_sessions_leave_no_descriptor_and_no_process)
{
	unsigned before;

	running(",\"jobs_max\":5", NULL);
	(void)exec_wait(exec_ok(SH("exit 0"), ",\"detach\":true"));
	before = h_shim_fds(&h);
	for (int i = 0; i < SESSIONS; i++)
		ck_assert_int_eq(exec_wait(exec_ok("{\"args\":[\"true\"]}",
						   i % 2 ? ",\"detach\":true" : "")),
				 0);
	ck_assert_uint_eq(h_shim_fds(&h), before);
	ck_assert_uint_eq(exec_dirs(), 5);
}
END_TEST

START_TEST(delete_takes_the_jobs_along)
{
	running("", NULL);
	(void)exec_wait(exec_ok(SH("echo x"), ",\"detach\":true"));
	(void)exec_ok(SH("exec sleep 1"), ",\"detach\":true");
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("exec");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, foreground);
	tcase_add_test(tc, the_exit_is_known_before_anybody_asks);
	tcase_add_test(tc, a_session_that_ends_before_the_runtime_does);
	tcase_add_test(tc, a_job);
	tcase_add_test(tc, a_job_is_killed);
	tcase_add_test(tc, a_job_with_its_own_log);
	tcase_add_test(tc, attached_to_a_job);
	tcase_add_test(tc, only_the_last_jobs_are_kept);
	tcase_add_test(tc, an_exec_that_fails);
	tcase_add_test(tc, bad_requests);
	tcase_add_test(tc, a_foreground_terminal_belongs_to_the_client);
	tcase_add_test(tc, a_client_that_dies_hangs_its_terminal_up);
	tcase_add_test(tc, a_job_with_a_terminal);
	tcase_add_test(tc, a_job_with_a_terminal_and_an_output_of_its_client_s);
	tcase_add_test(tc, hundreds_of_sessions_leave_no_descriptor_and_no_process);
	tcase_add_test(tc, delete_takes_the_jobs_along);
	return h_main("shim-exec", tc);
}
