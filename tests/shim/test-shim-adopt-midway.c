/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another shim takes over from one that was killed in the middle of something: a creation, a start,
 * the end of the output.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static void create_send(void)
{
	char members[256];

	(void)snprintf(members, sizeof(members), "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	(void)h_send(&h, h.sock, members, NULL, 0);
}

/* The runtime is at work, and finishes: with nobody to tell, but it does. */
START_TEST(while_it_was_created)
{
	static const char *const fakes[] = {
		"{\"create\":{\"beside_ms\":500}}",
		"{\"create\":{\"linger_ms\":500}}",
		"{\"create\":{\"beside_ms\":500,\"poststart\":true}}",
	};

	h_start(&h, SH("echo well; exit 3"), fakes[_i]);
	create_send();
	(void)usleep(200000);
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "created");
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	h_file_has(&h, "log", "stdout F well\n");
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST

/* It does not come to a container, or the runtime has not got to it. */
START_TEST(creations_cut_short)
{
	static const char *const fakes[] = {
		"{\"create\":{\"delay_ms\":60000}}",
		"{\"create\":{\"linger_ms\":60000,\"init_exit\":1}}",
	};
	const char *message;
	int num;

	h_start(&h, SH("sleep 60"), fakes[_i]);
	create_send();
	(void)usleep(300000);
	h_kill_shim(&h);
	ck_assert(h_adopter(&h, &num));
	ck_assert_int_eq(h_error(&h, &message, "\"op\":\"adopt\""), ECANCELED);
	ck_assert_str_eq(message, "adopt: its creation was cut short");
	h_shim_gone(&h, 256);
	ck_assert_int_eq(access(h.state, F_OK), 0);
	h_file_has(&h, "shim.log", "its creation was cut short");
}
END_TEST

START_TEST(while_it_was_started)
{
	static const char *const fakes[] = {
		/* the runtime has not said GO yet; it has, and its hooks run */
		"{\"create\":{\"poststart\":true},\"start\":{\"beside_ms\":400}}",
		"{\"create\":{\"poststart\":true},\"start\":{\"hooks_ms\":400}}",
	};

	h_start(&h, SH("echo well; exec sleep 60"), fakes[_i]);
	h_create(&h);
	(void)h_send(&h, h.sock, "\"op\":\"start\"", NULL, 0);
	(void)usleep(100000);
	h_kill_shim(&h);
	ck_assert_str_eq(h_str(h_adopt(&h), "status"), "running");
	h_file_has(&h, "log", "stdout F well\n");
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "signal"), 9);
}
END_TEST

/* Its init is gone and reaped, its output is not at its end: how it ended is on record all the
 * same. */
START_TEST(while_its_output_was_drained)
{
	h_run(&h, SH("(sleep 0.4; echo late) & echo early; exit 3"), "");
	h_file_has(&h, "log", "early");
	(void)usleep(100000);
	h_kill_shim(&h);
	(void)h_adopt(&h);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	ck_assert(cps_json_get(h_ok(&h, "\"op\":\"wait\""), "known")->boolean);
	h_file_has(&h, "log", "late");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("midway");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_loop_test(tc, while_it_was_created, 0, 3);
	tcase_add_loop_test(tc, creations_cut_short, 0, 2);
	tcase_add_loop_test(tc, while_it_was_started, 0, 2);
	tcase_add_test(tc, while_its_output_was_drained);
	return h_main("shim-adopt-midway", tc);
}
