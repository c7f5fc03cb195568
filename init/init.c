/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule-init -- PROGRAM [ARGUMENT...]: the first process of a container that was asked for with
 * --init. A program that is not written to be one neither gets signals that it has no handler for
 * nor reaps what is left to it; this one passes signals on, reaps, and ends as the program does.
 *
 * It stands in the container's own files, so it is static and uses nothing but libc.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_OURS = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNAL = 128, /* plus its number */
};

static int complain(const char *what, const char *name, int code)
{
	fprintf(stderr, "capsule-init: %s '%s': %s\n", what, name, strerror(errno));
	return code;
}

/* A process group of its own, in the foreground if there is a terminal: what the terminal sends
 * reaches it once, not also by way of us. SIGTTOU is blocked. */
static int program_run(char **argv, const sigset_t *before)
{
	if (setpgid(0, 0) == 0 && isatty(STDIN_FILENO))
		(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	(void)sigprocmask(SIG_SETMASK, before, NULL);
	(void)execvp(argv[0], argv);
	return complain("run", argv[0], errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* Everybody who has ended; -1 as long as the program is not among them, else what we end with. */
static int reap(pid_t program)
{
	int code = -1, status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			code = WIFEXITED(status) ? WEXITSTATUS(status)
						 : EXIT_SIGNAL + WTERMSIG(status);
	return code;
}

int main(int argc, char **argv)
{
	sigset_t all, before;
	pid_t program;
	int signal, code = -1;

	if (argc < 3 || strcmp(argv[1], "--") != 0) {
		fprintf(stderr, "Usage: capsule-init -- PROGRAM [ARGUMENT]...\n");
		return EXIT_OURS;
	}
	sigfillset(&all);
	/* what says that we are broken has to end us */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	program = fork();
	if (program < 0)
		return complain("fork for", argv[2], EXIT_OURS);
	if (program == 0)
		_exit(program_run(argv + 2, &before));
	while (code < 0) {
		signal = sigwaitinfo(&all, NULL);
		if (signal == SIGCHLD)
			code = reap(program);
		else if (signal > 0)
			(void)kill(program, signal);
	}
	return code;
}
