/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the bare system calls of one container, and nothing else. No configuration, no checks,
 * no state, no error texts: what is left is what the kernel charges. Everything capsule-runtime
 * adds is judged against this.
 *
 *	floor ROOTFS ID PROGRAM
 *
 * The work is that of tests/integ/config.json: the five default namespaces, a cgroup in each v1
 * hierarchy (one directory on v2), default mounts, devices and links, masked and read-only paths,
 * read-only root, pivot, hostname, loopback, rlimit, no_new_privs, capabilities, exec, wait,
 * removal.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270

static const char *const hierarchies[] = { "cpu",     "cpuacct", "cpuset", "memory",  "devices",
					   "freezer", "blkio",	 "pids",   "systemd", "unified" };
static int hierarchy_fd[10];
static unsigned hierarchy_count;
static bool unified; /* cgroup v2: clone3 puts the child there */

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void put(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void get(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		die(path);
	buf[n] = 0;
	close(fd);
}

static void cgroup_one(const char *base, const char *id)
{
	char path[256];
	char value[256];
	int parent, dir;

	parent = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return;
	if (mkdirat(parent, id, 0755) < 0)
		die(id);
	(void)snprintf(path, sizeof(path), "%s/%s", base, id);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (strstr(base, "/cpuset")) {
		get(parent, "cpuset.cpus", value, sizeof(value));
		put(dir, "cpuset.cpus", value);
		get(parent, "cpuset.mems", value, sizeof(value));
		put(dir, "cpuset.mems", value);
	}
	if (strstr(base, "/devices")) {
		static const char *const allow[] = { "c *:* m",	    "b *:* m",	 "c 1:3 rwm",
						     "c 1:8 rwm",   "c 1:7 rwm", "c 5:0 rwm",
						     "c 1:5 rwm",   "c 1:9 rwm", "c 5:1 rwm",
						     "c 136:* rwm", "c 5:2 rwm" };
		unsigned i;

		put(dir, "devices.deny", "a");
		for (i = 0; i < sizeof(allow) / sizeof(allow[0]); i++)
			put(dir, "devices.allow", allow[i]);
	}
	hierarchy_fd[hierarchy_count++] = dir;
	close(parent);
}

static void cgroups_make(const char *id)
{
	struct statfs fs;
	unsigned i;

	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_MAGIC) {
		unified = true;
		cgroup_one("/sys/fs/cgroup", id);
		return;
	}
	for (i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
		char base[64];

		(void)snprintf(base, sizeof(base), "/sys/fs/cgroup/%s", hierarchies[i]);
		cgroup_one(base, id);
	}
}

/* A thread that moves itself by `tasks` is spared the lock, and the grace period, that a write of
 * another one's pid to `cgroup.procs` has to wait for. */
static void cgroups_enter(void)
{
	unsigned i;

	for (i = 0; !unified && i < hierarchy_count; i++)
		if (faccessat(hierarchy_fd[i], "tasks", W_OK, 0) == 0)
			put(hierarchy_fd[i], "tasks", "0");
		else
			put(hierarchy_fd[i], "cgroup.procs", "0");
}

static void cgroups_remove(const char *id)
{
	unsigned i;

	for (i = 0; i < hierarchy_count; i++) {
		char name[300];

		(void)snprintf(name, sizeof(name), "../%s", id);
		if (unlinkat(hierarchy_fd[i], name, AT_REMOVEDIR) < 0)
			die("rmdir of a cgroup");
	}
}

static void mount_or_die(const char *what, const char *src, const char *dst, const char *type,
			 unsigned long flags, const char *data)
{
	if (mount(src, dst, type, flags, data) < 0)
		die(what);
}

