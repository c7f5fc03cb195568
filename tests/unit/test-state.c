/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime's state file, the status that is computed from facts, and small pure parts: homes by
 * passwd, ids by maps, capabilities by name.
 */
#include <config.h>

#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caps.h"
#include "file.h"
#include "home.h"
#include "idmap.h"
#include "own.h"
#include "start.h"
#include "unit.h"

static struct cps_arena arena = CPS_ARENA_INIT;
static struct cps_err err;

static struct rt_state sample(void)
{
	struct rt_state s = {
		.oci_version = "1.3.0",
		.id = "web1",
		.bundle = "/b \"quoted\"\n",
		.rootfs = "/b/rootfs",
		.user = "app:users",
		.annotations = "{\"a\":\"1\"}",
		.created = "2026-11-21T20:45:35.1Z",
		.own_pidns = true,
		.poststop = true,
		.cgroup = { .layout = RT_CGROUP_V2, .ndirs = 1 },
	};

	s.cgroup.dirs[0] = (struct rt_cgroup_dir){ "", "/sys/fs/cgroup", "/no-such-group-web1",
						   .made = false };
	return s;
}

START_TEST(test_what_is_saved_is_loaded)
{
	struct rt_state s = sample(), t = { 0 };
	int dir = unit_dir();

	ck_assert_ok(rt_state_set_process(&s, getpid(), &err), err);
	ck_assert_ok(rt_state_save(&s, dir, true, &err), err);
	ck_assert_ok(rt_state_load(dir, &arena, &t, &err), err);
	ck_assert_str_eq(t.bundle, s.bundle);
	ck_assert_str_eq(t.annotations, s.annotations);
	ck_assert_str_eq(t.user, s.user);
	ck_assert_str_eq(t.created, s.created);
	ck_assert_str_eq(t.boot_id, s.boot_id);
	ck_assert_uint_eq(t.start_time, s.start_time);
	ck_assert_int_eq(t.pid, getpid());
	ck_assert(t.own_pidns && t.poststop && !t.poststart && !t.terminal);
	ck_assert_str_eq(t.cgroup.dirs[0].path, "/no-such-group-web1");
}
END_TEST

START_TEST(test_the_first_save_takes_nothing_over)
{
	struct rt_state s = sample();
	int dir = unit_dir();

	unit_put(dir, RT_STATE_NAME, "mine");
	ck_assert_err(rt_state_save(&s, dir, true, &err), EEXIST, err, RT_STATE_NAME);
	ck_assert_ok(rt_state_save(&s, dir, false, &err), err);
}
END_TEST

START_TEST(test_noise_is_an_error_and_never_a_crash)
{
	static const char *const noise[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"\xff\xfe",
		"{\"ociVersion\":\"1\",\"id\":\"x\"}",
		"{\"ociVersion\":1}",
	};
	struct rt_state s = sample(), t;
	int dir = unit_dir();
	char text[4096];
	size_t len;

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		unit_put(dir, RT_STATE_NAME, noise[i]);
		ck_assert_err(rt_state_load(dir, &arena, &t, &err), EBADMSG, err, RT_STATE_NAME);
	}
	/* every prefix of a good one */
	ck_assert_ok(rt_state_set_process(&s, getpid(), &err), err);
	ck_assert_ok(rt_state_save(&s, dir, false, &err), err);
	{
		cleanup_free char *whole = NULL;

		ck_assert_ok(
			cps_file_read(dir, RT_STATE_NAME, sizeof(text) - 1, &whole, &len, &err),
			err);
		memcpy(text, whole, len);
	}
	while (len-- > 1) {
		if (text[len] == '\n')
			continue;
		text[len] = '\0';
		unit_put(dir, RT_STATE_NAME, text);
		ck_assert_int_eq(rt_state_load(dir, &arena, &t, &err), -EBADMSG);
	}
}
END_TEST

