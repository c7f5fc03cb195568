/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a log, see log-journal.h.
 *
 *   page 0    header: what this is, two slots of state, which of them counts
 *   5 pages   unfinished line of stdout      5 pages   of stderr
 *   64 pages  chunk; the first 8 of them do for those who say little
 *
 * An idle shim keeps the header's page, and of an unfinished line what there is of it. No
 * descriptor is kept: pages are given back by madvise(2), and to get new ones, after a quiet
 * second, the file is opened again.
 */
#include <config.h>
#include "log-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "own.h"

#define PAGE		4096u
#define CARRY_AT(n)	(PAGE + (n)*CARRY_ROOM)
#define CARRY_ROOM	(5 * PAGE)
#define CHUNK_AT	CARRY_AT(SHIM_STREAM_COUNT)
#define CHUNK_LEAST	(8 * PAGE)
#define SIZE_LEAST	(CHUNK_AT + CHUNK_LEAST)
#define SIZE		(CHUNK_AT + SHIM_CHUNK_MAX)
#define JOURNAL_VERSION 1u
#define PATIENCE	64u

static const char magic[8] = "CPSLOGJ";

struct header {
	char magic[8];
	uint32_t version;
	uint32_t size;	   /* that the file may have */
	uint64_t sentinel; /* nobody but us knows it */
	uint32_t current;  /* 0 or 1: the slot that counts */
	uint32_t reserved;
	struct shim_log_state slots[2];
};

_Static_assert(sizeof(struct header) <= PAGE, "the header is one page");
_Static_assert(CARRY_ROOM >= SHIM_CARRY_MAX, "a carry has room");
_Static_assert(sizeof(struct shim_log_state) == 104, "a later shim reads it");

static char *base(const struct shim_journal *j)
{
	return j->file ? j->file : j->memory;
}

static struct header *header(const struct shim_journal *j)
{
	return (struct header *)base(j);
}

char *shim_journal_chunk(const struct shim_journal *j)
{
	return base(j) + CHUNK_AT;
}

char *shim_journal_carry(const struct shim_journal *j, unsigned stream)
{
	return base(j) + CARRY_AT(stream);
}

bool shim_journal_is_kept(const struct shim_journal *j)
{
	return j->file != NULL;
}

void shim_journal_commit(struct shim_journal *j, const struct shim_log_state *s)
{
	struct header *h = header(j);
	uint32_t next = 1 - (h->current & 1);

	if (!j->file)
		return; /* nobody could read it */
	h->slots[next] = *s;
	__atomic_store_n(&h->current, next, __ATOMIC_RELEASE);
	/* Nor may the compiler move what comes after to before: it overwrites what the old state
	 * speaks of. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- what was read ---- */

static size_t mark_len(size_t len)
{
	return len < sizeof(uint64_t) ? len : sizeof(uint64_t);
}

static uint64_t mark_value(const struct shim_journal *j, size_t len)
{
	return len < sizeof(uint64_t) ? UINT64_MAX : header(j)->sentinel;
}

void shim_journal_mark(struct shim_journal *j, size_t len)
{
	volatile char *chunk = shim_journal_chunk(j);
	uint64_t mark = mark_value(j, len);
	size_t n = mark_len(len);

	/* Each page is touched: a fault within read(2) could end it early when we are killed, after
	 * it has taken a part. */
	for (size_t at = 0; at < len; at += PAGE)
		chunk[at] = 0;
	memcpy(shim_journal_chunk(j) + len - n, &mark, n);
}

bool shim_journal_was_read(const struct shim_journal *j, size_t len)
{
	uint64_t mark = mark_value(j, len);
	size_t n = mark_len(len);

	return memcmp(shim_journal_chunk(j) + len - n, &mark, n) != 0;
}

/* ---- getting and leaving the file ---- */

static int file_open(const struct shim_journal *j, bool create, struct cps_err *err)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = openat(j->dirfd, j->name, flags | (create ? O_CREAT | O_EXCL : 0), 0600);

	return fd < 0 ? cps_fail(err, errno, "open '%s'", j->name) : fd;
}

