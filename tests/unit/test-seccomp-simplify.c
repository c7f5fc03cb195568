/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shorter filters: the same answer to every call as the program that they were made of.
 */
#include <config.h>
#include "seccomp-compile.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "filter.h"
#include "own.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const uint32_t arches[] = { 0, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64,
				   UINT32_MAX };

static struct rt_filter copy_of(const struct rt_filter *f)
{
	struct rt_filter copy = *f;

	copy.code = malloc(f->count * sizeof(*f->code));
	ck_assert_ptr_nonnull(copy.code);
	memcpy(copy.code, f->code, f->count * sizeof(*f->code));
	return copy;
}

static void compare(const struct rt_filter *old, const struct rt_filter *new, uint32_t arch,
		    uint32_t nr)
{
	static const uint64_t words[] = { 0,
					  1,
					  2,
					  8,
					  0x20000,
					  0x7e020000,
					  0xffffffff,
					  UINT64_C(0x100000000),
					  UINT64_C(0x7e020000ffffffff) };

	for (size_t i = 0; i < COUNT(words); i++) {
		struct seccomp_data data = { .nr = (int)nr, .arch = arch };

		for (size_t j = 0; j < 6; j++)
			data.args[j] = words[(i + j * (i % 3)) % COUNT(words)];
		if (filter_answer(old, &data) != filter_answer(new, &data))
			ck_abort_msg(
				"arch 0x%x, number 0x%x, first argument 0x%llx: 0x%x, was 0x%x",
				arch, nr, (unsigned long long)data.args[0],
				filter_answer(new, &data), filter_answer(old, &data));
	}
}

/* Numbers of all tables that there are, and the borders of what a number can be. */
static void compare_all(const struct rt_filter *old, const struct rt_filter *new)
{
	static const uint32_t bases[] = { 0, 0x10000000, X32_BIT, 0x80000000, 0xfffffc00 };

	for (size_t i = 0; i < COUNT(arches); i++)
		for (size_t j = 0; j < COUNT(bases); j++)
			for (uint32_t nr = 0; nr < 1024; nr++)
				compare(old, new, arches[i], bases[j] + nr);
}

static struct rt_filter exported(scmp_filter_ctx ctx)
{
	struct rt_filter f = { NULL, 0, 0 };
	cleanup_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(seccomp_export_bpf(ctx, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	ck_assert_int_gt(size, 0);
	f.code = malloc((size_t)size);
	ck_assert_ptr_nonnull(f.code);
	ck_assert_int_eq(pread(fd, f.code, (size_t)size, 0), size);
	f.count = (unsigned short)((size_t)size / sizeof(*f.code));
	return f;
}

/*
 * Most calls allowed, some runs of them denied, some asked for their arguments, on three
 * architectures: what libseccomp makes of that, as a chain and as a tree.
 */
START_TEST(of_libseccomp)
{
	for (uint32_t optimize = 1; optimize <= 2; optimize++) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
		struct rt_filter old, new;

		ck_assert_ptr_nonnull(ctx);
		ck_assert_int_eq(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize), 0);
		ck_assert_int_eq(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
		ck_assert_int_eq(seccomp_arch_add(ctx, SCMP_ARCH_X32), 0);
		for (int nr = 0; nr < 330; nr++) {
			if (nr > 60 && nr < 90)
				continue;
			if (nr % 50 == 7)
				ck_assert_int_eq(
					seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 2,
							 SCMP_A0(SCMP_CMP_MASKED_EQ, 0x7e020000, 0),
							 SCMP_A1(SCMP_CMP_GT, 1)),
					0);
			else if (nr > 200 || nr % 10 < 7)
				ck_assert_int_eq(seccomp_rule_add(ctx,
								  nr % 5 ? SCMP_ACT_ALLOW
									 : SCMP_ACT_ERRNO(38),
								  nr, 0),
						 0);
		}
		old = exported(ctx);
		new = copy_of(&old);
		rt_filter_simplify(&new);
		ck_assert_uint_lt(new.count, old.count);
		compare_all(&old, &new);
		rt_filter_done(&old);
		rt_filter_done(&new);
		seccomp_release(ctx);
	}
}
END_TEST

