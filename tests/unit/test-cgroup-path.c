/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container's groups are: paths of the config, escapes, and the state file as it comes
 * back.
 */
#include <config.h>

#include "cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "unit.h"

static struct rt_cgroup cg;
static struct cps_arena arena = CPS_ARENA_INIT; /* the texts of cg, for as long as we run */
static struct cps_err err;

static int init(const char *path, const char *parent)
{
	return rt_cgroup_init(&cg, path, parent, "web1", &arena, &err);
}

static bool has_cgroups(void)
{
	return init("/x", NULL) == 0;
}

START_TEST(test_absolute_paths)
{
	if (!has_cgroups())
		return; /* nothing mounted: nowhere to be */
	ck_assert_int_eq(init("/a/b", NULL), 0);
	for (unsigned i = 0; i < cg.ndirs; i++)
		ck_assert_str_eq(cg.dirs[i].path, "/a/b");
	ck_assert_int_eq(init("//a/./b//", "/ignored"), 0);
	ck_assert_str_eq(cg.dirs[0].path, "/a/b");
	ck_assert_int_eq(init(NULL, "/capsule"), 0);
	ck_assert_str_eq(cg.dirs[0].path, "/capsule/web1");
	ck_assert_int_eq(init("", "/capsule"), 0);
	ck_assert_str_eq(cg.dirs[0].path, "/capsule/web1");
	ck_assert_int_eq(init("/...", NULL), 0);
	ck_assert_str_eq(cg.dirs[0].path, "/...");
}
END_TEST

START_TEST(test_relative_paths_end_with_the_name)
{
	static const char *const paths[] = { "web1", "./web1", "web1/" };

	if (!has_cgroups())
		return;
	for (size_t i = 0; i < 4; i++) {
		const char *path = i < 3 ? paths[i] : NULL;
		size_t len;

		ck_assert_int_eq(init(path, NULL), 0);
		len = strlen(cg.dirs[0].path);
		ck_assert_uint_ge(len, 5);
		ck_assert_str_eq(cg.dirs[0].path + len - 5, "/web1");
	}
}
END_TEST

START_TEST(test_escapes_are_refused)
{
	static const char *const paths[] = { "..",   "/..",  "/a/..", "/a/../b",
					     "../a", "a/..", "/./.." };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ck_assert_err(init(paths[i], NULL), EINVAL, err, "'..' is not allowed");
		ck_assert_uint_eq(cg.ndirs, 0);
	}
	ck_assert_err(init(NULL, "/a/.."), EINVAL, err, "'..'");
	ck_assert_err(init("/a\nb", NULL), EINVAL, err, "line feed");
}
END_TEST

START_TEST(test_no_group_is_refused)
{
	ck_assert_err(init("/", NULL), EINVAL, err, "names no group");
	ck_assert_err(init("//./", NULL), EINVAL, err, "names no group");
}
END_TEST

START_TEST(test_long_paths_are_refused)
{
	char path[2000];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[300] = '\0'; /* one name */
	ck_assert_err(init(path, NULL), ENAMETOOLONG, err, "too long");
	path[300] = 'a';
	for (size_t i = 0; i < sizeof(path); i += 100)
		path[i] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_err(init(path, NULL), ENAMETOOLONG, err, "too long");
}
END_TEST

static int load(const char *text)
{
	const struct cps_json *node;

	ck_assert_int_eq(cps_json_parse(&arena, text, strlen(text), &node, &err), 0);
	return rt_cgroup_load(&cg, node, &err);
}

#define DIR(mount, path)                                                            \
	"{\"layout\":\"v1\",\"dirs\":[{\"controllers\":\"pids\",\"mount\":\"" mount \
	"\",\"path\":\"" path "\",\"made\":true}]}"

