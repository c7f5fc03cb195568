/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the runtime, see runtime-link.h.
 *
 * The child is made by clone(CLONE_VM | CLONE_VFORK): no page table is copied, whatever our size.
 * All signals are blocked meanwhile, so no handler runs in memory that we share; the child resets
 * dispositions and mask, as they survive execve.
 */
#include <config.h>
#include "runtime-link.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "own.h"
#include "proc.h"
#include "proto.h"
#include "shim.h"

#define FRAMES_PER_WAKEUP 16
#define CHILD_STACK	  16384
#define STEP_MAX	  64
#define OP_MAX		  16
#define SLOW_MS		  5000 /* longer than this is worth a note */

struct shim_link {
	LIST_ENTRY(shim_link) link;
	struct shim *shim;
	pid_t pid;
	int pidfd;
	int sock; /* -1 after its end */
	struct event event;
	bool answered;
	bool exited;
	int status;
	int rc; /* of the answer */
	char op[OP_MAX];
	struct timespec since; /* CLOCK_MONOTONIC */
	struct cps_err why;
	char step[STEP_MAX];
	const struct shim_link_ops *ops; /* NULL: the owner is gone */
	void *owner;
};

/* ---- the process ---- */

struct child_args {
	int runtime_fd;
	int sock;
	int error; /* written by the child, in our memory */
};

/* execve resets handlers, and we have none; it keeps what is ignored (main.c: by us, and nothing
 * else since then) and what is blocked. */
static void child_signals_reset(void)
{
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGXFSZ };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: our memory, our descriptors' copies, no return. Nothing of libc's state may be
 * changed here. */
static int child_main(void *arg)
{
	static char *const argv[] = { (char *)"capsule-runtime", (char *)"serve", NULL };
	static char *const envp_empty[] = { NULL };
	struct child_args *a = arg;

	child_signals_reset();
	/* The only descriptors that survive: 0-2, which are /dev/null, and 3. dup2 clears
	 * close-on-exec; if the number is the same already, fcntl does. */
	if ((a->sock == 3 ? fcntl(3, F_SETFD, 0) : dup2(a->sock, 3)) >= 0)
		(void)execveat(a->runtime_fd, "", argv, environ ? environ : envp_empty,
			       AT_EMPTY_PATH);
	a->error = errno;
	_exit(127);
}

static int runtime_spawn(struct shim *s, int sock, pid_t *ret_pid, int *ret_pidfd,
			 struct cps_err *err)
{
	char stack[CHILD_STACK] __attribute__((aligned(16)));
	struct child_args args = { .runtime_fd = s->runtime_fd, .sock = sock };
	sigset_t all;
	sigset_t before;
	int pidfd = -1;
	int error;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(child_main, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &args, &pidfd);
	error = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return cps_fail(err, error, "start the runtime");
	if (args.error != 0) {
		cps_close(&pidfd);
		(void)waitpid(pid, NULL, 0); /* it is dead already: CLONE_VFORK */
		return cps_fail(err, args.error, "execute the runtime");
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

/* ---- what it says ---- */

static void link_reply(struct shim_link *l, const struct cps_frame *f)
{
	const struct cps_json *error = cps_json_get(f->body, "error");
	const struct cps_json *ok = NULL;
	const char *step;
	struct cps_err ignored;

	l->answered = true;
	l->rc = cps_reply_check(f, &ok, &l->why);
	if (l->rc == 0 && l->ops && l->ops->reply)
		l->ops->reply(l->owner, ok);
	if (l->rc < 0 && error && cps_json_get(error, "step") &&
	    cps_json_str(cps_json_get(error, "step"), &step, &ignored) == 0)
		(void)snprintf(l->step, sizeof(l->step), "%s", step);
}

static void link_spawned(struct shim_link *l, struct cps_frame *f)
{
	int pidfd = cps_frame_take_fd(f, "pidfd");
	struct cps_err err;
	int64_t pid;

	if (l->ops && l->ops->spawned &&
	    cps_json_i64(cps_json_get(f->body, "pid"), 1, INT32_MAX, &pid, &err) == 0)
		l->ops->spawned(l->owner, (pid_t)pid, take_fd(&pidfd));
	cps_close(&pidfd);
}

static void link_event(struct shim_link *l, struct cps_frame *f)
{
	const char *event = "";
	const char *message;
	struct cps_err err;
	int fd;

	if (cps_json_str(cps_json_get(f->body, "event"), &event, &err) < 0)
		return;
	if (strcmp(event, CPS_EVENT_SPAWNED) == 0) {
		link_spawned(l, f);
	} else if (strcmp(event, CPS_EVENT_CONSOLE) == 0) {
		fd = cps_frame_take_fd(f, "console");
		if (fd >= 0 && l->ops && l->ops->console)
			l->ops->console(l->owner, fd);
		else
			cps_close(&fd);
	} else if (strcmp(event, CPS_EVENT_WARNING) == 0) {
		if (cps_json_str(cps_json_get(f->body, "message"), &message, &err) == 0)
			shim_note(&l->shim->note, "runtime: %s", message);
	}
}

static void link_hangup(struct shim_link *l)
{
	(void)event_del(&l->event);
	cps_close(&l->sock);
}

/* Reads what is there; at most FRAMES_PER_WAKEUP frames, which is more than any request causes but
 * warnings. */
static void link_drain(struct shim_link *l)
{
	for (int i = 0; i < FRAMES_PER_WAKEUP && l->sock >= 0; i++) {
		cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
		cleanup_frame struct cps_frame f = { .nfds = 0 };
		struct cps_err err;
		int rc = cps_frame_recv(l->sock, MSG_DONTWAIT, &arena, &f, &err);

		if (rc == -EAGAIN || rc == -ENOMEM)
			return;
		if (rc <= 0) {
			if (rc < 0)
				shim_note(&l->shim->note, "runtime: %s", err.msg);
			link_hangup(l);
			return;
		}
		if (f.kind == CPS_FRAME_REPLY && !l->answered)
			link_reply(l, &f);
		else if (f.kind == CPS_FRAME_EVENT)
			link_event(l, &f);
	}
}

static void no_answer(struct shim_link *l)
{
	if (WIFSIGNALED(l->status))
		l->rc = cps_failx(&l->why, EPROTO, "the runtime was killed by signal %d",
				  WTERMSIG(l->status));
	else
		l->rc = cps_failx(&l->why, EPROTO, "the runtime ended with status %d and no answer",
				  WEXITSTATUS(l->status));
}

static int64_t link_age_ms(const struct shim_link *l)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)(now.tv_sec - l->since.tv_sec) * 1000 +
	       (now.tv_nsec - l->since.tv_nsec) / 1000000;
}

