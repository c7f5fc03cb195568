/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the stopwatch share. Everything that is measured becomes a line of the samples
 * file: row, measure, unit, contender, value, with tabs between them; report.jq makes medians of
 * it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define BENCH_WAIT_MS 20000 /* how long anything may take before it counts as failed */

/* What the commands of one round share, and what they are about. */
struct bench_round {
	const char *row;
	const char *contender;
	FILE *samples;	   /* NULL while warming up */
	double seconds;	   /* of the timed commands so far */
	pid_t background;  /* of @background, until @join */
	int watch;	   /* inotify of @watch and @grew, or -1; closed when the round is over: the
			    * kernel takes 14 ms for that */
	char watched[200]; /* its directory */
	pid_t metered;	   /* of @meter */
	double metered_cpu;
	int asked;	   /* of @ask, until @answer; -1 */
	bool keep_zombies; /* @meter: its CPU time is to be read when it has gone, too */
	unsigned serial;   /* another one each time: names of session directories */
};

typedef int (*bench_step_fn)(struct bench_round *r, char **words);

double bench_now(void); /* CLOCK_MONOTONIC, seconds */
void bench_sample(FILE *samples, const char *row, const char *measure, const char *unit,
		  const char *contender, double value);

/* Starts a command with stdin and stdout on /dev/null; the pid or -1. fds[i] (-1: none) becomes
 * descriptor 3+i; env: NULL for a PATH and nothing else. */
pid_t bench_spawn(char **words, const int fds[3], char *const env[]);
/* Its exit status; -1: ended by a signal. */
int bench_wait(pid_t pid);
/* Takes what has ended and nobody waits for. */
void bench_reap(void);

int bench_connect(const char *path); /* SEQPACKET; -1 with errno */
/* client.c: connects to a shim and says hello; the socket or -1. */
int bench_greet(const char *path);
/* One request and its reply: 0 or -1. The text of ok's `member` goes to text, if asked for. */
int bench_call(int sock, const char *json, const int *fds, unsigned nfds, const char *member,
	       char *text, size_t size);
/* The two halves of it. */
int bench_send(int sock, const char *json);
int bench_receive(int sock);
/* The pid that the other end of a shim's socket had when it began to listen; -1. */
pid_t bench_peer(const char *path);
/* The first number in a file, -1. */
pid_t bench_pid_file(const char *path);
/* Seconds on a processor, of one process without its children; also of a zombie. -1. */
double bench_cpu(pid_t pid);

/* conmon.c: what podman does around conmon. */
int bench_conmon_create(struct bench_round *r, char **words);
int bench_conmon_exec(struct bench_round *r, char **words);
int bench_conmon_job(struct bench_round *r, char **words);

/* steps.c: the command that a word beginning with @ names, NULL if there is none. */
bench_step_fn bench_step(const char *word);

/* The verbs: bench VERB ARGUMENT... */
int bench_plan(int argc, char **argv);
int bench_parallel(int argc, char **argv);
int bench_grow(int argc, char **argv);

#endif
