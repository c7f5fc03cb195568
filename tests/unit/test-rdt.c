/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of Intel RDT, in a directory that stands for resctrl: what is made, compared, written and
 * removed. What the kernel would put into a new group the tests put there, where they need it.
 */
#include <config.h>

#include "rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"
#include "unit.h"

static struct cps_arena arena = CPS_ARENA_INIT;
static struct cps_err err;
static struct rt_rdt rdt;
static char root[32];
static int dir;

static void start(void)
{
	dir = unit_dir();
	(void)snprintf(root, sizeof(root), "/proc/self/fd/%d", dir);
	memset(&rdt, 0, sizeof(rdt));
}

static void make_group(const char *name, const char *schemata)
{
	char path[64];

	unit_make_dir(dir, name);
	(void)snprintf(path, sizeof(path), "%s/mon_groups", name);
	unit_make_dir(dir, path);
	(void)snprintf(path, sizeof(path), "%s/tasks", name);
	unit_put(dir, path, "");
	(void)snprintf(path, sizeof(path), "%s/schemata", name);
	unit_put(dir, path, schemata);
}

static int plan(const struct rt_intel_rdt *want)
{
	return rt_rdt_plan(want, root, "web1", &arena, &rdt, &err);
}

static const struct row {
	const char *line;
	bool matches;
} rows[] = {
	{ "L3:0=ff;1=0f", true },
	{ "L3:1=f;0=0ff", true }, /* leading zeros, another order */
	{ "L3:0=FF", true },	  /* one cache of two */
	{ "L3: 0 = ff ; 1 = f", true },
	{ "L3:0=fe", false },
	{ "L3:2=ff", false },
	{ "L2:0=ff", false },
	{ "MB:0=20;1=100", true },
	{ "MB:0=20;1=64", false }, /* 0x64 is 100 */
	{ "MB:0=020", true },	   /* decimal */
	{ "L3CODE:0=f", true },
	{ "L3", false },
	{ "L3:0", false },
	{ "L3:0=ff,1=f", false },
	{ "L3:0=xx", false },
	{ "", false },
};

START_TEST(shares_are_compared_by_value)
{
	static const char has[] = "    MB:0= 20;1=100\n    L3:0=00ff;1=000f\nL3CODE:0=f\n";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(rt_rdt_matches(has, rows[i].line) == rows[i].matches, "'%s'",
			      rows[i].line);
}
END_TEST

START_TEST(a_group_of_its_own_comes_and_goes)
{
	const struct rt_intel_rdt want = { .set = true };

	start();
	ck_assert_ok(plan(&want), err);
	ck_assert(rdt.own && !rdt.monitor);
	ck_assert(!unit_is_there(dir, "web1"));
	ck_assert_ok(rt_rdt_create(&rdt, &want, &err), err);
	ck_assert(unit_is_there(dir, "web1"));
	unit_put(dir, "web1/tasks", "");
	ck_assert_ok(rt_rdt_join(&rdt, 4711, &err), err);
	unit_check_content(dir, "web1/tasks", "4711");
	ck_assert_int_eq(unlinkat(dir, "web1/tasks", 0), 0);
	ck_assert_ok(rt_rdt_remove(&rdt, &err), err);
	ck_assert(!unit_is_there(dir, "web1"));
	ck_assert_ok(rt_rdt_remove(&rdt, &err), err); /* gone already */
}
END_TEST

START_TEST(a_group_that_is_there_stays)
{
	const struct rt_intel_rdt want = { .set = true };

	start();
	unit_make_dir(dir, "web1");
	ck_assert_ok(plan(&want), err);
	ck_assert(!rdt.own);
	ck_assert_ok(rt_rdt_create(&rdt, &want, &err), err);
	rt_rdt_undo(&rdt);
	ck_assert_ok(rt_rdt_remove(&rdt, &err), err);
	ck_assert(unit_is_there(dir, "web1"));
}
END_TEST

