/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that take output: what they are started with, when they are ready, how they end.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "logger.h"
#include "own.h"
#include "streams.h"
#include "uri.h"

START_TEST(uris_as_go_reads_them)
{
	static const struct {
		const char *text, *argv[6];
	} good[] = {
		{ "binary:///bin/log", { "/bin/log" } },
		{ "binary:///bin/log?", { "/bin/log" } },
		{ "binary:///bin/a%20b%3F?x=1&y=%2Fz+z", { "/bin/a b?", "x", "1", "y", "/z z" } },
		{ "binary:///l?&only&&x==#f?y=1", { "/l", "only", "", "x", "=" } },
		{ "binary:///l?x=1&y=2&x=3#a", { "/l", "x", "1", "y", "2" } },
		{ "file:///l#a?x=1", { "/l" } },
		{ "file:///a+b", { "/a+b" } },
	};
	static const char *const bad[] = { "file://l",	     "file://",	      "file://host/l",
					   "binary:///l%",   "file:///%4",    "file:///%zz",
					   "file:///a%00/b", "binary:///l?%", "binary:///l?x=%0" };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct task_uri u;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = 0;

		ck_assert_ok(task_uri_parse(&a, good[i].text, &u, &err), err);
		for (; good[i].argv[n]; n++)
			ck_assert_str_eq(u.argv[n], good[i].argv[n]);
		ck_assert_uint_eq(u.argc, n);
		ck_assert_ptr_null(u.argv[n]);
		ck_assert_str_eq(u.path, u.argv[0]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_err(task_uri_parse(&a, bad[i], &u, &err), EINVAL, err, "stdio '");
	ck_assert(task_uri_is("binary:///l", "binary"));
	ck_assert(!task_uri_is("binary-v2:///l", "binary"));
	ck_assert(!task_uri_is("/a/path", NULL));
}
END_TEST

/* ---- programs ---- */

struct box {
	struct event_base *base;
	struct event *child_event;
	struct task_children children;
	struct task_loggers all;
	struct task_logger *logger;
	unsigned changes;
	char noted[512];
	int dir;
	char path[64]; /* of dir */
	char uri[128];
	unsigned fds;
};

static void on_child(evutil_socket_t signal, short what, void *arg)
{
	struct box *b = arg;
	int status;
	pid_t pid;

	(void)signal;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		ck_assert(task_children_reaped(&b->children, pid, status));
}

static void on_changed(void *owner)
{
	struct box *b = owner;

	b->changes++;
}

static void on_note(void *owner, const char *text)
{
	struct box *b = owner;

	(void)snprintf(b->noted, sizeof(b->noted), "%s", text);
}

/* A script as the logger; its working directory is not the one that it writes to. */
static struct box *box_open(const char *script)
{
	struct box *b = calloc(1, sizeof(*b));
	char text[1024];

	ck_assert_ptr_nonnull(b);
	b->base = event_base_new();
	b->child_event = evsignal_new(b->base, SIGCHLD, on_child, b);
	ck_assert_int_eq(event_add(b->child_event, NULL), 0);
	LIST_INIT(&b->children);
	task_loggers_init(&b->all, b->base, &b->children, "space");
	b->all.note = on_note;
	b->dir = unit_dir();
	(void)snprintf(b->path, sizeof(b->path), "/proc/%d/fd/%d", (int)getpid(), b->dir);
	(void)snprintf(text, sizeof(text), "#!/bin/bash\nD=%s\n%s\n", b->path, script);
	unit_put(b->dir, "logger", text);
	ck_assert_int_eq(fchmodat(b->dir, "logger", 0755, 0), 0);
	(void)snprintf(b->uri, sizeof(b->uri), "binary://%s/logger", b->path);
	b->fds = unit_fd_count();
	return b;
}

static int start(struct box *b, struct cps_err *err)
{
	return task_logger_start(&b->all, b->uri, "c1", on_changed, b, &b->logger, err);
}

/* Until that many changes have been told. */
static void changes_wait(struct box *b, unsigned count)
{
	while (b->changes < count)
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
}

static void box_close(struct box *b)
{
	task_logger_release(b->logger);
	while (!LIST_EMPTY(&b->all.list))
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
	ck_assert(LIST_EMPTY(&b->children));
	ck_assert_uint_eq(unit_fd_count(), b->fds);
	event_free(b->child_event);
	event_base_free(b->base);
	cps_close(&b->dir);
	free(b);
}

/* Writes to both pipes, lets go of them, and waits for the logger's end. */
static void output_write(struct box *b, const char *out, const char *err_text)
{
	int fds[2];

	task_logger_take(b->logger, &fds[0], &fds[1]);
	ck_assert_int_eq(write(fds[0], out, strlen(out)), (ssize_t)strlen(out));
	ck_assert_int_eq(write(fds[1], err_text, strlen(err_text)), (ssize_t)strlen(err_text));
	cps_close(&fds[0]);
	cps_close(&fds[1]);
}

START_TEST(a_logger_gets_output_arguments_and_environment)
{
	struct box *b = box_open("for n in {0..99}; do [ ! -e /proc/$$/fd/$n ] || all+=$n; done\n"
				 "printf '%s|' \"$@\" $CONTAINER_ID $CONTAINER_NAMESPACE $PWD $all "
				 ">$D/args\n"
				 "env | cut -d = -f 1 | sort >$D/env\n"
				 "readlink /proc/$$/fd/[012] >$D/stdio\n"
				 "echo >&5; echo >&5\n" /* the second one must not hurt */
				 "cat <&3 >$D/out; cat <&4 >$D/err");
	struct cps_err err;

	(void)snprintf(b->uri + strlen(b->uri), sizeof(b->uri) - strlen(b->uri), "?a=1&b=x%%20y");
	ck_assert_ok(start(b, &err), err);
	ck_assert_err(task_logger_ready(b->logger, &err), EINPROGRESS, err, "not ready");
	changes_wait(b, 1);
	ck_assert_ok(task_logger_ready(b->logger, &err), err);
	ck_assert(!task_logger_is_done(b->logger));
	output_write(b, "hello\n", "wrong\n");
	changes_wait(b, 2);
	ck_assert(task_logger_is_done(b->logger));
	unit_check_content(b->dir, "out", "hello\n");
	unit_check_content(b->dir, "err", "wrong\n");
	unit_check_content(b->dir, "args", "a|1|b|x y|c1|space|/|012345|");
	/* the last three are the shell's own */
	unit_check_content(b->dir, "env", "CONTAINER_ID\nCONTAINER_NAMESPACE\nPWD\nSHLVL\n_\n");
	unit_check_content(b->dir, "stdio", "/dev/null\n/dev/null\n/dev/null\n");
	ck_assert_str_eq(b->noted, "");
	box_close(b);
}
END_TEST

START_TEST(ready_is_who_closes_the_descriptor)
{
	struct box *b = box_open("exec 5>&-; cat <&3 >$D/out");
	struct cps_err err;

	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	ck_assert_ok(task_logger_ready(b->logger, &err), err);
	output_write(b, "hello\n", "");
	changes_wait(b, 2);
	unit_check_content(b->dir, "out", "hello\n");
	box_close(b);
}
END_TEST

/* An end that looks like closing the descriptor, a hundred times. */
START_TEST(who_dies_first_is_not_ready)
{
	struct box *b = box_open("exit 3");
	struct cps_err err;

	for (unsigned i = 1; i <= 100; i++) {
		b->changes = 0;
		ck_assert_ok(start(b, &err), err);
		changes_wait(b, 1);
		ck_assert_err(task_logger_ready(b->logger, &err), EIO, err,
			      "has ended with status 3 before it was ready");
		ck_assert(task_logger_is_done(b->logger));
		task_logger_release(take_ptr(&b->logger));
	}
	box_close(b);
	b = box_open("kill -9 $$");
	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	ck_assert_err(task_logger_ready(b->logger, &err), EIO, err, "ended with signal 9 before");
	box_close(b);
}
END_TEST

START_TEST(who_must_write_a_byte_is_not_ready_without_it)
{
	struct box *b = box_open("exec 5>&-; cat <&3 >$D/out");
	struct cps_err err;

	(void)snprintf(b->uri, sizeof(b->uri), "binary-v2://%s/logger", b->path);
	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	ck_assert_err(task_logger_ready(b->logger, &err), EIO, err,
		      "has not said that it is ready");
	box_close(b);
	b = box_open("echo >&5; cat <&3 >$D/out");
	(void)snprintf(b->uri, sizeof(b->uri), "binary-v2://%s/logger", b->path);
	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	ck_assert_ok(task_logger_ready(b->logger, &err), err);
	box_close(b);
}
END_TEST

START_TEST(who_never_says_so_is_killed)
{
	struct box *b = box_open("trap '' TERM; while :; do sleep 1000 5>&- & wait; done");
	struct cps_err err;

	b->all.ready_ms = 300;
	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	ck_assert_err(task_logger_ready(b->logger, &err), EIO, err, "is not ready in time");
	box_close(b);
}
END_TEST

START_TEST(programs_that_are_not_there)
{
	struct box *b = box_open("");
	struct cps_err err;

	(void)snprintf(b->uri, sizeof(b->uri), "binary:///no/such/logger");
	ck_assert_err(start(b, &err), ENOENT, err, "logger '/no/such/logger'");
	(void)snprintf(b->uri, sizeof(b->uri), "binary:///etc/passwd");
	ck_assert_err(start(b, &err), EACCES, err, "logger '/etc/passwd'");
	box_close(b);
}
END_TEST

/* It takes a line, and dies; what comes meanwhile waits for the next one. */
START_TEST(who_dies_is_started_again_and_nothing_is_lost)
{
	struct box *b = box_open("echo >&5; read -r line <&3; echo \"$line\" >>$D/out\n"
				 "[ \"$line\" = three ] || kill -9 $$");
	struct cps_err err;
	int fds[2];

	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	task_logger_take(b->logger, &fds[0], &fds[1]);
	ck_assert_int_eq(write(fds[0], "one\n", 4), 4);
	changes_wait(b, 2); /* dead */
	ck_assert(!task_logger_is_done(b->logger));
	ck_assert_ptr_nonnull(strstr(b->noted, "ended with signal 9, and is started again"));
	ck_assert_int_eq(write(fds[0], "two\nthree\n", 10), 10);
	cps_close(&fds[0]);
	cps_close(&fds[1]);
	while (!task_logger_is_done(b->logger))
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
	unit_check_content(b->dir, "out", "one\ntwo\nthree\n");
	box_close(b);
}
END_TEST

/* Somebody else has the pipe, and it does not heed SIGTERM. */
START_TEST(who_does_not_end_is_asked_to_and_then_killed)
{
	struct box *b = box_open("trap 'echo asked >$D/out' TERM; echo >&5\n"
				 "while :; do read -r line <&3; done");
	struct cps_err err;
	int fds[2];

	b->all.end_ms = 100;
	b->all.kill_ms = 500;
	ck_assert_ok(start(b, &err), err);
	changes_wait(b, 1);
	task_logger_take(b->logger, &fds[0], &fds[1]);
	b->fds += 2;
	task_logger_release(take_ptr(&b->logger));
	while (!LIST_EMPTY(&b->all.list))
		ck_assert_int_eq(event_base_loop(b->base, EVLOOP_ONCE), 0);
	unit_check_content(b->dir, "out", "asked\n");
	box_close(b);
	cps_close(&fds[0]);
	cps_close(&fds[1]);
}
END_TEST

/* stderr goes where stdout does; with a terminal there is none. */
START_TEST(streams_of_a_process_with_a_logger)
{
	struct box *b = box_open("echo >&5; cat <&3 >$D/out; cat <&4 >>$D/out; echo end >>$D/out");
	const struct task_streams_host host = {
		.loggers = &b->all, .id = "c1", .changed = on_changed, .owner = b
	};
	struct task_streams io;
	struct cps_err err;
	int fds[3];

	for (int terminal = 0; terminal < 2; terminal++) {
		b->changes = 0;
		ck_assert_ok(
			task_streams_init(&io, &host, "", b->uri, "/no/such/fifo", terminal, &err),
			err);
		ck_assert(task_streams_are_settled(&io));
		ck_assert_err(task_streams_open(&io, fds, &err), EINPROGRESS, err, "not ready");
		changes_wait(b, 1);
		ck_assert_ok(task_streams_open(&io, fds, &err), err);
		ck_assert_int_eq(write(fds[1], "one ", 4), 4);
		if (terminal)
			ck_assert_int_eq(fds[2], -1);
		else
			ck_assert_int_eq(write(fds[2], "two ", 4), 4);
		for (int i = 0; i < 3; i++)
			cps_close(&fds[i]);
		ck_assert(!task_streams_are_settled(&io));
		changes_wait(b, 2);
		ck_assert(task_streams_are_settled(&io));
		unit_check_content(b->dir, "out", terminal ? "one end\n" : "one two end\n");
		task_streams_done(&io);
	}
	box_close(b);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		uris_as_go_reads_them,
		a_logger_gets_output_arguments_and_environment,
		ready_is_who_closes_the_descriptor,
		who_dies_first_is_not_ready,
		who_must_write_a_byte_is_not_ready_without_it,
		who_never_says_so_is_killed,
		programs_that_are_not_there,
		who_dies_is_started_again_and_nothing_is_lost,
		who_does_not_end_is_asked_to_and_then_killed,
		streams_of_a_process_with_a_logger,
		NULL,
	};

	return unit_main("task-logger", tests);
}
