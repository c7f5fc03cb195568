/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between seccomp.c, which decides and loads, seccomp-compile.c, which makes the BPF,
 * seccomp-simplify.c, which shortens it, and seccomp-cache.c, which keeps it. Private to these.
 */
#ifndef RT_SECCOMP_COMPILE_H
#define RT_SECCOMP_COMPILE_H

#include <stddef.h>

#include "seccomp.h"

#define RT_FILTER_MAX 4096 /* instructions; the kernel's BPF_MAXINSNS */

/* By libseccomp, with the part for calls newer than the profile in front. Fills code and count. */
int rt_seccomp_translate(const struct rt_seccomp *sc, struct rt_filter *ret, struct rt_warn *warn,
			 struct cps_err *err);

/* Fewer instructions with the same answers; as it was, where that cannot be done (or for want of
 * memory). f: a program that the kernel takes. */
void rt_filter_simplify(struct rt_filter *f);

/* All that decides which program comes out, as bytes: library, kernel, profile. malloc'd; NULL:
 * out of memory. */
char *rt_seccomp_key(const struct rt_seccomp *sc, size_t *ret_len);
/* True and *ret filled if the cache has the program for exactly this key. */
bool rt_seccomp_cache_get(const char *cache_dir, const char *key, size_t key_len,
			  struct rt_filter *ret);
int rt_seccomp_cache_put(const char *cache_dir, const char *key, size_t key_len,
			 const struct rt_filter *f, struct cps_err *err);

#endif
