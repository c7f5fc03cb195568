/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See hooks.h. stdin is a sealed memfd: no pipe that could fill up, and a hook that does not read
 * costs nothing. What a failing hook says on its output becomes part of the error.
 */
#include <config.h>

#include "hooks.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "own.h"
#include "proc.h"
#include "spawn.h"

const char *const rt_hook_names[RT_HOOK_COUNT] = {
	[RT_HOOK_PRESTART] = "prestart",
	[RT_HOOK_CREATE_RUNTIME] = "createRuntime",
	[RT_HOOK_CREATE_CONTAINER] = "createContainer",
	[RT_HOOK_START_CONTAINER] = "startContainer",
	[RT_HOOK_POSTSTART] = "poststart",
	[RT_HOOK_POSTSTOP] = "poststop",
};

/* The last line or so of what it said, for the error. */
static void read_words(int fd, char *buf, size_t size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > (off_t)size - 1 ? end - ((off_t)size - 1) : 0;
	ssize_t n = pread(fd, buf, size - 1, from);

	buf[n > 0 ? n : 0] = '\0';
	for (char *p = buf; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = p[1] ? ' ' : '\0';
}

/* "bad system call": strsignal(3), as words within a sentence. */
static void signal_words(int sig, char *buf, size_t size)
{
	const char *text = strsignal(sig);

	(void)snprintf(buf, size, "%s", text ? text : "");
	buf[0] = (char)tolower((unsigned char)buf[0]);
}

/* 1: it exited; 0: it took too long, and is dead now. */
static int wait_for_hook(int pidfd, int64_t timeout_ms, siginfo_t *si)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc;

	do
		rc = poll(&p, 1, timeout_ms > 0 && timeout_ms < INT32_MAX ? (int)timeout_ms : -1);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		(void)cps_pidfd_signal(pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)pidfd, si, WEXITED) < 0 && errno == EINTR)
		;
	return rc != 0;
}

int rt_hook_run(const struct rt_hook *h, int stdin_fd, struct cps_err *err)
{
	cleanup_fd int words = memfd_create("hook", MFD_CLOEXEC);
	cleanup_fd int pidfd = -1;
	siginfo_t si = { 0 };
	char said[200], name[64];
	pid_t pid;
	int rc;

	if (words < 0)
		return cps_fail(err, errno, "make a memfd");
	rc = rt_spawn_hook(h, stdin_fd, words, &pid, &pidfd, err);
	if (rc < 0)
		return rc;
	if (!wait_for_hook(pidfd, h->timeout_ms, &si))
		return cps_failx(err, ETIMEDOUT, "timed out after %lld ms and was killed",
				 (long long)h->timeout_ms);
	if (si.si_code == CLD_EXITED && si.si_status == 0)
		return 0;
	read_words(words, said, sizeof(said));
	if (si.si_code == CLD_EXITED)
		return cps_failx(err, EIO, "exit status %d%s%s", si.si_status, said[0] ? ": " : "",
				 said);
	signal_words(si.si_status, name, sizeof(name));
	return cps_failx(err, EIO, "killed by signal %d (%s)%s%s", si.si_status, name,
			 said[0] ? ": " : "", said);
}

int rt_hooks_run(const struct rt_hooks *hooks, enum rt_hook_kind kind, const struct rt_state *s,
		 enum rt_status status, pid_t pid, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	if (hooks->n[kind] == 0)
		return 0;
	cps_jsonw_init(&w, &buf, false);
	rt_state_json(s, status, pid, false, &w);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "hooks");
	for (size_t i = 0; i < hooks->n[kind]; i++) {
		const struct rt_hook *h = &hooks->v[kind][i];
		/* Each gets its own: the position is shared by those who share a file. */
		cleanup_fd int in = cps_memfd_sealed("state", buf.data, buf.len, err);
		int rc = in < 0 ? in : rt_hook_run(h, in, err);

		if (rc < 0)
			return cps_wrap(err, rc, "error running %s hook #%zu: '%s'",
					rt_hook_names[kind], i, h->path);
	}
	return 0;
}
