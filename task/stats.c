/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics, see stats.h. A file of lines "key number" fills a message whose fields are called like
 * the keys.
 */
#include <config.h>
#include "stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "message.h"
#include "metrics.pb-c.h"
#include "own.h"

#define FILE_MAX (1u << 20)
#define ENTRIES	 512 /* of devices, at the most */
#define HUGE_MAX 16

struct source {
	struct cps_arena arena; /* what the message points to */
	const struct cps_json *cgroups;
};

/* A file's text; "" if there is none. */
static const char *text_of(struct source *s, const char *controller, const char *name)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	char path[4096];
	const char *copy;
	const char *dir;
	size_t len;

	if (!cps_json_get(s->cgroups, controller) ||
	    cps_json_str(cps_json_get(s->cgroups, controller), &dir, &ignored) < 0 ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path) ||
	    cps_file_read(AT_FDCWD, path, FILE_MAX, &text, &len, &ignored) < 0)
		return "";
	copy = cps_arena_strdup(&s->arena, text);
	return copy ? copy : "";
}

static uint64_t number_of(struct source *s, const char *controller, const char *name)
{
	const char *text = text_of(s, controller, name);

	return strncmp(text, "max", 3) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

static const char *next_line(const char *p)
{
	p += strcspn(p, "\n");
	return *p ? p + 1 : p;
}

/* Sets the field of that name, if the message has one that is a number. */
static void field_set(ProtobufCMessage *m, const char *name, size_t len, uint64_t value)
{
	const ProtobufCFieldDescriptor *f;
	char key[64];

	if (len >= sizeof(key))
		return;
	memcpy(key, name, len);
	key[len] = '\0';
	f = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, key);
	if (f && f->type == PROTOBUF_C_TYPE_UINT64 && f->label == PROTOBUF_C_LABEL_NONE)
		memcpy((char *)m + f->offset, &value, sizeof(value));
}

/* Pairs of a key and a number: "key number" in lines, or " key=number" in words of one line. */
static void fields_set(ProtobufCMessage *m, const char *text, bool words)
{
	const char *between = words ? "=" : " ";
	const char *behind = words ? " \n" : "\n";

	while (*text) {
		size_t len;

		text += strspn(text, words ? " " : "");
		len = strcspn(text, "= \n");
		if (text[len] == between[0])
			field_set(m, text, len, strtoull(text + len + 1, NULL, 10));
		text += strcspn(text, behind);
		if (words && *text == '\n')
			return;
		text += *text != '\0';
	}
}

static bool device_read(const char *p, uint64_t *major, uint64_t *minor)
{
	unsigned long long a, b;

	/* sscanf would look for it in the next line, too */
	if (*p < '0' || *p > '9' || sscanf(p, "%llu:%llu", &a, &b) != 2)
		return false;
	*major = a;
	*minor = b;
	return true;
}

/* Sizes of huge pages that a directory has files of: hugetlb.2MB.max … Returns how many. */
static unsigned huge_sizes(struct source *s, const char *controller, const char *last,
			   const char **sizes)
{
	const struct cps_json *node = cps_json_get(s->cgroups, controller);
	cleanup_dir DIR *dir = NULL;
	struct cps_err ignored;
	const struct dirent *e;
	const char *path;
	unsigned n = 0;

	if (!node || cps_json_str(node, &path, &ignored) < 0)
		return 0;
	dir = opendir(path);
	while (dir && n < HUGE_MAX && (e = readdir(dir)) != NULL) {
		const char *size = e->d_name + strlen("hugetlb.");
		size_t len;

		if (strncmp(e->d_name, "hugetlb.", strlen("hugetlb.")) != 0)
			continue;
		len = strcspn(size, ".");
		if (strcmp(size + len, last) != 0)
			continue;
		sizes[n] = cps_arena_strndup(&s->arena, size, len);
		n += sizes[n] != NULL;
	}
	return n;
}

static uint64_t huge_number(struct source *s, const char *controller, const char *size,
			    const char *what)
{
	char name[96];

	(void)snprintf(name, sizeof(name), "hugetlb.%s.%s", size, what);
	return number_of(s, controller, name);
}

/* ---- v1 ---- */

static void v1_cpu(struct source *s, Metrics__V1Cpu *cpu, Metrics__V1CpuUsage *usage,
		   Metrics__V1Throttle *throttle)
{
	const char *each = text_of(s, "cpuacct", "cpuacct.usage_percpu");
	uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	size_t room = strlen(each) / 2 + 1; /* a digit and a blank at the least */
	char *end;

	metrics__v1_cpu__init(cpu);
	metrics__v1_cpu_usage__init(usage);
	metrics__v1_throttle__init(throttle);
	cpu->usage = usage;
	cpu->throttling = throttle;
	fields_set(&usage->base, text_of(s, "cpuacct", "cpuacct.stat"), false);
	usage->user *= tick;
	usage->system *= tick;
	usage->total = number_of(s, "cpuacct", "cpuacct.usage");
	usage->per_cpu = cps_arena_array(&s->arena, room, sizeof(uint64_t));
	while (usage->per_cpu && usage->n_per_cpu < room) {
		uint64_t value = strtoull(each, &end, 10);

		if (end == each)
			break;
		usage->per_cpu[usage->n_per_cpu++] = value;
		each = end;
	}
	fields_set(&throttle->base, text_of(s, "cpu", "cpu.stat"), false);
}

