/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving privileges up, in the one order that works (D12): bounding set, groups, group, user,
 * capability sets, ambient set. Every call is irrevocable.
 */
#ifndef RT_CREDS_H
#define RT_CREDS_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "spec.h"
#include "warn.h"

/* What of `wanted` this process can give: masked with its own permitted and bounding sets. What is
 * missing is warned about by name, as the spec asks. */
int rt_caps_available(const struct rt_caps *wanted, struct rt_caps *ret, struct rt_warn *warn,
		      struct cps_err *err);
int rt_caps_bound(const struct rt_caps *c, struct cps_err *err);
/* Groups (keep_groups: they stay the caller's), gid, uid and umask; permitted capabilities
 * survive. */
int rt_user_become(const struct rt_user *u, bool keep_groups, struct cps_err *err);
/* The sets. keep_admin: CAP_SYS_ADMIN stays for a moment, because a seccomp filter is still to be
 * loaded without no_new_privs; rt_caps_drop_admin() takes it away, with one call that the filter
 * has to allow. */
int rt_caps_apply(const struct rt_caps *c, bool keep_admin, struct cps_err *err);
int rt_caps_drop_admin(const struct rt_caps *c, struct cps_err *err);
int rt_no_new_privs(struct cps_err *err);
/* The user must be able to open /dev/stdout again: what of stdio (-1: our own) is a pipe or a
 * terminal becomes uid's. Files belong to somebody, /dev/null to everybody. Where that is not
 * allowed it works less well. */
void rt_stdio_own(const int stdio[3], uid_t uid);

#endif
