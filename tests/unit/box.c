/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of the rootfs tests.
 */
#include <config.h>
#include "unit.h"
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define WAIT_MS	    20000
#define OUTSIDE_UID 100000

static const char build[] =
	"cd /tmp && mkdir -p root/bin root/etc root/proc root/sys root/dev root/home "
	"outside/dir outside/dev/pts host/data/sub host/sub && cp /bin/busybox root/bin/sh && "
	"echo canary >outside/file && echo canary >outside/dir/file && chmod 600 outside/file && "
	"echo host >host/file && echo host >host/data/file && mknod outside/null c 1 3 && "
	"mkfifo outside/fifo && chmod 711 /tmp";

/* Names, kinds, modes, owners, sizes, times and contents of what nothing must touch. */
static const char census[] =
	"cd /tmp && find outside -printf '%p %y %m %u %g %s %T@ %C@ %i\\n' | sort; "
	"cat outside/file outside/dir/file; cat /proc/self/mountinfo";

bool box_possible(void)
{
	return geteuid() == 0 && access("/bin/busybox", X_OK) == 0;
}

void box_sh(const char *command)
{
	int status = system(command);

	ck_assert_msg(status == 0, "status %d of: %s", status, command);
}

void box_init(struct box *b)
{
	static const char *const dev[] = { "nosuid", "strictatime", "mode=755", "size=65536k",
					   NULL };
	static const char *const pts[] = { "nosuid",	"noexec", "newinstance", "ptmxmode=0666",
					   "mode=0620", "gid=5",  NULL };
	static const char *const shm[] = { "nosuid",	"noexec",   "nodev",
					   "mode=1777", "size=64k", NULL };
	static const char *const sys[] = { "nosuid", "noexec", "nodev", "ro", NULL };
	static const char *const none[] = { NULL };

	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/tmp", "tmpfs", 0, NULL), 0);
	box_sh(build);
	memset(b, 0, sizeof(*b));
	b->spec.root_path = "/tmp/root";
	b->spec.mounts = b->mounts;
	b->spec.ns[RT_NS_MOUNT].wanted = true;
	b->spec.ns[RT_NS_NET].wanted = true;
	b->spec.ns[RT_NS_UTS].wanted = true;
	b->spec.ns[RT_NS_IPC].wanted = true;
	b->spec.has_process = true;
	b->spec.process.cwd = "/";
	box_mount(b, "/proc", "proc", "proc", none);
	box_mount(b, "/dev", "tmpfs", "tmpfs", dev);
	box_mount(b, "/dev/pts", "devpts", "devpts", pts);
	box_mount(b, "/dev/shm", "tmpfs", "shm", shm);
	box_mount(b, "/sys", "sysfs", "sysfs", sys);
}

void box_mount(struct box *b, const char *destination, const char *type, const char *source,
	       const char *const *options)
{
	struct rt_mount *m = &b->mounts[b->spec.nmounts];

	ck_assert_uint_lt(b->spec.nmounts, BOX_MOUNTS);
	*m = (struct rt_mount){ destination, type, source,
				.options = { 0, (const char **)(uintptr_t)options } };
	while (options[m->options.n])
		m->options.n++;
	b->spec.nmounts++;
}

void box_user_namespace(struct box *b)
{
	b->map = (struct rt_id_map){ 0, OUTSIDE_UID, 65536 };
	b->spec.ns[RT_NS_USER].wanted = true;
	b->spec.nuid_maps = b->spec.ngid_maps = 1;
	b->spec.uid_maps = b->spec.gid_maps = &b->map;
}

char *box_census(void)
{
	FILE *f = popen(census, "re");
	char *text = NULL;
	size_t len = 0;

	ck_assert_ptr_nonnull(f);
	if (getdelim(&text, &len, '\0', f) < 0 && !text)
		text = calloc(1, 1);
	ck_assert_int_eq(pclose(f), 0);
	return text;
}

static char read_buf[65536];

void box_unchanged(const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return;
	fprintf(stderr, "was:\n%s\nis:\n%s\n", before, after); /* too long for a message */
	ck_abort_msg("something outside has changed");
}

const char *box_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : cps_read_full(fd, read_buf, sizeof(read_buf) - 1);

	read_buf[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		ck_assert_int_eq(close(fd), 0);
	return read_buf;
}

const char *box_mount_line(const char *path)
{
	static char found[1024];
	char *text = (char *)(uintptr_t)box_read("/proc/self/mountinfo");
	char *save = NULL;
	const char *last = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char at[256], options[512];

		if (sscanf(line, "%*s %*s %*s %*s %255s %511[^\n]", at, options) == 2 &&
		    strcmp(at, path) == 0) {
			(void)snprintf(found, sizeof(found), "%s", options);
			last = found; /* the topmost is listed last */
		}
	}
	return last;
}

