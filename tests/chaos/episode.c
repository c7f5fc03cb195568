/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container from its creation to its last trace.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAKE_MAX   60
#define DELETE_MAX 300

struct life {
	struct episode *e;
	struct rng rng;
	struct progress *progress;
	struct command front; /* capsule run in the foreground */
	bool has_front;
	int code; /* -1: unknown */
	pid_t killer, reader, attach, jobs[2];
};

struct progress *progress_make(const struct episode *e, const char *name)
{
	struct progress *p;
	char path[120];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, sizeof(*p)) < 0)
		abort();
	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		abort();
	(void)__atomic_fetch_add(
		&p->error, 0,
		__ATOMIC_SEQ_CST); /* the page is ours, and not the container's memory */
	close(fd);
	return p;
}

static bool is_there(const struct episode *e)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", e->root, e->id);
	return access(path, F_OK) == 0;
}

/* -1: the CLI is not killed this time */
static int64_t cli_kill_us(struct life *l, unsigned factor)
{
	unsigned mean = l->e->plan.kill_mean_ms[KIND_CLI];

	if (!mean || rng_chance(&l->rng, 50))
		return -1;
	return 1 + rng_below(&l->rng, 1000 * mean * factor);
}

/* One look tells that it is gone: at the next there may be what the late shim of a command that was
 * killed has just made, and takes away again. That it does, left_verify() sees. */
static bool delete_all(struct life *l, bool force)
{
	struct episode *e = l->e;

	for (int i = 0; is_there(e); i++) {
		struct command c;
		int64_t kill_us = i < 3 ? cli_kill_us(l, 1) : -1;
		int rc = force || i > 0 ? command_run(e, &c, kill_us, "delete", "-f", e->id)
					: command_run(e, &c, kill_us, "delete", e->id);
		char *text = command_text(c.err, NULL);
		bool explained = c.killed || !is_there(e) || is_excused(e, c.began_ns) ||
				 e->killed_ns[KIND_CLI] + UINT64_C(12000000000) >= c.began_ns;

		command_done(&c);
		if (rc == 0 && is_there(e))
			fail(e, CLAIM_LEFT, "delete said nothing, but %s is still there: %.200s",
			     e->id, text);
		if (rc != 0 && !explained)
			fail(e, CLAIM_COMMANDS, "'capsule %s' ended with %d: %.200s", c.words, rc,
			     text);
		free(text);
		if (rc != 0)
			nap_us(20000);
		if (i == DELETE_MAX) {
			fail(e, CLAIM_LEFT, "%s cannot be deleted", e->id);
			return false;
		}
	}
	return true;
}

/* ---- making it ---- */

static const char *size_text(const struct episode *e)
{
	static char text[16];

	(void)snprintf(text, sizeof(text), "%u", e->plan.max_size ? e->plan.max_size : 10485760);
	return text;
}

#define LOG_OPTIONS(e)                                                             \
	"--log-driver", (e)->plan.json ? "json-file" : "cri", "--log-mode",        \
		(e)->plan.drop ? "drop" : "block", "--log-max-size", size_text(e), \
		"--log-max-files", "200"

/* A command that was killed has a shim that may make its directory only now. */
static bool is_left_over(const struct episode *e, const struct command *c, const char *text)
{
	return strstr(text, "exists already") &&
	       e->killed_ns[KIND_CLI] + UINT64_C(12000000000) >= c->began_ns;
}

/* An answer that explains itself, or a failure. */
static void judge(struct episode *e, struct command *c, int rc)
{
	if (rc != 0 && !c->killed && !is_excused(e, c->began_ns)) {
		char *text = command_text(c->err, NULL);

		if (!is_left_over(e, c, text))
			fail(e, CLAIM_COMMANDS, "'capsule %s' ended with %d: %.300s", c->words, rc,
			     text);
		free(text);
	}
	if (rc != 0)
		e->w->count[COUNT_REPEATED]++;
}

static bool begin_detached(struct life *l)
{
	struct episode *e = l->e;
	struct command c;
	int rc;

	if (e->plan.start == START_CREATE)
		rc = command_run(e, &c, cli_kill_us(l, 1), "create", "-b", e->dir, LOG_OPTIONS(e),
				 "--jobs-max", "1000", e->id);
	else
		rc = command_run(e, &c, cli_kill_us(l, 1), "run", "-d", "-b", e->dir,
				 LOG_OPTIONS(e), "--jobs-max", "1000", e->id);
	judge(e, &c, rc);
	command_done(&c);
	if (rc != 0 || e->plan.start != START_CREATE)
		return rc == 0;
	rc = command_run(e, &c, cli_kill_us(l, 1), "start", "-d", e->id);
	judge(e, &c, rc);
	command_done(&c);
	return rc == 0;
}

