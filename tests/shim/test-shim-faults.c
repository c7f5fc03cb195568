/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every row of the shim's two tables fails once, or takes the shim with it (--enable-faults). A
 * request that fails can be repeated; news that fails is dispatched again; in the end nothing is
 * left of the container. A shim that dies leaves the container alone and its files in one piece,
 * and another one can go on from there.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "harness.h"
#include "machine.h"
#include "own.h"

#define ROWS	  ((int)(SHIM_STATE_COUNT * SHIM_EVENT_COUNT))
#define EXEC_ROWS ((int)(SHIM_EXEC_STATE_COUNT * SHIM_EXEC_EVENT_COUNT))

static struct h h;

static void teardown(void)
{
	h_end(&h);
}

/* Row number n of both tables; false if it is not in them. */
static bool row(const char *how, int n, char fault[128])
{
	const struct shim_table *t = &shim_container_table;

	if (n >= ROWS) {
		n -= ROWS;
		t = &shim_exec_table;
	}
	if (!shim_table_cell(t, (unsigned)n / t->events, (unsigned)n % t->events))
		return false;
	(void)snprintf(fault, 128, "%s:%s.%s.%s", how, t->name,
		       t->state_names[(unsigned)n / t->events],
		       t->event_names[(unsigned)n % t->events]);
	return true;
}

/* A request, repeated if it is the one that fails. False: the shim is gone. */
static bool ask(const char *members, int *ret_errno, const struct cps_json **ret_ok)
{
	for (int tries = 0; tries < 2; tries++) {
		int fds[1] = { -1 };
		unsigned nfds = 0;
		struct cps_frame f;
		struct cps_err err;
		const struct cps_json *ok = NULL;
		uint32_t id;
		char json[512];

		if (strstr(members, "\"process\"")) {
			fds[nfds++] = h_process_memfd("{\"args\":[\"sh\",\"-c\",\"echo job\"]}");
		}
		id = ++h.next_id;
		(void)snprintf(json, sizeof(json), "{%s}", members);
		if (cps_frame_send(h.sock, CPS_FRAME_REQUEST, id, json, strlen(json), fds, nfds, 0,
				   &err) < 0)
			return false;
		if (nfds > 0)
			(void)close(fds[0]);
		do {
			if (!h_recv(&h, h.sock, &f))
				return false;
		} while (f.kind != CPS_FRAME_REPLY || f.id != id);
		*ret_errno = -cps_reply_check(&f, &ok, &err);
		if (ret_ok)
			*ret_ok = ok;
		if (*ret_errno != EIO)
			return true;
	}
	return true;
}

static bool log_has_text(void)
{
	size_t len = 0;
	char *text = h_file(&h, "log", &len);

	free(text);
	return len > 0;
}

/* A life that goes through most rows: two ends of it, by `delete --force` or by `stop`. */
static bool live(bool force)
{
	const struct cps_json *ok = NULL;
	char members[256];
	int num = 0;

	(void)snprintf(members, sizeof(members), "\"op\":\"create\",\"bundle\":\"%s\"", h.bundle);
	if (!ask(members, &num, NULL))
		return false;
	ck_assert_int_eq(num, 0);
	if (!ask("\"op\":\"start\"", &num, NULL))
		return false;
	ck_assert_int_eq(num, 0);
	/* until its trap is set */
	for (int i = 0; i < 500 && !log_has_text(); i++)
		(void)usleep(10000);
	if (!ask("\"op\":\"exec\",\"detach\":true,\"fds\":[\"process\"]", &num, &ok))
		return false;
	ck_assert_int_eq(num, 0);
	(void)snprintf(members, sizeof(members), "\"op\":\"wait\",\"exec\":\"%s\"",
		       h_str(ok, "exec"));
	if (!ask(members, &num, &ok))
		return false;
	ck_assert_int_eq(num, 0);
	ck_assert_int_eq(h_num(ok, "code"), 0);
	if (!ask("\"op\":\"kill\",\"signal\":18", &num, NULL) ||
	    !ask("\"op\":\"kill\",\"signal\":18,\"all\":true", &num, NULL))
		return false;
	if (!force) {
		if (!ask("\"op\":\"stop\",\"timeout_ms\":50", &num, NULL) ||
		    !ask("\"op\":\"wait\"", &num, &ok))
			return false;
		ck_assert_int_eq(num, 0);
		ck_assert_int_eq(h_num(ok, "signal"), SIGKILL);
	}
	if (!ask(force ? "\"op\":\"delete\",\"force\":true" : "\"op\":\"delete\"", &num, NULL))
		return false;
	ck_assert_int_eq(num, 0);
	return true;
}

#define STUBBORN \
	"{\"args\":[\"sh\",\"-c\",\"trap '' TERM; echo up; while :; do sleep 0.02; done\"]}"

START_TEST(every_row_fails_once)
{
	char fault[128];

	if (!row("before", _i, fault))
		return;
	(void)setenv("CAPSULE_FAULT", fault, 1);
	for (int force = 0; force < 2; force++) {
		h_start(&h, STUBBORN, NULL);
		ck_assert_msg(live(force), "%s: the shim is gone", fault);
		h_shim_gone(&h, 0);
		ck_assert_msg(access(h.state, F_OK) < 0, "%s: the directory is left", fault);
		h_end(&h);
	}
}
END_TEST