/* --- the run ------------------------------------------------------------------------------------
 */

struct report { /* shared with the child */
	int rc;
	bool done; /* all rows and checks */
	struct cps_err err;
};

static int steps(struct box *b, struct rt_rootfs *r, int root_dir, int *sources,
		 struct cps_err *err)
{
	int master = -1, slave = -1;
	int rc = rt_rootfs_propagation(&b->spec, err);

	if (rc == 0)
		rc = rt_rootfs_attach(r, &b->spec, root_dir, false, err);
	if (rc == 0)
		rc = rt_rootfs_mounts(r, &b->spec, NULL, sources, NULL, err);
	if (rc == 0)
		rc = rt_rootfs_devices(r, &b->spec, NULL, err);
	if (rc == 0 && b->before_pivot)
		b->before_pivot(r);
	if (rc == 0)
		rc = rt_rootfs_pivot(r, &b->spec, b->no_pivot, err);
	if (rc == 0)
		rc = rt_rootfs_sysctls(r, &b->spec, err);
	if (rc == 0)
		rc = rt_rootfs_mask(r, &b->spec, err);
	if (rc == 0)
		rc = rt_rootfs_readonly_paths(r, &b->spec, err);
	if (rc == 0 && b->terminal)
		rc = rt_console_open(r, 24, 80, true, &master, &slave, err);
	if (rc == 0)
		rc = rt_cwd_enter(b->spec.process.cwd, true, err);
	if (rc == 0 && b->spec.root_readonly)
		rc = rt_rootfs_readonly(r, err);
	return rc;
}

/* An older kernel. */
static void kernel_without(const int *calls)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[0], 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[1], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void child(struct box *b, int root_dir, int *sources, int go, struct report *report)
{
	struct rt_rootfs r = RT_ROOTFS_INIT;
	char byte;

	ck_assert_int_eq(read(go, &byte, 1), 1);
	ck_assert_int_eq(close(go), 0);
	if (b->spec.ns[RT_NS_USER].wanted) {
		ck_assert_int_eq(setresgid(0, 0, 0), 0);
		ck_assert_int_eq(setresuid(0, 0, 0), 0);
	}
	if (b->without[0])
		kernel_without(b->without);
	report->rc = steps(b, &r, root_dir, sources, &report->err);
	if (report->rc == 0 && b->inside)
		b->inside(&r);
	rt_rootfs_done(&r);
	report->done = true;
	_exit(0);
}

static void map_write(pid_t pid, const char *name)
{
	struct cps_err err = { 0 };
	char path[64], text[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	(void)snprintf(text, sizeof(text), "0 %d 65536", OUTSIDE_UID);
	ck_assert_ok(cps_file_put(AT_FDCWD, path, text, &err), err);
}

static void child_wait(pid_t pid, const struct report *report)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { pidfd, POLLIN, 0 };
	int status, n = poll(&p, 1, WAIT_MS);

	if (n == 0)
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(close(pidfd), 0);
	ck_assert_msg(n == 1, "hangs");
	/* A check that failed in the child has sent its message already, and made it exit. */
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0 && report->done,
		      "the container's side ended with wait status %#x", (unsigned)status);
}

static pid_t child_spawn(struct box *b, int root_dir, int *sources, struct report *report)
{
	unsigned long flags =
		CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD;
	int go[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	if (b->spec.ns[RT_NS_USER].wanted)
		flags |= CLONE_NEWUSER;
	pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0UL);
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child(b, root_dir, sources, go[0], report);
	if (b->spec.ns[RT_NS_USER].wanted) {
		map_write(pid, "uid_map");
		map_write(pid, "gid_map");
	}
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	ck_assert_int_eq(close(go[0]), 0);
	ck_assert_int_eq(close(go[1]), 0);
	return pid;
}

int box_run(struct box *b, struct cps_err *err)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned fds = unit_fd_count();
	char *before = b->quick ? NULL : box_census(), *after;
	int sources[BOX_MOUNTS];
	int root_dir = -1;
	int rc;

	ck_assert_ptr_ne(report, MAP_FAILED);
	rc = rt_rootfs_open_sources(&b->spec, -1, &root_dir, sources, err);
	if (rc == 0) {
		child_wait(child_spawn(b, root_dir, sources, report), report);
		rc = report->rc;
		*err = report->err;
		cps_close(&root_dir);
		for (size_t i = 0; i < b->spec.nmounts; i++)
			cps_close(&sources[i]);
	}
	after = b->quick ? NULL : box_census();
	if (!b->quick)
		box_unchanged(before, after);
	ck_assert_uint_eq(unit_fd_count(), fds);
	free(before);
	free(after);
	ck_assert_int_eq(munmap(report, sizeof(*report)), 0);
	return rc;
}
