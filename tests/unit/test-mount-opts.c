/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount options: what each word sets and clears, in which order, and what is refused.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "mount-opts.h"

#define WORDS 40

/* line: options parted by one space. */
static int parse(const char *line, struct rt_mount_opts *o, struct cps_err *err)
{
	static char copy[8192];
	const char *v[WORDS + 1] = { NULL };
	struct rt_strs options = { 0, v };
	char *rest = copy;

	ck_assert_uint_lt(strlen(line), sizeof(copy));
	memcpy(copy, line, strlen(line) + 1);
	while (*line && rest && options.n < WORDS)
		v[options.n++] = strsep(&rest, " ");
	return rt_mount_opts_parse(&options, o, err);
}

static struct rt_mount_opts parsed(const char *line)
{
	struct cps_err err = { 0 };
	struct rt_mount_opts o;

	ck_assert_ok(parse(line, &o, &err), err);
	return o;
}

START_TEST(no_options_change_nothing)
{
	struct rt_mount_opts o = parsed("");

	ck_assert(!o.bind && !o.recursive && !o.remount);
	ck_assert_uint_eq(o.attr_set | o.attr_clr | o.rattr_set | o.rattr_clr, 0);
	ck_assert_uint_eq(o.sb_flags, 0);
	ck_assert_uint_eq(o.nprop, 0);
	ck_assert_str_eq(o.data, "");
	o = parsed("defaults");
	ck_assert_uint_eq(o.attr_set | o.attr_clr, 0);
	ck_assert_str_eq(o.data, "");
}
END_TEST

START_TEST(flags_set_and_clear)
{
	struct rt_mount_opts o = parsed("ro nosuid nodev noexec nodiratime nosymfollow");

	ck_assert_uint_eq(o.attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					      MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME |
					      MOUNT_ATTR_NOSYMFOLLOW);
	ck_assert_uint_eq(o.attr_clr, 0);
	o = parsed("rw suid dev exec diratime symfollow");
	ck_assert_uint_eq(o.attr_set, 0);
	ck_assert_uint_eq(o.attr_clr, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					      MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME |
					      MOUNT_ATTR_NOSYMFOLLOW);
}
END_TEST

START_TEST(the_later_of_two_wins)
{
	struct rt_mount_opts o = parsed("ro rw");

	ck_assert_uint_eq(o.attr_set, 0);
	ck_assert_uint_eq(o.attr_clr, MOUNT_ATTR_RDONLY);
	o = parsed("rw ro");
	ck_assert_uint_eq(o.attr_set, MOUNT_ATTR_RDONLY);
	ck_assert_uint_eq(o.attr_clr, 0);
	o = parsed("sync async dirsync");
	ck_assert_uint_eq(o.sb_flags, MS_DIRSYNC);
	o = parsed("rbind bind");
	ck_assert(o.bind && !o.recursive);
}
END_TEST

