/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers that stop, go on and are killed, ask for odd times, or do not read at all. What they get
 * is the log, or its beginning; the container is not held up.
 */
#include <config.h>
#include "chaos.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Is what was printed the beginning of what was said? `all`: all of it. */
static void compare(struct episode *e, struct command *c, const struct progress *p, bool all)
{
	struct text t;

	text_make(&t, &e->plan.say, false);
	for (int s = 0; s < 2 && !t.wrong[0]; s++) {
		size_t len;
		char *text = command_stream(c, s, &len);

		(void)text_add(&t, s, (unsigned char *)text, len);
		free(text);
	}
	/* a log with a hole that a full disk is to blame for has been looked at by its verifier */
	if (t.wrong[0] && e->plan.on_disk && e->kills[KIND_SHIM] > 0)
		all = false;
	else if (t.wrong[0] || (all && !text_is_complete(&t, p)))
		fail(e, CLAIM_READERS, "capsule %s: %s", c->words, t.wrong);
	text_done(&t);
}

/* Times from before and behind all logs, as a reader has whose clock jumps. */
static void odd_read(struct episode *e, struct rng *rng, const struct progress *p)
{
	static const char *const nothing[][2] = {
		{ "--since", "2099-01-19T03:14:08Z" },
		{ "--until", "1970-01-01T00:00:01Z" },
		{ "--tail", "0" },
		{ "--until", "900000h" },
	};
	static const char *const everything[][2] = {
		{ "--since", "1970-01-01T00:00:00Z" },
		{ "--since", "5000h" },
		{ "--until", "2099-01-01T00:00:00Z" },
		{ "--tail", "100000000" },
	};
	unsigned which = rng_below(rng, 8);
	const char *const *o = which < 4 ? nothing[which] : everything[which - 4];
	struct command c;
	size_t out, err;
	/* the last 0 lines are those that come after the question */
	bool quiet = e->ended && !e->plan.on_disk && e->kills[KIND_SHIM] == 0;
	int rc = command_run(e, &c, -1, "log", o[0], o[1], e->id);

	free(command_text(c.out, &out));
	free(command_text(c.err, &err));
	if (rc != 0 && rc != 125)
		fail(e, CLAIM_READERS, "'capsule %s' ended with %d", c.words, rc);
	else if (rc != 0 && !e->ended && !is_excused(e, c.began_ns))
		fail(e, CLAIM_READERS, "'capsule %s' failed", c.words);
	else if (rc == 0 && which < 4 && out + err > 0 && (quiet || which != 2))
		fail(e, CLAIM_READERS, "'capsule %s' printed %zu bytes", c.words, out + err);
	else if (rc == 0 && which >= 4 && !e->plan.drop)
		compare(e, &c, p, false);
	command_done(&c);
}

static void follow(struct episode *e, struct rng *rng, const struct progress *p)
{
	const char *argv[] = { "log", "-f", e->id, NULL };
	bool mortal = rng_chance(rng, 40);
	struct command c;
	struct pollfd fd;
	int rc;

	command_start(e, &c, argv);
	fd = (struct pollfd){ .fd = c.pidfd, .events = POLLIN };
	while (poll(&fd, 1, (int)rng_below(rng, 60)) == 0) {
		if (mortal && rng_chance(rng, 3)) {
			c.killed = true;
			(void)kill(c.pid, SIGKILL);
			e->w->kills[KIND_READER]++;
		} else if (rng_chance(rng, 20)) {
			(void)kill(c.pid, SIGSTOP);
			nap_us(1000 * rng_below(rng, 250));
			(void)kill(c.pid, SIGCONT);
		} else if (rng_chance(rng, 20)) {
			odd_read(e, rng, p);
		}
		if (e->ended)
			break;
	}
	rc = command_end(e, &c, -1);
	if (rc != 0 && !c.killed && !is_excused(e, c.began_ns)) {
		char *text = command_text(c.err, NULL);

		fail(e, CLAIM_READERS, "'capsule %s' ended with %d: %.200s", c.words, rc, text);
		free(text);
	} else if (!e->plan.drop && (rc == 0 || c.killed)) {
		compare(e, &c, p, rc == 0 && !e->plan.on_disk && e->kills[KIND_SHIM] == 0);
	}
	command_done(&c);
}

void reader_run(struct episode *e)
{
	struct rng rng = rng_make(e->w->seed, 203, e->number);
	char name[32];

	/* the container of a client in the foreground goes with it, under our eyes */
	if (e->plan.start == START_FOREGROUND)
		return;
	(void)snprintf(name, sizeof(name), "main.%d", e->attempt);
	follow(e, &rng, progress_make(e, name));
	odd_read(e, &rng, progress_make(e, name));
}

/* Attached, and never reads: dropped, or dead, without a word from the container. */
void attach_run(struct episode *e)
{
	struct rng rng = rng_make(e->w->seed, 204, e->number);

	while (!e->ended) {
		int ends[2];
		pid_t pid;

		if (pipe2(ends, O_CLOEXEC) < 0)
			abort();
		pid = fork();
		if (pid == 0) {
			int null = open("/dev/null", O_RDWR);

			dup2(null, 0);
			dup2(ends[1], 1);
			dup2(ends[1], 2);
			setsid();
			execl(e->w->capsule, e->w->capsule, "--root", e->root, "attach",
			      "--no-stdin", e->id, (char *)NULL);
			_exit(124);
		}
		nap_us(1000 * (20 + rng_below(&rng, 400)));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		e->w->kills[KIND_ATTACH]++;
		close(ends[0]);
		close(ends[1]);
	}
}
