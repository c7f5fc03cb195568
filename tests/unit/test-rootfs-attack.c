/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile images: every special path as everything that it should not be, and trees that change
 * while they are worked in. What must hold each time (box_run checks it): nothing outside the root
 * changes, nothing is mounted outside, nothing hangs.
 */
#include <config.h>
#include "unit.h"
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "own.h"

#define RACES 250

static struct box b;
static struct cps_err err;

static const char *const bind_options[] = { "rbind", "nosuid", "noexec", NULL };
static const char *const no_options[] = { NULL };

/* What the image has in place of a path; $P is the path. */
static const struct {
	const char *name, *command;
} shapes[] = {
	{ "absolute symlink out", "ln -s /tmp/outside/dir $P" },
	{ "relative symlink out", "ln -s ../../../../../../tmp/outside/dir $P" },
	{ "symlink to a file outside", "ln -s ../../../../../../tmp/outside/file $P" },
	{ "symlink to a FIFO outside", "ln -s ../../../../../../tmp/outside/fifo $P" },
	{ "symlink to a device outside", "ln -s ../../../../../../tmp/outside/null $P" },
	{ "symlink to nothing outside", "ln -s ../../../../../../tmp/outside/new $P" },
	{ "symlink to /proc", "ln -s /proc $P" },
	{ "symlink to a magic link", "ln -s /proc/self/root $P" },
	{ "symlink to the host's cwd", "ln -s /proc/self/cwd $P" },
	{ "loop", "ln -s loop $P; ln -s loop root/loop" },
	{ "FIFO", "mkfifo $P" },
	{ "device", "mknod $P c 1 8" },
	{ "block device", "mknod $P b 7 200" },
	{ "file", "echo x >$P" },
	{ "directory", "mkdir -p $P/below" },
	{ "socket", "busybox nc -lU $P & sleep 0.02; kill $!" },
};

