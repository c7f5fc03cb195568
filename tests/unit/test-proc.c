/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes and signals.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
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
		life_of_a_process,	    start_times_order_processes, boot_id,
		signals_by_name_and_number, every_signal_has_its_name,	 NULL,
	};

	return unit_main("proc", tests);
}
