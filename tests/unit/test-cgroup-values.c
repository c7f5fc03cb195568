/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup-values.c: what is written where, for both layouts, and what is refused by name.
 */
#include <config.h>

#include "cgroup-values.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static struct cps_arena arena;
static struct rt_cgroup_writes w;
static struct rt_resources res = { .set = true };
static struct cps_err err;

/* Start again. */
static void reset(void)
{
	res = (struct rt_resources){ .set = true };
	w = (struct rt_cgroup_writes){ 0 };
	err.msg[0] = '\0';
}

static struct rt_i64 i64(int64_t v)
{
	return (struct rt_i64){ true, v };
}

static struct rt_u64 u64(uint64_t v)
{
	return (struct rt_u64){ true, v };
}

static int v1(void)
{
	return rt_cgroup_values_v1(&arena, &res, &w, NULL, &err);
}

static int v2(const char *cpu_max)
{
	return rt_cgroup_values_v2(&arena, &res, cpu_max, &w, NULL, &err);
}

/* What is written to file; NULL: nothing. */
static const char *written(const char *file)
{
	for (size_t i = 0; i < w.n; i++)
		if (strcmp(w.v[i].file, file) == 0)
			return w.v[i].text;
	return NULL;
}

static size_t place(const char *file)
{
	for (size_t i = 0; i < w.n; i++)
		if (strcmp(w.v[i].file, file) == 0)
			return i;
	ck_abort_msg("%s is not written", file);
	return 0;
}

START_TEST(test_weight_from_shares)
{
	/* the ends, the default at the default, and values of the published table of the formula */
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(0), 1);
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(2), 1);
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(1024), 100);
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(512), 59);
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(2048), 174);
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(262144), 10000);
	ck_assert_uint_eq(rt_cgroup_weight_from_shares(UINT64_MAX), 10000);
	for (uint64_t s = 3; s < 262144; s++) {
		uint64_t weight = rt_cgroup_weight_from_shares(s);

		ck_assert_uint_ge(weight, rt_cgroup_weight_from_shares(s - 1));
		ck_assert_uint_le(weight, 10000);
	}
}
END_TEST

START_TEST(test_io_weight)
{
	ck_assert_uint_eq(rt_cgroup_io_weight(10), 1);
	ck_assert_uint_eq(rt_cgroup_io_weight(1000), 10000);
	ck_assert_uint_eq(rt_cgroup_io_weight(500), 4950);
}
END_TEST

START_TEST(test_swap_alone)
{
	struct rt_i64 limit = i64(100), unlimited = i64(-1), none = { 0 };
	int64_t swap = 0;

	ck_assert_int_eq(rt_cgroup_swap_alone(&limit, 150, &swap), 0);
	ck_assert_int_eq(swap, 50);
	ck_assert_int_eq(rt_cgroup_swap_alone(&limit, 100, &swap), 0);
	ck_assert_int_eq(swap, 0);
	ck_assert_int_eq(rt_cgroup_swap_alone(&none, -1, &swap), 0);
	ck_assert_int_eq(swap, -1);
	ck_assert_int_eq(rt_cgroup_swap_alone(&limit, 99, &swap), -EINVAL);
	ck_assert_int_eq(rt_cgroup_swap_alone(&none, 99, &swap), -EINVAL);
	ck_assert_int_eq(rt_cgroup_swap_alone(&unlimited, 99, &swap), -EINVAL);
}
END_TEST

START_TEST(test_zeros_of_docker_write_nothing)
{
	res.memory.limit = res.memory.reservation = res.memory.swap = res.memory.kernel = i64(0);
	res.cpu.shares = res.cpu.period = u64(0);
	res.cpu.quota = i64(0);
	res.cpu.cpus = res.cpu.mems = "";
	res.blkio.weight = u64(0);
	ck_assert_int_eq(v1(), 0);
	ck_assert_uint_eq(w.n, 0);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_uint_eq(w.n, 0);
}
END_TEST

START_TEST(test_memory)
{
	res.memory.limit = i64(1000);
	res.memory.swap = i64(3000);
	res.memory.reservation = i64(500);
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("memory.limit_in_bytes"), "1000");
	ck_assert_str_eq(written("memory.memsw.limit_in_bytes"), "3000");
	ck_assert_str_eq(written("memory.soft_limit_in_bytes"), "500");
	ck_assert_uint_ne(w.v[place("memory.limit_in_bytes")].group, 0);
	ck_assert_uint_eq(w.v[place("memory.limit_in_bytes")].group,
			  w.v[place("memory.memsw.limit_in_bytes")].group);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("memory.max"), "1000");
	ck_assert_str_eq(written("memory.swap.max"), "2000");
	ck_assert_str_eq(written("memory.low"), "500");
	ck_assert_str_eq(w.v[place("memory.max")].controller, "memory");
}
END_TEST