/* The kernel takes a new atime mode only together with clearing the whole field. */
START_TEST(atime_is_one_field)
{
	static const struct {
		const char *line;
		uint64_t set;
	} cases[] = {
		{ "noatime", MOUNT_ATTR_NOATIME },
		{ "strictatime", MOUNT_ATTR_STRICTATIME },
		{ "relatime", 0 },
		{ "atime", 0 },
		{ "norelatime", 0 },
		{ "nostrictatime", 0 },
		{ "noatime relatime", 0 },
		{ "strictatime noatime", MOUNT_ATTR_NOATIME },
		{ "noatime strictatime", MOUNT_ATTR_STRICTATIME },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rt_mount_opts o = parsed(cases[i].line);

		ck_assert_msg(o.attr_set == cases[i].set, "%s", cases[i].line);
		ck_assert_msg((o.attr_clr & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME, "%s",
			      cases[i].line);
	}
}
END_TEST

START_TEST(atime_is_chosen_or_not)
{
	ck_assert(parsed("noatime").has_atime);
	ck_assert(parsed("relatime").has_atime);
	ck_assert(parsed("atime strictatime").has_atime);
	ck_assert(!parsed("ro nodiratime").has_atime);
	ck_assert(!parsed("noatime atime").has_atime);
	ck_assert(!parsed("norelatime").has_atime);
	ck_assert(!parsed("rnoatime").has_atime);
}
END_TEST

START_TEST(recursive_forms_are_apart)
{
	struct rt_mount_opts o = parsed("rbind rro rnosuid exec");

	ck_assert(o.bind && o.recursive);
	ck_assert_uint_eq(o.rattr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	ck_assert_uint_eq(o.attr_set, 0);
	ck_assert_uint_eq(o.attr_clr, MOUNT_ATTR_NOEXEC);
}
END_TEST

START_TEST(propagation_in_order)
{
	struct rt_mount_opts o = parsed("rslave shared");

	ck_assert_uint_eq(o.nprop, 2);
	ck_assert_uint_eq(o.prop[0], MS_SLAVE | MS_REC);
	ck_assert_uint_eq(o.prop[1], MS_SHARED);
}
END_TEST

START_TEST(too_many_propagations)
{
	struct cps_err err = { 0 };
	struct rt_mount_opts o;

	ck_assert_err(parse("private private private private private", &o, &err), EINVAL, err,
		      "option 'private'");
}
END_TEST

START_TEST(the_rest_is_the_file_systems)
{
	struct rt_mount_opts o = parsed("nosuid size=64k mode=755 newinstance");

	ck_assert_str_eq(o.data, "size=64k,mode=755,newinstance");
	/* words that only look like ours */
	o = parsed("RO ro=1 nosuid,nodev");
	ck_assert_uint_eq(o.attr_set, 0);
	ck_assert_str_eq(o.data, "RO,ro=1,nosuid,nodev");
}
END_TEST

START_TEST(data_is_bounded)
{
	struct cps_err err = { 0 };
	struct rt_mount_opts o;
	char line[RT_MOUNT_DATA_MAX + 1];

	memset(line, 'x', sizeof(line));
	line[RT_MOUNT_DATA_MAX - 2] = '\0';
	ck_assert_uint_eq(strlen(parsed(line).data), RT_MOUNT_DATA_MAX - 2);
	line[RT_MOUNT_DATA_MAX - 2] = 'x';
	line[RT_MOUNT_DATA_MAX] = '\0';
	ck_assert_err(parse(line, &o, &err), E2BIG, err, "longer than");
}
END_TEST

START_TEST(idmap_and_copy_up)
{
	struct rt_mount_opts o = parsed("bind idmap");

	ck_assert(o.idmap && !o.ridmap && !o.copy_up && !o.data[0]);
	o = parsed("rbind idmap ridmap");
	ck_assert(o.idmap && o.ridmap);
	o = parsed("tmpcopyup size=1m");
	ck_assert(o.copy_up && !o.idmap);
	ck_assert_str_eq(o.data, "size=1m");
}
END_TEST

/* What `features` tells is what is honoured: every name parses, and into no data. */
START_TEST(names_are_honoured)
{
	size_t n = 0;

	for (const char *name; (name = rt_mount_opt_name(n)); n++) {
		struct rt_mount_opts o = parsed(name);

		ck_assert_msg(!o.data[0], "%s", name);
	}
	ck_assert_uint_gt(n, 50);
}
END_TEST

START_TEST(flags_for_mount2)
{
	ck_assert_uint_eq(rt_mount_attr_flags(0), 0);
	ck_assert_uint_eq(rt_mount_attr_flags(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID),
			  MS_RDONLY | MS_NOSUID);
	ck_assert_uint_eq(rt_mount_attr_flags(MOUNT_ATTR_STRICTATIME), MS_STRICTATIME);
	ck_assert_uint_eq(rt_mount_attr_flags(MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME),
			  MS_NOATIME | MS_NODIRATIME);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		no_options_change_nothing,
		flags_set_and_clear,
		the_later_of_two_wins,
		atime_is_one_field,
		atime_is_chosen_or_not,
		recursive_forms_are_apart,
		propagation_in_order,
		too_many_propagations,
		the_rest_is_the_file_systems,
		data_is_bounded,
		idmap_and_copy_up,
		names_are_honoured,
		flags_for_mount2,
		NULL,
	};

	return unit_main("mount-opts", tests);
}
