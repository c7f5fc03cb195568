/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A static program for the tests' containers: what busybox cannot do, or cannot do exactly.
 *
 *	tinit fds                 open descriptors, one "N target" a line
 *	tinit exit N              exits with N
 *	tinit killself SIG        dies of the signal (not as pid 1 of a pid namespace)
 *	tinit eat BYTES           touches that much memory, then sleeps
 *	tinit forks N             forks until it fails or N are alive; prints "forked K" and errno
 *	tinit spam BYTES LEN      that many bytes in lines of LEN, numbered
 *	tinit binary BYTES        every byte value in turn, no newline at the end
 *	tinit burn SECONDS        one busy thread; prints the CPU time it got in milliseconds
 *	tinit syscall NR [ARG...] makes the call; prints "ret R errno E"
 *	tinit links TARGET        a symbolic link to it for each word of stdin
 *	tinit hold SECONDS        forks a child that keeps stdio open for that long, and exits 0
 *	tinit sleep               ignores SIGTERM's default as pid 1: exits 0 on SIGTERM, 3 on
 *SIGUSR1 tinit ptsize              prints "ROWS COLS" of stdin's terminal, again at each SIGWINCH
 */
#include <errno.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int cmd_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d) {
		perror("/proc/self/fd");
		return 1;
	}
	while ((e = readdir(d))) {
		char target[4096];
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);

		if (n < 0 || atoi(e->d_name) == dirfd(d))
			continue;
		target[n] = 0;
		printf("%s %s\n", e->d_name, target);
	}
	closedir(d);
	return 0;
}

static int cmd_eat(size_t bytes)
{
	char *p = malloc(bytes);
	size_t i;

	if (!p)
		return 1;
	for (i = 0; i < bytes; i += 4096)
		*(volatile char *)(p + i) = 1;
	printf("ate %zu\n", bytes);
	fflush(stdout);
	pause();
	return 0;
}

static int cmd_forks(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			printf("forked %d errno %d\n", i, errno);
			break;
		}
		if (pid == 0) {
			pause();
			_exit(0);
		}
	}
	if (i == n)
		printf("forked %d errno 0\n", i);
	fflush(stdout);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	return 0;
}

static int cmd_spam(size_t bytes, size_t len)
{
	char *line = malloc(len + 32);
	unsigned long number = 0;
	size_t done = 0;

	if (!line || len < 12)
		return 1;
	while (done < bytes) {
		memset(line, 'x', len);
		(void)snprintf(line, 12, "%010lu", number++);
		line[10] = ' ';
		line[len - 1] = '\n';
		if (fwrite(line, 1, len, stdout) != len)
			return 1;
		done += len;
	}
	return fflush(stdout) ? 1 : 0;
}

static int cmd_binary(size_t bytes)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		putchar((int)(i & 0xff));
	return fflush(stdout) ? 1 : 0;
}

static int cmd_burn(double seconds)
{
	struct timespec start, now, cpu;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
		 seconds);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%ld\n", cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000);
	return 0;
}

static int cmd_syscall(int argc, char **argv)
{
	long a[6] = { 0 };
	long r;
	int i;

	for (i = 3; i < argc && i < 9; i++)
		a[i - 3] = strtol(argv[i], NULL, 0);
	errno = 0;
	r = syscall(strtol(argv[2], NULL, 0), a[0], a[1], a[2], a[3], a[4], a[5]);
	printf("ret %ld errno %d\n", r, errno);
	return 0;
}

static void on_signal(int sig)
{
	_exit(sig == SIGUSR1 ? 3 : 0);
}

static _Noreturn void cmd_sleep(void)
{
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
	printf("ready\n");
	fflush(stdout);
	for (;;)
		pause();
}

static void on_winch(int sig)
{
	(void)sig;
}

static int cmd_ptsize(void)
{
	struct sigaction sa = { .sa_handler = on_winch };
	sigset_t winch, before;

	/* one that comes while the size is told is not lost: it waits for sigsuspend(2) */
	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	sigprocmask(SIG_BLOCK, &winch, &before);
	sigaction(SIGWINCH, &sa, NULL);
	for (;;) {
		struct winsize ws = { 0 };

		if (ioctl(0, TIOCGWINSZ, &ws) < 0)
			return 1;
		printf("%u %u\n", ws.ws_row, ws.ws_col);
		fflush(stdout);
		sigsuspend(&before);
	}
}

/* For the harness: a program for each of some 300 links takes its time on an emulated processor. */
static int cmd_links(const char *target)
{
	char name[256];

	while (scanf("%255s", name) == 1)
		if (symlink(target, name) < 0 && errno != EEXIST) {
			perror(name);
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	const char *arg = argc > 2 ? argv[2] : "0";

	if (!strcmp(verb, "fds"))
		return cmd_fds();
	if (!strcmp(verb, "exit"))
		return atoi(arg);
	if (!strcmp(verb, "killself"))
		return kill(getpid(), atoi(arg));
	if (!strcmp(verb, "eat"))
		return cmd_eat(strtoul(arg, NULL, 0));
	if (!strcmp(verb, "forks"))
		return cmd_forks(atoi(arg));
	if (!strcmp(verb, "spam") && argc > 3)
		return cmd_spam(strtoul(arg, NULL, 0), strtoul(argv[3], NULL, 0));
	if (!strcmp(verb, "binary"))
		return cmd_binary(strtoul(arg, NULL, 0));
	if (!strcmp(verb, "burn"))
		return cmd_burn(atof(arg));
	if (!strcmp(verb, "syscall") && argc > 2)
		return cmd_syscall(argc, argv);
	if (!strcmp(verb, "hold")) {
		if (fork() == 0) {
			sleep((unsigned)atoi(arg));
			_exit(0);
		}
		return 0;
	}
	if (!strcmp(verb, "sleep"))
		cmd_sleep();
	if (!strcmp(verb, "links"))
		return cmd_links(arg);
	if (!strcmp(verb, "ptsize"))
		return cmd_ptsize();
	fprintf(stderr, "tinit: unknown verb '%s'\n", verb);
	return 2;
}
