/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd is told: names, limits, properties by annotation. */
#include <config.h>

#include "systemd.h"

#include <errno.h>
#include <string.h>

#include "arena.h"
#include "buf.h"
#include "own.h"
#include "unit.h"

static void names_are(const char *given, bool user, const char *unit, const char *path)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct rt_scope scope = { .user = user };
	struct cps_err err = { 0 };
	const char *at = NULL;
	int rc = rt_systemd_names(given, "id", &scope, &at, &a, &err);

	if (!unit) {
		ck_assert_int_eq(rc, -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.msg, "linux.cgroupsPath: "));
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(scope.unit, unit);
	ck_assert_str_eq(at, path);
}

START_TEST(test_names)
{
	names_are(NULL, false, "capsule-id.scope", "/system.slice/capsule-id.scope");
	names_are("", true, "capsule-id.scope", "/user.slice/capsule-id.scope");
	names_are("a.slice:b:c", false, "b-c.scope", "/a.slice/b-c.scope");
	names_are("a-b-c.slice:p:n", false, "p-n.scope",
		  "/a.slice/a-b.slice/a-b-c.slice/p-n.scope");
	names_are("-.slice:p:n", false, "p-n.scope", "/p-n.scope");
	names_are("::n", false, "n.scope", "/system.slice/n.scope");
	names_are("::", false, "id.scope", "/system.slice/id.scope");
	names_are("a:b", false, NULL, NULL);
	names_are("/a/b", false, NULL, NULL);
	names_are("a:b:c:d", false, NULL, NULL);
	names_are("a.service:b:c", false, NULL, NULL);
	names_are(".slice:b:c", false, NULL, NULL);
	names_are("a--b.slice:b:c", false, NULL, NULL);
	names_are("a-.slice:b:c", false, NULL, NULL);
	names_are("a/b.slice:b:c", false, NULL, NULL);
	names_are("a.slice:b:c d", false, NULL, NULL);
	names_are("a.slice:../b:c", false, NULL, NULL);
}
END_TEST

static void limits_are(const struct rt_resources *res, enum rt_cgroup_layout layout,
		       const char *json)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_err err = { 0 };
	struct cps_jsonw w;
	int rc;

	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '[');
	rc = rt_systemd_limits(res, layout, &w, &err);
	cps_jsonw_close(&w, ']');
	if (!json) {
		ck_assert_int_eq(rc, -EINVAL);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(buf.data, json);
}

START_TEST(test_limits)
{
	struct rt_resources res = { 0 };

	limits_are(&res, RT_CGROUP_V2, "[]");
	res.memory.limit.set = res.memory.swap.set = res.memory.reservation.set = true;
	limits_are(&res, RT_CGROUP_V2, "[]"); /* zero leaves it */
	res.memory.limit.v = 1000;
	res.memory.swap.v = 3000;
	res.memory.reservation.v = -1;
	limits_are(&res, RT_CGROUP_V2,
		   "[[\"MemoryMax\",\"t\",1000],[\"MemoryLow\",\"t\",18446744073709551615],"
		   "[\"MemorySwapMax\",\"t\",2000]]");
	limits_are(&res, RT_CGROUP_V1, "[[\"MemoryLimit\",\"t\",1000]]");
	memset(&res, 0, sizeof(res));
	res.cpu.quota.set = res.cpu.period.set = res.cpu.shares.set = res.pids_limit.set = true;
	res.cpu.quota.v = 33333;
	res.cpu.period.v = 200000;
	res.cpu.shares.v = 1024;
	/* rounded up to what systemd can say: 10 ms a second */
	limits_are(&res, RT_CGROUP_V2,
		   "[[\"CPUWeight\",\"t\",100],[\"CPUQuotaPeriodUSec\",\"t\",200000],"
		   "[\"CPUQuotaPerSecUSec\",\"t\",170000],[\"TasksMax\",\"t\",1]]");
	res.cpu.quota.v = -1;
	res.pids_limit.v = -1;
	res.cpu.period.set = false;
	limits_are(&res, RT_CGROUP_V1,
		   "[[\"CPUShares\",\"t\",1024],[\"CPUQuotaPerSecUSec\",\"t\","
		   "18446744073709551615],[\"TasksMax\",\"t\",18446744073709551615]]");
}
END_TEST

