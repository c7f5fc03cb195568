/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-real: groups come and go, and their processes with them.
 */
#include <config.h>

#include "cgroup-real.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"

bool test_occupied_is_refused(void)
{
	static const struct rt_resources res = { .set = true };
	struct rt_cgroup other;
	pid_t pid;

	check(make("busy", &res));
	pid = sleeper();
	check(pid > 0);
	other = cg;
	check(rt_cgroup_create(&other, &res, &err) == -EBUSY);
	check(strstr(err.msg, "is not empty") != NULL);
	check(rt_cgroup_remove(&cg, &err) == -EBUSY);
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(waitpid(pid, NULL, 0) == pid);
	/* what was left behind empty is taken over */
	check(rt_cgroup_create(&cg, &res, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0); /* twice does no harm */
	return true;
}

bool test_groups_of_others_stay(void)
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

bool test_groups_below_go_too(void)
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

bool test_kill_beats_a_fork_bomb(void)
{
	struct rt_resources res = { .set = true };
	double start;
	pid_t pid, first, *pids;
	size_t count;

	res.pids_limit = i64(400);
	check(make("bomb", &res));
	pid = sleeper();
	check(pid > 0);
	first = fork_into();
	check(first >= 0);
	if (first == 0)
		bomb();
	start = now();
	do {
		(void)usleep(50000);
		check(rt_cgroup_pids(&cg, &pids, &count, &err) == 0);
		free(pids);
	} while (count < 100 && now() < start + 20); /* an emulated processor takes its time */
	printf("# %zu processes before the kill\n", count);
	check(count >= 100);
	start = now();
	check(rt_cgroup_kill(&cg, SIGKILL, &err) == 0);
	check(rt_cgroup_remove(&cg, &err) == 0);
	printf("# killed and removed within %.1f ms\n", 1000 * (now() - start));
	check(waitpid(pid, NULL, 0) == pid);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return true;
}

bool test_signals_reach_all(void)
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

bool test_killed_while_paused(void)
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

bool test_clone_into(void)
{
	static const struct rt_resources res = { .set = true };
	struct clone_args args;
	pid_t pid, *pids;
	size_t count;
	int fd;

	check(make("clone", &res));
	fd = rt_cgroup_open(&cg);
	if (!is_v2()) {
		check(fd >= 0 || fd == -ENOTSUP); /* hybrid, or v1 alone */
		if (fd >= 0)
			(void)close(fd);
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

bool test_state_round_trip(void)
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

bool test_mount(void)
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

bool test_speed(void)
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
		check(rt_cgroup_devices(&cg, &res, &err) == 0);
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
