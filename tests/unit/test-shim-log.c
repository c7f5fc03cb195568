/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs, byte for byte: cutting into records, both formats, rotation, and disks that are full. A
 * full disk is RLIMIT_FSIZE here: write(2) then comes back short and fails with EFBIG.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "shim-log.h"
#include "unit.h"

static const struct timespec NOW = { 1795294535, 123456789 }; /* 2026-11-21T20:55:35 */
#define AT "2026-11-21T20:55:35.123456789Z"

static struct shim_scratch scratch;
static char folder[64];
static char path[96];

static struct shim_log *log_open(const struct shim_log_driver *driver, uint64_t max_size,
				 unsigned max_files, enum shim_log_mode mode)
{
	struct shim_log_config c = {
		.driver = driver,
		.path = path,
		.max_size = max_size,
		.max_files = max_files,
		.mode = mode,
	};
	struct shim_log *log = NULL;
	struct cps_err err;

	if (!scratch.chunk) {
		int dir = unit_dir();
		char link[64];
		ssize_t n;

		ck_assert_ok(shim_scratch_init(&scratch, &err), err);
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		n = readlink(link, folder, sizeof(folder) - 1);
		ck_assert_int_gt(n, 0);
		(void)snprintf(path, sizeof(path), "%s/log", folder);
		(void)signal(SIGXFSZ, SIG_IGN);
	}
	ck_assert_ok(shim_log_open(&c, &scratch, &log, &err), err);
	return log;
}

static char *content(unsigned number, size_t *ret_len)
{
	char name[128];
	struct cps_err err;
	char *text = NULL;
	size_t len = 0;

	(void)snprintf(name, sizeof(name), number ? "%s.%u" : "%s", path, number);
	if (cps_file_read(AT_FDCWD, name, 1u << 28, &text, &len, &err) < 0)
		return NULL;
	if (ret_len)
		*ret_len = len;
	return text;
}

static void feed(struct shim_log *log, const char *text)
{
	shim_log_feed(log, SHIM_STDOUT, &NOW, text, strlen(text));
}

static void check_log(const char *expected)
{
	char *text = content(0, NULL);

	ck_assert_str_eq(text, expected);
	free(text);
}

static void disk_limit(uint64_t bytes)
{
	struct rlimit r;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes ? bytes : r.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* ---- cri ---- */

START_TEST(cri_lines)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "one\ntwo\n\n");
	shim_log_feed(log, SHIM_STDERR, &NOW, "oops\r\n", 6);
	check_log(AT " stdout F one\n" AT " stdout F two\n" AT " stdout F \n" AT
		     " stderr F oops\r\n");
	shim_log_free(log);
}
END_TEST

START_TEST(cri_a_line_in_several_reads_is_one_record)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "he");
	shim_log_feed(log, SHIM_STDERR, &NOW, "between\n", 8);
	feed(log, "ll");
	feed(log, "o\nnext");
	check_log(AT " stderr F between\n" AT " stdout F hello\n");
	feed(log, "\n");
	check_log(AT " stderr F between\n" AT " stdout F hello\n" AT " stdout F next\n");
	shim_log_free(log);
}
END_TEST

START_TEST(cri_output_that_ends_without_a_newline_is_partial)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "a\nb");
	shim_log_end(log, SHIM_STDOUT, &NOW);
	check_log(AT " stdout F a\n" AT " stdout P b\n");
	shim_log_free(log);
	check_log(AT " stdout F a\n" AT " stdout P b\n"); /* and the end is written once */
}
END_TEST

