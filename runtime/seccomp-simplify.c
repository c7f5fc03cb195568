/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter written anew, shorter: which call gets which answer stays as it was.
 *
 * libseccomp compares call numbers one by one. The kernel translates every instruction when it
 * takes a filter, and runs the program for each call that there is (seccomp_cache_prepare() in
 * kernel/seccomp.c): for an engine's default profile 0.7 ms of each container's start. Calls
 * with the same answer mostly stand side by side, so a tree over ranges of numbers needs a
 * quarter of the instructions.
 *
 * A program is a function of architecture and number up to the point where it answers or looks
 * at an argument: an "end". That function only changes at the numbers with which the program
 * compares, so to run it once between each two of them tells all of it. From ends that look at
 * arguments on, the instructions are taken over as they are.
 *
 * The new program is written from its last instruction to its first: jumps only go forward, so
 * whatever is jumped to has its place by then. A conditional jump reaches 255 instructions; what
 * is farther gets a second way to it on the way, a copy of an answer or a long jump.
 */
#include <config.h>

#include "seccomp-compile.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

#define NEAR	    250 /* what a conditional jump surely reaches, with two instructions put between */
#define NOWHERE	    UINT32_MAX
#define SINGLES_MAX 4 /* of a block: they are asked for one after the other */
/* Smallest bit that may be tested: more intervals than this makes are nobody's filter. */
#define SMALLEST_BIT (UINT32_C(1) << 27)

#define LOAD  (BPF_LD | BPF_W | BPF_ABS)
#define ARCH  ((uint32_t)offsetof(struct seccomp_data, arch))
#define NR    ((uint32_t)offsetof(struct seccomp_data, nr))
#define RET_K (BPF_RET | BPF_K)

/* Where a function of a number changes. */
struct points {
	uint32_t *v; /* owned */
	size_t n;
};

/* From first up to the next range's first, the way on is to. */
struct range {
	uint32_t first;
	uint32_t to; /* an instruction of the old program, or count + the index of an arch_part */
};

/* Architectures from first up to the next one's: what their numbers lead to. */
struct arch_part {
	uint32_t first;
	struct range *ranges; /* owned */
	size_t n;
};

struct writer {
	const struct sock_filter *old;
	unsigned count;
	struct points arches, numbers;
	struct arch_part *parts; /* owned, with what is in it */
	size_t nparts;
	bool *wanted;	 /* owned: of the old program, what is taken over */
	uint32_t *same;	 /* owned: the first instruction that returns the same; else itself */
	uint32_t *where; /* owned: its nearest place in the new one, as struct range's to */
	struct sock_filter *code; /* owned: the new program, last instruction first */
	unsigned used;
	bool full; /* it would not be shorter */
};

static void release_writer(struct writer *w)
{
	for (size_t i = 0; i < w->nparts; i++)
		free(w->parts[i].ranges);
	free(w->parts);
	free(w->arches.v);
	free(w->numbers.v);
	free(w->wanted);
	free(w->same);
	free(w->where);
	free(w->code);
}

#define cleanup_writer __attribute__((cleanup(release_writer)))

static bool is_jump(const struct sock_filter *at)
{
	return BPF_CLASS(at->code) == BPF_JMP && BPF_OP(at->code) != BPF_JA;
}

/* -- where the function changes
 * --------------------------------------------------------------------- */

static int compare_points(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void sort_points(struct points *p)
{
	size_t i, n = 1; /* it has the 0 at least */

	qsort(p->v, p->n, sizeof(*p->v), compare_points);
	for (i = 1; i < p->n; i++)
		if (p->v[i] != p->v[n - 1])
			p->v[n++] = p->v[i];
	p->n = n;
}

/* Room is for two of each jump, the bits and the 0 that every list begins with. */
static bool add_points(struct points *p, const struct sock_filter *at)
{
	uint32_t k = at->k;

	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
	case BPF_JGT:
	case BPF_JGE:
		p->v[p->n++] = k;
		if (k != UINT32_MAX)
			p->v[p->n++] = k + 1;
		return true;
	case BPF_JSET:
		if (k < SMALLEST_BIT || (k & (k - 1)))
			return false;
		/* every multiple, which is there once however often the bit is asked for */
		sort_points(p);
		for (uint32_t bit = k; bit; bit += k)
			p->v[p->n++] = bit;
		sort_points(p);
		return true;
	}
	return false;
}