/* Started is what the writer says. */
static bool begin_front(struct life *l)
{
	struct episode *e = l->e;
	const char *argv[] = { "run",	     "-b",   e->dir, LOG_OPTIONS(e),
			       "--jobs-max", "1000", e->id,  NULL };
	int64_t kill_us = cli_kill_us(l, 1);
	struct pollfd p;
	int rc;

	command_start(e, &l->front, argv);
	p = (struct pollfd){ .fd = l->front.pidfd, .events = POLLIN };
	while (!l->progress->started) {
		bool late = kill_us >= 0 && now_ns() > l->front.began_ns + (uint64_t)kill_us * 1000;

		if (!late && poll(&p, 1, 1) != 1 &&
		    now_ns() < l->front.began_ns + UINT64_C(60000000000))
			continue;
		if (!late && l->progress->started)
			break; /* and ended, as it may be */
		rc = command_end(e, &l->front, late ? kill_us : -1);
		judge(e, &l->front, rc);
		command_done(&l->front);
		return false;
	}
	l->has_front = true;
	return true;
}

static bool make(struct life *l)
{
	struct episode *e = l->e;
	char name[32];

	for (int i = 0; i < MAKE_MAX; i++) {
		bool ok;

		e->attempt++;
		(void)snprintf(name, sizeof(name), "main.%d", e->attempt);
		l->progress = progress_make(e, name);
		bundle_write(e);
		ok = e->plan.start == START_FOREGROUND ? begin_front(l) : begin_detached(l);
		for (int ms = 0; !ok && is_there(e) && ms < 500 && !l->progress->started; ms += 10)
			nap_us(10000);
		if (ok || (l->progress->started && is_there(e)))
			return true;
		/* neither started nor anything that would start: away with what is there */
		if (!delete_all(l, true))
			return false;
		left_verify(e);
		nap_us(i > 5 ? 50000 : 1000); /* a full disk takes its time */
	}
	fail(e, CLAIM_COMMANDS, "the container could not be made in %d attempts", MAKE_MAX);
	return false;
}

/* ---- its end ---- */

/* True: it is gone, by a client in the foreground that was killed in the middle of its delete. */
static bool wait_for_it(struct life *l)
{
	struct episode *e = l->e;

	for (int i = 0; i < 500; i++) {
		struct command c;
		int rc = command_run(e, &c, i < 2 ? cli_kill_us(l, 20) : -1, "wait", e->id);
		char *out = command_text(c.out, NULL);
		char *err = command_text(c.err, NULL);
		bool unknown = rc != 0 && strstr(err, "not known") != NULL;
		bool gone = l->has_front && rc != 0 && strstr(err, "no such container") != NULL;

		l->code = rc == 0 ? atoi(out) : -1;
		if (rc != 0 && !c.killed && !unknown && !gone && !is_excused(e, c.began_ns))
			fail(e, CLAIM_COMMANDS, "'capsule %s' ended with %d: %.200s", c.words, rc,
			     err);
		free(out);
		free(err);
		command_done(&c);
		if (rc == 0 || unknown || gone)
			return gone;
		e->w->count[COUNT_REPEATED]++;
		nap_us(10000);
	}
	fail(e, CLAIM_COMMANDS, "wait never told");
	return false;
}

/* What the client in the foreground was given is all that was said. */
static void front_compare(struct life *l)
{
	struct text t;

	text_make(&t, &l->e->plan.say, false);
	for (int s = 0; s < 2 && !t.wrong[0]; s++) {
		size_t len;
		char *text = command_stream(&l->front, s, &len);

		(void)text_add(&t, s, (unsigned char *)text, len);
		free(text);
	}
	if (t.wrong[0] || !text_is_complete(&t, l->progress))
		fail(l->e, CLAIM_READERS, "run in the foreground: %s", t.wrong);
	text_done(&t);
}

/* True: the container is gone with its client, which has its exit code. */
static bool front_end(struct life *l)
{
	struct episode *e = l->e;
	int rc = command_end(e, &l->front, cli_kill_us(l, 30));
	bool gone = !is_there(e);

	if (rc == 125)
		judge(e, &l->front, rc);
	else if (rc == EXIT_UNKNOWN)
		(void)status_check(e, "run in the foreground", &e->plan.say, l->progress, -1,
				   false);
	else if (!l->front.killed)
		l->code = rc;
	if (!l->front.killed && rc != 125 && e->kills[KIND_SHIM] == 0)
		front_compare(l);
	command_done(&l->front);
	return gone;
}

