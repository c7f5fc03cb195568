/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chaos' own reader of logs, and what it compares them with. A log's records are taken one by
 * one; each must be what the stream says next, or, in drop mode, what it says somewhat later.
 */
#include <config.h>
#include "chaos.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A terminal makes \r\n of \n. */
static size_t cook(unsigned char *out, const unsigned char *in, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (in[i] == '\n')
			out[n++] = '\r';
		out[n++] = in[i];
	}
	return n;
}

void text_make(struct text *t, const struct say *say, bool drop)
{
	static unsigned char line[LINE_SIZE];
	static unsigned char cooked[2 * LINE_SIZE];

	*t = (struct text){ .say = say, .drop = drop };
	for (int s = 0; s < 2; s++) {
		size_t room = 0;

		for (uint32_t i = 0; i < say->lines[s]; i++) {
			size_t n = line_make(say->seed, s, i, say->lines[s], say->flags, line);
			const unsigned char *from = line;

			if (say->tty) {
				n = cook(cooked, line, n);
				from = cooked;
			}
			if (t->len[s] + n > room) {
				room = 2 * room + n + 4096;
				t->data[s] = realloc(t->data[s], room);
				if (!t->data[s])
					abort();
			}
			memcpy(t->data[s] + t->len[s], from, n);
			t->len[s] += n;
		}
	}
}

void text_done(struct text *t)
{
	free(t->data[0]);
	free(t->data[1]);
	t->data[0] = t->data[1] = NULL;
}

void text_restart(struct text *t)
{
	for (int s = 0; s < 2; s++)
		t->at[s] = t->seen[s] = 0;
	t->dropped = 0;
	t->wrong[0] = 0;
}

static void quote(char *out, size_t size, const unsigned char *data, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && i < 40 && n + 5 < size; i++) {
		if (data[i] >= 0x20 && data[i] < 0x7f)
			out[n++] = (char)data[i];
		else
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", data[i]);
	}
	out[n] = 0;
}

/*
 * Behind a drop a log may go on in the middle of a character, the rest of which is no UTF-8 then:
 * in JSON each of its bytes is U+FFFD. Where it is in the text, or NULL; *ret_len: of how many
 * bytes.
 */
static const unsigned char *find_torn(const unsigned char *at, size_t rest,
				      const unsigned char *data, size_t len, size_t *ret_len)
{
	const unsigned char *from = at;
	size_t torn = 0;

	while (torn < 3 && len >= 3 && memcmp(data, "\xef\xbf\xbd", 3) == 0) {
		torn++;
		data += 3;
		len -= 3;
	}
	while (torn > 0 && len > 0 && (at = memmem(at, rest - (size_t)(at - from), data, len))) {
		size_t n = 0;

		while (n < torn && at - from > (ptrdiff_t)n &&
		       (at[-1 - (ptrdiff_t)n] & 0xc0) == 0x80)
			n++;
		if (n == torn) {
			*ret_len = torn + len;
			return at - torn;
		}
		at++;
	}
	return NULL;
}

bool text_add(struct text *t, int s, const unsigned char *data, size_t len)
{
	size_t rest = t->len[s] - t->at[s];
	const unsigned char *at = t->data[s] + t->at[s];
	char want[200], have[200];
	size_t same = 0;

	if (len == 0)
		return true;
	if (t->drop && (len > rest || memcmp(at, data, len) != 0)) {
		const unsigned char *from = at;
		size_t found = len;

		at = rest ? memmem(from, rest, data, len) : NULL;
		if (rest && !at)
			at = find_torn(from, rest, data, len, &found);
		if (at) {
			t->at[s] = (size_t)(at - t->data[s]) + found;
			t->seen[s] += found;
			return true;
		}
	} else if (len <= rest && memcmp(at, data, len) == 0) {
		t->at[s] += len;
		t->seen[s] += len;
		return true;
	}
	at = t->data[s] + t->at[s];
	while (same < len && same < rest && at[same] == data[same])
		same++;
	quote(want, sizeof(want), at + same, rest - same);
	quote(have, sizeof(have), data + same, len - same);
	(void)snprintf(t->wrong, sizeof(t->wrong),
		       "%s, byte %zu of %zu (%zu of %zu looked at): want '%.80s', have '%.80s'",
		       s ? "stderr" : "stdout", t->at[s] + same, t->len[s], same, len, want, have);
	return false;
}

/* How many bytes of the text are the first n bytes that the writer wrote. */
static size_t cooked_len(const struct text *t, int s, uint64_t n)
{
	size_t at = 0;

	if (!t->say->tty)
		return n;
	while (at < t->len[s] && n > 0) {
		if (t->data[s][at] == '\r') /* the content has none of its own */
			at++;
		at++;
		n--;
	}
	return at;
}

bool text_is_complete(struct text *t, const struct progress *p)
{
	uint64_t least = 0, most = 0, have = 0;

	for (int s = 0; s < 2; s++) {
		size_t written = cooked_len(t, s, p->written[s]);
		size_t begun = cooked_len(t, s, p->begun[s]);

		least += written;
		most += begun;
		have += t->seen[s];
		if (t->drop || (t->seen[s] >= written && t->seen[s] <= begun))
			continue;
		(void)snprintf(t->wrong, sizeof(t->wrong),
			       "%s: %zu bytes of %zu (to %zu) that were written",
			       s ? "stderr" : "stdout", t->seen[s], written, begun);
		return false;
	}
	if (!t->drop || (have + t->dropped >= least && have + t->dropped <= most))
		return true;
	(void)snprintf(t->wrong, sizeof(t->wrong),
		       "%" PRIu64 " bytes there, %" PRIu64 " dropped, %" PRIu64 " (to %" PRIu64
		       ") written",
		       have, t->dropped, least, most);
	return false;
}

