/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of cgroup-real share.
 */
#ifndef CGROUP_REAL_H
#define CGROUP_REAL_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "cgroup.h"

#define MIB (1024 * 1024L)

extern struct rt_cgroup cg; /* the one under test */
extern struct cps_err err;
extern const char *test_name;

#define check(cond)                                                                          \
	do {                                                                                 \
		if (!(cond)) {                                                               \
			printf("# %s:%d: %s (last error: %s)\n", test_name, __LINE__, #cond, \
			       err.msg);                                                     \
			return false;                                                        \
		}                                                                            \
	} while (0)

bool is_v2(void);
const struct rt_cgroup_dir *dir_of(const char *controller);
/* A control file's first line is this; says so if not. */
bool value_is(const char *controller, const char *file, const char *want);
int init(const char *name);				     /* cg becomes <parent>/name */
bool make(const char *name, const struct rt_resources *res); /* init, create, limits */
/* A child that is in cg's groups, as spawn.c does it; -1: it could not be. */
pid_t fork_into(void);
int run(int (*f)(void)); /* f in a child that has joined cg: its wait status */
pid_t sleeper(void);	 /* a child in cg that waits to be killed */
double now(void);
struct rt_i64 i64(int64_t v);
struct rt_u64 u64(uint64_t v);

bool test_limits_are_written(void);
bool test_update_in_any_order(void);
bool test_memory_limit_kills(void);
bool test_pids_limit_refuses_forks(void);
bool test_cpu_quota_holds(void);
bool test_devices_are_denied(void);
bool test_occupied_is_refused(void);
bool test_groups_of_others_stay(void);
bool test_groups_below_go_too(void);
bool test_kill_beats_a_fork_bomb(void);
bool test_signals_reach_all(void);
bool test_killed_while_paused(void);
bool test_clone_into(void);
bool test_refused_by_name(void);
bool test_state_round_trip(void);
bool test_mount(void);
bool test_speed(void);

#endif