static void v1_memory_entry(struct source *s, const char *prefix, Metrics__V1MemoryEntry *e)
{
	const char *const names[] = { "limit_in_bytes", "usage_in_bytes", "max_usage_in_bytes",
				      "failcnt" };
	uint64_t *const to[] = { &e->limit, &e->usage, &e->max, &e->failcnt };

	metrics__v1_memory_entry__init(e);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%s.%s", prefix, names[i]);
		*to[i] = number_of(s, "memory", name);
	}
}

static void v1_blkio_list(struct source *s, const char *file, size_t *ret_n,
			  Metrics__V1BlkioEntry ***ret)
{
	const char *text = text_of(s, "blkio", file);

	*ret = cps_arena_array(&s->arena, ENTRIES, sizeof(void *));
	for (const char *p = text; *ret && *p && *ret_n < ENTRIES; p = next_line(p)) {
		Metrics__V1BlkioEntry *e = cps_arena_alloc(&s->arena, sizeof(*e));
		unsigned long long value = 0;
		char op[16] = "";

		if (!e)
			return;
		metrics__v1_blkio_entry__init(e);
		if (!device_read(p, &e->major, &e->minor))
			continue; /* the sum */
		if (sscanf(p, "%*s %15[A-Za-z] %llu", op, &value) != 2 &&
		    sscanf(p, "%*s %llu", &value) != 1)
			continue;
		e->op = cps_arena_strdup(&s->arena, op);
		if (!e->op)
			return;
		e->value = value;
		(*ret)[(*ret_n)++] = e;
	}
}

/* Counted by the scheduler where it is BFQ, else by the throttling layer. */
static void v1_blkio(struct source *s, Metrics__V1Blkio *b)
{
	static const char *const prefixes[] = { "blkio.bfq.", "blkio.", "blkio.throttle." };
	static const char *const files[] = {
		"io_service_bytes_recursive",
		"io_serviced_recursive",
		"io_queued_recursive",
		"io_service_time_recursive",
		"io_wait_time_recursive",
		"io_merged_recursive",
		"time_recursive",
		"sectors_recursive",
	};
	struct {
		size_t *n;
		Metrics__V1BlkioEntry ***list;
	} to[] = {
		{ &b->n_service_bytes, &b->service_bytes },
		{ &b->n_serviced, &b->serviced },
		{ &b->n_queued, &b->queued },
		{ &b->n_service_time, &b->service_time },
		{ &b->n_wait_time, &b->wait_time },
		{ &b->n_merged, &b->merged },
		{ &b->n_time, &b->time },
		{ &b->n_sectors, &b->sectors },
	};
	size_t prefix = 0;
	char name[96];

	metrics__v1_blkio__init(b);
	for (; prefix < 2; prefix++) {
		(void)snprintf(name, sizeof(name), "%s%s", prefixes[prefix], files[1]);
		if (strchr(text_of(s, "blkio", name), ':'))
			break;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", prefixes[prefix], files[i]);
		v1_blkio_list(s, name, to[i].n, to[i].list);
	}
}

static void v1_hugetlb(struct source *s, Metrics__V1Metrics *m, Metrics__V1Hugetlb *huge,
		       Metrics__V1Hugetlb **list)
{
	const char *sizes[HUGE_MAX];
	unsigned n = huge_sizes(s, "hugetlb", ".usage_in_bytes", sizes);

	m->hugetlb = list;
	for (unsigned i = 0; i < n; i++) {
		metrics__v1_hugetlb__init(&huge[i]);
		huge[i].pagesize = (char *)sizes[i];
		huge[i].usage = huge_number(s, "hugetlb", sizes[i], "usage_in_bytes");
		huge[i].max = huge_number(s, "hugetlb", sizes[i], "max_usage_in_bytes");
		huge[i].failcnt = huge_number(s, "hugetlb", sizes[i], "failcnt");
		m->hugetlb[m->n_hugetlb++] = &huge[i];
	}
}

