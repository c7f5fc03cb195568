/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op `debug` and the shim's own log: what they say, that they change nothing, and their bounds.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

static const struct cps_json *debug(void)
{
	return h_ok(&h, "\"op\":\"debug\"");
}

static bool is(const struct cps_json *o, const char *key)
{
	const struct cps_json *node = cps_json_get(o, key);

	ck_assert_msg(node && node->type == CPS_JSON_BOOL, "%s", key);
	return node->boolean;
}

static unsigned lines(const char *text, const char *what)
{
	unsigned n = 0;

	for (; text && (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

START_TEST(a_life_is_seen)
{
	static const char *const events[] = { "create", "create-done", "start", "start-done",
					      "kill" };
	const struct cps_json *d, *t;
	unsigned i = 0;

	h_start(&h, SH("sleep 30"), NULL);
	ck_assert_str_eq(h_str(debug(), "machine"), "idle");
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)h_ok(&h, "\"op\":\"kill\",\"signal\":18");
	d = debug();
	ck_assert_str_eq(h_str(d, "machine"), "running");
	ck_assert_int_eq(h_num(cps_json_get(d, "shim"), "pid"), h.shim);
	ck_assert_int_eq(h_num(cps_json_get(d, "counters"), "requests"), 6);
	ck_assert_int_eq(h_num(cps_json_get(d, "counters"), "connections"), 1);
	for (t = cps_json_get(d, "transitions")->first; t; t = t->next, i++) {
		ck_assert_uint_lt(i, 5);
		ck_assert_str_eq(h_str(t, "event"), events[i]);
		ck_assert_int_eq(h_num(t, "rc"), 0);
	}
	ck_assert_uint_eq(i, 5);
	t = cps_json_get(d, "connections")->first;
	ck_assert_int_eq(h_num(t, "pid"), getpid());
	ck_assert_ptr_null(t->next);
	ck_assert(is(cps_json_get(cps_json_get(d, "stdio"), "stdout"), "open"));
}
END_TEST

START_TEST(who_waits_and_for_what)
{
	const struct cps_json *d;
	int sock;

	h_start(&h, SH("sleep 30"), "{\"create\":{\"delay_ms\":300}}");
	sock = h_connect(&h);
	(void)h_send(&h, sock, "\"op\":\"subscribe\"", NULL, 0);
	(void)h_send(&h, h.sock, "\"op\":\"wait\"", NULL, 0);
	char create[256];
	(void)snprintf(create, sizeof(create), "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	(void)h_send(&h, h.sock, create, NULL, 0);
	d = debug();
	ck_assert_str_eq(h_str(d, "machine"), "creating");
	ck_assert_str_eq(h_str(cps_json_get(d, "runtime")->first, "op"), "create");
	ck_assert_int_lt(h_num(cps_json_get(d, "runtime")->first, "for_ms"), 5000);
	ck_assert_int_eq(h_num(cps_json_get(d, "waiters"), "create"), 1);
	(void)h_event(&h, sock, "created");
	d = debug();
	ck_assert_str_eq(h_str(d, "machine"), "created");
	ck_assert_ptr_null(cps_json_get(d, "runtime")->first);
	(void)close(sock);
}
END_TEST

START_TEST(what_is_tried_again_takes_one_place_of_the_last_32)
{
	const struct cps_json *last;
	const struct cps_json *d;

	h_start(&h, SH("sleep 30"), NULL);
	h_create(&h);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"delete\""), EBUSY);
	d = debug();
	ck_assert_uint_eq(cps_json_get(d, "transitions")->count, 3);
	last = cps_json_get(d, "transitions")->first->next->next;
	ck_assert_str_eq(h_str(last, "event"), "delete");
	ck_assert_int_eq(h_num(last, "rc"), -EBUSY);
	ck_assert_int_eq(h_num(last, "times"), 255);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(h_error(&h, NULL, "\"op\":\"delete\""), EBUSY);
		(void)h_ok(&h, "\"op\":\"kill\",\"signal\":18");
	}
	ck_assert_uint_eq(cps_json_get(debug(), "transitions")->count, 32);
}
END_TEST

START_TEST(hundreds_of_jobs_fit_into_the_answer)
{
	const struct cps_json *d;
	char process[512];
	int memfd;

	h_start(&h, SH("sleep 30"), NULL);
	h_create(&h);
	(void)h_ok(&h, "\"op\":\"start\"");
	(void)snprintf(process, sizeof(process),
		       "{\"args\":[\"sh\",\"-c\",\"sleep 100\",\"%0120d\",\"%0120d\"]}", 1, 2);
	memfd = h_process_memfd(process);
	for (int i = 0; i < 100; i++) {
		struct cps_frame f;
		struct cps_err err;
		const struct cps_json *ok;

		h_reply(&h, h.sock,
			h_send(&h, h.sock, "\"op\":\"exec\",\"detach\":true,\"fds\":[\"process\"]",
			       &memfd, 1),
			&f);
		ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s", err.msg);
	}
	d = debug();
	ck_assert_msg(cps_json_get(d, "execs_left_out") != NULL, "%u",
		      cps_json_get(d, "execs")->count);
	ck_assert_int_eq(h_num(d, "execs_left_out"), 100 - (long)cps_json_get(d, "execs")->count);
	(void)close(memfd);
}
END_TEST

START_TEST(what_repeats_itself_does_not_fill_shim_log)
{
	struct cps_frame f;
	char *text;

	h_start(&h, SH("sleep 30"), NULL);
	h_create(&h);
	for (int i = 0; i < 200; i++) {
		int sock = h_connect(&h);

		ck_assert_int_ge(send(sock, "nonsense", 8, 0), 0);
		ck_assert(!h_recv(&h, sock, &f));
		(void)close(sock);
	}
	ck_assert_int_eq(h_num(cps_json_get(debug(), "counters"), "frames_rejected"), 200);
	text = h_file(&h, "shim.log", NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(lines(text, "client dropped"), 1);
	free(text);
	/* another one tells how often */
	{
		int sock = h_connect(&h);
		struct cps_err err;

		(void)cps_frame_send(sock, CPS_FRAME_REPLY, 1, "{}", 2, NULL, 0, 0, &err);
		ck_assert(!h_recv(&h, sock, &f));
		(void)close(sock);
	}
	text = h_file(&h, "shim.log", NULL);
	ck_assert_uint_eq(lines(text, "client dropped"), 2);
	ck_assert_uint_eq(lines(text, "the same again, 199 times"), 1);
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("debug");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, a_life_is_seen);
	tcase_add_test(tc, who_waits_and_for_what);
	tcase_add_test(tc, what_is_tried_again_takes_one_place_of_the_last_32);
	tcase_add_test(tc, hundreds_of_jobs_fit_into_the_answer);
	tcase_add_test(tc, what_repeats_itself_does_not_fill_shim_log);
	return h_main("shim-debug", tc);
}
