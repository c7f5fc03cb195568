/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of events: lines of many writers across renamings, read and followed; events as text,
 * torn and foreign lines.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event-file.h"
#include "event-text.h"
#include "lines.h"
#include "own.h"
#include "proto.h"

#define WRITERS 16
#define LINES	400
#define DONE	(-ECANCELED)

/* ---- many writers ---- */

/* What every writer has to say, and a sink that counts it. */
struct count {
	unsigned seen[WRITERS][LINES];
	unsigned all, bad, enough;
	bool in_order;
	int last[WRITERS];
};

static int count_line(void *arg, const char *line, size_t len, struct cps_err *err)
{
	struct count *c = arg;
	unsigned writer, n;
	char text[256];

	if (!line)
		return c->enough && c->all >= c->enough ? cps_failx(err, ECANCELED, "seen all") : 0;
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, line);
	if (sscanf(text, "writer %u line %u of", &writer, &n) != 2 || writer >= WRITERS ||
	    n >= LINES || text[len - 1] != '.' || len != 100 + writer) {
		c->bad++;
		return 0;
	}
	c->seen[writer][n]++;
	c->all++;
	if ((int)n < c->last[writer])
		c->in_order = false;
	c->last[writer] = (int)n;
	return 0;
}

static void writer_run(int dir, unsigned writer, uint64_t max, unsigned pause_us)
{
	for (unsigned n = 0; n < LINES; n++) {
		struct cps_err err;
		char line[256];
		size_t len = 100 + writer;
		int at;

		memset(line, 'x', sizeof(line));
		at = snprintf(line, sizeof(line), "writer %u line %u of", writer, n);
		line[at] = ' ';
		line[len - 1] = '.';
		line[len] = '\n';
		if (cps_lines_append(dir, CPS_EVLOG_FILE, max, line, len + 1, &err) < 0)
			_exit(1);
		if (pause_us)
			(void)usleep(pause_us);
	}
	_exit(0);
}

static void writers_start(int dir, uint64_t max, unsigned pause_us)
{
	for (unsigned i = 0; i < WRITERS; i++) {
		if (fork() == 0)
			writer_run(dir, i, max, pause_us);
	}
}

static void writers_end(void)
{
	int status;

	while (wait(&status) > 0)
		ck_assert_int_eq(status, 0);
}

static void path_of(int dir, char *buf, size_t size)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, buf, size - 1);
	ck_assert_int_gt(n, 0);
	buf[n] = '\0';
}

static void check_all(const struct count *c)
{
	ck_assert_uint_eq(c->bad, 0);
	ck_assert_uint_eq(c->all, WRITERS * LINES);
	for (unsigned i = 0; i < WRITERS; i++)
		for (unsigned n = 0; n < LINES; n++)
			ck_assert_msg(c->seen[i][n] == 1, "writer %u line %u: %u times", i, n,
				      c->seen[i][n]);
}

START_TEST(many_writers_and_one_renaming)
{
	/* all lines together are more than the bound and less than twice as much */
	uint64_t max = (uint64_t)WRITERS * LINES * 108 * 2 / 3;
	struct count *c = calloc(1, sizeof(*c));
	int dir = unit_dir();
	char path[PATH_MAX];
	struct cps_err err;
	struct stat st;

	c->in_order = true;
	path_of(dir, path, sizeof(path));
	writers_start(dir, max, 0);
	writers_end();
	ck_assert_int_eq(fstatat(dir, CPS_EVLOG_FILE ".1", &st, 0), 0);
	ck_assert_uint_gt((uint64_t)st.st_size, max);
	ck_assert_ok(sup_events_read(path, false, count_line, c, &err), err);
	check_all(c);
	ck_assert(c->in_order);
	free(c);
}
END_TEST

START_TEST(followed_across_many_renamings)
{
	struct count *c = calloc(1, sizeof(*c));
	int dir = unit_dir();
	char path[PATH_MAX];
	struct cps_err err;

	c->enough = WRITERS * LINES;
	path_of(dir, path, sizeof(path));
	writers_start(dir, (uint64_t)WRITERS * LINES * 108 / 7, 1000);
	(void)alarm(30);
	ck_assert_int_eq(sup_events_read(path, true, count_line, c, &err), DONE);
	writers_end();
	check_all(c);
	free(c);
}
END_TEST

START_TEST(no_file_is_no_error_and_a_directory_is)
{
	struct count *c = calloc(1, sizeof(*c));
	int dir = unit_dir();
	char path[PATH_MAX];
	struct cps_err err;

	path_of(dir, path, sizeof(path) - 16);
	ck_assert_ok(sup_events_read(path, false, count_line, c, &err), err);
	unit_make_dir(dir, CPS_EVLOG_FILE);
	ck_assert_err(sup_events_read(path, false, count_line, c, &err), EINVAL, err,
		      "no regular file");
	ck_assert_int_lt(cps_lines_append(dir, CPS_EVLOG_FILE, 1, "x\n", 2, &err), 0);
	ck_assert_int_eq(unlinkat(dir, CPS_EVLOG_FILE, AT_REMOVEDIR), 0);
	strcat(path, "/none");
	ck_assert_ok(sup_events_read(path, false, count_line, c, &err), err);
	ck_assert_uint_eq(c->all + c->bad, 0);
	free(c);
}
END_TEST

