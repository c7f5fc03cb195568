/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs, byte for byte: cutting into records, both formats; what kind of log is asked for.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log-box.h"
#include "own.h"
#include "unit.h"

static const struct timespec NOW = { LOG_BOX_NOW };
#define AT LOG_BOX_AT

static struct log_box box;

static struct shim_log *box_open(const struct shim_log_driver *driver, uint64_t max_size,
				 unsigned max_files, enum shim_log_mode mode)
{
	if (!box.scratch.chunk)
		log_box_init(&box);
	return log_box_open(&box, driver, max_size, max_files, mode);
}

static void feed(struct shim_log *log, const char *text)
{
	log_box_feed(log, SHIM_STDOUT, text, strlen(text));
}

/* ---- cri ---- */

START_TEST(cri_lines)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "one\ntwo\n\n");
	log_box_feed(log, SHIM_STDERR, "oops\r\n", 6);
	log_box_check(&box, AT " stdout F one\n" AT " stdout F two\n" AT " stdout F \n" AT
			       " stderr F oops\r\n");
	shim_log_free(log);
}
END_TEST

START_TEST(cri_a_line_in_several_reads_is_one_record)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "he");
	log_box_feed(log, SHIM_STDERR, "between\n", 8);
	feed(log, "ll");
	feed(log, "o\nnext");
	log_box_check(&box, AT " stderr F between\n" AT " stdout F hello\n");
	feed(log, "\n");
	log_box_check(&box, AT " stderr F between\n" AT " stdout F hello\n" AT " stdout F next\n");
	shim_log_free(log);
}
END_TEST

START_TEST(cri_output_that_ends_without_a_newline_is_partial)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "a\nb");
	shim_log_end(log, SHIM_STDOUT, &NOW);
	log_box_check(&box, AT " stdout F a\n" AT " stdout P b\n");
	shim_log_free(log);
	log_box_check(&box,
		      AT " stdout F a\n" AT " stdout P b\n"); /* and the end is written once */
}
END_TEST

/* len bytes of 'x' in reads of `step`, then `tail`; the log's records are lens[]: > 0 F, < 0 P. */
static void check_pieces(size_t len, size_t step, const char *tail, const long *lens)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	char *data = malloc(len + strlen(tail) + 1);
	char *text;
	char *at;

	memset(data, 'x', len);
	(void)strcpy(data + len, tail);
	len += strlen(tail);
	for (size_t i = 0; i < len; i += step)
		log_box_feed(log, SHIM_STDOUT, data + i, len - i < step ? len - i : step);
	shim_log_end(log, SHIM_STDOUT, &NOW);
	shim_log_free(log);
	text = log_box_content(&box, 0, NULL);
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
	ck_assert_int_eq(unlink(box.path), 0);
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
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	static const char data[] = "\0\x01\xff\xfe\x80 \xe2\x82\t\"\\\n";
	char *text;
	size_t len;

	log_box_feed(log, SHIM_STDOUT, data, sizeof(data) - 1);
	text = log_box_content(&box, 0, &len);
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
	struct shim_log *log = box_open(&shim_log_json, 0, 5, SHIM_LOG_BLOCK);

	feed(log, "plain text of more than eight bytes\n");
	log_box_feed(log, SHIM_STDERR, "q\" b\\ \t\r\x01\x7f<>& \xc3\xa9\n", 17);
	feed(log, "\xe2\x80\xa8\xe2\x80\xa9 \xff\xc3( \xf0\x9f\x98\x80\n");
	feed(log, "end");
	shim_log_end(log, SHIM_STDOUT, &NOW);
	log_box_check(&box,
		      "{\"log\":\"plain text of more than eight bytes\\n" JSON_TAIL(
			      "stdout") "{\"log\":\"q\\\" b\\\\ "
					"\\u0009\\r\\u0001\x7f\\u003c\\u003e\\u0026 "
					"\xc3\xa9\\n" JSON_TAIL(
						"stderr") "{\"log\":\"\\u2028\\u2029 "
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
		struct shim_log *log = box_open(&shim_log_json, 0, 5, SHIM_LOG_BLOCK);
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
			log_box_feed(log, SHIM_STDOUT, data + at,
				     len - at < steps[i] ? len - at : steps[i]);
		text = log_box_content(&box, 0, NULL);
		ck_assert_ptr_null(strstr(text, "ufffd"));
		free(text);
		shim_log_free(log);
		ck_assert_int_eq(unlink(box.path), 0);
	}
}
END_TEST

/* ---- many lines at once ---- */

