/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device access on cgroup v2: the rules as a BPF program of type CGROUP_DEVICE on the container's
 * directory. The kernel hands it {access << 16 | type, major, minor}.
 *
 * The rules are tested from the last to the first. A register holds the accesses not yet allowed;
 * a rule that allows takes its own away, and when none is left the answer is yes; a rule that
 * denies one of them ends it with no. So "the last rule that matches decides" holds for r, w and m
 * each.
 */
#include <config.h>

#include "cgroup-devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup-impl.h"
#include "own.h"

enum {
	R_RESULT = BPF_REG_0,
	R_CTX = BPF_REG_1,
	R_TYPE = BPF_REG_2,
	R_ACCESS = BPF_REG_3, /* what is asked for and not allowed yet */
	R_MAJOR = BPF_REG_4,
	R_MINOR = BPF_REG_5,
};

#define PROLOGUE_INSNS 6
#define RULE_INSNS_MAX 8
#define EPILOGUE_INSNS 2

struct code {
	struct bpf_insn *v;
	size_t n;
};

static void emit(struct code *c, int op, int dst, int src, int off, int32_t imm)
{
	c->v[c->n++] = (struct bpf_insn){
		.code = (uint8_t)op,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void emit_load(struct code *c, int dst, size_t offset)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_W, dst, R_CTX, (int)offset, 0);
}

static void emit_return(struct code *c, bool allow)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, R_RESULT, 0, 0, allow);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int access_of(const struct rt_device_rule *r)
{
	return (r->read ? BPF_DEVCG_ACC_READ : 0) | (r->write ? BPF_DEVCG_ACC_WRITE : 0) |
	       (r->mknod ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* Jumps over the rule's body are filled in when its length is known. */
static void emit_rule(struct code *c, const struct rt_device_rule *r)
{
	const int not_equal = BPF_JMP | BPF_JNE | BPF_K;
	size_t start = c->n, body;

	emit(c, not_equal, R_TYPE, 0, 0, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major >= 0)
		emit(c, not_equal, R_MAJOR, 0, 0, (int32_t)r->major);
	if (r->minor >= 0)
		emit(c, not_equal, R_MINOR, 0, 0, (int32_t)r->minor);
	body = c->n;
	if (r->allow) {
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, R_ACCESS, 0, 0, ~access_of(r));
		emit(c, BPF_JMP | BPF_JNE | BPF_K, R_ACCESS, 0, 2, 0);
	} else {
		emit(c, BPF_ALU64 | BPF_MOV | BPF_X, R_RESULT, R_ACCESS, 0, 0);
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, R_RESULT, 0, 0, access_of(r));
		emit(c, BPF_JMP | BPF_JEQ | BPF_K, R_RESULT, 0, 2, 0);
	}
	emit_return(c, r->allow);
	for (size_t i = start; i < body; i++)
		c->v[i].off = (int16_t)(c->n - i - 1);
}

int rt_device_list_compile(struct cps_arena *a, const struct rt_device_list *list,
			   struct bpf_insn **ret_code, size_t *ret_count, struct cps_err *err)
{
	struct code c = { 0 };

	if (list->n > (BPF_MAXINSNS - PROLOGUE_INSNS - EPILOGUE_INSNS) / RULE_INSNS_MAX)
		return cps_failx(err, E2BIG, "linux.resources.devices: %zu rules are too many",
				 list->n);
	c.v = cps_arena_array(a, PROLOGUE_INSNS + EPILOGUE_INSNS + list->n * RULE_INSNS_MAX,
			      sizeof(*c.v));
	if (!c.v)
		return cps_fail(err, ENOMEM, "linux.resources.devices");
	emit_load(&c, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0, 0);
	emit(&c, BPF_ALU64 | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	emit(&c, BPF_ALU64 | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16);
	emit_load(&c, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&c, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = list->n; i-- > 0;) {
		const struct rt_device_rule *r = &list->v[i];

		/* such a number would be taken for a negative one; no device has it */
		if (r->major <= INT32_MAX && r->minor <= INT32_MAX)
			emit_rule(&c, r);
	}
	emit_return(&c, list->allow_rest);
	*ret_code = c.v;
	*ret_count = c.n;
	return 0;
}

/* -- bpf(2) --------------------------------------------------------------------------------- */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int program_load(const struct bpf_insn *code, size_t count, struct cps_err *err)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = (uint32_t)count;
	attr.license =
		(uint64_t)(uintptr_t) "Apache-2.0"; /* we call no helper that asks for another */
	memcpy(attr.prog_name, "capsule_dev", sizeof("capsule_dev"));
	fd = sys_bpf(BPF_PROG_LOAD, &attr); /* close-on-exec by itself */
	return fd < 0 ? cps_fail(err, errno, "load the device filter (bpf)") : fd;
}

#define OLD_MAX 64 /* what the kernel lets be attached to a group */

/* Ids of programs attached to the directory itself; those of parents stay in force anyway. */
static unsigned programs_query(int dir, uint32_t ids[OLD_MAX])
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dir;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = OLD_MAX;
	return sys_bpf(BPF_PROG_QUERY, &attr) < 0 ? 0 : attr.query.prog_cnt;
}

static int program_detach(int dir, uint32_t id, struct cps_err *err)
{
	union bpf_attr attr;
	cleanup_fd int prog = -1;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	prog = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (prog < 0)
		return errno == ENOENT ? 0
				       : cps_fail(err, errno, "open the old device filter (bpf)");
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dir;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (sys_bpf(BPF_PROG_DETACH, &attr) < 0)
		return cps_fail(err, errno, "detach the old device filter (bpf)");
	return 0;
}

/* The new one first, then the old ones go: at no time is the group without a filter. All that are
 * attached must agree, so an old one left there would go on denying. */
static int program_attach(int dir, int prog, struct cps_err *err)
{
	uint32_t old[OLD_MAX];
	unsigned nold = programs_query(dir, old);
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dir;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (sys_bpf(BPF_PROG_ATTACH, &attr) < 0)
		return cps_fail(err, errno, "attach the device filter (bpf)");
	for (unsigned i = 0; i < nold; i++) {
		int rc = program_detach(dir, old[i], err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int rt_cgroup_v2_devices(const struct rt_cgroup *cg, const struct rt_resources *res,
			 struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_fd int dir = -1, prog = -1;
	char path[RT_CGROUP_FILE];
	struct rt_device_list list = { 0 };
	struct bpf_insn *code = NULL;
	size_t count = 0;
	int rc;

	rc = rt_device_list_build(&arena, res, &list, err);
	if (rc == 0)
		rc = rt_device_list_compile(&arena, &list, &code, &count, err);
	if (rc < 0)
		return rc;
	dir = open(rt_cgroup_file(&cg->dirs[0], NULL, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cps_fail(err, errno, "open '%s'", path);
	prog = program_load(code, count, err);
	if (prog < 0)
		return prog;
	rc = program_attach(dir, prog, err);
	return rc < 0 ? cps_wrap(err, rc, "cgroup '%s'", path) : 0;
}
