/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping between a shim's look at its links and the end of the zombies: a runtime says which
 * process it has made, and ends, and so does that process. The runtime is this program, as `serve`.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame.h"
#include "loop.h"
#include "own.h"
#include "reap.h"
#include "runtime-link.h"
#include "setup.h"
#include "shim.h"

static struct {
	struct shim shim;
	struct shim_child child;
	bool named, done, ended;
} box;

/* The runtime: it waits to be let go, makes a process that ends at once, and names it. */
static int serve(void)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct cps_frame f;
	struct cps_err err;
	siginfo_t info;
	char json[128];
	char byte;
	pid_t pid;
	int go;

	if (cps_frame_recv(3, 0, &arena, &f, &err) <= 0)
		return 2;
	go = cps_frame_take_fd(&f, "go");
	if (read(go, &byte, 1) != 1)
		return 2;
	pid = fork();
	if (pid == 0)
		_exit(3);
	/* it is dead, and not reaped: that is left to who gets it from us */
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		return 2;
	(void)snprintf(json, sizeof(json), "{\"event\":\"spawned\",\"pid\":%d}", (int)pid);
	if (cps_frame_send(3, CPS_FRAME_EVENT, 0, json, strlen(json), NULL, 0, 0, &err) < 0 ||
	    cps_reply_ok(3, f.id, "{}", NULL, 0, 0, &err) < 0)
		return 2;
	return 0;
}

static void on_exit_of(void *owner)
{
	(void)owner;
	ck_assert(box.done); /* "created" comes before "exited" */
	ck_assert_int_eq(WEXITSTATUS(box.child.status), 3);
	box.ended = true;
}

static void spawned(void *owner, pid_t pid, int pidfd)
{
	(void)owner;
	box.named = true;
	shim_child_add(&box.shim, &box.child, pid, pidfd, on_exit_of, NULL);
}

static void done(void *owner, int rc, const struct cps_err *why, const char *step)
{
	(void)owner;
	(void)step;
	ck_assert_msg(rc == 0, "%s", why->msg);
	box.done = true;
}

START_TEST(who_is_named_and_ends_while_others_are_reaped)
{
	static const struct shim_link_ops ops = { .spawned = spawned, .done = done };
	static const char request[] = "{\"op\":\"exec\",\"fds\":[\"go\"]}";
	struct shim *s = &box.shim;
	unsigned unclaimed = 0;
	struct cps_err err;
	siginfo_t info;
	int status;
	pid_t pid;
	int go[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	shim_init(s, "/nowhere", "c1");
	shim_loop_join(s, shim_loop_make());
	s->runtime_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	ck_assert_ok(
		shim_link_start(s, request, strlen(request), &go[0], 1, &ops, NULL, NULL, &err),
		err);
	/* SIGCHLD of another one: nothing is said on this link yet */
	shim_reap_begin(s);
	ck_assert(!box.named);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	ck_assert_int_eq(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0); /* the runtime's end */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (shim_reap_one(s, pid, status))
			continue;
		unclaimed++;
		ck_assert(shim_reap_late(s, pid, status));
	}
	ck_assert_uint_eq(unclaimed, 1);
	shim_reap_end(s);
	ck_assert(box.done);
	ck_assert(box.ended);
	cps_close(&go[0]);
	cps_close(&go[1]);
}
END_TEST

/* A process of nobody's stays that. */
START_TEST(orphans_are_nobody_s)
{
	struct shim *s = &box.shim;
	int status;
	pid_t pid;

	shim_init(s, "/nowhere", "c1");
	shim_loop_join(s, shim_loop_make());
	pid = fork();
	if (pid == 0)
		_exit(0);
	shim_reap_begin(s);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(!shim_reap_one(s, pid, status));
	ck_assert(!shim_reap_late(s, pid, status));
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = {
		who_is_named_and_ends_while_others_are_reaped,
		orphans_are_nobody_s,
		NULL,
	};

	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve();
	return unit_main("reap", tests);
}
