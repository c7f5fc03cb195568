/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is claimed of one container: its log, its exit status, and that nothing of it stays.
 */
#include <config.h>
#include "chaos.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_WAIT_NS UINT64_C(15000000000)
#define KEEP_NS	    UINT64_C(200000000) /* for the watch to see a process, on a busy machine */

/* How long it was of that time in which a process could do something. */
static uint64_t running_ns(const struct world *w, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t ns = to_ns > from_ns ? to_ns - from_ns : 0;

	for (unsigned i = 0; i < w->nstalls && ns > 0; i++) {
		const struct span *s = &w->stalls[i];
		uint64_t from = s->from_ns > from_ns ? s->from_ns : from_ns;
		uint64_t to = s->to_ns < to_ns ? s->to_ns : to_ns;

		if (to > from)
			ns = ns > to - from ? ns - (to - from) : 0;
	}
	return ns;
}

/* Had the watch got copies of a process' descriptors when this shim was killed? It needs a moment
 * in which both live, after the process was born. */
static bool was_kept(const struct episode *e, uint64_t kill_ns, uint64_t born_ns)
{
	uint64_t n = e->kills[KIND_SHIM];

	for (uint64_t i = 0; i < n && i < SHIM_KILLS_MAX; i++) {
		const struct shim_kill *k = &e->shim_kills[i];
		uint64_t from = k->at_ns - k->age_ns > born_ns ? k->at_ns - k->age_ns : born_ns;

		if (k->at_ns <= kill_ns && running_ns(e->w, from, k->at_ns) > KEEP_NS)
			return true;
	}
	return false;
}

/* What a full disk did not take (a journal, a record) a successor does not find. */
static bool is_record_lost(const struct episode *e, const struct progress *p)
{
	return e->plan.on_disk && e->kills[KIND_SHIM] > 0 &&
	       was_full(e->w, p->started_ns - UINT64_C(2000000000), now_ns());
}

/* Did it end, or may it have, while nobody lived that could know how? */
bool is_unknown_excused(const struct episode *e, const struct progress *p)
{
	const struct world *w = e->w;
	uint64_t down_ns = w->watch_down_ns[e->plan.on_disk];

	if (e->kills[KIND_SHIM] == 0)
		return false;
	if (!w->watch || e->kills[KIND_SHIM] > SHIM_KILLS_MAX)
		return true;
	if (down_ns == UINT64_MAX || down_ns + KEEP_NS >= p->started_ns)
		return true;
	for (uint64_t i = 0; i < e->kills[KIND_SHIM]; i++)
		if (e->shim_kills[i].at_ns + KEEP_NS > p->started_ns &&
		    !was_kept(e, e->shim_kills[i].at_ns, p->started_ns))
			return true;
	return is_record_lost(e, p);
}

/* A runtime that was killed may just have become what it was to start. */
static bool was_runtime(const struct episode *e, const struct progress *p)
{
	for (uint64_t i = 0; i < e->kills[KIND_RUNTIME] && i < SHIM_KILLS_MAX; i++)
		if (!p->started_ns || (e->runtime_kills[i] + UINT64_C(50000000) > p->started_ns &&
				       e->runtime_kills[i] < p->started_ns + UINT64_C(50000000)))
			return true;
	return false;
}

/* code: -1: unknown */
bool status_check(struct episode *e, const char *what, const struct say *say,
		  const struct progress *p, int code, bool may_be_killed)
{
	int planned = say->end == END_SIGNAL ? 128 + say->value : say->value;

	if (code < 0) {
		if (is_unknown_excused(e, p)) {
			e->w->count[COUNT_UNKNOWN]++;
			return true;
		}
		fail(e, CLAIM_STATUS, "%s: the exit status is not known", what);
		return false;
	}
	/* what came to its end may have been killed just behind it */
	if (p->done && code == planned)
		return true;
	/* its terminal hung up, with a shim that had the only copy of it */
	if (say->tty && code == WRITER_FAILED && p->error == EIO && is_unknown_excused(e, p)) {
		e->w->count[COUNT_UNKNOWN]++;
		return true;
	}
	if (code == 137 && (may_be_killed || was_runtime(e, p)))
		return true;
	if (p->error) {
		fail(e, CLAIM_LINES, "%s: a write of the writer's failed: %s", what,
		     p->error > 0 ? strerror(p->error) : "it was short");
		return false;
	}
	fail(e, CLAIM_STATUS, "%s: status %d, expected %d (done: %u)", what, code, planned,
	     p->done);
	return false;
}

