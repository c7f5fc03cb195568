/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe of a container's health: what its results mean, what is told, what it may not do to the
 * shim.
 */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

/* A running container whose probe is the script, in h.dir; times: more members. */
static void with_probe(const char *script, const char *times)
{
	char more[512];

	h_start(&h, SH("sleep 60"), NULL);
	(void)snprintf(more, sizeof(more),
		       ",\"health\":{\"args\":[\"sh\",\"-c\",\"cd %s; %s\"],%s}", h.dir, script,
		       times);
	h_create_with(&h, more);
	(void)h_ok(&h, "\"op\":\"start\"");
}

static void touch(const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", h.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
}

static void away(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", h.dir, name);
	ck_assert_int_eq(unlink(path), 0);
}

static const struct cps_json *health(void)
{
	const struct cps_json *o = cps_json_get(h_ok(&h, "\"op\":\"state\""), "health");

	ck_assert_ptr_nonnull(o);
	return o;
}

static const struct cps_json *last(const struct cps_json *o)
{
	const struct cps_json *r = cps_json_get(o, "results")->first;

	while (r && r->next)
		r = r->next;
	ck_assert_ptr_nonnull(r);
	return r;
}

static const struct cps_json *until(const char *status)
{
	for (int i = 0; i < 500; i++) {
		const struct cps_json *o = health();

		if (strcmp(h_str(o, "status"), status) == 0)
			return o;
		(void)usleep(10000);
	}
	ck_abort_msg("it does not become %s", status);
	return NULL;
}

static const struct cps_json *until_results(unsigned n)
{
	for (int i = 0; i < 500; i++) {
		const struct cps_json *o = health();

		if (cps_json_get(o, "results")->count >= n)
			return o;
		(void)usleep(10000);
	}
	ck_abort_msg("there are no %u results", n);
	return NULL;
}

static unsigned events(const char *text)
{
	char path[128];
	struct cps_err err;
	char *all = NULL;
	unsigned n = 0;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/events.log", h.root);
	ck_assert_int_eq(cps_file_read(AT_FDCWD, path, 1 << 20, &all, &len, &err), 0);
	for (const char *at = all; (at = strstr(at, text)) != NULL; at++)
		n++;
	free(all);
	return n;
}

