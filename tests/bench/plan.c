/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times commands against each other: the contenders of a case take turns, round after round, so
 * that a machine that changes its speed changes it for all of them.
 *
 *	bench plan ROUNDS WARMUP SAMPLES <PLAN
 *
 * A plan has a line `case ROW` and then a line `NAME: COMMAND [; COMMAND ...]` per contender;
 * commands are split at blanks, no shell is involved, and their sum is what is timed. A leading !
 * on a command leaves it out of the time (making ready, cleaning up). `@word` is not a program but
 * one of steps.c. Every command must succeed: a contender that fails is reported and dropped from
 * its case; what it has to clean up is still done.
 */
#include <config.h>

#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define CONTENDERS_MAX 12
#define COMMANDS_MAX   12
#define WORDS_MAX      80
#define ROUNDS_MAX     10000
#define SETTLE_MS      10

struct command {
	bool timed;
	char *words[WORDS_MAX + 1];
};

struct contender {
	char *name;
	char *line;
	struct command commands[COMMANDS_MAX];
	unsigned ncommands;
	unsigned serial;
	bool failed;
};

static void die(const char *why, const char *what)
{
	fprintf(stderr, "bench: plan: %s: %s\n", why, what);
	exit(2);
}

static int run_command(struct bench_round *r, struct command *c)
{
	double start;
	int rc;

	if (!r->keep_zombies && !r->background)
		bench_reap();
	start = bench_now();
	if (c->words[0][0] == '@')
		rc = bench_step(c->words[0])(r, c->words + 1);
	else
		rc = bench_wait(bench_spawn(c->words, NULL, NULL));
	if (c->timed)
		r->seconds += bench_now() - start;
	return rc;
}

/* After a failure only what is not timed is still done, for it cleans up. */
static void run_round(const char *row, struct contender *c, FILE *samples)
{
	struct bench_round r = { .row = row,
				 .contender = c->name,
				 .samples = samples,
				 .watch = -1,
				 .asked = -1,
				 .serial = c->serial };
	unsigned i;

	for (i = 0; i < c->ncommands; i++) {
		int rc = c->failed && c->commands[i].timed ? 0 : run_command(&r, &c->commands[i]);

		if (rc != 0 && !c->failed) {
			fprintf(stderr, "bench: %s: %s: '%s %s' ended with %d\n", row, c->name,
				c->commands[i].words[0],
				c->commands[i].words[1] ? c->commands[i].words[1] : "", rc);
			c->failed = true;
		}
	}
	if (r.watch >= 0)
		close(r.watch);
	if (r.asked >= 0)
		close(r.asked);
	c->serial = r.serial;
	if (!c->failed)
		bench_sample(samples, row, "time", "ms", c->name, r.seconds * 1000);
}

/* Each contender's namespaces are taken apart by the kernel after its end; the next one does not
 * pay for that, and in each round another one begins. */
static void settle(void)
{
	const struct timespec t = { 0, SETTLE_MS * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void run_case(const char *row, struct contender *c, unsigned n, int rounds, int warmup,
		     FILE *samples)
{
	unsigned i;
	int round;

	for (round = -warmup; round < rounds; round++)
		for (i = 0; i < n; i++) {
			struct contender *next = &c[(i + (unsigned)(round + warmup * (int)n)) % n];

			if (next->failed)
				continue;
			settle();
			run_round(row, next, round < 0 ? NULL : samples);
		}
	for (i = 0; i < n; i++)
		free(c[i].line);
	memset(c, 0, sizeof(*c) * n);
}

static void parse_contender(struct contender *c, const char *line)
{
	char *save = NULL;
	char *word;
	char *colon;
	unsigned words = 0;
	struct command *cmd = &c->commands[0];

	c->line = strdup(line);
	colon = c->line ? strstr(c->line, ": ") : NULL;
	if (!colon)
		die("no 'NAME: COMMAND'", line);
	*colon = 0;
	c->name = c->line;
	cmd->timed = true;
	c->ncommands = 1;
	for (word = strtok_r(colon + 2, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!strcmp(word, ";")) {
			if (c->ncommands == COMMANDS_MAX || words == 0)
				die("too many commands, or an empty one", line);
			cmd = &c->commands[c->ncommands++];
			cmd->timed = true;
			words = 0;
			continue;
		}
		if (words == 0 && word[0] == '!') {
			cmd->timed = false;
			word++;
		}
		if (words == 0 && word[0] == '@' && !bench_step(word))
			die("no such step", word);
		if (words == WORDS_MAX)
			die("too many words", line);
		cmd->words[words++] = word;
	}
	if (words == 0)
		die("an empty command", line);
}

int bench_plan(int argc, char **argv)
{
	static struct contender contenders[CONTENDERS_MAX];
	char row[100] = "";
	char line[8192];
	unsigned n = 0;
	int rounds, warmup;
	FILE *samples;

	rounds = argc == 4 ? atoi(argv[1]) : 0;
	warmup = argc == 4 ? atoi(argv[2]) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench plan ROUNDS WARMUP SAMPLES <PLAN\n");
		return 2;
	}
	samples = fopen(argv[3], "ae");
	/* What daemons itself comes to us: its CPU time is read from the zombie. */
	if (!samples || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("cannot begin", argv[3]);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "case ", 5)) {
			if (n)
				run_case(row, contenders, n, rounds, warmup, samples);
			n = 0;
			(void)snprintf(row, sizeof(row), "%.90s", line + 5);
		} else if (line[0] && line[0] != '#') {
			if (n == CONTENDERS_MAX)
				die("too many contenders", line);
			parse_contender(&contenders[n++], line);
		}
	}
	if (n)
		run_case(row, contenders, n, rounds, warmup, samples);
	return fclose(samples) ? 1 : 0;
}
