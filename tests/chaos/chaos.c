/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	chaos BUILD [--seed N] [--seconds N] [--lanes N] [--episode N] [--no-watch]
 *	            [--only KIND[,KIND]...] [--without KIND[,KIND]...]
 *
 * as pid 1 of a world of its own: tests/integ/run BUILD -- BUILD/tests/chaos/chaos BUILD … . Prints
 *its seed, what it did, and TAP. KIND: cli shim runtime init oom disk reader attach fds watch.
 */
#include <config.h>
#include "chaos.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const kind_names[KIND_COUNT] = {
	[KIND_CLI] = "cli",	  [KIND_SHIM] = "shim",	    [KIND_RUNTIME] = "runtime",
	[KIND_INIT] = "init",	  [KIND_OOM] = "oom",	    [KIND_DISK] = "disk",
	[KIND_READER] = "reader", [KIND_ATTACH] = "attach", [KIND_FDS] = "fds",
	[KIND_WATCH] = "watch",
};

static const char *const claims[CLAIM_COUNT] = {
	[CLAIM_LINES] = "every line is in the log exactly once, in order",
	[CLAIM_DROPS] = "in drop mode, what is missing is counted to the byte",
	[CLAIM_STATUS] = "every exit status is right",
	[CLAIM_COMMANDS] = "no command hangs, or fails without a cause",
	[CLAIM_READERS] = "readers get the log, or the beginning of it",
	[CLAIM_LEFT] = "nothing is left over",
	[CLAIM_GROWTH] = "no shim has grown",
};

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void nap_us(uint64_t us)
{
	struct timespec t = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* One write a line: many processes print. */
static void print(const char *head, const char *text)
{
	char line[2000];
	int n = snprintf(line, sizeof(line) - 1, "# %s%s", head, text);

	n = n < (int)sizeof(line) - 2 ? n : (int)sizeof(line) - 2;
	for (char *c = line; *c; c++)
		if (*c == '\n')
			*c = ' ';
	line[n] = '\n';
	if (write(1, line, (size_t)n + 1) < 0)
		_exit(1);
}

void note(const char *fmt, ...)
{
	char text[1900];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print("", text);
}

/* What the failure is about, before it is cleared away. */
static void keep(const struct episode *e)
{
	char script[2 * PATH_MAX];

	(void)snprintf(
		script, sizeof(script),
		"k=%s/chaos-kept; mkdir -p $k; cp -a %s/%s $k/ 2>/dev/null; cp -a %s $k/%s-run",
		e->w->build, e->root, e->id, e->dir, e->id);
	if (system(script) != 0)
		note("%s: not all could be kept", e->id);
}

void fail(struct episode *e, enum claim claim, const char *fmt, ...)
{
	char head[100], text[1800];
	va_list ap;

	(void)snprintf(head, sizeof(head), "FAILED %s (shim killed %" PRIu64 " times): ", e->id,
		       (uint64_t)e->kills[KIND_SHIM]);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print(head, text);
	if (e->w->failed[claim]++ == 0) {
		char *why = e->w->why[claim];

		(void)snprintf(why, sizeof(e->w->why[claim]), "%s: %.250s", e->id, text);
		/* TAP: a line, and what follows a # is no description */
		for (; *why; why++)
			*why = *why == '\n' || *why == '#' ? ' ' : *why;
	}
	if (!atomic_exchange(&e->bad, true))
		keep(e);
}

/* ---- the world ---- */

static unsigned kinds_parse(const char *text)
{
	unsigned kinds = 0;

	for (int k = 0; k < KIND_COUNT; k++) {
		const char *at = strstr(text, kind_names[k]);

		if (at)
			kinds |= 1u << k;
	}
	return kinds;
}

static void usage(void)
{
	(void)fprintf(stderr, "usage: chaos BUILD [--seed N] [--seconds N] [--lanes N] [--episode "
			      "N] [--no-watch] "
			      "[--only KIND,...] [--without KIND,...]\n");
	exit(2);
}

static void options_parse(struct world *w, int argc, char **argv, unsigned *ret_seconds)
{
	*ret_seconds = 60;
	if (argc < 2)
		usage();
	(void)snprintf(w->build, sizeof(w->build), "%s", argv[1]);
	(void)snprintf(w->capsule, sizeof(w->capsule), "%s/capsule", argv[1]);
	for (int i = 2; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--no-watch") == 0) {
			w->watch = false;
			continue;
		}
		if (!value)
			usage();
		if (strcmp(argv[i], "--seed") == 0)
			w->seed = strtoull(value, NULL, 0);
		else if (strcmp(argv[i], "--seconds") == 0)
			*ret_seconds = (unsigned)atoi(value);
		else if (strcmp(argv[i], "--lanes") == 0)
			w->lanes = atoi(value);
		else if (strcmp(argv[i], "--episode") == 0)
			w->first = strtoul(value, NULL, 0);
		else if (strcmp(argv[i], "--only") == 0)
			w->kinds = kinds_parse(value);
		else if (strcmp(argv[i], "--without") == 0)
			w->kinds &= ~kinds_parse(value);
		else
			usage();
		i++;
	}
}

