/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts and sysctls that cannot be: refused, with words that name the place.
 */
#include <config.h>
#include "unit.h"
#include "box.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct box b;
static struct cps_err err;

START_TEST(without_a_mount_namespace)
{
	box_init(&b);
	b.spec.ns[RT_NS_MOUNT].wanted = false;
	ck_assert_err(box_run(&b, &err), EINVAL, err, "mounts: needs a new mount namespace");
	b.spec.nmounts = 0;
	ck_assert_ok(box_run(&b, &err), err); /* a chroot */
}
END_TEST

/* The errors name the mount and what is wrong with it. */
START_TEST(bad_mounts)
{
	static const struct {
		const char *destination, *type, *source;
		const char *option;
		int num;
		const char *what;
	} bad[] = {
		{ "/d", "bind", "/tmp/none", "bind", ENOENT, "/d: bind '/tmp/none'" },
		{ "/d", "bind", NULL, "bind", EINVAL, "needs a source" },
		{ "/d", NULL, NULL, "ro", EINVAL, "neither a type" },
		{ "/d", "nosuchfs", "x", "ro", ENODEV, "no file system 'nosuchfs'" },
		{ "/d", "tmpfs", "x", "nonsense=1", EINVAL, "nonsense" },
		{ "/d", "tmpfs", "x", "size=abc", EINVAL, "size" },
		{ "/bin/sh", "bind", "/tmp/host", "bind", ENOTDIR, "not a directory" },
		{ "/bin", "bind", "/tmp/host/file", "bind", EISDIR, "a directory" },
		{ "/bin/sh/x", "tmpfs", "x", "ro", ENOTDIR, "/bin/sh/x" },
		{ "/", "bind", "/tmp/host/file", "bind", EISDIR, "a directory" },
		{ "/proc", "tmpfs", "x", "ro", EPERM, "only procfs" },
		{ "/proc/sys", "tmpfs", "x", "ro", EPERM, "inside /proc" },
		{ "/proc/self/attr", "bind", "/tmp/host", "bind", EPERM, "inside /proc" },
		{ "/link/sys", "bind", "/tmp/host", "bind", EPERM, "inside /proc" },
		{ "/proc/keys", "bind", "/tmp/host/file", "bind", EPERM, "inside /proc" },
	};

	box_init(&b);
	box_sh("ln -s proc /tmp/root/link");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct cps_err){ 0 };
		box_mount(&b, bad[i].destination, bad[i].type, bad[i].source, NAMES(bad[i].option));
		ck_assert_err(box_run(&b, &err), bad[i].num, err, bad[i].what);
		ck_assert_ptr_nonnull(strstr(err.msg, bad[i].destination));
		b.spec.nmounts--;
	}
	/* what lxcfs does is allowed */
	box_mount(&b, "/proc/meminfo", "bind", "/tmp/host/file", NAMES("bind"));
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

START_TEST(foreign_sysctls)
{
	static const struct rt_key_value sysctl[] = { { "net.ipv4.ip_forward", "1" } };

	box_init(&b);
	b.spec.sysctl = sysctl;
	b.spec.nsysctl = 1;
	b.spec.ns[RT_NS_NET].path = "/proc/self/ns/net"; /* ours by another name */
	ck_assert_err(box_run(&b, &err), EPERM, err, "net.ipv4.ip_forward");
	b.spec.ns[RT_NS_NET] = (struct rt_namespace){ false, NULL };
	ck_assert_err(box_run(&b, &err), EPERM, err, "net.ipv4.ip_forward");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_a_mount_namespace,
		bad_mounts,
		foreign_sysctls,
		NULL,
	};

	if (!box_possible()) {
		puts("1..0 # SKIP needs root and busybox");
		return 0;
	}
	return unit_main("rootfs-bad", tests);
}
