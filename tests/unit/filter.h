/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters under test: compiled from a profile's text, and asked what they answer by a
 * small BPF interpreter (any number, any architecture).
 */
#ifndef FILTER_H
#define FILTER_H

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdint.h>

#include "seccomp.h"

struct filter_case {
	struct cps_arena arena;
	struct rt_filter filter;
	struct rt_warn warn;
};

/* members: of the linux.seccomp object, as text. Replaces what was compiled before. */
void filter_compile(struct filter_case *c, const char *members, const char *cache_dir);
/* What the kernel would be told: SECCOMP_RET_*. */
uint32_t filter_answer(const struct rt_filter *f, const struct seccomp_data *data);
uint32_t filter_ask(const struct filter_case *c, uint32_t arch, uint32_t nr, uint64_t arg0,
		    uint64_t arg1);
uint32_t filter_ask_name(const struct filter_case *c, const char *name, uint64_t arg0);

#define X32_BIT	   0x40000000u
#define ERRNO(num) (SECCOMP_RET_ERRNO | (num))
#define RULE(names, action, more) \
	"{\"names\":[" names "],\"action\":\"SCMP_ACT_" action "\"" more "}"
#define DENY "\"defaultAction\":\"SCMP_ACT_ERRNO\","
#define ARG(index, op, value, more) \
	"{\"index\":" #index ",\"op\":\"SCMP_CMP_" op "\",\"value\":" value more "}"

#endif