START_TEST(test_memory_unlimited_lifts_swap)
{
	res.memory.limit = i64(-1);
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("memory.limit_in_bytes"), "-1");
	ck_assert_str_eq(written("memory.memsw.limit_in_bytes"), "-1");
	ck_assert(w.v[place("memory.memsw.limit_in_bytes")].optional);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("memory.max"), "max");
	ck_assert_str_eq(written("memory.swap.max"), "max");
}
END_TEST

START_TEST(test_memory_refused)
{
	res.memory.limit = i64(1000);
	res.memory.swap = i64(999);
	ck_assert_int_eq(v1(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.memory.swap: 999"));
	ck_assert_int_eq(v2(NULL), -EINVAL);
	res.memory.swap = i64(-2);
	ck_assert_int_eq(v1(), -EINVAL);
	reset();
	res.memory.swap = i64(1000); /* v1: whether there is a limit is the kernel's to know */
	ck_assert_int_eq(v1(), 0);
	ck_assert_int_eq(v2(NULL), -EINVAL);
	reset();
	res.memory.swappiness = u64(101);
	ck_assert_int_eq(v1(), -EINVAL);
}
END_TEST

START_TEST(test_memory_words_of_v1)
{
	res.memory.swappiness = u64(0);
	res.memory.disable_oom_killer = true;
	res.memory.kernel_tcp = i64(77);
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("memory.swappiness"), "0");
	ck_assert_str_eq(written("memory.oom_control"), "1");
	ck_assert_str_eq(written("memory.kmem.tcp.limit_in_bytes"), "77");
	ck_assert_int_eq(v2(NULL), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.memory.kernelTCP"));
	res.memory.kernel_tcp = i64(-1);
	ck_assert_int_eq(v2(NULL), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.memory.swappiness"));
	res.memory.swappiness.set = false;
	ck_assert_int_eq(v2(NULL), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.memory.disableOOMKiller"));
}
END_TEST

START_TEST(test_cpu)
{
	res.cpu.shares = u64(1024);
	res.cpu.quota = i64(50000);
	res.cpu.period = u64(200000);
	res.cpu.burst = u64(1000);
	res.cpu.cpus = "0-1";
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("cpu.shares"), "1024");
	ck_assert_str_eq(written("cpu.cfs_quota_us"), "50000");
	ck_assert_str_eq(written("cpu.cfs_period_us"), "200000");
	ck_assert_str_eq(written("cpu.cfs_burst_us"), "1000");
	ck_assert_str_eq(written("cpuset.cpus"), "0-1");
	ck_assert_ptr_null(written("cpuset.mems"));
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("cpu.weight"), "100");
	ck_assert_str_eq(written("cpu.max"), "50000 200000");
	ck_assert_str_eq(written("cpu.max.burst"), "1000");
}
END_TEST

START_TEST(test_cpu_max_keeps_what_is_not_given)
{
	res.cpu.period = u64(200000);
	ck_assert_int_eq(v2("30000 100000\n"), 0);
	ck_assert_str_eq(written("cpu.max"), "30000 200000");
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("cpu.max"), "max 200000");
	reset();
	res.cpu.quota = i64(-1);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("cpu.max"), "max");
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("cpu.cfs_quota_us"), "-1");
}
END_TEST

START_TEST(test_cpu_idle_order)
{
	res.cpu.shares = u64(1024);
	res.cpu.idle = i64(1);
	ck_assert_int_eq(v1(), 0);
	ck_assert_uint_gt(place("cpu.idle"), place("cpu.shares"));
	res.cpu.idle = i64(0);
	ck_assert_int_eq(v1(), 0);
	ck_assert_uint_lt(place("cpu.idle"), place("cpu.shares"));
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_uint_lt(place("cpu.idle"), place("cpu.weight"));
}
END_TEST

START_TEST(test_realtime_is_v1)
{
	res.cpu.realtime_period = u64(1000000);
	res.cpu.realtime_runtime = i64(950000);
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("cpu.rt_runtime_us"), "950000");
	ck_assert_int_eq(v2(NULL), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.cpu.realtimePeriod"));
}
END_TEST

START_TEST(test_shares_out_of_range_warn)
{
	struct rt_warn warn = { 0 };
	uint32_t pos = 0;
	const char *text;

	res.cpu.shares = u64(1);
	ck_assert_int_eq(rt_cgroup_values_v1(&arena, &res, &w, &warn, &err), 0);
	ck_assert_str_eq(written("cpu.shares"), "2");
	text = rt_warn_next(&warn, &pos);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "cpu.shares"));
}
END_TEST

START_TEST(test_pids)
{
	res.pids_limit = i64(-1);
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("pids.max"), "max");
	res.pids_limit = i64(0);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("pids.max"), "1");
	res.pids_limit = i64(64);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("pids.max"), "64");
}
END_TEST

