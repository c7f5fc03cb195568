/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes and signals.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own.h"
#include "proc.h"

static pid_t sleeper(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		/* a name made to mislead whoever reads stat from the left */
		(void)prctl(PR_SET_NAME, "a) Z 1 2 (b)", 0, 0, 0);
		for (;;)
			pause();
	}
	return pid;
}

static void wait_for_state(pid_t pid, char state)
{
	for (int i = 0; cps_proc_state(pid) != state && i < 5000; i++)
		usleep(1000);
	ck_assert_int_eq(cps_proc_state(pid), state);
}

START_TEST(life_of_a_process)
{
	cleanup_fd int fd = -1;
	cleanup_fd int again = -1;
	uint64_t start = 0;
	pid_t pid = sleeper();

	wait_for_state(pid, 'S');
	fd = cps_pidfd_open(pid);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(cps_proc_start_time(pid, &start), 0);
	ck_assert_uint_gt(start, 0);
	again = cps_pidfd_open_verified(pid, start);
	ck_assert_int_ge(again, 0);
	ck_assert_int_eq(cps_pidfd_open_verified(pid, start - 1), -ESRCH);
	ck_assert_int_eq(cps_pidfd_signal(fd, 0), 0);
	ck_assert_int_eq(cps_pidfd_signal(fd, SIGKILL), 0);
	wait_for_state(pid, 'Z');
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);

	ck_assert_int_eq(cps_pidfd_signal(fd, SIGKILL), -ESRCH);
	ck_assert_int_eq(cps_proc_state(pid), 0);
	ck_assert_int_eq(cps_proc_start_time(pid, &start), -ESRCH);
	ck_assert_int_eq(cps_pidfd_open(pid), -ESRCH);
	ck_assert_int_eq(cps_pidfd_open_verified(pid, start), -ESRCH);
	ck_assert_int_eq(cps_pidfd_open(-1), -EINVAL);
}
END_TEST

START_TEST(executed_or_not)
{
	uint64_t start = 0;
	pid_t pid = sleeper();

	wait_for_state(pid, 'S');
	ck_assert_int_eq(cps_proc_start_time(pid, &start), 0);
	ck_assert_int_eq(cps_proc_has_execed(pid, start), 0);
	ck_assert_int_eq(cps_proc_has_execed(pid, 0), 0);
	ck_assert_int_eq(cps_proc_has_execed(pid, start + 1), -ESRCH);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for_state(pid, 'Z');
	ck_assert_int_eq(cps_proc_has_execed(pid, start), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(cps_proc_has_execed(pid, start), -ESRCH);

	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/true", "true", NULL);
		_exit(1);
	}
	wait_for_state(pid, 'Z');
	ck_assert_int_eq(cps_proc_has_execed(pid, 0), 1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* A grandchild that ends with 7 or by SIGTERM: its parent reaps it when told to. */
struct strangers {
	pid_t parent;
	pid_t pid;
	int pidfd;
	int tell;
	int told;
};

static struct strangers stranger_make(void)
{
	struct strangers s = { .pidfd = -1 };
	int up[2];
	int down[2];

	ck_assert_int_eq(pipe2(up, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(down, O_CLOEXEC), 0);
	s.parent = fork();
	if (s.parent == 0) {
		char c;
		pid_t pid = fork();

		if (pid == 0) {
			(void)prctl(PR_SET_NAME, "z) Z 3 (", 0, 0, 0);
			(void)signal(SIGUSR1, _exit); /* with the signal's number: 10 */
			for (;;)
				pause();
		}
		if (write(up[1], &pid, sizeof(pid)) != sizeof(pid) || read(down[0], &c, 1) != 1)
			_exit(1);
		(void)waitpid(pid, NULL, 0);
		if (write(up[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(up[0], &s.pid, sizeof(s.pid)), sizeof(s.pid));
	s.pidfd = cps_pidfd_open(s.pid);
	ck_assert_int_ge(s.pidfd, 0);
	s.tell = down[1];
	wait_for_state(s.pid, 'S');
	s.told = up[0];
	return s;
}

static void stranger_reap(struct strangers *s)
{
	pid_t pid;

	ck_assert_int_eq(write(s->tell, "", 1), 1);
	ck_assert_int_eq(read(s->told, &pid, sizeof(pid)), sizeof(pid));
}

static bool kernel_tells(void)
{
	struct utsname u;
	int major = 0;
	int minor = 0;

	ck_assert_int_eq(uname(&u), 0);
	ck_assert_int_eq(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 15);
}

START_TEST(how_a_stranger_ended)
{
	static const int signals[] = { SIGUSR1, SIGKILL };
	const int expected[] = { SIGUSR1 << 8, SIGKILL };

	for (size_t i = 0; i < 2; i++) {
		struct strangers s = stranger_make();
		int status = 77;

		ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), -EAGAIN);
		ck_assert_int_eq(status, 77);
		(void)usleep(20000); /* its handler */
		ck_assert_int_eq(cps_pidfd_signal(s.pidfd, signals[i]), 0);
		wait_for_state(s.pid, 'Z');
		ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), 0);
		ck_assert_int_eq(status, expected[i]);
		stranger_reap(&s);
		status = 77;
		if (kernel_tells()) {
			ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), 0);
			ck_assert_int_eq(status, expected[i]);
			ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, 1, &status), 0);
		} else {
			ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), -ENODATA);
			ck_assert_int_eq(status, 77);
		}
		(void)kill(s.parent, SIGKILL);
		(void)waitpid(s.parent, NULL, 0);
		cps_close(&s.pidfd);
		cps_close(&s.tell);
		cps_close(&s.told);
	}
}
END_TEST

