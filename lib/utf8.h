/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef CPS_UTF8_H
#define CPS_UTF8_H

#include <stddef.h>

/* Bytes of the character that starts at s, of which n >= 1 bytes are there; 0 if it is none. */
size_t cps_utf8_len(const char *s, size_t n);
/* How many bytes from the start are valid; len if all are. */
size_t cps_utf8_span(const char *s, size_t len);
/* How many of the first n bytes of s (n at most its length) stay if no character may be halved. */
size_t cps_utf8_cut(const char *s, size_t n);

#endif
