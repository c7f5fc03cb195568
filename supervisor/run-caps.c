/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities of a container: fourteen by default (Docker's), more or fewer as asked for.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

#define CAPS   (sizeof(names) / sizeof(names[0]))
#define BIT(c) (UINT64_C(1) << (c))
#define ALL    (BIT(CAPS) - 1)

static const uint64_t usual = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) |
			      BIT(CAP_FOWNER) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) |
			      BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) |
			      BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) |
			      BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);

const char *sup_cap_name(unsigned number)
{
	return number < CAPS ? names[number] : NULL;
}

/* "CAP_CHOWN", "chown", "ALL" */
static int cap_parse(const char *option, const char *text, uint64_t *ret, struct cps_err *err)
{
	const char *bare = strncasecmp(text, "CAP_", 4) == 0 ? text + 4 : text;

	if (strcasecmp(text, "ALL") == 0) {
		*ret = ALL;
		return 0;
	}
	for (size_t i = 0; i < CAPS; i++)
		if (strcasecmp(names[i] + 4, bare) == 0) {
			*ret = BIT(i);
			return 0;
		}
	return cps_failx(err, EINVAL, "%s: no such capability: '%.40s'", option, text);
}

static int list_parse(const char *option, const struct cps_opt_list *list, uint64_t *ret,
		      struct cps_err *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < list->count; i++) {
		uint64_t bits = 0;

		rc = cap_parse(option, list->values[i], &bits, err);
		*ret |= bits;
	}
	return rc;
}

/* "Drop ALL, add one" is that one, "add ALL, drop one" all others, whatever their order. */
int sup_plan_caps(struct sup_plan *p, struct cps_err *err)
{
	uint64_t add = 0, drop = 0;
	int rc = list_parse("--cap-add", &p->run->cap_add, &add, err);

	if (rc == 0)
		rc = list_parse("--cap-drop", &p->run->cap_drop, &drop, err);
	if (rc < 0)
		return rc;
	if (p->run->privileged)
		p->caps = ALL;
	else if (add == ALL)
		p->caps = ALL & ~drop;
	else if (drop == ALL)
		p->caps = add;
	else
		p->caps = (usual & ~drop) | (add & ~drop);
	return 0;
}