static const char *const paths[] = {
	"proc",	    "sys",	   "dev",	   "dev/pts", "dev/shm",  "dev/null",
	"dev/ptmx", "dev/console", "dev/pts/ptmx", "data",    "data/sub", "data/file",
	"work",	    "work/dir",	   "secret",	   "lib/x/y",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void image(const char *path, const char *command)
{
	char script[512];

	(void)snprintf(script, sizeof(script),
		       "cd /tmp && rm -rf root && mkdir -p root/bin && P=root/%s && "
		       "(mkdir -p $(dirname $P) && %s) 2>/dev/null; chown -hR %d root",
		       path, command, b.spec.ns[RT_NS_USER].wanted ? 100000 : 0);
	box_sh(script);
}

/* The container sees itself, whatever the image tried. */
static void inside(struct rt_rootfs *r)
{
	char cwd[4096];

	(void)r;
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	ck_assert_int_eq(cwd[0], '/');
	ck_assert_str_ne(box_read("/tmp/outside/dir/file"), "canary\n");
	ck_assert_str_ne(box_read("/file"), "canary\n");
}

static void setup(bool with_dev)
{
	static const struct rt_device device = { 'c', "/lib/x/y", 1, 3, 0666, 5, 5 };
	static const char *secret[] = { "/secret", "/data/file", NULL };

	box_init(&b);
	if (!with_dev) /* the image's own /dev */
		b.mounts[1] = b.mounts[4], b.mounts[2] = b.mounts[0], b.spec.nmounts = 3;
	box_mount(&b, "/data", "bind", "/tmp/host", bind_options);
	box_mount(&b, "/data/sub", "tmpfs", "tmpfs", no_options);
	box_mount(&b, "/data/file", "bind", "/tmp/host/file", bind_options);
	b.spec.devices = &device;
	b.spec.ndevices = 1;
	b.spec.process.cwd = "/work/dir";
	b.spec.masked_paths = (struct rt_strs){ 2, secret };
	b.spec.readonly_paths = (struct rt_strs){ 2, secret };
	b.spec.process.terminal = b.terminal = true;
	b.inside = inside;
}

/* One image; returns whether the container could be made of it. */
static bool attack(const char *path, const char *name, const char *command)
{
	image(path, command);
	err = (struct cps_err){ 0 };
	if (getenv("BOX_VERBOSE"))
		fprintf(stderr, "%s as %s: ", path, name);
	if (box_run(&b, &err) < 0)
		ck_assert_msg(err.msg[0], "%s as %s: no message", path, name);
	if (getenv("BOX_VERBOSE"))
		fprintf(stderr, "%s\n", err.num ? err.msg : "made");
	return err.num == 0;
}

/* Most are harmless, since a symlink ends within the root, and what is there is covered. */
static void all_shapes(unsigned wanted)
{
	unsigned made = 0;

	b.quick = true;
	for (size_t p = 0; p < COUNT(paths); p++) {
		char *before = box_census(), *after;

		for (size_t s = 0; s < COUNT(shapes); s++)
			made += attack(paths[p], shapes[s].name, shapes[s].command);
		after = box_census();
		box_unchanged(before, after);
		free(before);
		free(after);
	}
	ck_assert_uint_gt(made, wanted);
}

START_TEST(special_paths)
{
	setup(true);
	all_shapes(100);
}
END_TEST

START_TEST(special_paths_with_the_images_dev)
{
	setup(false);
	b.terminal = false;
	all_shapes(100);
}
END_TEST

START_TEST(special_paths_in_a_user_namespace)
{
	setup(true);
	box_user_namespace(&b);
	b.spec.ndevices = 0; /* the host has no such device to bind */
	box_sh("chmod 777 /tmp");
	all_shapes(100);
}
END_TEST

START_TEST(proc_is_not_a_symlink)
{
	setup(true);
	image("proc", "ln -s /tmp/outside/dir $P");
	ck_assert_err(box_run(&b, &err), ELOOP, err, "ordinary directory");
	image("sys", "ln -s /etc $P");
	ck_assert_err(box_run(&b, &err), ELOOP, err, "ordinary directory");
}
END_TEST

/* CVE-2019-16884 and its like: what is written to procfs goes to the kernel's, whatever the image
 * has there. */
static void kernel_has_it(struct rt_rootfs *r)
{
	char value[16] = { 0 };
	int fd = openat(r->proc_fd, "sys/kernel/msgmax", O_RDONLY | O_CLOEXEC);

	ck_assert_int_gt(read(fd, value, sizeof(value) - 1), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_str_eq(value, "9000\n");
	ck_assert_str_eq(box_read("/proc/sys/kernel/msgmax"), "fake\n");
}

START_TEST(sysctls_do_not_go_to_a_fake_proc)
{
	static const struct rt_key_value sysctl = { "kernel.msgmax", "9000" };

	box_init(&b);
	b.mounts[0] = b.mounts[1]; /* no procfs in the tree */
	box_sh("mkdir -p /tmp/root/proc/sys/kernel && echo fake >/tmp/root/proc/sys/kernel/msgmax");
	b.spec.sysctl = &sysctl;
	b.spec.nsysctl = 1;
	b.inside = kernel_has_it;
	ck_assert_ok(box_run(&b, &err), err);
	box_user_namespace(&b);
	box_sh("chown -R 100000:100000 /tmp/root");
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

/* CVE-2025-31133: what covers a masked path is the null device and nothing else. */
static void null_swap(struct rt_rootfs *r)
{
	cps_close(&r->dev_fd); /* as if /dev were not our own tmpfs */
	ck_assert_int_eq(unlinkat(r->root_fd, "dev/null", 0), 0);
	ck_assert_int_eq(symlinkat("/proc/sys/kernel/core_pattern", r->root_fd, "dev/null"), 0);
}

START_TEST(null_is_the_null_device)
{
	static const char *masked[] = { "/proc/keys", NULL };

	box_init(&b);
	b.spec.masked_paths = (struct rt_strs){ 1, masked };
	b.before_pivot = null_swap;
	ck_assert_err(box_run(&b, &err), EPERM, err, "not the null device");
}
END_TEST

static void ptmx_swap(struct rt_rootfs *r)
{
	cps_close(&r->pts_fd);
	ck_assert_int_eq(mkdirat(r->root_fd, "dev/fake", 0755), 0);
	ck_assert_int_eq(mknodat(r->root_fd, "dev/fake/ptmx", S_IFCHR | 0666, 5 << 8 | 2), 0);
	ck_assert_int_eq(mount("/tmp/root/dev/fake", "/tmp/root/dev/pts", NULL, MS_BIND, NULL), 0);
}

START_TEST(ptmx_is_a_devpts)
{
	box_init(&b);
	b.spec.process.terminal = b.terminal = true;
	b.before_pivot = ptmx_swap;
	ck_assert_err(box_run(&b, &err), EPERM, err, "ptmx");
}
END_TEST

/* CVE-2024-21626: a working directory by way of a descriptor of the host's. */
START_TEST(cwd_through_a_descriptor)
{
	int fd = open("/tmp", O_PATH | O_DIRECTORY); /* leaked into the container, on purpose */
	char cwd[64], command[128];

	box_init(&b);
	ck_assert_int_ge(fd, 0);
	(void)snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
	b.spec.process.cwd = cwd;
	ck_assert_int_lt(box_run(&b, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "working directory"));
	(void)snprintf(command, sizeof(command), "ln -s %s /tmp/root/home/link", cwd);
	box_sh(command);
	b.spec.process.cwd = "/home/link";
	ck_assert_int_lt(box_run(&b, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "working directory"));
}
END_TEST

/* And if we stood outside by whatever way, the last check would see it. */
START_TEST(cwd_is_checked)
{
	pid_t pid;
	int status;

	box_init(&b);
	pid = fork();
	if (pid == 0) {
		int out = open("/tmp/outside", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (out < 0 || chroot("/tmp/root") < 0 || fchdir(out) < 0)
			_exit(1);
		/* "." is outside of the root: resolved from the root it is the root itself */
		if (rt_cwd_enter("/", true, &err) < 0 ||
		    strcmp(getcwd((char[64]){ 0 }, 64), "/") != 0)
			_exit(2);
		_exit(rt_cwd_enter("relative", true, &err) == -EINVAL ? 0 : 3);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- races --------------------------------------------------------------------------------------
 */

/* Exchanges two names for as long as it lives. */
static pid_t swapper(const char *a, const char *c)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	while (pid == 0) {
		(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, c, 2 /* RENAME_EXCHANGE */);
		if (getppid() == 1)
			_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Before the pivot, every mount that is not the host's is below the root. */
static void all_below(struct rt_rootfs *r)
{
	char *text = (char *)(uintptr_t)box_read("/proc/self/mountinfo");
	char *save = NULL;
	bool seen = false;

	(void)r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char at[512];

		if (sscanf(line, "%*s %*s %*s %*s %511s", at) != 1)
			continue;
		if (strcmp(at, "/tmp/root") == 0)
			seen = true;
		else if (seen)
			ck_assert_msg(strncmp(at, "/tmp/root/", 10) == 0, "mounted at %s", at);
	}
	ck_assert(seen);
}

/* A directory that is a mount point's parent, and a symlink out of the root, change places. */
static void race(const char *make, const char *good, const char *evil, unsigned *ret_made)
{
	char *before, *after;
	pid_t pid;

	b.before_pivot = all_below;
	b.quick = true;
	box_sh(make);
	before = box_census();
	pid = swapper(good, evil);
	*ret_made = 0;
	for (int i = 0; i < RACES; i++) {
		err = (struct cps_err){ 0 };
		*ret_made += box_run(&b, &err) == 0;
	}
	end(pid);
	after = box_census();
	box_unchanged(before, after);
	free(before);
	free(after);
}

START_TEST(a_destination_that_is_swapped)
{
	unsigned made;

	box_init(&b);
	b.mounts[0] = (struct rt_mount){ "/vol/data", "bind", "/tmp/host",
					 .options = { 3, (const char **)(uintptr_t)bind_options } };
	b.mounts[1] =
		(struct rt_mount){ "/vol/data/deep/x", "tmpfs", "tmpfs", .options = { 0, NULL } };
	b.mounts[2] = (struct rt_mount){ "/vol/new/file", "bind", "/tmp/host/file",
					 .options = { 1, (const char **)(uintptr_t)bind_options } };
	b.spec.nmounts = 3;
	b.spec.process.cwd = "/vol/data";
	race("mkdir -p /tmp/host/deep/x /tmp/root/vol/data && ln -s ../../../../tmp/outside/dir "
	     "/tmp/root/evil",
	     "/tmp/root/vol", "/tmp/root/evil", &made);
	ck_assert_uint_gt(made, 0); /* else the race was not one */
}
END_TEST

START_TEST(a_mount_point_that_is_swapped)
{
	unsigned made;

	box_init(&b);
	b.mounts[0] = (struct rt_mount){ "/vol/data", "bind", "/tmp/host",
					 .options = { 3, (const char **)(uintptr_t)bind_options } };
	b.mounts[1] =
		(struct rt_mount){ "/vol/data/deep/x", "tmpfs", "tmpfs", .options = { 0, NULL } };
	b.spec.nmounts = 2;
	race("mkdir -p /tmp/host/deep/x /tmp/root/vol/data && ln -s /tmp/outside/dir "
	     "/tmp/root/vol/evil",
	     "/tmp/root/vol/data", "/tmp/root/vol/evil", &made);
	ck_assert_uint_gt(made, 0);
}
END_TEST

/* The image's own /dev (no tmpfs over it), its null and its console. */
START_TEST(devices_that_are_swapped)
{
	static const char *masked[] = { "/proc/keys", "/bin/sh", NULL };
	unsigned made;

	box_init(&b);
	b.spec.nmounts = 1; /* proc */
	b.spec.masked_paths = (struct rt_strs){ 2, masked };
	race("cd /tmp/root/dev && mknod -m 666 null c 1 3 && ln -s ../../outside/file evil",
	     "/tmp/root/dev/null", "/tmp/root/dev/evil", &made);
	race("cd /tmp/root && ln -s ../outside/dev evil2", "/tmp/root/dev", "/tmp/root/evil2",
	     &made);
}
END_TEST

START_TEST(a_working_directory_that_is_swapped)
{
	unsigned made;

	box_init(&b);
	b.spec.nmounts = 1;
	b.spec.process.cwd = "/work/dir/deep";
	b.inside = inside;
	race("cd /tmp/root && mkdir -p work/dir && ln -s ../../../../../tmp/outside/dir work/evil",
	     "/tmp/root/work/dir", "/tmp/root/work/evil", &made);
	ck_assert_uint_gt(made, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		special_paths,
		special_paths_with_the_images_dev,
		special_paths_in_a_user_namespace,
		proc_is_not_a_symlink,
		sysctls_do_not_go_to_a_fake_proc,
		null_is_the_null_device,
		ptmx_is_a_devpts,
		cwd_through_a_descriptor,
		cwd_is_checked,
		a_destination_that_is_swapped,
		a_mount_point_that_is_swapped,
		devices_that_are_swapped,
		a_working_directory_that_is_swapped,
		NULL,
	};

	if (!box_possible()) {
		puts("1..0 # SKIP needs root and busybox");
		return 0;
	}
	return unit_main("rootfs-attack", tests);
}
