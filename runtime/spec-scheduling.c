/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When and where the processes run: scheduler, ioPriority and execCPUAffinity of a process,
 * memoryPolicy and personality of the container. Words become the kernel's numbers here.
 */
#include <config.h>

#include "spec-parse.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#include "scheduling-words.h"

#define SCHED_ISO_RESERVED  4	 /* linux/sched.h leaves the name out: the kernel never had it */
#define WEIGHTED_INTERLEAVE 6	 /* MPOL_WEIGHTED_INTERLEAVE of Linux 6.9 */
#define BITS_MAX	    8192 /* more CPUs than any kernel is built for */
#define BITS_PER_LONG	    (CHAR_BIT * sizeof(unsigned long))

static const struct rt_spec_word policy_words[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", SCHED_ISO_RESERVED },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};

static const struct rt_spec_word sched_flag_words[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct rt_spec_word io_class_words[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

static const struct rt_spec_word mode_words[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },	{ "MPOL_BIND", MPOL_BIND },
	{ "MPOL_INTERLEAVE", MPOL_INTERLEAVE }, { "MPOL_WEIGHTED_INTERLEAVE", WEIGHTED_INTERLEAVE },
	{ "MPOL_PREFERRED", MPOL_PREFERRED },	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY },
	{ "MPOL_LOCAL", MPOL_LOCAL },		{ NULL, 0 },
};

static const struct rt_spec_word mode_flag_words[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ NULL, 0 },
};

const char *rt_memory_policy_mode(size_t i)
{
	return mode_words[i].name;
}

const char *rt_memory_policy_flag(size_t i)
{
	return mode_flag_words[i].name;
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool read_number(const char **at, unsigned *ret)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)**at))
		return false;
	n = strtoul(*at, &end, 10);
	*at = end;
	*ret = (unsigned)n;
	return n < BITS_MAX;
}

/* Calls nothing and allocates nothing: bits may be NULL, to count. 0 is a list that is wrong. */
static unsigned read_list(const char *text, unsigned long *bits)
{
	unsigned count = 0, from, to;
	const char *at = text;

	for (;;) {
		if (!read_number(&at, &from))
			return 0;
		to = from;
		if (*at == '-' && (at++, !read_number(&at, &to) || to < from))
			return 0;
		for (unsigned i = from; bits && i <= to; i++)
			bits[i / BITS_PER_LONG] |= 1UL << (i % BITS_PER_LONG);
		if (to + 1 > count)
			count = to + 1;
		if (*at == '\0')
			return count;
		if (*at++ != ',')
			return 0;
	}
}

/* "0-3,7"; an empty one is none. */
static int parse_bits(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_bits *bits = field;
	unsigned long *v;
	const char *text;
	unsigned count;
	int rc;

	rc = rt_spec_str_some(in, node, &text, err);
	if (rc < 0)
		return rc;
	memset(bits, 0, sizeof(*bits));
	if (!text)
		return 0;
	count = read_list(text, NULL);
	if (count == 0)
		return cps_json_fail(node, EINVAL, err, "'%s' is no list like 0-3,8", text);
	v = cps_arena_array(in->arena, count / BITS_PER_LONG + 1, sizeof(*v));
	if (!v)
		return rt_spec_no_memory(node, err);
	bits->count = read_list(text, v);
	bits->v = v;
	return 0;
}

/* --- process ---------------------------------------------------------------------------------- */

static int parse_policy(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_scheduler *s = field;
	uint64_t number;
	int rc;

	(void)in;
	rc = rt_spec_word(node, policy_words, "scheduling policy", &number, err);
	if (rc < 0)
		return rc;
	s->policy = (uint32_t)number;
	s->name = node->text;
	return 0;
}

static int parse_nice(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	int64_t value;
	int rc;

	(void)in;
	rc = cps_json_i64(node, -20, 19, &value, err);
	if (rc < 0)
		return rc;
	*(int32_t *)field = (int32_t)value;
	return 0;
}