/*
 * Follows all ways up to their ends, with what each has loaded. False: the program is none whose
 * way depends on architecture and number alone.
 */
static bool find_points(struct writer *w)
{
	enum { NOTHING = 1, AN_ARCH = 2, A_NUMBER = 4 };
	cleanup_free unsigned char *held = calloc(w->count, 1);
	unsigned pc;

	if (!held)
		return false;
	w->arches.v[w->arches.n++] = 0;
	w->numbers.v[w->numbers.n++] = 0;
	held[0] = NOTHING;
	for (pc = 0; pc < w->count; pc++) {
		const struct sock_filter *at = &w->old[pc];

		if (!held[pc] || at->code == RET_K)
			continue;
		if (at->code == LOAD) {
			if (at->k == ARCH)
				held[pc + 1] |= AN_ARCH;
			else if (at->k == NR)
				held[pc + 1] |= A_NUMBER;
			continue;
		}
		if (at->code == (BPF_JMP | BPF_JA)) {
			held[pc + 1 + at->k] |= held[pc];
			continue;
		}
		if (!is_jump(at) || BPF_SRC(at->code) != BPF_K || (held[pc] & NOTHING))
			return false;
		if ((held[pc] & AN_ARCH) && !add_points(&w->arches, at))
			return false;
		if ((held[pc] & A_NUMBER) && !add_points(&w->numbers, at))
			return false;
		held[pc + 1 + at->jt] |= held[pc];
		held[pc + 1 + at->jf] |= held[pc];
	}
	sort_points(&w->arches);
	sort_points(&w->numbers);
	return true;
}

/* The end that a call comes to. */
static uint32_t find_end(const struct writer *w, uint32_t arch, uint32_t nr)
{
	uint32_t pc = 0, a = 0;
	bool is;

	for (;; pc++) {
		const struct sock_filter *at = &w->old[pc];

		if (at->code == RET_K)
			return w->same[pc];
		if (at->code == LOAD && at->k != ARCH && at->k != NR)
			return pc;
		if (at->code == LOAD) {
			a = at->k == ARCH ? arch : nr;
			continue;
		}
		if (at->code == (BPF_JMP | BPF_JA)) {
			pc += at->k;
			continue;
		}
		switch (BPF_OP(at->code)) {
		case BPF_JEQ:
			is = a == at->k;
			break;
		case BPF_JGT:
			is = a > at->k;
			break;
		case BPF_JGE:
			is = a >= at->k;
			break;
		default:
			is = a & at->k;
			break;
		}
		pc += is ? at->jt : at->jf;
	}
}

static bool find_part(const struct writer *w, uint32_t arch, struct arch_part *ret)
{
	struct arch_part part = { arch, NULL, 0 };

	part.ranges = calloc(w->numbers.n, sizeof(*part.ranges));
	if (!part.ranges)
		return false;
	for (size_t i = 0; i < w->numbers.n; i++) {
		uint32_t to = find_end(w, arch, w->numbers.v[i]);

		if (part.n == 0 || part.ranges[part.n - 1].to != to)
			part.ranges[part.n++] = (struct range){ w->numbers.v[i], to };
	}
	*ret = part;
	return true;
}

static bool is_same_part(const struct arch_part *a, const struct arch_part *b)
{
	return a->n == b->n && memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0;
}

static bool find_parts(struct writer *w)
{
	w->parts = calloc(w->arches.n, sizeof(*w->parts));
	if (!w->parts)
		return false;
	for (size_t i = 0; i < w->arches.n; i++) {
		if (!find_part(w, w->arches.v[i], &w->parts[w->nparts]))
			return false;
		if (w->nparts && is_same_part(&w->parts[w->nparts - 1], &w->parts[w->nparts]))
			free(w->parts[w->nparts].ranges);
		else
			w->nparts++;
	}
	return true;
}

