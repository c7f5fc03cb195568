/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adoption of what a container's output alone does not show: jobs, and descriptors that somebody
 * has kept (op `keep`) and hands to the successor (op `restore`).
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
#include "own.h"
#include "proc.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static const char *job(const char *process, const char *more)
{
	int fd = h_process_memfd(process);
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	char members[256];

	(void)snprintf(members, sizeof(members),
		       "\"op\":\"exec\",\"detach\":true%s,\"fds\":[\"process\"]", more);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, &fd, 1), &f);
	ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s", err.msg);
	(void)close(fd);
	return h_str(ok, "exec");
}

static const struct cps_json *exec_wait(const char *id)
{
	return h_ok(&h, "\"op\":\"wait\",\"exec\":\"%s\"", id);
}

static const struct cps_json *listed(const char *id)
{
	const struct cps_json *jobs = cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs");

	for (const struct cps_json *j = jobs->first; j; j = j->next) {
		if (strcmp(h_str(j, "exec"), id) == 0)
			return j;
	}
	return NULL;
}

static void job_log_has(const char *id, const char *text)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "exec/%s/log", id);
	h_file_has(&h, name, text);
}

#define TICKER                                                                                     \
	SH("trap 'echo bye; exit 8' TERM; i=0; while :; do echo tick-$i; i=$((i+1)); sleep 0.01; " \
	   "done")

static void ticks_are_whole(const char *id)
{
	char name[128];
	char *text;
	char *at;

	(void)snprintf(name, sizeof(name), "exec/%s/log", id);
	text = at = h_log_text(&h, name, NULL);
	for (int i = 0; strncmp(at, "bye\n", 4) != 0; i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "tick-%d\n", i);
		ck_assert_msg(strncmp(at, line, strlen(line)) == 0, "%d: %.20s", i, at);
		at += strlen(line);
	}
	free(text);
}

START_TEST(jobs_that_run)
{
	const char *id;

	h_run(&h, SH("exec sleep 60"), "");
	id = job(TICKER, "");
	job_log_has(id, "tick-3");
	h_kill_shim(&h);
	(void)usleep(50000);
	(void)h_adopt(&h);
	ck_assert_str_eq(h_str(listed(id), "status"), "running");
	(void)h_ok(&h, "\"op\":\"kill\",\"exec\":\"%s\",\"signal\":15", id);
	ck_assert_int_eq(h_num(exec_wait(id), "code"), 8);
	job_log_has(id, "bye");
	ticks_are_whole(id);
	/* and new ones */
	ck_assert_int_eq(h_num(exec_wait(job(SH("exit 2"), "")), "code"), 2);
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
}
END_TEST

START_TEST(jobs_that_have_ended)
{
	const struct cps_json *all;
	char before[40];
	char meanwhile[40];
	char reaped[40];
	pid_t pids[2];

	h_run(&h, SH("exec sleep 60"), "");
	(void)snprintf(before, sizeof(before), "%s", job(SH("echo first; exit 3"), ""));
	ck_assert_int_eq(h_num(exec_wait(before), "code"), 3);
	(void)snprintf(meanwhile, sizeof(meanwhile), "%s", job(TICKER, ""));
	(void)snprintf(reaped, sizeof(reaped), "%s", job(SH("echo lost; exec sleep 60"), ""));
	job_log_has(meanwhile, "tick-3");
	job_log_has(reaped, "lost");
	pids[0] = (pid_t)h_num(listed(meanwhile), "pid");
	pids[1] = (pid_t)h_num(listed(reaped), "pid");
	h_kill_shim(&h);
	(void)kill(pids[0], SIGTERM);
	h_wait_zombie(pids[0]);
	(void)kill(pids[1], SIGKILL);
	ck_assert_int_eq(waitpid(pids[1], NULL, 0), pids[1]);
	(void)h_adopt(&h);

	ck_assert_str_eq(h_str(listed(before), "status"), "exited");
	ck_assert_int_eq(h_num(cps_json_get(listed(before), "exit"), "code"), 3);
	ck_assert_str_eq(cps_json_get(listed(before), "args")->first->text, "sh");
	/* its end is seen in the zombie */
	ck_assert_int_eq(h_num(exec_wait(meanwhile), "code"), 8);
	ck_assert(cps_json_get(exec_wait(meanwhile), "known")->boolean);
	/* reaped by somebody while nobody looked */
	ck_assert_int_eq(h_num(exec_wait(reaped), "code"), 255);
	ck_assert(!cps_json_get(exec_wait(reaped), "known")->boolean);
	/* newest first, as they were begun */
	all = cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs");
	ck_assert_uint_eq(all->count, 3);
	ck_assert_str_eq(h_str(all->first, "exec"), reaped);
	ck_assert_str_eq(h_str(all->first->next->next, "exec"), before);
}
END_TEST