static char *file_map(int fd)
{
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Pages for a chunk of len bytes, or of fewer. */
static int pages_get(struct shim_journal *j, int fd, size_t len, struct cps_err *err)
{
	if (len > CHUNK_LEAST && fallocate(fd, 0, 0, SIZE) == 0) {
		j->room = SHIM_CHUNK_MAX;
		return 0;
	}
	if (fallocate(fd, 0, 0, SIZE_LEAST) < 0)
		return cps_fail(err, errno, "room for '%s'", j->name);
	j->room = CHUNK_LEAST;
	return 0;
}

static void header_make(struct header *h, const struct shim_log_state *s)
{
	struct timespec now;

	h->version = JOURNAL_VERSION;
	h->size = SIZE;
	if (getrandom(&h->sentinel, sizeof(h->sentinel), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(h->sentinel)) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now); /* early in a machine's life */
		h->sentinel ^= (uint64_t)now.tv_nsec * UINT64_C(0x9e3779b97f4a7c15);
	}
	h->current = 0;
	h->slots[0] = *s;
}

static void carries_copy(char *to, const char *from, const struct shim_log_state *s)
{
	for (unsigned i = 0; i < SHIM_STREAM_COUNT; i++)
		memcpy(to + CARRY_AT(i), from + CARRY_AT(i), s->lines[i].len);
}

/* From memory to a new file. */
static int file_make(struct shim_journal *j, const struct shim_log_state *s, size_t len,
		     struct cps_err *err)
{
	cleanup_fd int fd = file_open(j, true, err);
	char *file = NULL;
	int rc = fd < 0 ? fd : pages_get(j, fd, len, err);

	if (rc == 0) {
		file = file_map(fd);
		if (!file)
			rc = cps_fail(err, errno, "map '%s'", j->name);
	}
	if (rc < 0) {
		if (fd >= 0)
			(void)unlinkat(j->dirfd, j->name, 0);
		j->room = SHIM_CHUNK_MAX; /* of the memory */
		return rc;
	}
	carries_copy(file, j->memory, s);
	header_make((struct header *)file, s);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memcpy(file, magic, sizeof(magic)); /* from here on it counts */
	j->file = file;
	(void)madvise(j->memory, SIZE, MADV_DONTNEED);
	return 0;
}

/* From the file to memory. */
static void file_leave(struct shim_journal *j, const struct shim_log_state *s)
{
	carries_copy(j->memory, j->file, s);
	(void)unlinkat(j->dirfd, j->name, 0); /* what it says will not be true any more */
	(void)munmap(j->file, SIZE);
	j->file = NULL;
	j->room = SHIM_CHUNK_MAX;
}

/* The pages that a quiet second gave back; more of them for one who says much. */
static int file_refill(struct shim_journal *j, size_t len, struct cps_err *err)
{
	cleanup_fd int fd = file_open(j, false, err);

	return fd < 0 ? fd : pages_get(j, fd, len, err);
}

static int file_or_memory(struct shim_journal *j, const struct shim_log_state *s, size_t len,
			  struct cps_err *err)
{
	int rc;

	if (!j->file)
		return file_make(j, s, len, err);
	rc = file_refill(j, len, err);
	if (rc < 0 && j->ready)
		return 0; /* what there was is there */
	if (rc < 0)
		file_leave(j, s);
	return rc;
}

int shim_journal_ready(struct shim_journal *j, const struct shim_log_state *s, size_t *len,
		       struct cps_err *err)
{
	bool first = !j->ready;
	int rc = 0;

	if (!first && (!j->name || (j->file && *len <= j->room)))
		return 0;
	if (!j->name) {
		j->room = SHIM_CHUNK_MAX;
	} else if (first || j->patience == 0) {
		rc = file_or_memory(j, s, *len, err);
		j->patience = rc < 0 || *len > j->room ? PATIENCE : 0;
	} else {
		j->patience--;
	}
	j->ready = true;
	if (*len > j->room)
		*len = j->room;
	return first ? rc : 0; /* that it still cannot be is no news */
}

/* ---- life ---- */