static void tell_log(struct episode *e, const char *what, const struct text *t)
{
	bool about_drops = t->drop && strstr(t->wrong, "dropped");

	fail(e, about_drops ? CLAIM_DROPS : CLAIM_LINES, "%s: %s", what, t->wrong);
}

void log_verify(struct episode *e, const char *what, const struct say *say,
		const struct progress *p, const char *path)
{
	uint64_t until = now_ns() + LOG_WAIT_NS;
	struct text t;

	text_make(&t, say, e->plan.drop);
	for (;;) {
		bool ok = log_read(&t, path, e->plan.json);

		if (ok && text_is_complete(&t, p))
			break;
		/* the rest may be on its way: the log was blocked, or nobody was there to write it
		 */
		if (now_ns() > until || (ok && !is_excused(e, 0))) {
			/* without anything that holds it up a moment is enough */
			if (now_ns() + LOG_WAIT_NS < until + UINT64_C(2000000000)) {
				nap_us(20000);
				continue;
			}
			if ((ok && is_unknown_excused(e, p)) || is_record_lost(e, p))
				note("episode %" PRIu64 ": %s: output lost, with a reason (%s)",
				     e->number, what, t.wrong);
			else
				tell_log(e, what, &t);
			break;
		}
		nap_us(100000);
	}
	e->w->count[COUNT_DROPPED] += t.dropped;
	e->w->count[COUNT_BYTES] += t.seen[0] + t.seen[1];
	for (int s = 0; s < 2; s++)
		for (size_t i = 0; i < t.at[s]; i++)
			e->w->count[COUNT_LINES] += t.data[s][i] == '\n';
	text_done(&t);
}

static bool has(const char *json, const char *key, const char *value)
{
	const char *at = strstr(json, key);

	if (!at)
		return false;
	at += strlen(key);
	while (*at == ' ')
		at++;
	return strncmp(at, value, strlen(value)) == 0;
}

/* exit.json against what the command said (code; -1: unknown). */
void exit_verify(struct episode *e, const char *what, const char *path, int code, bool oom)
{
	char text[1024] = "", want[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		if (!e->plan.on_disk) /* a disk that refuses it does not hold up the news */
			fail(e, CLAIM_STATUS, "%s: no %s", what, path);
		return;
	}
	if (read(fd, text, sizeof(text) - 1) <= 0)
		fail(e, CLAIM_STATUS, "%s: %s is empty", what, path);
	close(fd);
	(void)snprintf(want, sizeof(want), "%d,", code);
	if (code >= 0 && !has(text, "\"code\":", want))
		fail(e, CLAIM_STATUS, "%s: status %d, but on record is %s", what, code, text);
	if (code >= 0 && !has(text, "\"known\":", "true"))
		fail(e, CLAIM_STATUS, "%s: status %d, on record as unknown: %s", what, code, text);
	/* a shim that may open nothing, neither when the container is made nor at its end, cannot
	 * tell */
	if (oom && code >= 0 && !has(text, "\"oom\":", "true") && !e->kills[KIND_FDS])
		fail(e, CLAIM_STATUS, "%s: killed for its memory, but on record is %s", what, text);
}

/* ---- nothing stays ---- */

static bool find_cgroup(const char *id, char *found, size_t size)
{
	char *paths[] = { "/sys/fs/cgroup", NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	bool is_there = false;
	FTSENT *entry;

	while (fts && (entry = fts_read(fts))) {
		if (entry->fts_info != FTS_D || strcmp(entry->fts_name, id) != 0)
			continue;
		(void)snprintf(found, size, "%s", entry->fts_path);
		is_there = true;
	}
	if (fts)
		fts_close(fts);
	return is_there;
}

static bool is_left(const struct episode *e, char *what, size_t size)
{
	char path[PATH_MAX / 2];
	pid_t shim;

	(void)snprintf(path, sizeof(path), "%s/%s", e->root, e->id);
	if (access(path, F_OK) == 0) {
		(void)snprintf(what, size, "%s", path);
		return true;
	}
	if (find_cgroup(e->id, path, sizeof(path))) {
		(void)snprintf(what, size, "%s", path);
		return true;
	}
	shim = shim_find(e->id, NULL, 0, NULL);
	if (shim)
		(void)snprintf(what, size, "its shim, pid %d", (int)shim);
	return shim != 0;
}

void left_verify(struct episode *e)
{
	char what[PATH_MAX];

	for (int i = 0; i < 150; i++) {
		if (!is_left(e, what, sizeof(what)))
			return;
		nap_us(20000);
	}
	fail(e, CLAIM_LEFT, "left behind: %s", what);
}