START_TEST(jobs_beyond_the_most_that_is_kept)
{
	char path[256];
	const char *id;

	h_run(&h, SH("exec sleep 60"), ",\"jobs_max\":2");
	for (int i = 0; i < 2; i++)
		(void)exec_wait(job(SH("exit 0"), ""));
	id = job(SH("echo up; read x; exec sleep 60"), "");
	h_kill_shim(&h);
	(void)h_adopt(&h);
	(void)h_ok(&h, "\"op\":\"kill\",\"exec\":\"%s\",\"signal\":9", id);
	(void)exec_wait(id);
	ck_assert_uint_eq(cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->count, 2);
	(void)snprintf(path, sizeof(path), "%s/exec/%s", h.state, id);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* The shim dies while the runtime is at work for an exec: before anybody knew of a process. */
START_TEST(an_exec_that_was_under_way)
{
	const struct cps_json *one;
	int fd;

	h_start(&h, SH("exec sleep 60"),
		_i == 0 ? "{\"exec\":{\"delay_ms\":300}}" : "{\"exec\":{\"linger_ms\":1000}}");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	fd = h_process_memfd(SH("echo from afar; sleep 0.5; exit 4"));
	(void)h_send(&h, h.sock, "\"op\":\"exec\",\"detach\":true,\"fds\":[\"process\"]", &fd, 1);
	(void)usleep(150000);
	h_kill_shim(&h);
	(void)h_adopt(&h);
	one = cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->first;
	ck_assert_ptr_nonnull(one);
	one = exec_wait(h_str(one, "exec"));
	if (_i == 0) {
		ck_assert(!cps_json_get(one, "known")->boolean);
		ck_assert_int_eq(h_num(one, "code"), 255);
	} else { /* its record was written before the runtime had ended */
		ck_assert(cps_json_get(one, "known")->boolean);
		ck_assert_int_eq(h_num(one, "code"), 4);
		one = cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->first;
		job_log_has(h_str(one, "exec"), "from afar");
	}
	(void)close(fd);
}
END_TEST

START_TEST(a_damaged_record_harms_its_job_only)
{
	char path[256];
	char bad[40];
	char good[40];
	FILE *file;

	h_run(&h, SH("exec sleep 60"), "");
	(void)snprintf(bad, sizeof(bad), "%s", job(SH("exec sleep 60"), ""));
	(void)snprintf(good, sizeof(good), "%s", job(SH("echo ok; exec sleep 60"), ""));
	h_kill_shim(&h);
	(void)snprintf(path, sizeof(path), "%s/exec/%s/job.json", h.state, bad);
	file = fopen(path, "we");
	(void)fputs("{\"pid\":", file);
	(void)fclose(file);
	(void)h_adopt(&h);
	ck_assert_ptr_null(listed(bad));
	ck_assert_str_eq(h_str(listed(good), "status"), "running");
	h_file_has(&h, "shim.log", "not adopted: job.json: ");
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* ---- what was kept ---- */

struct kept {
	int fds[4];
	unsigned n;
	char names[64];
};

/* As the watch does it: copies of all that the shim has of the container. */
static struct kept keep(void)
{
	const struct cps_json *ok = NULL;
	struct kept k = { .n = 0 };
	struct cps_frame f;
	struct cps_err err;

	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"keep\"", NULL, 0), &f);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), 0);
	for (const struct cps_json *n = cps_json_get(ok, "fds")->first; n; n = n->next) {
		(void)snprintf(k.names + strlen(k.names), sizeof(k.names) - strlen(k.names),
			       "%s\"%s\"", k.n ? "," : "", n->text);
		k.fds[k.n++] = cps_frame_take_fd(&f, n->text);
	}
	return k;
}

static void restore(struct kept *k)
{
	const struct cps_json *ok = NULL;
	char members[256];
	struct cps_frame f;
	struct cps_err err;

	(void)snprintf(members, sizeof(members), "\"op\":\"restore\",\"fds\":[%s]", k->names);
	h_reply(&h, h.sock, h_send(&h, h.sock, members, k->fds, k->n), &f);
	ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s", err.msg);
	for (unsigned i = 0; i < k->n; i++)
		(void)close(k->fds[i]);
}

static bool kernel_tells(void)
{
	pid_t pid = fork();
	int status = 0;
	int pidfd;
	int rc;

	if (pid == 0)
		_exit(9);
	pidfd = cps_pidfd_open(pid);
	(void)waitpid(pid, NULL, 0);
	rc = cps_pidfd_exit_status(pidfd, pid, &status);
	(void)close(pidfd);
	return rc == 0 && WEXITSTATUS(status) == 9;
}

