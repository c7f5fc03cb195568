/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log whose process is killed: another one opens it, and all is in the log once, in order, whole.
 *
 * The process that logs is traced. It is killed at each entry into and each return from a system
 * call, and after so many single instructions behind one; then a second one recovers, may be killed
 * too, and a last one does the rest. What was said to the log comes through pipes that we hold, as
 * a container's FIFOs are held by the container.
 */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log-box.h"
#include "own.h"
#include "unit.h"

static struct log_box box;

/* ---- what is said ---- */

#define PORTIONS 8
#define SAID_MAX 120000

struct portion {
	int stream;
	size_t len;
};

struct story {
	unsigned seed;
	const struct shim_log_driver *driver;
	enum shim_log_mode mode;
	uint64_t max_size;
	bool disk; /* fills now and then */
	struct portion portions[PORTIONS];
	char *said[SHIM_STREAM_COUNT];
	size_t len[SHIM_STREAM_COUNT];
	/* where we are */
	unsigned next;
	size_t done[SHIM_STREAM_COUNT];
	int pipes[SHIM_STREAM_COUNT][2];
};

static size_t portion_len(void)
{
	switch (random() % 5) {
	case 0:
		return 1 + (size_t)random() % 8; /* shorter than the mark of a read */
	case 1:
		return 1 + (size_t)random() % 19000; /* pieces of long lines */
	default:
		return 1 + (size_t)random() % 700;
	}
}

static void story_make(struct story *s)
{
	srandom(s->seed);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		s->said[i] = malloc(SAID_MAX);
	for (int i = 0; i < PORTIONS; i++) {
		struct portion *p = &s->portions[i];
		long rarity = random() % 4 ? 40 : 30000;
		char *at;

		p->stream = (int)(random() % 2);
		p->len = portion_len();
		at = s->said[p->stream] + s->len[p->stream];
		s->len[p->stream] += p->len;
		ck_assert_uint_le(s->len[p->stream], SAID_MAX);
		for (size_t k = 0; k < p->len; k++)
			at[k] = random() % rarity == 0 ? '\n' : (char)('a' + random() % 26);
	}
}

static void story_begin(struct story *s)
{
	s->next = 0;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		s->done[i] = 0;
		ck_assert_int_eq(pipe2(s->pipes[i], O_CLOEXEC | O_NONBLOCK), 0);
	}
}

/* Says the next thing, if the last has been taken; the pipes' ends when there is nothing more. */
static void story_tell(struct story *s)
{
	const struct portion *p;
	int ready = 0;

	if (s->next > PORTIONS)
		return;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		ck_assert_int_eq(ioctl(s->pipes[i][0], FIONREAD, &ready), 0);
		if (ready > 0)
			return;
	}
	p = &s->portions[s->next];
	if (s->next++ == PORTIONS) {
		cps_close(&s->pipes[0][1]);
		cps_close(&s->pipes[1][1]);
		return;
	}
	ck_assert_int_eq(
		write(s->pipes[p->stream][1], s->said[p->stream] + s->done[p->stream], p->len),
		(int)p->len);
	s->done[p->stream] += p->len;
}

static void story_end(struct story *s)
{
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		cps_close(&s->pipes[i][0]);
		cps_close(&s->pipes[i][1]);
	}
}

static void story_free(struct story *s)
{
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		free(s->said[i]);
}

/* ---- who logs it ---- */

/* Reads until both ends have come. */
static void log_all(const struct story *s)
{
	struct shim_log *log = log_box_open(&box, s->driver, s->max_size, 1000, s->mode);
	bool open[SHIM_STREAM_COUNT] = { true, true };
	struct timespec now = { LOG_BOX_NOW };
	unsigned turn = 0;

	while (open[0] || open[1] || shim_log_is_blocked(log)) {
		for (int i = 0; i < SHIM_STREAM_COUNT && !shim_log_is_blocked(log); i++) {
			const char *data;
			ssize_t n;

			if (!open[i])
				continue;
			n = shim_log_read(log, (enum shim_stream_name)i, s->pipes[i][0],
					  SHIM_CHUNK_MAX, &data);
			if (n == 0) {
				shim_log_end(log, (enum shim_stream_name)i, &now);
				open[i] = false;
			}
		}
		if (++turn % 5 == 0)
			shim_log_trim(log);
		if (!s->disk)
			continue;
		if (turn % 3 == 0)
			log_box_disk(1 + (s->seed * 7919 + turn * 104729) % 20000);
		else if (turn % 3 == 1)
			log_box_disk(0);
		shim_log_retry(log, &now);
	}
	log_box_disk(0);
	shim_log_retry(log, &now);
	shim_log_free(log);
}