static pid_t helper(struct episode *e, void (*run)(struct episode *))
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		run(e);
		_exit(0);
	}
	return pid;
}

static void jobs_even(struct episode *e)
{
	jobs_run(e, 0, 2);
}

static void jobs_odd(struct episode *e)
{
	jobs_run(e, 1, 2);
}

static void helpers_begin(struct life *l)
{
	struct episode *e = l->e;

	if (e->plan.follows)
		l->reader = helper(e, reader_run);
	if (e->plan.attaches)
		l->attach = helper(e, attach_run);
	if (e->plan.jobs > 0)
		l->jobs[0] = helper(e, jobs_even);
	if (e->plan.jobs > 1)
		l->jobs[1] = helper(e, jobs_odd);
}

static void helper_end(pid_t *pid)
{
	if (*pid > 0)
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	*pid = 0;
}

static void jobs_end(struct life *l)
{
	char path[120];
	int fd;

	helper_end(&l->jobs[0]);
	helper_end(&l->jobs[1]);
	(void)snprintf(path, sizeof(path), "%s/go", l->e->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
}

static void verify(struct life *l, bool gone)
{
	struct episode *e = l->e;
	const struct say *say = &e->plan.say;
	char path[PATH_MAX];

	if (l->code >= 0 || !gone)
		status_check(e, "the container", say, l->progress, l->code,
			     e->killed_ns[KIND_INIT] > 0);
	if (gone)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s/log", e->root, e->id);
	log_verify(e, "the container", say, l->progress, path);
	(void)snprintf(path, sizeof(path), "%s/%s/exit.json", e->root, e->id);
	/* one whose terminal hung up, or whose runtime was killed as it became the program, which
	 * status_check() has judged, never came to eat */
	exit_verify(e, "the container", path, l->code,
		    say->end == END_EAT && l->progress->done && !e->killed_ns[KIND_INIT]);
	jobs_verify(e);
}

static void measure(struct life *l)
{
	unsigned kb, fds;
	pid_t shim = shim_find(l->e->id, NULL, 0, NULL);

	if (!shim || !shim_measure(shim, &kb, &fds))
		return;
	/* its own memory once the container is over: what an idle shim has, and buffers of finished
	 * jobs */
	if (kb > 700)
		fail(l->e, CLAIM_GROWTH, "the shim has %u kB of its own at the end", kb);
	if (fds > 48)
		fail(l->e, CLAIM_GROWTH, "the shim has %u descriptors at the end", fds);
}

static void live(struct life *l)
{
	struct episode *e = l->e;
	bool gone = false;

	if (!make(l))
		return;
	e->started = true;
	e->w->count[COUNT_CONTAINERS]++;
	helpers_begin(l);
	if (!e->plan.rude)
		jobs_end(l);
	l->code = -1;
	if (l->has_front)
		gone = front_end(l);
	if (!gone && (!l->has_front || l->code < 0))
		gone = wait_for_it(l);
	/* what a client in the foreground has asked for before it was killed is done behind it */
	if (l->has_front && !gone) {
		nap_us(500000);
		gone = !is_there(e);
	}
	jobs_end(l);
	e->ended = true;
	if (rng_chance(&l->rng, 50))
		e->killers_stop = true;
	helper_end(&l->reader);
	helper_end(&l->attach);
	verify(l, gone);
	measure(l);
	(void)delete_all(l, e->plan.rude || rng_chance(&l->rng, 30));
}

void episode_run(struct world *w, uint64_t number)
{
	struct episode *e = share(sizeof(*e));
	struct life l = { .e = e, .rng = rng_make(w->seed, 101, number) };
	char script[100];

	e->w = w;
	e->number = number;
	plan_make(&e->plan, e->jobs, w, number);
	e->root = e->plan.on_disk ? ROOT_DISK : ROOT_MAIN;
	(void)snprintf(e->id, sizeof(e->id), "c%" PRIu64, number);
	(void)snprintf(e->dir, sizeof(e->dir), TMP "/%s", e->id);
	if (mkdir(e->dir, 0777) < 0 || chmod(e->dir, 0777) < 0)
		abort();
	if (w->first)
		plan_print(e);
	l.killer = helper(e, killer_run);
	live(&l);
	e->killers_stop = true;
	helper_end(&l.killer);
	if (!e->bad)
		left_verify(e);
	if (e->bad) {
		plan_print(e);
		note("to repeat: chaos BUILD --seed %" PRIu64 " --episode %" PRIu64, w->seed,
		     number);
	}
	(void)snprintf(script, sizeof(script), "rm -rf %s", e->dir);
	if (system(script) != 0)
		note("%s: cannot be removed", e->dir);
	(void)munmap(e, sizeof(*e));
}
