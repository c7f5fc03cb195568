/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of cgroup v1's controllers.
 */
#include <config.h>

#include "stats-impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "percpu":[…] of a line of numbers. */
static void numbers_write(struct cps_jsonw *w, const char *key, const char *text)
{
	char *end;

	if (!*text)
		return;
	cps_jsonw_open(w, key, '[');
	for (;;) {
		uint64_t value = strtoull(text, &end, 10);

		if (end == text)
			break;
		cps_jsonw_u64(w, NULL, value);
		text = end;
	}
	cps_jsonw_close(w, ']');
}

/* cpuacct.usage_all: a line "cpu user system" for each, behind a heading. */
static void usage_all_write(struct cps_jsonw *w, const char *key, const char *text, bool system)
{
	const char *p = strchr(text, '\n');

	if (!p)
		return;
	cps_jsonw_open(w, key, '[');
	for (p++; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		unsigned long long user = 0, kernel = 0;

		if (sscanf(p, "%*u %llu %llu", &user, &kernel) == 2)
			cps_jsonw_u64(w, NULL, system ? kernel : user);
	}
	cps_jsonw_close(w, ']');
}

static void cpu_write(const struct rt_stats *s)
{
	const char *stat = rt_stats_text(s, "cpuacct", "cpuacct.stat");
	const char *all = rt_stats_text(s, "cpuacct", "cpuacct.usage_all");
	uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);

	cps_jsonw_open(s->w, "cpu", '{');
	cps_jsonw_open(s->w, "usage", '{');
	rt_stats_some(s->w, "total", rt_stats_number(s, "cpuacct", "cpuacct.usage"));
	numbers_write(s->w, "percpu", rt_stats_text(s, "cpuacct", "cpuacct.usage_percpu"));
	usage_all_write(s->w, "percpu_kernel", all, true);
	usage_all_write(s->w, "percpu_user", all, false);
	cps_jsonw_u64(s->w, "kernel", rt_stats_find(stat, "system") * tick);
	cps_jsonw_u64(s->w, "user", rt_stats_find(stat, "user") * tick);
	cps_jsonw_close(s->w, '}');
	rt_stats_throttling(s->w, rt_stats_text(s, "cpu", "cpu.stat"), "throttled_time", 1);
	cps_jsonw_close(s->w, '}');
}

/* "0-2,4" as an array. */
static void list_write(struct cps_jsonw *w, const char *key, const char *text)
{
	unsigned from, to;
	int end;

	if (!*text || *text == '\n')
		return;
	cps_jsonw_open(w, key, '[');
	for (; sscanf(text, "%u%n", &from, &end) == 1; text += *text == ',') {
		text += end;
		to = from;
		if (*text == '-' && sscanf(text + 1, "%u%n", &to, &end) == 1)
			text += 1 + end;
		for (unsigned i = from; i <= to && i <= UINT16_MAX; i++)
			cps_jsonw_u64(w, NULL, i);
	}
	cps_jsonw_close(w, ']');
}

static void cpuset_write(const struct rt_stats *s)
{
	static const char *const flags[] = { "memory_migrate",	   "memory_spread_page",
					     "memory_spread_slab", "memory_pressure",
					     "sched_load_balance", "sched_relax_domain_level" };
	struct cps_jsonw *w = s->w;

	cps_jsonw_open(w, "cpuset", '{');
	list_write(w, "cpus", rt_stats_text(s, "cpuset", "cpuset.cpus"));
	cps_jsonw_u64(w, "cpu_exclusive", rt_stats_number(s, "cpuset", "cpuset.cpu_exclusive"));
	list_write(w, "mems", rt_stats_text(s, "cpuset", "cpuset.mems"));
	cps_jsonw_u64(w, "mem_hardwall", rt_stats_number(s, "cpuset", "cpuset.mem_hardwall"));
	cps_jsonw_u64(w, "mem_exclusive", rt_stats_number(s, "cpuset", "cpuset.mem_exclusive"));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char file[64];

		(void)snprintf(file, sizeof(file), "cpuset.%s", flags[i]);
		/* the level may be -1 */
		cps_jsonw_i64(w, flags[i], strtoll(rt_stats_text(s, "cpuset", file), NULL, 10));
	}
	cps_jsonw_close(w, '}');
}