START_TEST(a_class_by_name_must_be_there)
{
	struct rt_intel_rdt want = { .set = true, .clos_id = "gold" };

	start();
	ck_assert_err(plan(&want), ENOENT, err, "linux.intelRdt.closID: there is no '");
	make_group("gold", "L3:0=ff\n");
	ck_assert_ok(plan(&want), err);
	ck_assert_ok(rt_rdt_create(&rdt, &want, &err), err);
	unit_check_content(dir, "gold/schemata", "L3:0=ff\n");
	ck_assert(!rdt.own && !rdt.made);
	want.clos_id = "/";
	ck_assert_ok(plan(&want), err);
	ck_assert_str_eq(rdt.group, root);
	ck_assert(!rdt.own);
}
END_TEST

START_TEST(a_class_that_is_there_must_have_the_shares)
{
	struct rt_intel_rdt want = { .set = true, .clos_id = "gold", .l3_cache = "L3:0=f" };

	start();
	make_group("gold", "L3:0=00ff\nMB:0= 50\n");
	ck_assert_ok(plan(&want), err);
	ck_assert_err(rt_rdt_create(&rdt, &want, &err), EEXIST, err,
		      "linux.intelRdt.l3CacheSchema: '");
	want.l3_cache = "L3:0=ff";
	want.mem_bw = "MB:0=40";
	ck_assert_err(rt_rdt_create(&rdt, &want, &err), EEXIST, err,
		      "linux.intelRdt.memBwSchema: '");
	want.mem_bw = "MB:0=50";
	ck_assert_ok(rt_rdt_create(&rdt, &want, &err), err);
	unit_check_content(dir, "gold/schemata", "L3:0=00ff\nMB:0= 50\n");
}
END_TEST

START_TEST(schemata_are_written_last_and_always)
{
	const char *lines[] = { "L2:0=f", "MB:0=20;1=70", NULL };
	struct rt_intel_rdt want = { .set = true, .clos_id = "gold", .schemata = { 2, lines } };

	start();
	make_group("gold", "L2:0=ff\n");
	ck_assert_ok(plan(&want), err);
	ck_assert_ok(rt_rdt_create(&rdt, &want, &err), err);
	unit_check_content(dir, "gold/schemata", "L2:0=f\nMB:0=20;1=70\n");
	ck_assert_ok(rt_rdt_update(&rdt, "L3:0=abc;1=abc", "MB:0=10", &err), err);
	unit_check_content(dir, "gold/schemata", "L3:0=abc;1=abc\nMB:0=10\n");
	ck_assert_err(rt_rdt_update(&rdt, "L3:0=1\nL3:0=2", NULL, &err), EINVAL, err, "l3-cache");
	ck_assert_err(rt_rdt_update(&rdt, NULL, "L3:0=1", &err), EINVAL, err, "mem-bw-schema");
}
END_TEST

START_TEST(a_class_that_was_made_stays_unless_the_creation_fails)
{
	const struct rt_intel_rdt want = { .set = true, .clos_id = "new", .mem_bw = "MB:0=40" };

	start();
	ck_assert_ok(plan(&want), err);
	/* in a stand-in the new group has no schemata to be written */
	ck_assert_err(rt_rdt_create(&rdt, &want, &err), ENOENT, err, "linux.intelRdt.memBwSchema");
	ck_assert(rdt.made && !rdt.own);
	ck_assert_ok(rt_rdt_remove(&rdt, &err), err);
	ck_assert(unit_is_there(dir, "new"));
	rt_rdt_undo(&rdt);
	ck_assert(!unit_is_there(dir, "new"));
}
END_TEST