static pid_t logger_start(const struct story *s, bool traced)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (s->pipes[i][1] >= 0)
			(void)close(s->pipes[i][1]);
	}
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0))
		_exit(2);
	log_all(s);
	_exit(0);
}

/* Where it dies: after so many stops at system calls, then so many instructions. */
struct death {
	unsigned stops;
	unsigned steps;
};
#define NEVER ((struct death){ ~0u, 0 })

static void logger_kill(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	do {
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	} while (!WIFSIGNALED(status) && !WIFEXITED(status));
}

/* False: it had been done before. */
static bool logger_run(struct story *s, struct death d)
{
	pid_t pid = logger_start(s, true);
	unsigned stops = 0;
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(
		ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	while (stops < d.stops) {
		int sig = WSTOPSIG(status) == SIGXFSZ ? SIGXFSZ : 0;

		story_tell(s);
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, sig), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
		ck_assert_msg(WIFSTOPPED(status), "seed %u: it died of %d", s->seed,
			      WTERMSIG(status));
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			stops++;
	}
	for (unsigned i = 0; i < d.steps && WIFSTOPPED(status); i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			break;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	if (WIFEXITED(status))
		return false;
	logger_kill(pid);
	return true;
}

/* ---- what came of it ---- */

static void check_stream(const struct story *s, struct death d, int i,
			 const struct log_box_text *got)
{
	size_t same = 0;

	while (same < got->len && same < s->len[i] && got->data[same] == s->said[i][same])
		same++;
	ck_assert_msg(
		same == got->len && same == s->len[i],
		"seed %u, killed at stop %u + %u: stream %d is %zu bytes of %zu, the first %zu "
		"are right",
		s->seed, d.stops, d.steps, i, got->len, s->len[i], same);
}

static void check_outcome(const struct story *s, struct death d)
{
	struct log_box_text got[SHIM_STREAM_COUNT];
	uint64_t told;

	log_box_read(&box, got, &told);
	if (s->mode == SHIM_LOG_BLOCK) {
		ck_assert_uint_eq(told, 0);
		check_stream(s, d, 0, &got[0]);
		check_stream(s, d, 1, &got[1]);
	}
	ck_assert_msg(got[0].len + got[1].len + told == s->len[0] + s->len[1],
		      "seed %u, killed at stop %u + %u: %zu in the log, %llu dropped, %zu said",
		      s->seed, d.stops, d.steps, got[0].len + got[1].len, (unsigned long long)told,
		      s->len[0] + s->len[1]);
	ck_assert(!unit_is_there(box.dir, "log.new"));
	ck_assert_msg(!unit_is_there(box.dir, SHIM_LOG_JOURNAL), "seed %u, killed at stop %u + %u",
		      s->seed, d.stops, d.steps);
	free(got[0].data);
	free(got[1].data);
	log_box_remove_files(&box);
}

static bool die_and_recover(struct story *s, struct death first, struct death second)
{
	bool died;

	story_begin(s);
	died = logger_run(s, first);
	if (died && logger_run(s, second))
		(void)logger_run(s, NEVER);
	story_end(s);
	check_outcome(s, first);
	return died;
}

/* Under sanitizers a death takes ten times as long; the build without them dies at every place. */
#ifdef CAPSULE_SANITIZERS
#define STRIDE 4
#else
#define STRIDE 1
#endif

/* All the places. Some of them with a few instructions more, some with a second death. */
static void die_everywhere(struct story *s)
{
	struct death first = { 0, 0 };

	if (!box.scratch.chunk)
		log_box_init(&box);
	story_make(s);
	for (;; first.stops += STRIDE) {
		struct death second = { (unsigned)random() % 40, (unsigned)random() % 20 };

		first.steps = 0;
		if (!die_and_recover(s, first, random() % 2 ? second : NEVER))
			break;
		first.steps = 1 + (unsigned)random() % (random() % 4 ? 60 : 1500);
		if (random() % 2)
			(void)die_and_recover(s, first, NEVER);
	}
	ck_assert_uint_gt(first.stops, 50);
	story_free(s);
}

/* One story each, as each has a time limit of its own. */
START_TEST(killed_anywhere_cri)
{
	die_everywhere(&(struct story){
		.seed = 1,
		.driver = &shim_log_cri,
	});
}
END_TEST

START_TEST(killed_anywhere_json_file)
{
	die_everywhere(&(struct story){
		.seed = 2,
		.driver = &shim_log_json,
	});
}
END_TEST

START_TEST(killed_anywhere_with_rotation_cri)
{
	die_everywhere(&(struct story){
		.seed = 13,
		.driver = &shim_log_cri,
		.max_size = 9000,
	});
}
END_TEST

START_TEST(killed_anywhere_with_rotation_json_file)
{
	die_everywhere(&(struct story){
		.seed = 12,
		.driver = &shim_log_json,
		.max_size = 9000,
	});
}
END_TEST

START_TEST(killed_anywhere_on_a_disk_that_fills_and_empties_cri)
{
	die_everywhere(&(struct story){
		.seed = 21,
		.driver = &shim_log_cri,
		.max_size = 9000,
		.disk = true,
	});
}
END_TEST

START_TEST(killed_anywhere_on_a_disk_that_fills_and_empties_json_file)
{
	die_everywhere(&(struct story){
		.seed = 22,
		.driver = &shim_log_json,
		.disk = true,
	});
}
END_TEST

START_TEST(killed_anywhere_while_bytes_are_dropped)
{
	die_everywhere(&(struct story){
		.seed = 32,
		.driver = &shim_log_cri,
		.mode = SHIM_LOG_DROP,
		.disk = true,
	});
}
END_TEST

START_TEST(killed_anywhere_while_bytes_are_dropped_with_rotation)
{
	die_everywhere(&(struct story){
		.seed = 33,
		.driver = &shim_log_cri,
		.max_size = 9000,
		.mode = SHIM_LOG_DROP,
		.disk = true,
	});
}
END_TEST

/* ---- killed at any time, from outside ---- */

#define MUCH (6u << 20)

static void much_make(struct log_box_text *t, unsigned seed)
{
	srandom(seed);
	t->data = malloc(MUCH);
	t->len = MUCH;
	for (size_t k = 0; k < MUCH; k++)
		t->data[k] = random() % 60 == 0 ? '\n' : (char)('a' + random() % 26);
}

static pid_t writer_start(int to, int other, const struct log_box_text *t)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	(void)close(other);
	(void)fcntl(to, F_SETFL, 0);
	for (size_t at = 0; at < t->len;) {
		size_t n = 1 + (size_t)random() % (random() % 8 ? 300 : 30000);
		ssize_t put = write(to, t->data + at, n < t->len - at ? n : t->len - at);

		if (put < 0)
			_exit(1);
		at += (size_t)put;
	}
	_exit(0);
}