/* len bytes of 'x' in reads of `step`, then `tail`; the log's records are lens[]: > 0 F, < 0 P. */
static void check_pieces(size_t len, size_t step, const char *tail, const long *lens)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	char *data = malloc(len + strlen(tail) + 1);
	char *text;
	char *at;

	memset(data, 'x', len);
	(void)strcpy(data + len, tail);
	len += strlen(tail);
	for (size_t i = 0; i < len; i += step)
		shim_log_feed(log, SHIM_STDOUT, &NOW, data + i, len - i < step ? len - i : step);
	shim_log_end(log, SHIM_STDOUT, &NOW);
	shim_log_free(log);
	text = content(0, NULL);
	at = text;
	for (; *lens; lens++) {
		size_t n = (size_t)labs(*lens);

		ck_assert_msg(strncmp(at, *lens > 0 ? AT " stdout F " : AT " stdout P ",
				      strlen(AT) + 10) == 0,
			      "%zu bytes by %zu: '%.50s'", len, step, at);
		at += strlen(AT) + 10;
		ck_assert_uint_eq(strspn(at, "x"), n);
		at += n;
		ck_assert_int_eq(*at, '\n');
		at++;
	}
	ck_assert_int_eq(*at, '\0');
	free(text);
	free(data);
	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(cri_long_lines_are_cut_at_16_kib_whatever_the_reads)
{
	static const size_t steps[] = { 65536, 16384, 16383, 16385, 4096, 1000, 7 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		check_pieces(16384, steps[i], "\n", (const long[]){ 16384, 0 });
		check_pieces(16383, steps[i], "\n", (const long[]){ 16383, 0 });
		check_pieces(16385, steps[i], "\n", (const long[]){ -16384, 1, 0 });
		check_pieces(32768, steps[i], "\n", (const long[]){ -16384, 16384, 0 });
		check_pieces(50000, steps[i], "\nx\n",
			     (const long[]){ -16384, -16384, -16384, 848, 1, 0 });
		check_pieces(16384, steps[i], "", (const long[]){ -16384, 0 });
		check_pieces(16385, steps[i], "", (const long[]){ -16384, -1, 0 });
	}
}
END_TEST

START_TEST(cri_is_byte_exact)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	static const char data[] = "\0\x01\xff\xfe\x80 \xe2\x82\t\"\\\n";
	char *text;
	size_t len;

	shim_log_feed(log, SHIM_STDOUT, &NOW, data, sizeof(data) - 1);
	text = content(0, &len);
	ck_assert_uint_eq(len, strlen(AT " stdout F ") + sizeof(data) - 1);
	ck_assert_mem_eq(text + strlen(AT " stdout F "), data, sizeof(data) - 1);
	free(text);
	shim_log_free(log);
}
END_TEST

/* ---- json-file ---- */

#define JSON_TAIL(stream) "\",\"stream\":\"" stream "\",\"time\":\"" AT "\"}\n"

START_TEST(json_lines_and_escapes)
{
	struct shim_log *log = log_open(&shim_log_json, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "plain text of more than eight bytes\n");
	shim_log_feed(log, SHIM_STDERR, &NOW, "q\" b\\ \t\r\x01\x7f<>& \xc3\xa9\n", 17);
	feed(log, "\xe2\x80\xa8\xe2\x80\xa9 \xff\xc3( \xf0\x9f\x98\x80\n");
	feed(log, "end");
	shim_log_end(log, SHIM_STDOUT, &NOW);
	check_log("{\"log\":\"plain text of more than eight bytes\\n" JSON_TAIL(
		"stdout") "{\"log\":\"q\\\" b\\\\ \\u0009\\r\\u0001\x7f\\u003c\\u003e\\u0026 "
			  "\xc3\xa9\\n" JSON_TAIL("stderr") "{\"log\":\"\\u2028\\u2029 "
							    "\\ufffd\\ufffd( "
							    "\xf0\x9f\x98\x80\\n" JSON_TAIL(
								    "stdou"
								    "t") "{"
									 "\"log\":\"end" JSON_TAIL(
										 "stdout"));
	shim_log_free(log);
}
END_TEST