START_TEST(test_hugepages)
{
	static const struct rt_hugepage page = { "2MB", 4194304 };
	static const struct rt_hugepage bad[] = {
		{ "../memory.max", 1 }, { "2M", 1 }, { "MB", 1 },
		{ "2MBx", 1 },		{ "", 1 },   { "2mB", 1 }
	};

	res.nhugepages = 1;
	res.hugepages = &page;
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("hugetlb.2MB.limit_in_bytes"), "4194304");
	ck_assert_str_eq(w.v[0].controller, "hugetlb");
	ck_assert(w.v[place("hugetlb.2MB.rsvd.limit_in_bytes")].optional);
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("hugetlb.2MB.max"), "4194304");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		res.hugepages = &bad[i];
		ck_assert_int_eq(v1(), -EINVAL);
	}
}
END_TEST

START_TEST(test_blkio)
{
	static const struct rt_blkio_dev rate = { 8, 16, 1048576, { 0 } };
	static const struct rt_blkio_dev none = { 8, 0, 0, { 0 } };
	static const struct rt_blkio_dev weight = { 8, 0, 500, { 0 } };

	res.blkio.weight = u64(300);
	res.blkio.weight_dev = (struct rt_blkio_devs){ 1, &weight };
	res.blkio.read_bps = (struct rt_blkio_devs){ 1, &rate };
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("blkio.bfq.weight"), "300");
	ck_assert(w.v[place("blkio.bfq.weight")].or_next);
	ck_assert_uint_eq(place("blkio.weight"), place("blkio.bfq.weight") + 1);
	ck_assert_str_eq(written("blkio.weight_device"), "8:0 500");
	ck_assert_str_eq(written("blkio.throttle.read_bps_device"), "8:16 1048576");
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("io.bfq.weight"), "default 300");
	ck_assert_str_eq(written("io.weight"), "default 2930");
	ck_assert_str_eq(written("io.max"), "8:16 rbps=1048576");
	reset();
	res.blkio.write_iops = (struct rt_blkio_devs){ 1, &none };
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("io.max"), "8:0 wiops=max");
	reset();
	res.blkio.weight = u64(9);
	ck_assert_int_eq(v1(), -EINVAL);
	ck_assert_int_eq(v2(NULL), -EINVAL);
	reset();
	res.blkio.leaf_weight = u64(100);
	ck_assert_int_eq(v1(), 0);
	ck_assert_int_eq(v2(NULL), -EOPNOTSUPP);
}
END_TEST

START_TEST(test_network)
{
	static const struct rt_net_priority priorities[] = { { "eth0", 5 }, { "lo", 0 } };

	reset();
	res.class_id = u64(0x100001);
	res.priorities = priorities;
	res.npriorities = 2;
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("net_cls.classid"), "1048577");
	ck_assert_str_eq(written("net_prio.ifpriomap"), "eth0 5");
	ck_assert_str_eq(w.v[place("net_prio.ifpriomap") + 1].text, "lo 0");
	ck_assert_err(v2(NULL), EOPNOTSUPP, err, "linux.resources.network.classID");
	res.class_id.set = false;
	ck_assert_err(v2(NULL), EOPNOTSUPP, err, "linux.resources.network.priorities");
}
END_TEST

START_TEST(test_rdma)
{
	const struct rt_rdma rdma[] = { { "mlx5_0", u64(3), u64(10000) },
					{ "mlx5_1", { false, 0 }, u64(4) },
					{ "mlx5_2", { false, 0 }, { false, 0 } } };

	reset();
	res.rdma = rdma;
	res.nrdma = 3;
	ck_assert_int_eq(v1(), 0);
	ck_assert_str_eq(written("rdma.max"), "mlx5_0 hca_handle=3 hca_object=10000");
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_uint_eq(w.n, 2);
	ck_assert_str_eq(w.v[1].text, "mlx5_1 hca_object=4");
	ck_assert_str_eq(w.v[1].controller, "rdma");
}
END_TEST

START_TEST(test_unified)
{
	static const struct rt_key_value high = { "memory.high", "max" };
	static const struct rt_key_value bad[] = { { "../x.y", "1" },
						   { "nodot", "1" },
						   { ".", "1" } };

	res.nunified = 1;
	res.unified = &high;
	ck_assert_int_eq(v1(), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.unified"));
	ck_assert_int_eq(v2(NULL), 0);
	ck_assert_str_eq(written("memory.high"), "max");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		res.unified = &bad[i];
		ck_assert_int_eq(v2(NULL), -EINVAL);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_weight_from_shares,
		test_io_weight,
		test_swap_alone,
		test_zeros_of_docker_write_nothing,
		test_memory,
		test_memory_unlimited_lifts_swap,
		test_memory_refused,
		test_memory_words_of_v1,
		test_cpu,
		test_cpu_max_keeps_what_is_not_given,
		test_cpu_idle_order,
		test_realtime_is_v1,
		test_shares_out_of_range_warn,
		test_pids,
		test_hugepages,
		test_blkio,
		test_network,
		test_rdma,
		test_unified,
		NULL,
	};

	return unit_main("cgroup-values", tests);
}
