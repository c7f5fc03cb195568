/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of linux.memoryPolicy that are honoured, for `features`.
 */
#ifndef RT_SCHEDULING_WORDS_H
#define RT_SCHEDULING_WORDS_H

#include <stddef.h>

/* The i-th; NULL behind the last. */
const char *rt_memory_policy_mode(size_t i);
const char *rt_memory_policy_flag(size_t i);

#endif