static void memory_entry(const struct rt_stats *s, const char *key, const char *prefix)
{
	static const char *const names[] = { "limit_in_bytes", "usage_in_bytes",
					     "max_usage_in_bytes", "failcnt" };
	struct rt_stats_memory m = { 0 };
	uint64_t *const to[] = { &m.limit, &m.usage, &m.max, &m.failcnt };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char file[64];

		(void)snprintf(file, sizeof(file), "%s.%s", prefix, names[i]);
		*to[i] = rt_stats_number(s, "memory", file);
	}
	rt_stats_memory_entry(s->w, key, &m);
}

static void memory_write(const struct rt_stats *s)
{
	const char *stat = rt_stats_text(s, "memory", "memory.stat");

	cps_jsonw_open(s->w, "memory", '{');
	rt_stats_some(s->w, "cache", rt_stats_find(stat, "cache"));
	memory_entry(s, "usage", "memory");
	memory_entry(s, "swap", "memory.memsw");
	memory_entry(s, "kernel", "memory.kmem");
	memory_entry(s, "kernelTCP", "memory.kmem.tcp");
	rt_stats_raw(s, stat);
	cps_jsonw_close(s->w, '}');
}

/* Lines "8:0 Read 4096" or "8:0 4096", and a sum that is left out. */
static void blkio_list(const struct rt_stats *s, const char *key, const char *file)
{
	const char *text = rt_stats_text(s, "blkio", file);
	bool open = false;

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char device[32], op[16] = "";
		unsigned long long value;

		if (sscanf(p, "%31[0-9:] %15[A-Za-z] %llu", device, op, &value) != 3) {
			op[0] = '\0';
			if (sscanf(p, "%31[0-9:] %llu", device, &value) != 2)
				continue;
		}
		if (!open)
			cps_jsonw_open(s->w, key, '[');
		open = true;
		rt_stats_blkio(s->w, device, op, value);
	}
	if (open)
		cps_jsonw_close(s->w, ']');
}

/* Counted by the scheduler where it is BFQ (or was CFQ), else by the throttling layer. */
static void blkio_write(const struct rt_stats *s)
{
	static const char *const lists[][2] = {
		{ "ioServiceBytesRecursive", "io_service_bytes_recursive" },
		{ "ioServicedRecursive", "io_serviced_recursive" },
		{ "ioQueueRecursive", "io_queued_recursive" },
		{ "ioServiceTimeRecursive", "io_service_time_recursive" },
		{ "ioWaitTimeRecursive", "io_wait_time_recursive" },
		{ "ioMergedRecursive", "io_merged_recursive" },
		{ "ioTimeRecursive", "time_recursive" },
		{ "sectorsRecursive", "sectors_recursive" },
	};
	static const char *const prefixes[] = { "blkio.bfq.", "blkio.", "blkio.throttle." };
	const char *prefix = prefixes[2];
	char file[64];

	for (size_t i = 0; i < 2; i++) {
		const char *text;

		(void)snprintf(file, sizeof(file), "%sio_serviced_recursive", prefixes[i]);
		text = rt_stats_text(s, "blkio", file);
		if (strchr(text, ':')) {
			prefix = prefixes[i];
			break;
		}
	}
	cps_jsonw_open(s->w, "blkio", '{');
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s%s", prefix, lists[i][1]);
		blkio_list(s, lists[i][0], file);
	}
	cps_jsonw_close(s->w, '}');
}

void rt_stats_v1(const struct rt_stats *s)
{
	cpu_write(s);
	cpuset_write(s);
	memory_write(s);
	rt_stats_pids(s);
	blkio_write(s);
}