static void link_free(struct shim_link *l)
{
	LIST_REMOVE(l, link);
	if (l->sock >= 0)
		link_hangup(l);
	cps_close(&l->pidfd);
	free(l);
}

static void link_finish(struct shim_link *l)
{
	const struct shim_link_ops *ops = l->ops;
	void *owner = l->owner;
	char step[STEP_MAX];
	struct cps_err why;
	int rc;

	/* Its process is gone: all it will ever say is in the socket. */
	link_drain(l);
	if (!l->answered)
		no_answer(l);
	if (link_age_ms(l) > SLOW_MS)
		shim_note(&l->shim->note, "the runtime took %lld ms for %s%s%s",
			  (long long)link_age_ms(l), l->op, l->rc < 0 ? ": " : "",
			  l->rc < 0 ? l->why.msg : "");
	rc = l->rc;
	why = l->why;
	memcpy(step, l->step, sizeof(step));
	link_free(l);
	if (ops)
		ops->done(owner, rc, &why, step);
}

void shim_links_drain(struct shim *s)
{
	struct shim_link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		link_drain(l);
	}
}

bool shim_link_exited(struct shim *s, pid_t pid, int status)
{
	struct shim_link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		if (l->pid == pid && !l->exited) {
			l->exited = true;
			l->status = status;
			return true;
		}
	}
	return false;
}

void shim_links_finish(struct shim *s)
{
	struct shim_link *l;

again:
	LIST_FOREACH(l, &s->links, link)
	{
		if (l->exited) {
			link_finish(l); /* may start others */
			goto again;
		}
	}
}

static void on_link(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	link_drain(arg);
}

void shim_links_end(struct shim *s)
{
	struct shim_link *l;
	struct cps_err why;

	(void)cps_failx(&why, ECANCELED, "the shim ends");
	while ((l = LIST_FIRST(&s->links)) != NULL) {
		const struct shim_link_ops *ops = l->ops;
		void *owner = l->owner;

		link_free(l);
		if (ops)
			ops->done(owner, -ECANCELED, &why, "");
	}
}

/* ---- from outside ---- */

void shim_links_format(const struct shim *s, struct cps_jsonw *w, const char *key)
{
	const struct shim_link *l;

	cps_jsonw_open(w, key, '[');
	LIST_FOREACH(l, &s->links, link)
	{
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "op", l->op);
		cps_jsonw_i64(w, "pid", l->pid);
		cps_jsonw_i64(w, "for_ms", link_age_ms(l));
		cps_jsonw_bool(w, "answered", l->answered);
		cps_jsonw_bool(w, "exited", l->exited);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

int shim_link_start(struct shim *s, const char *json, size_t len, const int *fds, unsigned nfds,
		    const struct shim_link_ops *ops, void *owner, struct shim_link **ret,
		    struct cps_err *err)
{
	cleanup_free struct shim_link *l = calloc(1, sizeof(*l));
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	int pair[2];
	int rc;

	if (!l)
		return cps_fail(err, ENOMEM, "start the runtime");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cps_fail(err, errno, "start the runtime: socketpair");
	ours = pair[0];
	theirs = pair[1];
	/* Before the process is there: what fails now leaves nothing. */
	rc = cps_frame_send(ours, CPS_FRAME_REQUEST, 1, json, len, fds, nfds, MSG_DONTWAIT, err);
	if (rc < 0)
		return cps_wrap(err, rc, "start the runtime");
	(void)event_assign(&l->event, s->base, ours, EV_READ | EV_PERSIST, on_link, l);
	if (event_add(&l->event, NULL) < 0)
		return cps_failx(err, ENOMEM, "start the runtime: no room in the event loop");
	rc = runtime_spawn(s, theirs, &l->pid, &l->pidfd, err);
	if (rc < 0) {
		(void)event_del(&l->event);
		return rc;
	}
	(void)sscanf(json, "{\"op\":\"%15[a-z]", l->op); /* each of ours begins so */
	(void)clock_gettime(CLOCK_MONOTONIC, &l->since);
	l->shim = s;
	l->sock = take_fd(&ours);
	l->ops = ops;
	l->owner = owner;
	LIST_INSERT_HEAD(&s->links, l, link);
	if (ret)
		*ret = l;
	(void)take_ptr(&l);
	return 0;
}

void shim_link_kill(struct shim_link *l)
{
	if (!l->exited)
		(void)cps_pidfd_signal(l->pidfd, SIGKILL);
}

bool shim_links_kill(struct shim *s)
{
	struct shim_link *l;

	LIST_FOREACH(l, &s->links, link)
	{
		shim_link_kill(l);
	}
	return !LIST_EMPTY(&s->links);
}

void shim_link_abandon(struct shim_link *l)
{
	if (l)
		l->ops = NULL;
}