/* ---- records ---- */

static bool is_drop_note(struct text *t, const unsigned char *data, size_t len)
{
	char copy[64];
	unsigned long long n;

	if (len < 10 || len >= sizeof(copy) || memcmp(data, "capsule: ", 9) != 0)
		return false;
	memcpy(copy, data, len);
	copy[len] = 0;
	if (sscanf(copy, "capsule: dropped %llu bytes", &n) != 1)
		return false;
	t->dropped += n;
	return true;
}

static bool wrong_record(struct text *t, const char *why, const unsigned char *data, size_t len)
{
	char have[200];

	quote(have, sizeof(have), data, len);
	(void)snprintf(t->wrong, sizeof(t->wrong), "a record %s: '%.120s'", why, have);
	return false;
}

/* line: with its newline */
static bool cri_record(struct text *t, unsigned char *line, size_t len)
{
	unsigned char *at = memchr(line, ' ', len < 40 ? len : 40);
	size_t head;
	int s;

	if (!at || at - line < 20 || line[len - 1] != '\n')
		return wrong_record(t, "without a time or an end", line, len);
	head = (size_t)(at - line) + 10; /* " stdout F " */
	if (len < head + 1 || (memcmp(at, " stdout ", 8) != 0 && memcmp(at, " stderr ", 8) != 0) ||
	    (at[8] != 'F' && at[8] != 'P') || at[9] != ' ')
		return wrong_record(t, "without a stream or a tag", line, len);
	s = at[4] == 'e';
	if (s && at[8] == 'F' && is_drop_note(t, line + head, len - head - 1))
		return true;
	return text_add(t, s, line + head, len - head - (at[8] == 'P'));
}

static unsigned hex4(const unsigned char *p)
{
	char four[5] = { (char)p[0], (char)p[1], (char)p[2], (char)p[3], 0 };

	return (unsigned)strtoul(four, NULL, 16);
}

static size_t put_utf8(unsigned char *out, unsigned c)
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 63));
		return 2;
	}
	out[0] = (unsigned char)(0xe0 | c >> 12);
	out[1] = (unsigned char)(0x80 | (c >> 6 & 63));
	out[2] = (unsigned char)(0x80 | (c & 63));
	return 3;
}

/* Unescapes in place; returns the text's end, at its quote, or NULL. */
static unsigned char *json_text(unsigned char *in, unsigned char *end, size_t *ret_len)
{
	unsigned char *out = in;
	unsigned char *start = in;

	for (; in < end && *in != '"'; in++) {
		if (*in != '\\') {
			*out++ = *in;
			continue;
		}
		if (end - in < 6)
			return NULL;
		in++;
		if (*in == 'u') {
			unsigned c = hex4(in + 1);

			in += 4;
			out += put_utf8(out, c);
		} else {
			*out++ = *in == 'n' ? '\n' : *in == 't' ? '\t' : *in == 'r' ? '\r' : *in;
		}
	}
	*ret_len = (size_t)(out - start);
	return in < end ? in : NULL;
}

static bool json_record(struct text *t, unsigned char *line, size_t len)
{
	unsigned char *end;
	size_t n = 0;
	int s;

	if (len < 40 || memcmp(line, "{\"log\":\"", 8) != 0 ||
	    memcmp(line + len - 2, "}\n", 2) != 0)
		return wrong_record(t, "that is no object", line, len);
	end = json_text(line + 8, line + len, &n);
	if (!end || line + len - end < 20 || memcmp(end, "\",\"stream\":\"std", 15) != 0)
		return wrong_record(t, "without a stream", line, len);
	s = end[15] == 'e';
	if (s && n > 0 && is_drop_note(t, line + 8, n - 1))
		return true;
	return text_add(t, s, line + 8, n);
}

static unsigned char *file_read(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *data;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0)
		abort();
	data = malloc((size_t)st.st_size + 1);
	n = data ? read(fd, data, (size_t)st.st_size) : -1;
	close(fd);
	*ret_len = n > 0 ? (size_t)n : 0;
	return data;
}

static bool file_add(struct text *t, const char *path, bool json)
{
	size_t len = 0, at = 0;
	unsigned char *data = file_read(path, &len);
	bool ok = true;

	if (!data) {
		(void)snprintf(t->wrong, sizeof(t->wrong), "%.200s: %s", path, strerror(errno));
		return false;
	}
	while (ok && at < len) {
		unsigned char *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - data) - at + 1 : len - at;

		ok = json ? json_record(t, data + at, n) : cri_record(t, data + at, n);
		at += n;
	}
	free(data);
	return ok;
}

static int later_first(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

bool log_read(struct text *t, const char *path, bool json)
{
	unsigned numbers[1100], n = 0;
	char dir[PATH_MAX], file[PATH_MAX];
	struct dirent *entry;
	bool ok = true;
	DIR *d;

	text_restart(t);
	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = 0;
	d = opendir(dir);
	if (!d) {
		(void)snprintf(t->wrong, sizeof(t->wrong), "%.200s: %s", dir, strerror(errno));
		return false;
	}
	while ((entry = readdir(d)) && n < 1000) {
		unsigned number;
		char rest;

		if (sscanf(entry->d_name, "log.%u%c", &number, &rest) == 1)
			numbers[n++] = number;
	}
	closedir(d);
	qsort(numbers, n, sizeof(numbers[0]), later_first);
	for (unsigned i = 0; ok && i < n; i++) {
		(void)snprintf(file, sizeof(file), "%s.%u", path, numbers[i]);
		ok = file_add(t, file, json);
	}
	return ok && file_add(t, path, json);
}
