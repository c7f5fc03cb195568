/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-real: limits, read back and run into.
 */
#include <config.h>

#include "cgroup-real.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

bool test_limits_are_written(void)
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
bool test_update_in_any_order(void)
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

bool test_memory_limit_kills(void)
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

bool test_pids_limit_refuses_forks(void)
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

bool test_cpu_quota_holds(void)
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
	check(used < 0.5);
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

bool test_devices_are_denied(void)
{
	static const struct rt_device_rule deny_all = { false, 'a', -1, -1, true, true, true };
	static const struct rt_device_rule allow_all = { true, 'a', -1, -1, true, true, true };
	static const struct rt_device_rule kmsg[] = { { false, 'a', -1, -1, true, true, true },
						      { true, 'c', 1, 11, true, false, true } };
	struct rt_resources res = { .set = true };
	int all, status;

	all = try_devices(); /* what this machine has */
	check(make("devices", &res));
	check(rt_cgroup_devices(&cg, &res, &err) == 0); /* no rules: the same as denied */
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	res.devices = &deny_all;
	res.ndevices = 1;
	check(rt_cgroup_devices(&cg, &res, &err) == 0);
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	res.devices = kmsg;
	res.ndevices = 2;
	check(rt_cgroup_devices(&cg, &res, &err) == 0);
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == (3 | (all & 4)));
	res.devices = &allow_all;
	res.ndevices = 1;
	check(rt_cgroup_devices(&cg, &res, &err) == 0);
	status = run(try_devices);
	check(WIFEXITED(status) && WEXITSTATUS(status) == all);
	check(rt_cgroup_remove(&cg, &err) == 0);
	return true;
}

bool test_refused_by_name(void)
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