/* -- the new program
 * -------------------------------------------------------------------------------- */

static uint32_t put(struct writer *w, struct sock_filter insn)
{
	if (w->used == w->count) {
		w->full = true;
		return w->used - 1;
	}
	w->code[w->used] = insn;
	return w->used++;
}

static uint32_t put_long_jump(struct writer *w, uint32_t place)
{
	return put(w, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, w->used - place - 1));
}

/* A second way to it, near what comes next. */
static uint32_t put_way(struct writer *w, uint32_t to)
{
	if (to < w->count && w->old[to].code == RET_K)
		w->where[to] = put(w, w->old[to]);
	else
		w->where[to] = put_long_jump(w, w->where[to]);
	return w->where[to];
}

static uint32_t near_place(struct writer *w, uint32_t place)
{
	return w->used - place > NEAR ? put_long_jump(w, place) : place;
}

/* A place of it that a conditional jump reaches. */
static uint32_t near_way(struct writer *w, uint32_t to)
{
	if (to < w->count)
		to = w->same[to];
	if (w->where[to] == NOWHERE || w->used - w->where[to] > NEAR)
		return put_way(w, to);
	return w->where[to];
}

static uint32_t put_jump(struct writer *w, unsigned short code, uint32_t k, uint32_t yes,
			 uint32_t no)
{
	return put(w, (struct sock_filter)BPF_JUMP(code, k, (unsigned char)(w->used - yes - 1),
						   (unsigned char)(w->used - no - 1)));
}

/* What is written next runs into it. */
static void run_into(struct writer *w, uint32_t to)
{
	if (to < w->count)
		to = w->same[to];
	if (w->where[to] == NOWHERE || w->where[to] != w->used - 1)
		put_way(w, to);
}

/* All that the ends and what they lead to need, but answers, which are put where they are used. */
static void put_arguments(struct writer *w)
{
	unsigned pc;

	for (size_t i = 0; i < w->nparts; i++)
		for (size_t j = 0; j < w->parts[i].n; j++)
			w->wanted[w->parts[i].ranges[j].to] = true;
	for (pc = 0; pc < w->count; pc++) {
		const struct sock_filter *at = &w->old[pc];

		if (!w->wanted[pc] || BPF_CLASS(at->code) == BPF_RET)
			continue;
		if (is_jump(at)) {
			w->wanted[pc + 1 + at->jt] = true;
			w->wanted[pc + 1 + at->jf] = true;
		} else {
			w->wanted[pc + 1 + (BPF_CLASS(at->code) == BPF_JMP ? at->k : 0)] = true;
		}
	}
	for (pc = w->count; pc-- > 0;) {
		const struct sock_filter *at = &w->old[pc];
		uint32_t yes, no;

		if (!w->wanted[pc] || at->code == RET_K)
			continue;
		if (is_jump(at)) {
			yes = near_way(w, pc + 1 + at->jt);
			no = near_way(w, pc + 1 + at->jf);
			w->where[pc] = put_jump(w, at->code, at->k, yes, no);
		} else if (BPF_CLASS(at->code) == BPF_JMP) {
			w->where[pc] = near_way(w, pc + 1 + at->k);
		} else {
			if (BPF_CLASS(at->code) != BPF_RET)
				run_into(w, pc + 1);
			w->where[pc] = put(w, *at);
		}
	}
}

/* The range and those that follow it, as long as they are single numbers within it. */
static size_t block_end(const struct range *r, size_t n, size_t from)
{
	size_t end = from + 1;

	while (end + 1 < n && end - from < 2 * SINGLES_MAX && r[end + 1].to == r[from].to &&
	       r[end + 1].first - r[end].first == 1)
		end += 2;
	return end;
}

