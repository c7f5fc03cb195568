/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stats.h. This file has what both layouts share.
 */
#include <config.h>

#include "stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "own.h"
#include "stats-impl.h"

#define TEXT_MAX  (256u << 10) /* io.stat has a line for each device */
#define SIZES_MAX 16	       /* of huge pages */

const char *rt_stats_text(const struct rt_stats *s, const char *controller, const char *file)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(s->cg, controller);
	cleanup_free char *text = NULL;
	char path[RT_CGROUP_FILE];
	struct cps_err ignored;
	const char *copy;
	size_t len;

	if (!dir || cps_file_read(AT_FDCWD, rt_cgroup_file(dir, file, path), TEXT_MAX, &text, &len,
				  &ignored) < 0)
		return "";
	copy = cps_arena_strndup(s->arena, text, len);
	return copy ? copy : "";
}

uint64_t rt_stats_number(const struct rt_stats *s, const char *controller, const char *file)
{
	const char *text = rt_stats_text(s, controller, file);

	return strncmp(text, "max", 3) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

uint64_t rt_stats_find(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, key, len) == 0 && p[len] == ' ')
			return strtoull(p + len + 1, NULL, 10);
	}
	return 0;
}

void rt_stats_some(struct cps_jsonw *w, const char *key, uint64_t value)
{
	if (value)
		cps_jsonw_u64(w, key, value);
}

void rt_stats_throttling(struct cps_jsonw *w, const char *cpu_stat, const char *time_key,
			 uint64_t unit)
{
	cps_jsonw_open(w, "throttling", '{');
	rt_stats_some(w, "periods", rt_stats_find(cpu_stat, "nr_periods"));
	rt_stats_some(w, "throttledPeriods", rt_stats_find(cpu_stat, "nr_throttled"));
	rt_stats_some(w, "throttledTime", rt_stats_find(cpu_stat, time_key) * unit);
	cps_jsonw_close(w, '}');
}

void rt_stats_memory_entry(struct cps_jsonw *w, const char *key, const struct rt_stats_memory *m)
{
	cps_jsonw_open(w, key, '{');
	cps_jsonw_u64(w, "limit", m->limit);
	rt_stats_some(w, "usage", m->usage);
	rt_stats_some(w, "max", m->max);
	cps_jsonw_u64(w, "failcnt", m->failcnt);
	cps_jsonw_close(w, '}');
}

struct line {
	const char *key;
	uint64_t value;
};

static int line_compare(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->key, ((const struct line *)b)->key);
}

void rt_stats_raw(const struct rt_stats *s, const char *text)
{
	char *copy = cps_arena_strdup(s->arena, text), *one, *save = NULL;
	size_t n = 0, room = 1;
	struct line *lines;

	for (const char *p = text; *p; p++)
		room += *p == '\n';
	lines = cps_arena_array(s->arena, room, sizeof(*lines));
	if (!copy || !lines || !*text)
		return;
	for (one = strtok_r(copy, "\n", &save); one; one = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(one, ' ');

		if (!space)
			continue;
		*space = '\0';
		lines[n++] = (struct line){ one, strtoull(space + 1, NULL, 10) };
	}
	if (n)
		qsort(lines, n, sizeof(*lines), line_compare);
	cps_jsonw_open(s->w, "raw", '{');
	for (size_t i = 0; i < n; i++)
		cps_jsonw_u64(s->w, lines[i].key, lines[i].value);
	cps_jsonw_close(s->w, '}');
}

void rt_stats_blkio(struct cps_jsonw *w, const char *device, const char *op, uint64_t value)
{
	const char *minor = strchr(device, ':');

	cps_jsonw_open(w, NULL, '{');
	rt_stats_some(w, "major", strtoull(device, NULL, 10));
	rt_stats_some(w, "minor", minor ? strtoull(minor + 1, NULL, 10) : 0);
	if (op && *op)
		cps_jsonw_str(w, "op", op);
	rt_stats_some(w, "value", value);
	cps_jsonw_close(w, '}');
}

void rt_stats_pids(const struct rt_stats *s)
{
	uint64_t limit = rt_stats_number(s, "pids", "pids.max");

	cps_jsonw_open(s->w, "pids", '{');
	rt_stats_some(s->w, "current", rt_stats_number(s, "pids", "pids.current"));
	rt_stats_some(s->w, "limit", limit == UINT64_MAX ? 0 : limit);
	cps_jsonw_close(s->w, '}');
}

static void hugetlb_size(const struct rt_stats *s, const char *size)
{
	bool v2 = s->cg->layout == RT_CGROUP_V2;
	char file[64];

	cps_jsonw_open(s->w, size, '{');
	(void)snprintf(file, sizeof(file), "hugetlb.%.15s.%s", size,
		       v2 ? "current" : "usage_in_bytes");
	rt_stats_some(s->w, "usage", rt_stats_number(s, "hugetlb", file));
	(void)snprintf(file, sizeof(file), "hugetlb.%.15s.%s", size,
		       v2 ? "events" : "max_usage_in_bytes");
	if (!v2)
		rt_stats_some(s->w, "max", rt_stats_number(s, "hugetlb", file));
	else
		cps_jsonw_u64(s->w, "failcnt",
			      rt_stats_find(rt_stats_text(s, "hugetlb", file), "max"));
	(void)snprintf(file, sizeof(file), "hugetlb.%.15s.failcnt", size);
	if (!v2)
		cps_jsonw_u64(s->w, "failcnt", rt_stats_number(s, "hugetlb", file));
	cps_jsonw_close(s->w, '}');
}

static int size_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The sizes are those that have files: "hugetlb.2MB.current", not those of reservations. */
static void hugetlb_write(const struct rt_stats *s)
{
	const struct rt_cgroup_dir *dir = rt_cgroup_find(s->cg, "hugetlb");
	const char *suffix = s->cg->layout == RT_CGROUP_V2 ? "current" : "usage_in_bytes";
	char sizes[SIZES_MAX][16], path[RT_CGROUP_FILE];
	cleanup_dir DIR *d = dir ? opendir(rt_cgroup_file(dir, NULL, path)) : NULL;
	struct dirent *e;
	size_t n = 0;

	while (d && n < SIZES_MAX && (e = readdir(d))) {
		int end = 0;

		if (sscanf(e->d_name, "hugetlb.%15[0-9A-Z].%n", sizes[n], &end) == 1 && end > 0 &&
		    strcmp(e->d_name + end, suffix) == 0)
			n++;
	}
	qsort(sizes, n, sizeof(sizes[0]), size_compare);
	cps_jsonw_open(s->w, "hugetlb", '{');
	for (size_t i = 0; i < n; i++)
		hugetlb_size(s, sizes[i]);
	cps_jsonw_close(s->w, '}');
}

void rt_stats_write(const struct rt_cgroup *cg, const char *id, struct cps_jsonw *w)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct rt_stats s = { cg, &arena, w };

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "type", "stats");
	cps_jsonw_str(w, "id", id);
	cps_jsonw_open(w, "data", '{');
	if (cg->layout == RT_CGROUP_V2)
		rt_stats_v2(&s);
	else
		rt_stats_v1(&s);
	hugetlb_write(&s);
	cps_jsonw_raw(w, "intel_rdt", "{}");	 /* no container has a group of it */
	cps_jsonw_null(w, "network_interfaces"); /* runc's: of interfaces that it has made */
	cps_jsonw_close(w, '}');
	cps_jsonw_close(w, '}');
}