/* -- programs made at random
 * -------------------------------------------------------------------------- */

static uint32_t seed;

static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct sock_filter pick_jump(unsigned left)
{
	static const unsigned short ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	static const uint32_t numbers[] = { X32_BIT,	X32_BIT | 7,	   0x80000000,
					    UINT32_MAX, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
					    0x10000000 };
	unsigned short op = ops[pick(8) == 0 ? 3 : pick(3)];
	uint32_t k = pick(3) ? pick(40) * 20 : numbers[pick(COUNT(numbers))];

	if (op == BPF_JSET)
		k = pick(8) ? X32_BIT >> pick(3) : k;
	if (left > 256)
		left = 256;
	return (struct sock_filter)BPF_JUMP(BPF_JMP | op | BPF_K, k, (unsigned char)pick(left),
					    (unsigned char)pick(left));
}

static struct rt_filter pick_program(void)
{
	static const uint32_t offsets[] = { 0, 0, 0, 0, 4, 4, 16, 20, 24 };
	static const uint32_t actions[] = { SECCOMP_RET_ALLOW, ERRNO(1), ERRNO(38),
					    SECCOMP_RET_KILL_PROCESS };
	struct rt_filter f = { NULL, (unsigned short)(4 + pick(pick(4) ? 60 : 900)), 0 };
	unsigned i;

	f.code = calloc(f.count, sizeof(*f.code));
	ck_assert_ptr_nonnull(f.code);
	for (i = 0; i < f.count; i++) {
		unsigned left = f.count - i - 1, kind = pick(20);

		if (left == 0 || (i > 3 && kind < 3))
			f.code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, actions[pick(4)]);
		else if (i == 0 || kind < 6)
			f.code[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
								 offsets[pick(COUNT(offsets))]);
		else if (kind == 6)
			f.code[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, pick(left));
		else if (kind == 7 && pick(10) == 0)
			f.code[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
								 pick(1u << 24));
		else
			f.code[i] = pick_jump(left);
	}
	return f;
}

START_TEST(at_random)
{
	unsigned shorter = 0;

	for (unsigned round = 0; round < 1000; round++) {
		struct rt_filter old, new;

		seed = round;
		old = pick_program();
		new = copy_of(&old);
		rt_filter_simplify(&new);
		ck_assert_uint_le(new.count, old.count);
		shorter += new.count < old.count;
		for (unsigned i = 0; i < 200; i++) {
			const struct sock_filter *near = &old.code[pick(old.count)];
			uint32_t nr = pick(3) ? near->k - 1 + pick(3) : pick(900);

			compare(&old, &new, arches[pick(COUNT(arches))], nr);
			compare(&old, &new, nr, pick(900));
		}
		rt_filter_done(&old);
		rt_filter_done(&new);
	}
	ck_assert_uint_gt(shorter, 300);
}
END_TEST

/* What does not depend on the number alone, or would be longer, stays. */
START_TEST(left_alone)
{
	static const struct sock_filter answers_all[] = { BPF_STMT(BPF_RET | BPF_K,
								   SECCOMP_RET_ALLOW) };
	static const struct sock_filter masks[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct sock_filter low_bit[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static const struct {
		const struct sock_filter *code;
		unsigned short count;
	} cases[] = { { answers_all, COUNT(answers_all) },
		      { masks, COUNT(masks) },
		      { low_bit, COUNT(low_bit) } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rt_filter old = { (struct sock_filter *)cases[i].code, cases[i].count, 0 };
		struct rt_filter new = copy_of(&old);

		rt_filter_simplify(&new);
		ck_assert_uint_eq(new.count, old.count);
		ck_assert_mem_eq(new.code, old.code, old.count * sizeof(*old.code));
		rt_filter_done(&new);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { of_libseccomp, at_random, left_alone, NULL };

	return unit_main("seccomp-simplify", tests);
}
