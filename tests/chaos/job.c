/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs of a container: detached ones with a log of their own, and foreground ones whose output and
 * exit code come by the command.
 */
#include <config.h>
#include "chaos.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRIES 100

static struct progress *job_progress(const struct episode *e, unsigned i, int try)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "job-%u.%d", i, try);
	return progress_make(e, name);
}

struct numbers {
	char text[8][24];
	char file[40];
	char size[16];
};

/* argv of `exec …`, its numbers in *n. */
static void job_args(const struct episode *e, unsigned i, struct numbers *n, const char **argv)
{
	const struct job *j = &e->jobs[i];
	const struct say *s = &j->say;
	unsigned at = 0;

	argv[at++] = "exec";
	if (j->detached) {
		(void)snprintf(n->size, sizeof(n->size), "%u",
			       e->plan.max_size ? e->plan.max_size : 10485760);
		argv[at++] = "-d";
		argv[at++] = "--log-driver";
		argv[at++] = e->plan.json ? "json-file" : "cri";
		argv[at++] = "--log-mode";
		argv[at++] = e->plan.drop ? "drop" : "block";
		argv[at++] = "--log-max-size";
		argv[at++] = n->size;
		argv[at++] = "--log-max-files";
		argv[at++] = "200";
	}
	if (s->tty)
		argv[at++] = "-t";
	(void)snprintf(n->file, sizeof(n->file), "/tmp/job-%u.%d", i, j->try);
	(void)snprintf(n->text[0], 24, "%" PRIu64, s->seed);
	(void)snprintf(n->text[1], 24, "%u", s->lines[0]);
	(void)snprintf(n->text[2], 24, "%u", s->lines[1]);
	(void)snprintf(n->text[3], 24, "%u", s->flags);
	(void)snprintf(n->text[4], 24, "%u", s->pause_us);
	(void)snprintf(n->text[5], 24, "%d", s->end);
	(void)snprintf(n->text[6], 24, "%d", s->value);
	argv[at++] = e->id;
	argv[at++] = "/bin/writer";
	argv[at++] = n->file;
	for (int k = 0; k < 7; k++)
		argv[at++] = n->text[k];
	argv[at++] = "-";
	argv[at] = NULL;
}

static bool container_may_be_over(const struct episode *e)
{
	/* a terminal that nobody had a copy of hangs up with its shim */
	return e->plan.rude || e->killed_ns[KIND_INIT] > 0 ||
	       (e->plan.say.tty && e->kills[KIND_SHIM] > 0);
}

/* The foreground: its output went past the shim. */
static void front_verify(struct episode *e, const struct job *j, struct command *c,
			 const struct progress *p, int rc)
{
	struct text t;

	text_make(&t, &j->say, false);
	for (int s = 0; s < 2 && !t.wrong[0]; s++) {
		size_t len;
		char *text = command_stream(c, s, &len);

		(void)text_add(&t, s, (unsigned char *)text, len);
		free(text);
	}
	if (t.wrong[0] || !text_is_complete(&t, p))
		fail(e, CLAIM_READERS, "a job in the foreground: %s", t.wrong);
	text_done(&t);
	status_check(e, "a job in the foreground", &j->say, p, rc == EXIT_UNKNOWN ? -1 : rc,
		     container_may_be_over(e));
}

