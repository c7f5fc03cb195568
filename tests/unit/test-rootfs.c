/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's file tree as it should be: what is mounted where, devices, masks, sysctls, the
 * terminal, propagation. As root, in namespaces of the test's own.
 */
#include <config.h>
#include "unit.h"
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd-send.h"
#include "own.h"

static struct box b;
static struct cps_err err;

#define STRS(...)                                                                          \
	{                                                                                  \
		sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]) \
		{                                                                          \
			__VA_ARGS__, NULL                                                  \
		}                                                                          \
	}

static void ck_mount(const char *path, const char *part)
{
	const char *line = box_mount_line(path);

	ck_assert_msg(line && strstr(line, part), "%s: '%s' not in '%s'", path, part,
		      line ? line : "(none)");
}

static void ck_node(const char *path, mode_t mode, unsigned maj, unsigned min)
{
	struct stat st;

	ck_assert_msg(lstat(path, &st) == 0, "%s", path);
	ck_assert_msg(st.st_mode == mode && st.st_rdev == makedev(maj, min), "%s: %o %u:%u", path,
		      st.st_mode, major(st.st_rdev), minor(st.st_rdev));
}

static void ck_link(const char *path, const char *target)
{
	char text[256] = { 0 };

	ck_assert_msg(readlink(path, text, sizeof(text) - 1) > 0, "%s", path);
	ck_assert_str_eq(text, target);
}

static bool can_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		ck_assert_int_eq(close(fd), 0);
	return fd >= 0;
}