START_TEST(test_cpusets)
{
	struct rt_resources res = { 0 };

	res.cpu.cpus = "0-2,9";
	res.cpu.mems = "0";
	limits_are(&res, RT_CGROUP_V2,
		   "[[\"AllowedCPUs\",\"ay\",[7,2]],[\"AllowedMemoryNodes\",\"ay\",[1]]]");
	limits_are(&res, RT_CGROUP_V1, "[]");
	res.cpu.cpus = "3-1";
	limits_are(&res, RT_CGROUP_V2, NULL);
	res.cpu.cpus = "a";
	limits_are(&res, RT_CGROUP_V2, NULL);
	res.cpu.cpus = "1-99999999";
	limits_are(&res, RT_CGROUP_V2, NULL);
}
END_TEST

START_TEST(test_unified)
{
	const struct rt_key_value kv[] = {
		{ "memory.high", "max" }, { "cpu.max", "50000 100000" }, { "cpuset.cpus", "1" },
		{ "pids.max", "7" },	  { "hugetlb.2MB.max", "1" },
	};
	const struct rt_key_value bad = { "memory.max", "much" };
	struct rt_resources res = { .nunified = 5, .unified = kv };

	limits_are(&res, RT_CGROUP_V2,
		   "[[\"MemoryHigh\",\"t\",18446744073709551615],[\"CPUQuotaPeriodUSec\",\"t\","
		   "100000],[\"CPUQuotaPerSecUSec\",\"t\",500000],[\"AllowedCPUs\",\"ay\",[2]],"
		   "[\"TasksMax\",\"t\",7]]");
	res.nunified = 1;
	res.unified = &bad;
	limits_are(&res, RT_CGROUP_V2, NULL);
}
END_TEST

static void annotation_is(const char *name, const char *value, const char *json)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_err err = { 0 };
	struct cps_jsonw w;
	int rc;

	cps_jsonw_init(&w, &buf, false);
	rc = rt_systemd_annotation(name, value, &w, &err);
	if (!json) {
		ck_assert_msg(rc == -EINVAL, "'%s' was taken: %s", value, buf.data);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(buf.data, json);
}

START_TEST(test_annotations)
{
	annotation_is("TimeoutStopUSec", "uint64 5000000", "[\"TimeoutStopUSec\",\"t\",5000000]");
	annotation_is("TimeoutStopSec", "1.5", "[\"TimeoutStopUSec\",\"t\",1500000]");
	annotation_is("TimeoutStopSec", "uint64 3", "[\"TimeoutStopUSec\",\"t\",3000000]");
	annotation_is("CollectMode", "'inactive'", "[\"CollectMode\",\"s\",\"inactive\"]");
	annotation_is("Description", "\"it's \\\"so\\\"\"",
		      "[\"Description\",\"s\",\"it's \\\"so\\\"\"]");
	annotation_is("Flag", "true", "[\"Flag\",\"b\",true]");
	annotation_is("Number", " -7 ", "[\"Number\",\"i\",-7]");
	annotation_is("After", "['a.service', 'b']", "[\"After\",\"as\",[\"a.service\",\"b\"]]");
	annotation_is("Bytes", "[byte 1]", NULL);
	annotation_is("Empty", "@as []", "[\"Empty\",\"as\",[]]");
	annotation_is("Bytes", "@ay [1, 2]", "[\"Bytes\",\"ay\",[1,2]]");
	annotation_is("Empty", "[]", NULL);
	annotation_is("Name", "'open", NULL);
	annotation_is("Name", "soon", NULL);
	annotation_is("Name", "", NULL);
	annotation_is("Name", "1 2", NULL);
	annotation_is("Name", "uint64 'a'", NULL);
	annotation_is("Name", "boolean 1", NULL);
	annotation_is("Name", "['a', 1]", NULL);
	annotation_is("Name", "['a' 'b']", NULL);
	annotation_is("Na me", "1", NULL);
	annotation_is("", "1", NULL);
	annotation_is("TimeoutStopSec", "-1", NULL);
	annotation_is("TimeoutStopSec", "long", NULL);
	annotation_is("Sec", "5", "[\"Sec\",\"i\",5]");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_names, test_limits, test_cpusets, test_unified, test_annotations, NULL,
	};

	return unit_main("systemd", tests);
}
