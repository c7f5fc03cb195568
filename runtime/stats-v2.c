/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of cgroup v2, in the words of v1, as runc's callers know them.
 */
#include <config.h>

#include "stats-impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000

static void cpu_write(const struct rt_stats *s)
{
	const char *stat = rt_stats_text(s, "cpu", "cpu.stat");

	cps_jsonw_open(s->w, "cpu", '{');
	cps_jsonw_open(s->w, "usage", '{');
	rt_stats_some(s->w, "total", rt_stats_find(stat, "usage_usec") * NS_PER_US);
	cps_jsonw_u64(s->w, "kernel", rt_stats_find(stat, "system_usec") * NS_PER_US);
	cps_jsonw_u64(s->w, "user", rt_stats_find(stat, "user_usec") * NS_PER_US);
	cps_jsonw_close(s->w, '}');
	rt_stats_throttling(s->w, stat, "throttled_usec", NS_PER_US);
	cps_jsonw_close(s->w, '}');
}

/* v2's cpuset has none of these; runc writes them all the same. */
static void cpuset_write(struct cps_jsonw *w)
{
	cps_jsonw_raw(w, "cpuset",
		      "{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,"
		      "\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,"
		      "\"memory_pressure\":0,\"sched_load_balance\":0,"
		      "\"sched_relax_domain_level\":0}");
}

static void memory_write(const struct rt_stats *s)
{
	static const struct rt_stats_memory none;
	const char *stat = rt_stats_text(s, "memory", "memory.stat");
	struct rt_stats_memory memory = {
		.limit = rt_stats_number(s, "memory", "memory.max"),
		.usage = rt_stats_number(s, "memory", "memory.current"),
		.max = rt_stats_number(s, "memory", "memory.peak"),
	};
	struct rt_stats_memory swap = {
		.limit = rt_stats_number(s, "memory", "memory.swap.max"),
		.usage = rt_stats_number(s, "memory", "memory.swap.current") + memory.usage,
	};

	/* v1's is memory and swap together */
	if (swap.limit != UINT64_MAX)
		swap.limit = memory.limit == UINT64_MAX ? UINT64_MAX : swap.limit + memory.limit;
	cps_jsonw_open(s->w, "memory", '{');
	rt_stats_some(s->w, "cache", rt_stats_find(stat, "file"));
	rt_stats_memory_entry(s->w, "usage", &memory);
	rt_stats_memory_entry(s->w, "swap", &swap);
	rt_stats_memory_entry(s->w, "kernel", &none);
	rt_stats_memory_entry(s->w, "kernelTCP", &none);
	rt_stats_raw(s, stat);
	cps_jsonw_close(s->w, '}');
}

/* io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0", a line for each device. */
static void io_list(struct cps_jsonw *w, const char *key, const char *text, const char *read,
		    const char *write)
{
	const char *const words[] = { read, write };
	bool open = false;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		for (size_t i = 0; i < 2; i++) {
			const char *end = p + strcspn(p, "\n");
			const char *at = memmem(p, (size_t)(end - p), words[i], strlen(words[i]));

			if (!at)
				continue;
			if (!open)
				cps_jsonw_open(w, key, '[');
			open = true;
			rt_stats_blkio(w, p, i == 0 ? "Read" : "Write",
				       strtoull(at + strlen(words[i]), NULL, 10));
		}
	}
	if (open)
		cps_jsonw_close(w, ']');
}

static void io_write(const struct rt_stats *s)
{
	const char *stat = rt_stats_text(s, "io", "io.stat");

	cps_jsonw_open(s->w, "blkio", '{');
	io_list(s->w, "ioServiceBytesRecursive", stat, " rbytes=", " wbytes=");
	io_list(s->w, "ioServicedRecursive", stat, " rios=", " wios=");
	cps_jsonw_close(s->w, '}');
}

void rt_stats_v2(const struct rt_stats *s)
{
	cpu_write(s);
	cpuset_write(s->w);
	memory_write(s);
	rt_stats_pids(s);
	io_write(s);
}
