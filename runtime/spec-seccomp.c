/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp: words into libseccomp's numbers. seccomp.c compiles what is read here.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#include "seccomp-words.h"

/* Words that this libseccomp may be too old for have no number. */
#define NO_NUMBER 0u

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1u << 5) /* Linux 5.19 */
#endif

#ifndef SCMP_ARCH_LOONGARCH64
#define SCMP_ARCH_LOONGARCH64 NO_NUMBER
#endif
#ifndef SCMP_ARCH_M68K
#define SCMP_ARCH_M68K NO_NUMBER
#endif
#ifndef SCMP_ARCH_SH
#define SCMP_ARCH_SH NO_NUMBER
#endif
#ifndef SCMP_ARCH_SHEB
#define SCMP_ARCH_SHEB NO_NUMBER
#endif

static const struct rt_spec_word arch_words[] = {
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
	{ "SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64 },
	{ "SCMP_ARCH_M68K", SCMP_ARCH_M68K },
	{ "SCMP_ARCH_SH", SCMP_ARCH_SH },
	{ "SCMP_ARCH_SHEB", SCMP_ARCH_SHEB },
	{ NULL, 0 },
};

static const struct rt_spec_word action_words[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
	{ NULL, 0 },
};

static const struct rt_spec_word op_words[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ NULL, 0 },
};

static const struct rt_spec_word flag_words[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	{ NULL, 0 },
};

const char *rt_seccomp_word(enum rt_seccomp_words kind, size_t i)
{
	static const struct rt_spec_word *const tables[] = {
		[RT_SECCOMP_ACTIONS] = action_words,
		[RT_SECCOMP_OPERATORS] = op_words,
		[RT_SECCOMP_ARCHES] = arch_words,
		[RT_SECCOMP_FLAGS] = flag_words,
	};

	for (const struct rt_spec_word *w = tables[kind]; w->name; w++) {
		bool honoured = kind == RT_SECCOMP_ACTIONS || w->number != NO_NUMBER;

		if (honoured && i-- == 0)
			return w->name;
	}
	return NULL;
}

#define MAX_ERRNO 4095 /* the kernel's; it cuts what is larger */

struct action { /* as written: the errno is folded in when both are known */
	bool given;
	uint32_t number;
	struct rt_u64 errno_ret;
};

static int parse_action(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct action *action = field;
	uint64_t number;
	int rc;

	(void)in;
	rc = rt_spec_word(node, action_words, "seccomp action", &number, err);
	if (rc < 0)
		return rc;
	action->given = true;
	action->number = (uint32_t)number;
	return 0;
}

static int parse_errno(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	struct action *action = field;

	(void)in;
	action->errno_ret.set = true;
	return cps_json_u64(node, MAX_ERRNO, &action->errno_ret.v, err);
}

/* node: the object that has both members, named for the error. */
static int fold_action(const struct cps_json *node, const char *errno_key,
		       const struct action *action, uint32_t *ret, struct cps_err *err)
{
	uint32_t value = action->errno_ret.set ? (uint32_t)action->errno_ret.v : EPERM;

	if (action->number == SCMP_ACT_ERRNO(0) || action->number == SCMP_ACT_TRACE(0))
		*ret = action->number | value;
	else if (action->errno_ret.set)
		return cps_json_fail(cps_json_get(node, errno_key), EINVAL, err,
				     "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take one");
	else
		*ret = action->number;
	return 0;
}

static int parse_op(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		    struct cps_err *err)
{
	uint64_t number;
	int rc;

	(void)in;
	rc = rt_spec_word(node, op_words, "seccomp operator", &number, err);
	if (rc < 0)
		return rc;
	*(int *)field = (int)number;
	return 0;
}

static int parse_index(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	uint64_t value;
	int rc;

	(void)in;
	rc = cps_json_u64(node, 5, &value, err);
	if (rc < 0)
		return rc;
	*(unsigned *)field = (unsigned)value;
	return 0;
}

static int parse_value(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	(void)in;
	return cps_json_u64(node, UINT64_MAX, field, err);
}

static const struct rt_spec_member arg_members[] = {
	{ "index", parse_index, offsetof(struct rt_seccomp_arg, index) },
	{ "value", parse_value, offsetof(struct rt_seccomp_arg, value) },
	{ "valueTwo", parse_value, offsetof(struct rt_seccomp_arg, value_two) },
	{ "op", parse_op, offsetof(struct rt_seccomp_arg, op) },
	{ NULL, NULL, 0 },
};

static int parse_arg(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		     struct cps_err *err)
{
	struct rt_seccomp_arg *arg = field;
	int rc;

	rc = rt_spec_object(in, node, arg_members, arg, err);
	if (rc < 0)
		return rc;
	if (arg->op == 0)
		return cps_json_fail(node, EINVAL, err, "'op' is missing");
	return 0;
}

struct rule {
	struct rt_seccomp_rule out;
	struct action action;
};

static int parse_args(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_seccomp_rule *rule = field;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_seccomp_arg), parse_arg, &rule->nargs, &v,
			   err);
	if (rc < 0)
		return rc;
	rule->args = v;
	return 0;
}

static const struct rt_spec_member rule_members[] = {
	{ "names", rt_spec_strs, offsetof(struct rule, out.names) },
	{ "action", parse_action, offsetof(struct rule, action) },
	{ "errnoRet", parse_errno, offsetof(struct rule, action) },
	{ "args", parse_args, offsetof(struct rule, out) },
	{ NULL, NULL, 0 },
};