/* ioctl(2) knows no PIDFD_GET_INFO: ENOTTY, as before Linux 6.13. */
static void kernel_make_old(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

START_TEST(how_a_stranger_ended_on_an_old_kernel)
{
	struct strangers s = stranger_make();
	struct strangers other = stranger_make();
	int status = 77;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	kernel_make_old();
	ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), -EAGAIN);
	ck_assert_int_eq(cps_pidfd_signal(s.pidfd, SIGKILL), 0);
	wait_for_state(s.pid, 'Z');
	ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), 0);
	ck_assert_int_eq(status, SIGKILL);
	(void)kill(s.parent, SIGKILL); /* we are next in line to reap it */
	(void)waitpid(s.parent, NULL, 0);
	for (int i = 0; i < 5000 && cps_pidfd_signal(s.pidfd, 0) != -ESRCH; i++) {
		(void)waitpid(s.pid, NULL, WNOHANG);
		(void)usleep(1000);
	}
	status = 77;
	ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, s.pid, &status), -ENODATA);
	/* a zombie that has the number now is somebody else */
	ck_assert_int_eq(cps_pidfd_signal(other.pidfd, SIGKILL), 0);
	wait_for_state(other.pid, 'Z');
	ck_assert_int_eq(cps_pidfd_exit_status(s.pidfd, other.pid, &status), -ENODATA);
	ck_assert_int_eq(status, 77);
	(void)kill(other.parent, SIGKILL);
}
END_TEST

START_TEST(start_times_order_processes)
{
	uint64_t own = 0;
	uint64_t first = 0;

	ck_assert_int_eq(cps_proc_start_time(getpid(), &own), 0);
	ck_assert_int_eq(cps_proc_start_time(1, &first), 0);
	ck_assert_uint_gt(own, first);
}
END_TEST

START_TEST(boot_id)
{
	struct cps_err err = { 0 };
	char a[37];
	char b[37];

	ck_assert_ok(cps_boot_id(a, &err), err);
	ck_assert_ok(cps_boot_id(b, &err), err);
	ck_assert_str_eq(a, b);
	ck_assert_uint_eq(strlen(a), 36);
	ck_assert_int_eq(a[8], '-');
}
END_TEST

START_TEST(signals_by_name_and_number)
{
	const struct {
		const char *text;
		int number;
	} good[] = {
		{ "TERM", SIGTERM },
		{ "SIGTERM", SIGTERM },
		{ "sigterm", SIGTERM },
		{ "Kill", SIGKILL },
		{ "15", 15 },
		{ "09", 9 },
		{ "1", 1 },
		{ "64", 64 },
		{ "RTMIN", SIGRTMIN },
		{ "RTMIN+3", SIGRTMIN + 3 },
		{ "sigrtmax-1", SIGRTMAX - 1 },
		{ "RTMAX", SIGRTMAX },
		{ "CLD", SIGCHLD },
		{ "IOT", SIGABRT },
		{ "POLL", SIGIO },
		{ "SIGRTMIN+30", SIGRTMAX },
	};
	static const char *const bad[] = {
		"",	    "0",	  "65",
		"-1",	    "+1",	  "1 ",
		" 1",	    "1x",	  "99999999999999999999",
		"SIG",	    "SIGSIGTERM", "FOO",
		"TERM ",    "RTMIN+",	  "RTMIN-1",
		"RTMIN+31", "RTMAX+1",	  "RTMAX-31",
		"RTMIN+x",  "RTMIN3",	  "RTMIN+-1",
		"SIG15",    "TER",
	};
	int number;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(cps_signal_parse(good[i].text, &number) == 0, "%s", good[i].text);
		ck_assert_int_eq(number, good[i].number);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		number = 77;
		ck_assert_msg(cps_signal_parse(bad[i], &number) == -EINVAL, "%s: %d", bad[i],
			      number);
		ck_assert_int_eq(number, 77);
	}
}
END_TEST

START_TEST(every_signal_has_its_name)
{
	for (int n = 1; n < 32; n++) {
		const char *name = cps_signal_name(n);
		int number = 0;

		ck_assert_msg(name != NULL, "%d", n);
		ck_assert_int_eq(cps_signal_parse(name, &number), 0);
		ck_assert_int_eq(number, n);
		if (n != SIGIO) /* POLL to libc: the same signal */
			ck_assert_str_eq(name + 3, sigabbrev_np(n));
	}
	ck_assert_ptr_null(cps_signal_name(0));
	ck_assert_ptr_null(cps_signal_name(SIGRTMIN));
	ck_assert_ptr_null(cps_signal_name(-1));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		life_of_a_process,
		executed_or_not,
		how_a_stranger_ended,
		how_a_stranger_ended_on_an_old_kernel,
		start_times_order_processes,
		boot_id,
		signals_by_name_and_number,
		every_signal_has_its_name,
		NULL,
	};

	return unit_main("proc", tests);
}
