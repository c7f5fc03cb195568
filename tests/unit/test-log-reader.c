/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading logs: records cut anywhere, both formats, torn and foreign ones, the last lines, files
 * rotated while they are followed.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "log-reader.h"
#include "own.h"

#define T(n) "2026-11-21T20:45:" n ".000000000Z "

static const char cri[] =
	T("01") "stdout F one\n" T("02") "stderr F oops\n" T("03") "stdout P tw\n" T(
		"04") "stderr F mid\n" T("05") "stdout F o\n" T("06") "stdout F \n" T("07") "stderr"
											    " P "
											    "tail";

struct fixture {
	int dir;
	char path[PATH_MAX]; /* of LOG */
	char home[PATH_MAX]; /* of its directory */
	int out, err;	     /* memfds */
};

static void fixture_init(struct fixture *f)
{
	char link[64];
	ssize_t n;

	f->dir = unit_dir();
	snprintf(link, sizeof(link), "/proc/self/fd/%d", f->dir);
	n = readlink(link, f->home, sizeof(f->home) - 16);
	ck_assert_int_gt(n, 0);
	f->home[n] = '\0';
	snprintf(f->path, sizeof(f->path), "%.4000s/log", f->home);
	f->out = memfd_create("out", MFD_CLOEXEC);
	f->err = memfd_create("err", MFD_CLOEXEC);
}

static void file_write(struct fixture *f, const char *name, const char *text, size_t len)
{
	int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_eq(cps_write_all(fd, text, len), 0);
	close(fd);
}

static char *content(int fd)
{
	struct cps_err err = { 0 };
	char *text = NULL;
	size_t len;

	lseek(fd, 0, SEEK_SET);
	ck_assert_ok(cps_fd_read(fd, "out", 1 << 28, &text, &len, &err), err);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	return text;
}

static uint64_t show(struct fixture *f, struct sup_log_query q, const char *out, const char *err)
{
	struct cps_err e = { 0 };
	uint64_t garbage = 0;
	char *text;

	q.path = f->path;
	q.done_dir = f->home;
	q.done_name = "exit.json";
	q.writer_pidfd = -1;
	ck_assert_ok(sup_log_show(&q, f->out, f->err, &garbage, &e), e);
	text = content(f->out);
	ck_assert_str_eq(text, out);
	free(text);
	text = content(f->err);
	ck_assert_str_eq(text, err);
	free(text);
	return garbage;
}

static const struct sup_log_query all = { .tail = SUP_LOG_ALL };

/* What the parser makes of data, fed `step` bytes at once. */
static char *parse(const char *data, size_t len, size_t step, uint64_t *garbage)
{
	static const struct sup_log_query q = { .tail = SUP_LOG_ALL };
	struct sup_log_out *out = malloc(sizeof(*out));
	struct sup_log_parser p;
	int fd = memfd_create("out", MFD_CLOEXEC);
	char *text;

	sup_log_parser_init(&p);
	sup_log_out_init(out, &q, fd, fd);
	for (size_t at = 0; at < len; at += step)
		ck_assert_int_eq(sup_log_parser_feed(&p, data + at,
						     len - at < step ? len - at : step,
						     sup_log_out_piece, out),
				 0);
	ck_assert_int_eq(sup_log_parser_end(&p, sup_log_out_piece, out), 0);
	ck_assert_int_eq(sup_log_out_flush(out), 0);
	*garbage = p.garbage;
	sup_log_parser_done(&p);
	free(out);
	text = content(fd);
	close(fd);
	return text;
}

START_TEST(cut_anywhere)
{
	static const char mixed[] =
		T("01") "stdout F one\n{\"log\":\"two\\n\",\"stream\":\"stderr\",\"time\":"
			"\"2026-11-21T20:45:02Z\"}\nnoise\n" T("03") "stdout P thr\n" T(
				"03") "stdout F ee\n";
	uint64_t garbage;

	for (size_t step = 1; step < sizeof(mixed); step++) {
		char *text = parse(mixed, sizeof(mixed) - 1, step, &garbage);

		ck_assert_str_eq(text, "one\ntwo\nthree\n");
		ck_assert_uint_eq(garbage, 1);
		free(text);
	}
}
END_TEST

