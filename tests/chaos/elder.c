/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container that lives as long as the chaos does, and whose shim nobody kills: it serves jobs,
 * followers, and clients that vanish, over and over, and must be at the end what it was.
 */
#include <config.h>
#include "chaos.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM_UP	       30  /* rounds: a buffer is allocated when it is needed first */
#define SLACK_KB       64  /* the allocator's page granularity, stack pages touched late */
#define WATCH_FDS      1   /* the watch's connection, which goes and comes with it */
#define ROUND_JOBS_MAX "5" /* finished jobs are remembered: so many */

static void round_of_work(struct episode *e, struct rng *rng)
{
	struct command c;
	char code[16];
	int want = (int)rng_below(rng, 90);
	int rc;

	(void)snprintf(code, sizeof(code), "%d", want);
	rc = command_run(e, &c, -1, "exec", e->id, "/bin/busybox", "sh", "-c",
			 "echo out; echo err >&2; exit $0", code);
	if (rc != want)
		fail(e, CLAIM_STATUS, "elder: exec ended with %d, expected %d", rc, want);
	command_done(&c);
	(void)command_sure(e, &c, -1, "exec", "-d", e->id, "/bin/busybox", "echo", "job");
	command_done(&c);
	/* clients that vanish in the middle of something */
	(void)command_run(e, &c, rng_below(rng, 4000), "attach", "--no-stdin", e->id);
	command_done(&c);
	(void)command_run(e, &c, rng_below(rng, 4000), "exec", e->id, "/bin/busybox", "true");
	command_done(&c);
	(void)command_sure(e, &c, -1, "log", "--tail", "3", e->id);
	command_done(&c);
	e->w->count[COUNT_JOBS] += 2;
}

static void elder_begin(struct episode *e, struct world *w)
{
	struct command c;
	char script[700];

	e->w = w;
	e->root = ROOT_MAIN;
	(void)snprintf(e->id, sizeof(e->id), "elder");
	(void)snprintf(e->dir, sizeof(e->dir), TMP "/elder");
	if (mkdir(e->dir, 0777) < 0)
		abort();
	bundle_write(e);
	(void)snprintf(
		script, sizeof(script),
		"sed -i 's|\"args\":\\[[^]]*\\]|\"args\":[\"/bin/busybox\",\"sh\",\"-c\",\"while "
		":; do "
		"echo tick; sleep 0.1; done\"]|' %s/config.json",
		e->dir);
	if (system(script) != 0)
		abort();
	(void)command_sure(e, &c, -1, "run", "-d", "-b", e->dir, "--jobs-max", ROUND_JOBS_MAX,
			   e->id);
	command_done(&c);
}

void elder_run(struct world *w)
{
	struct episode *e = share(sizeof(*e));
	struct rng rng = rng_make(w->seed, 300, 0);
	unsigned kb = 0, fds = 0, end_kb = 0, end_fds = 0, rounds = 0;
	struct command c;
	pid_t shim;

	elder_begin(e, w);
	shim = shim_find(e->id, NULL, 0, NULL);
	while (shim && now_ns() < w->end_ns) {
		round_of_work(e, &rng);
		if (++rounds == WARM_UP) {
			nap_us(1500000);
			(void)shim_measure(shim, &kb, &fds);
		}
		nap_us(50000);
	}
	nap_us(1500000); /* the last clients and jobs are gone */
	if (!shim || shim_find(e->id, NULL, 0, NULL) != shim)
		fail(e, CLAIM_GROWTH, "the elder's shim (%d) is gone", (int)shim);
	else if (rounds < WARM_UP || !shim_measure(shim, &end_kb, &end_fds))
		note("the elder: %u rounds, too few to tell growth", rounds);
	else if (end_kb > kb + SLACK_KB || end_fds > fds + WATCH_FDS)
		fail(e, CLAIM_GROWTH,
		     "the elder's shim after %u rounds: %u kB, %u fds; before: %u kB, %u fds",
		     rounds, end_kb, end_fds, kb, fds);
	note("the elder: %u rounds, its shim has %u kB of its own, %u descriptors (after %d "
	     "rounds: %u, %u)",
	     rounds, end_kb, end_fds, WARM_UP, kb, fds);
	(void)command_sure(e, &c, -1, "delete", "-f", e->id);
	command_done(&c);
	left_verify(e);
	_exit(0);
}