START_TEST(a_monitoring_group_is_always_the_containers)
{
	const struct rt_intel_rdt want = { .set = true, .clos_id = "gold", .monitoring = true };

	start();
	make_group("gold", "");
	ck_assert_ok(plan(&want), err);
	ck_assert_ok(rt_rdt_create(&rdt, &want, &err), err);
	unit_put(dir, "gold/mon_groups/web1/tasks", "");
	ck_assert_ok(rt_rdt_join(&rdt, 4711, &err), err);
	unit_check_content(dir, "gold/tasks", "4711");
	unit_check_content(dir, "gold/mon_groups/web1/tasks", "4711");
	/* somebody else's */
	ck_assert_err(plan(&want), EEXIST, err, "linux.intelRdt.enableMonitoring: '");
	ck_assert_int_eq(unlinkat(dir, "gold/mon_groups/web1/tasks", 0), 0);
	ck_assert_ok(rt_rdt_remove(&rdt, &err), err);
	ck_assert(!unit_is_there(dir, "gold/mon_groups/web1"));
	ck_assert(unit_is_there(dir, "gold"));
	/* none to be had */
	ck_assert_int_eq(unlinkat(dir, "gold/mon_groups", AT_REMOVEDIR), 0);
	unit_put(dir, "gold/mon_groups", "");
	ck_assert_ok(plan(&want), err);
	ck_assert_err(rt_rdt_create(&rdt, &want, &err), ENOTDIR, err,
		      "linux.intelRdt.enableMonitoring: ");
}
END_TEST

START_TEST(the_kernels_words_are_told)
{
	const struct rt_intel_rdt want = { .set = true, .clos_id = "gold" };

	start();
	make_group("gold", "");
	unit_make_dir(dir, "info");
	unit_put(dir, "info/last_cmd_status", "No task for you\n");
	ck_assert_int_eq(unlinkat(dir, "gold/tasks", 0), 0);
	unit_make_dir(dir, "gold/tasks");
	ck_assert_ok(plan(&want), err);
	ck_assert_err(rt_rdt_join(&rdt, 1, &err), EISDIR, err,
		      "linux.intelRdt: resctrl says 'No task for you': ");
}
END_TEST

static int reload(const char *text, struct rt_rdt *ret)
{
	const struct cps_json *node = NULL;

	memset(ret, 0, sizeof(*ret));
	ck_assert_ok(cps_json_parse(&arena, text, strlen(text), &node, &err), err);
	return rt_rdt_load(ret, cps_json_get(node, "r"), &err);
}

START_TEST(the_state_keeps_it)
{
	const struct rt_intel_rdt want = { .set = true, .monitoring = true };
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;
	struct rt_rdt other;

	start();
	ck_assert_ok(plan(&want), err);
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	rt_rdt_format(&rdt, &w, "r");
	cps_jsonw_close(&w, '}');
	ck_assert_ok(reload(buf.data, &other), err);
	ck_assert_str_eq(other.group, rdt.group);
	ck_assert_str_eq(other.monitor, rdt.monitor);
	ck_assert(other.own);
	/* a file full of noise has nothing else removed */
	ck_assert_err(reload("{\"r\":{\"root\":\"/a\",\"group\":\"/b\",\"own\":true}}", &other),
		      EBADMSG, err, "names other directories");
	ck_assert_err(
		reload("{\"r\":{\"root\":\"/a\",\"group\":\"/a/../b\",\"own\":true}}", &other),
		EBADMSG, err, "names other directories");
	ck_assert_err(reload("{\"r\":{\"root\":\"/a\",\"group\":\"/ab\",\"own\":true}}", &other),
		      EBADMSG, err, "names other directories");
	ck_assert_err(reload("{\"r\":{\"root\":\"/a\",\"group\":\"/a/b\",\"monitor\":\"/a/c\","
			     "\"own\":true}}",
			     &other),
		      EBADMSG, err, "names other directories");
	ck_assert_ok(reload("{}", &other), err);
	ck_assert_ptr_null(other.root);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		shares_are_compared_by_value,
		a_group_of_its_own_comes_and_goes,
		a_group_that_is_there_stays,
		a_class_by_name_must_be_there,
		a_class_that_is_there_must_have_the_shares,
		schemata_are_written_last_and_always,
		a_class_that_was_made_stays_unless_the_creation_fails,
		a_monitoring_group_is_always_the_containers,
		the_kernels_words_are_told,
		the_state_keeps_it,
		NULL,
	};

	return unit_main("rdt", tests);
}
