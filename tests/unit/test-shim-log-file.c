/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a log, byte for byte: rotation, and disks that are full.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log-box.h"
#include "own.h"
#include "unit.h"

static const struct timespec NOW = { LOG_BOX_NOW };
#define AT		  LOG_BOX_AT
#define JSON_TAIL(stream) "\",\"stream\":\"" stream "\",\"time\":\"" AT "\"}\n"

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

/* ---- rotation ---- */

START_TEST(rotation_keeps_order_and_count)
{
	struct shim_log *log = box_open(&shim_log_cri, 512, 3, SHIM_LOG_BLOCK);
	int expected = 299;

	for (int i = 0; i < 300; i++) {
		char line[32];

		(void)snprintf(line, sizeof(line), "line-%d\n", i);
		feed(log, line);
	}
	for (unsigned f = 0; f < 3; f++) {
		size_t len;
		char *text = log_box_content(&box, f, &len);

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
	ck_assert_ptr_null(log_box_content(&box, 3, NULL));
	shim_log_free(log);
}
END_TEST

START_TEST(rotation_in_the_middle_of_a_chunk_loses_nothing)
{
	struct shim_log *log = box_open(&shim_log_cri, 1024, 1000, SHIM_LOG_BLOCK);
	char chunk[SHIM_CHUNK_MAX];
	size_t len = 0;
	int line = 0;
	int seen = 0;
	unsigned files = 0;

	for (; line < 2000; line++)
		len += (size_t)snprintf(chunk + len, sizeof(chunk) - len, "line-%d\n", line);
	log_box_feed(log, SHIM_STDOUT, chunk, len);
	shim_log_free(log);
	while (access(box.path, F_OK) == 0) {
		char name[128];

		(void)snprintf(name, sizeof(name), "%s.%u", box.path, ++files);
		if (access(name, F_OK) < 0)
			break;
	}
	for (unsigned f = files; f-- > 0;) {
		char *text = log_box_content(&box, f, &len);
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
	struct shim_log *log = box_open(&shim_log_cri, 40000, 5, SHIM_LOG_BLOCK);
	char data[SHIM_CHUNK_MAX];
	char *text;
	size_t len;

	memset(data, 'x', sizeof(data));
	feed(log, "first\n");
	data[50000] = '\n';
	log_box_feed(log, SHIM_STDOUT, data, 50001); /* four pieces: past the bound, together */
	log_box_feed(log, SHIM_STDERR, "after\n", 6);
	text = log_box_content(&box, 1, &len);
	ck_assert_uint_gt(len, 50000);
	ck_assert_str_eq(text + len - 2, "x\n");
	ck_assert_int_eq(strncmp(text, AT " stdout F first\n", strlen(AT " stdout F first\n")), 0);
	free(text);
	log_box_check(&box, AT " stderr F after\n");
	shim_log_free(log);
}
END_TEST

START_TEST(rotation_not_while_the_other_stream_is_within_a_line)
{
	struct shim_log *log = box_open(&shim_log_cri, 20000, 5, SHIM_LOG_BLOCK);
	char data[SHIM_CHUNK_MAX];

	memset(data, 'x', sizeof(data));
	log_box_feed(log, SHIM_STDOUT, data, 17000); /* a piece is out, its line goes on */
	for (int i = 0; i < 100; i++)
		log_box_feed(log, SHIM_STDERR, "a line of the other stream\n", 27);
	ck_assert_ptr_null(log_box_content(&box, 1, NULL));
	feed(log, "\n");
	feed(log, "next\n");
	log_box_check(&box, AT " stdout F next\n");
	shim_log_free(log);
}
END_TEST

START_TEST(a_line_without_end_does_not_defeat_the_bound)
{
	struct shim_log *log = box_open(&shim_log_cri, 100000, 3, SHIM_LOG_BLOCK);
	char data[SHIM_CHUNK_MAX];
	uint64_t sum = 0;

	memset(data, 'x', sizeof(data));
	for (int i = 0; i < 50; i++)
		log_box_feed(log, SHIM_STDOUT, data, sizeof(data));
	for (unsigned f = 0; f < 3; f++) {
		size_t len;
		char *text = log_box_content(&box, f, &len);

		ck_assert_uint_le(len, 200000);
		sum += len;
		free(text);
	}
	ck_assert_uint_gt(sum, 300000);
	ck_assert_ptr_null(log_box_content(&box, 3, NULL));
	shim_log_free(log);
}
END_TEST

START_TEST(one_file_is_begun_anew)
{
	struct shim_log *log = box_open(&shim_log_cri, 512, 1, SHIM_LOG_BLOCK);
	size_t len;
	char *text;

	for (int i = 0; i < 100; i++)
		feed(log, "some line\n");
	text = log_box_content(&box, 0, &len);
	ck_assert_uint_le(len, 512);
	free(text);
	ck_assert_ptr_null(log_box_content(&box, 1, NULL));
	shim_log_free(log);
}
END_TEST

START_TEST(rotation_that_fails_loses_nothing)
{
	struct shim_log *log = box_open(&shim_log_cri, 512, 2, SHIM_LOG_BLOCK);
	char name[128];
	size_t len;
	char *text;

	/* a directory where the new file wants to be */
	(void)snprintf(name, sizeof(name), "%s.new", box.path);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	for (int i = 0; i < 100; i++)
		feed(log, "some line\n");
	text = log_box_content(&box, 0, &len);
	ck_assert_uint_eq(len, 100 * strlen(AT " stdout F some line\n"));
	free(text);
	shim_log_free(log);
}
END_TEST

START_TEST(a_torn_record_of_before_is_ended)
{
	struct shim_log *log;
	int fd;

	log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	shim_log_free(log);
	fd = open(box.path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "torn", 4), 4);
	(void)close(fd);
	log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	feed(log, "x\n");
	log_box_check(&box, "torn\n" AT " stdout F x\n");
	shim_log_free(log);
}
END_TEST

/* ---- full disks ---- */

START_TEST(block_takes_a_torn_record_back_and_goes_on)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	struct cps_err why;

	log_box_disk(100); /* two records of 44 bytes and a bit */
	feed(log, "aa1\naa2\naa3\nbb");
	ck_assert(shim_log_is_blocked(log));
	ck_assert(shim_log_complaint(log, &why));
	ck_assert_int_eq(why.num, EFBIG);
	log_box_check(&box, AT " stdout F aa1\n" AT " stdout F aa2\n");
	shim_log_retry(log, &NOW);
	ck_assert(shim_log_is_blocked(log));
	log_box_check(&box, AT " stdout F aa1\n" AT " stdout F aa2\n");
	log_box_disk(0);
	shim_log_retry(log, &NOW);
	ck_assert(!shim_log_is_blocked(log));
	feed(log, "4\n");
	log_box_check(&box, AT " stdout F aa1\n" AT " stdout F aa2\n" AT " stdout F aa3\n" AT
			       " stdout F bb4\n");
	ck_assert_uint_eq(shim_log_dropped(log), 0);
	shim_log_free(log);
}
END_TEST