START_TEST(test_healthy_unhealthy_and_healthy_again)
{
	const struct cps_json *o;
	struct cps_frame f;
	int sub;

	with_probe("echo looked; test -e well",
		   "\"interval_ms\":30,\"timeout_ms\":5000,\"retries\":3");
	o = health();
	ck_assert_str_eq(h_str(o, "status"), "starting");
	sub = h_connect(&h);
	h_reply(&h, sub, h_send(&h, sub, "\"op\":\"subscribe\"", NULL, 0), &f);
	touch("well");
	ck_assert_str_eq(h_str(h_event(&h, sub, "health"), "status"), "healthy");
	o = until("healthy");
	ck_assert_int_eq(h_num(o, "failing_streak"), 0);
	ck_assert_int_eq(h_num(last(o), "code"), 0);
	ck_assert_str_eq(h_str(last(o), "output"), "looked\n");
	away("well");
	ck_assert_str_eq(h_str(h_event(&h, sub, "health"), "status"), "unhealthy");
	o = until("unhealthy");
	ck_assert_int_ge(h_num(o, "failing_streak"), 3);
	ck_assert_int_eq(h_num(last(o), "code"), 1);
	touch("well");
	ck_assert_str_eq(h_str(h_event(&h, sub, "health"), "status"), "healthy");
	o = until_results(5);
	ck_assert_uint_eq(cps_json_get(o, "results")->count, 5);
	ck_assert_uint_eq(cps_json_get(h_ok(&h, "\"op\":\"jobs\""), "jobs")->count, 0);
	ck_assert_uint_eq(events("\"event\":\"health\""), 3);
	ck_assert_uint_eq(events("\"event\":\"exec\""), 0);
	/* what is known stays when it has ended */
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	(void)h_ok(&h, "\"op\":\"wait\"");
	ck_assert_str_eq(h_str(health(), "status"), "healthy");
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(test_failures_of_the_start_period_do_not_count)
{
	const struct cps_json *o;

	with_probe("exit 1", "\"interval_ms\":20,\"retries\":2,\"start_period_ms\":2000");
	o = until_results(3);
	ck_assert_str_eq(h_str(o, "status"), "starting");
	ck_assert_int_eq(h_num(o, "failing_streak"), 0);
	(void)until("unhealthy");
}
END_TEST

START_TEST(test_a_probe_that_takes_too_long_goes_with_all_that_it_has_started)
{
	const struct cps_json *o;
	char path[128];
	char *pid = NULL;
	struct cps_err err;
	size_t len;

	with_probe("echo $$ >pid; sleep 50 & echo $! >child; echo begun; wait",
		   "\"interval_ms\":20,\"timeout_ms\":1000,\"retries\":1");
	o = until("unhealthy");
	ck_assert_int_eq(h_num(last(o), "code"), -1);
	ck_assert(cps_json_get(last(o), "timed_out")->boolean);
	ck_assert_str_eq(h_str(last(o), "output"), "begun\n");
	h_fake(&h, "{\"exec\":{\"fail\":\"enough\"}}");
	(void)until_results(3);
	(void)snprintf(path, sizeof(path), "%s/child", h.dir);
	ck_assert_int_eq(cps_file_read(AT_FDCWD, path, 64, &pid, &len, &err), 0);
	for (int i = 0; i < 300 && kill(atoi(pid), 0) == 0; i++)
		(void)usleep(10000);
	ck_assert_int_lt(kill(atoi(pid), 0), 0);
	free(pid);
}
END_TEST

START_TEST(test_of_its_output_the_end_is_kept_as_text)
{
	const struct cps_json *o;
	const char *text;

	/* 27 and 255 are no text; 5 times the worst that there can be fits into the state */
	with_probe("yes '\\\"\\\"' | head -c 500000; printf '\\\\033\\\\377\\\\303\\\\244end\\\\n'",
		   "\"interval_ms\":20");
	o = until_results(5);
	ck_assert_str_eq(h_str(o, "status"), "healthy");
	text = h_str(last(o), "output");
	ck_assert_uint_eq(strlen(text), 4096);
	ck_assert_str_eq(text + 4096 - 8, "??\303\244end\n");
	ck_assert_int_eq(text[0] == '"' || text[0] == '\n', 1);
}
END_TEST

START_TEST(test_one_that_cannot_be_run_is_a_failure_and_of_a_paused_one_nothing_is_learnt)
{
	const struct cps_json *o;

	with_probe("true", "\"interval_ms\":20,\"retries\":2");
	(void)until("healthy");
	h_fake(&h, "{\"exec\":{\"fail\":\"paused\",\"errno\":16}}");
	(void)usleep(300000);
	ck_assert_str_eq(h_str(health(), "status"), "healthy");
	ck_assert_int_eq(h_num(health(), "failing_streak"), 0);
	h_fake(&h, "{\"exec\":{\"fail\":\"no such program\",\"errno\":2}}");
	o = until("unhealthy");
	ck_assert_int_eq(h_num(last(o), "code"), -1);
	ck_assert_str_eq(h_str(last(o), "output"), "no such program");
	ck_assert(!cps_json_get(last(o), "timed_out")->boolean);
	h_fake(&h, "{\"exec\":{\"silent\":true}}");
	(void)usleep(300000);
	ck_assert_int_eq(h_num(last(health()), "code"), -1);
	h_fake(&h, "{\"exec\":{\"die\":\"late\"}}");
	(void)usleep(300000);
	h_fake(&h, "{}");
	(void)until("healthy");
}
END_TEST

START_TEST(test_a_runtime_that_hangs_is_killed_at_the_timeout)
{
	with_probe("true", "\"interval_ms\":20,\"timeout_ms\":1000,\"retries\":1");
	(void)until("healthy");
	h_fake(&h, "{\"exec\":{\"delay_ms\":60000}}");
	(void)until("unhealthy");
	h_fake(&h, "{}");
	(void)until("healthy");
}
END_TEST

START_TEST(test_a_successor_goes_on)
{
	const struct cps_json *o;

	with_probe("test -e well", "\"interval_ms\":30,\"retries\":3");
	(void)until("unhealthy");
	h_kill_shim(&h);
	(void)h_adopt(&h);
	o = health();
	ck_assert_str_eq(h_str(o, "status"), "unhealthy");
	ck_assert_int_ge(h_num(o, "failing_streak"), 3);
	touch("well");
	(void)until("healthy");
	h_kill_shim(&h);
	(void)h_adopt(&h);
	ck_assert_str_eq(h_str(health(), "status"), "healthy");
	away("well");
	(void)until("unhealthy");
	(void)h_ok(&h, "\"op\":\"delete\",\"force\":true");
	h_reap();
}
END_TEST

START_TEST(test_the_container_ends_while_a_probe_runs)
{
	with_probe("echo $$ >pid; exec sleep 50", "\"interval_ms\":20");
	for (int i = 0; i < 300; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/pid", h.dir);
		if (access(path, F_OK) == 0)
			break;
		(void)usleep(10000);
	}
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
	(void)h_ok(&h, "\"op\":\"wait\"");
	ck_assert_uint_eq(cps_json_get(health(), "results")->count, 0);
	(void)h_ok(&h, "\"op\":\"delete\"");
	h_shim_gone(&h, 0);
}
END_TEST

START_TEST(test_without_a_probe_nothing_of_it_is_there)
{
	char *record;

	h_start(&h, SH("sleep 30"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	ck_assert_ptr_null(cps_json_get(h_ok(&h, "\"op\":\"state\""), "health"));
	record = h_file(&h, "shim.json", NULL);
	ck_assert_ptr_null(strstr(record, "health"));
	free(record);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("health");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, test_healthy_unhealthy_and_healthy_again);
	tcase_add_test(tc, test_failures_of_the_start_period_do_not_count);
	tcase_add_test(tc, test_a_probe_that_takes_too_long_goes_with_all_that_it_has_started);
	tcase_add_test(tc, test_of_its_output_the_end_is_kept_as_text);
	tcase_add_test(
		tc, test_one_that_cannot_be_run_is_a_failure_and_of_a_paused_one_nothing_is_learnt);
	tcase_add_test(tc, test_a_runtime_that_hangs_is_killed_at_the_timeout);
	tcase_add_test(tc, test_a_successor_goes_on);
	tcase_add_test(tc, test_the_container_ends_while_a_probe_runs);
	tcase_add_test(tc, test_without_a_probe_nothing_of_it_is_there);
	return h_main("shim-health", tc);
}
