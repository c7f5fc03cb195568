/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8: tables 3-7 of the Unicode standard as code. Plain ASCII, nearly all of what we see, goes
 * eight bytes at a time.
 */
#include <config.h>
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t cps_utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4 || n < 2 || !is_tail(u[1]))
		return 0;
	if (u[0] < 0xe0)
		return 2;
	if (n < 3 || !is_tail(u[2]))
		return 0;
	if (u[0] < 0xf0) {
		if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f))
			return 0; /* overlong; a surrogate */
		return 3;
	}
	if (n < 4 || !is_tail(u[3]))
		return 0;
	if ((u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0; /* overlong; above U+10FFFF */
	return 4;
}

size_t cps_utf8_span(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint64_t eight;
		size_t n;

		if (len - i >= sizeof(eight)) {
			memcpy(&eight, s + i, sizeof(eight));
			if ((eight & 0x8080808080808080u) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		n = cps_utf8_len(s + i, len - i);
		if (n == 0)
			return i;
		i += n;
	}
	return i;
}

size_t cps_utf8_cut(const char *s, size_t n)
{
	size_t i = n;

	while (i > 0 && n - i < 4 && is_tail((unsigned char)s[i]))
		i--;
	/* Four tails in a row are no UTF-8: any cut is as good. */
	return n - i < 4 ? i : n;
}