/* Everything is over, init has been reaped, and nothing is lost. */
START_TEST(what_a_dead_container_has_said_and_how_it_ended)
{
	const struct cps_json *exit_object;
	struct kept k;
	char *text;
	pid_t pid;
	int num;

	h_run(&h,
	      SH("echo up; read x; trap 'echo last words; printf tail >&2; exit 9' TERM; "
		 "while :; do sleep 0.01; done"),
	      "");
	h_file_has(&h, "log", "up");
	(void)usleep(100000);
	pid = (pid_t)h_num(h_ok(&h, "\"op\":\"state\""), "pid");
	k = keep();
	ck_assert_str_eq(k.names, "\"pidfd\",\"stdout\",\"stderr\"");
	h_kill_shim(&h);
	(void)kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(h_adopter(&h, &num));
	restore(&k);
	(void)h_ok(&h, "\"op\":\"adopt\"");
	exit_object = h_ok(&h, "\"op\":\"wait\"");
	ck_assert(cps_json_get(exit_object, "known")->boolean == kernel_tells());
	ck_assert_int_eq(h_num(exit_object, "code"), kernel_tells() ? 9 : 255);
	h_file_has(&h, "log", "stdout F last words\n");
	h_file_has(&h, "log", "stderr P tail\n");
	text = h_log_text(&h, "log", NULL);
	ck_assert_int_eq(strncmp(text, "up\n", 3), 0);
	free(text);
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(a_terminal_that_was_kept)
{
	struct cps_frame f;
	struct kept k;
	int pipes[2];
	int num;

	h_run(&h,
	      "{\"terminal\":true,\"args\":[\"sh\",\"-c\",\"echo up; while read x; do echo got "
	      "$x; [ $x = stop ] && exit 3; done; exit 7\"]}",
	      "");
	h_file_has(&h, "log", "up");
	k = keep();
	ck_assert_str_eq(k.names, "\"pidfd\",\"console\"");
	h_kill_shim(&h);
	ck_assert(h_adopter(&h, &num));
	restore(&k);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"adopt\""), "status"), "running");
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	h_reply(&h, h.sock,
		h_send(&h, h.sock, "\"op\":\"attach\",\"fds\":[\"stdin\"]", &pipes[0], 1), &f);
	ck_assert(cps_json_get(cps_json_get(f.body, "ok"), "terminal")->boolean);
	ck_assert_int_eq(write(pipes[1], "stop\n", 5), 5);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	h_file_has(&h, "log", "got stop");
}
END_TEST

START_TEST(a_terminal_that_was_not)
{
	h_run(&h,
	      "{\"terminal\":true,\"args\":[\"sh\",\"-c\",\"trap '' HUP; echo up; printf half; "
	      "exec sleep 60\"]}",
	      "");
	h_file_has(&h, "log", "up");
	(void)usleep(50000);
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "running");
	h_file_has(&h, "shim.log", "its terminal hung up");
	h_file_has(&h, "log", "stdout P half\n"); /* no more will come */
	ck_assert(cps_json_get(h_ok(&h, "\"op\":\"state\""), "terminal")->boolean);
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), 9);
}
END_TEST

START_TEST(a_terminal_of_a_job_that_was_not)
{
	char says[128];
	const char *id;

	h_run(&h, SH("exec sleep 60"), "");
	id = job(SH("trap '' HUP; echo up; exec sleep 60"), ",\"terminal\":true");
	job_log_has(id, "up");
	h_kill_shim(&h);
	(void)h_adopt(&h);
	(void)snprintf(says, sizeof(says), "exec %s: its terminal hung up", id);
	h_file_has(&h, "shim.log", says);
	ck_assert_str_eq(h_str(listed(id), "status"), "running");
	(void)h_ok(&h, "\"op\":\"kill\",\"exec\":\"%s\",\"signal\":9", id);
	ck_assert_int_eq(h_num(exec_wait(id), "signal"), 9);
}
END_TEST

