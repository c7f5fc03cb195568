/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See steps.h. What must hold:
 *  - EOF on the baton while rows remain is an error and names the row that init was running (the
 *    shared page holds it); in the last row it means that execve happened, because the
 *    baton is close-on-exec, unless the kernel says that nothing was executed.
 *  - Undo runs in reverse order of rows, in the runtime only. Init's rows need none: what they make
 *    is in namespaces that vanish with the process.
 */
#include <config.h>

#include "steps.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "baton.h"
#include "listener.h"
#include "log.h"
#include "own.h"
#include "proc.h"

const char *const rt_side_names[RT_SIDE_COUNT] = {
	[RT_HOST] = "host",
	[RT_BESIDE] = "beside",
	[RT_INIT] = "init",
	[RT_START] = "start",
};

static bool is_wanted(const struct rt_step *s, const struct rt_ctx *ctx)
{
	return !s->wanted || s->wanted(ctx);
}

static bool is_inits(const struct rt_step *s)
{
	return s->side == RT_INIT || s->side == RT_START;
}

#ifdef CAPSULE_FAULTS
/* CAPSULE_FAULT=before:ROW | after:ROW | die:ROW, for the test that loops over all rows. Read once:
 * hooks are given another environment before the last row. */
static int fault(const char *when, const struct rt_step *s, struct cps_err *err)
{
	static const char *f;
	size_t n = strlen(when);

	if (!f)
		f = getenv("CAPSULE_FAULT");
	if (!f || strncmp(f, when, n) != 0 || f[n] != ':' || strcmp(f + n + 1, s->name) != 0)
		return 0;
	if (strcmp(when, "die") == 0) {
		(void)kill(getpid(), SIGKILL);
		_exit(137); /* a pid namespace's init survives its own SIGKILL */
	}
	return cps_failx(err, EIO, "fault injected %s the step", when);
}
#else
static int fault(const char *when, const struct rt_step *s, struct cps_err *err)
{
	(void)when, (void)s, (void)err;
	return 0;
}
#endif

static int run_row(const struct rt_step *s, struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	cps_log(CPS_LOG_DEBUG, "%s: %s", rt_side_names[s->side], s->name);
	rc = fault("before", s, err);
	if (rc == 0)
		rc = fault("die", s, err);
	if (rc == 0)
		rc = s->run(ctx, err);
	if (rc >= 0)
		rc = fault("after", s, err);
	if (rc < 0)
		ctx->failed_step = s->name;
	return cps_wrap(err, rc, "%s", s->name);
}

/* Is the next row of either side ours? After the clone both sides come to the same answer. */
static bool has_turn(const struct rt_table *t, size_t row, const struct rt_ctx *ctx)
{
	for (size_t i = row; i < t->count; i++)
		if (t->rows[i].side != RT_BESIDE && is_wanted(&t->rows[i], ctx))
			return is_inits(&t->rows[i]) == ctx->in_init;
	return false;
}

/* Init reports and leaves; nobody is there to return to. */
static void init_fail(const struct rt_ctx *ctx, size_t row, const struct cps_err *err)
{
	struct cps_gate_packet b = { .kind = CPS_GATE_FAILED, .step = (uint32_t)row, .err = *err };

	if (ctx->report >= 0)
		(void)rt_baton_send(ctx->report, &b,
				    -1); /* the other end may be gone: then nobody asks */
	_exit(1);
}

static int pass_baton(struct rt_ctx *ctx, size_t row, struct cps_err *err)
{
	struct cps_gate_packet b = { .kind = CPS_GATE_DONE, .step = (uint32_t)row };
	int rc;

	rc = rt_baton_send(ctx->baton[ctx->in_init], &b, ctx->in_init ? ctx->console : -1);
	ctx->holds = false;
	if (ctx->in_init)
		cps_close(&ctx->console);
	/* EPIPE: the other side is gone; what it said last is read by whoever waits for it next. */
	if (rc < 0 && rc != -EPIPE)
		return cps_fail(err, -rc, "pass the baton");
	return 0;
}

static int silent_death(const struct rt_table *t, struct rt_ctx *ctx, struct cps_err *err)
{
	uint32_t row = ctx->shared->row;
	siginfo_t si = { 0 };

	/* ECHILD, which no step fails with: not the program's fault, whatever row it was */
	ctx->failed_step = row < t->count ? t->rows[row].name : "?";
	if (ctx->pidfd >= 0 && waitid(P_PIDFD, (id_t)ctx->pidfd, &si, WEXITED | WNOWAIT) == 0 &&
	    si.si_code != CLD_EXITED)
		return cps_failx(err, ECHILD,
				 "%s: the process running it was killed by signal %d%s",
				 ctx->failed_step, si.si_status,
				 si.si_status == SIGKILL ? " (out of memory?)" : "");
	return cps_failx(err, ECHILD, "%s: the process running it died", ctx->failed_step);
}

