/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keepers: what they get, that it is worth something once the shim is dead, and that they are no
 * burden to anybody.
 */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "own.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

/* The names of a frame's descriptors, with blanks between them. */
static const char *names(const struct cps_frame *f)
{
	static char text[128];
	const struct cps_json *body =
		f->kind == CPS_FRAME_REPLY ? cps_json_get(f->body, "ok") : f->body;
	const struct cps_json *fds = cps_json_get(body, "fds");

	text[0] = '\0';
	for (const struct cps_json *n = fds ? fds->first : NULL; n; n = n->next) {
		(void)strcat(text, n->text);
		(void)strcat(text, n->next ? " " : "");
	}
	return text;
}

static int keeper(struct cps_frame *f)
{
	int sock = h_connect(&h);

	h_reply(&h, sock, h_send(&h, sock, "\"op\":\"keep\"", NULL, 0), f);
	ck_assert_ptr_nonnull(cps_json_get(f->body, "ok"));
	return sock;
}

static void event(int sock, const char *name, struct cps_frame *f)
{
	do {
		ck_assert_msg(h_recv(&h, sock, f), "the shim closed the connection");
	} while (f->kind != CPS_FRAME_EVENT || strcmp(h_str(f->body, "event"), name) != 0);
}

static const char *exec_begin(const char *process, const char *more)
{
	int fds[4] = { h_process_memfd(process), open("/dev/null", O_RDWR | O_CLOEXEC), -1, -1 };
	bool own = strstr(more, "\"detach\":true") != NULL;
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	char members[512];

	fds[2] = fds[3] = fds[1];
	(void)snprintf(members, sizeof(members), "\"op\":\"exec\"%s,\"fds\":[%s]", more,
		       own ? "\"process\"" : "\"process\",\"stdin\",\"stdout\",\"stderr\"");
	h_reply(&h, h.sock, h_send(&h, h.sock, members, fds, own ? 1 : 4), &f);
	ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s", err.msg);
	(void)close(fds[0]);
	(void)close(fds[1]);
	return h_str(ok, "exec");
}

/* Is it our end of that FIFO, for reading? */
static void is_fifo(int fd, const char *name)
{
	struct stat a;
	struct stat b;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", h.state, name);
	ck_assert_int_eq(stat(path, &a), 0);
	ck_assert_int_eq(fstat(fd, &b), 0);
	ck_assert(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
}

static void readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
}

START_TEST(before_create_then_with_created)
{
	struct cps_frame f;
	int sock;
	int other;

	h_start(&h, SH("exit 3"), NULL);
	sock = keeper(&f);
	ck_assert_str_eq(names(&f), "");
	other = h_connect(&h);
	h_reply(&h, other, h_send(&h, other, "\"op\":\"subscribe\"", NULL, 0), &f);
	h_create(&h);
	event(sock, "created", &f);
	ck_assert_str_eq(names(&f), "pidfd stdout stderr");
	is_fifo(f.fds[1], "stdout");
	is_fifo(f.fds[2], "stderr");
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = f.fds[0], .events = POLLIN }, 1, 0), 0);
	(void)h_ok(&h, "\"op\":\"start\"");
	readable(f.fds[0]);
	cps_frame_done(&f);
	event(other, "created", &f); /* who has only subscribed gets the news and no descriptors */
	ck_assert_str_eq(names(&f), "");
	event(sock, "exited", &f);
	/* its exit is on record: there is nothing to be kept any more */
	(void)close(keeper(&f));
	ck_assert_str_eq(names(&f), "");
	(void)close(sock);
	(void)close(other);
}
END_TEST