/* Each byte at each place of a word: the fast path must look as closely as the slow one. */
START_TEST(json_escapes_at_every_offset)
{
	static const char special[] = "\"\\<>&\n\x1f\x80";

	for (size_t c = 0; c < sizeof(special) - 1; c++) {
		for (size_t at = 0; at < 17; at++) {
			char data[20] = "abcdefghijklmnopq";
			char out[256];
			struct shim_stamp stamp = { .head_len = 0 };
			char expected[64];
			size_t n;

			data[at] = special[c];
			n = shim_log_json.format(out, &stamp, data, 17, false);
			(void)snprintf(
				expected, sizeof(expected), "%.*s%s%s", (int)at,
				"abcdefghijklmnopq",
				((const char *[]){ "\\\"", "\\\\", "\\u003c", "\\u003e", "\\u0026",
						   "\\n", "\\u001f", "\\ufffd" })[c],
				data + at + 1);
			out[n] = '\0';
			ck_assert_str_eq(out, expected);
			ck_assert_uint_le(n, shim_log_json.bound(17));
		}
	}
}
END_TEST

START_TEST(json_does_not_cut_characters)
{
	static const size_t steps[] = { 65536, 16384, 1000, 1 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct shim_log *log = log_open(&shim_log_json, 0, 5, SHIM_LOG_BLOCK);
		size_t len = 0;
		char data[40000];
		char *text;

		/* three bytes each, so that 16384 is within one */
		for (int n = 0; n < 12000; n++) {
			memcpy(data + len, "\xe2\x82\xac", 3);
			len += 3;
		}
		data[len++] = '\n';
		for (size_t at = 0; at < len; at += steps[i])
			shim_log_feed(log, SHIM_STDOUT, &NOW, data + at,
				      len - at < steps[i] ? len - at : steps[i]);
		text = content(0, NULL);
		ck_assert_ptr_null(strstr(text, "ufffd"));
		free(text);
		shim_log_free(log);
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

/* ---- rotation ---- */

START_TEST(rotation_keeps_order_and_count)
{
	struct shim_log *log = log_open(&shim_log_cri, 512, 3, SHIM_LOG_BLOCK);
	int expected = 299;

	for (int i = 0; i < 300; i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "line-%d\n", i);
		feed(log, line);
	}
	for (unsigned f = 0; f < 3; f++) {
		size_t len;
		char *text = content(f, &len);

		ck_assert_uint_le(len, 512);
		ck_assert_uint_gt(len, f == 0 ? 0 : 512 - 60);
		/* from the end backwards, no line is missing */
		while (len > 0) {
			char want[32];
			char *at;

			(void)snprintf(want, sizeof(want), "line-%d\n", expected--);
			at = text + len - strlen(want);
			ck_assert_str_eq(at, want);
			len = (size_t)(at - text) - strlen(AT " stdout F ");
			text[len] = '\0';
		}
		free(text);
	}
	ck_assert_ptr_null(content(3, NULL));
	shim_log_free(log);
}
END_TEST

START_TEST(rotation_in_the_middle_of_a_chunk_loses_nothing)
{
	struct shim_log *log = log_open(&shim_log_cri, 1024, 1000, SHIM_LOG_BLOCK);
	char chunk[SHIM_CHUNK_MAX];
	size_t len = 0;
	int line = 0;
	int seen = 0;
	unsigned files = 0;

	for (; line < 2000; line++)
		len += (size_t)snprintf(chunk + len, sizeof(chunk) - len, "line-%d\n", line);
	shim_log_feed(log, SHIM_STDOUT, &NOW, chunk, len);
	shim_log_free(log);
	while (access(path, F_OK) == 0) {
		char name[128];

		(void)snprintf(name, sizeof(name), "%s.%u", path, ++files);
		if (access(name, F_OK) < 0)
			break;
	}
	for (unsigned f = files; f-- > 0;) {
		char *text = content(f, &len);
		char *at = text;

		ck_assert_uint_le(len, 1024);
		while (*at) {
			char want[80];

			(void)snprintf(want, sizeof(want), AT " stdout F line-%d\n", seen++);
			ck_assert_int_eq(strncmp(at, want, strlen(want)), 0);
			at += strlen(want);
		}
		free(text);
	}
	ck_assert_int_eq(seen, 2000);
}
END_TEST

START_TEST(rotation_never_within_a_line)
{
	struct shim_log *log = log_open(&shim_log_cri, 40000, 5, SHIM_LOG_BLOCK);
	char data[SHIM_CHUNK_MAX];
	char *text;
	size_t len;

	memset(data, 'x', sizeof(data));
	feed(log, "first\n");
	data[50000] = '\n';
	shim_log_feed(log, SHIM_STDOUT, &NOW, data,
		      50001); /* four pieces: past the bound, together */
	shim_log_feed(log, SHIM_STDERR, &NOW, "after\n", 6);
	text = content(1, &len);
	ck_assert_uint_gt(len, 50000);
	ck_assert_str_eq(text + len - 2, "x\n");
	ck_assert_int_eq(strncmp(text, AT " stdout F first\n", strlen(AT " stdout F first\n")), 0);
	free(text);
	check_log(AT " stderr F after\n");
	shim_log_free(log);
}
END_TEST

START_TEST(rotation_not_while_the_other_stream_is_within_a_line)
{
	struct shim_log *log = log_open(&shim_log_cri, 20000, 5, SHIM_LOG_BLOCK);
	char data[SHIM_CHUNK_MAX];

	memset(data, 'x', sizeof(data));
	shim_log_feed(log, SHIM_STDOUT, &NOW, data, 17000); /* a piece is out, its line goes on */
	for (int i = 0; i < 100; i++)
		shim_log_feed(log, SHIM_STDERR, &NOW, "a line of the other stream\n", 27);
	ck_assert_ptr_null(content(1, NULL));
	feed(log, "\n");
	feed(log, "next\n");
	check_log(AT " stdout F next\n");
	shim_log_free(log);
}
END_TEST

START_TEST(a_line_without_end_does_not_defeat_the_bound)
{
	struct shim_log *log = log_open(&shim_log_cri, 100000, 3, SHIM_LOG_BLOCK);
	char data[SHIM_CHUNK_MAX];
	uint64_t sum = 0;

	memset(data, 'x', sizeof(data));
	for (int i = 0; i < 50; i++)
		shim_log_feed(log, SHIM_STDOUT, &NOW, data, sizeof(data));
	for (unsigned f = 0; f < 3; f++) {
		size_t len;
		char *text = content(f, &len);

		ck_assert_uint_le(len, 200000);
		sum += len;
		free(text);
	}
	ck_assert_uint_gt(sum, 300000);
	ck_assert_ptr_null(content(3, NULL));
	shim_log_free(log);
}
END_TEST

START_TEST(one_file_is_begun_anew)
{
	struct shim_log *log = log_open(&shim_log_cri, 512, 1, SHIM_LOG_BLOCK);
	size_t len;
	char *text;

	for (int i = 0; i < 100; i++)
		feed(log, "some line\n");
	text = content(0, &len);
	ck_assert_uint_le(len, 512);
	free(text);
	ck_assert_ptr_null(content(1, NULL));
	shim_log_free(log);
}
END_TEST

START_TEST(rotation_that_fails_loses_nothing)
{
	struct shim_log *log = log_open(&shim_log_cri, 512, 2, SHIM_LOG_BLOCK);
	char name[128];
	size_t len;
	char *text;

	/* a directory where the new file wants to be */
	(void)snprintf(name, sizeof(name), "%s.new", path);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	for (int i = 0; i < 100; i++)
		feed(log, "some line\n");
	text = content(0, &len);
	ck_assert_uint_eq(len, 100 * strlen(AT " stdout F some line\n"));
	free(text);
	shim_log_free(log);
}
END_TEST

START_TEST(a_torn_record_of_before_is_ended)
{
	struct shim_log *log;
	int fd;

	log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	shim_log_free(log);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "torn", 4), 4);
	(void)close(fd);
	log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	feed(log, "x\n");
	check_log("torn\n" AT " stdout F x\n");
	shim_log_free(log);
}
END_TEST