static bool is_sound(const struct shim_log_state *s)
{
	if (s->phase > SHIM_LOG_WRITING || s->stream >= SHIM_STREAM_COUNT ||
	    s->len > SHIM_CHUNK_MAX || s->pos > s->len)
		return false;
	if (s->phase == SHIM_LOG_READING && s->len == 0)
		return false;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (s->lines[i].len > SHIM_CARRY_MAX)
			return false;
	}
	return true;
}

/* Something is there: is it ours, and whole? */
static int file_take_over(struct shim_journal *j, int fd, bool *ret_found,
			  struct shim_log_state *ret_state, struct cps_err *err)
{
	const struct header *h;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "stat '%s'", j->name);
	if (!S_ISREG(st.st_mode) || st.st_size < SIZE_LEAST || st.st_size > SIZE)
		return cps_failx(err, EINVAL, "'%s' is no journal of a log", j->name);
	j->file = file_map(fd);
	if (!j->file)
		return cps_fail(err, errno, "map '%s'", j->name);
	h = header(j);
	if (memcmp(h->magic, "\0\0\0\0\0\0\0\0", sizeof(h->magic)) == 0)
		return -EAGAIN; /* its maker was killed before it held anything */
	if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->version != JOURNAL_VERSION ||
	    h->size != SIZE || !is_sound(&h->slots[h->current & 1]) ||
	    h->slots[h->current & 1].len > st.st_size - CHUNK_AT)
		return cps_failx(err, EINVAL, "'%s' is no journal that this shim can read",
				 j->name);
	*ret_state = h->slots[h->current & 1];
	*ret_found = true;
	/* Whoever had something in the chunk had its pages, and the carries'. */
	j->ready = ret_state->phase != SHIM_LOG_IDLE && ret_state->len > 0;
	j->room = j->ready ? CHUNK_LEAST : 0;
	return 0;
}

int shim_journal_open(struct shim_journal *j, int dirfd, const char *name, bool *ret_found,
		      struct shim_log_state *ret_state, struct cps_err *ret_odd,
		      struct cps_err *err)
{
	cleanup_fd int fd = -1;
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (memory == MAP_FAILED)
		return cps_fail(err, errno, "map a log's memory");
	*j = (struct shim_journal){ .dirfd = dirfd, .name = name, .memory = memory };
	*ret_found = false;
	ret_odd->num = 0;
	if (!name)
		return 0;
	fd = file_open(j, false, ret_odd);
	if (fd < 0) {
		ret_odd->num = 0; /* none as a rule; if it cannot be opened, it cannot be made */
		return 0;
	}
	rc = file_take_over(j, fd, ret_found, ret_state, ret_odd);
	if (rc < 0) {
		if (j->file)
			(void)munmap(j->file, SIZE);
		j->file = NULL;
		(void)unlinkat(dirfd, name, 0);
	}
	return 0;
}

void shim_journal_remove(struct shim_journal *j)
{
	if (j->file) {
		(void)unlinkat(j->dirfd, j->name, 0);
		(void)munmap(j->file, SIZE);
	}
	j->file = NULL;
	j->name = NULL;
}

void shim_journal_close(struct shim_journal *j)
{
	if (j->file)
		(void)munmap(j->file, SIZE);
	if (j->memory)
		(void)munmap(j->memory, SIZE);
	j->file = NULL;
	j->memory = NULL;
}

static size_t page_up(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE;
}

void shim_journal_trim(struct shim_journal *j, const struct shim_log_state *s)
{
	int advice = j->file ? MADV_REMOVE : MADV_DONTNEED;

	if (!j->ready || s->phase != SHIM_LOG_IDLE)
		return;
	if (j->file)
		j->ready = false;
	/* A file system that cannot do it keeps the pages. */
	(void)madvise(shim_journal_chunk(j), SHIM_CHUNK_MAX, advice);
	for (unsigned i = 0; i < SHIM_STREAM_COUNT; i++) {
		size_t used = page_up(s->lines[i].len);

		if (used < CARRY_ROOM)
			(void)madvise(shim_journal_carry(j, i) + used, CARRY_ROOM - used, advice);
	}
}
