/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command given as one quoted argument, "java -jar '/my app.jar'", split into words as a shell
 * would: blanks separate, '…' is literal, "…" and a bare backslash quote. Nothing is expanded.
 */
#ifndef SUP_WORDS_H
#define SUP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"

bool sup_words_wanted(const char *text); /* it holds a blank */
/* *ret_words is NULL-terminated and in the arena. No word at all, an open quote, a backslash at the
 * end: EINVAL. */
int sup_words_split(struct cps_arena *a, const char *text, const char ***ret_words, size_t *ret_n,
		    struct cps_err *err);

#endif
