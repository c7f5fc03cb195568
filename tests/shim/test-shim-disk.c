/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs on full disks, which the shim's own limit on files plays; and no log at all.
 */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static void disk_limit(rlim_t bytes)
{
	struct rlimit r = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	ck_assert_int_eq(prlimit(h.shim, RLIMIT_FSIZE, &r, NULL), 0);
}

#define LINES	    5000
#define COUNT_LINES "i=0; while [ $i -lt 5000 ]; do echo line $i of five thousand; i=$((i+1)); done"

START_TEST(a_full_disk_blocks_and_nothing_is_lost)
{
	size_t len;
	char *text;
	char *at;

	h_start(&h, SH(COUNT_LINES), NULL);
	h_create(&h);
	disk_limit(20000);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(500000);
	h_is_well(&h);
	disk_limit(RLIM_INFINITY);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	(void)usleep(800000); /* the exit does not wait for the log; the log does get it */
	text = h_log_text(&h, "log", &len);
	at = text;
	for (int i = 0; i < LINES; i++) {
		char want[64];

		(void)snprintf(want, sizeof(want), "line %d of five thousand\n", i);
		ck_assert_msg(strncmp(at, want, strlen(want)) == 0, "line %d", i);
		at += strlen(want);
	}
	ck_assert_int_eq(*at, '\0');
	free(text);
}
END_TEST

START_TEST(a_full_disk_drops_and_counts)
{
	unsigned long long told = 0;
	size_t logged = 0;
	size_t sent = 0;
	char *text;

	h_start(&h, SH(COUNT_LINES), NULL);
	h_create_with(&h, ",\"log\":{\"mode\":\"drop\"}");
	disk_limit(20000);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	disk_limit(RLIM_INFINITY);
	(void)usleep(500000);
	for (int i = 0; i < LINES; i++)
		sent += (size_t)snprintf(NULL, 0, "line %d of five thousand\n", i);
	text = h_log_text(&h, "log", NULL);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "capsule: dropped ", 17) == 0)
			told += strtoull(line + 17, NULL, 10);
		else
			logged += strlen(line) + 1;
	}
	ck_assert_uint_gt(told, 0);
	ck_assert_uint_eq(logged + told, sent);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"state\""), "log_dropped"), (long)told);
	free(text);
}
END_TEST

START_TEST(the_exit_does_not_wait_for_a_full_disk)
{
	int64_t from;

	h_start(&h, SH("echo some words; exit 3"), NULL);
	h_create(&h);
	disk_limit(10);
	from = h_now_ms();
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)usleep(50000);
	disk_limit(10);
	/* the record itself needs room: exit.json is a file, too */
	(void)usleep(100000);
	disk_limit(RLIM_INFINITY);
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 3);
	ck_assert_int_lt(h_now_ms() - from, 3000);
	free(h_file(&h, "exit.json", NULL));
}
END_TEST

START_TEST(no_log_at_all)
{
	h_start(&h, SH("yes | head -c 3000000"), NULL);
	h_create_with(&h, ",\"log\":{\"driver\":\"none\"}");
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_int_eq(h_num(h_ok(&h, "\"op\":\"wait\""), "code"), 0);
	ck_assert_ptr_null(h_file(&h, "log", NULL));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("disk");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, a_full_disk_blocks_and_nothing_is_lost);
	tcase_add_test(tc, a_full_disk_drops_and_counts);
	tcase_add_test(tc, the_exit_does_not_wait_for_a_full_disk);
	tcase_add_test(tc, no_log_at_all);
	return h_main("shim-disk", tc);
}
