/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The foreground: one poll loop over our signals, the shim, and up to three copies.
 */
#include <config.h>

#include "foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "jobs.h"
#include "own.h"
#include "proc.h"
#include "proto.h"
#include "pump.h"
#include "terminal.h"

#define CONSOLE_DRAIN_MS 100 /* a job's terminal that others still hold open */
#define END_OF_INPUT	 "\004"
#define END_TRIES	 40
#define END_MS		 250
#define GONE_MS		 50 /* from the end of one of a shim's descriptors to that of all */
#define STATUS_MS	 10
#define STATUS_TRIES	 200
#define REST_MS		 500 /* for the end of what a dead shim has handed over */

enum { WAIT_SIGNALS, WAIT_SHIM, WAIT_IN, WAIT_OUT, WAIT_ERR, WAIT_COUNT };

/* One run of the loop. */
struct loop {
	struct sup_foreground *fg;
	struct sup_terminal terminal;
	struct sup_pump *in, *out, *err; /* one allocation */
	uint32_t wait_id;
	unsigned ends_left; /* how often the end of our input is to be typed yet */
	bool exited;
	bool detached;
	bool alone; /* the shim is gone and the pidfd tells the end */
	int code;
};

int sup_signals_block(struct cps_err *err)
{
	static const int passed_on[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
					 SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is seen by write */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return cps_fail(err, errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? cps_fail(err, errno, "make a signalfd") : fd;
}

bool sup_signals_end(int signal_fd)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		end |= info.ssi_signo == SIGHUP || info.ssi_signo == SIGINT ||
		       info.ssi_signo == SIGQUIT || info.ssi_signo == SIGTERM;
	return end;
}

static void size_send(struct sup_foreground *fg)
{
	cleanup_request struct sup_request r = { 0 };
	struct winsize size;
	struct cps_err ignored;
	uint32_t id;

	if (!fg->terminal || !sup_terminal_size(&size))
		return;
	if (fg->exec) { /* a job's terminal is in our own hands */
		(void)ioctl(fg->out, TIOCSWINSZ, &size);
		return;
	}
	sup_request_open(&r, CPS_OP_RESIZE);
	cps_jsonw_u64(&r.w, "rows", size.ws_row);
	cps_jsonw_u64(&r.w, "cols", size.ws_col);
	(void)sup_client_send(fg->client, &r, &id, &ignored); /* a size is not worth failing for */
}

/* A pipe whose one end goes to the shim, named so in the request, and the other stays. */
static int pipe_add(struct sup_request *r, const char *name, bool we_write, int *ret_ours,
		    int *ret_theirs, struct cps_err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "make a pipe");
	*ret_ours = pair[we_write ? 1 : 0];
	*ret_theirs = pair[we_write ? 0 : 1];
	sup_request_fd(r, name, *ret_theirs);
	return 0;
}

int sup_foreground_attach(struct sup_foreground *fg, bool with_stdin, const char *flow,
			  struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };
	cleanup_fd int in = -1;
	cleanup_fd int out = -1;
	cleanup_fd int errors = -1;
	const struct cps_json *ok = NULL, *terminal;
	int rc = 0;

	fg->flow = flow;
	sup_request_open(&r, CPS_OP_ATTACH);
	cps_jsonw_str(&r.w, "flow", flow);
	if (fg->exec)
		cps_jsonw_str(&r.w, "exec", fg->exec);
	if (with_stdin)
		rc = pipe_add(&r, "stdin", true, &fg->in, &in, err);
	if (rc == 0)
		rc = pipe_add(&r, "stdout", false, &fg->out, &out, err);
	if (rc == 0)
		rc = pipe_add(&r, "stderr", false, &fg->err, &errors, err);
	if (rc == 0)
		rc = sup_client_call(fg->client, &r, SUP_HELLO_MS, NULL, &ok, err);
	if (rc < 0)
		return cps_wrap(err, rc, "attach");
	terminal = cps_json_get(ok, "terminal");
	fg->terminal = terminal && terminal->type == CPS_JSON_BOOL && terminal->boolean;
	size_send(fg);
	return 0;
}

static void ends_close(struct sup_foreground *fg)
{
	cps_close(&fg->in);
	cps_close(&fg->out);
	cps_close(&fg->err);
}