/* The runtime waits for its turn. At the end of the table, EOF is what it hopes for. */
static int host_wait(const struct rt_table *t, struct rt_ctx *ctx, bool at_end, struct cps_err *err)
{
	struct cps_gate_packet b;
	int fd = -1;
	int rc;

	for (;;) {
		rc = rt_baton_recv(ctx->baton[0], &b, &fd);
		if (rc < 0)
			return cps_fail(err, -rc, "receive the baton");
		if (rc == 0 || b.kind != CPS_GATE_LISTENER)
			break;
		ctx->failed_step = "seccomp";
		rc = rt_listener_forward(&ctx->spec->seccomp, &ctx->state,
					 ctx->target < 0 ? RT_STATUS_CREATING : RT_STATUS_RUNNING,
					 ctx->pid, &fd, err);
		if (rc < 0)
			return cps_wrap(err, rc, "%s", ctx->failed_step);
	}
	if (fd >= 0) {
		cps_close(&ctx->console);
		ctx->console = fd;
	}
	/* The last row is execve: that it was reached does not say that it was got through. It is
	 * our child, so it cannot be reaped before we have looked. */
	if (rc == 0)
		return at_end && ctx->shared->row == t->count - 1 &&
				       cps_proc_has_execed(ctx->pid, 0) != 0
			       ? 0
			       : silent_death(t, ctx, err);
	if (b.kind == CPS_GATE_FAILED) {
		ctx->failed_step = b.step < t->count ? t->rows[b.step].name : "?";
		*err = b.err;
		return b.err.num > 0 ? -b.err.num : -EIO;
	}
	if (b.kind != CPS_GATE_DONE || at_end)
		return cps_failx(err, EPROTO, "the container's first process is out of step");
	ctx->holds = true;
	return 0;
}

static int init_wait(struct rt_ctx *ctx)
{
	struct cps_gate_packet b;

	if (rt_baton_recv(ctx->baton[1], &b, NULL) != 1 || b.kind != CPS_GATE_DONE)
		_exit(1); /* the runtime is gone, and this container was its business */
	ctx->holds = true;
	return 0;
}

static int host_row(const struct rt_table *t, size_t row, struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_step *s = &t->rows[row];
	int rc = 0;

	if (is_inits(s))
		return ctx->holds ? pass_baton(ctx, row, err) : 0;
	/* Beside means that init need not wait for it. */
	if (s->side == RT_BESIDE && ctx->split && ctx->holds && !has_turn(t, row + 1, ctx))
		rc = pass_baton(ctx, row, err);
	if (s->side == RT_HOST && !ctx->holds)
		rc = host_wait(t, ctx, false, err);
	if (rc == 0)
		rc = run_row(s, ctx, err);
	return rc;
}

static void init_row(const struct rt_table *t, size_t row, struct rt_ctx *ctx)
{
	const struct rt_step *s = &t->rows[row];
	struct cps_err err = { 0 };
	int rc = 0;

	if (s->side == RT_HOST && ctx->holds)
		rc = pass_baton(ctx, row, &err);
	if (is_inits(s)) {
		if (!ctx->holds)
			rc = init_wait(ctx);
		ctx->shared->row = (uint32_t)row;
		if (rc == 0)
			rc = run_row(s, ctx, &err);
	}
	if (rc < 0)
		init_fail(ctx, row, &err);
}

static void undo_from(const struct rt_table *t, size_t row, struct rt_ctx *ctx)
{
	for (size_t i = row + 1; i-- > 0;)
		if (t->rows[i].undo && is_wanted(&t->rows[i], ctx))
			t->rows[i].undo(ctx);
}

int rt_steps_run(const struct rt_table *t, struct rt_ctx *ctx, struct cps_err *err)
{
	size_t row;
	int rc = 0;

	ctx->holds = true;
	for (row = 0; row < t->count && rc >= 0; row++) {
		const struct rt_step *s = &t->rows[row];
		bool split = ctx->split;

		if (!is_wanted(s, ctx))
			continue;
		if (ctx->in_init)
			init_row(t, row, ctx);
		else
			rc = host_row(t, row, ctx, err);
		if (ctx->split && !split)
			ctx->holds = has_turn(t, row + 1, ctx);
		/* At the gate init is on its own: whoever opens it hears what comes of the rest. */
		if (rc >= 0 && s->side == RT_START && !ctx->in_init && !ctx->req->at_once)
			return 0;
	}
	if (ctx->in_init)
		_exit(1); /* a table that ends without execve */
	/* of a table without a clone (restore) the rows are all there is */
	if (rc >= 0 && ctx->split)
		rc = host_wait(t, ctx, true, err);
	if (rc < 0)
		undo_from(t, row - 1, ctx);
	return rc;
}

void rt_steps_undo(const struct rt_table *t, struct rt_ctx *ctx)
{
	undo_from(t, t->count - 1, ctx);
}

void rt_steps_print(const struct rt_table *t, FILE *f)
{
	fprintf(f, "| # | side | step | always | undone |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < t->count; i++)
		fprintf(f, "| %zu | %s | %s | %s | %s |\n", i + 1, rt_side_names[t->rows[i].side],
			t->rows[i].name, t->rows[i].wanted ? "" : "yes",
			t->rows[i].undo ? "yes" : "");
}