START_TEST(the_shim_dies_and_nothing_is_lost)
{
	struct cps_frame f;
	char text[64] = "";
	int status;
	int sock;

	h_run(&h, SH("sleep 0.5; echo after; echo error >&2; exit 7"), "");
	sock = keeper(&f);
	ck_assert_str_eq(names(&f), "pidfd stdout stderr");
	ck_assert_int_eq(kill(h.shim, SIGKILL), 0);
	ck_assert_int_eq(waitpid(h.shim, &status, 0), h.shim);
	h.shim = 0;
	readable(f.fds[0]);
	ck_assert_int_eq(read(f.fds[1], text, sizeof(text)), 6);
	ck_assert_str_eq(text, "after\n");
	ck_assert_int_eq(read(f.fds[2], text, sizeof(text)), 6);
	ck_assert_str_eq(text, "error\n");
	cps_frame_done(&f);
	(void)close(sock);
}
END_TEST

START_TEST(a_kept_terminal_lives_on)
{
	struct cps_frame f;
	char text[64] = "";
	int status;
	int sock;

	h_run(&h, SH_TERMINAL("read x; echo got $x; exit 7"), "");
	sock = keeper(&f);
	ck_assert_str_eq(names(&f), "pidfd console");
	ck_assert(isatty(f.fds[1]));
	ck_assert_int_eq(kill(h.shim, SIGKILL), 0);
	ck_assert_int_eq(waitpid(h.shim, &status, 0), h.shim);
	h.shim = 0;
	ck_assert_int_eq(write(f.fds[1], "word\n", 5), 5);
	readable(f.fds[0]); /* by itself: nothing has hung it up */
	ck_assert_int_gt(read(f.fds[1], text, sizeof(text) - 1), 0);
	if (!strstr(text, "got word"))
		ck_assert_int_gt(read(f.fds[1], text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(strstr(text, "got word"));
	cps_frame_done(&f);
	(void)close(sock);
}
END_TEST

START_TEST(stdin_is_not_kept)
{
	struct cps_frame f;
	int in[2];
	int sock;

	h_run(&h, SH("cat; exit 5"), ",\"stdin\":\"fifo\"");
	sock = keeper(&f);
	ck_assert_str_eq(names(&f), "pidfd stdout stderr");
	cps_frame_done(&f);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	h_reply(&h, h.sock, h_send(&h, h.sock, "\"op\":\"attach\",\"fds\":[\"stdin\"]", &in[0], 1),
		&f);
	(void)close(in[0]);
	(void)close(in[1]);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 5);
	(void)close(sock);
}
END_TEST

START_TEST(jobs)
{
	struct cps_frame f;
	const char *job;
	char name[128];
	int sock;
	int late;

	h_run(&h, SH("sleep 60"), "");
	sock = keeper(&f);
	cps_frame_done(&f);
	(void)exec_begin(SH("exit 0"), "");
	event(sock, "exec-started", &f);
	ck_assert_str_eq(names(&f), ""); /* its client's, not ours */
	job = exec_begin(SH("sleep 60"), ",\"detach\":true");
	event(sock, "exec-started", &f);
	ck_assert_str_eq(h_str(f.body, "exec"), job);
	ck_assert_str_eq(names(&f), "pidfd stdout stderr");
	(void)snprintf(name, sizeof(name), "exec/%s/stdout", job);
	is_fifo(f.fds[1], name);
	cps_frame_done(&f);

	late = keeper(&f); /* what runs already is told behind the reply */
	ck_assert_str_eq(names(&f), "pidfd stdout stderr");
	cps_frame_done(&f);
	ck_assert(h_recv(&h, late, &f));
	ck_assert_str_eq(h_str(f.body, "event"), "exec-started");
	ck_assert_str_eq(h_str(f.body, "exec"), job);
	ck_assert_str_eq(names(&f), "pidfd stdout stderr");
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9,\"exec\":\"%s\"", job);
	readable(f.fds[0]);
	cps_frame_done(&f);
	event(late, "exec-exited", &f);
	(void)close(late);

	late = keeper(&f); /* and what is over is not */
	cps_frame_done(&f);
	h_reply(&h, late, h_send(&h, late, "\"op\":\"state\"", NULL, 0), &f);
	(void)close(late);
	(void)close(sock);
}
END_TEST

