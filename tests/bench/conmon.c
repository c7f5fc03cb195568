/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What podman does around conmon, and nothing of what podman does besides: three pairs of sockets,
 * the byte that lets conmon go, the numbers that it reports. It is done in this process, so that
 * conmon is charged for no client program.
 */
#include <config.h>

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NWORDS 80

enum pipe {
	SYNC,
	START,
	ATTACH,
	NPIPES,
};

struct conmon {
	int ours[NPIPES];
	int theirs[NPIPES];
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void conmon_done(struct conmon *c)
{
	int i;

	for (i = 0; i < NPIPES; i++) {
		close_fd(&c->ours[i]);
		close_fd(&c->theirs[i]);
	}
}

/* Above 10, so that none is overwritten while they become 3, 4 and 5 in the child. */
static int high(int fd)
{
	int to = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return to;
}

static int conmon_open(struct conmon *c)
{
	int i;

	memset(c, 0xff, sizeof(*c)); /* all -1 */
	for (i = 0; i < NPIPES; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return -1;
		c->ours[i] = high(pair[0]);
		c->theirs[i] = high(pair[1]);
	}
	return 0;
}

/* {"data": N}, possibly with a message. */
static int read_number(int fd, int *ret)
{
	char text[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const char *at;
	ssize_t n;

	if (poll(&p, 1, BENCH_WAIT_MS) != 1)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = 0;
	at = strstr(text, "\"data\":");
	if (!at)
		return -1;
	*ret = atoi(at + strlen("\"data\":"));
	if (*ret < 0)
		fprintf(stderr, "bench: conmon: %s\n", text);
	return *ret < 0 ? -1 : 0;
}

/* Starts it, gives it the first byte, and waits until it has gone into the background. */
static int conmon_start(struct conmon *c, char **words)
{
	char *const env[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
			      (char[]){ "XDG_RUNTIME_DIR=" },
			      (char[]){ "_OCI_SYNCPIPE=3" },
			      (char[]){ "_OCI_STARTPIPE=4" },
			      (char[]){ "_OCI_ATTACHPIPE=5" },
			      NULL };
	pid_t pid;
	int i;

	pid = bench_spawn(words, c->theirs, env);
	if (pid < 0 || write(c->ours[START], "", 1) != 1)
		return -1;
	for (i = 0; i < NPIPES; i++)
		close_fd(&c->theirs[i]);
	return bench_wait(pid);
}

int bench_conmon_create(struct bench_round *r, char **words)
{
	struct conmon c;
	int pid;
	int rc;

	(void)r;
	rc = conmon_open(&c);
	if (rc == 0)
		rc = conmon_start(&c, words);
	if (rc == 0)
		rc = read_number(c.ours[SYNC], &pid);
	conmon_done(&c);
	return rc;
}

/* A session directory, and the words with every % replaced by its path. */
static int session(struct bench_round *r, char **words, char dir[300], char **ret)
{
	char path[320];
	unsigned i;

	(void)snprintf(dir, 300, "%.200s/%d-%u", words[0], getpid(), r->serial++);
	(void)snprintf(path, sizeof(path), "%s/exit", dir);
	if (mkdir(dir, 0700) < 0 || mkdir(path, 0700) < 0)
		return -1;
	for (i = 0; words[i + 1] && i < NWORDS; i++) {
		const char *at = strchr(words[i + 1], '%');

		if (!at)
			ret[i] = strdup(words[i + 1]);
		else if (asprintf(&ret[i], "%.*s%s%s", (int)(at - words[i + 1]), words[i + 1], dir,
				  at + 1) < 0)
			ret[i] = NULL;
		if (!ret[i])
			return -1;
	}
	ret[i] = NULL;
	return 0;
}

/* Reads what the command writes, to its end. */
static int read_output(int s)
{
	char packet[8200];
	ssize_t n;

	while ((n = read(s, packet, sizeof(packet))) > 0)
		;
	return n < 0 ? -1 : 0;
}

static int conmon_exec(struct bench_round *r, char **words, bool attached)
{
	struct conmon c;
	char dir[300];
	char path[320];
	char *own[NWORDS + 1] = { NULL };
	int client = -1;
	int number;
	int rc;

	rc = conmon_open(&c);
	if (rc == 0)
		rc = session(r, words, dir, own);
	if (rc == 0)
		rc = conmon_start(&c, own);
	if (rc == 0)
		rc = read_number(c.ours[ATTACH], &number);
	if (rc == 0 && attached) {
		(void)snprintf(path, sizeof(path), "%s/attach", dir);
		client = bench_connect(path);
		rc = client < 0 ? -1 : 0;
	}
	if (rc == 0)
		rc = write(c.ours[START], "", 1) == 1 ? 0 : -1;
	if (rc == 0)
		rc = read_number(c.ours[SYNC], &number);
	if (rc == 0 && attached)
		rc = read_output(client);
	if (rc == 0 && attached)
		rc = read_number(c.ours[SYNC], &number) == 0 ? number : -1;
	for (char **w = own; *w; w++)
		free(*w);
	close_fd(&client);
	conmon_done(&c);
	return rc;
}

int bench_conmon_exec(struct bench_round *r, char **words)
{
	return conmon_exec(r, words, true);
}

int bench_conmon_job(struct bench_round *r, char **words)
{
	return conmon_exec(r, words, false);
}