static void devices(void)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = { { "dev/null", 1, 3 },   { "dev/zero", 1, 5 },    { "dev/full", 1, 7 },
		      { "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 } };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" },	     { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
		{ "/proc/kcore", "dev/core" },	     { "pts/ptmx", "dev/ptmx" }
	};
	unsigned i;

	for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) <
			    0 ||
		    chmod(nodes[i].path, 0666) < 0)
			die(nodes[i].path);
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			die(links[i][1]);
}

static void mounts(const char *rootfs)
{
	const unsigned long nsd = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	mount_or_die("propagation", NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	mount_or_die("root", rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL);
	if (chdir(rootfs) < 0)
		die(rootfs);
	mount_or_die("proc", "proc", "proc", "proc", 0, NULL);
	mount_or_die("dev", "tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME,
		     "mode=755,size=65536k");
	(void)mkdir("dev/pts", 0755);
	(void)mkdir("dev/shm", 0755);
	(void)mkdir("dev/mqueue", 0755);
	mount_or_die("pts", "devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		     "newinstance,ptmxmode=0666,mode=0620,gid=5");
	mount_or_die("shm", "shm", "dev/shm", "tmpfs", nsd, "mode=1777,size=65536k");
	mount_or_die("mqueue", "mqueue", "dev/mqueue", "mqueue", nsd, NULL);
	mount_or_die("sys", "sysfs", "sys", "sysfs", nsd | MS_RDONLY, NULL);
	mount_or_die("tmp", "tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	devices();
}

static void masks(void)
{
	static const char *const masked[] = { "/proc/acpi",	  "/proc/kcore",
					      "/proc/keys",	  "/proc/latency_stats",
					      "/proc/timer_list", "/proc/sched_debug",
					      "/sys/firmware",	  "/proc/scsi" };
	static const char *const readonly[] = {
		"/proc/asound", "/proc/bus", "/proc/fs",
		"/proc/irq",	"/proc/sys", "/proc/sysrq-trigger"
	};
	unsigned i;

	for (i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno == ENOTDIR)
			mount_or_die(masked[i], "tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0k");
	for (i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++)
		if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			mount_or_die(readonly[i], NULL, readonly[i], NULL,
				     MS_BIND | MS_REMOUNT | MS_RDONLY | MS_REC, NULL);
}

static void loopback(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		die("lo");
	close(s);
}

static void drop(void)
{
	const uint64_t keep =
		1ull << CAP_AUDIT_WRITE | 1ull << CAP_KILL | 1ull << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	const struct rlimit nofile = { 1024, 1024 };
	int cap;

	if (setrlimit(RLIMIT_NOFILE, &nofile) < 0)
		die("rlimit");
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(keep & 1ull << cap) && prctl(PR_CAPBSET_DROP, cap) < 0)
			die("bounding set");
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		die("ids");
	data[0].effective = data[0].permitted = (uint32_t)keep;
	data[1].effective = data[1].permitted = (uint32_t)(keep >> 32);
	if (syscall(SYS_capset, &head, data) < 0)
		die("capset");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
}

static void init(const char *rootfs, char *program)
{
	char *const argv[] = { program, NULL };
	char *const envp[] = { (char[]){ "PATH=/bin" }, NULL };

	cgroups_enter();
	if (setsid() < 0 || sethostname("floor", 5) < 0)
		die("hostname");
	loopback();
	mounts(rootfs);
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
	masks();
	mount_or_die("read-only root", NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
	drop();
	execve(program, argv, envp);
	die(program);
}

int main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
					    CLONE_NEWUTS | CLONE_NEWNS,
				   .exit_signal = SIGCHLD };
	int status;
	long pid;

	if (argc != 4) {
		fprintf(stderr, "usage: floor ROOTFS ID PROGRAM\n");
		return 2;
	}
	umask(0);
	cgroups_make(argv[2]);
	if (unified) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)hierarchy_fd[0];
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("clone3");
	if (pid == 0)
		init(argv[1], argv[3]);
	if (waitpid((pid_t)pid, &status, 0) < 0)
		die("wait");
	cgroups_remove(argv[2]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