START_TEST(block_keeps_the_end_of_a_stream)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_BLOCK);

	log_box_disk(20);
	feed(log, "a\nrest");
	shim_log_end(log, SHIM_STDOUT, &NOW);
	log_box_disk(0);
	shim_log_retry(log, &NOW);
	log_box_check(&box, AT " stdout F a\n" AT " stdout P rest\n");
	shim_log_free(log);
}
END_TEST

START_TEST(drop_counts_and_says_so)
{
	struct shim_log *log = box_open(&shim_log_cri, 0, 5, SHIM_LOG_DROP);

	log_box_disk(100);
	feed(log, "aa1\naa2\naa3\nbb"); /* the last two are lost: 6 bytes */
	ck_assert(!shim_log_is_blocked(log));
	ck_assert(shim_log_wants_retry(log));
	feed(log, "lost\n");
	ck_assert_uint_eq(shim_log_dropped(log), 11);
	log_box_disk(0);
	shim_log_retry(log, &NOW);
	ck_assert(!shim_log_wants_retry(log));
	feed(log, "back\n");
	log_box_check(&box, AT " stdout F aa1\n" AT " stdout F aa2\n" AT
			       " stderr F capsule: dropped 11 bytes\n" AT " stdout F back\n");
	shim_log_free(log);
}
END_TEST