/* ---- full disks ---- */

START_TEST(block_takes_a_torn_record_back_and_goes_on)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	struct cps_err why;

	disk_limit(100); /* two records of 44 bytes and a bit */
	feed(log, "aa1\naa2\naa3\nbb");
	ck_assert(shim_log_is_blocked(log));
	ck_assert(shim_log_complaint(log, &why));
	ck_assert_int_eq(why.num, EFBIG);
	check_log(AT " stdout F aa1\n" AT " stdout F aa2\n");
	shim_log_retry(log, &NOW);
	ck_assert(shim_log_is_blocked(log));
	check_log(AT " stdout F aa1\n" AT " stdout F aa2\n");
	disk_limit(0);
	shim_log_retry(log, &NOW);
	ck_assert(!shim_log_is_blocked(log));
	feed(log, "4\n");
	check_log(AT " stdout F aa1\n" AT " stdout F aa2\n" AT " stdout F aa3\n" AT
		     " stdout F bb4\n");
	ck_assert_uint_eq(shim_log_dropped(log), 0);
	shim_log_free(log);
}
END_TEST

START_TEST(block_keeps_the_end_of_a_stream)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	disk_limit(20);
	feed(log, "a\nrest");
	shim_log_end(log, SHIM_STDOUT, &NOW);
	disk_limit(0);
	shim_log_retry(log, &NOW);
	check_log(AT " stdout F a\n" AT " stdout P rest\n");
	shim_log_free(log);
}
END_TEST

