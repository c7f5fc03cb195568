/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of `capsule-runtime events --stats`, as `capsule stats` reads it.
 */
#include <config.h>

#include "stats.h"

#include <errno.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "own.h"
#include "unit.h"

static struct cps_arena arena = CPS_ARENA_INIT;
static struct cps_err err;

static struct sup_usage parsed(const char *line)
{
	struct sup_usage u = { .pids = 99 };

	ck_assert_ok(sup_stats_parse(&arena, line, strlen(line), &u, &err), err);
	return u;
}

START_TEST(a_line_of_the_runtimes)
{
	struct sup_usage u = parsed(
		"{\"type\":\"stats\",\"id\":\"web1\",\"data\":{"
		"\"cpu\":{\"usage\":{\"total\":18446744073709551615,\"kernel\":5}},"
		"\"memory\":{\"cache\":7,\"usage\":{\"limit\":65536,\"usage\":5000,\"max\":6000},"
		"\"raw\":{\"inactive_file\":1,\"total_inactive_file\":1000}},"
		"\"pids\":{\"current\":3,\"limit\":10},"
		"\"blkio\":{\"ioServiceBytesRecursive\":["
		"{\"major\":254,\"op\":\"Read\",\"value\":10},{\"major\":254,\"op\":\"Write\","
		"\"value\":20},"
		"{\"major\":8,\"op\":\"Read\",\"value\":1},{\"major\":8,\"op\":\"Sync\",\"value\":"
		"500}],"
		"\"ioServicedRecursive\":[{\"op\":\"Read\",\"value\":700}]}}}");

	ck_assert_str_eq(u.id, "web1");
	ck_assert_uint_eq(u.cpu_ns, UINT64_MAX);
	ck_assert_uint_eq(u.memory, 4000); /* with the groups below, as the usage is */
	ck_assert_uint_eq(u.memory_limit, 65536);
	ck_assert_uint_eq(u.pids, 3);
	ck_assert_uint_eq(u.block_read, 11);
	ck_assert_uint_eq(u.block_written, 20);
	ck_assert_uint_eq(u.net_rx + u.net_tx, 0);
}
END_TEST

START_TEST(memory_that_can_be_had_back)
{
	ck_assert_uint_eq(parsed("{\"id\":\"a\",\"data\":{\"memory\":{\"usage\":{\"usage\":50},"
				 "\"raw\":{\"inactive_file\":20}}}}")
				  .memory,
			  30);
	/* read one after the other, they may not fit together */
	ck_assert_uint_eq(parsed("{\"id\":\"a\",\"data\":{\"memory\":{\"usage\":{\"usage\":50},"
				 "\"raw\":{\"inactive_file\":60}}}}")
				  .memory,
			  0);
}
END_TEST

START_TEST(no_limit_is_the_machines_memory)
{
	struct sysinfo machine;

	ck_assert_int_eq(sysinfo(&machine), 0);
	ck_assert_uint_eq(parsed("{\"id\":\"a\",\"data\":{\"memory\":{\"usage\":{\"limit\":"
				 "9223372036854771712}}}}")
				  .memory_limit,
			  (uint64_t)machine.totalram * machine.mem_unit);
}
END_TEST

START_TEST(what_is_left_out_or_no_number_is_zero)
{
	static const char *const lines[] = {
		"{\"id\":\"a\"}",
		"{\"id\":\"a\",\"data\":null}",
		"{\"id\":\"a\",\"data\":[]}",
		"{\"id\":\"a\",\"data\":{\"cpu\":{\"usage\":5},\"memory\":\"much\",\"pids\":[],"
		"\"blkio\":{\"ioServiceBytesRecursive\":null}}}",
		"{\"id\":\"a\",\"data\":{\"cpu\":{\"usage\":{\"total\":-1}},\"pids\":{\"current\":"
		"1.5},"
		"\"blkio\":{\"ioServiceBytesRecursive\":[{},{\"op\":\"Read\"},{\"op\":5,\"value\":"
		"5},"
		"{\"value\":5},7]}}}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sup_usage u = parsed(lines[i]);

		ck_assert_msg(u.cpu_ns + u.memory + u.memory_limit + u.pids + u.block_read +
					      u.block_written ==
				      0,
			      "%s", lines[i]);
	}
}
END_TEST

START_TEST(no_line_of_the_runtimes)
{
	static const char *const lines[] = {
		"", "x", "{", "[]", "{}", "{\"id\":5}", "{\"id\":null}"
	};
	struct sup_usage u = { .pids = 99 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(sup_stats_parse(&arena, lines[i], strlen(lines[i]), &u, &err) ==
				      -EINVAL,
			      "%s", lines[i]);
	ck_assert_uint_eq(u.pids, 99);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_line_of_the_runtimes,		 memory_that_can_be_had_back,
		no_limit_is_the_machines_memory, what_is_left_out_or_no_number_is_zero,
		no_line_of_the_runtimes,	 NULL,
	};

	return unit_main("stats", tests);
}
