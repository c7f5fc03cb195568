/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime/cgroup*.c on the real hierarchies of this machine, v1, hybrid or v2, as root. Limits are
 * proved by running into them. Everything happens below /cps-test-PID, which is gone at the end.
 * TAP on stdout.
 */
#include <config.h>

#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"

#define MIB (1024 * 1024L)

static struct rt_cgroup cg; /* the one under test: 19 KB, and every test wants one */
static char parent[64];
static struct cps_err err;
static const char *test_name;

#define check(cond)                                                                          \
	do {                                                                                 \
		if (!(cond)) {                                                               \
			printf("# %s:%d: %s (last error: %s)\n", test_name, __LINE__, #cond, \
			       err.msg);                                                     \
			return false;                                                        \
		}                                                                            \
	} while (0)

static bool is_v2(void)
{
	return cg.layout == RT_CGROUP_V2;
}

static const struct rt_cgroup_dir *dir_of(const char *controller)
{
	size_t len = strlen(controller);

	for (unsigned i = 0; i < cg.ndirs; i++) {
		const char *found = strstr(cg.dirs[i].controllers, controller);

		if (is_v2() || (found && (found[len] == '\0' || found[len] == ',')))
			return &cg.dirs[i];
	}
	return NULL;
}

/* Content of a control file without its last line feed; "" if there is none. */
static const char *value(const char *controller, const char *file)
{
	static char text[4096];
	const struct rt_cgroup_dir *d = dir_of(controller);
	char path[2048];
	ssize_t n = -1;
	int fd;

	if (d) {
		(void)snprintf(path, sizeof(path), "%s%s/%s", d->mount, d->path, file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
		if (fd >= 0)
			(void)close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static bool value_is(const char *controller, const char *file, const char *want)
{
	const char *got = value(controller, file);

	if (strcmp(got, want) == 0)
		return true;
	printf("# %s: '%s' is '%s', not '%s'\n", test_name, file, got, want);
	return false;
}

static int init(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", parent, name);
	return rt_cgroup_init(&cg, path, NULL, "unused", &err);
}

static bool make(const char *name, const struct rt_resources *res)
{
	check(init(name) == 0);
	check(rt_cgroup_create(&cg, res, &err) == 0);
	check(rt_cgroup_limits(&cg, res, NULL, &err) == 0);
	return true;
}

/* Runs f in a child that has joined cg, and returns its wait status. */
static int run(int (*f)(void))
{
	int status, go[2];
	char byte = 0;
	pid_t pid;

	if (pipe(go) < 0)
		return -1;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		_exit(f());
	}
	(void)close(go[0]);
	if (rt_cgroup_join(&cg, pid, &err) < 0 || write(go[1], &byte, 1) != 1)
		(void)kill(pid, SIGKILL);
	(void)close(go[1]);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static pid_t sleeper(void)
{
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		for (;;)
			(void)pause();
	return rt_cgroup_join(&cg, pid, &err) < 0 ? -1 : pid;
}

static struct rt_i64 i64(int64_t v)
{
	return (struct rt_i64){ true, v };
}

static struct rt_u64 u64(uint64_t v)
{
	return (struct rt_u64){ true, v };
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- tests ---------------------------------------------------------------------------------- */

static bool test_limits_are_written(void)
{
	struct rt_resources res = { .set = true };

	res.memory.limit = i64(64 * MIB);
	res.memory.reservation = i64(32 * MIB);
	res.memory.swap = i64(128 * MIB);
	res.cpu.shares = u64(512);
	res.cpu.quota = i64(20000);
	res.cpu.period = u64(50000);
	res.cpu.burst = u64(10000);
	res.cpu.cpus = "0";
	res.cpu.mems = "0";
	res.pids_limit = i64(33);
	check(make("limits", &res));
	if (is_v2()) {
		check(value_is("memory", "memory.max", "67108864"));
		check(value_is("memory", "memory.low", "33554432"));
		check(value_is("memory", "memory.swap.max", "67108864"));
		check(value_is("cpu", "cpu.weight", "59"));
		check(value_is("cpu", "cpu.max", "20000 50000"));
		check(value_is("cpu", "cpu.max.burst", "10000"));
	} else {
		check(value_is("memory", "memory.limit_in_bytes", "67108864"));
		check(value_is("memory", "memory.soft_limit_in_bytes", "33554432"));
		check(value_is("memory", "memory.memsw.limit_in_bytes", "134217728"));
		check(value_is("cpu", "cpu.shares", "512"));
		check(value_is("cpu", "cpu.cfs_quota_us", "20000"));
		check(value_is("cpu", "cpu.cfs_period_us", "50000"));
		check(value_is("cpu", "cpu.cfs_burst_us", "10000"));
	}
	check(value_is("cpuset", "cpuset.cpus", "0"));
	check(value_is("cpuset", "cpuset.mems", "0"));
	check(value_is("pids", "pids.max", "33"));
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

/* Values that bound each other, changed to ones that fit only in the other order. */
static bool test_update_in_any_order(void)
{
	struct rt_resources res = { .set = true }, more = { .set = true };

	res.memory.limit = i64(32 * MIB);
	res.memory.swap = i64(32 * MIB);
	res.cpu.quota = i64(10000);
	res.cpu.period = u64(100000);
	res.cpu.burst = u64(10000);
	check(make("update", &res));
	more.memory.limit = i64(256 * MIB);
	more.memory.swap = i64(512 * MIB);
	more.cpu.quota = i64(400000);
	more.cpu.period = u64(1000000);
	more.cpu.burst = u64(400000);
	check(rt_cgroup_limits(&cg, &more, NULL, &err) == 0);
	check(rt_cgroup_limits(&cg, &res, NULL, &err) == 0);
	if (is_v2()) {
		check(value_is("memory", "memory.max", "33554432"));
		check(value_is("memory", "memory.swap.max", "0"));
		check(value_is("cpu", "cpu.max", "10000 100000"));
	} else {
		check(value_is("memory", "memory.memsw.limit_in_bytes", "33554432"));
		check(value_is("cpu", "cpu.cfs_quota_us", "10000"));
	}
	res = (struct rt_resources){ .set = true }; /* a period alone leaves the quota */
	res.cpu.period = u64(50000);
	check(rt_cgroup_limits(&cg, &res, NULL, &err) == 0);
	check(is_v2() ? value_is("cpu", "cpu.max", "10000 50000")
		      : value_is("cpu", "cpu.cfs_quota_us", "10000"));
	res = (struct rt_resources){ .set = true }; /* all of it lifted */
	res.memory.limit = i64(-1);
	res.cpu.quota = i64(-1);
	res.cpu.burst = u64(0);
	res.pids_limit = i64(-1);
	check(rt_cgroup_limits(&cg, &res, NULL, &err) == 0);
	check(value_is("pids", "pids.max", "max"));
	check(is_v2() ? value_is("cpu", "cpu.max", "max 50000")
		      : value_is("cpu", "cpu.cfs_quota_us", "-1"));
	check(is_v2() ? value_is("memory", "memory.max", "max")
		      : value_is("memory", "memory.limit_in_bytes", "9223372036854771712"));
	check(is_v2() ? value_is("memory", "memory.swap.max", "max")
		      : value_is("memory", "memory.memsw.limit_in_bytes", "9223372036854771712"));
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static int eat_memory(void)
{
	volatile char *p =
		mmap(NULL, 128 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < 128 * MIB; i += 4096)
		p[i] = 1;
	return 0;
}

static bool test_memory_limit_kills(void)
{
	struct rt_resources res = { .set = true };
	char path[2048], word[64];
	long count = -1, n;
	FILE *f;
	int status;

	res.memory.limit = i64(16 * MIB);
	res.memory.swap = i64(16 * MIB);
	check(make("oom", &res));
	status = run(eat_memory);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	check(rt_cgroup_memory_events(&cg, path, sizeof(path)));
	f = fopen(path, "re");
	check(f != NULL);
	while (fscanf(f, "%63s %ld", word, &n) == 2)
		if (strcmp(word, "oom_kill") == 0)
			count = n;
	(void)fclose(f);
	check(count == 1);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

/* Forks until refused: the number of children that were possible. */
static int count_forks(void)
{
	for (int n = 0; n < 50; n++) {
		pid_t pid = fork();

		if (pid < 0)
			return errno == EAGAIN ? n : 97;
		if (pid == 0)
			for (;;)
				(void)pause();
	}
	return 98;
}

static bool test_pids_limit_refuses_forks(void)
{
	struct rt_resources res = { .set = true };
	int status;

	res.pids_limit = i64(5);
	check(make("pids", &res));
	status = run(count_forks);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 4);
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0); /* the children that are left */
	check(rt_cgroup_remove(&cg, &err) == 0);

	res.pids_limit = i64(0); /* a limit: the first process and no other */
	check(make("pids0", &res));
	status = run(count_forks);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static int burn(void)
{
	double end = now() + 1;

	while (now() < end)
		;
	return 0;
}

static bool test_cpu_quota_holds(void)
{
	struct rt_resources res = { .set = true };
	struct rusage before, after;
	double used;

	res.cpu.quota = i64(20000);
	res.cpu.period = u64(100000);
	check(make("cpu", &res));
	(void)getrusage(RUSAGE_CHILDREN, &before);
	check(run(burn) == 0);
	(void)getrusage(RUSAGE_CHILDREN, &after);
	used = (double)(after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec -
			before.ru_stime.tv_sec) +
	       (double)(after.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_utime.tv_usec -
			before.ru_stime.tv_usec) /
		       1e6;
	printf("# %.0f %% of a CPU used in one second at a quota of 20 %%\n", 100 * used);
	check(used < 0.32);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

/* Makes a node, opens it read-write and reads from it: 0 or errno. */
static int try_device(mode_t type, unsigned major, unsigned minor)
{
	char path[64], byte;
	int fd, rc = 0;

	(void)snprintf(path, sizeof(path), "/tmp/cps-node-%d", (int)getpid());
	if (mknod(path, type | 0600, makedev(major, minor)) < 0)
		return errno;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || read(fd, &byte, 1) < 0)
		rc = errno;
	if (fd >= 0)
		(void)close(fd);
	(void)unlink(path);
	return rc;
}

/* One bit for each of these that may be used. */
static int try_devices(void)
{
	int bits = 0;

	bits |= try_device(S_IFCHR, 1, 3) == 0 ? 1 : 0;	     /* null: by default */
	bits |= try_device(S_IFCHR, 1, 5) == 0 ? 2 : 0;	     /* zero */
	bits |= try_device(S_IFCHR, 1, 11) != EPERM ? 4 : 0; /* kmsg */
	bits |= try_device(S_IFBLK, 7, 0) != EPERM ? 8 : 0;  /* loop0; ENXIO without the driver */
	return bits;
}

static bool test_devices_are_denied(void)
{
	static const struct rt_device_rule deny_all = { false, 'a', -1, -1, true, true, true };
	static const struct rt_device_rule allow_all = { true, 'a', -1, -1, true, true, true };
	static const struct rt_device_rule kmsg[] = { { false, 'a', -1, -1, true, true, true },
						      { true, 'c', 1, 11, true, false, true } };
	static const struct rt_device loop = { 'b', "/dev/loop0", 7, 0, 0600, 0, 0 };
	struct rt_resources res = { .set = true };
	int all, status;

	all = try_devices(); /* what this machine has */
	check(make("devices", &res));
	check(rt_cgroup_devices(&cg, &res, NULL, 0, &err) == 0); /* no rules: the same as denied */
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	res.devices = &deny_all;
	res.ndevices = 1;
	check(rt_cgroup_devices(&cg, &res, &loop, 1, &err) == 0);
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == (3 | (all & 8)));
	res.devices = kmsg;
	res.ndevices = 2;
	check(rt_cgroup_devices(&cg, &res, NULL, 0, &err) == 0);
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == (3 | (all & 4)));
	res.devices = &allow_all;
	res.ndevices = 1;
	check(rt_cgroup_devices(&cg, &res, NULL, 0, &err) == 0);
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == all);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static bool test_occupied_is_refused(void)
{
	static const struct rt_resources res = { .set = true };
	struct rt_cgroup other;
	pid_t pid;

	check(make("busy", &res));
	pid = sleeper();
	check(pid > 0);
	other = cg;
	check(rt_cgroup_create(&other, &res, &err) == -EBUSY);
	check(strstr(err.msg, "in use") != NULL);
	check(rt_cgroup_remove(&cg, &err) == -EBUSY);
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(waitpid(pid, NULL, 0) == pid);
	/* what was left behind empty is taken over */
	check(rt_cgroup_create(&cg, &res, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0); /* twice does no harm */
	return true;
}

static bool test_groups_of_others_stay(void)
{
	static const struct rt_resources res = { .set = true };
	struct rt_cgroup outer;

	check(make("outer/inner", &res));
	check(init("outer") == 0);
	outer = cg;
	check(rt_cgroup_create(&outer, &res, &err) ==
	      0); /* holds another's group: used, not owned */
	check(rt_cgroup_remove(&outer, &err) == 0);
	check(init("outer/inner") == 0);
	check(rt_cgroup_create(&cg, &res, &err) == 0); /* still there, and empty */
	check(rt_cgroup_remove(&cg, &err) == 0);
	check(init("outer") == 0);
	check(rt_cgroup_create(&cg, &res, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static bool test_groups_below_go_too(void)
{
	static const struct rt_resources res = { .set = true };
	char path[2048];

	check(make("tree", &res));
	for (unsigned i = 0; i < cg.ndirs; i++) {
		(void)snprintf(path, sizeof(path), "%s%s/a", cg.dirs[i].mount, cg.dirs[i].path);
		check(mkdir(path, 0755) == 0);
		(void)snprintf(path, sizeof(path), "%s%s/a/b", cg.dirs[i].mount, cg.dirs[i].path);
		check(mkdir(path, 0755) == 0);
	}
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

/* Every process forks on and on, and ignores what can be ignored. */
static void bomb(void)
{
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;)
		if (fork() < 0)
			(void)usleep(100);
}

static bool test_kill_beats_a_fork_bomb(void)
{
	struct rt_resources res = { .set = true };
	double start;
	pid_t pid, *pids;
	size_t count;

	res.pids_limit = i64(400);
	check(make("bomb", &res));
	pid = sleeper();
	check(pid > 0);
	(void)fflush(stdout);
	if (fork() == 0) {
		if (rt_cgroup_join(&cg, getpid(), &err) < 0)
			_exit(1);
		bomb();
	}
	(void)usleep(300000);
	check(rt_cgroup_pids(&cg, &pids, &count, &err) == 0);
	free(pids);
	printf("# %zu processes before the kill\n", count);
	check(count > 100);
	start = now();
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	printf("# killed and removed within %.1f ms\n", 1000 * (now() - start));
	check(waitpid(pid, NULL, 0) == pid);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return true;
}

static bool test_signals_reach_all(void)
{
	static const struct rt_resources res = { .set = true };
	char path[2048], text[16];
	pid_t a, b, *pids;
	size_t count;
	int status, fd;

	check(make("signals", &res));
	a = sleeper();
	b = sleeper();
	check(a > 0 && b > 0);
	if (!is_v2()) { /* one of them in a group below (v2: not where controllers are on) */
		const struct rt_cgroup_dir *d = dir_of("freezer");

		(void)snprintf(path, sizeof(path), "%s%s/below", d->mount, d->path);
		check(mkdir(path, 0755) == 0);
		(void)strcat(path, "/cgroup.procs");
		fd = open(path, O_WRONLY | O_CLOEXEC);
		(void)snprintf(text, sizeof(text), "%d", (int)b);
		check(fd >= 0 && write(fd, text, strlen(text)) > 0);
		(void)close(fd);
	}
	check(rt_cgroup_pids(&cg, &pids, &count, &err) == 0);
	check(count == 2);
	free(pids);
	check(rt_cgroup_kill(&cg, SIGTERM, &err) == 0);
	check(waitpid(a, &status, 0) == a && WTERMSIG(status) == SIGTERM);
	check(waitpid(b, &status, 0) == b && WTERMSIG(status) == SIGTERM);
	check(rt_cgroup_kill(&cg, SIGTERM, &err) == 0); /* nobody there */
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0); /* not even a group */
	return true;
}

static bool test_killed_while_paused(void)
{
	static const struct rt_resources res = { .set = true };
	const struct rt_cgroup_dir *d;
	char path[2048];
	int status, fd;
	pid_t pid;

	check(make("paused", &res));
	pid = sleeper();
	check(pid > 0);
	d = dir_of("freezer");
	(void)snprintf(path, sizeof(path), "%s%s/%s", d->mount, d->path,
		       is_v2() ? "cgroup.freeze" : "freezer.state");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0 && write(fd, is_v2() ? "1" : "FROZEN", is_v2() ? 1 : 6) > 0);
	(void)close(fd);
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static bool test_clone_into(void)
{
	static const struct rt_resources res = { .set = true };
	struct clone_args args;
	pid_t pid, *pids;
	size_t count;
	int fd;

	check(make("clone", &res));
	fd = rt_cgroup_open(&cg);
	if (!is_v2()) {
		check(fd == -ENOTSUP);
		check(rt_cgroup_remove(&cg, &err) == 0);
		return true;
	}
	check(fd >= 0);
	memset(&args, 0, sizeof(args));
	args.flags = CLONE_INTO_CGROUP;
	args.exit_signal = SIGCHLD;
	args.cgroup = (uint64_t)fd;
	(void)fflush(stdout);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		for (;;)
			(void)pause();
	(void)close(fd);
	check(pid > 0);
	check(rt_cgroup_pids(&cg, &pids, &count, &err) == 0);
	check(count == 1 && pids[0] == pid);
	free(pids);
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(waitpid(pid, NULL, 0) == pid);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static bool test_refused_by_name(void)
{
	static const struct rt_key_value unified = { "memory.high", "1000000" };
	static const struct rt_hugepage page = { "3MB", 0 };
	struct rt_resources res = { .set = true };

	check(init("refused") == 0);
	check(rt_cgroup_create(&cg, &res, &err) == 0);
	res.nunified = 1;
	res.unified = &unified;
	if (is_v2()) {
		check(rt_cgroup_limits(&cg, &res, NULL, &err) == 0);
		check(value_is("memory", "memory.high", "999424"));
	} else {
		check(rt_cgroup_limits(&cg, &res, NULL, &err) == -EOPNOTSUPP);
		check(strstr(err.msg, "linux.resources.unified") != NULL);
	}
	res = (struct rt_resources){ .set = true };
	res.nhugepages = 1; /* a size that no machine has */
	res.hugepages = &page;
	check(rt_cgroup_limits(&cg, &res, NULL, &err) == -EOPNOTSUPP);
	check(strstr(err.msg, "linux.resources.hugepageLimits: ") != NULL);
	check(strstr(err.msg, "hugetlb") != NULL);
	res = (struct rt_resources){ .set = true };
	res.cpu.cpus = "4000";
	check(rt_cgroup_limits(&cg, &res, NULL, &err) < 0);
	check(strstr(err.msg, "linux.resources.cpu.cpus: ") != NULL);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static bool test_state_round_trip(void)
{
	static const struct rt_resources res = { .set = true };
	struct cps_arena arena = CPS_ARENA_INIT;
	struct cps_buf buf = CPS_BUF_INIT;
	const struct cps_json *node;
	struct rt_cgroup back;
	struct cps_jsonw w;

	check(make("state", &res));
	cps_jsonw_init(&w, &buf, false);
	rt_cgroup_format(&cg, &w, NULL);
	check(!buf.failed);
	check(cps_json_parse(&arena, buf.data, buf.len, &node, &err) == 0);
	memset(&back, 0xff, sizeof(back));
	check(rt_cgroup_load(&back, node, &err) == 0);
	check(back.layout == cg.layout && back.ndirs == cg.ndirs);
	for (unsigned i = 0; i < cg.ndirs; i++)
		check(strcmp(back.dirs[i].path, cg.dirs[i].path) == 0 && back.dirs[i].made);
	cps_arena_done(&arena);
	cps_buf_done(&buf);
	check(rt_cgroup_remove(&back, &err) == 0);
	check(access("/sys/fs/cgroup", F_OK) == 0);
	return true;
}

/* In a mount namespace of its own; returns the number of the line that failed, or 0. */
static int see_mount(void)
{
	char dir[] = "/tmp/cps-mount.XXXXXX", path[128];
	bool v2 = is_v2();
	int fd;

	if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || !mkdtemp(dir))
		return 2;
	for (int own = 0; own < 2; own++) {
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (rt_cgroup_mount(&cg, fd, own, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, &err) <
		    0) {
			printf("# %s\n", err.msg);
			(void)fflush(stdout);
			return 3;
		}
		(void)close(fd);
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
			       v2 ? "memory.max" : "memory/memory.limit_in_bytes");
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, path, 10) < 8 || strncmp(path, "67108864", 8) != 0)
			return 4;
		(void)close(fd);
		(void)snprintf(path, sizeof(path), "%s/%s", dir, v2 ? "x" : "memory/x");
		if (mkdir(path, 0755) == 0 || errno != EROFS)
			return 5;
		(void)snprintf(path, sizeof(path), "%s/x", dir);
		if (mkdir(path, 0755) == 0 || errno != EROFS)
			return 6;
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
			       v2 ? "cgroup.procs" : "pids/cgroup.procs");
		if (access(path, R_OK) < 0)
			return 7;
		if (umount2(dir, MNT_DETACH) < 0)
			return 8;
	}
	return 0;
}

static bool test_mount(void)
{
	struct rt_resources res = { .set = true };
	int status;

	res.memory.limit = i64(64 * MIB);
	check(make("mount", &res));
	status = run(see_mount);
	if (status)
		printf("# status %x\n", (unsigned)status);
	check(status == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

static bool test_speed(void)
{
	struct rt_resources res = { .set = true };
	double times[4] = { 0 };
	enum { ROUNDS = 50 };

	res.memory.limit = i64(64 * MIB);
	res.cpu.shares = u64(512);
	for (int i = 0; i < ROUNDS; i++) {
		double t[5];
		pid_t pid;

		t[0] = now();
		check(make("speed", &res));
		t[1] = now();
		check(rt_cgroup_devices(&cg, &res, NULL, 0, &err) == 0);
		t[2] = now();
		pid = sleeper();
		check(pid > 0);
		t[3] = now();
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		times[3] -= now();
		check(rt_cgroup_remove(&cg, &err) == 0);
		times[3] += now();
		for (int k = 0; k < 3; k++)
			times[k] += t[k + 1] - t[k];
	}
	printf("# create with 2 limits %.0f us, devices %.0f us, fork and join %.0f us, remove "
	       "%.0f us\n",
	       times[0] / ROUNDS * 1e6, times[1] / ROUNDS * 1e6, times[2] / ROUNDS * 1e6,
	       times[3] / ROUNDS * 1e6);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{ "limits are written", test_limits_are_written },
	{ "values that bound each other change in any order", test_update_in_any_order },
	{ "the memory limit kills, and the kill is counted", test_memory_limit_kills },
	{ "the pids limit refuses forks", test_pids_limit_refuses_forks },
	{ "the cpu quota holds", test_cpu_quota_holds },
	{ "devices are denied unless allowed", test_devices_are_denied },
	{ "a group with processes is refused", test_occupied_is_refused },
	{ "a group that holds another's is not removed", test_groups_of_others_stay },
	{ "groups made below ours are removed", test_groups_below_go_too },
	{ "kill ends a fork bomb", test_kill_beats_a_fork_bomb },
	{ "signals reach groups below", test_signals_reach_all },
	{ "kill reaches a paused group", test_killed_while_paused },
	{ "clone3 into the group (v2), refused on v1", test_clone_into },
	{ "what cannot be honoured is refused by name", test_refused_by_name },
	{ "state is written and read back", test_state_round_trip },
	{ "the mount of type cgroup", test_mount },
	{ "speed", test_speed },
};

int main(void)
{
	const unsigned count = sizeof(tests) / sizeof(tests[0]);
	char path[2048];
	int failed = 0;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 0;
	}
	(void)snprintf(parent, sizeof(parent), "/cps-test-%d", (int)getpid());
	printf("1..%u\n", count);
	for (unsigned i = 0; i < count; i++) {
		bool ok;

		test_name = tests[i].name;
		err.msg[0] = '\0';
		ok = tests[i].run();
		if (!ok && cg.ndirs) {
			struct cps_err ignored;

			(void)rt_cgroup_kill(&cg, SIGKILL, &ignored);
			(void)rt_cgroup_remove(&cg, &ignored);
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		}
		failed += !ok;
		printf("%sok %u %s\n", ok ? "" : "not ", i + 1, tests[i].name);
	}
	for (unsigned i = 0; i < cg.ndirs; i++) { /* the parent is nobody's, so ours to remove */
		(void)snprintf(path, sizeof(path), "%s%s", cg.dirs[i].mount, parent);
		if (rmdir(path) < 0 && errno != ENOENT) {
			printf("# rmdir %s: %s\n", path, strerror(errno));
			failed++;
		}
	}
	return failed != 0;
}
