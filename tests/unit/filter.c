/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling and asking filters, for test-seccomp*.c.
 */
#include <config.h>
#include "filter.h"

#include <seccomp.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

/* The profile's members, read as config.json's are. */
static const struct rt_seccomp *profile(struct cps_arena *a, const char *members)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	static char text[65536];

	(void)snprintf(text, sizeof(text),
		       "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"linux\":"
		       "{\"seccomp\":{%s}}}",
		       members);
	ck_assert_ok(rt_spec_parse(a, text, strlen(text), "/", NULL, &spec, &err), err);
	return &spec->seccomp;
}

void filter_compile(struct filter_case *c, const char *members, const char *cache_dir)
{
	struct cps_err err = { 0, "" };

	rt_filter_done(&c->filter);
	ck_assert_ok(rt_seccomp_compile(profile(&c->arena, members), cache_dir, &c->filter,
					&c->warn, &err),
		     err);
}

static uint32_t load_word(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word;

	if (offset > sizeof(*data) - sizeof(word))
		ck_abort_msg("a load from %u", offset);
	memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

static bool jump_taken(const struct sock_filter *op, uint32_t a)
{
	switch (BPF_OP(op->code)) {
	case BPF_JEQ:
		return a == op->k;
	case BPF_JGT:
		return a > op->k;
	case BPF_JGE:
		return a >= op->k;
	case BPF_JSET:
		return a & op->k;
	default:
		ck_abort_msg("jump 0x%x", op->code);
	}
	return false;
}

/* The instructions that seccomp programs use. */
uint32_t filter_answer(const struct rt_filter *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;
	unsigned pc;

	for (pc = 0; pc < filter->count; pc++) {
		const struct sock_filter *op = &filter->code[pc];

		if (op->code == (BPF_LD | BPF_W | BPF_ABS))
			a = load_word(data, op->k);
		else if (op->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= op->k;
		else if (op->code == (BPF_JMP | BPF_JA))
			pc += op->k;
		else if (BPF_CLASS(op->code) == BPF_JMP && BPF_SRC(op->code) == BPF_K)
			pc += jump_taken(op, a) ? op->jt : op->jf;
		else if (op->code == (BPF_RET | BPF_K))
			return op->k;
		else
			ck_abort_msg("instruction 0x%x", op->code);
	}
	ck_abort_msg("the program has no end");
	return 0;
}

uint32_t filter_ask(const struct filter_case *c, uint32_t arch, uint32_t nr, uint64_t arg0,
		    uint64_t arg1)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch, .args = { arg0, arg1 } };

	return filter_answer(&c->filter, &data);
}

uint32_t filter_ask_name(const struct filter_case *c, const char *name, uint64_t arg0)
{
	return filter_ask(c, seccomp_arch_native(), (uint32_t)seccomp_syscall_resolve_name(name),
			  arg0, 0);
}