START_TEST(drop_counts_and_says_so)
{
	struct shim_log *log = log_open(&shim_log_cri, 0, 5, SHIM_LOG_DROP);

	disk_limit(100);
	feed(log, "aa1\naa2\naa3\nbb"); /* the last two are lost: 6 bytes */
	ck_assert(!shim_log_is_blocked(log));
	ck_assert(shim_log_wants_retry(log));
	feed(log, "lost\n");
	ck_assert_uint_eq(shim_log_dropped(log), 11);
	disk_limit(0);
	shim_log_retry(log, &NOW);
	ck_assert(!shim_log_wants_retry(log));
	feed(log, "back\n");
	check_log(AT " stdout F aa1\n" AT " stdout F aa2\n" AT
		     " stderr F capsule: dropped 11 bytes\n" AT " stdout F back\n");
	shim_log_free(log);
}
END_TEST

START_TEST(drop_tells_before_the_next_record)
{
	struct shim_log *log = log_open(&shim_log_json, 0, 5, SHIM_LOG_DROP);

	disk_limit(10);
	feed(log, "lost\n");
	disk_limit(0);
	feed(log, "back\n");
	check_log("{\"log\":\"capsule: dropped 5 bytes\\n" JSON_TAIL(
		"stderr") "{\"log\":\"back\\n" JSON_TAIL("stdout"));
	shim_log_free(log);
}
END_TEST

/* ---- everything at once ---- */

struct sum {
	size_t got[SHIM_STREAM_COUNT];
	uint64_t told; /* as dropped */
};

