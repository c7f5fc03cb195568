/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp: the profile compiled once by libseccomp, the BPF kept in a cache by hash (profile,
 * library version, architecture, kernel), and loaded as late as no_new_privs allows (D13).
 */
#ifndef RT_SECCOMP_H
#define RT_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>

#include "err.h"
#include "spec.h"
#include "warn.h"

struct rt_filter {
	struct sock_filter *code; /* owned; NULL: none */
	unsigned short count;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
};

/* Compiles, or reads cache_dir's copy (made 0700 if missing; a file that is short, of another
 * owner, or whose checksum is wrong is replaced). cache_dir NULL: no cache. Names unknown to this
 * libseccomp are skipped; calls newer than the profile answer ENOSYS, not the default action. */
int rt_seccomp_compile(const struct rt_seccomp *sc, const char *cache_dir, struct rt_filter *ret,
		       struct rt_warn *warn, struct cps_err *err);
/* For who would rather have no container than one with a hole: a name that this libseccomp does not
 * know is an error. */
int rt_seccomp_check_names(const struct rt_seccomp *sc, struct cps_err *err);
int rt_seccomp_load(const struct rt_filter *f, struct cps_err *err); /* seccomp(2) */
void rt_filter_done(struct rt_filter *f);

#endif
