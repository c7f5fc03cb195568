/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256, see sha256.h. The constants are computed, as the standard defines them: the first 32
 * bits of the fractional parts of square and cube roots of the first primes.
 */
#include <config.h>
#include "sha256.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 64

static uint32_t rotate(uint32_t v, int n)
{
	return v >> n | v << (32 - n);
}

/* floor(root(n) * 2^32) mod 2^32 of the square (power 2) or cube (3) root, by bisection in
 * integers. */
static uint32_t root_fraction(unsigned n, int power)
{
	unsigned __int128 low = 0;
	unsigned __int128 high = (unsigned __int128)32 << 32;

	while (high - low > 1) {
		unsigned __int128 mid = (low + high) / 2;
		unsigned __int128 p = mid * mid;

		/* the cube would have 111 bits: it fits */
		if (power == 3)
			p *= mid;
		if (p <= (unsigned __int128)n << (32 * power))
			low = mid;
		else
			high = mid;
	}
	return (uint32_t)low;
}

static void constants(uint32_t h[8], uint32_t k[64])
{
	unsigned count = 0;

	for (unsigned n = 2; count < 64; n++) {
		bool prime = true;

		for (unsigned d = 2; d * d <= n; d++)
			prime = prime && n % d != 0;
		if (!prime)
			continue;
		if (count < 8)
			h[count] = root_fraction(n, 2);
		k[count++] = root_fraction(n, 3);
	}
}

static void block_add(uint32_t h[8], const uint32_t k[64], const uint8_t *p)
{
	uint32_t w[64];
	uint32_t v[8];

	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t b = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + a + w[i - 7] + b;
	}
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t a = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
		uint32_t e = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
		uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
		uint32_t one = v[7] + e + choice + k[i] + w[i];

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += one;
		v[0] = one + a + majority;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

void task_sha256(const void *data, size_t len, char ret[TASK_SHA256_SIZE])
{
	const uint8_t *p = data;
	uint8_t last[2 * BLOCK] = { 0 };
	size_t rest = len % BLOCK;
	size_t padded = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	uint32_t h[8];
	uint32_t k[64];

	constants(h, k);
	for (size_t i = 0; i < len / BLOCK; i++)
		block_add(h, k, p + i * BLOCK);
	if (rest > 0)
		memcpy(last, p + len - rest, rest);
	last[rest] = 0x80;
	for (int i = 0; i < 8; i++)
		last[padded - 1 - (size_t)i] = (uint8_t)((uint64_t)len * 8 >> (8 * i));
	for (size_t i = 0; i < padded; i += BLOCK)
		block_add(h, k, last + i);
	for (int i = 0; i < 8; i++)
		(void)snprintf(ret + (size_t)i * 8, 9, "%08x", h[i]);
}
