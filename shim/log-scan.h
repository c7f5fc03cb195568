/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen bytes at a time, for the drivers of logs: what is looked at is copied in the same breath.
 * The compiler's vectors: other machines than x86 only lack the quick way to find the first hit.
 */
#ifndef SHIM_LOG_SCAN_H
#define SHIM_LOG_SCAN_H

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SHIM_SCAN 16

typedef unsigned char shim_vec __attribute__((vector_size(SHIM_SCAN)));
typedef signed char shim_vec_signed __attribute__((vector_size(SHIM_SCAN)));

static inline shim_vec shim_scan_copy(char *to, const char *from)
{
	shim_vec v;

	memcpy(&v, from, sizeof(v));
	memcpy(to, &v, sizeof(v));
	return v;
}

/* Bytes of `hit` are 0 or 0xff. Which is the first that is not 0? SHIM_SCAN if none is. */
static inline unsigned shim_scan_first(shim_vec hit)
{
#ifdef __SSE2__
	unsigned mask = (unsigned)_mm_movemask_epi8((__m128i)hit);

	return mask ? (unsigned)__builtin_ctz(mask) : SHIM_SCAN;
#else
	unsigned n = 0;

	while (n < SHIM_SCAN && hit[n] == 0)
		n++;
	return n;
#endif
}

#endif
