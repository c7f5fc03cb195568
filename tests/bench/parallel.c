/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many commands, some of them at a time:
 *
 *	bench parallel SAMPLES ROW CONTENDER COUNT WIDTH COMMAND [WORD...]
 *
 * A % in a word becomes the number of the command. Measured: commands a second over all, the time
 * of each from its start to its end, and the slowest.
 */
#include <config.h>

#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define WIDTH_MAX 64
#define WORDS_MAX 40

struct running {
	pid_t pid;
	double start;
};

static pid_t start_one(char **words, int words_count, int number)
{
	char *own[WORDS_MAX + 1] = { NULL };
	pid_t pid;
	int i;

	for (i = 0; i < words_count; i++) {
		const char *at = strchr(words[i], '%');

		if (!at)
			own[i] = strdup(words[i]);
		else if (asprintf(&own[i], "%.*s%d%s", (int)(at - words[i]), words[i], number,
				  at + 1) < 0)
			return -1;
	}
	pid = bench_spawn(own, NULL, NULL);
	for (i = 0; i < words_count; i++)
		free(own[i]);
	return pid;
}

/* Waits for one of them; its time in seconds, or less than 0 if it failed. */
static double finish_one(struct running *running, int width)
{
	int status;
	int i;

	for (;;) {
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0)
			return -1;
		for (i = 0; i < width; i++) {
			if (running[i].pid != pid)
				continue;
			running[i].pid = 0;
			return status == 0 ? bench_now() - running[i].start : -1;
		}
	}
}

static int run_all(char **words, int words_count, int count, int width, double *seconds)
{
	struct running running[WIDTH_MAX] = { { 0 } };
	int started = 0, ended = 0, active = 0, failed = 0;

	while (ended < count) {
		int i;

		for (i = 0; i < width && started < count; i++) {
			if (running[i].pid)
				continue;
			running[i].start = bench_now();
			running[i].pid = start_one(words, words_count, started++);
			if (running[i].pid < 0)
				return -1;
			active++;
		}
		seconds[ended] = finish_one(running, width);
		if (seconds[ended] < 0)
			failed++;
		ended++;
		active--;
	}
	return failed;
}

int bench_parallel(int argc, char **argv)
{
	FILE *samples;
	double start, total, slowest = 0;
	double *seconds;
	int count, width, failed;
	int i;

	count = argc > 6 ? atoi(argv[4]) : 0;
	width = argc > 6 ? atoi(argv[5]) : 0;
	seconds = calloc((size_t)(count > 0 ? count : 1), sizeof(double));
	samples = argc > 6 ? fopen(argv[1], "ae") : NULL;
	if (count < 1 || width < 1 || width > WIDTH_MAX || argc - 6 > WORDS_MAX || !samples ||
	    !seconds) {
		fprintf(stderr,
			"usage: bench parallel SAMPLES ROW CONTENDER COUNT WIDTH COMMAND...\n");
		return 2;
	}
	start = bench_now();
	failed = run_all(argv + 6, argc - 6, count, width, seconds);
	total = bench_now() - start;
	if (failed) {
		fprintf(stderr, "bench: %s: %s: %d of %d failed\n", argv[2], argv[3], failed,
			count);
		return 1;
	}
	for (i = 0; i < count; i++) {
		bench_sample(samples, argv[2], "time", "ms", argv[3], seconds[i] * 1000);
		slowest = seconds[i] > slowest ? seconds[i] : slowest;
	}
	bench_sample(samples, argv[2], "starts", "1/s", argv[3], count / total);
	bench_sample(samples, argv[2], "slowest", "ms", argv[3], slowest * 1000);
	free(seconds);
	return fclose(samples) ? 1 : 0;
}