START_TEST(a_link_is_not_followed)
{
	int dir = unit_dir();
	struct cps_err err;

	unit_put(dir, "precious", "");
	unit_make_link(dir, "precious", CPS_EVLOG_FILE);
	ck_assert_int_eq(cps_lines_append(dir, CPS_EVLOG_FILE, 1, "x\n", 2, &err), -ELOOP);
	unit_check_content(dir, "precious", "");
}
END_TEST

/* ---- text ---- */

#define HEAD "{\"time\":\"2026-11-21T20:45:01.5Z\",\"event\":"

static void check_text(const char *line, const char *text)
{
	struct cps_arena arena = CPS_ARENA_INIT;
	struct cps_buf b = CPS_BUF_INIT;
	struct sup_event e;

	ck_assert_msg(sup_event_parse(&arena, line, strlen(line), &e), "%s", line);
	sup_event_text(&e, &b);
	ck_assert_str_eq(b.data, text);
	cps_buf_done(&b);
	cps_arena_done(&arena);
}

START_TEST(lines_of_text)
{
	check_text(HEAD "\"start\",\"id\":\"c1\",\"pid\":12}",
		   "2026-11-21T20:45:01.5Z  c1  start  pid 12");
	check_text(HEAD "\"exit\",\"id\":\"c1\",\"pid\":12,\"exit\":{\"code\":137,\"signal\":9,"
			"\"oom\":true,\"known\":true}}",
		   "2026-11-21T20:45:01.5Z  c1  exit  pid 12, status 137 (SIGKILL), out of memory");
	check_text(HEAD "\"exit\",\"id\":\"c1\",\"exit\":{\"code\":0,\"known\":false}}",
		   "2026-11-21T20:45:01.5Z  c1  exit  status unknown");
	check_text(HEAD "\"exit\",\"id\":\"c1\",\"exit\":{\"code\":166,\"signal\":38}}",
		   "2026-11-21T20:45:01.5Z  c1  exit  status 166 (signal 38)");
	check_text(HEAD "\"exec\",\"id\":\"c1\",\"job\":false,\"args\":[\"sh\",\"-c\",\"exit "
			"7\",\"\"]}",
		   "2026-11-21T20:45:01.5Z  c1  exec  no job, args sh -c 'exit 7' ''");
	check_text(HEAD "\"kill\",\"id\":\"c1\",\"signal\":15,\"all\":true,"
			"\"by\":{\"pid\":7,\"uid\":0}}",
		   "2026-11-21T20:45:01.5Z  c1  kill  SIGTERM, all, by pid 7 uid 0");
	check_text(HEAD "\"delete\",\"id\":\"c1\"}", "2026-11-21T20:45:01.5Z  c1  delete");
}
END_TEST

START_TEST(what_a_later_version_may_write)
{
	check_text(HEAD "\"paint\",\"id\":\"c1\",\"colour\":\"light blue\",\"coats\":2,"
			"\"by_hand\":null,\"of\":{\"a\":1,\"b\":[2]},\"exit\":7}",
		   "2026-11-21T20:45:01.5Z  c1  paint  colour 'light blue', coats 2, by_hand null, "
		   "of a=1 b=, exit 7");
}
END_TEST

START_TEST(no_control_characters)
{
	check_text(HEAD "\"exec\",\"id\":\"c1\",\"args\":[\"\\u001b[2J\\n\\u007f\"],"
			"\"error\":\"a\\u0007\"}",
		   "2026-11-21T20:45:01.5Z  c1  exec  args '?[2J?"
		   "?', a?");
}
END_TEST

START_TEST(torn_and_foreign_lines)
{
	static const char *const none[] = {
		"",
		"{}",
		"x",
		"[1]",
		HEAD "\"start\"}",
		HEAD "\"start\",\"id\":7}",
		HEAD "7,\"id\":\"c1\"}",
		"{\"time\":\"yesterday\",\"event\":\"start\",\"id\":\"c1\"}",
		HEAD "\"start\",\"id\":\"c1\"} and more",
		HEAD HEAD HEAD,
	};
	struct cps_arena arena = CPS_ARENA_INIT;
	struct sup_event e;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(!sup_event_parse(&arena, none[i], strlen(none[i]), &e), "%s",
			      none[i]);
	cps_arena_done(&arena);
	check_text(HEAD "\"ex" HEAD "\"start\",\"id\":\"c1\"}",
		   "2026-11-21T20:45:01.5Z  c1  start");
	check_text("garbage" HEAD "\"start\",\"id\":\"c1\"}", "2026-11-21T20:45:01.5Z  c1  start");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { many_writers_and_one_renaming,
				       followed_across_many_renamings,
				       no_file_is_no_error_and_a_directory_is,
				       a_link_is_not_followed,
				       lines_of_text,
				       what_a_later_version_may_write,
				       no_control_characters,
				       torn_and_foreign_lines,
				       NULL };

	return unit_main("events", tests);
}