static void v1_put(struct source *s, struct cps_buf *b)
{
	Metrics__V1Metrics m = METRICS__V1_METRICS__INIT;
	Metrics__V1Hugetlb huge[HUGE_MAX];
	Metrics__V1Hugetlb *huge_list[HUGE_MAX];
	Metrics__V1Pids pids = METRICS__V1_PIDS__INIT;
	Metrics__V1Cpu cpu;
	Metrics__V1CpuUsage usage;
	Metrics__V1Throttle throttle;
	Metrics__V1Memory memory = METRICS__V1_MEMORY__INIT;
	Metrics__V1MemoryEntry entries[4];
	Metrics__V1OomControl oom = METRICS__V1_OOM_CONTROL__INIT;
	Metrics__V1Blkio blkio;
	uint64_t limit = number_of(s, "pids", "pids.max");

	pids.current = number_of(s, "pids", "pids.current");
	pids.limit = limit == UINT64_MAX ? 0 : limit;
	m.pids = &pids;
	v1_cpu(s, &cpu, &usage, &throttle);
	m.cpu = &cpu;
	fields_set(&memory.base, text_of(s, "memory", "memory.stat"), false);
	v1_memory_entry(s, "memory", &entries[0]);
	v1_memory_entry(s, "memory.memsw", &entries[1]);
	v1_memory_entry(s, "memory.kmem", &entries[2]);
	v1_memory_entry(s, "memory.kmem.tcp", &entries[3]);
	memory.usage = &entries[0];
	memory.swap = &entries[1];
	memory.kernel = &entries[2];
	memory.kernel_tcp = &entries[3];
	m.memory = &memory;
	v1_blkio(s, &blkio);
	m.blkio = &blkio;
	fields_set(&oom.base, text_of(s, "memory", "memory.oom_control"), false);
	m.oom_control = &oom;
	v1_hugetlb(s, &m, huge, huge_list);
	task_pack(&m.base, b);
}

/* ---- v2 ---- */

static void v2_io(struct source *s, Metrics__V2Io *io)
{
	const char *text = text_of(s, "unified", "io.stat");

	io->usage = cps_arena_array(&s->arena, ENTRIES, sizeof(void *));
	for (const char *p = text; io->usage && *p && io->n_usage < ENTRIES; p = next_line(p)) {
		Metrics__V2IoEntry *e = cps_arena_alloc(&s->arena, sizeof(*e));

		if (!e)
			return;
		metrics__v2_io_entry__init(e);
		if (!device_read(p, &e->major, &e->minor))
			continue;
		fields_set(&e->base, p + strcspn(p, " \n"), true);
		io->usage[io->n_usage++] = e;
	}
}

static void v2_memory(struct source *s, Metrics__V2Memory *m)
{
	fields_set(&m->base, text_of(s, "unified", "memory.stat"), false);
	m->usage = number_of(s, "unified", "memory.current");
	m->usage_limit = number_of(s, "unified", "memory.max");
	m->swap_usage = number_of(s, "unified", "memory.swap.current");
	m->swap_limit = number_of(s, "unified", "memory.swap.max");
	m->max_usage = number_of(s, "unified", "memory.peak");
	m->swap_max_usage = number_of(s, "unified", "memory.swap.peak");
}

static void v2_put(struct source *s, struct cps_buf *b)
{
	Metrics__V2Metrics m = METRICS__V2_METRICS__INIT;
	Metrics__V2Pids pids = METRICS__V2_PIDS__INIT;
	Metrics__V2Cpu cpu = METRICS__V2_CPU__INIT;
	Metrics__V2Memory memory = METRICS__V2_MEMORY__INIT;
	Metrics__V2MemoryEvents events = METRICS__V2_MEMORY_EVENTS__INIT;
	Metrics__V2Io io = METRICS__V2_IO__INIT;
	Metrics__V2Hugetlb huge[HUGE_MAX];
	Metrics__V2Hugetlb *huge_list[HUGE_MAX];
	const char *sizes[HUGE_MAX];
	unsigned n = huge_sizes(s, "unified", ".current", sizes);

	pids.current = number_of(s, "unified", "pids.current");
	pids.limit = number_of(s, "unified", "pids.max");
	m.pids = &pids;
	fields_set(&cpu.base, text_of(s, "unified", "cpu.stat"), false);
	m.cpu = &cpu;
	v2_memory(s, &memory);
	m.memory = &memory;
	fields_set(&events.base, text_of(s, "unified", "memory.events"), false);
	m.memory_events = &events;
	v2_io(s, &io);
	m.io = &io;
	m.hugetlb = huge_list;
	for (unsigned i = 0; i < n; i++) {
		metrics__v2_hugetlb__init(&huge[i]);
		huge[i].pagesize = (char *)sizes[i];
		huge[i].current = huge_number(s, "unified", sizes[i], "current");
		huge[i].max = huge_number(s, "unified", sizes[i], "max");
		m.hugetlb[m.n_hugetlb++] = &huge[i];
	}
	task_pack(&m.base, b);
}

const char *task_stats_put(const struct cps_json *cgroups, struct cps_buf *b)
{
	struct source s = { .arena = CPS_ARENA_INIT, .cgroups = cgroups };
	bool v1 = cps_json_get(cgroups, "memory") || cps_json_get(cgroups, "freezer");

	if (v1)
		v1_put(&s, b);
	else
		v2_put(&s, b);
	cps_arena_done(&s.arena);
	return v1 ? "io.containerd.cgroups.v1.Metrics" : "io.containerd.cgroups.v2.Metrics";
}
