/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stats.h.
 */
#include <config.h>

#include "stats.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "counters.h"
#include "own.h"
#include "runtime-run.h"
#include "store.h"

#define AT_ONCE	   12 /* ids of one run of the runtime */
#define OUTPUT_MAX (4u << 20)

/* One that has just ended has none. */
static void network_sum(const struct sup_ctx *ctx, struct sup_usage *u)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct net_counters *counters = NULL;
	struct sup_container c = { 0 };
	cleanup_fd int rootfd = -1;
	struct cps_err ignored;
	size_t n = 0;

	if (sup_container_open(ctx->root, u->id, &a, &rootfd, &c, &ignored) < 0 ||
	    !sup_has_process(&c) ||
	    net_counters_read(&(struct net_process){ c.init.pid, c.init.start_time }, &a, &counters,
			      &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		u->net_rx += counters[i].rx_bytes;
		u->net_tx += counters[i].tx_bytes;
	}
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The runtime's lines for at most AT_ONCE of them, behind those that are there. */
static int some_read(const struct sup_ctx *ctx, const char *const *ids, size_t n,
		     struct cps_arena *a, struct sup_usage *to, size_t *ret_n, struct cps_err *err)
{
	const char *args[AT_ONCE + 3] = { "events", "--stats" };
	cleanup_free char *text = NULL;
	int64_t at_ns = now_ns();
	char *line, *save = NULL;
	size_t len, count = 0;
	int rc;

	memcpy(args + 2, ids, n * sizeof(*ids));
	rc = sup_runtime_read(ctx, args, OUTPUT_MAX, &text, &len, err);
	if (rc < 0)
		return rc;
	for (line = strtok_r(text, "\n", &save); line && count < n;
	     line = strtok_r(NULL, "\n", &save)) {
		rc = sup_stats_parse(a, line, strlen(line), &to[count], err);
		if (rc < 0)
			return rc;
		to[count].at_ns = at_ns;
		network_sum(ctx, &to[count++]);
	}
	*ret_n = count;
	return 0;
}

int sup_stats_read(const struct sup_ctx *ctx, const char *const *ids, size_t n, struct cps_arena *a,
		   struct sup_usage **ret, size_t *ret_n, struct cps_err *err)
{
	struct sup_usage *all = cps_arena_array(a, n + 1, sizeof(*all));
	size_t count = 0;

	if (!all)
		return cps_fail(err, ENOMEM, "stats");
	for (size_t i = 0; i < n; i += AT_ONCE) {
		size_t got = 0;
		size_t want = n - i < AT_ONCE ? n - i : AT_ONCE;
		int rc = some_read(ctx, ids + i, want, a, all + count, &got, err);

		/* one alone that has ended is an error there, and none here */
		if (rc < 0 && want > 1)
			return rc;
		count += got;
	}
	*ret = all;
	*ret_n = count;
	return 0;
}