/* Puts a stream together again from the files, oldest first, and compares. */
static void reassemble(char *const sent[SHIM_STREAM_COUNT], const size_t len[SHIM_STREAM_COUNT],
		       bool whole, struct sum *sum)
{
	unsigned files = 0;

	*sum = (struct sum){ .told = 0 };
	for (char name[128];; files++) {
		(void)snprintf(name, sizeof(name), files ? "%s.%u" : "%s", path, files);
		if (access(name, F_OK) < 0)
			break;
	}
	for (unsigned f = files; f-- > 0;) {
		size_t size;
		char *text = content(f, &size);
		char *at = text;

		while (at < text + size) {
			char *newline = memchr(at, '\n', (size_t)(text + size - at));
			char *data = at + strlen(AT " stdout F ");
			int stream = at[strlen(AT " std")] == 'e';
			size_t n = (size_t)(newline - data);
			bool end = data[-2] == 'F';

			ck_assert_ptr_nonnull(newline);
			ck_assert_int_eq(strncmp(at, AT " std", strlen(AT " std")), 0);
			at = newline + 1;
			if (strncmp(data, "capsule: dropped ", 17) == 0) {
				sum->told += strtoull(data + 17, NULL, 10);
				continue;
			}
			if (whole) {
				ck_assert_mem_eq(sent[stream] + sum->got[stream], data, n);
				if (end)
					ck_assert_int_eq(sent[stream][sum->got[stream] + n], '\n');
			}
			sum->got[stream] += n + end;
		}
		free(text);
	}
	if (whole) {
		ck_assert_uint_eq(sum->got[0], len[0]);
		ck_assert_uint_eq(sum->got[1], len[1]);
	}
}

/* Both streams, in random reads of random lines, with disks that fill and empty. */
static void torture(unsigned seed, enum shim_log_mode mode, bool faults)
{
	struct shim_log *log = log_open(&shim_log_cri, 30000, 1000, mode);
	char *sent[SHIM_STREAM_COUNT];
	size_t len[SHIM_STREAM_COUNT] = { 0, 0 };
	struct sum sum;
	char name[128];

	srandom(seed);
	sent[0] = malloc(2000000);
	sent[1] = malloc(2000000);
	for (int i = 0; i < 60; i++) {
		int stream = (int)(random() % 2);
		size_t n = 1 + (size_t)random() % (random() % 3 ? 3000 : 30000);
		long rarity = random() % 4 ? 50 : 40000;
		char *chunk = sent[stream] + len[stream];

		for (size_t k = 0; k < n; k++)
			chunk[k] = random() % rarity == 0 ? '\n' : (char)('a' + random() % 26);
		if (faults && random() % 3 == 0)
			disk_limit(1 + (uint64_t)random() % 60000);
		shim_log_feed(log, (enum shim_stream_name)stream, &NOW, chunk, n);
		len[stream] += n;
		if (faults && random() % 2 == 0)
			shim_log_retry(log, &NOW);
		if (faults && (random() % 2 == 0 || shim_log_is_blocked(log))) {
			disk_limit(0);
			shim_log_retry(log, &NOW);
		}
		ck_assert(!shim_log_is_blocked(log));
	}
	disk_limit(0);
	shim_log_end(log, SHIM_STDOUT, &NOW);
	shim_log_end(log, SHIM_STDERR, &NOW);
	if (shim_log_wants_retry(log))
		shim_log_retry(log, &NOW);
	reassemble(sent, len, mode == SHIM_LOG_BLOCK, &sum);
	ck_assert_msg(sum.told == shim_log_dropped(log), "seed %u", seed);
	ck_assert_msg(sum.got[0] + sum.got[1] + sum.told == len[0] + len[1],
		      "seed %u: %zu in the log, %llu dropped, %zu sent", seed,
		      sum.got[0] + sum.got[1], (unsigned long long)sum.told, len[0] + len[1]);
	shim_log_free(log);
	for (unsigned f = 0; f < 1000; f++) {
		(void)snprintf(name, sizeof(name), f ? "%s.%u" : "%s", path, f);
		if (unlink(name) < 0)
			break;
	}
	free(sent[0]);
	free(sent[1]);
}

START_TEST(every_byte_once)
{
	for (unsigned seed = 1; seed <= 60; seed++)
		torture(seed, SHIM_LOG_BLOCK, false);
}
END_TEST