static void check_json(const char *name)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *root = NULL;
	struct cps_err err;
	size_t len = 0;
	char *text = h_file(&h, name, &len);

	if (text)
		ck_assert_msg(cps_json_parse(&arena, text, len, &root, &err) == 0, "%s: %s", name,
			      err.msg);
	free(text);
}

/* Another shim takes over what is left, or says why there is nothing to be had, and ends it. */
static void adopt_and_end(const char *fault)
{
	int num = 0;

	(void)unsetenv("CAPSULE_FAULT");
	cps_close(&h.sock);
	if (access(h.state, F_OK) < 0)
		return;
	if (!h_adopter(&h, &num) || !ask("\"op\":\"adopt\"", &num, NULL) || num != 0) {
		/* Only what was no container yet may be refused. */
		ck_assert_msg(num == ECANCELED, "%s: adoption: %s", fault, strerror(num));
		h_shim_gone(&h, 256);
		return;
	}
	ck_assert(ask("\"op\":\"delete\",\"force\":true", &num, NULL));
	ck_assert_msg(num == 0, "%s: delete: %s", fault, strerror(num));
	h_shim_gone(&h, 0);
	ck_assert_msg(access(h.state, F_OK) < 0, "%s: the directory is left", fault);
}

START_TEST(the_shim_dies_at_every_row)
{
	char fault[128];
	int status;

	if (!row("die", _i, fault))
		return;
	(void)setenv("CAPSULE_FAULT", fault, 1);
	h_start(&h, STUBBORN, NULL);
	if (live(false)) {
		h_shim_gone(&h, 0); /* a row that this life does not meet */
		return;
	}
	ck_assert_int_eq(waitpid(h.shim, &status, 0), h.shim);
	h.shim = 0;
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	check_json("shim.json");
	check_json("exit.json");
	if (access(h.state, F_OK) == 0) {
		char log[128];

		(void)snprintf(log, sizeof(log), "%s/log", h.state);
		if (access(log, F_OK) == 0)
			free(h_log_text(&h, "log", NULL)); /* no record is torn */
	}
	adopt_and_end(fault);
}
END_TEST

/* Something to be adopted, by a shim without a fault. */
static void orphan(enum shim_event found)
{
	h_start(&h, STUBBORN, NULL);
	h_create(&h);
	if (found != SHIM_E_ADOPT_CREATED)
		(void)h_ok(&h, "\"op\":\"start\"");
	if (found == SHIM_E_ADOPT_EXITED) {
		(void)h_ok(&h, "\"op\":\"kill\",\"signal\":9");
		(void)h_ok(&h, "\"op\":\"wait\"");
	}
	h_kill_shim(&h);
	if (found == SHIM_E_ADOPT_FAILED) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/stdout", h.state);
		ck_assert_int_eq(unlink(path), 0);
	}
}

/* The event in ADOPTING happens; false: the shim is gone. */
static bool adopt_by(enum shim_event e)
{
	int num = 0;

	if (!h_adopter(&h, &num))
		return false;
	if (e == SHIM_E_TERM) {
		(void)kill(h.shim, SIGTERM);
		return false;
	}
	if (e != SHIM_E_CLIENTS_GONE) {
		if (!ask("\"op\":\"adopt\"", &num, NULL))
			return false;
		ck_assert_int_eq(num, e == SHIM_E_ADOPT_FAILED ? ENOENT : 0);
		return num == 0;
	}
	cps_close(&h.sock);
	for (int i = 0; i < 500; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/shim.sock", h.state);
		if (access(path, F_OK) == 0)
			break;
		if (waitpid(h.shim, NULL, WNOHANG) == h.shim) {
			h.shim = 0;
			return false;
		}
		(void)usleep(10000);
	}
	h.sock = h_connect(&h);
	return true;
}

START_TEST(every_row_of_an_adoption)
{
	enum shim_event e = (enum shim_event)(_i / 2);
	bool dies = _i % 2;
	bool survives;
	char fault[128];
	int status;

	if (!row(dies ? "die" : "before", SHIM_ADOPTING * SHIM_EVENT_COUNT + (int)e, fault))
		return;
	orphan(e);
	(void)setenv("CAPSULE_FAULT", fault, 1);
	survives = adopt_by(e);
	ck_assert_msg(survives == (!dies && e != SHIM_E_TERM && e != SHIM_E_ADOPT_FAILED), "%s",
		      fault);
	if (!survives && h.shim) {
		ck_assert_int_eq(waitpid(h.shim, &status, 0), h.shim);
		h.shim = 0;
		cps_close(&h.sock);
	}
	if (survives) {
		int num = 0;

		ck_assert(ask("\"op\":\"delete\",\"force\":true", &num, NULL));
		ck_assert_int_eq(num, 0);
		h_shim_gone(&h, 0);
		ck_assert_int_lt(access(h.state, F_OK), 0);
	} else if (e != SHIM_E_ADOPT_FAILED) {
		adopt_and_end(fault);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("faults");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 40);
	tcase_add_loop_test(tc, every_row_fails_once, 0, ROWS + EXEC_ROWS);
	tcase_add_loop_test(tc, the_shim_dies_at_every_row, 0, ROWS + EXEC_ROWS);
	tcase_add_loop_test(tc, every_row_of_an_adoption, 0, 2 * SHIM_EVENT_COUNT);
	return h_main("shim-faults", tc);
}
