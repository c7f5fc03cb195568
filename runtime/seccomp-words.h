/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of linux.seccomp that are honoured, for `features`.
 */
#ifndef RT_SECCOMP_WORDS_H
#define RT_SECCOMP_WORDS_H

#include <stddef.h>

enum rt_seccomp_words {
	RT_SECCOMP_ACTIONS,
	RT_SECCOMP_OPERATORS,
	RT_SECCOMP_ARCHES,
	RT_SECCOMP_FLAGS,
};

/* The i-th; NULL behind the last. */
const char *rt_seccomp_word(enum rt_seccomp_words kind, size_t i);

#endif
