/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and callers read: log lines and tables.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "own.h"
#include "table.h"

/* What is written to stderr from stderr_catch() on. */
static int caught[2];

static void stderr_catch(void)
{
	ck_assert_int_eq(pipe2(caught, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_ge(dup2(caught[1], STDERR_FILENO), 0);
}

static const char *stderr_text(void)
{
	static char text[8192];
	ssize_t n = read(caught[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const char *log_path(void)
{
	static char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/log", unit_dir());
	return path;
}

static char *content(const char *path)
{
	struct cps_err err = { 0 };
	char *data = NULL;
	size_t len;

	ck_assert_ok(cps_file_read(AT_FDCWD, path, 1 << 20, &data, &len, &err), err);
	return data;
}

START_TEST(plain_to_stderr)
{
	struct cps_err err = { 0 };

	stderr_catch();
	ck_assert_int_eq(cps_log_open("capsule", NULL, CPS_LOG_PLAIN, CPS_LOG_INFO, &err), 0);
	ck_assert_int_eq(cps_log_fd(), -1);
	cps_log(CPS_LOG_ERROR, "no %s", "way");
	ck_assert_str_eq(stderr_text(), "capsule: no way\n");
	cps_log(CPS_LOG_WARN, "a\nb\x1b[31m\x7f ä");
	ck_assert_str_eq(stderr_text(), "capsule: warning: a b?[31m? ä\n");
	cps_log(CPS_LOG_INFO, "%s", "");
	ck_assert_str_eq(stderr_text(), "capsule: info: \n");
	cps_log(CPS_LOG_DEBUG, "x");
	ck_assert_str_eq(stderr_text(), "");
	ck_assert(cps_log_wants(CPS_LOG_INFO));
	ck_assert(!cps_log_wants(CPS_LOG_DEBUG));
}
END_TEST

START_TEST(text_to_stderr)
{
	struct cps_err err = { 0 };
	char now[CPS_TIME_SIZE];
	struct timespec t;
	const char *line;
	const char *rest;

	stderr_catch();
	ck_assert_int_eq(cps_log_open("capsule", NULL, CPS_LOG_TEXT, CPS_LOG_ERROR, &err), 0);
	cps_log(CPS_LOG_ERROR, "say \"x\"\n");
	line = stderr_text();
	ck_assert_int_eq(strncmp(line, "time=\"", 6), 0);
	rest = strchr(line + 6, '"');
	ck_assert_ptr_nonnull(rest);
	(void)snprintf(now, sizeof(now), "%.*s", (int)(rest - line - 6), line + 6);
	ck_assert_int_eq(cps_time_parse(now, &t), 0);
	ck_assert_str_eq(rest, "\" level=error msg=\"say \\\"x\\\"\\n\"\n");
}
END_TEST

START_TEST(json_to_a_file)
{
	static const char *const levels[] = { "error", "warning", "info", "debug" };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *data = NULL;
	const char *path = log_path();
	struct cps_err err = { 0 };
	char *at;
	int n = 0;

	stderr_catch();
	ck_assert_int_eq(cps_log_open("capsule", path, CPS_LOG_JSON, CPS_LOG_DEBUG, &err), 0);
	ck_assert_int_eq(fcntl(cps_log_fd(), F_GETFD), FD_CLOEXEC);
	cps_log(CPS_LOG_ERROR, "one \"\n");
	ck_assert_str_eq(stderr_text(), "one \" \n"); /* bare, for callers that read stderr */
	cps_log(CPS_LOG_WARN, "one \"\n");
	cps_log(CPS_LOG_INFO, "one \"\n");
	cps_log(CPS_LOG_DEBUG, "one \"\n");
	ck_assert_str_eq(stderr_text(), "");

	data = content(path);
	at = data;
	while (*at) {
		char *line = strsep(&at, "\n");
		const struct cps_json *root;
		struct timespec t;

		ck_assert_int_eq(cps_json_parse(&a, line, strlen(line), &root, &err), 0);
		ck_assert_uint_eq(root->count, 3);
		ck_assert_str_eq(cps_json_get(root, "level")->text, levels[n++]);
		ck_assert_str_eq(cps_json_get(root, "msg")->text, "one \"\n");
		ck_assert_int_eq(cps_time_parse(cps_json_get(root, "time")->text, &t), 0);
	}
	ck_assert_int_eq(n, 4);
}
END_TEST

START_TEST(text_to_a_file)
{
	cleanup_free char *data = NULL;
	const char *path = log_path();
	struct cps_err err = { 0 };

	stderr_catch();
	ck_assert_int_eq(cps_log_open("capsule", path, CPS_LOG_TEXT, CPS_LOG_ERROR, &err), 0);
	cps_log(CPS_LOG_ERROR, "x");
	data = content(path);
	ck_assert_ptr_nonnull(strstr(data, " level=error msg=\"x\"\n"));
}
END_TEST

START_TEST(a_log_that_cannot_be_opened)
{
	struct cps_err err = { 0 };

	ck_assert_err(cps_log_open("capsule", "/proc/none/log", CPS_LOG_JSON, CPS_LOG_ERROR, &err),
		      ENOENT, err, "open log file '/proc/none/log'");
	ck_assert_int_eq(cps_log_fd(), -1);
}
END_TEST

START_TEST(a_log_opened_anew_replaces_the_old)
{
	const char *path = log_path();
	struct cps_err err = { 0 };
	unsigned before = unit_fd_count();

	ck_assert_int_eq(cps_log_open("capsule", path, CPS_LOG_JSON, CPS_LOG_ERROR, &err), 0);
	ck_assert_int_eq(cps_log_open("capsule", path, CPS_LOG_JSON, CPS_LOG_ERROR, &err), 0);
	ck_assert_uint_eq(unit_fd_count(), before + 1);
	ck_assert_int_eq(cps_log_open("capsule", NULL, CPS_LOG_PLAIN, CPS_LOG_ERROR, &err), 0);
	ck_assert_uint_eq(unit_fd_count(), before);
}
END_TEST

/* Four processes, one file: every line whole. */
START_TEST(lines_never_mix)
{
	enum { WRITERS = 4, LINES = 500 };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free char *data = NULL;
	const char *path = log_path();
	struct cps_err err = { 0 };
	int lines = 0;
	char *at;

	for (int w = 0; w < WRITERS; w++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid > 0)
			continue;
		if (cps_log_open("capsule", path, CPS_LOG_JSON, CPS_LOG_INFO, &err) < 0)
			_exit(1);
		for (int i = 0; i < LINES; i++)
			cps_log(CPS_LOG_INFO, "%0200d", i);
		_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		int status;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	data = content(path);
	for (at = data; *at; lines++) {
		char *line = strsep(&at, "\n");
		const struct cps_json *root;

		ck_assert_int_eq(cps_json_parse(&a, line, strlen(line), &root, &err), 0);
		ck_assert_uint_eq(cps_json_get(root, "msg")->len, 200);
	}
	ck_assert_int_eq(lines, WRITERS * LINES);
}
END_TEST

static void check_table(struct cps_table *t, const char *wanted)
{
	cleanup_free char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	cps_table_print(t, f);
	(void)fclose(f);
	ck_assert_str_eq(text, wanted);
}

#define cleanup_table __attribute__((cleanup(cps_table_done)))

START_TEST(table_columns)
{
	cleanup_table struct cps_table t;

	cps_table_init(&t, 3);
	check_table(&t, "");
	cps_table_add(&t, "ID");
	cps_table_add(&t, "PID");
	cps_table_add(&t, "STATUS");
	cps_table_add(&t, "wäb1");
	cps_table_addf(&t, "%d", 123456);
	cps_table_add(&t, "running");
	cps_table_add(&t, NULL);
	cps_table_add(&t, "");
	check_table(&t, "ID     PID      STATUS\nwäb1   123456   running\n       \n");
	cps_table_add(&t, "x");
	check_table(&t, "ID     PID      STATUS\nwäb1   123456   running\n                x\n");
}
END_TEST

START_TEST(table_cells_are_harmless)
{
	cleanup_table struct cps_table t;

	cps_table_init(&t, 1);
	cps_table_add(&t, "a\x1b[2J\tb\nc\x7f");
	cps_table_add(&t, "\xc2\x9b"
			  "31m\xff→");
	check_table(&t, "a?[2J?b?c?\n??31m?→\n");
}
END_TEST

START_TEST(table_of_many)
{
	cleanup_table struct cps_table t;
	cleanup_free char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	cps_table_init(&t, 2);
	for (int i = 0; i < 10000; i++)
		cps_table_addf(&t, "%d", i);
	cps_table_addf(&t, "%0600d", 5);
	cps_table_print(&t, f);
	(void)fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "\n9998"));
	ck_assert_uint_gt(len, 5000u * 600);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		plain_to_stderr,
		text_to_stderr,
		json_to_a_file,
		text_to_a_file,
		a_log_that_cannot_be_opened,
		a_log_opened_anew_replaces_the_old,
		lines_never_mix,
		table_columns,
		table_cells_are_harmless,
		table_of_many,
		NULL,
	};

	return unit_main("report", tests);
}