/* One attempt. True: it need not be tried again. */
static bool job_try(struct episode *e, unsigned i, struct rng *rng)
{
	struct job *j = &e->jobs[i];
	struct progress *p = job_progress(e, i, j->try);
	const char *argv[ARGS_MAX + 1];
	unsigned mean = e->plan.kill_mean_ms[KIND_CLI];
	int64_t kill_us = mean && rng_chance(rng, 25) ? (int64_t)rng_below(rng, 1000 * mean) : -1;
	struct numbers n;
	struct command c;
	bool over;
	int rc;

	job_args(e, i, &n, argv);
	command_start(e, &c, argv);
	rc = command_end(e, &c, kill_us);
	over = !c.killed && (rc == 0 || (!j->detached && rc != 125));
	if (over && j->detached) {
		char *text = command_text(c.out, NULL);

		(void)snprintf(j->id, sizeof(j->id), "%.36s", text);
		free(text);
		j->made = true;
	} else if (over) {
		front_verify(e, j, &c, p, rc);
	} else if (!c.killed && !is_excused(e, c.began_ns) && !container_may_be_over(e)) {
		char *text = command_text(c.err, NULL);

		fail(e, CLAIM_COMMANDS, "'capsule %s' ended with %d: %.300s", c.words, rc, text);
		free(text);
		over = true;
	} else {
		e->w->count[COUNT_REPEATED]++;
		/* one whose command has lost it, or that its container took along */
		over = container_may_be_over(e) || (!j->detached && p->started);
	}
	e->w->count[COUNT_JOBS] += over;
	command_done(&c);
	(void)munmap(p, sizeof(*p));
	return over;
}

static int job_wait(struct episode *e, const struct job *j)
{
	for (int i = 0; i < 400; i++) {
		struct command c;
		int rc = command_run(e, &c, -1, "wait", "--exec", j->id, e->id);
		char *out = command_text(c.out, NULL);
		char *err = command_text(c.err, NULL);
		bool unknown = rc != 0 && strstr(err, "not known") != NULL;
		bool excused = is_excused(e, c.began_ns);
		/* killed, it goes with the client in the foreground that it had */
		bool gone = e->plan.start == START_FOREGROUND && e->killed_ns[KIND_INIT] > 0 &&
			    strstr(err, "no such container");
		int code = rc == 0 ? atoi(out) : -1;

		if (rc != 0 && !unknown && !excused && !gone)
			fail(e, CLAIM_COMMANDS, "'capsule %s' ended with %d: %.200s", c.words, rc,
			     err);
		free(out);
		free(err);
		command_done(&c);
		if (rc == 0 || unknown || gone || !excused)
			return code;
		e->w->count[COUNT_REPEATED]++;
		nap_us(20000);
	}
	fail(e, CLAIM_COMMANDS, "wait --exec never told");
	return -1;
}

void jobs_run(struct episode *e, unsigned first, unsigned step)
{
	struct rng rng = rng_make(e->w->seed, 102 + first, e->number);

	for (unsigned i = first; i < e->plan.jobs; i += step) {
		struct job *j = &e->jobs[i];

		nap_us(rng_below(&rng, 30000));
		for (j->try = 0; j->try < TRIES; j->try++) {
			if (job_try(e, i, &rng))
				break;
			nap_us(10000);
		}
	}
	/* the container ends when its jobs have */
	for (unsigned i = first; i < e->plan.jobs && !e->plan.rude; i += step)
		if (e->jobs[i].made)
			(void)job_wait(e, &e->jobs[i]);
}

void jobs_verify(struct episode *e)
{
	for (unsigned i = 0; i < e->plan.jobs; i++) {
		struct job *j = &e->jobs[i];
		struct progress *p;
		char path[PATH_MAX], what[64];
		int code;

		if (!j->made)
			continue;
		p = job_progress(e, i, j->try);
		(void)snprintf(what, sizeof(what), "job %u (%.36s)", i, j->id);
		code = job_wait(e, j);
		status_check(e, what, &j->say, p, code, container_may_be_over(e));
		(void)snprintf(path, sizeof(path), "%s/%s/exec/%.36s/log", e->root, e->id, j->id);
		log_verify(e, what, &j->say, p, path);
		(void)snprintf(path, sizeof(path), "%s/%s/exec/%.36s/exit.json", e->root, e->id,
			       j->id);
		exit_verify(e, what, path, code, false);
		(void)munmap(p, sizeof(*p));
	}
}