/* What a shim that is dead has handed over, to its end. */
static void rest_copy(int from, int to)
{
	struct pollfd p = { .fd = from, .events = POLLIN };
	char buf[PIPE_BUF];
	ssize_t n;

	while (from >= 0 && poll(&p, 1, REST_MS) == 1 && (n = read(from, buf, sizeof(buf))) > 0 &&
	       cps_write_all(to, buf, (size_t)n) == 0)
		;
}

/* The exit code of what has no shim any more. */
static int record_find(struct sup_foreground *fg, const struct sup_container *c, int *ret_code,
		       struct cps_err *err)
{
	const struct cps_json *exit = c->exit_json;
	cleanup_fd int rootfd = -1;
	int rc = 0;

	if (fg->exec) {
		rootfd = sup_store_open(fg->ctx->root, err);
		rc = rootfd < 0 ? rootfd
				: sup_job_exit(rootfd, c->id, fg->exec, &fg->client->arena, &exit,
					       err);
	}
	*ret_code = rc < 0 ? -1 : sup_exit_object_code(exit);
	return rc;
}

int sup_foreground_again(struct sup_foreground *fg, bool with_stdin, int rc, int *ret_code,
			 struct cps_err *err)
{
	struct sup_container c = { 0 };

	rest_copy(fg->out, 1);
	rest_copy(fg->err, 2);
	ends_close(fg);
	do {
		rc = sup_reconnect(fg->ctx, fg->what, rc, &fg->patience, &c, fg->client, err);
		if (rc < 0 && fg->client->sock < 0 && c.id && c.status == SUP_STATUS_STOPPED) {
			fg->status = c.status;
			return record_find(fg, &c, ret_code, err);
		}
		if (rc < 0)
			return rc;
		fg->status = c.status;
		rc = sup_foreground_attach(fg, with_stdin, fg->flow, err);
		if (rc < 0 && with_stdin && !sup_client_is_gone(fg->client, rc)) {
			ends_close(fg);
			rc = sup_foreground_attach(fg, false, fg->flow, err);
		}
		if (rc < 0)
			ends_close(fg);
	} while (sup_client_is_gone(fg->client, rc));
	/* there may be nothing left to attach to; its end is told all the same */
	return fg->client->lost ? rc : 0;
}

/* A terminal has no end: it is typed, as a user would. Whoever switches its terminal to raw mode
 * just then (a shell that starts) loses it, so it is typed again for a while. */
static void end_type(struct loop *l)
{
	struct pollfd p = { .fd = l->fg->in, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1)
		(void)!write(l->fg->in, END_OF_INPUT, 1);
	if (--l->ends_left == 0)
		cps_close(&l->fg->in);
}

static void on_in_end(struct loop *l)
{
	l->in->active = false;
	if (!l->fg->terminal || l->fg->only_watching) {
		cps_close(&l->fg->in);
		return;
	}
	l->ends_left = END_TRIES;
	end_type(l);
}

static void signal_send(struct sup_foreground *fg, int signal)
{
	cleanup_request struct sup_request r = { 0 };
	struct cps_err ignored;
	uint32_t id;

	if (fg->client->sock < 0) {
		if (fg->pidfd >= 0)
			(void)cps_pidfd_signal(fg->pidfd, signal);
		return;
	}
	sup_request_open(&r, CPS_OP_KILL);
	cps_jsonw_i64(&r.w, "signal", signal);
	if (fg->exec)
		cps_jsonw_str(&r.w, "exec", fg->exec);
	(void)sup_client_send(fg->client, &r, &id, &ignored); /* it may be gone already */
}

