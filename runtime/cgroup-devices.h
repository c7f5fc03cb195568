/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device access rules: one ordered list for both layouts, and what each of them makes of it. All
 * pure but the writes and bpf(2) calls at the end, which are behind cgroup.h.
 */
#ifndef RT_CGROUP_DEVICES_H
#define RT_CGROUP_DEVICES_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"
#include "spec.h"

/* Access to one device: for each of r, w, m the last rule that matches decides, and if none does,
 * allow_rest. The rules have type 'b' or 'c' only. */
struct rt_device_list {
	bool allow_rest;
	size_t n;
	struct rt_device_rule *v; /* in the arena */
};

/* Deny everything; then the config's rules; then the default devices of the spec, since callers
 * deny all and rely on them. A node of linux.devices is made, and allowed by a rule or not. */
int rt_device_list_build(struct cps_arena *a, const struct rt_resources *res,
			 struct rt_device_list *ret, struct cps_err *err);

/* The same as v1 can express it: allow_rest and exceptions from it, no two for the same device.
 * A rule that cuts a hole into an exception with a wildcard is refused (EOPNOTSUPP), since the
 * kernel would ignore it. */
int rt_device_list_reduce(struct cps_arena *a, const struct rt_device_list *list,
			  struct rt_device_list *ret, struct cps_err *err);

/* "c 1:3 rwm", "b *:* m" */
#define RT_DEVICE_TEXT 40
void rt_device_rule_format(const struct rt_device_rule *rule, char buf[RT_DEVICE_TEXT]);

/* The program for BPF_PROG_TYPE_CGROUP_DEVICE: returns 1 for allowed, 0 for denied. */
int rt_device_list_compile(struct cps_arena *a, const struct rt_device_list *list,
			   struct bpf_insn **ret_code, size_t *ret_count, struct cps_err *err);

#endif
