/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See swrk.h. The only file here that makes a process.
 */
#include <config.h>

#include "swrk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own.h"
#include "proc.h"
#include "program.h"

#define SOCKET_THERE 3
#define SPARE_FROM   64 /* numbers that are in nobody's way while descriptors are put in order */

/* -- the child ------------------------------------------------------------------------------ */

__attribute__((noreturn)) static void child_fail(const char *what)
{
	(void)dprintf(STDERR_FILENO, "criu: %s: %s\n", what, strerror(errno));
	_exit(127);
}

static int spare(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, SPARE_FROM);

	if (copy < 0)
		child_fail("copy a descriptor");
	return copy;
}

/* stdio as it is, the socket, what is given; nothing else. */
static void child_descriptors(const struct criu_swrk_plan *plan, int sock)
{
	int from[1 + CRIU_GIVEN_MAX];
	size_t n = 1 + plan->ngiven;

	from[0] = spare(sock);
	for (size_t i = 0; i < plan->ngiven; i++)
		from[1 + i] = spare(plan->given[i]);
	for (size_t i = 0; i < n; i++)
		if (dup2(from[i], SOCKET_THERE + (int)i) < 0)
			child_fail("put a descriptor in its place");
	(void)close_range((unsigned)(SOCKET_THERE + n), ~0U, CLOSE_RANGE_CLOEXEC);
}

/* What matters is in CRIU's log; what it says besides is not for who asked us. */
static void child_silence(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
}

__attribute__((noreturn)) static void child_run(const struct criu_swrk_plan *plan,
						const char *program, int sock)
{
	char name[] = "criu", verb[] = "swrk", number[4];
	char *argv[] = { name, verb, number, NULL };
	sigset_t none;
	int complain;

	(void)snprintf(number, sizeof(number), "%d", SOCKET_THERE);
	child_descriptors(plan, sock);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	complain = spare(STDERR_FILENO);
	if (plan->quiet)
		child_silence();
	(void)execv(program, argv);
	(void)dup2(complain, STDERR_FILENO);
	child_fail(program);
}

/* -- its parent ----------------------------------------------------------------------------- */

/* Where packages put it, for callers whose PATH is a user's. */
static int find(const char *given, struct cps_arena *a, const char **ret, struct cps_err *err)
{
	static const char usual[] = "/usr/sbin/criu";
	int rc;

	if (given && strchr(given, '/')) {
		*ret = given;
		return access(given, X_OK) < 0 ? cps_fail(err, errno, "--criu '%s'", given) : 0;
	}
	rc = rt_program_find(given ? given : "criu", "", a, ret, err);
	if (rc == -ENOENT && !given && access(usual, X_OK) == 0) {
		*ret = usual;
		return 0;
	}
	return rc == -ENOENT ? cps_failx(err, ENOENT, "there is no '%s': is CRIU installed?",
					 given ? given : "criu")
			     : rc;
}

int criu_swrk_start(struct criu_swrk *s, const struct criu_swrk_plan *plan, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const char *program = NULL;
	int pair[2];
	int rc = find(plan->program, &arena, &program, err);

	if (rc < 0)
		return rc;
	/* CRIU reaches our descriptors by our pid, which it has from the socket. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cps_fail(err, errno, "make a socket for CRIU");
	s->pid = fork();
	if (s->pid == 0)
		child_run(plan, program, pair[1]);
	cps_close(&pair[1]);
	s->sock = pair[0];
	if (s->pid < 0) {
		s->pid = 0;
		return cps_fail(err, errno, "start CRIU");
	}
	s->pidfd = cps_pidfd_open(s->pid);
	return s->pidfd < 0 ? cps_fail(err, -s->pidfd, "start CRIU") : 0;
}

void criu_swrk_stop(struct criu_swrk *s)
{
	/* It goes when nothing more can come. */
	if (s->sock >= 0)
		(void)shutdown(s->sock, SHUT_WR);
	while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	cps_close(&s->sock);
	s->pid = 0;
	cps_close(&s->pidfd);
}

static int transmit(const struct criu_swrk *s, const void *data, size_t len, struct cps_err *err)
{
	ssize_t n;

	do
		n = send(s->sock, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* it has ended: what it said before, if anything, is still to be heard */
	if (n < 0 && errno == EPIPE)
		return 0;
	return n < 0 ? cps_fail(err, errno, "speak to CRIU") : 0;
}

static int take_descriptor(struct msghdr *h)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int fds[8];
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n && i < 8; i++) {
			memcpy(&fds[i], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (first < 0)
				first = fds[i];
			else
				cps_close(&fds[i]);
		}
	}
	return first;
}