static void defaults_inside(struct rt_rootfs *r)
{
	struct stat st;

	ck_mount("/proc", "proc proc");
	ck_mount("/dev", "rw,nosuid");
	ck_mount("/dev/pts", "gid=5,mode=620,ptmxmode=666");
	ck_mount("/dev/shm", "rw,nosuid,nodev,noexec");
	ck_mount("/sys", "ro,nosuid,nodev,noexec");
	ck_node("/dev/null", S_IFCHR | 0666, 1, 3);
	ck_node("/dev/zero", S_IFCHR | 0666, 1, 5);
	ck_node("/dev/full", S_IFCHR | 0666, 1, 7);
	ck_node("/dev/random", S_IFCHR | 0666, 1, 8);
	ck_node("/dev/urandom", S_IFCHR | 0666, 1, 9);
	ck_node("/dev/tty", S_IFCHR | 0666, 5, 0);
	ck_node("/dev/custom", S_IFCHR | 0640, 1, 3);
	ck_assert_int_eq(stat("/dev/custom", &st), 0);
	ck_assert_uint_eq(st.st_uid, 12);
	ck_assert_uint_eq(st.st_gid, 34);
	ck_node("/dev/sub/pipe", S_IFIFO | 0600, 0, 0);
	ck_link("/dev/ptmx", "pts/ptmx");
	ck_link("/dev/fd", "/proc/self/fd");
	ck_link("/dev/stdin", "/proc/self/fd/0");
	ck_link("/dev/stdout", "/proc/self/fd/1");
	ck_link("/dev/stderr", "/proc/self/fd/2");
	/* the old root is gone, and the working directory is made and ours */
	ck_assert_int_ne(access("/tmp/outside", F_OK), 0);
	ck_assert_str_eq(getcwd((char[64]){ 0 }, 64), "/home/new/dir");
	ck_assert_int_eq(stat(".", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0755);
	ck_assert_int_ge(r->proc_fd, 0);
	ck_assert(can_write("/home/file"));
}

START_TEST(the_default_tree)
{
	static const struct rt_device devices[] = {
		{ 'c', "/dev/custom", 1, 3, 0640, 12, 34 },
		{ 'p', "/dev/sub/pipe", 0, 0, 0600, 0, 0 },
	};

	box_init(&b);
	b.spec.devices = devices;
	b.spec.ndevices = 2;
	b.spec.process.cwd = "/home/new/dir";
	b.inside = defaults_inside;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

static void users_inside(struct rt_rootfs *r)
{
	struct stat st;

	(void)r;
	ck_mount("/dev/null", "devtmpfs");
	ck_assert_int_eq(stat("/dev/zero", &st), 0);
	ck_assert_uint_eq(st.st_rdev, makedev(1, 5));
	ck_mount("/dev/pts", "mode=620");
	ck_assert_ptr_null(strstr(box_mount_line("/dev/pts"), "gid=5,"));
	ck_mount("/sys", "ro,");
	ck_assert_str_eq(box_read("/host/file"), "host\n");
	/* what the host forbids stays forbidden: the flag is locked */
	ck_mount("/host", "ro,");
	ck_assert_int_eq(mount(NULL, "/host", NULL, MS_REMOUNT | MS_BIND, NULL), -1);
	ck_assert_int_eq(errno, EPERM);
}

START_TEST(in_a_user_namespace)
{
	box_init(&b);
	box_user_namespace(&b);
	b.map.size = 5; /* group 5 has no number in it */
	box_sh("mount --bind /tmp/host /tmp/host && mount -o remount,bind,ro /tmp/host");
	box_sh("chown -R 100000:100000 /tmp/root");
	box_mount(&b, "/host", "bind", "/tmp/host", NAMES("rbind"));
	b.inside = users_inside;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

static void unreachable_inside(struct rt_rootfs *r)
{
	(void)r;
	ck_assert_str_eq(box_read("/host/file"), "host\n");
	ck_assert_ptr_nonnull(box_mount_line("/proc"));
	ck_assert_int_ne(access("/tmp/outside", F_OK), 0);
}

/* Root and source lie in a directory that the user namespace's root may not enter. */
START_TEST(in_a_user_namespace_by_no_path)
{
	box_init(&b);
	box_user_namespace(&b);
	box_sh("cd /tmp && chown -R 100000:100000 root && mkdir -m 700 locked && chown 7 locked && "
	       "mv root host locked/");
	b.spec.root_path = "/tmp/locked/root";
	box_mount(&b, "/host", "bind", "/tmp/locked/host", NAMES("bind"));
	b.inside = unreachable_inside;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

static void binds_inside(struct rt_rootfs *r)
{
	(void)r;
	ck_assert_str_eq(box_read("/made/for/dir/file"), "host\n");
	ck_assert_str_eq(box_read("/made/for/file"), "host\n");
	ck_mount("/made/for/dir", "ro,");
	ck_assert(!can_write("/made/for/dir/x"));
	/* ro is of the one mount, rro of all below it */
	ck_mount("/made/for/dir/data/sub", "rw,");
	ck_mount("/deep/data/sub", "ro,nosuid");
	ck_mount("/deep", "ro,nosuid");
	/* bind, not rbind: what is mounted below is not seen */
	ck_assert_ptr_null(box_mount_line("/flat/data/sub"));
	ck_assert_ptr_null(strstr(box_mount_line("/deep"), "master:"));
	ck_assert_ptr_null(strstr(box_mount_line("/deep"), "shared:"));
	ck_assert_ptr_nonnull(strstr(box_mount_line("/flat"), "master:"));
	ck_mount("/remounted", "ro,nosuid,nodev,noexec");
	/* /etc/resolv.conf's dangling symlink stands for its target */
	ck_assert_str_eq(box_read("/run/systemd/resolv.conf"), "host\n");
	ck_assert_str_eq(box_read("/etc/resolv.conf"), "host\n");
}

START_TEST(binds)
{
	box_init(&b);
	box_sh("cd /tmp && mount --bind host host && mount --make-shared host && mount -t tmpfs t "
	       "host/data/sub");
	box_sh("cd /tmp/root && ln -s ../run/systemd/resolv.conf etc/resolv.conf && mkdir var && "
	       "ln -s /run var/run");
	box_mount(&b, "/made/for/dir", "bind", "/tmp/host", NAMES("rbind", "ro"));
	box_mount(&b, "/made//for/./file/", NULL, "/tmp/host/file", NAMES("bind"));
	box_mount(&b, "/deep", "rbind", "/tmp/host", NAMES("rro", "rnosuid", "rprivate"));
	box_mount(&b, "/flat", "none", "/tmp/host", NAMES("bind", "rw"));
	box_mount(&b, "/remounted", "tmpfs", "tmpfs", NAMES("noexec"));
	box_mount(&b, "/remounted", NULL, NULL, NAMES("remount", "bind", "ro", "nosuid", "nodev"));
	box_mount(&b, "/etc/resolv.conf", "bind", "/tmp/host/file", NAMES("bind"));
	b.inside = binds_inside;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

START_TEST(var_run_symlink)
{
	box_init(&b);
	box_sh("cd /tmp/root && mkdir var && ln -s ../run var/run");
	box_mount(&b, "/var/run/x", "bind", "/tmp/host", NAMES("bind"));
	ck_assert_ok(box_run(&b, &err), err);
	box_sh("test -d /tmp/root/run/x");
}
END_TEST

static void tmpfs_inside(struct rt_rootfs *r)
{
	struct stat st;

	(void)r;
	ck_assert_int_eq(stat("/scratch", &st), 0); /* the mode of the directory it covers */
	ck_assert_uint_eq(st.st_mode & 07777, 01770);
	ck_assert_int_eq(stat("/new", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 01777);
	ck_mount("/ro", "ro,"); /* only when what lies in it had been made */
	ck_assert_str_eq(box_read("/ro/in/file"), "host\n");
	ck_assert(!can_write("/ro/x"));
	ck_mount("/dev", "ro,nosuid");
	ck_assert_int_eq(access("/dev/null", W_OK), 0);
	ck_mount("/over", "lowerdir=/tmp/host,upperdir=/tmp/up,workdir=/tmp/work");
	ck_assert(can_write("/over/file"));
}

START_TEST(tmpfs_and_overlay)
{
	static const char *const dev[] = { "nosuid", "ro", "mode=755", NULL };

	box_init(&b);
	box_sh("mkdir -m 1770 /tmp/root/scratch; mkdir /tmp/up /tmp/work; chmod 1770 "
	       "/tmp/root/scratch");
	b.mounts[1].options = (struct rt_strs){ 3, (const char **)(uintptr_t)dev };
	box_mount(&b, "/scratch", "tmpfs", "tmpfs", NAMES("size=1m"));
	box_mount(&b, "/new", "tmpfs", "tmpfs", NAMES("size=1m"));
	box_mount(&b, "/ro", "tmpfs", "tmpfs", NAMES("ro"));
	box_mount(&b, "/ro/in", "bind", "/tmp/host", NAMES("bind"));
	box_mount(&b, "/over", "overlay", "overlay",
		  NAMES("lowerdir=/tmp/host", "upperdir=/tmp/up", "workdir=/tmp/work", "rprivate"));
	b.inside = tmpfs_inside;
	ck_assert_ok(box_run(&b, &err), err);
	ck_assert_str_eq(box_read("/tmp/host/file"), "host\n");
}
END_TEST

static void masks_inside(struct rt_rootfs *r)
{
	struct stat st;

	(void)r;
	ck_assert_int_eq(stat("/proc/keys", &st), 0);
	ck_assert(S_ISCHR(st.st_mode));
	ck_assert_str_eq(box_read("/proc/timer_list"), "");
	ck_assert_str_eq(box_read("/secret/file"), "");
	ck_assert_int_ne(access("/secret/dir/file", F_OK), 0);
	ck_mount("/secret/dir", "ro,");
	ck_mount("/secret/dir2", "ro,");
	ck_assert(!can_write("/secret/dir/x"));
	ck_mount("/proc/sys", "ro,");
	ck_assert_int_eq(open("/proc/sys/kernel/msgmax", O_WRONLY | O_CLOEXEC), -1);
	ck_assert_int_eq(errno, EROFS);
	ck_assert_str_eq(box_read("/proc/sys/kernel/msgmax"), "9000\n");
	ck_assert_str_eq(box_read("/proc/sys/net/ipv4/ip_forward"), "1\n");
	ck_assert(!can_write("/x"));
	ck_assert_int_eq(errno, EROFS);
	ck_assert(can_write("/dev/x")); /* the root alone is read-only */
}

static void old_inside(struct rt_rootfs *r)
{
	(void)r;
	ck_mount("/made/for/dir", "ro,noatime");
	ck_mount("/late", "ro,nodev");
	ck_mount("/dev", "rw,nosuid");
	ck_mount("/sys", "ro,nosuid,nodev,noexec");
	ck_mount("/", "ro,");
	ck_assert_ptr_null(strstr(box_mount_line("/made/for/dir"), "shared:"));
}

START_TEST(masks_sysctls_readonly)
{
	static const struct rt_key_value sysctls[] = { { "kernel.msgmax", "9000" },
						       { "net.ipv4.ip_forward", "1" },
						       { "net.ipv4.conf.lo.forwarding", "1" } };
	struct rt_strs masked = STRS("/proc/keys", "/proc/timer_list", "/proc/none", "/secret/file",
				     "/secret/dir", "/secret/dir2", "/secret/file/none");
	struct rt_strs readonly = STRS("/proc/sys", "/proc/bus", "/none");

	box_init(&b);
	box_sh("cd /tmp/root && mkdir -p secret/dir secret/dir2 && echo s >secret/file && echo s "
	       ">secret/dir/file");
	b.spec.sysctl = sysctls;
	b.spec.nsysctl = 3;
	b.spec.masked_paths = masked;
	b.spec.readonly_paths = readonly;
	b.spec.root_readonly = true;
	b.inside = masks_inside;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

static void console_inside(struct rt_rootfs *r)
{
	struct rt_rootfs plain = RT_ROOTFS_INIT;
	int master, slave;
	struct stat st;

	ck_assert_int_eq(stat("/dev/console", &st), 0);
	ck_assert_uint_eq(major(st.st_rdev), 136);
	/* without the descriptor that mounts left: by what lies in the tree, verified */
	plain.root_fd = r->root_fd;
	plain.proc_fd = r->proc_fd;
	ck_assert_ok(rt_console_open(&plain, 0, 0, false, &master, &slave, &err), err);
	ck_assert_int_eq(close(master), 0);
	ck_assert_int_eq(close(slave), 0);
	plain.proc_fd = -1;
	ck_assert_ok(rt_console_open(&plain, 0, 0, false, &master, &slave, &err), err);
	ck_assert_int_eq(write(slave, "x", 1), 1);
	ck_assert_int_eq(read(master, (char[1]){ 0 }, 1), 1);
}

START_TEST(a_terminal)
{
	box_init(&b);
	b.spec.process.terminal = b.terminal = true;
	b.spec.root_readonly = true;
	b.inside = console_inside;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

START_TEST(a_terminal_goes_to_its_socket)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/tmp/sock" };
	char data[64] = { 0 }, control[CMSG_SPACE(sizeof(int))], path[300];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

	box_init(&b);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(server, 1), 0);
	/* by a path that is too long for an address */
	memset(path, 0, sizeof(path));
	(void)snprintf(path, sizeof(path), "/tmp/%0200d", 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(rename("/tmp/sock", strcat(path, "/sock")), 0);
	ck_assert_ok(rt_fd_send(path, "console socket", "/dev/ptmx", 1, &err), err);
	client = accept(server, NULL, NULL);
	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(recvmsg(client, &msg, MSG_CMSG_CLOEXEC), strlen("/dev/ptmx"));
	ck_assert_str_eq(data, "/dev/ptmx");
	ck_assert_uint_eq(CMSG_FIRSTHDR(&msg)->cmsg_len, CMSG_LEN(sizeof(int)));
	ck_assert_err(rt_fd_send("/tmp/none", "console socket", "/dev/ptmx", 1, &err), ENOENT, err,
		      "console socket '/tmp/none'");
}
END_TEST

/* A volume that is shared both ways shows what the container mounts; the rest does not. */
static void shared_inside(struct rt_rootfs *r)
{
	(void)r;
	ck_assert_int_eq(mount("t", "/shared/data", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir("/shared/data/seen", 0755), 0);
	ck_assert_int_eq(umount2("/shared/data", MNT_DETACH), 0);
}

START_TEST(shared_propagation)
{
	box_init(&b);
	box_sh("cd /tmp && mount --bind host host && mount --make-rshared /tmp && mount "
	       "--make-rshared host");
	b.spec.propagation = MS_SHARED | MS_REC;
	box_mount(&b, "/shared", "bind", "/tmp/host", NAMES("rbind", "rshared"));
	b.inside = shared_inside;
	ck_assert_ok(box_run(&b, &err), err); /* which compares the mounts here, before and after */
}
END_TEST

START_TEST(other_propagations)
{
	static const unsigned long kinds[] = { MS_PRIVATE,	    MS_SLAVE,
					       MS_PRIVATE | MS_REC, MS_SLAVE | MS_REC,
					       MS_UNBINDABLE,	    0 };

	box_init(&b);
	box_sh("mount --make-rshared /"); /* as systemd has it; box_run sees what comes out */
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		b.spec.propagation = kinds[i];
		ck_assert_msg(box_run(&b, &err) == 0, "%#lx: %s", kinds[i], err.msg);
	}
}
END_TEST

START_TEST(no_pivot_in_a_user_namespace)
{
	box_init(&b);
	box_user_namespace(&b);
	box_sh("chown -R 100000:100000 /tmp/root");
	b.no_pivot = true;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

START_TEST(no_pivot)
{
	box_init(&b);
	b.no_pivot = true;
	b.spec.process.cwd = "/home/new/dir";
	ck_assert_ok(box_run(&b, &err), err);
	box_sh("mount --make-rshared /");
	b.spec.propagation = MS_SHARED | MS_REC;
	ck_assert_ok(box_run(&b, &err), err);
}
END_TEST

/* Linux 5.10 has no mount_setattr(2); one that is stricter than that lets nobody use fsopen(2). */
static void old_kernel(int first, int second)
{
	static const struct rt_key_value sysctls[] = { { "kernel.msgmax", "9000" },
						       { "net.ipv4.ip_forward", "1" } };
	struct rt_strs masked = STRS("/proc/keys", "/proc/timer_list", "/proc/none", "/secret/file",
				     "/secret/dir", "/secret/dir2", "/secret/file/none");
	struct rt_strs readonly = STRS("/proc/sys", "/proc/bus", "/none");

	box_init(&b);
	b.without[0] = first;
	b.without[1] = second;
	box_sh("cd /tmp/root && mkdir -p secret/dir secret/dir2 && echo s >secret/file && echo s "
	       ">secret/dir/file");
	box_mount(&b, "/made/for/dir", "bind", "/tmp/host", NAMES("rbind", "ro", "noatime"));
	box_mount(&b, "/late", "tmpfs", "tmpfs", NAMES("ro", "nodev", "rprivate"));
	b.spec.sysctl = sysctls;
	b.spec.nsysctl = 2;
	b.spec.masked_paths = masked;
	b.spec.readonly_paths = readonly;
	b.spec.root_readonly = true;
	b.spec.process.terminal = b.terminal = true;
	b.inside = masks_inside;
	ck_assert_ok(box_run(&b, &err), err);
	b.inside = old_inside;
	ck_assert_ok(box_run(&b, &err), err);
	/* what cannot be done there is said, not left out */
	box_mount(&b, "/made/for/dir", "bind", "/tmp/host", NAMES("rbind", "rro"));
	ck_assert_err(box_run(&b, &err), EOPNOTSUPP, err, "/made/for/dir");
}

START_TEST(without_mount_setattr)
{
	old_kernel(SYS_mount_setattr, SYS_mount_setattr);
}
END_TEST

START_TEST(without_fsopen)
{
	old_kernel(SYS_mount_setattr, SYS_fsopen);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_default_tree,
		in_a_user_namespace,
		in_a_user_namespace_by_no_path,
		binds,
		var_run_symlink,
		tmpfs_and_overlay,
		masks_sysctls_readonly,
		a_terminal,
		a_terminal_goes_to_its_socket,
		shared_propagation,
		other_propagations,
		no_pivot,
		no_pivot_in_a_user_namespace,
		without_mount_setattr,
		without_fsopen,
		NULL,
	};

	if (!box_possible()) {
		puts("1..0 # SKIP needs root and busybox");
		return 0;
	}
	return unit_main("rootfs", tests);
}
