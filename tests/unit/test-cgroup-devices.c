/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules: the list, v1's reduction of it, and the BPF program, which runs in a small
 * interpreter here and must agree with the list on every access.
 */
#include <config.h>

#include "cgroup-devices.h"

#include <errno.h>
#include <string.h>

#include "cgroup.h"
#include "unit.h"

#define ANY	 (-1)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, M = BPF_DEVCG_ACC_MKNOD };

static struct cps_arena arena;
static struct cps_err err;

static struct rt_device_list build(const struct rt_device_rule *rules, size_t n)
{
	struct rt_resources res = { .set = true, .ndevices = n, .devices = rules };
	struct rt_device_list l;

	ck_assert_int_eq(rt_device_list_build(&arena, &res, &l, &err), 0);
	return l;
}

/* The definition: for each access the last rule that matches decides. */
static bool is_allowed(const struct rt_device_list *l, char type, int64_t major, int64_t minor,
		       int access)
{
	for (int bit = 1; bit <= (R | W | M); bit <<= 1) {
		bool allowed = l->allow_rest;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < l->n; i++) {
			const struct rt_device_rule *r = &l->v[i];
			int has = (r->read ? R : 0) | (r->write ? W : 0) | (r->mknod ? M : 0);

			if (r->type == type && (r->major == ANY || r->major == major) &&
			    (r->minor == ANY || r->minor == minor) && (has & bit))
				allowed = r->allow;
		}
		if (!allowed)
			return false;
	}
	return true;
}

/* -- the interpreter: what the compiler uses of BPF, and no more ------------------------------ */

static uint64_t interpret(const struct bpf_insn *code, size_t count,
			  const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };
	uint32_t word;

	for (size_t pc = 0; pc < count; pc++) {
		const struct bpf_insn *in = &code[pc];
		uint64_t imm = (uint64_t)(int64_t)in->imm;
		bool jump = false;

		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			ck_assert_int_eq(in->src_reg, BPF_REG_1);
			memcpy(&word, (const char *)ctx + in->off, sizeof(word));
			reg[in->dst_reg] = word;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			reg[in->dst_reg] = reg[in->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[in->dst_reg] = imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			reg[in->dst_reg] &= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			reg[in->dst_reg] >>= imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			jump = reg[in->dst_reg] != imm;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = reg[in->dst_reg] == imm;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0];
		default:
			ck_abort_msg("instruction %zu: code %#x", pc, in->code);
		}
		if (jump)
			pc += (size_t)in->off;
	}
	ck_abort_msg("ran off the end of %zu instructions", count);
	return 0;
}

static bool program_says(const struct bpf_insn *code, size_t count, char type, uint32_t major,
			 uint32_t minor, int access)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = ((uint32_t)access << 16) |
			       (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};

	return interpret(code, count, &ctx) == 1;
}

static bool program_allows(const struct rt_device_list *l, char type, uint32_t major,
			   uint32_t minor, int access)
{
	struct bpf_insn *code;
	size_t count;

	ck_assert_int_eq(rt_device_list_compile(&arena, l, &code, &count, &err), 0);
	return program_says(code, count, type, major, minor, access);
}

/* Program, list and (if v1 can say it) reduction agree on a grid of devices. */
static void compare_all(const struct rt_device_list *l)
{
	static const uint32_t numbers[] = { 0, 1, 2, 3, 5, 8, 10, 136, 229, 4095, 0xfffff };
	struct rt_device_list v1;
	bool has_v1 = rt_device_list_reduce(&arena, l, &v1, &err) == 0;
	struct bpf_insn *code;
	size_t count;

	ck_assert_int_eq(rt_device_list_compile(&arena, l, &code, &count, &err), 0);
	for (size_t i = 0; i < COUNT(numbers) * COUNT(numbers) * 2 * 7; i++) {
		uint32_t major = numbers[i % COUNT(numbers)];
		uint32_t minor = numbers[i / COUNT(numbers) % COUNT(numbers)];
		size_t rest = i / COUNT(numbers) / COUNT(numbers);
		char type = rest % 2 ? 'b' : 'c';
		int access = 1 + (int)(rest / 2);
		bool want = is_allowed(l, type, major, minor, access);

		ck_assert_int_eq(program_says(code, count, type, major, minor, access), want);
		if (has_v1)
			ck_assert_int_eq(is_allowed(&v1, type, major, minor, access), want);
	}
}