/* The next answer; *ret_fd is the caller's. */
static int receive(const struct criu_swrk *s, struct criu_answer *ret, int *ret_fd,
		   struct cps_err *err)
{
	cleanup_free char *data = malloc(CRIU_RESPONSE_MAX);
	char control[CMSG_SPACE(8 * sizeof(int))];
	struct iovec io = { data, CRIU_RESPONSE_MAX };
	struct msghdr h = { .msg_iov = &io,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n;
	int rc;

	if (!data)
		return cps_fail(err, ENOMEM, "hear CRIU");
	/* That it is gone without having read all of ours is told before what it has said. */
	do
		n = recvmsg(s->sock, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return cps_fail(err, errno, "hear CRIU");
	*ret_fd = take_descriptor(&h);
	if (n == 0)
		return cps_failx(err, EPIPE, "CRIU ended without an answer");
	if (h.msg_flags & MSG_TRUNC)
		return cps_failx(err, EPROTO, "CRIU's answer is too long");
	rc = criu_answer_parse(data, (size_t)n, ret, err);
	return rc;
}

static int reply(const struct criu_swrk *s, bool success, struct cps_err *err)
{
	uint8_t bytes[16];

	return transmit(s, bytes, criu_message_pack_reply(success, bytes, sizeof(bytes)), err);
}

int criu_swrk_call(struct criu_swrk *s, const struct criu_message *m, criu_notify *notify,
		   void *arg, struct criu_answer *ret, struct cps_err *err)
{
	struct cps_err ignored;
	const uint8_t *data = NULL;
	size_t len;
	int refused = 0;
	int rc = criu_message_pack(m, &data, &len, err);

	memset(ret, 0, sizeof(*ret));
	if (rc == 0)
		rc = transmit(s, data, len, err);
	while (rc == 0) {
		cleanup_fd int fd = -1;
		bool is_first = refused == 0;

		/* After a refusal CRIU tidies up, and still tells what it does. */
		rc = receive(s, ret, &fd, is_first ? err : &ignored);
		if (rc < 0 || ret->kind != CRIU__KIND__NOTIFY || !notify)
			break;
		if (is_first)
			refused = notify(arg, ret, &fd, err);
		rc = reply(s, refused == 0 || !is_first, refused == 0 ? err : &ignored);
	}
	if (refused < 0 || rc < 0)
		return refused < 0 ? refused : rc;
	/* What cannot be read at all is answered as nothing. */
	if (ret->kind != m->request.kind && ret->success)
		return cps_failx(err, EPROTO, "CRIU answers %s to %s", criu_kind_name(ret->kind),
				 criu_kind_name(m->request.kind));
	return 0;
}

/* -- what it can do ------------------------------------------------------------------------- */

static int check_features(struct criu_swrk *s, const struct criu_needs *needs, struct cps_arena *a,
			  struct cps_err *err)
{
	struct criu_message m;
	struct criu_answer answer;
	int rc;

	criu_message_init(&m, CRIU__KIND__FEATURE_CHECK, a);
	m.request.has_keep_open = m.request.keep_open = true;
	m.features.has_memory_tracking = m.features.memory_tracking = needs->memory_tracking;
	m.features.has_lazy_pages = m.features.lazy_pages = needs->lazy_pages;
	rc = criu_swrk_call(s, &m, NULL, NULL, &answer, err);
	if (rc < 0)
		return rc;
	if (needs->memory_tracking && !(answer.success && answer.memory_tracking))
		return cps_failx(err, ENOTSUP,
				 "--pre-dump: CRIU or the kernel cannot track changes of memory");
	if (needs->lazy_pages && !(answer.success && answer.lazy_pages))
		return cps_failx(err, ENOTSUP,
				 "--lazy-pages: CRIU or the kernel lacks it (userfaultfd)");
	return 0;
}

int criu_swrk_check(struct criu_swrk *s, const struct criu_needs *needs, struct cps_arena *a,
		    struct cps_err *err)
{
	struct criu_message m;
	struct criu_answer answer;
	int rc;

	criu_message_init(&m, CRIU__KIND__VERSION, a);
	m.request.has_keep_open = m.request.keep_open = true;
	rc = criu_swrk_call(s, &m, NULL, NULL, &answer, err);
	if (rc == 0 && (!answer.success || answer.version < needs->version))
		rc = cps_failx(err, ENOTSUP, "%s%sCRIU is of version %u.%u, and it takes %u.%u",
			       needs->why ? needs->why : "", needs->why ? ": " : "",
			       answer.version / 10000, answer.version / 100 % 100,
			       needs->version / 10000, needs->version / 100 % 100);
	if (rc == 0 && (needs->memory_tracking || needs->lazy_pages))
		rc = check_features(s, needs, a, err);
	return rc;
}
