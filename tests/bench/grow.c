/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a shim busy as a client of link A, to see what it keeps of it:
 *
 *	bench grow execs COUNT SOCKET		commands in the foreground, one after the other
 *	bench grow resizes COUNT SOCKET EXEC	of that job's terminal
 *	bench grow attaches COUNT SOCKET	clients that attach and are killed by SIGKILL
 */
#include <config.h>

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame.h"
#include "own.h"

static const char process[] = "{\"args\":[\"/bin/load\",\"answer\"]}";

static int sealed_process(void)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	cleanup_fd int fd = memfd_create("process", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, process, strlen(process)) != (ssize_t)strlen(process) ||
	    fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -1;
	return take_fd(&fd);
}

static int one_exec(int sock, int spec)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char exec[64];
	char request[160];
	char output[64];
	int out[2];
	ssize_t n;
	int rc;

	if (null < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	rc = bench_call(sock,
			"{\"op\":\"exec\",\"fds\":[\"process\",\"stdin\",\"stdout\",\"stderr\"]}",
			(int[]){ spec, null, out[1], null }, 4, "exec", exec, sizeof(exec));
	close(out[1]);
	while (rc == 0 && (n = read(out[0], output, sizeof(output))) > 0)
		;
	close(out[0]);
	if (rc < 0)
		return rc;
	(void)snprintf(request, sizeof(request), "{\"op\":\"wait\",\"exec\":\"%s\"}", exec);
	return bench_call(sock, request, NULL, 0, "code", output, sizeof(output)) == 0 &&
			       !strcmp(output, "0")
		       ? 0
		       : -1;
}

static int execs(int count, const char *path)
{
	cleanup_fd int sock = bench_greet(path);
	cleanup_fd int spec = sealed_process();

	if (sock < 0 || spec < 0)
		return -1;
	for (; count; count--)
		if (one_exec(sock, spec) < 0)
			return -1;
	return 0;
}

static int resizes(int count, const char *path, const char *exec)
{
	cleanup_fd int sock = bench_greet(path);
	char request[200];

	if (sock < 0)
		return -1;
	for (; count; count--) {
		(void)snprintf(request, sizeof(request),
			       "{\"op\":\"resize\",\"rows\":%d,\"cols\":80,\"exec\":\"%s\"}",
			       20 + count % 50, exec);
		if (bench_call(sock, request, NULL, 0, NULL, NULL, 0) < 0)
			return -1;
	}
	return 0;
}

/* The client: attaches, says so, and waits to be killed. */
static void attach_and_wait(const char *path, int ready)
{
	int sock = bench_greet(path);
	int out[2];

	if (sock < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    bench_call(sock,
		       "{\"op\":\"attach\",\"flow\":\"drop\",\"fds\":[\"stdout\",\"stderr\"]}",
		       (int[]){ out[1], out[1] }, 2, NULL, NULL, 0) < 0 ||
	    write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int attaches(int count, const char *path)
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	for (; count; count--) {
		pid_t pid = fork();

		if (pid == 0)
			attach_and_wait(path, ready[1]);
		/* A client that fails ends; the pipe would stay open in this process. */
		if (pid < 0 || read(ready[0], &c, 1) != 1 || kill(pid, SIGKILL) < 0 ||
		    waitpid(pid, NULL, 0) != pid)
			return -1;
	}
	return 0;
}

int bench_grow(int argc, char **argv)
{
	const int count = argc >= 4 ? atoi(argv[2]) : 0;
	int rc = -2;

	(void)alarm(600);
	if (count > 0 && !strcmp(argv[1], "execs"))
		rc = execs(count, argv[3]);
	else if (count > 0 && !strcmp(argv[1], "resizes") && argc == 5)
		rc = resizes(count, argv[3], argv[4]);
	else if (count > 0 && !strcmp(argv[1], "attaches"))
		rc = attaches(count, argv[3]);
	if (rc == -2) {
		fprintf(stderr, "usage: bench grow execs|resizes|attaches COUNT SOCKET [EXEC]\n");
		return 2;
	}
	return rc < 0 ? 1 : 0;
}