static void world_make(struct world *w)
{
	char script[2 * PATH_MAX];

	(void)snprintf(script, sizeof(script),
		       "cp %s/tests/chaos/writer /var/tmp/rootfs/bin/writer && mkdir -p " TMP
		       " " ROOT_MAIN " " DISK " && mount -t tmpfs -o size=12m,mode=755 tmpfs " DISK
		       " && mkdir -p " ROOT_DISK " && rm -rf %s/chaos-kept",
		       w->build, w->build);
	(void)umask(0);
	if (system(script) != 0) {
		(void)fprintf(stderr, "chaos: the world cannot be made\n");
		exit(1);
	}
}

static pid_t spawn_watch(struct world *w, int which)
{
	pid_t pid = fork();

	if (pid == 0)
		watch_run(w, which);
	return pid;
}

static void lane_run(struct world *w, int lane)
{
	uint64_t number = (uint64_t)lane;

	if (w->first) {
		/* the same plan again and again: the moments differ */
		while (now_ns() < w->end_ns)
			episode_run(w, w->first);
		_exit(0);
	}
	for (; now_ns() < w->end_ns; number += (uint64_t)w->lanes)
		episode_run(w, number + 1);
	_exit(0);
}

/* Pid 1: orphans are reaped at once, and now and then late. */
static void reap_until_gone(struct world *w, const pid_t *lanes, int n)
{
	struct rng rng = rng_make(w->seed, 400, 0);
	int left = n;

	while (left > 0) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		for (int i = 0; i < n; i++) {
			if (lanes[i] != pid)
				continue;
			left--;
			if (status != 0)
				w->failed[CLAIM_COMMANDS]++;
			if (status != 0)
				note("FAILED: a lane ended with status %#x", (unsigned)status);
		}
		if (pid < 0 && errno == ECHILD)
			break;
		if (rng_chance(&rng, 10))
			nap_us(1000 * rng_below(&rng, 200));
	}
}

/* ---- the end ---- */

static void processes_left(struct world *w)
{
	DIR *d;
	struct dirent *entry;

	for (int i = 0; i < 200; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		nap_us(5000);
	}
	d = opendir("/proc");
	while (d && (entry = readdir(d))) {
		char path[300], line[200] = "";
		FILE *f;

		if (atoi(entry->d_name) <= 1)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", entry->d_name);
		f = fopen(path, "r");
		for (size_t i = 0; f && i < fread(line, 1, sizeof(line) - 1, f); i++)
			;
		if (f)
			(void)fclose(f);
		note("FAILED: process %s is left: %s", entry->d_name, line);
		w->failed[CLAIM_LEFT]++;
	}
	if (d)
		closedir(d);
}