/* As long as it lives. False: it had been done before. */
static bool logger_live(const struct story *s, unsigned us)
{
	pid_t pid = logger_start(s, false);
	int status;

	(void)usleep(us);
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

START_TEST(killed_at_any_time)
{
	struct story s = { .driver = &shim_log_cri, .max_size = 1u << 20 };
	struct log_box_text said[SHIM_STREAM_COUNT];
	struct log_box_text got[SHIM_STREAM_COUNT];
	pid_t writers[SHIM_STREAM_COUNT];
	unsigned kills = 0;
	uint64_t told;

	log_box_init(&box);
	story_begin(&s);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		much_make(&said[i], 100 + (unsigned)i);
		writers[i] = writer_start(s.pipes[i][1], s.pipes[1 - i][1], &said[i]);
	}
	cps_close(&s.pipes[0][1]);
	cps_close(&s.pipes[1][1]);
	while (logger_live(&s, 300 + (unsigned)random() % 3000))
		kills++;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		ck_assert_int_eq(waitpid(writers[i], NULL, 0), writers[i]);
	story_end(&s);
	log_box_read(&box, got, &told);
	ck_assert_uint_gt(kills, 3);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		ck_assert_uint_eq(got[i].len, said[i].len);
		ck_assert_mem_eq(got[i].data, said[i].data, MUCH);
		free(got[i].data);
		free(said[i].data);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		killed_anywhere_cri,
		killed_anywhere_json_file,
		killed_anywhere_with_rotation_cri,
		killed_anywhere_with_rotation_json_file,
		killed_anywhere_on_a_disk_that_fills_and_empties_cri,
		killed_anywhere_on_a_disk_that_fills_and_empties_json_file,
		killed_anywhere_while_bytes_are_dropped,
		killed_anywhere_while_bytes_are_dropped_with_rotation,
		killed_at_any_time,
		NULL,
	};

	return unit_main("log-journal", tests);
}
