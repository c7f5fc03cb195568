/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime/cgroup*.c on the real hierarchies of this machine, v1, hybrid or v2, as root. Limits are
 * proved by running into them. Everything happens below /cps-test-PID, which is gone at the end.
 * TAP on stdout.
 */
#include <config.h>

#include "cgroup-real.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct rt_cgroup cg;
struct cps_err err;
const char *test_name;

static char parent[64];
static struct cps_arena arena = CPS_ARENA_INIT; /* the texts of cg, for as long as we run */

bool is_v2(void)
{
	return cg.layout == RT_CGROUP_V2;
}

const struct rt_cgroup_dir *dir_of(const char *controller)
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

bool value_is(const char *controller, const char *file, const char *want)
{
	const char *got = value(controller, file);

	if (strcmp(got, want) == 0)
		return true;
	printf("# %s: '%s' is '%s', not '%s'\n", test_name, file, got, want);
	return false;
}

int init(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", parent, name);
	return rt_cgroup_init(&cg, path, NULL, "unused", &arena, &err);
}

bool make(const char *name, const struct rt_resources *res)
{
	check(init(name) == 0);
	check(rt_cgroup_create(&cg, res, &err) == 0);
	check(rt_cgroup_limits(&cg, res, NULL, &err) == 0);
	return true;
}

pid_t fork_into(void)
{
	int dir = rt_cgroup_open(&cg);
	struct clone_args args = { .exit_signal = SIGCHLD };
	int joined[2];
	char byte = 0;
	pid_t pid;

	if ((dir < 0 && dir != -ENOTSUP) || pipe(joined) < 0)
		return -1;
	if (dir >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)dir;
	}
	(void)fflush(stdout);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		if (rt_cgroup_join_self(&cg, &err) < 0 || write(joined[1], &byte, 1) != 1)
			_exit(98);
		(void)close(joined[0]);
		(void)close(joined[1]);
		return 0;
	}
	(void)close(joined[1]);
	if (pid > 0 && read(joined[0], &byte, 1) != 1) {
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	(void)close(joined[0]);
	if (dir >= 0)
		(void)close(dir);
	return pid;
}

/* Runs f in a child that has joined cg, and returns its wait status. */
int run(int (*f)(void))
{
	pid_t pid = fork_into();
	int status;

	if (pid == 0)
		_exit(f());
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

pid_t sleeper(void)
{
	pid_t pid = fork_into();

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

struct rt_i64 i64(int64_t v)
{
	return (struct rt_i64){ true, v };
}

struct rt_u64 u64(uint64_t v)
{
	return (struct rt_u64){ true, v };
}

double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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
		double start;
		bool ok;

		test_name = tests[i].name;
		err.msg[0] = '\0';
		start = now();
		ok = tests[i].run();
		if (!ok && cg.ndirs) {
			struct cps_err ignored;

			(void)rt_cgroup_kill(&cg, SIGKILL, &ignored);
			(void)rt_cgroup_remove(&cg, &ignored);
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		}
		failed += !ok;
		printf("%sok %u %s # %.2f s\n", ok ? "" : "not ", i + 1, tests[i].name,
		       now() - start);
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