/* Lines of all lengths, with all that may be in them. */
static size_t lines_make(unsigned seed, char *data, size_t size)
{
	static const char *const odd[] = { "\"",	   "\\",   "<&>",  "\xc3\xa9",
					   "\xe2\x80\xa8", "\xff", "\x01", "\r" };
	size_t len = 0;

	srandom(seed);
	while (len + 8 < size) {
		const char *text = odd[random() % 8];

		if (random() % 40 == 0)
			text = "\n";
		else if (random() % (1 + seed % 30) != 0)
			text = "x";
		memcpy(data + len, text, strlen(text));
		len += strlen(text);
	}
	return len;
}

/* What `lines` writes is what `format` would have, it ends with a line, and keeps within its room.
 */
static void check_lines(const struct shim_log_driver *driver, unsigned seed, size_t room)
{
	static char data[20000];
	static char out[140000];
	static char expected[140000];
	size_t len = lines_make(seed, data, 1 + seed * 97 % sizeof(data));
	struct shim_stamp stamp;
	unsigned records = 0;
	unsigned counted = 0;
	size_t used = 0;
	size_t from = 0;
	size_t done;
	size_t n = 0;

	driver->stamp(&stamp, &NOW, SHIM_STDOUT);
	memset(out, '#', sizeof(out));
	done = driver->lines(out, room, &stamp, data, len, &used, &records);
	ck_assert_uint_le(done, room);
	ck_assert_int_eq(out[room], '#');
	ck_assert_uint_le(used, len);
	for (; from < used; counted++) {
		size_t line =
			(size_t)((char *)memchr(data + from, '\n', used - from) - data) - from;

		n += driver->format(expected + n, &stamp, data + from, line, true);
		from += line + 1;
	}
	ck_assert_uint_eq(records, counted);
	ck_assert_uint_eq(done, n);
	ck_assert_mem_eq(out, expected, n);
	if (room > sizeof(data) * 6 + SHIM_LINE_ROOM) /* nothing but the end is left */
		ck_assert_ptr_null(len - used > 600 ? memchr(data + used, '\n', len - used - 600)
						    : NULL);
}

START_TEST(many_lines_at_once_are_what_they_are_one_by_one)
{
	for (unsigned seed = 1; seed < 1500; seed++) {
		check_lines(&shim_log_cri, seed, 139000);
		check_lines(&shim_log_json, seed, 139000);
		check_lines(&shim_log_cri, seed, seed * 13 % 9000);
		check_lines(&shim_log_json, seed, seed * 13 % 9000);
	}
}
END_TEST

/* A line that is longer than what is done at once, with every length around it. */
START_TEST(lines_about_as_long_as_the_quick_way_takes)
{
	static char data[SHIM_LINE_ROOM + 300];

	for (size_t len = SHIM_LINE_ROOM - 300; len < sizeof(data) - 2; len += 7) {
		struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
		char *text;
		size_t n;

		memset(data, 'x', len);
		data[len] = '\n';
		log_box_feed(log, SHIM_STDOUT, data, len + 1);
		log_box_feed(log, SHIM_STDOUT, "y\n", 2);
		shim_log_free(log);
		text = log_box_content(&box, 0, &n);
		ck_assert_uint_eq(n, len + 3 + 2 * strlen(AT " stdout F "));
		ck_assert_uint_eq(strspn(text + strlen(AT " stdout F "), "x"), len);
		free(text);
		ck_assert_int_eq(unlink(box.path), 0);
	}
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
	struct shim_log_config c = { .driver = &shim_log_cri, .path = box.path, .max_files = 1 };
	struct shim_log *log = box_open(&shim_log_cri, 0, 1, SHIM_LOG_BLOCK);
	struct cps_err err;

	shim_log_free(log);
	(void)unlink(box.path);
	ck_assert_int_eq(mkfifo(box.path, 0600), 0);
	ck_assert_int_lt(shim_log_open(&c, -1, NULL, &box.scratch, &log, &err),
			 0); /* and does not hang */
	(void)unlink(box.path);
	ck_assert_int_eq(symlink("/dev/null", box.path), 0);
	ck_assert_err(shim_log_open(&c, -1, NULL, &box.scratch, &log, &err), ELOOP, err,
		      "open log");
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
		many_lines_at_once_are_what_they_are_one_by_one,
		lines_about_as_long_as_the_quick_way_takes,
		the_config_of_a_log,
		a_log_is_a_regular_file,
		NULL,
	};

	return unit_main("shim-log", tests);
}