START_TEST(every_byte_once_on_a_disk_that_fills_and_empties)
{
	for (unsigned seed = 100; seed <= 200; seed++)
		torture(seed, SHIM_LOG_BLOCK, true);
}
END_TEST

START_TEST(every_byte_logged_or_counted)
{
	for (unsigned seed = 300; seed <= 400; seed++)
		torture(seed, SHIM_LOG_DROP, true);
}
END_TEST

/* ---- what kind of log ---- */

static int config(const char *json, struct shim_log_config *ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *root = NULL;

	ck_assert_int_eq(cps_json_parse(&arena, json, strlen(json), &root, err), 0);
	return shim_log_config_parse(root, "/default", ret, err);
}

START_TEST(the_config_of_a_log)
{
	struct shim_log_config c;
	struct cps_err err;

	ck_assert_ok(config("{}", &c, &err), err);
	ck_assert_str_eq(c.path, "/default");
	ck_assert_ptr_eq(c.driver, &shim_log_cri);
	ck_assert_uint_eq(c.max_size, 10485760);
	ck_assert_uint_eq(c.max_files, 5);
	ck_assert_int_eq(c.mode, SHIM_LOG_BLOCK);
	shim_log_config_done(&c);
	ck_assert_ok(config("{\"driver\":\"none\",\"mode\":\"drop\",\"max_size\":0}", &c, &err),
		     err);
	ck_assert_ptr_null(c.driver);
	shim_log_config_done(&c);
	ck_assert_err(config("{\"driver\":\"syslog\"}", &c, &err), EINVAL, err, "'syslog'");
	ck_assert_err(config("{\"mode\":\"lose\"}", &c, &err), EINVAL, err, "'lose'");
	ck_assert_err(config("{\"path\":\"log\"}", &c, &err), EINVAL, err, "not absolute");
	ck_assert_err(config("{\"max_files\":0}", &c, &err), EINVAL, err, "max_files");
	ck_assert_err(config("{\"max_size\":1}", &c, &err), EINVAL, err, "max_size");
	ck_assert_err(config("[]", &c, &err), EINVAL, err, "object");
}
END_TEST

START_TEST(a_log_is_a_regular_file)
{
	struct shim_log_config c = { .driver = &shim_log_cri, .path = path, .max_files = 1 };
	struct shim_log *log = log_open(&shim_log_cri, 0, 1, SHIM_LOG_BLOCK);
	struct cps_err err;

	shim_log_free(log);
	(void)unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_lt(shim_log_open(&c, &scratch, &log, &err), 0); /* and does not hang */
	(void)unlink(path);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert_err(shim_log_open(&c, &scratch, &log, &err), ELOOP, err, "open log");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		cri_lines,
		cri_a_line_in_several_reads_is_one_record,
		cri_output_that_ends_without_a_newline_is_partial,
		cri_long_lines_are_cut_at_16_kib_whatever_the_reads,
		cri_is_byte_exact,
		json_lines_and_escapes,
		json_escapes_at_every_offset,
		json_does_not_cut_characters,
		rotation_keeps_order_and_count,
		rotation_in_the_middle_of_a_chunk_loses_nothing,
		rotation_never_within_a_line,
		rotation_not_while_the_other_stream_is_within_a_line,
		a_line_without_end_does_not_defeat_the_bound,
		one_file_is_begun_anew,
		rotation_that_fails_loses_nothing,
		a_torn_record_of_before_is_ended,
		block_takes_a_torn_record_back_and_goes_on,
		block_keeps_the_end_of_a_stream,
		drop_counts_and_says_so,
		drop_tells_before_the_next_record,
		every_byte_once,
		every_byte_once_on_a_disk_that_fills_and_empties,
		every_byte_logged_or_counted,
		the_config_of_a_log,
		a_log_is_a_regular_file,
		NULL,
	};

	return unit_main("shim-log", tests);
}