START_TEST(test_status_is_a_matter_of_facts)
{
	struct rt_state s = sample();
	cleanup_fd int gate = -1;
	cleanup_fd int pidfd = -1;
	cleanup_fd int dir = openat(unit_dir(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int creator = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t child;

	/* its creator died before there was a process; or is at work */
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_STOPPED);
	ck_assert_int_eq(flock(creator, LOCK_EX), 0);
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_CREATING);
	ck_assert_int_eq(flock(creator, LOCK_UN), 0);
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_STOPPED);
	ck_assert_int_eq(flock(creator, LOCK_EX | LOCK_NB), 0); /* who looks keeps no lock */
	ck_assert_int_eq(flock(creator, LOCK_UN), 0);

	child = fork();
	if (child == 0) {
		(void)pause();
		_exit(0);
	}
	ck_assert_ok(rt_state_set_process(&s, child, &err), err);
	ck_assert_int_eq(rt_state_status(&s, dir, &pidfd), RT_STATUS_RUNNING);
	ck_assert_int_ge(pidfd, 0);
	gate = rt_gate_open(dir, &err);
	ck_assert_ok(gate, err);
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_CREATED);
	cps_close(&gate);
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_RUNNING);

	/* the same pid of another time, of another boot */
	s.start_time++;
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_STOPPED);
	s.start_time--;
	s.boot_id[0] ^= 1;
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_STOPPED);
	s.boot_id[0] ^= 1;

	/* dead, and not reaped yet */
	(void)kill(child, SIGKILL);
	{
		siginfo_t si;

		ck_assert_int_eq(waitid(P_PID, (id_t)child, &si, WEXITED | WNOWAIT), 0);
	}
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_STOPPED);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(rt_state_status(&s, dir, NULL), RT_STATUS_STOPPED);
}
END_TEST

START_TEST(test_homes)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\nbad line\n:x:5:\n"
				     "app:x:1000:1000:a:b:/home/app:/bin/sh\n"
				     "web:x:1001:1001::/srv/web:/bin/sh\nlast:x:7:7::/last:/x";
	size_t len = 0;
	const char *home = rt_home_parse(passwd, 0, &len);

	ck_assert_int_eq(strncmp(home, "/root", 5), 0);
	ck_assert_uint_eq(len, 5);
	home = rt_home_parse(passwd, 7, &len);
	ck_assert_int_eq(strncmp(home, "/last", len), 0);
	ck_assert_ptr_null(rt_home_parse(passwd, 5, &len));
	ck_assert_ptr_null(rt_home_parse(passwd, 42, &len));
	ck_assert_ptr_null(rt_home_parse("", 0, &len));
	ck_assert_ptr_null(rt_home_parse("x:x:99999999999999999999:0:::\n", 0, &len));
}
END_TEST

START_TEST(test_ids_on_the_host)
{
	static const struct rt_id_map maps[] = { { 0, 100000, 10 }, { 50, 5, 1 } };

	ck_assert_uint_eq(rt_idmap_to_host(7, NULL, 0), 7);
	ck_assert_uint_eq(rt_idmap_to_host(0, maps, 2), 100000);
	ck_assert_uint_eq(rt_idmap_to_host(9, maps, 2), 100009);
	ck_assert_uint_eq(rt_idmap_to_host(50, maps, 2), 5);
	ck_assert_uint_eq(rt_idmap_to_host(10, maps, 2), UINT32_MAX);
}
END_TEST

START_TEST(test_capabilities_by_name)
{
	ck_assert_int_eq(rt_cap_parse("CAP_CHOWN"), 0);
	ck_assert_int_eq(rt_cap_parse("cap_sys_admin"), 21);
	ck_assert_int_eq(rt_cap_parse("CAP_CHECKPOINT_RESTORE"), 40);
	ck_assert_int_eq(rt_cap_parse("SYS_ADMIN"), -1);
	ck_assert_int_eq(rt_cap_parse(""), -1);
	ck_assert_str_eq(rt_cap_name(40), "CAP_CHECKPOINT_RESTORE");
	ck_assert_ptr_null(rt_cap_name(41));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_what_is_saved_is_loaded,
		test_the_first_save_takes_nothing_over,
		test_noise_is_an_error_and_never_a_crash,
		test_status_is_a_matter_of_facts,
		test_homes,
		test_ids_on_the_host,
		test_capabilities_by_name,
		NULL,
	};

	return unit_main("state", tests);
}