START_TEST(descriptors_for_nobody_are_closed)
{
	char path[64];
	struct kept k;
	int num;

	h_run(&h, SH("exec sleep 60"), "");
	k = keep();
	h_kill_shim(&h);
	ck_assert(h_adopter(&h, &num));
	for (int i = 0; i < 3; i++) {
		struct kept copy = k;
		struct cps_frame f;
		char members[256];

		for (unsigned n = 0; n < k.n; n++)
			copy.fds[n] = fcntl(k.fds[n], F_DUPFD_CLOEXEC, 3);
		if (i == 2)
			break;
		(void)snprintf(members, sizeof(members),
			       "\"op\":\"restore\",\"exec\":\"0000%d\",\"fds\":[%s]", i, k.names);
		h_reply(&h, h.sock, h_send(&h, h.sock, members, copy.fds, copy.n), &f);
		ck_assert_ptr_nonnull(cps_json_get(f.body, "ok"));
		for (unsigned n = 0; n < k.n; n++)
			(void)close(copy.fds[n]);
	}
	ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"restore\",\"exec\":\"%s\"",
				 "an id that is longer than any exec's id can be"),
			 EINVAL);
	restore(&k);
	(void)h_ok(&h, "\"op\":\"adopt\"");
	(void)h_ok(&h, "\"op\":\"state\"");
	/* 3 of the container, 2 FIFOs' or log's … as many as a shim has that nobody gave any */
	{
		int sum = 0;

		for (int fd = 0; fd < 256; fd++) {
			(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)h.shim, fd);
			sum += faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		}
		h_kill_shim(&h);
		(void)h_adopt(&h);
		for (int fd = 0; fd < 256; fd++) {
			(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)h.shim, fd);
			sum -= faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		}
		ck_assert_int_eq(sum, 0);
	}
}
END_TEST

/* ---- more ---- */

START_TEST(a_pidfd_of_a_foreground_session)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	int fds[4] = { h_process_memfd(SH("read x; exit 6")), -1, -1, -1 };
	int status = 0;
	int pidfd;
	pid_t pid;
	int in[2];

	h_run(&h, SH("exec sleep 60"), "");
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	fds[1] = in[0];
	fds[2] = fds[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
	h_reply(&h, h.sock,
		h_send(&h, h.sock,
		       "\"op\":\"exec\",\"pidfd\":true,\"fds\":[\"process\",\"stdin\",\"stdout\","
		       "\"stderr\"]",
		       fds, 4),
		&f);
	ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s", err.msg);
	pid = (pid_t)h_num(ok, "pid");
	pidfd = cps_frame_take_fd(&f, "pidfd");
	ck_assert_int_ge(pidfd, 0);
	h_kill_shim(&h);
	ck_assert_int_eq(cps_pidfd_exit_status(pidfd, pid, &status), -EAGAIN);
	ck_assert_int_eq(write(in[1], "\n", 1), 1);
	h_wait_zombie(pid);
	ck_assert_int_eq(cps_pidfd_exit_status(pidfd, pid, &status), 0);
	ck_assert_int_eq(WEXITSTATUS(status), 6);
	/* nothing of it is a successor's business */
	(void)h_adopt(&h);
	ck_assert_uint_eq(cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->count, 0);
}
END_TEST

static void oom_count(unsigned n)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/memory.events", h.bundle);
	f = fopen(path, "we");
	(void)fprintf(f, "low 0\noom %u\noom_kill %u\n", n, n);
	(void)fclose(f);
}

/* The count of before the container is the record's, not that of the adoption. */
START_TEST(oom_kills)
{
	struct cps_frame f;

	h_start(&h, SH("exec sleep 60"), NULL);
	oom_count(2);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"state\""), "oom_kills"), 0);
	h_kill_shim(&h);
	if (_i == 1)
		oom_count(3);
	(void)h_adopt(&h);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"state\""), "oom_kills"), _i == 1);
	if (_i == 2) { /* the watch is there again */
		h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"subscribe\"", NULL, 0), &f);
		oom_count(3);
		(void)h_event(&h, h.sock, "oom");
	}
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(cps_json_get(h_ok(&h, "\"op\":\"wait\""), "oom")->boolean, _i >= 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("restore");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, jobs_that_run);
	tcase_add_test(tc, jobs_that_have_ended);
	tcase_add_test(tc, jobs_beyond_the_most_that_is_kept);
	tcase_add_loop_test(tc, an_exec_that_was_under_way, 0, 2);
	tcase_add_test(tc, a_damaged_record_harms_its_job_only);
	tcase_add_test(tc, what_a_dead_container_has_said_and_how_it_ended);
	tcase_add_test(tc, a_terminal_that_was_kept);
	tcase_add_test(tc, a_terminal_that_was_not);
	tcase_add_test(tc, a_terminal_of_a_job_that_was_not);
	tcase_add_test(tc, descriptors_for_nobody_are_closed);
	tcase_add_test(tc, a_pidfd_of_a_foreground_session);
	tcase_add_loop_test(tc, oom_kills, 0, 3);
	return h_main("shim-restore", tc);
}