START_TEST(streams)
{
	struct fixture f;

	fixture_init(&f);
	file_write(&f, "log", cri, sizeof(cri) - 1);
	ck_assert_uint_eq(show(&f, all, "one\ntwo\n\n", "oops\nmid\ntail"), 0);
	ck_assert_uint_eq(show(&f,
			       (struct sup_log_query){ .tail = SUP_LOG_ALL, .timestamps = true },
			       T("01") "one\n" T("03") "two\n" T("06") "\n",
			       T("02") "oops\n" T("04") "mid\n" T("07") "tail"),
			  0);
}
END_TEST

START_TEST(json_file)
{
	static const char log[] =
		"{\"log\":\"a\\u0000b\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T20:45:01."
		"5Z\"}\n"
		"{\"log\":\"par\",\"stream\":\"stderr\",\"time\":\"2026-11-21T20:45:02Z\"}\n"
		"{\"log\":\"tial\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T20:45:03Z\"}\n"
		"{\"log\":7}\n{\"log\":\"x\",\"stream\":\"nowhere\",\"time\":\"2026-11-21T20:45:"
		"03Z\"}\n"
		"{\"log\":\"torn";
	uint64_t garbage;
	char *text = parse(log, sizeof(log) - 1, 4096, &garbage);

	ck_assert_int_eq(memcmp(text, "a\0b\npartial\n", 12), 0);
	ck_assert_uint_eq(garbage, 3);
	free(text);
}
END_TEST

START_TEST(garbage_is_counted)
{
	static const char *const bad[] = {
		"x\n",
		"\n",
		"2026-11-21T20:45:01Z\n",
		"2026-11-21T20:45:01Z stdout\n",
		"2026-11-21T20:45:01Z stdin F x\n",
		"2026-11-21T20:45:01Z stdout X x\n",
		"2026-11-21T20:45:01Z stdout FP x\n",
		"2026-13-21T20:45:01Z stdout F x\n",
		"{}\n",
		"{\n",
		"{\"log\":\"\\ud800\",\"stream\":\"stdout\",\"time\":1}\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t garbage;
		char *text = parse(bad[i], strlen(bad[i]), 7, &garbage);

		ck_assert_msg(*text == '\0' && garbage == 1, "'%s' gives '%s'", bad[i], text);
		free(text);
	}
}
END_TEST

START_TEST(huge_lines)
{
	const size_t big = 8 << 20;
	char *log = malloc(big + 256), *text;
	size_t n = (size_t)sprintf(log, "%s", T("01") "stdout F ");
	uint64_t garbage;

	/* no limit for text, which is passed on as it comes */
	memset(log + n, 'x', big);
	n += big;
	log[n++] = '\n';
	text = parse(log, n, 65536, &garbage);
	ck_assert_uint_eq(strlen(text), big + 1);
	ck_assert_uint_eq(garbage, 0);
	free(text);
	/* what is no record is skipped to its end, however far that is; so is a json record */
	log[0] = 'x';
	n += (size_t)sprintf(log + n, "%s", T("02") "stdout F next\n");
	text = parse(log, n, 65536, &garbage);
	ck_assert_str_eq(text, "next\n");
	ck_assert_uint_eq(garbage, 1);
	free(text);
	log[0] = '{';
	text = parse(log, n, 65536, &garbage);
	ck_assert_str_eq(text, "next\n");
	ck_assert_uint_eq(garbage, 1);
	free(text);
	free(log);
}
END_TEST

/* `tail` lines of each kind, against a plain count on the whole. */
static void check_tail(struct fixture *f, int64_t n, const char *out, const char *err)
{
	show(f, (struct sup_log_query){ .tail = n }, out, err);
}

START_TEST(tail)
{
	struct fixture f;

	fixture_init(&f);
	file_write(&f, "log", cri, sizeof(cri) - 1);
	check_tail(&f, 0, "", "tail"); /* the torn end is no line yet */
	check_tail(&f, 1, "\n", "tail");
	check_tail(&f, 2, "two\n\n", "tail"); /* with its beginning, which lies before "mid" */
	check_tail(&f, 3, "two\n\n", "mid\ntail");
	check_tail(&f, 4, "two\n\n", "oops\nmid\ntail");
	check_tail(&f, 5, "one\ntwo\n\n", "oops\nmid\ntail");
	check_tail(&f, 500, "one\ntwo\n\n", "oops\nmid\ntail");
}
END_TEST

