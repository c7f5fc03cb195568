/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile made into BPF by libseccomp, and a few instructions of ours in front of it.
 *
 * Profiles list what is allowed and deny the rest with EPERM. A C library that tries a new system
 * call falls back to an old one on ENOSYS, but takes EPERM for an answer; so a call with a number
 * beyond every call that the profile mentions, which its author cannot have thought about,
 * answers ENOSYS. It stays denied either way. libseccomp cannot say this, since it only knows
 * calls by name: a prologue tests the number before libseccomp's program runs.
 */
#include <config.h>

#include "seccomp-compile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "file.h"
#include "own.h"

#define X32_BIT	   0x40000000u
#define ARCHES_MAX 32

/* What the prologue must know of one kernel-side architecture (AUDIT_ARCH_*). */
struct arch_limit {
	uint32_t audit_arch;
	int64_t last;	  /* highest number that the profile mentions; -1: none */
	int64_t last_x32; /* of x86_64's second table, without its bit; -1: not in the profile */
};

static void release_context(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

#define cleanup_context __attribute__((cleanup(release_context)))

static int add_arches(scmp_filter_ctx ctx, const struct rt_seccomp *sc, struct cps_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < sc->narches; i++) {
		rc = seccomp_arch_add(ctx, sc->arches[i]);
		if (rc == -EDOM)
			return cps_failx(
				err, EDOM,
				"architectures[%zu]: its byte order is not this machine's, "
				"and one filter is for one of them",
				i);
		if (rc < 0 && rc != -EEXIST)
			return cps_fail(err, -rc, "architectures[%zu]", i);
	}
	return 0;
}

static bool is_index_twice(const struct rt_seccomp_rule *rule)
{
	unsigned seen = 0;
	size_t i;

	for (i = 0; i < rule->nargs; i++) {
		if (seen & (1u << rule->args[i].index))
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

static int add_rule(scmp_filter_ctx ctx, const struct rt_seccomp_rule *rule, int number)
{
	struct scmp_arg_cmp cmp[6];
	bool apart = is_index_twice(rule);
	size_t i;
	int rc;

	if (rule->nargs == 0)
		return seccomp_rule_add_array(ctx, rule->action, number, 0, NULL);
	/* Conditions on different arguments are joined by "and". libseccomp takes one condition
	 * for each argument; several on one are alternatives, as runc takes them. */
	for (i = 0; i < rule->nargs; i++) {
		struct scmp_arg_cmp *at = &cmp[apart ? 0 : i];

		at->arg = rule->args[i].index;
		at->op = (enum scmp_compare)rule->args[i].op;
		at->datum_a = rule->args[i].value;
		at->datum_b = rule->args[i].value_two;
		if (!apart)
			continue;
		rc = seccomp_rule_add_array(ctx, rule->action, number, 1, cmp);
		if (rc < 0)
			return rc;
	}
	if (apart)
		return 0;
	return seccomp_rule_add_array(ctx, rule->action, number, (unsigned)rule->nargs, cmp);
}

int rt_seccomp_check_names(const struct rt_seccomp *sc, struct cps_err *err)
{
	for (size_t i = 0; i < sc->nrules; i++)
		for (size_t j = 0; j < sc->rules[i].names.n; j++)
			if (seccomp_syscall_resolve_name(sc->rules[i].names.v[j]) ==
			    __NR_SCMP_ERROR)
				return cps_failx(err, EINVAL,
						 "linux.seccomp.syscalls[%zu].names[%zu]: this "
						 "libseccomp does not know '%s'",
						 i, j, sc->rules[i].names.v[j]);
	return 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct rt_seccomp *sc, struct rt_warn *warn,
		     struct cps_err *err)
{
	size_t i, j;
	int number, rc;

	for (i = 0; i < sc->nrules; i++) {
		const struct rt_seccomp_rule *rule = &sc->rules[i];

		for (j = 0; j < rule->names.n; j++) {
			number = seccomp_syscall_resolve_name(rule->names.v[j]);
			if (number == __NR_SCMP_ERROR) {
				rt_note(warn,
					"linux.seccomp.syscalls[%zu].names[%zu]: this libseccomp "
					"does not know '%s', ignoring",
					i, j, rule->names.v[j]);
				continue;
			}
			if (rule->action == sc->default_action)
				continue; /* libseccomp refuses what changes nothing */
			rc = add_rule(ctx, rule, number);
			if (rc < 0)
				return cps_fail(err, -rc, "syscalls[%zu]: '%s'", i,
						rule->names.v[j]);
		}
	}
	return 0;
}

/* The program as libseccomp writes it: into a file, since it knows no other way. */
static int export_code(scmp_filter_ctx ctx, struct rt_filter *ret, struct cps_err *err)
{
	cleanup_free struct sock_filter *code = NULL;
	cleanup_fd int fd = -1;
	struct stat st;
	ssize_t n;
	int rc;

	fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "memfd_create");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc < 0)
		return cps_fail(err, -rc, "compile");
	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "stat the program");
	if (st.st_size <= 0 || (size_t)st.st_size > RT_FILTER_MAX * sizeof(*code))
		return cps_failx(err, E2BIG, "the program has %lld bytes", (long long)st.st_size);
	code = malloc((size_t)st.st_size);
	if (!code)
		return cps_fail(err, ENOMEM, "compile");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return cps_fail(err, errno, "read the program");
	n = cps_read_full(fd, code, (size_t)st.st_size);
	if (n != st.st_size)
		return cps_fail(err, n < 0 ? (int)-n : EIO, "read the program");
	ret->count = (unsigned short)((size_t)n / sizeof(*code));
	ret->code = take_ptr(&code);
	return 0;
}

