/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times whole commands against each other: the contenders of a case take turns, round after round,
 *so that a machine that changes its speed changes it for all of them. Medians are what to quote.
 *
 *	bench ROUNDS JSON-FILE <PLAN
 *
 * A plan has a line `case TITLE` and then a line `NAME: COMMAND [; COMMAND ...]` per contender;
 * commands are split at blanks, no shell is involved, and their sum is what is timed. A leading `!`
 *on a command leaves it out of the time (making ready, cleaning up). The first contender of a case
 *is what the others are divided by. Every command must exit with 0: a contender that fails is
 *reported and dropped from its case.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTENDERS_MAX 12
#define COMMANDS_MAX   8
#define WORDS_MAX      40
#define ROUNDS_MAX     10000
#define WARMUP	       3

struct command {
	bool timed;
	char *words[WORDS_MAX + 1];
};

struct contender {
	char *name;
	char *line;
	struct command commands[COMMANDS_MAX];
	unsigned ncommands;
	double *seconds; /* a round each */
	bool failed;
};

static char *const environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
static FILE *json;
static bool json_any;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_command(const struct command *c, double *add)
{
	posix_spawn_file_actions_t actions;
	double start;
	pid_t pid;
	int status = -1;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	start = now();
	rc = posix_spawnp(&pid, c->words[0], &actions, NULL, c->words, environment);
	if (rc == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (c->timed)
		*add += now() - start;
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_round(struct contender *c, int round)
{
	double total = 0;
	unsigned i;

	for (i = 0; i < c->ncommands && !c->failed; i++) {
		int rc = run_command(&c->commands[i], &total);

		if (rc != 0) {
			fprintf(stderr, "bench: %s: '%s' ended with %d\n", c->name,
				c->commands[i].words[0], rc);
			c->failed = true;
		}
	}
	if (round >= 0)
		c->seconds[round] = total;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *title, struct contender *c, unsigned n, int rounds)
{
	double base = 0;
	unsigned i;

	printf("\n%s (%d rounds)\n%-32s %10s %10s %10s %8s\n", title, rounds, "", "median ms",
	       "min", "p90", "ratio");
	for (i = 0; i < n; i++) {
		double median;

		if (c[i].failed) {
			printf("%-32s %10s\n", c[i].name, "failed");
			continue;
		}
		qsort(c[i].seconds, (size_t)rounds, sizeof(double), compare);
		median = c[i].seconds[rounds / 2] * 1000;
		if (base == 0)
			base = median;
		printf("%-32s %10.3f %10.3f %10.3f %8.2f\n", c[i].name, median,
		       c[i].seconds[0] * 1000, c[i].seconds[rounds * 9 / 10] * 1000, median / base);
		fprintf(json,
			"%s\n\t{\"case\": \"%s\", \"contender\": \"%s\", \"rounds\": %d, "
			"\"median_ms\": %.4f, \"min_ms\": %.4f, \"p90_ms\": %.4f}",
			json_any ? "," : "", title, c[i].name, rounds, median,
			c[i].seconds[0] * 1000, c[i].seconds[rounds * 9 / 10] * 1000);
		json_any = true;
	}
	fflush(stdout);
}

static void run_case(const char *title, struct contender *c, unsigned n, int rounds)
{
	unsigned i;
	int round;

	for (round = -WARMUP; round < rounds; round++)
		for (i = 0; i < n; i++)
			if (!c[i].failed)
				run_round(&c[i], round);
	report(title, c, n, rounds);
	for (i = 0; i < n; i++) {
		free(c[i].line);
		free(c[i].seconds);
	}
	memset(c, 0, sizeof(*c) * n);
}

static void die(const char *why, const char *what)
{
	fprintf(stderr, "bench: plan: %s: %s\n", why, what);
	exit(2);
}

static void parse_contender(struct contender *c, const char *line, int rounds)
{
	char *save = NULL;
	char *word;
	char *colon;
	unsigned words = 0;
	struct command *cmd = &c->commands[0];

	c->line = strdup(line);
	c->seconds = calloc((size_t)rounds, sizeof(double));
	if (!c->line || !c->seconds)
		die("out of memory", line);
	colon = strstr(c->line, ": ");
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
		if (words == WORDS_MAX)
			die("too many words", line);
		cmd->words[words++] = word;
	}
	if (words == 0)
		die("an empty command", line);
}

int main(int argc, char **argv)
{
	struct contender contenders[CONTENDERS_MAX] = { 0 };
	char title[200] = "";
	char line[4096];
	unsigned n = 0;
	int rounds;

	rounds = argc == 3 ? atoi(argv[1]) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench ROUNDS JSON-FILE <PLAN\n");
		return 2;
	}
	json = fopen(argv[2], "we");
	if (!json)
		die("cannot write", argv[2]);
	fprintf(json, "[");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "case ", 5)) {
			if (n)
				run_case(title, contenders, n, rounds);
			n = 0;
			(void)snprintf(title, sizeof(title), "%.190s", line + 5);
		} else if (line[0] && line[0] != '#') {
			if (n == CONTENDERS_MAX)
				die("too many contenders", line);
			parse_contender(&contenders[n++], line, rounds);
		}
	}
	if (n)
		run_case(title, contenders, n, rounds);
	fprintf(json, "\n]\n");
	return fclose(json) ? 1 : 0;
}