/* -- tests ---------------------------------------------------------------------------------- */

START_TEST(test_denied_by_default)
{
	struct rt_device_list l = build(NULL, 0);

	ck_assert(!l.allow_rest);
	ck_assert(program_allows(&l, 'c', 1, 3, R | W | M));
	ck_assert(program_allows(&l, 'c', 1, 9, R));
	ck_assert(program_allows(&l, 'c', 5, 0, R | W));
	ck_assert(program_allows(&l, 'c', 5, 2, R | W));
	ck_assert(program_allows(&l, 'c', 136, 7, R | W));
	ck_assert(
		program_allows(&l, 'b', 8, 0, M)); /* making a node gives no access to the device */
	ck_assert(!program_allows(&l, 'b', 8, 0, R));
	ck_assert(!program_allows(&l, 'b', 8, 0, R | M));
	ck_assert(!program_allows(&l, 'c', 1, 1, R));  /* mem */
	ck_assert(!program_allows(&l, 'c', 1, 11, R)); /* kmsg */
	ck_assert(!program_allows(&l, 'c', 5, 1, W));  /* the machine's console */
	ck_assert(!program_allows(&l, 'c', 10, 229, R));
	ck_assert(!program_allows(&l, 'b', 1, 3, R)); /* the type counts */
}
END_TEST

START_TEST(test_deny_all_keeps_the_defaults)
{
	static const struct rt_device_rule podman[] = { { false, 'a', ANY, ANY, true, true,
							  true } };
	struct rt_device_list l = build(podman, 1);

	ck_assert(program_allows(&l, 'c', 1, 3, R | W));
	ck_assert(!program_allows(&l, 'c', 10, 229, R));
}
END_TEST

START_TEST(test_allow_all)
{
	static const struct rt_device_rule all[] = { { false, 'a', ANY, ANY, true, true, true },
						     { true, 'a', ANY, ANY, true, true, true } };
	struct rt_device_list l = build(all, 2), v1;

	ck_assert(l.allow_rest);
	ck_assert(program_allows(&l, 'b', 8, 0, R | W | M));
	ck_assert_int_eq(rt_device_list_reduce(&arena, &l, &v1, &err), 0);
	ck_assert(v1.allow_rest);
	ck_assert_uint_eq(v1.n, 0);
}
END_TEST

START_TEST(test_order_counts)
{
	static const struct rt_device_rule rules[] = {
		{ true, 'a', ANY, ANY, true, true, true },
		{ false, 'b', 8, ANY, false, true, false }, /* disks cannot be written */
		{ true, 'b', 8, 3, false, true, false },    /* but this one */
	};
	struct rt_device_list l = build(rules, 3);

	ck_assert(program_allows(&l, 'b', 8, 0, R));
	ck_assert(!program_allows(&l, 'b', 8, 0, W));
	ck_assert(!program_allows(&l, 'b', 8, 0, R | W));
	ck_assert(program_allows(&l, 'b', 8, 3, R | W));
}
END_TEST

START_TEST(test_accesses_of_several_rules_add_up)
{
	static const struct rt_device_rule rules[] = {
		{ true, 'c', 10, 229, true, false, false },
		{ true, 'c', 10, ANY, false, true, false },
	};
	struct rt_device_list l = build(rules, 2);

	ck_assert(program_allows(&l, 'c', 10, 229, R | W));
	ck_assert(!program_allows(&l, 'c', 10, 200, R | W));
	ck_assert(program_allows(&l, 'c', 10, 200, W));
}
END_TEST

START_TEST(test_rule_for_both_types)
{
	static const struct rt_device_rule rules[] = { { true, 'a', 7, 1, true, false, false } };
	struct rt_device_list l = build(rules, 1);

	ck_assert(program_allows(&l, 'b', 7, 1, R));
	ck_assert(program_allows(&l, 'c', 7, 1, R));
	ck_assert(!program_allows(&l, 'c', 7, 2, R));
}
END_TEST