START_TEST(tail_over_files)
{
	struct fixture f;
	char text[128];

	fixture_init(&f);
	for (int i = 1; i <= 4; i++) {
		char name[16];
		int n = snprintf(text, sizeof(text),
				 T("%02d") "stdout F a%d\n" T("%02d") "stdout F b%d\n", 10 - i, i,
				 10 - i, i);

		snprintf(name, sizeof(name), "log.%d", i);
		file_write(&f, name, text, (size_t)n);
	}
	file_write(&f, "log", "", 0);
	check_tail(&f, 1, "b1\n", "");
	check_tail(&f, 3, "b2\na1\nb1\n", "");
	check_tail(&f, 100, "a4\nb4\na3\nb3\na2\nb2\na1\nb1\n", "");
	/* a rotation under way leaves a hole */
	ck_assert_int_eq(unlinkat(f.dir, "log.2", 0), 0);
	show(&f, all, "a4\nb4\na3\nb3\na1\nb1\n", "");
}
END_TEST

START_TEST(tail_is_cheap)
{
	struct fixture f;
	const size_t lines = 400000;
	char *text = malloc(lines * 64), *p = text;
	struct timespec a, b;

	fixture_init(&f);
	for (size_t i = 0; i < lines; i++)
		p += sprintf(p, T("01") "stdout F line %zu\n", i);
	file_write(&f, "log", text, (size_t)(p - text));
	free(text);
	clock_gettime(CLOCK_MONOTONIC, &a);
	check_tail(&f, 2, "line 399998\nline 399999\n", "");
	clock_gettime(CLOCK_MONOTONIC, &b);
	/* 20 MB are not read for two lines; a generous bound, for it is the order that counts */
	ck_assert_int_lt((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000, 20);
}
END_TEST

START_TEST(tail_of_long_lines)
{
	struct fixture f;
	struct cps_buf log = CPS_BUF_INIT, want = CPS_BUF_INIT;
	char piece[16385];

	memset(piece, 'y', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	fixture_init(&f);
	cps_buf_puts(&log, T("01") "stdout F first\n");
	for (int i = 0; i < 20; i++) {
		cps_buf_printf(&log, T("02") "stdout P %s\n", piece);
		cps_buf_puts(&log, T("02") "stderr F e\n");
		cps_buf_puts(&want, piece);
	}
	cps_buf_puts(&log, T("03") "stdout F .\n");
	cps_buf_puts(&want, ".\n");
	file_write(&f, "log", log.data, log.len);
	check_tail(&f, 1, want.data, "");
	check_tail(&f, 2, want.data, "e\n");
	cps_buf_done(&log);
	cps_buf_done(&want);
}
END_TEST

static struct timespec at(const char *text)
{
	struct timespec t;

	ck_assert_int_eq(cps_time_parse(text, &t), 0);
	return t;
}

START_TEST(since_until)
{
	struct sup_log_query q = { .tail = SUP_LOG_ALL, .has_since = true, .has_until = true };
	struct fixture f;

	fixture_init(&f);
	file_write(&f, "log", cri, sizeof(cri) - 1);
	q.since = at("2026-11-21T20:45:02Z");
	q.until = at("2026-11-21T20:45:04Z");
	show(&f, q, "two\n", "oops\nmid\n"); /* a line is as old as its beginning */
	q.tail = 1;
	show(&f, q, "", "mid\n");
	q.since = at("2027-01-01T00:00:00Z");
	q.has_until = false;
	show(&f, q, "", "");
}
END_TEST

START_TEST(no_file)
{
	struct fixture f;

	fixture_init(&f);
	show(&f, all, "", "");
	check_tail(&f, 5, "", "");
}
END_TEST

/* Writes `lines` numbered lines as the shim does, rotating every few, and leaves exit.json. */
static void writer(struct fixture *f, int lines, int per_file, int keep, bool pause)
{
	int fd = openat(f->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	for (int i = 0; i < lines; i++) {
		char line[128], from[32], to[32];
		int n = snprintf(line, sizeof(line), T("01") "%s F line %d\n",
				 i % 2 ? "stderr" : "stdout", i);

		if (cps_write_all(fd, line, (size_t)n) < 0)
			_exit(2);
		if (pause && i % 50 == 0)
			usleep(2000);
		if (i % per_file != per_file - 1)
			continue;
		close(fd);
		fd = openat(f->dir, "log.new", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		for (int k = keep - 1; k >= 1; k--) {
			snprintf(to, sizeof(to), "log.%d", k);
			snprintf(from, sizeof(from), k == 1 ? "log" : "log.%d", k - 1);
			(void)renameat(f->dir, from, f->dir, to);
		}
		(void)renameat(f->dir, "log.new", f->dir, "log");
	}
	close(fd);
	close(openat(f->dir, "exit.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	_exit(0);
}

static void check_follow(int lines, int per_file, int keep, bool pause)
{
	struct sup_log_query q = { .tail = SUP_LOG_ALL, .follow = true };
	struct cps_buf out = CPS_BUF_INIT, err = CPS_BUF_INIT;
	struct fixture f;
	int status;
	pid_t pid;

	fixture_init(&f);
	for (int i = 0; i < lines; i++)
		cps_buf_printf(i % 2 ? &err : &out, "line %d\n", i);
	pid = fork();
	if (pid == 0)
		writer(&f, lines, per_file, keep, pause);
	ck_assert_uint_eq(show(&f, q, out.data, err.data), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	cps_buf_done(&out);
	cps_buf_done(&err);
}

START_TEST(follow_loses_and_doubles_nothing)
{
	check_follow(500, 100000, 5, true);   /* no rotation */
	check_follow(3000, 37, 200, true);    /* many */
	check_follow(20000, 101, 400, false); /* several between two looks */
	check_follow(2, 1, 5, true);
}
END_TEST

START_TEST(follow_waits_for_whole_records)
{
	static const char half[] = T("01") "stdout F ab", whole[] = T("02") "stdout F cd\n";
	struct sup_log_query q = { .tail = SUP_LOG_ALL, .follow = true };
	struct fixture f;
	pid_t pid;

	fixture_init(&f);
	pid = fork();
	if (pid == 0) {
		int fd = openat(f.dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		/* a full disk: half a record, taken back, then another one instead of it */
		(void)!write(fd, half, sizeof(half) - 1);
		usleep(50000);
		(void)!ftruncate(fd, 0);
		(void)!write(fd, whole, sizeof(whole) - 1);
		usleep(50000);
		close(openat(f.dir, "exit.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		_exit(0);
	}
	show(&f, q, "cd\n", "");
	waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(follow_ends_when_deleted)
{
	struct sup_log_query q = { .tail = SUP_LOG_ALL, .follow = true };
	struct fixture f;
	pid_t pid;

	fixture_init(&f);
	file_write(&f, "log", T("01") "stdout F x\n", strlen(T("01") "stdout F x\n"));
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		(void)unlinkat(f.dir, "log", 0);
		(void)rmdir(f.home);
		_exit(0);
	}
	show(&f, q, "x\n", "");
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(mkdir(f.home, 0700), 0); /* whose removal the test's end expects */
}
END_TEST

START_TEST(not_a_file)
{
	struct sup_log_query q = { .tail = SUP_LOG_ALL };
	struct cps_err err = { 0 };
	struct fixture f;
	uint64_t garbage;

	fixture_init(&f);
	q.path = f.path;
	ck_assert_int_eq(mkfifoat(f.dir, "log", 0600), 0);
	ck_assert_err(sup_log_show(&q, f.out, f.err, &garbage, &err), EINVAL, err,
		      "no regular file");
	ck_assert_int_eq(unlinkat(f.dir, "log", 0), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", f.dir, "log"), 0);
	ck_assert_err(sup_log_show(&q, f.out, f.err, &garbage, &err), ELOOP, err, "open log");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { cut_anywhere,
				       streams,
				       json_file,
				       garbage_is_counted,
				       huge_lines,
				       tail,
				       tail_over_files,
				       tail_is_cheap,
				       tail_of_long_lines,
				       since_until,
				       no_file,
				       follow_loses_and_doubles_nothing,
				       follow_waits_for_whole_records,
				       follow_ends_when_deleted,
				       not_a_file,
				       NULL };

	return unit_main("log-reader", tests);
}
