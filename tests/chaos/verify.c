/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is claimed of one container: its log, its exit status, and that nothing of it stays.
 */
#include <config.h>
#include "chaos.h"

#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_WAIT_NS UINT64_C(15000000000)

/* Did it end, or may it have, while neither its shim nor a watch lived? Then nobody can know how.
 */
bool is_unknown_excused(const struct episode *e)
{
	if (e->kills[KIND_SHIM] == 0)
		return false;
	if (!e->w->watch)
		return true;
	/* down at a time after the shim's death, or a second before it (the watch has to see it) */
	return e->w->watch_down_ns[e->plan.on_disk] + UINT64_C(1000000000) >=
		       e->killed_ns[KIND_SHIM] ||
	       e->w->watch_down_ns[e->plan.on_disk] == UINT64_MAX;
}

/* code: -1: unknown */
bool status_check(struct episode *e, const char *what, const struct say *say,
		  const struct progress *p, int code, bool may_be_killed)
{
	int planned = say->end == END_SIGNAL ? 128 + say->value : say->value;

	if (code < 0) {
		if (is_unknown_excused(e)) {
			e->w->count[COUNT_UNKNOWN]++;
			return true;
		}
		fail(e, CLAIM_STATUS, "%s: the exit status is not known", what);
		return false;
	}
	/* what came to its end may have been killed just behind it */
	if (p->done && code == planned)
		return true;
	if (may_be_killed && code == 137)
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
			if (ok && !e->plan.drop && is_unknown_excused(e))
				note("episode %" PRIu64 ": %s: a lost tail (%s)", e->number, what,
				     t.wrong);
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
	if (oom && code >= 0 && !has(text, "\"oom\":", "true"))
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