START_TEST(a_job_with_a_terminal)
{
	struct cps_frame f;
	int sock;

	h_run(&h, SH("sleep 60"), "");
	sock = keeper(&f);
	cps_frame_done(&f);
	(void)exec_begin(SH("sleep 60"), ",\"detach\":true,\"terminal\":true");
	event(sock, "exec-started", &f);
	ck_assert_str_eq(names(&f), "pidfd console");
	ck_assert(isatty(f.fds[1]));
	cps_frame_done(&f);
	(void)close(sock);
}
END_TEST

/* An idle shim lives as long as somebody may ask it for a container; a keeper never does. */
START_TEST(a_keeper_alone_is_no_company)
{
	struct cps_frame f;
	int sock;

	h_start(&h, SH("true"), NULL);
	sock = keeper(&f);
	cps_close(&h.sock);
	h_shim_gone(&h, 0);
	(void)close(sock);
}
END_TEST

START_TEST(nor_one_that_says_so_when_the_others_have_left)
{
	struct cps_frame f;
	int sock;

	h_start(&h, SH("true"), NULL);
	sock = h_connect(&h);
	cps_close(&h.sock);
	(void)usleep(50000);
	h_reply(&h, sock, h_send(&h, sock, "\"op\":\"keep\"", NULL, 0), &f);
	h_shim_gone(&h, 0);
	(void)close(sock);
}
END_TEST

START_TEST(nor_after_a_create_that_failed)
{
	struct cps_frame f;
	char members[256];
	int sock;

	h_start(&h, SH("true"),
		"{\"create\":{\"delay_ms\":300,\"fail\":\"no\",\"step\":\"mounts\"}}");
	sock = keeper(&f);
	(void)snprintf(members, sizeof(members), "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	(void)h_send(&h, h.sock, members, NULL, 0);
	cps_close(&h.sock);
	h_shim_gone(&h, 0);
	ck_assert_int_lt(access(h.state, F_OK), 0);
	(void)close(sock);
}
END_TEST

START_TEST(a_keeper_that_does_not_read_is_dropped)
{
	struct cps_frame f;
	int sock;
	bool dropped = false;

	h_run(&h, SH("sleep 60"), "");
	sock = keeper(&f);
	cps_frame_done(&f);
	for (int i = 0; i < 5000 && !dropped; i++) {
		struct pollfd p = { .fd = sock };

		(void)exec_begin("{\"args\":[\"true\"]}", "");
		dropped = poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
	}
	ck_assert(dropped);
	ck_assert_str_eq(h_str(h_ok(&h, "\"op\":\"state\""), "machine"), "running");
	(void)close(sock);
}
END_TEST

/* Keepers that come and go leave nothing behind in the shim. */
START_TEST(no_descriptor_is_left)
{
	struct cps_frame f;
	char path[64];
	struct stat before;
	struct stat after;

	h_run(&h, SH("sleep 60"), "");
	(void)exec_begin(SH("sleep 60"), ",\"detach\":true");
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)h.shim);
	ck_assert_int_eq(stat(path, &before), 0);
	for (int i = 0; i < 100; i++) {
		int sock = keeper(&f);

		cps_frame_done(&f);
		(void)close(sock);
	}
	(void)h_ok(&h, "\"op\":\"state\"");
	(void)h_ok(&h, "\"op\":\"state\"");
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(after.st_size, before.st_size);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("keep");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, before_create_then_with_created);
	tcase_add_test(tc, the_shim_dies_and_nothing_is_lost);
	tcase_add_test(tc, a_kept_terminal_lives_on);
	tcase_add_test(tc, stdin_is_not_kept);
	tcase_add_test(tc, jobs);
	tcase_add_test(tc, a_job_with_a_terminal);
	tcase_add_test(tc, a_keeper_alone_is_no_company);
	tcase_add_test(tc, nor_one_that_says_so_when_the_others_have_left);
	tcase_add_test(tc, nor_after_a_create_that_failed);
	tcase_add_test(tc, a_keeper_that_does_not_read_is_dropped);
	tcase_add_test(tc, no_descriptor_is_left);
	return h_main("shim-keep", tc);
}