/* The last signal that ends us if we are only watching; 0: none. */
static int signals_take(struct sup_foreground *fg)
{
	struct signalfd_siginfo info;
	int ends = 0;

	while (read(fg->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signal = (int)info.ssi_signo;

		if (signal == SIGWINCH)
			size_send(fg);
		else if (fg->only_watching)
			ends = signal;
		else
			signal_send(fg, signal);
	}
	return ends;
}

void sup_foreground_signals(struct sup_foreground *fg)
{
	(void)signals_take(fg);
}

static void on_signals(struct loop *l)
{
	int ends = signals_take(l->fg);

	if (!ends)
		return;
	l->detached = true;
	l->code = 128 + ends;
}

/* The end of its container or job, as far as it is known. */
static void ended(struct loop *l, int code)
{
	l->code = code;
	l->exited = true;
}

static int wait_send(struct loop *l, struct cps_err *err)
{
	cleanup_request struct sup_request r = { 0 };

	sup_request_open(&r, CPS_OP_WAIT);
	if (l->fg->exec)
		cps_jsonw_str(&r.w, "exec", l->fg->exec);
	return sup_client_send(l->fg->client, &r, &l->wait_id, err);
}

/* Another shim takes over, and we go on with it. */
static int resume(struct loop *l, int rc, struct cps_err *err)
{
	struct sup_foreground *fg = l->fg;
	bool typing = l->in->active || l->ends_left;
	bool out = fg->out >= 0, err_out = fg->err >= 0; /* somebody reads it still */
	int code = -1;

	while (l->out->active && l->out->len)
		(void)sup_pump_step(l->out, POLLOUT);
	while (l->err->active && l->err->len)
		(void)sup_pump_step(l->err, POLLOUT);
	rc = sup_foreground_again(fg, typing, rc, &code, err);
	if (rc < 0)
		return rc;
	if (!out)
		cps_close(&fg->out);
	if (!err_out)
		cps_close(&fg->err);
	sup_pump_init(l->out, fg->out, 1);
	sup_pump_init(l->err, fg->err, 2);
	sup_pump_redirect(l->in, fg->in);
	l->in->active &= fg->in >= 0;
	if (fg->in < 0)
		l->ends_left = 0;
	if (fg->client->sock < 0)
		ended(l, code);
	else
		rc = wait_send(l, err);
	/* one that is gone again already is found out by reading */
	return sup_client_is_gone(fg->client, rc) ? 0 : rc;
}

/* The shim has gone. A session's process is known by its pidfd, which needs no shim; whoever has
 * neither that nor an attachment (its shim was an older one) cannot know. */
static int on_gone(struct loop *l, int rc, struct cps_err *err)
{
	struct sup_foreground *fg = l->fg;

	if (fg->flow)
		return resume(l, rc, err);
	cps_close(&fg->client->sock);
	l->alone = fg->pidfd >= 0;
	if (!l->alone)
		ended(l, -1);
	return 0;
}

static int on_frame(struct loop *l, struct cps_err *err)
{
	cleanup_frame struct cps_frame f = { 0 };
	const struct cps_json *exit = NULL;
	int rc = sup_client_recv(l->fg->client, 0, &f, err);

	if (rc == 0)
		rc = cps_failx(err, ECONNRESET, "its shim has closed the connection");
	if (rc < 0)
		return sup_client_is_gone(l->fg->client, rc) ? on_gone(l, rc, err) : rc;
	if (f.kind != CPS_FRAME_REPLY || f.id != l->wait_id)
		return 0;
	rc = sup_client_check(l->fg->client, &f, &exit, err);
	if (rc == 0)
		ended(l, sup_exit_object_code(exit));
	return rc;
}

/* Without a shim: the process has ended. */
static void on_pidfd(struct loop *l)
{
	int rc, status = 0, tries = STATUS_TRIES;

	/* whoever its parent is now may need a moment */
	while ((rc = cps_pidfd_exit_status(l->fg->pidfd, l->fg->pid, &status)) == -EAGAIN &&
	       --tries > 0)
		(void)poll(NULL, 0, STATUS_MS);
	if (rc < 0)
		ended(l, -1);
	else
		ended(l, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Our input's pipe has no reader: the container wants no more, or its shim is just dying, and then
 * the next one will have it. */
static bool is_gone(struct loop *l)
{
	struct pollfd p = { .fd = l->fg->client->sock, .events = POLLRDHUP };

	return l->fg->flow && poll(&p, 1, GONE_MS) == 1 && (p.revents & (POLLRDHUP | POLLHUP));
}

static void on_in(struct loop *l, short revents)
{
	enum sup_pump_result got = sup_pump_step(l->in, revents);

	switch (got) {
	case SUP_PUMP_READ:
		if (!l->fg->terminal || !l->fg->may_detach)
			break;
		l->detached =
			sup_terminal_filter(&l->terminal, l->in->buf, l->in->len, &l->in->len);
		l->in->start = 0;
		break;
	case SUP_PUMP_ENDED:
		on_in_end(l);
		break;
	case SUP_PUMP_BROKEN:
		if (is_gone(l))
			l->in->active = true;
		else
			cps_close(&l->fg->in);
		break;
	case SUP_PUMP_OK:
		break;
	}
}

/* Nobody reads our output any more: the container must see that too, or it would be held back. */
static void on_output(struct sup_pump *pump, short revents, int *fd)
{
	if (sup_pump_step(pump, revents) == SUP_PUMP_BROKEN)
		cps_close(fd);
}

static bool is_over(const struct loop *l)
{
	if (l->detached)
		return true;
	return l->exited && !l->out->active && !l->err->active;
}

static int timeout_of(const struct loop *l)
{
	if (l->exited)
		return l->fg->exec ? CONSOLE_DRAIN_MS : -1;
	return l->ends_left ? END_MS : -1;
}

/* What tells the end. */
static int end_fd(const struct loop *l)
{
	if (l->exited)
		return -1;
	return l->alone ? l->fg->pidfd : l->fg->client->sock;
}

static int loop_run(struct loop *l, struct cps_err *err)
{
	struct sup_foreground *fg = l->fg;
	int rc = 0, n;

	while (!is_over(l) && rc == 0) {
		struct pollfd p[WAIT_COUNT] = {
			[WAIT_SIGNALS] = { .fd = fg->signal_fd, .events = POLLIN },
			[WAIT_SHIM] = { .fd = end_fd(l), .events = POLLIN },
			[WAIT_IN] = sup_pump_want(l->in),
			[WAIT_OUT] = sup_pump_want(l->out),
			[WAIT_ERR] = sup_pump_want(l->err),
		};

		if (l->exited)
			p[WAIT_IN].fd = -1; /* nobody is left to type for */
		n = poll(p, WAIT_COUNT, timeout_of(l));
		if (n < 0 && errno != EINTR)
			return cps_fail(err, errno, "wait for the container");
		if (n == 0 && l->exited)
			return 0;
		if (n == 0)
			end_type(l);
		if (n <= 0)
			continue;
		if (p[WAIT_SIGNALS].revents)
			on_signals(l);
		if (p[WAIT_SHIM].revents && l->alone) {
			on_pidfd(l);
			continue;
		}
		if (p[WAIT_SHIM].revents) { /* first: what it says of our pipes */
			rc = on_frame(l, err);
			continue;
		}
		on_output(l->out, p[WAIT_OUT].revents, &fg->out);
		on_output(l->err, p[WAIT_ERR].revents, &fg->err);
		if (l->in->active)
			on_in(l, p[WAIT_IN].revents);
	}
	return rc;
}

int sup_foreground_run(struct sup_foreground *fg, int *ret_code, struct cps_err *err)
{
	cleanup_free struct sup_pump *pumps = calloc(3, sizeof(*pumps));
	struct loop l = { .fg = fg };
	int rc;

	if (!pumps)
		return cps_fail(err, ENOMEM, "attach");
	l.in = &pumps[0];
	l.out = &pumps[1];
	l.err = &pumps[2];
	sup_pump_init(l.in, fg->in >= 0 ? 0 : -1, fg->in);
	sup_pump_init(l.out, fg->out, 1);
	sup_pump_init(l.err, fg->err, 2);
	rc = wait_send(&l, err);
	if (sup_client_is_gone(fg->client, rc))
		rc = on_gone(&l, rc, err);
	if (rc < 0)
		return rc;
	if (fg->terminal) {
		sup_terminal_raw(&l.terminal);
		size_send(fg);
	}
	rc = loop_run(&l, err);
	sup_terminal_restore(&l.terminal);
	if (rc < 0)
		return rc;
	*ret_code = l.code;
	return l.detached ? 1 : 0;
}

void sup_foreground_done(struct sup_foreground *fg)
{
	ends_close(fg);
	cps_close(&fg->pidfd);
}
