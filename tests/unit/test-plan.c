/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: which namespaces the clone makes, who joins which, and when a stage is needed.
 */
#include <config.h>

#include "plan.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "unit.h"

static struct rt_spec spec;
static struct rt_plan plan;
static struct cps_err err;
static const struct rt_id_map map = { 0, 100000, 65536 };

static void start(void)
{
	memset(&spec, 0, sizeof(spec));
	memset(&plan, 0xff, sizeof(plan));
}

static void add_new(enum rt_ns ns)
{
	spec.ns[ns].wanted = true;
}

static void add_path(enum rt_ns ns)
{
	spec.ns[ns].wanted = true;
	spec.ns[ns].path = "/proc/1/ns/x";
}

static void add_maps(void)
{
	add_new(RT_NS_USER);
	spec.uid_maps = spec.gid_maps = &map;
	spec.nuid_maps = spec.ngid_maps = 1;
}

START_TEST(test_default_namespaces_are_one_clone)
{
	start();
	add_new(RT_NS_PID);
	add_new(RT_NS_NET);
	add_new(RT_NS_IPC);
	add_new(RT_NS_UTS);
	add_new(RT_NS_MOUNT);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	ck_assert_int_eq(plan.topology, RT_DIRECT);
	ck_assert_uint_eq(plan.clone_flags,
			  CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS);
	ck_assert_uint_eq(plan.lent | plan.joined | plan.unshare_flags, 0);
	ck_assert(!plan.userns && !plan.new_cgroupns);
}
END_TEST

START_TEST(test_cgroup_namespace_is_inits_own_business)
{
	start();
	add_new(RT_NS_CGROUP);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	ck_assert(plan.new_cgroupns);
	ck_assert_uint_eq(plan.clone_flags | plan.unshare_flags, 0);
}
END_TEST

START_TEST(test_joined_pid_namespace_is_lent)
{
	start();
	add_path(RT_NS_PID);
	add_path(RT_NS_NET);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	ck_assert_int_eq(plan.topology, RT_DIRECT);
	ck_assert_uint_eq(plan.lent, 1u << RT_NS_PID);
	ck_assert_uint_eq(plan.joined, 1u << RT_NS_NET);
}
END_TEST

/* It has no power over older namespaces, so that the runtime must join them for it. */
START_TEST(test_new_user_namespace_is_lent_the_others)
{
	start();
	add_maps();
	add_new(RT_NS_PID);
	add_new(RT_NS_MOUNT);
	add_path(RT_NS_NET);
	add_path(RT_NS_IPC);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	ck_assert_int_eq(plan.topology, RT_DIRECT);
	ck_assert_uint_eq(plan.clone_flags, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS);
	ck_assert_uint_eq(plan.lent, 1u << RT_NS_NET | 1u << RT_NS_IPC);
	ck_assert_uint_eq(plan.joined, 0);
	ck_assert(plan.userns);
}
END_TEST

START_TEST(test_joined_user_namespace_and_new_pid_namespace_need_a_stage)
{
	start();
	add_path(RT_NS_USER);
	add_new(RT_NS_PID);
	add_new(RT_NS_MOUNT);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	ck_assert_int_eq(plan.topology, RT_VIA_STAGE);
	ck_assert_uint_eq(plan.clone_flags, CLONE_NEWPID | CLONE_NEWNS);
	ck_assert_uint_eq(plan.unshare_flags, 0);
	ck_assert_uint_eq(plan.joined, 1u << RT_NS_USER);
}
END_TEST

START_TEST(test_joined_user_namespace_alone_is_inits)
{
	start();
	add_path(RT_NS_USER);
	add_new(RT_NS_MOUNT);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	ck_assert_int_eq(plan.topology, RT_DIRECT);
	ck_assert_uint_eq(plan.clone_flags, 0);
	ck_assert_uint_eq(plan.unshare_flags, CLONE_NEWNS);
}
END_TEST

START_TEST(test_exec_joins_all_and_clones_in_the_pid_namespace)
{
	start();
	add_maps();
	add_new(RT_NS_PID);
	add_path(RT_NS_NET);
	add_new(RT_NS_CGROUP);
	rt_plan_exec(&spec, &plan);
	ck_assert_int_eq(plan.topology, RT_DIRECT);
	ck_assert_uint_eq(plan.clone_flags | plan.unshare_flags, 0);
	ck_assert_uint_eq(plan.lent, 1u << RT_NS_PID);
	ck_assert_uint_eq(plan.joined, 1u << RT_NS_USER | 1u << RT_NS_NET | 1u << RT_NS_CGROUP);
	ck_assert(plan.userns && !plan.new_cgroupns);
}
END_TEST

START_TEST(test_without_privileges_the_user_namespace_comes_first)
{
	start();
	add_new(RT_NS_USER);
	add_new(RT_NS_PID);
	add_new(RT_NS_MOUNT);
	rt_plan_exec(&spec, &plan);
	rt_plan_unprivileged(&plan);
	ck_assert_int_eq(plan.topology, RT_VIA_STAGE);
	ck_assert_uint_eq(plan.lent, 0);
	ck_assert_uint_eq(plan.joined, 1u << RT_NS_USER | 1u << RT_NS_PID | 1u << RT_NS_MOUNT);
	/* a new one gives power over nothing older: there is nothing to be changed */
	start();
	add_maps();
	add_path(RT_NS_NET);
	ck_assert_ok(rt_plan_create(&spec, &plan, &err), err);
	rt_plan_unprivileged(&plan);
	ck_assert_int_eq(plan.topology, RT_DIRECT);
	ck_assert_uint_eq(plan.lent, 1u << RT_NS_NET);
}
END_TEST

START_TEST(test_what_the_kernel_would_say_in_riddles)
{
	start();
	add_maps();
	add_path(RT_NS_MOUNT);
	ck_assert_err(rt_plan_create(&spec, &plan, &err), EINVAL, err, "mount namespace");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_default_namespaces_are_one_clone,
		test_cgroup_namespace_is_inits_own_business,
		test_joined_pid_namespace_is_lent,
		test_new_user_namespace_is_lent_the_others,
		test_joined_user_namespace_and_new_pid_namespace_need_a_stage,
		test_joined_user_namespace_alone_is_inits,
		test_exec_joins_all_and_clones_in_the_pid_namespace,
		test_without_privileges_the_user_namespace_comes_first,
		test_what_the_kernel_would_say_in_riddles,
		NULL,
	};

	return unit_main("plan", tests);
}