START_TEST(test_state_is_read_back)
{
	struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	ck_assert_int_eq(load(DIR("/sys/fs/cgroup/pids", "/capsule/web1")), 0);
	ck_assert_uint_eq(cg.ndirs, 1);
	ck_assert(cg.dirs[0].made);
	cps_jsonw_init(&w, &buf, false);
	rt_cgroup_format(&cg, &w, NULL);
	ck_assert_str_eq(buf.data, DIR("/sys/fs/cgroup/pids", "/capsule/web1"));
	cps_buf_done(&buf);
	cps_jsonw_init(&w, &buf, false);
	rt_cgroup_paths(&cg, &w, NULL);
	ck_assert_str_eq(buf.data, "{\"pids\":\"/sys/fs/cgroup/pids/capsule/web1\"}");
	cps_buf_done(&buf);
}
END_TEST

START_TEST(test_paths_name_each_controller)
{
	struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cg = (struct rt_cgroup){ .layout = RT_CGROUP_V1, .ndirs = 2 };
	cg.dirs[0] = (struct rt_cgroup_dir){ "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/x",
					     .made = true };
	cg.dirs[1] = (struct rt_cgroup_dir){ "", "/sys/fs/cgroup/unified", "/x", .made = true };
	cps_jsonw_init(&w, &buf, false);
	rt_cgroup_paths(&cg, &w, NULL);
	ck_assert_str_eq(buf.data, "{\"cpu\":\"/sys/fs/cgroup/cpu,cpuacct/x\","
				   "\"cpuacct\":\"/sys/fs/cgroup/cpu,cpuacct/x\","
				   "\"unified\":\"/sys/fs/cgroup/unified/x\"}");
	cps_buf_done(&buf);
}
END_TEST

/* delete removes what the state file names: it must not name anything but groups of containers. */
START_TEST(test_state_full_of_noise)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"3",
		"{\"layout\":\"v3\",\"dirs\":[]}",
		"{\"layout\":\"version one\",\"dirs\":[]}",
		"{\"layout\":\"v1\"}",
		"{\"layout\":\"v1\",\"dirs\":{}}",
		"{\"layout\":\"v1\",\"dirs\":[3]}",
		"{\"layout\":\"v1\",\"dirs\":[{}]}",
		DIR("/", "/etc"),
		DIR("/sys/fs/cgroupx", "/a"),
		DIR("/sys/fs/cgroup/../../..", "/etc"),
		DIR("/sys/fs/cgroup/pids", "/"),
		DIR("/sys/fs/cgroup/pids", ""),
		DIR("/sys/fs/cgroup/pids", "a"),
		DIR("/sys/fs/cgroup/pids", "/../../../../etc"),
		DIR("/sys/fs/cgroup/pids", "/a/.."),
	};
	char many[8192] = "{\"layout\":\"v1\",\"dirs\":[";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(load(bad[i]) < 0 && err.msg[0], "taken: %s", bad[i]);
	for (int i = 0; i < 20; i++)
		(void)snprintf(
			many + strlen(many), sizeof(many) - strlen(many), "%s%s", i ? "," : "",
			"{\"controllers\":\"a\",\"mount\":\"/sys/fs/cgroup/a\",\"path\":\"/a\"}");
	(void)strcat(many, "]}");
	ck_assert_int_lt(load(many), 0);
}
END_TEST

START_TEST(test_memory_events)
{
	char path[64];

	cg = (struct rt_cgroup){ .layout = RT_CGROUP_V1, .ndirs = 1 };
	cg.dirs[0] =
		(struct rt_cgroup_dir){ "memory", "/sys/fs/cgroup/memory", "/x", .made = true };
	ck_assert(rt_cgroup_memory_events(&cg, path, sizeof(path)));
	ck_assert_str_eq(path, "/sys/fs/cgroup/memory/x/memory.oom_control");
	ck_assert(!rt_cgroup_memory_events(&cg, path, 20)); /* does not fit */
	cg.dirs[0].controllers = "memoryx";
	ck_assert(!rt_cgroup_memory_events(&cg, path, sizeof(path)));
	cg.ndirs = 0;
	ck_assert(!rt_cgroup_memory_events(&cg, path, sizeof(path)));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_absolute_paths,
		test_relative_paths_end_with_the_name,
		test_escapes_are_refused,
		test_no_group_is_refused,
		test_long_paths_are_refused,
		test_state_is_read_back,
		test_paths_name_each_controller,
		test_state_full_of_noise,
		test_memory_events,
		NULL,
	};

	return unit_main("cgroup-path", tests);
}