/* Highest number that the profile's names have on an architecture (libseccomp's token); -1. */
static int64_t last_number(const struct rt_seccomp *sc, uint32_t token)
{
	int64_t last = -1;
	size_t i, j;

	for (i = 0; i < sc->nrules; i++)
		for (j = 0; j < sc->rules[i].names.n; j++) {
			const char *name = sc->rules[i].names.v[j];
			int number = seccomp_syscall_resolve_name_arch(token, name);

			/* negative: unknown there, or made up by libseccomp for multiplexers */
			if (number > last)
				last = number;
		}
	return last;
}

static unsigned find_limits(const struct rt_seccomp *sc, struct arch_limit *limits)
{
	uint32_t tokens[ARCHES_MAX];
	unsigned ntokens = 0, n = 0, i;
	int64_t last_x32 = -1;
	size_t k;

	tokens[ntokens++] = seccomp_arch_native();
	for (k = 0; k < sc->narches && ntokens < ARCHES_MAX; k++) {
		for (i = 0; i < ntokens; i++)
			if (tokens[i] == sc->arches[k])
				break;
		if (i == ntokens)
			tokens[ntokens++] = sc->arches[k];
	}
	for (i = 0; i < ntokens; i++) {
		int64_t last = last_number(sc, tokens[i]);

		if (tokens[i] == SCMP_ARCH_X32) {
			last_x32 = last < 0 ? -1 : (last & ~(int64_t)X32_BIT);
			continue; /* to the kernel it is x86_64 with a bit in the number */
		}
		if (last < 0)
			continue;
		limits[n].audit_arch = tokens[i]; /* tokens are AUDIT_ARCH_* but for x32 */
		limits[n].last_x32 = -1;
		limits[n++].last = last;
	}
	for (i = 0; i < n; i++)
		if (limits[i].audit_arch == AUDIT_ARCH_X86_64)
			limits[i].last_x32 = last_x32;
	return n;
}