static void world_left(struct world *w)
{
	int rc;

	processes_left(w);
	/* what is there once and belongs to no container may stay */
	rc = system("l=$(find " ROOT_MAIN " " ROOT_DISK
		    " -mindepth 1 -type d ! -name '.*' | head -n 5; "
		    "find /sys/fs/cgroup -mindepth 2 -path '*/capsule/*' -type d | head -n 5; "
		    "grep -E ' (" ROOT_MAIN "|" ROOT_DISK ")' /proc/self/mountinfo); "
		    "[ -z \"$l\" ] || { echo \"$l\" | sed 's/^/# FAILED: left: /'; exit 1; }");
	if (rc != 0)
		w->failed[CLAIM_LEFT]++;
}

static int report(struct world *w, unsigned seconds)
{
	uint64_t *c = (uint64_t *)w->count;
	char kills[300] = "";
	int bad = 0;

	for (int k = 0; k < KIND_COUNT; k++)
		(void)snprintf(kills + strlen(kills), sizeof(kills) - strlen(kills), " %s %" PRIu64,
			       kind_names[k], (uint64_t)w->kills[k]);
	note("seed %" PRIu64 ": %" PRIu64 " containers, %" PRIu64 " jobs, %" PRIu64
	     " lines, %" PRIu64 " bytes; adoptions seen %" PRIu64,
	     w->seed, c[COUNT_CONTAINERS], c[COUNT_JOBS], c[COUNT_LINES], c[COUNT_BYTES],
	     c[COUNT_ADOPTED]);
	note("killed:%s; the disk was full %" PRIu64 " times, %" PRIu64
	     " bytes dropped and counted",
	     kills, c[COUNT_FULL], c[COUNT_DROPPED]);
	note("%" PRIu64 " commands repeated, %" PRIu64
	     " exit statuses unknown (ended without shim and watch)",
	     c[COUNT_REPEATED], c[COUNT_UNKNOWN]);
	note("to repeat: make chaos SEED=%" PRIu64 " SECONDS=%u", w->seed, seconds);
	(void)printf("1..%d\n", CLAIM_COUNT);
	for (int i = 0; i < CLAIM_COUNT; i++) {
		(void)printf("%sok %d - %s%s%s\n", w->failed[i] ? "not " : "", i + 1, claims[i],
			     w->why[i][0] ? ": " : "", w->why[i]);
		bad |= w->failed[i] != 0;
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct world *w = share(sizeof(*w));
	pid_t lanes[32], others[4] = { 0 };
	unsigned seconds;
	int n = 0;

	/* networks are not what this is about */
	(void)setenv("CAPSULE_NETWORK", "none", 1);
	*w = (struct world){
		.seed = now_ns(), .kinds = (1u << KIND_COUNT) - 1, .watch = true, .lanes = 3
	};
	options_parse(w, argc, argv, &seconds);
	if (getpid() != 1 || w->lanes < 1 || w->lanes > 30)
		usage();
	note("seed %" PRIu64 ", %u seconds", w->seed, seconds);
	world_make(w);
	w->end_ns = now_ns() + UINT64_C(1000000000) * seconds;
	if (w->first)
		w->lanes = 1;
	if ((others[0] = fork()) == 0 && has_kind(w, KIND_DISK))
		disk_run(w);
	else if (others[0] == 0)
		_exit(0);
	for (int i = 0; i < 2 && w->watch; i++)
		others[1 + i] = spawn_watch(w, i);
	if ((others[3] = fork()) == 0)
		stalls_run(w);
	nap_us(400000);
	for (; n < w->lanes; n++)
		if ((lanes[n] = fork()) == 0)
			lane_run(w, n);
	if (!w->first && (lanes[n++] = fork()) == 0)
		elder_run(w);
	reap_until_gone(w, lanes, n);
	w->disk_stop = true;
	nap_us(800000);
	world_left(w);
	return report(w, seconds);
}
