/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule's commands, as the chaos gives them: some are killed, some fail because something else
 * was killed and are repeated, none may hang.
 */
#include <config.h>
#include "chaos.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HANGS_MS    90000
#define REPEATS_MAX 400
#define GRACE_NS    UINT64_C(4000000000)

static int memory_file(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

void command_start(struct episode *e, struct command *c, const char *const *args)
{
	const char *argv[ARGS_MAX + 4] = { e->w->capsule, "--root", e->root };
	size_t n = 3, at = 0;

	*c = (struct command){ .out = memory_file(), .err = memory_file(), .began_ns = now_ns() };
	for (; *args && n < ARGS_MAX + 3; args++) {
		argv[n++] = *args;
		if (at < sizeof(c->words))
			at += (size_t)snprintf(c->words + at, sizeof(c->words) - at, "%s ", *args);
	}
	c->pid = fork();
	if (c->pid < 0)
		abort();
	if (c->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(c->out, 1);
		dup2(c->err, 2);
		/* nobody's ctrl-c, and killed alone */
		setsid();
		execv(argv[0], (char *const *)argv);
		_exit(124);
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
}

/* Why it hangs: where it and its container's shim are, for whoever reads the failure. */
static void tell_hang(struct episode *e, const struct command *c)
{
	pid_t shim = shim_find(e->id, NULL, 0, NULL);
	char script[400];

	fail(e, CLAIM_COMMANDS, "'capsule %s' hangs (shim %d)", c->words, (int)shim);
	(void)snprintf(
		script, sizeof(script),
		"for p in %d %d; do [ $p = 0 ] || { tr '\\0' ' ' </proc/$p/cmdline; echo; "
		"grep State /proc/$p/status; cat /proc/$p/wchan; echo; ls -l /proc/$p/fd; }; done "
		"2>&1 | sed 's/^/#   /'; tail -n 20 %s/%s/shim.log | sed 's/^/#   /'",
		(int)c->pid, (int)shim, e->root, e->id);
	if (system(script) != 0)
		note("no more to tell");
}

int command_end(struct episode *e, struct command *c, int64_t kill_us)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	uint64_t until = c->began_ns + (uint64_t)(kill_us >= 0 ? kill_us : 0) * 1000;
	int status;

	if (kill_us >= 0) {
		uint64_t now = now_ns();

		if (now < until)
			nap_us((until - now) / 1000);
		if (poll(&p, 1, 0) == 0) {
			c->killed = true;
			e->w->kills[KIND_CLI]++;
			e->kills[KIND_CLI]++;
			e->killed_ns[KIND_CLI] = now_ns();
			(void)kill(c->pid, SIGKILL);
		}
	}
	if (poll(&p, 1, HANGS_MS) != 1) {
		tell_hang(e, c);
		(void)kill(c->pid, SIGKILL);
	}
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			abort();
	close(c->pidfd);
	c->pidfd = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void command_done(struct command *c)
{
	close(c->out);
	close(c->err);
}

char *command_text(int fd, size_t *ret_len)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);
	size_t at = 0;

	if (!text)
		abort();
	while (at < (size_t)size) {
		ssize_t n = pread(fd, text + at, (size_t)size - at, (off_t)at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (ret_len)
		*ret_len = at;
	return text;
}

int command_run_words(struct episode *e, struct command *c, int64_t kill_us,
		      const char *const *argv)
{
	command_start(e, c, argv);
	return command_end(e, c, kill_us);
}

char *command_stream(const struct command *c, int stream, size_t *ret_len)
{
	char *text = command_text(stream ? c->err : c->out, ret_len);
	char *end = text + *ret_len;
	char *at = text;

	/* no line of the writer's has such words */
	while (stream && (at = memmem(at, (size_t)(end - at), "capsule: ", 9)) != NULL) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		char *rest = newline ? newline + 1 : end;

		memmove(at, rest, (size_t)(end - rest));
		end -= rest - at;
	}
	*ret_len = (size_t)(end - text);
	return text;
}

bool was_full(const struct world *w, uint64_t from_ns, uint64_t to_ns)
{
	for (unsigned i = 0; i < w->nfull; i++)
		if (w->full[i].from_ns <= to_ns &&
		    (!w->full[i].to_ns || w->full[i].to_ns >= from_ns))
			return true;
	return false;
}

/* Was anything done to this container since (with some grace) that a failure may come from? */
bool is_excused(const struct episode *e, uint64_t since_ns)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (k != KIND_CLI && e->killed_ns[k] && e->killed_ns[k] + GRACE_NS >= since_ns)
			return true;
	return e->plan.on_disk && e->w->full_ns + GRACE_NS >= since_ns;
}

bool command_sure_words(struct episode *e, struct command *c, int64_t kill_us,
			const char *const *argv)
{
	for (int i = 0; i < REPEATS_MAX; i++) {
		int rc = command_run_words(e, c, i == 0 ? kill_us : -1, argv);

		if (rc == 0)
			return true;
		if (!c->killed && !is_excused(e, c->began_ns)) {
			char *text = command_text(c->err, NULL);

			fail(e, CLAIM_COMMANDS, "'capsule %s' ended with %d: %.300s", c->words, rc,
			     text);
			free(text);
			return false;
		}
		e->w->count[COUNT_REPEATED]++;
		nap_us(20000);
		command_done(c);
		*c = (struct command){ .out = -1, .err = -1 };
	}
	c->out = memory_file();
	c->err = memory_file();
	fail(e, CLAIM_COMMANDS, "'capsule %s' failed %d times", c->words, REPEATS_MAX);
	return false;
}
