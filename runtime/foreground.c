/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See foreground.h. Without a terminal the container has our own stdio and there is nothing to
 * copy.
 */
#include <config.h>

#include "foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "proc.h"

struct relay {
	int pidfd, console, signals;
	bool input; /* our stdin is open */
	bool raw;   /* it is a terminal that we have changed */
	struct termios saved;
};

void rt_foreground_begin(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
}

void rt_foreground_terminal(int slave)
{
	struct termios t;

	if (tcgetattr(slave, &t) < 0)
		return;
	t.c_oflag &= ~(tcflag_t)ONLCR;
	(void)tcsetattr(slave, TCSANOW, &t);
}

static void copy_size(const struct relay *r)
{
	struct winsize w;

	if (r->console >= 0 && ioctl(0, TIOCGWINSZ, &w) == 0)
		(void)ioctl(r->console, TIOCSWINSZ, &w);
}

static void enter_raw(struct relay *r)
{
	struct termios t;

	if (r->console < 0)
		return;
	r->input = true;
	copy_size(r);
	if (tcgetattr(0, &r->saved) < 0)
		return;
	t = r->saved;
	cfmakeraw(&t);
	t.c_oflag |= OPOST;
	r->raw = tcsetattr(0, TCSANOW, &t) == 0;
}

static void leave_raw(const struct relay *r)
{
	if (r->raw)
		(void)tcsetattr(0, TCSANOW, &r->saved);
}

static void pass_signals(const struct relay *r)
{
	struct signalfd_siginfo si;

	while (read(r->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		int s = (int)si.ssi_signo;

		if (s == SIGWINCH)
			copy_size(r);
		/* What the kernel tells us about ourselves is not the container's. */
		else if (s != SIGCHLD && s != SIGURG && s != SIGPIPE && s != SIGTTOU &&
			 s != SIGTTIN && s != SIGTSTP)
			(void)cps_pidfd_signal(r->pidfd, s);
	}
}

/* One buffer from one to the other; false at the end. */
static bool copy(int from, int to)
{
	char buf[16384];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && cps_write_all(to, buf, (size_t)n) == 0;
}

static void pass_input(struct relay *r)
{
	static const char end = 4; /* ^D: the end of our input is the end of its line */

	if (copy(0, r->console))
		return;
	r->input = false;
	(void)cps_write_all(r->console, &end, 1);
}

static void drain(struct relay *r)
{
	int flags = fcntl(r->console, F_GETFL);
	struct pollfd p = { .fd = r->console, .events = POLLIN };

	(void)fcntl(r->console, F_SETFL, flags | O_NONBLOCK);
	while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN) && copy(r->console, 1))
		;
}

static int relay_until_exit(struct relay *r, struct cps_err *err)
{
	for (;;) {
		struct pollfd p[] = { { .fd = r->pidfd, .events = POLLIN },
				      { .fd = r->signals, .events = POLLIN },
				      { .fd = r->console, .events = POLLIN },
				      { .fd = r->input ? 0 : -1, .events = POLLIN } };

		if (poll(p, 4, -1) < 0) {
			if (errno == EINTR)
				continue;
			return cps_fail(err, errno, "wait for the process");
		}
		if (p[1].revents)
			pass_signals(r);
		if (p[2].revents & POLLIN)
			(void)copy(r->console, 1);
		else if (p[2].revents)
			r->console = -1; /* hung up: nobody has the terminal open any more */
		if (p[3].revents)
			pass_input(r);
		if (p[0].revents)
			return 0;
	}
}

int rt_foreground_wait(int pidfd, int console, int *ret_status, struct cps_err *err)
{
	struct relay r = { .pidfd = pidfd, .console = console };
	cleanup_fd int signals = -1;
	siginfo_t si = { 0 };
	sigset_t all;
	int rc;

	(void)sigfillset(&all);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return cps_fail(err, errno, "make a signalfd");
	r.signals = signals;
	enter_raw(&r);
	rc = relay_until_exit(&r, err);
	if (rc == 0 && r.console >= 0)
		drain(&r);
	leave_raw(&r);
	if (rc < 0)
		return rc;
	if (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0)
		return cps_fail(err, errno, "wait for the process");
	*ret_status = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	return 0;
}