START_TEST(test_docker_and_v1)
{
	static const struct rt_device_rule docker[] = {
		{ false, 'a', ANY, ANY, true, true, true },
		{ true, 'c', 1, 5, true, true, true },
		{ true, 'c', 1, 3, true, true, true },
		{ false, 'c', 10, 229, true, true, true },
		{ true, 'c', 5, 1, true, true, true },
	};
	struct rt_device_list l = build(docker, COUNT(docker)), v1;

	ck_assert_int_eq(rt_device_list_reduce(&arena, &l, &v1, &err), 0);
	ck_assert(!v1.allow_rest);
	for (size_t i = 0; i < v1.n; i++) {
		ck_assert(v1.v[i].allow);
		for (size_t k = 0; k < i; k++)
			ck_assert(v1.v[i].type != v1.v[k].type || v1.v[i].major != v1.v[k].major ||
				  v1.v[i].minor != v1.v[k].minor);
	}
	compare_all(&l);
}
END_TEST

START_TEST(test_v1_refuses_holes)
{
	static const struct rt_device_rule hole[] = { { true, 'c', 10, ANY, true, true, false },
						      { false, 'c', 10, 229, true, true, true } };
	static const struct rt_device_rule whole[] = { { true, 'c', 10, 229, true, true, false },
						       { false, 'c', 10, ANY, true, true, true } };
	struct rt_device_list l = build(hole, 2), v1;

	ck_assert_int_eq(rt_device_list_reduce(&arena, &l, &v1, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot deny 'c 10:229 rwm' after 'c 10:* rw'"));
	ck_assert(!program_allows(&l, 'c', 10, 229, R)); /* v2 can */
	ck_assert(program_allows(&l, 'c', 10, 228, R));
	l = build(whole, 2);
	ck_assert_int_eq(rt_device_list_reduce(&arena, &l, &v1, &err), 0);
	compare_all(&l);
}
END_TEST

START_TEST(test_text)
{
	static const struct rt_device_rule a = { true, 'c', 1, 3, true, true, true };
	static const struct rt_device_rule b = { true, 'b', ANY, ANY, false, false, true };
	static const struct rt_device_rule c = { true, 'b',   4294967295, 4294967295,
						 true, false, true };
	char buf[RT_DEVICE_TEXT];

	rt_device_rule_format(&a, buf);
	ck_assert_str_eq(buf, "c 1:3 rwm");
	rt_device_rule_format(&b, buf);
	ck_assert_str_eq(buf, "b *:* m");
	rt_device_rule_format(&c, buf);
	ck_assert_str_eq(buf, "b 4294967295:4294967295 rm");
}
END_TEST

START_TEST(test_numbers_that_no_device_has)
{
	static const struct rt_device_rule rules[] = { { true, 'c', 4294967295, ANY, true, true,
							 true } };
	struct rt_device_list l = build(rules, 1);

	ck_assert(!program_allows(&l, 'c', 10, 229, R));
}
END_TEST

START_TEST(test_too_many_rules)
{
	static struct rt_device_rule rules[1000];
	struct rt_device_list l;
	struct bpf_insn *code;
	size_t count;

	for (size_t i = 0; i < COUNT(rules); i++)
		rules[i] = (struct rt_device_rule){ true, 'c', (int64_t)i, 1, true, true, true };
	l = build(rules, COUNT(rules));
	ck_assert_int_eq(rt_device_list_compile(&arena, &l, &code, &count, &err), -E2BIG);
}
END_TEST

/* Random lists: the program says what the list says. */
START_TEST(test_random_lists)
{
	unsigned seed = 1;

	for (int round = 0; round < 300; round++) {
		struct rt_device_rule rules[6];
		struct rt_device_list l;

		for (size_t i = 0; i < COUNT(rules); i++) {
			unsigned bits;

			seed = seed * 1103515245 + 12345;
			bits = seed >> 8;
			rules[i] = (struct rt_device_rule){
				.allow = bits & 1,
				.type = "abc"[(bits >> 1) % 3],
				.major = (bits & 8) ? ANY : (int64_t)((bits >> 4) % 4),
				.minor = (bits & 64) ? ANY : (int64_t)((bits >> 7) % 4),
				.read = bits & 512,
				.write = bits & 1024,
				.mknod = bits & 2048,
			};
		}
		l = build(rules, COUNT(rules));
		compare_all(&l);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_denied_by_default,
		test_deny_all_keeps_the_defaults,
		test_allow_all,
		test_order_counts,
		test_accesses_of_several_rules_add_up,
		test_rule_for_both_types,
		test_docker_and_v1,
		test_v1_refuses_holes,
		test_text,
		test_numbers_that_no_device_has,
		test_too_many_rules,
		test_random_lists,
		NULL,
	};

	return unit_main("cgroup-devices", tests);
}
