/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of the journal: when it is there, how large it is, what is done without it or with
 * something else in its place.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log-box.h"
#include "unit.h"

static struct log_box box;

static uint64_t journal_bytes(void)
{
	struct stat st;

	ck_assert_int_eq(fstatat(box.dir, SHIM_LOG_JOURNAL, &st, 0), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void say(struct shim_log *log, const char *text)
{
	log_box_feed(log, SHIM_STDOUT, text, strlen(text));
}

START_TEST(it_is_there_from_the_first_output_to_the_end)
{
	struct shim_log *log;

	log_box_init(&box);
	log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	ck_assert(!unit_is_there(box.dir, SHIM_LOG_JOURNAL));
	say(log, "a\n");
	ck_assert(unit_is_there(box.dir, SHIM_LOG_JOURNAL));
	say(log, "half");
	shim_log_over(log); /* something is left */
	ck_assert(unit_is_there(box.dir, SHIM_LOG_JOURNAL));
	shim_log_leave(log);
	log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	say(log, " and half\n");
	log_box_check(&box, LOG_BOX_AT " stdout F a\n" LOG_BOX_AT " stdout F half and half\n");
	shim_log_over(log);
	ck_assert(!unit_is_there(box.dir, SHIM_LOG_JOURNAL));
	shim_log_free(log);
}
END_TEST

START_TEST(a_quiet_log_keeps_a_page_and_what_it_holds)
{
	static char line[9000];
	struct shim_log *log;
	uint64_t held;
	char *text;

	log_box_init(&box);
	log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	say(log, "a\n");
	ck_assert_uint_ge(journal_bytes(), 2 * SHIM_PIECE_MAX);
	ck_assert_uint_lt(journal_bytes(), SHIM_CHUNK_MAX); /* little said, little needed */
	shim_log_trim(log);
	ck_assert_uint_le(journal_bytes(), 4096);
	memset(line, 'x', sizeof(line) - 1);
	say(log, line);
	shim_log_trim(log);
	held = journal_bytes();
	ck_assert_uint_ge(held, 4 * 4096);
	ck_assert_uint_le(held, 4 * 4096);
	say(log, "y\n");
	text = log_box_content(&box, 0, NULL);
	ck_assert_ptr_nonnull(strstr(text, "xxxy\n"));
	ck_assert_uint_eq(strlen(text), 2 * strlen(LOG_BOX_AT " stdout F \n") + 1 + sizeof(line));
	free(text);
	shim_log_free(log);
}
END_TEST

START_TEST(without_room_for_it_memory_does_until_there_is_room)
{
	struct shim_log_stats stats;
	struct shim_log *log;
	struct cps_err why;
	unsigned n = 0;

	log_box_init(&box);
	log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	log_box_disk(40000); /* the journal is larger */
	say(log, "half");
	ck_assert(shim_log_complaint(log, &why));
	ck_assert_int_eq(why.num, EFBIG);
	ck_assert_ptr_nonnull(strstr(why.msg, "if this shim is killed"));
	ck_assert(!unit_is_there(box.dir, SHIM_LOG_JOURNAL));
	shim_log_stats(log, &stats);
	ck_assert(!stats.kept);
	ck_assert_uint_eq(stats.held, 4);
	say(log, "=");
	ck_assert(!shim_log_complaint(log, &why)); /* once is enough */
	log_box_disk(0);
	for (; !stats.kept && n < 1000; n++) {
		say(log, "-");
		shim_log_stats(log, &stats);
	}
	ck_assert(stats.kept);
	shim_log_leave(log); /* as a kill */
	log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	shim_log_stats(log, &stats);
	ck_assert_uint_eq(stats.held, 5 + n);
	say(log, "\n");
	shim_log_free(log);
}
END_TEST

START_TEST(a_journal_that_is_taken_away_costs_nothing_but_itself)
{
	struct shim_log *log;

	log_box_init(&box);
	log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
	say(log, "one");
	shim_log_trim(log);
	ck_assert_int_eq(unlinkat(box.dir, SHIM_LOG_JOURNAL, 0), 0);
	say(log, " line\n");
	log_box_check(&box, LOG_BOX_AT " stdout F one line\n");
	shim_log_free(log);
}
END_TEST

START_TEST(what_is_no_journal_is_said_and_replaced)
{
	static const char *const odd[] = { "", "short" };
	struct shim_log *log;
	struct cps_err why;

	log_box_init(&box);
	for (size_t i = 0; i < 2; i++) {
		unit_put(box.dir, SHIM_LOG_JOURNAL, odd[i]);
		log = log_box_open(&box, &shim_log_cri, 0, 5, SHIM_LOG_BLOCK);
		ck_assert(shim_log_complaint(log, &why));
		ck_assert_ptr_nonnull(strstr(why.msg, "no journal"));
		say(log, "x\n");
		ck_assert(!shim_log_complaint(log, &why));
		ck_assert_uint_ge(journal_bytes(), 2 * SHIM_PIECE_MAX);
		shim_log_free(log);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		it_is_there_from_the_first_output_to_the_end,
		a_quiet_log_keeps_a_page_and_what_it_holds,
		without_room_for_it_memory_does_until_there_is_room,
		a_journal_that_is_taken_away_costs_nothing_but_itself,
		what_is_no_journal_is_said_and_replaced,
		NULL,
	};

	return unit_main("log-journal-file", tests);
}
