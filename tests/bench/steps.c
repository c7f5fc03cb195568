/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words with an @ that a plan may have in place of a command. Each returns 0, or anything else
 * if it failed.
 *
 *	@grew PATTERN		waits until the one file that it matches has a byte
 *	@background WORD...	starts a command; @join waits for it
 *	@watch DIR		begins to watch; @seen NAME waits until that file is there
 *	@kill FILE SIGNAL	to the process whose pid the file has
 *	@kill-shim SOCKET SIGNAL	to the process that listens there
 *	@listens SOCKET		fails unless a process does
 *	@ask SOCKET		asks a shim for the end of its container; @answer has it
 *	@gone FILE		waits until that process is a zombie or no more
 *	@clear FILE		removes it, if it is there
 *	@sleep MS
 *	@meter FILE|SOCKET	@metered MB: speed, and CPU time of that process, since @meter
 *	@conmon WORD... @conmon-exec DIR WORD... @conmon-job DIR WORD...: conmon.c
 */
#include <config.h>

#include "bench.h"

#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int pause_ms(double ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000 };

	return nanosleep(&t, NULL);
}

/* Waits for news on an inotify descriptor and takes it. */
static int news(int fd)
{
	char buf[4096];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, BENCH_WAIT_MS) == 1 && read(fd, buf, sizeof(buf)) > 0 ? 0 : -1;
}

static int watch(struct bench_round *r, const char *path, uint32_t events)
{
	if (r->watch < 0)
		r->watch = inotify_init1(IN_CLOEXEC);
	return inotify_add_watch(r->watch, path, events) < 0 ? -1 : 0;
}

static int wait_for_byte(struct bench_round *r, const char *path)
{
	struct stat st;

	if (watch(r, path, IN_MODIFY) < 0)
		return -1;
	do {
		if (stat(path, &st) < 0)
			return -1;
	} while (st.st_size == 0 && news(r->watch) == 0);
	return st.st_size > 0 ? 0 : -1;
}

static int step_grew(struct bench_round *r, char **words)
{
	glob_t found;
	int rc = -1;

	if (glob(words[0], GLOB_NOCHECK, NULL, &found) != 0)
		return -1;
	if (found.gl_pathc == 1)
		rc = wait_for_byte(r, found.gl_pathv[0]);
	globfree(&found);
	return rc;
}

static int step_background(struct bench_round *r, char **words)
{
	r->background = bench_spawn(words, NULL, NULL);
	return r->background < 0 ? -1 : 0;
}

static int step_join(struct bench_round *r, char **words)
{
	(void)words;
	return bench_wait(r->background) < 0 ? -1 : 0;
}

static int step_watch(struct bench_round *r, char **words)
{
	(void)snprintf(r->watched, sizeof(r->watched), "%s", words[0]);
	return watch(r, words[0], IN_MOVED_TO | IN_CLOSE_WRITE);
}

static int step_seen(struct bench_round *r, char **words)
{
	char path[400];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", r->watched, words[0]);
	while ((rc = access(path, F_OK)) < 0 && news(r->watch) == 0)
		;
	return rc;
}

static int step_kill(struct bench_round *r, char **words)
{
	pid_t pid = bench_pid_file(words[0]);

	(void)r;
	return pid > 0 ? kill(pid, atoi(words[1])) : -1;
}

static int step_kill_shim(struct bench_round *r, char **words)
{
	pid_t pid = bench_peer(words[0]);

	(void)r;
	return pid > 0 ? kill(pid, atoi(words[1])) : -1;
}

static int step_listens(struct bench_round *r, char **words)
{
	(void)r;
	return bench_peer(words[0]) > 0 ? 0 : -1;
}

static int step_ask(struct bench_round *r, char **words)
{
	r->asked = bench_greet(words[0]);
	return r->asked < 0 ? -1 : bench_send(r->asked, "{\"op\":\"wait\"}");
}

static int step_answer(struct bench_round *r, char **words)
{
	(void)words;
	return bench_receive(r->asked);
}

static char process_state(pid_t pid)
{
	char path[64];
	char state = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state;
}

static int step_gone(struct bench_round *r, char **words)
{
	const double end = bench_now() + BENCH_WAIT_MS / 1000.0;
	const pid_t pid = bench_pid_file(words[0]);
	char state;

	(void)r;
	while ((state = process_state(pid)) != 0 && state != 'Z') {
		if (bench_now() > end)
			return -1;
		(void)pause_ms(0.5);
	}
	return 0;
}

static int step_clear(struct bench_round *r, char **words)
{
	(void)r;
	return unlink(words[0]) == 0 || errno == ENOENT ? 0 : -1;
}

static int step_sleep(struct bench_round *r, char **words)
{
	(void)r;
	return pause_ms(atof(words[0]));
}

static int step_meter(struct bench_round *r, char **words)
{
	struct stat st;

	if (stat(words[0], &st) < 0)
		return -1;
	r->metered = S_ISSOCK(st.st_mode) ? bench_peer(words[0]) : bench_pid_file(words[0]);
	r->metered_cpu = bench_cpu(r->metered);
	r->keep_zombies = true;
	return r->metered_cpu < 0 ? -1 : 0;
}

static int step_metered(struct bench_round *r, char **words)
{
	const double mb = atof(words[0]);
	const double cpu = bench_cpu(r->metered) - r->metered_cpu;

	bench_sample(r->samples, r->row, "speed", "MB/s", r->contender, mb / r->seconds);
	bench_sample(r->samples, r->row, "CPU", "s/GB", r->contender, cpu / mb * 1000);
	r->keep_zombies = false;
	return cpu < 0 ? -1 : 0;
}

bench_step_fn bench_step(const char *word)
{
	static const struct {
		const char *name;
		bench_step_fn fn;
	} steps[] = {
		{ "@grew", step_grew },
		{ "@background", step_background },
		{ "@join", step_join },
		{ "@watch", step_watch },
		{ "@seen", step_seen },
		{ "@kill", step_kill },
		{ "@kill-shim", step_kill_shim },
		{ "@listens", step_listens },
		{ "@ask", step_ask },
		{ "@answer", step_answer },
		{ "@gone", step_gone },
		{ "@clear", step_clear },
		{ "@sleep", step_sleep },
		{ "@meter", step_meter },
		{ "@metered", step_metered },
		{ "@conmon", bench_conmon_create },
		{ "@conmon-exec", bench_conmon_exec },
		{ "@conmon-job", bench_conmon_job },
	};
	unsigned i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!strcmp(steps[i].name, word))
			return steps[i].fn;
	return NULL;
}
