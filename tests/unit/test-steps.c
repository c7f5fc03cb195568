/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine with tables of its own: order of rows across the two processes, what becomes of
 * failures and deaths on either side, undo.
 */
#include <config.h>

#include "steps.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "baton.h"
#include "own.h"
#include "proc.h"
#include "unit.h"

/* What was run, by whom: seen by both. Capitals are init's. */
static char *trace;
static struct cps_arena arena = CPS_ARENA_INIT;
static struct rt_request req = { .link = -1, .at_once = true };
static struct rt_ctx ctx;
static struct cps_err err;
static char wrong; /* the row with this letter does what `how` says */
static enum { FAIL, DIE } how;

static int note(struct rt_ctx *c, char letter, struct cps_err *e)
{
	trace[strlen(trace)] = letter;
	if (letter != wrong)
		return 0;
	if (how == DIE)
		(void)kill(getpid(), SIGKILL);
	(void)c;
	return cps_failx(e, EXDEV, "this is the cause");
}

#define ROW(letter)                                                  \
	static int run_##letter(struct rt_ctx *c, struct cps_err *e) \
	{                                                            \
		return note(c, (#letter)[0], e);                     \
	}
ROW(a)
ROW(b)
ROW(c)
ROW(d)
ROW(e)
ROW(X)
ROW(Y)
ROW(Z)

static void undo_a(struct rt_ctx *c)
{
	(void)c;
	strcat(trace, "-a");
}

static void undo_c(struct rt_ctx *c)
{
	(void)c;
	strcat(trace, "-c");
}

static int run_spawn(struct rt_ctx *c, struct cps_err *e)
{
	int rc = rt_baton_open(c->baton, e);
	pid_t pid;

	if (rc < 0)
		return rc;
	pid = fork();
	c->split = true;
	if (pid == 0) {
		c->in_init = true;
		c->report = c->baton[1];
		cps_close(&c->baton[0]);
		return 0;
	}
	cps_close(&c->baton[1]);
	c->pid = pid;
	c->pidfd = cps_pidfd_open(pid);
	return 0;
}

static void undo_spawn(struct rt_ctx *c)
{
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
	}
	strcat(trace, "-s");
}

static int run_exec(struct rt_ctx *c, struct cps_err *e)
{
	(void)c;
	strcat(trace, "!");
	(void)execl("/bin/true", "true", NULL);
	return cps_fail(e, errno, "exec");
}

static bool never(const struct rt_ctx *c)
{
	(void)c;
	return false;
}

/* A turn of the runtime's right behind the clone, in some tests. */
static bool with_e;

static bool want_e(const struct rt_ctx *c)
{
	(void)c;
	return with_e;
}

static const struct rt_step rows[] = {
	{ RT_HOST, "row-a", NULL, run_a, undo_a },
	{ RT_HOST, "spawn", NULL, run_spawn, undo_spawn },
	{ RT_HOST, "row-e", want_e, run_e, NULL },
	{ RT_BESIDE, "row-b", NULL, run_b, NULL },
	{ RT_INIT, "row-X", NULL, run_X, NULL },
	{ RT_HOST, "unwanted", never, run_d, undo_a },
	{ RT_INIT, "row-Y", NULL, run_Y, NULL },
	{ RT_HOST, "row-c", NULL, run_c, undo_c },
	{ RT_HOST, "row-d", NULL, run_d, NULL },
	{ RT_START, "row-Z", NULL, run_Z, NULL },
	{ RT_START, "exec", NULL, run_exec, NULL },
};

static const struct rt_table table = { "test", rows, sizeof(rows) / sizeof(rows[0]) };

static int run(char letter, int what)
{
	trace = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	rt_ctx_init(&ctx, &req, &arena);
	ctx.shared = mmap(NULL, sizeof(*ctx.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	wrong = letter;
	how = what;
	return rt_steps_run(&table, &ctx, &err);
}

/* The letters of trace that are in set, in their order: b runs beside X and Y. */
static void check_order(const char *set, const char *wanted)
{
	char got[64] = "";

	for (const char *p = trace; *p; p++)
		if (strchr(set, *p))
			got[strlen(got)] = *p;
	ck_assert_str_eq(got, wanted);
}

START_TEST(test_rows_run_in_order_on_their_sides)
{
	unsigned fds = unit_fd_count();
	int status;

	ck_assert_ok(run(0, FAIL), err);
	check_order("aXYcdZ!", "aXYcdZ!");
	check_order("abZ", "abZ");
	ck_assert_int_eq(waitpid(ctx.pid, &status, 0), ctx.pid);
	ck_assert_int_eq(status, 0);
	rt_ctx_done(&ctx);
	ck_assert_uint_eq(unit_fd_count(), fds);
}
END_TEST

START_TEST(test_a_failure_names_its_row_and_all_is_undone)
{
	static const struct {
		char letter;
		const char *row, *undone;
	} cases[] = {
		{ 'a', "row-a: this is the cause", "-a" },
		{ 'b', "row-b: this is the cause", "-s-a" },
		{ 'X', "row-X: this is the cause", "-s-a" },
		{ 'Y', "row-Y: this is the cause", "-s-a" },
		{ 'c', "row-c: this is the cause", "-c-s-a" },
		{ 'd', "row-d: this is the cause", "-c-s-a" },
		{ 'Z', "row-Z: this is the cause", "-c-s-a" },
	};
	unsigned fds = unit_fd_count();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(run(cases[i].letter, FAIL), -EXDEV);
		ck_assert_str_eq(err.msg, cases[i].row);
		ck_assert_int_eq(strncmp(ctx.failed_step, cases[i].row, 5), 0);
		ck_assert_msg(strstr(trace, cases[i].undone), "%s", trace);
		ck_assert(!strchr(trace, '!'));
		ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
		rt_ctx_done(&ctx);
		ck_assert_uint_eq(unit_fd_count(), fds);
	}
}
END_TEST

START_TEST(test_a_silent_death_is_named_after_its_row)
{
	for (const char *p = "XYZ"; *p; p++) {
		char row[8] = { 'r', 'o', 'w', '-', *p };

		ck_assert_int_eq(run(*p, DIE), -ECHILD);
		ck_assert_ptr_nonnull(strstr(err.msg, row));
		ck_assert_ptr_nonnull(strstr(err.msg, "killed by signal 9"));
		ck_assert_ptr_nonnull(strstr(trace, "-s-a"));
		rt_ctx_done(&ctx);
	}
}
END_TEST

/* create: nobody stays to see the start; the runtime's part is over when the gate is reached. */
START_TEST(test_the_runtime_of_create_leaves_at_the_gate)
{
	req.at_once = false;
	ck_assert_ok(run('Z', FAIL), err);
	ck_assert_int_eq(waitpid(ctx.pid, NULL, 0), ctx.pid);
	check_order("aXYcdZ", "aXYcdZ");
	rt_ctx_done(&ctx);
}
END_TEST

/* The runtime has the first turn, then works beside init: init must have been let go by then. */
START_TEST(test_beside_does_not_hold_init_up)
{
	int status;

	with_e = true;
	ck_assert_ok(run(0, FAIL), err);
	check_order("aeXYcdZ!", "aeXYcdZ!");
	check_order("aebZ", "aebZ");
	ck_assert_int_eq(waitpid(ctx.pid, &status, 0), ctx.pid);
	rt_ctx_done(&ctx);
	ck_assert_int_eq(run('b', FAIL), -EXDEV);
	ck_assert_str_eq(err.msg, "row-b: this is the cause");
	rt_ctx_done(&ctx);
	ck_assert_int_eq(run('e', FAIL), -EXDEV);
	ck_assert_ptr_null(strchr(trace, 'X'));
	rt_ctx_done(&ctx);
}
END_TEST

START_TEST(test_undo_after_success)
{
	ck_assert_ok(run(0, FAIL), err);
	rt_steps_undo(&table, &ctx);
	ck_assert_ptr_nonnull(strstr(trace, "-c-s-a"));
	rt_ctx_done(&ctx);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_rows_run_in_order_on_their_sides,
		test_a_failure_names_its_row_and_all_is_undone,
		test_a_silent_death_is_named_after_its_row,
		test_the_runtime_of_create_leaves_at_the_gate,
		test_beside_does_not_hold_init_up,
		test_undo_after_success,
		NULL,
	};

	return unit_main("steps", tests);
}
