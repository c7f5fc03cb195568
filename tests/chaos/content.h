/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chaos' containers say, as a function of a seed: the writer in the container makes it,
 * the reader of the logs makes it again and compares. And the random numbers of both.
 */
#ifndef CHAOS_CONTENT_H
#define CHAOS_CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* ---- random numbers: one stream for each actor, so that one's luck is not another's ---- */

struct rng {
	uint64_t state;
};

static inline uint64_t rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline struct rng rng_make(uint64_t seed, uint64_t a, uint64_t b)
{
	return (struct rng){ rng_mix(rng_mix(rng_mix(seed + 1) + a) + b) };
}

static inline uint64_t rng_u64(struct rng *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return rng_mix(r->state);
}

static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return n ? (uint32_t)((rng_u64(r) >> 32) * n >> 32) : 0;
}

static inline int rng_chance(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

/* ---- lines ---- */

enum {
	TEXT_UTF8 = 1, /* characters of several bytes */
	TEXT_RAW = 2,  /* any byte but the newline */
	TEXT_LONG = 4, /* lines longer than a record of the log */
	TEXT_OPEN = 8, /* the last line has no newline */
};

#define LINE_SIZE 65536 /* of a buffer for any line */

static inline size_t line_body(struct rng *r, unsigned flags)
{
	uint32_t kind = rng_below(r, 1000);

	if (kind < 30)
		return 0;
	if (kind < 960)
		return rng_below(r, 120);
	if (kind < 990 || !(flags & TEXT_LONG))
		return rng_below(r, 5000);
	if (kind < 996) /* about where a record ends */
		return 16384 - 16 + rng_below(r, 20);
	return rng_below(r, 50000);
}

/* One character of the body, by a random word. */
static inline size_t line_char(uint64_t w, unsigned flags, unsigned char *out)
{
	static const char plain[64] = "abcdefghijklmnopqrstuvwxyz01234567"
				      "89 .,;:-_+*/\\\"<>&\t'!?()[]{}=%#";
	static const char *const wide[4] = { "\xc3\xa9", "\xe2\x86\x92", "\xf0\x9f\x98\x80",
					     "\xe2\x80\xa8" };
	size_t n = 0;

	if ((flags & TEXT_UTF8) && (w & 0x1f00) == 0) {
		for (const char *c = wide[w & 3]; *c; c++)
			out[n++] = (unsigned char)*c;
		return n;
	}
	if ((flags & TEXT_RAW) && (w & 0x1f00) == 0x100 && (w & 0xff) != '\n') {
		out[0] = (unsigned char)w;
		return 1;
	}
	out[0] = (unsigned char)plain[w & 63];
	return 1;
}

/* Line `number` of a stream of `lines`; returns its length, at most LINE_SIZE. */
static inline size_t line_make(uint64_t seed, int stream, uint32_t number, uint32_t lines,
			       unsigned flags, unsigned char *out)
{
	static const char hex[] = "0123456789abcdef";
	struct rng r = rng_make(seed, (uint64_t)stream + 1, number);
	size_t len = line_body(&r, flags) + 9;
	size_t at = 0;

	out[at++] = stream ? 'e' : 'o';
	for (int shift = 24; shift >= 0; shift -= 4)
		out[at++] = (unsigned char)hex[number >> shift & 15];
	out[at++] = ' ';
	while (at < len) {
		uint64_t w = rng_u64(&r);

		for (int i = 0; i < 4 && at < len; i++, w >>= 16)
			at += line_char(w & 0xffff, flags, out + at);
	}
	if (number + 1 < lines || !(flags & TEXT_OPEN))
		out[at++] = '\n';
	return at;
}

/* ---- how far the writer is: a file that it shares with the driver ---- */

struct progress {
	uint64_t begun[2];	       /* bytes of stdout, stderr that were given to write(2) */
	uint64_t written[2];	       /* … and that it has taken */
	uint64_t started_ns, ended_ns; /* CLOCK_BOOTTIME */
	uint32_t started;
	uint32_t done; /* all is said; what comes is the planned end */
	int32_t error; /* errno of a write that failed; -1: it was short */
};

/* How the writer ends: arguments END and VALUE. */
enum end_kind {
	END_EXIT,
	END_SIGNAL,
	END_EAT, /* memory, until somebody ends it */
};

#define WRITER_FAILED 98 /* its exit status when a write was not what it should be */

#endif