static int parse_rule(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_seccomp_rule *out = field;
	struct rule rule;
	int rc;

	memset(&rule, 0, sizeof(rule));
	rc = rt_spec_object(in, node, rule_members, &rule, err);
	if (rc < 0)
		return rc;
	if (rule.out.names.n == 0)
		return cps_json_fail(node, EINVAL, err, "'names' is missing or empty");
	if (!rule.action.given)
		return cps_json_fail(node, EINVAL, err, "'action' is missing");
	*out = rule.out;
	return fold_action(node, "errnoRet", &rule.action, &out->action, err);
}

struct profile {
	struct rt_seccomp out;
	struct action action;
};

static int parse_rules(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	struct rt_seccomp *sc = field;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_seccomp_rule), parse_rule, &sc->nrules, &v,
			   err);
	if (rc < 0)
		return rc;
	sc->rules = v;
	return 0;
}

static int parse_arches(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_seccomp *sc = field;
	const struct cps_json *child;
	uint64_t number;
	uint32_t *arches;
	size_t n = 0;
	int rc;

	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	arches = cps_arena_array(in->arena, (size_t)node->count + 1, sizeof(*arches));
	if (!arches)
		return rt_spec_no_memory(node, err);
	for (child = node->first; child; child = child->next) {
		rc = rt_spec_word(child, arch_words, "seccomp architecture", &number, err);
		if (rc < 0)
			return rc;
		/* its calls will meet the filter's answer to foreign architectures */
		if (number == NO_NUMBER)
			rt_warn(in->warn,
				"linux.seccomp.architectures: this libseccomp does not know %s, "
				"ignoring",
				child->text);
		else
			arches[n++] = (uint32_t)number;
	}
	sc->narches = n;
	sc->arches = arches;
	return 0;
}

static int parse_flags(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	uint64_t flags;
	int rc;

	(void)in;
	rc = rt_spec_words(node, flag_words, "seccomp flag", &flags, err);
	if (rc < 0)
		return rc;
	*(uint32_t *)field = (uint32_t)flags;
	return 0;
}

static const struct rt_spec_member profile_members[] = {
	{ "defaultAction", parse_action, offsetof(struct profile, action) },
	{ "defaultErrnoRet", parse_errno, offsetof(struct profile, action) },
	{ "architectures", parse_arches, offsetof(struct profile, out) },
	{ "flags", parse_flags, offsetof(struct profile, out.flags) },
	{ "syscalls", parse_rules, offsetof(struct profile, out) },
	{ "listenerPath", rt_spec_str_some, offsetof(struct profile, out.listener_path) },
	{ "listenerMetadata", rt_spec_str_some, offsetof(struct profile, out.listener_metadata) },
	{ NULL, NULL, 0 },
};

/* Who answers for a call must be able to hear of it: not of all calls, nor of those by which
 * callers of every runtime hand the listener over. */
static int check_notify(const struct cps_json *node, struct rt_seccomp *sc, struct cps_err *err)
{
	for (size_t i = 0; i < sc->nrules; i++) {
		const struct rt_seccomp_rule *rule = &sc->rules[i];

		if (rule->action != SCMP_ACT_NOTIFY)
			continue;
		sc->notifies = true;
		for (size_t j = 0; j < rule->names.n; j++)
			if (strcmp(rule->names.v[j], "write") == 0)
				return cps_json_fail(node, EINVAL, err,
						     "SCMP_ACT_NOTIFY cannot be used for the write "
						     "syscall");
	}
	if (sc->notifies && !sc->listener_path)
		return cps_json_fail(node, EINVAL, err, "SCMP_ACT_NOTIFY needs a 'listenerPath'");
	if (sc->listener_metadata && !sc->listener_path)
		return cps_json_fail(cps_json_get(node, "listenerMetadata"), EINVAL, err,
				     "needs a 'listenerPath'");
	return 0;
}

/* The kernel takes flags about listeners only with one, and a listener not with TSYNC. That means
 * nothing to a process of one thread, which is who loads it. */
static uint32_t flags_for(const struct rt_seccomp *sc)
{
	uint32_t flags = sc->flags & ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC;

	return sc->notifies ? flags | (uint32_t)SECCOMP_FILTER_FLAG_NEW_LISTENER
			    : flags & ~(uint32_t)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

int rt_spec_seccomp(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		    struct cps_err *err)
{
	struct rt_seccomp *sc = field;
	struct profile profile;
	int rc;

	memset(&profile, 0, sizeof(profile));
	/* As with runc and crun: who says nothing is not made to pay for a mitigation that newer
	 * kernels (5.16) do not turn on by themselves either. An empty list is none. */
	profile.out.flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	rc = rt_spec_object(in, node, profile_members, &profile, err);
	if (rc < 0)
		return rc;
	if (!profile.action.given)
		return cps_json_fail(node, EINVAL, err, "'defaultAction' is missing");
	if (profile.action.number == SCMP_ACT_NOTIFY)
		return cps_json_fail(cps_json_get(node, "defaultAction"), EINVAL, err,
				     "SCMP_ACT_NOTIFY cannot be used as default action");
	rc = check_notify(node, &profile.out, err);
	if (rc < 0)
		return rc;
	*sc = profile.out;
	sc->set = true;
	sc->flags = flags_for(sc);
	sc->node = node;
	return fold_action(node, "defaultErrnoRet", &profile.action, &sc->default_action, err);
}