START_TEST(drop_tells_before_the_next_record)
{
	struct shim_log *log = box_open(&shim_log_json, 0, 5, SHIM_LOG_DROP);

	log_box_disk(10);
	feed(log, "lost\n");
	log_box_disk(0);
	feed(log, "back\n");
	log_box_check(&box, "{\"log\":\"capsule: dropped 5 bytes\\n" JSON_TAIL(
				    "stderr") "{\"log\":\"back\\n" JSON_TAIL("stdout"));
	shim_log_free(log);
}
END_TEST

/* ---- everything at once ---- */

/* Both streams, in random reads of random lines, with disks that fill and empty. */
static void torture(unsigned seed, enum shim_log_mode mode, bool faults)
{
	struct shim_log *log = box_open(&shim_log_cri, 30000, 1000, mode);
	struct log_box_text sent[SHIM_STREAM_COUNT] = { { .len = 0 }, { .len = 0 } };
	struct log_box_text got[SHIM_STREAM_COUNT];
	uint64_t told;

	srandom(seed);
	sent[0].data = malloc(2000000);
	sent[1].data = malloc(2000000);
	for (int i = 0; i < 60; i++) {
		struct log_box_text *to = &sent[random() % 2];
		size_t n = 1 + (size_t)random() % (random() % 3 ? 3000 : 30000);
		long rarity = random() % 4 ? 50 : 40000;
		char *chunk = to->data + to->len;

		for (size_t k = 0; k < n; k++)
			chunk[k] = random() % rarity == 0 ? '\n' : (char)('a' + random() % 26);
		if (faults && random() % 3 == 0)
			log_box_disk(1 + (uint64_t)random() % 60000);
		log_box_feed(log, to == sent ? SHIM_STDOUT : SHIM_STDERR, chunk, n);
		to->len += n;
		if (faults && random() % 2 == 0)
			shim_log_retry(log, &NOW);
		if (faults && (random() % 2 == 0 || shim_log_is_blocked(log))) {
			log_box_disk(0);
			shim_log_retry(log, &NOW);
		}
		ck_assert(!shim_log_is_blocked(log));
	}
	log_box_disk(0);
	shim_log_end(log, SHIM_STDOUT, &NOW);
	shim_log_end(log, SHIM_STDERR, &NOW);
	if (shim_log_wants_retry(log))
		shim_log_retry(log, &NOW);
	log_box_read(&box, got, &told);
	ck_assert_msg(told == shim_log_dropped(log), "seed %u", seed);
	ck_assert_msg(got[0].len + got[1].len + told == sent[0].len + sent[1].len,
		      "seed %u: %zu in the log, %llu dropped, %zu sent", seed,
		      got[0].len + got[1].len, (unsigned long long)told, sent[0].len + sent[1].len);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (mode == SHIM_LOG_BLOCK) {
			ck_assert_uint_eq(got[i].len, sent[i].len);
			ck_assert_mem_eq(got[i].data, sent[i].data, got[i].len);
		}
		free(got[i].data);
		free(sent[i].data);
	}
	shim_log_free(log);
	log_box_remove_files(&box);
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

int main(void)
{
	const TTest *const tests[] = {
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
		NULL,
	};

	return unit_main("shim-log-file", tests);
}
