/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See log-box.h.
 */
#include <config.h>
#include "log-box.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "file.h"
#include "unit.h"

void log_box_init(struct log_box *b)
{
	struct cps_err err;
	char link[64];
	ssize_t n;

	b->dir = unit_dir();
	ck_assert_ok(shim_scratch_init(&b->scratch, &err), err);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", b->dir);
	n = readlink(link, b->path, sizeof(b->path) - sizeof("/log"));
	ck_assert_int_gt(n, 0);
	(void)strcpy(b->path + n, "/log");
	(void)signal(SIGXFSZ, SIG_IGN);
}

void log_box_done(struct log_box *b)
{
	shim_scratch_done(&b->scratch);
}

struct shim_log *log_box_open(struct log_box *b, const struct shim_log_driver *driver,
			      uint64_t max_size, unsigned max_files, enum shim_log_mode mode)
{
	struct shim_log_config c = {
		.driver = driver,
		.path = b->path,
		.max_size = max_size,
		.max_files = max_files,
		.mode = mode,
	};
	struct shim_log *log = NULL;
	struct cps_err err;

	ck_assert_ok(shim_log_open(&c, b->dir, SHIM_LOG_JOURNAL, &b->scratch, &log, &err), err);
	return log;
}

void log_box_feed(struct shim_log *log, enum shim_stream_name stream, const char *data, size_t len)
{
	static const struct timespec now = { LOG_BOX_NOW };

	size_t room = len;
	char *chunk = shim_log_chunk(log, &room);

	ck_assert_uint_eq(room, len);
	memcpy(chunk, data, len);
	shim_log_feed(log, stream, &now, len);
}

static void name_of(const struct log_box *b, unsigned number, char name[128])
{
	(void)snprintf(name, 128, number ? "%s.%u" : "%s", b->path, number);
}

char *log_box_content(const struct log_box *b, unsigned number, size_t *ret_len)
{
	char name[128];
	struct cps_err err;
	char *text = NULL;
	size_t len = 0;

	name_of(b, number, name);
	if (cps_file_read(AT_FDCWD, name, 1u << 28, &text, &len, &err) < 0)
		return NULL;
	if (ret_len)
		*ret_len = len;
	return text;
}

void log_box_check(const struct log_box *b, const char *expected)
{
	char *text = log_box_content(b, 0, NULL);

	ck_assert_str_eq(text, expected);
	free(text);
}

unsigned log_box_files(const struct log_box *b)
{
	char name[128];
	unsigned n = 0;

	for (;; n++) {
		name_of(b, n, name);
		if (access(name, F_OK) < 0)
			return n;
	}
}

void log_box_remove_files(const struct log_box *b)
{
	char name[128];

	for (unsigned n = log_box_files(b); n-- > 0;) {
		name_of(b, n, name);
		ck_assert_int_eq(unlink(name), 0);
	}
}

void log_box_disk(uint64_t bytes)
{
	struct rlimit r;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes ? bytes : r.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void text_add(struct log_box_text *t, const char *data, size_t len, bool end)
{
	if (t->len + len + 1 > t->room) {
		t->room = 2 * (t->len + len + 1);
		t->data = realloc(t->data, t->room);
		ck_assert_ptr_nonnull(t->data);
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
	if (end)
		t->data[t->len++] = '\n';
}

/* One record, taken apart. */
struct record {
	enum shim_stream_name stream;
	const char *data;
	size_t len;
	bool end;
};

/* "2026-11-21T20:55:35.123456789Z stdout F text": the stamp's length is always the same. */
static struct record cri_read(const char *at, size_t len)
{
	const size_t stamp = strlen(LOG_BOX_AT);
	const size_t head = stamp + strlen(" stdout F ");
	struct record r = { .data = at + head, .len = len - head };

	ck_assert_uint_ge(len, head);
	r.stream = strncmp(at + stamp, " stderr ", 8) == 0 ? SHIM_STDERR : SHIM_STDOUT;
	r.end = r.data[-2] == 'F';
	ck_assert_msg(at[stamp - 1] == 'Z' && (r.end || r.data[-2] == 'P') &&
			      (r.stream == SHIM_STDERR || strncmp(at + stamp, " stdout ", 8) == 0),
		      "'%.60s'", at);
	return r;
}

/* {"log":"text\n","stream":"stdout","time":"2026-11-21T20:55:35.1Z"}, of text without escapes. */
static struct record json_read(const char *at, size_t len)
{
	struct record r = { .data = at + strlen("{\"log\":\"") };
	const char *quote = memchr(r.data, '"', len - (size_t)(r.data - at));

	ck_assert_ptr_nonnull(quote);
	ck_assert_msg(strncmp(at, "{\"log\":\"", 8) == 0 && strncmp(at + len - 3, "Z\"}", 3) == 0,
		      "'%.60s'", at);
	r.len = (size_t)(quote - r.data);
	r.end = r.len >= 2 && strncmp(quote - 2, "\\n", 2) == 0;
	r.len -= r.end ? 2 : 0;
	r.stream = strncmp(quote, "\",\"stream\":\"stderr\",\"time\":\"2", 27) == 0 ? SHIM_STDERR
										    : SHIM_STDOUT;
	ck_assert_msg(r.stream == SHIM_STDERR ||
			      strncmp(quote, "\",\"stream\":\"stdout\",\"time\":\"2", 27) == 0,
		      "'%.60s'", quote);
	return r;
}

static void record_read(const char *at, size_t len, struct log_box_text ret[SHIM_STREAM_COUNT],
			uint64_t *ret_told)
{
	struct record r = *at == '{' ? json_read(at, len) : cri_read(at, len);

	if (r.len > 17 && strncmp(r.data, "capsule: dropped ", 17) == 0)
		*ret_told += strtoull(r.data + 17, NULL, 10);
	else
		text_add(&ret[r.stream], r.data, r.len, r.end);
}

void log_box_read(const struct log_box *b, struct log_box_text ret[SHIM_STREAM_COUNT],
		  uint64_t *ret_told)
{
	*ret_told = 0;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		ret[i] = (struct log_box_text){ .data = malloc(1), .room = 1 };
	for (unsigned f = log_box_files(b); f-- > 0;) {
		size_t size;
		char *text = log_box_content(b, f, &size);
		char *at = text;

		while (at < text + size) {
			char *newline = memchr(at, '\n', (size_t)(text + size - at));

			ck_assert_ptr_nonnull(newline);
			record_read(at, (size_t)(newline - at), ret, ret_told);
			at = newline + 1;
		}
		free(text);
	}
}
