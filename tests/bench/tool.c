/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, samples, processes: what every measurement needs. */
#include <config.h>

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *const plain_environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_sample(FILE *samples, const char *row, const char *measure, const char *unit,
		  const char *contender, double value)
{
	if (!samples)
		return;
	fprintf(samples, "%s\t%s\t%s\t%s\t%.6g\n", row, measure, unit, contender, value);
	fflush(samples);
}

pid_t bench_spawn(char **words, const int fds[3], char *const env[])
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int i, rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (i = 0; fds && i < 3; i++)
		if (fds[i] >= 0)
			posix_spawn_file_actions_adddup2(&actions, fds[i], 3 + i);
	rc = posix_spawnp(&pid, words[0], &actions, NULL, words, env ? env : plain_environment);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? pid : -1;
}

int bench_wait(pid_t pid)
{
	int status = -1;

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void bench_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int bench_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s;

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(s);
		s = -1;
	}
	return s;
}

pid_t bench_peer(const char *path)
{
	struct ucred peer = { .pid = -1 };
	socklen_t size = sizeof(peer);
	int s = bench_connect(path);

	if (s < 0)
		return -1;
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.pid = -1;
	close(s);
	return peer.pid;
}

pid_t bench_pid_file(const char *path)
{
	FILE *f = fopen(path, "re");
	int pid = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &pid) != 1)
		pid = -1;
	fclose(f);
	return pid;
}

double bench_cpu(pid_t pid)
{
	char path[64];
	FILE *f;
	double ns = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%lf", &ns) != 1)
		ns = -1e9;
	fclose(f);
	return ns / 1e9;
}