static uint32_t put_block(struct writer *w, const struct range *r, size_t from, size_t to)
{
	uint32_t place = near_way(w, r[from].to), single;

	for (size_t i = from + 1; i < to; i += 2) {
		single = near_way(w, r[i].to);
		place = put_jump(w, BPF_JMP | BPF_JEQ | BPF_K, r[i].first, single,
				 near_place(w, place));
	}
	return place;
}

/* A tree over blocks [from, to), which begin at these ranges: at each node one comparison. */
static uint32_t put_tree(struct writer *w, const struct range *r, const size_t *blocks, size_t from,
			 size_t to)
{
	size_t middle = from + (to - from) / 2;
	uint32_t upper, lower;

	if (to - from == 1)
		return put_block(w, r, blocks[from], blocks[to]);
	upper = put_tree(w, r, blocks, middle, to);
	lower = put_tree(w, r, blocks, from, middle);
	/* an answer that has got too far gets a copy, instead of a jump to it */
	upper = blocks[to] - blocks[middle] == 1 ? near_way(w, r[blocks[middle]].to)
						 : near_place(w, upper);
	lower = near_place(w, lower);
	return put_jump(w, BPF_JMP | BPF_JGE | BPF_K, r[blocks[middle]].first, upper, lower);
}

static bool put_load_and_tree(struct writer *w, uint32_t field, const struct range *r, size_t n)
{
	cleanup_free size_t *blocks = calloc(n + 1, sizeof(*blocks));
	size_t nblocks = 0;
	uint32_t top;

	if (!blocks)
		return false;
	for (size_t at = 0; at < n; at = block_end(r, n, at))
		blocks[nblocks++] = at;
	blocks[nblocks] = n;
	top = put_tree(w, r, blocks, 0, nblocks);
	if (n == 1 && top != w->used - 1)
		put_long_jump(w, top);
	if (n > 1)
		put(w, (struct sock_filter)BPF_STMT(LOAD, field));
	return true;
}

static bool put_program(struct writer *w)
{
	cleanup_free struct range *arches = calloc(w->nparts, sizeof(*arches));

	if (!arches)
		return false;
	put_arguments(w);
	for (size_t i = w->nparts; i-- > 0;) {
		arches[i] = (struct range){ w->parts[i].first, w->count + (uint32_t)i };
		if (!put_load_and_tree(w, NR, w->parts[i].ranges, w->parts[i].n))
			return false;
		w->where[w->count + i] = w->used - 1;
	}
	return put_load_and_tree(w, ARCH, arches, w->nparts) && !w->full;
}

static bool prepare(struct writer *w)
{
	size_t most = (size_t)w->count * 2 + 2 * (UINT32_MAX / SMALLEST_BIT + 1) + 1, i, j;

	w->arches.v = calloc(most, sizeof(*w->arches.v));
	w->numbers.v = calloc(most, sizeof(*w->numbers.v));
	w->wanted = calloc(w->count, sizeof(*w->wanted));
	w->same = calloc(w->count, sizeof(*w->same));
	w->where = calloc(w->count + most, sizeof(*w->where));
	w->code = calloc(w->count, sizeof(*w->code));
	if (!w->arches.v || !w->numbers.v || !w->wanted || !w->same || !w->where || !w->code)
		return false;
	for (i = 0; i < w->count + most; i++)
		w->where[i] = NOWHERE;
	for (i = 0; i < w->count; i++) {
		for (j = 0; w->old[i].code == RET_K && j < i; j++)
			if (w->old[j].code == RET_K && w->old[j].k == w->old[i].k)
				break;
		w->same[i] = (uint32_t)(w->old[i].code == RET_K ? j : i);
	}
	return true;
}

void rt_filter_simplify(struct rt_filter *f)
{
	cleanup_writer struct writer w = { .old = f->code, .count = f->count };

	if (!prepare(&w) || !find_points(&w) || !find_parts(&w) || !put_program(&w))
		return;
	for (unsigned i = 0; i < w.used; i++)
		f->code[i] = w.code[w.used - 1 - i];
	f->count = (unsigned short)w.used;
}