static int parse_sched_priority(const struct rt_spec_in *in, const struct cps_json *node,
				void *field, struct cps_err *err)
{
	uint64_t value;
	int rc;

	(void)in;
	rc = cps_json_u64(node, 99, &value, err); /* the kernel's MAX_RT_PRIO */
	if (rc < 0)
		return rc;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

static int parse_sched_flags(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	(void)in;
	return rt_spec_words(node, sched_flag_words, "scheduling flag", field, err);
}

static int parse_nanoseconds(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	(void)in;
	return cps_json_u64(node, UINT64_MAX, field, err);
}

static const struct rt_spec_member scheduler_members[] = {
	{ "policy", parse_policy, 0 },
	{ "nice", parse_nice, offsetof(struct rt_scheduler, nice) },
	{ "priority", parse_sched_priority, offsetof(struct rt_scheduler, priority) },
	{ "flags", parse_sched_flags, offsetof(struct rt_scheduler, flags) },
	{ "runtime", parse_nanoseconds, offsetof(struct rt_scheduler, runtime) },
	{ "deadline", parse_nanoseconds, offsetof(struct rt_scheduler, deadline) },
	{ "period", parse_nanoseconds, offsetof(struct rt_scheduler, period) },
	{ NULL, NULL, 0 },
};

int rt_spec_scheduler(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_scheduler *s = field;
	int rc;

	memset(s, 0, sizeof(*s)); /* of a patch's base nothing is kept */
	rc = rt_spec_object(in, node, scheduler_members, s, err);
	if (rc < 0)
		return rc;
	/* an object that asks for nothing is what clients write for "none" */
	if (!s->name && !s->flags && !s->nice && !s->priority && !s->runtime && !s->deadline &&
	    !s->period)
		return 0;
	if (!s->name)
		return cps_json_fail(node, EINVAL, err, "'policy' is missing");
	if (s->priority && s->policy != SCHED_FIFO && s->policy != SCHED_RR)
		return cps_json_fail(cps_json_get(node, "priority"), EINVAL, err,
				     "only SCHED_FIFO and SCHED_RR have one");
	if ((s->runtime || s->deadline || s->period) && s->policy != SCHED_DEADLINE)
		return cps_json_fail(node, EINVAL, err,
				     "only SCHED_DEADLINE has runtime, deadline and period");
	s->set = true;
	return 0;
}

static int parse_io_class(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	struct rt_io_priority *io = field;
	uint64_t number;
	int rc;

	(void)in;
	rc = rt_spec_word(node, io_class_words, "class of I/O priorities", &number, err);
	if (rc < 0)
		return rc;
	io->set = true;
	io->klass = (int)number;
	return 0;
}

static int parse_io_level(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	int64_t value;
	int rc;

	(void)in;
	rc = cps_json_i64(node, 0, 7, &value, err);
	if (rc < 0)
		return rc;
	*(int *)field = (int)value;
	return 0;
}

static const struct rt_spec_member io_members[] = {
	{ "class", parse_io_class, 0 },
	{ "priority", parse_io_level, offsetof(struct rt_io_priority, priority) },
	{ NULL, NULL, 0 },
};

int rt_spec_io_priority(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_io_priority *io = field;
	int rc;

	memset(io, 0, sizeof(*io));
	rc = rt_spec_object(in, node, io_members, io, err);
	if (rc < 0)
		return rc;
	if (!io->set && node->count > 0)
		return cps_json_fail(node, EINVAL, err, "'class' is missing");
	return 0;
}

static const struct rt_spec_member affinity_members[] = {
	{ "initial", parse_bits, offsetof(struct rt_process, affinity.initial) },
	{ "final", parse_bits, offsetof(struct rt_process, affinity.final) },
	{ NULL, NULL, 0 },
};

int rt_spec_affinity(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		     struct cps_err *err)
{
	struct rt_process *p = field;

	memset(&p->affinity, 0, sizeof(p->affinity));
	return rt_spec_object(in, node, affinity_members, p, err);
}

/* --- linux ------------------------------------------------------------------------------------ */

struct policy_item {
	const char *name;
	uint64_t mode, flags;
	struct rt_bits nodes;
};

static int parse_mode(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct policy_item *item = field;

	(void)in;
	item->name = node->text;
	return cps_wrap(err, rt_spec_word(node, mode_words, "memory policy", &item->mode, err),
			"invalid memory policy mode");
}

static int parse_nodes(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	return cps_wrap(err, parse_bits(in, node, field, err), "invalid memory policy node");
}

static int parse_mode_flags(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	(void)in;
	return cps_wrap(err,
			rt_spec_words(node, mode_flag_words, "flag of memory policies", field, err),
			"invalid memory policy flag");
}

static const struct rt_spec_member policy_members[] = {
	{ "mode", parse_mode, 0 },
	{ "nodes", parse_nodes, offsetof(struct policy_item, nodes) },
	{ "flags", parse_mode_flags, offsetof(struct policy_item, flags) },
	{ NULL, NULL, 0 },
};

int rt_spec_memory_policy(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	struct policy_item item = { .name = NULL };
	struct rt_memory_policy *ret = field;
	int rc;

	rc = rt_spec_object(in, node, policy_members, &item, err);
	if (rc < 0)
		return rc;
	if (!item.name)
		return cps_json_fail(node, EINVAL, err,
				     "invalid memory policy mode: 'mode' is missing");
	ret->set = true;
	ret->name = item.name;
	ret->mode = (int)(item.mode | item.flags);
	ret->nodes = item.nodes;
	return 0;
}

static int parse_domain(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	static const struct rt_spec_word words[] = {
		{ "LINUX", PER_LINUX },
		{ "LINUX32", PER_LINUX32 },
		{ NULL, 0 },
	};
	struct rt_u64 *domain = field;

	(void)in;
	domain->set = true;
	return rt_spec_word(node, words, "execution domain", &domain->v, err);
}

/* The specification knows none. */
static int parse_personality_flags(const struct rt_spec_in *in, const struct cps_json *node,
				   void *field, struct cps_err *err)
{
	static const struct rt_spec_word words[] = { { NULL, 0 } };
	uint64_t none;

	(void)in, (void)field;
	return rt_spec_words(node, words, "flag of personalities", &none, err);
}

static const struct rt_spec_member personality_members[] = {
	{ "domain", parse_domain, 0 },
	{ "flags", parse_personality_flags, 0 },
	{ NULL, NULL, 0 },
};

int rt_spec_personality(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	const struct rt_u64 *domain = field;
	int rc;

	rc = rt_spec_object(in, node, personality_members, field, err);
	if (rc == 0 && !domain->set && node->count > 0)
		return cps_json_fail(node, EINVAL, err, "'domain' is missing");
	return rc;
}