/*
 * One architecture's part. Numbers that are tested:
 *   -1             a tracer skips the call: libseccomp's business
 *   with X32_BIT   x86_64 only: against its second table, or libseccomp's business
 *   others         against the last one
 */
static unsigned put_limit(struct sock_filter *at, const struct arch_limit *limit)
{
	bool has_x32_table = limit->audit_arch == AUDIT_ARCH_X86_64;
	struct sock_filter part[9];
	unsigned n = 0, ret, end, i;

	ret = has_x32_table ? 6 : 4;
	end = ret + 1;
	part[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, limit->audit_arch, 0,
						 (unsigned char)(end - 0));
	part[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	part[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffffu,
					       (unsigned char)(end - n - 1), 0);
	n++;
	if (has_x32_table) {
		bool x32 = limit->last_x32 >= 0;

		part[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, X32_BIT,
						       (unsigned char)(x32 ? 0 : end - n - 1), 1);
		n++;
		part[n] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(x32 ? limit->last_x32 : 0) | X32_BIT,
			(unsigned char)(ret - n - 1), (unsigned char)(end - n - 1));
		n++;
	}
	part[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)limit->last,
					       (unsigned char)(ret - n - 1),
					       (unsigned char)(end - n - 1));
	n++;
	part[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	part[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0); /* to the end, see below */
	for (i = 0; i < n; i++)
		at[i] = part[i];
	return n;
}

/* Whether a call that no rule mentions is denied, and not with ENOSYS already. */
static bool is_denied(uint32_t action)
{
	if (action == SCMP_ACT_ERRNO(ENOSYS))
		return false;
	return action == SCMP_ACT_KILL_PROCESS || action == SCMP_ACT_KILL_THREAD ||
	       action == SCMP_ACT_TRAP || (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

static int add_prologue(const struct rt_seccomp *sc, struct rt_filter *f, struct cps_err *err)
{
	struct sock_filter head[1 + 8 * ARCHES_MAX], *code;
	struct arch_limit limits[ARCHES_MAX];
	unsigned n = 0, nlimits, ends[ARCHES_MAX], i;

	nlimits = find_limits(sc, limits);
	if (nlimits == 0)
		return 0;
	head[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, arch));
	for (i = 0; i < nlimits; i++) {
		n += put_limit(head + n, &limits[i]);
		ends[i] = n - 1;
	}
	for (i = 0; i < nlimits; i++)
		head[ends[i]].k = n - ends[i] - 1;
	if (f->count + n > RT_FILTER_MAX)
		return cps_failx(err, E2BIG, "the program has %u instructions", f->count + n);
	code = malloc((f->count + n) * sizeof(*code));
	if (!code)
		return cps_fail(err, ENOMEM, "compile");
	memcpy(code, head, n * sizeof(*code));
	memcpy(code + n, f->code, f->count * sizeof(*code));
	free(f->code);
	f->code = code;
	f->count = (unsigned short)(f->count + n);
	return 0;
}

int rt_seccomp_translate(const struct rt_seccomp *sc, struct rt_filter *ret, struct rt_warn *warn,
			 struct cps_err *err)
{
	cleanup_context scmp_filter_ctx ctx = NULL;
	struct rt_filter filter = { NULL, 0, sc->flags };
	int rc;

	ctx = seccomp_init(sc->default_action);
	if (!ctx)
		return cps_failx(err, EINVAL,
				 "this kernel or libseccomp does not know the default action");
	rc = add_arches(ctx, sc, err);
	if (rc < 0)
		return rc;
	rc = add_rules(ctx, sc, warn, err);
	if (rc < 0)
		return rc;
	rc = export_code(ctx, &filter, err);
	if (rc < 0)
		return rc;
	if (is_denied(sc->default_action)) {
		rc = add_prologue(sc, &filter, err);
		if (rc < 0) {
			rt_filter_done(&filter);
			return rc;
		}
	}
	rt_filter_simplify(&filter);
	*ret = filter;
	return 0;
}
