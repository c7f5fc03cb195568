/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs in the chaos' containers:
 *
 *	writer FILE SEED LINES-OUT LINES-ERR FLAGS PAUSE END VALUE GO
 *
 * writes numbered lines (content.h) to stdout and stderr, in pieces that have nothing to do with
 * lines, with pauses of PAUSE microseconds in the mean, and keeps account of it in FILE (struct
 * progress). When all is said, and the file GO is there ("-": at once), it ends as it is told. A
 * write that fails or is short ends it with a status of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "content.h"

#define BURST_MAX 65536

struct source {
	uint32_t lines;
	uint32_t next; /* line to be made */
	size_t at;
	size_t len;
	unsigned char line[LINE_SIZE];
};

struct writer {
	uint64_t seed;
	unsigned flags;
	uint32_t pause_us;
	int tty;
	struct progress *progress;
	struct rng rng;
	struct source streams[2];
};

static void nap(uint32_t us)
{
	struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

/* Up to `want` bytes of a stream; less only at its end. */
static size_t source_read(const struct writer *w, int stream, unsigned char *out, size_t want)
{
	struct source *s = (struct source *)&w->streams[stream];
	size_t n = 0;

	while (n < want) {
		size_t take;

		if (s->at == s->len) {
			if (s->next == s->lines)
				break;
			s->len = line_make(w->seed, stream, s->next++, s->lines, w->flags, s->line);
			s->at = 0;
		}
		take = s->len - s->at < want - n ? s->len - s->at : want - n;
		memcpy(out + n, s->line + s->at, take);
		s->at += take;
		n += take;
	}
	return n;
}

static int is_over(const struct source *s)
{
	return s->next == s->lines && s->at == s->len;
}

/* How much in one write: rests of lines, pieces of them, bursts of many. */
static size_t write_size(struct writer *w, int stream)
{
	const struct source *s = &w->streams[stream];
	uint32_t kind = rng_below(&w->rng, 100);

	if (kind < 60 && s->at < s->len)
		return s->len - s->at;
	if (kind < 85)
		return 1 + rng_below(&w->rng, 200);
	if (kind < 97)
		return 1 + rng_below(&w->rng, 5000);
	return 1 + rng_below(&w->rng, BURST_MAX - 1);
}

static void write_some(struct writer *w, int stream)
{
	static unsigned char buf[BURST_MAX];
	struct progress *p = w->progress;
	size_t n = source_read(w, stream, buf, write_size(w, stream));

	__atomic_fetch_add(&p->begun[stream], n, __ATOMIC_SEQ_CST);
	for (size_t at = 0; at < n;) {
		ssize_t rc = write(1 + stream, buf + at, n - at);

		/* A terminal that hangs up in the middle says what it has taken; why it takes no
		 * more, the next write tells. */
		if (rc <= 0 || (rc < (ssize_t)(n - at) && !w->tty)) {
			p->error = rc < 0 ? errno : -1;
			_exit(WRITER_FAILED);
		}
		__atomic_fetch_add(&p->written[stream], (size_t)rc, __ATOMIC_SEQ_CST);
		at += (size_t)rc;
	}
}

static void write_all(struct writer *w)
{
	for (;;) {
		int stream = (int)rng_below(&w->rng, 2);

		if (is_over(&w->streams[stream]))
			stream = !stream;
		if (is_over(&w->streams[stream]))
			return;
		write_some(w, stream);
		/* long pauses are rare, and make up for the writes without one */
		if (w->pause_us > 0 && rng_chance(&w->rng, 10))
			nap(rng_below(&w->rng, 20 * w->pause_us));
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void end(struct progress *p, int kind, int value)
{
	p->ended_ns = now_ns();
	__atomic_store_n(&p->done, 1, __ATOMIC_SEQ_CST);
	if (kind == END_SIGNAL)
		kill(getpid(), value);
	while (kind == END_EAT) {
		char *m = malloc(1 << 20);

		if (!m)
			nap(1000);
		else
			memset(m, 1, 1 << 20);
	}
	_exit(value);
}

int main(int argc, char **argv)
{
	static struct writer w;
	int fd;

	if (argc != 10)
		return WRITER_FAILED;
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return WRITER_FAILED;
	w.progress = mmap(NULL, sizeof(*w.progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w.progress == MAP_FAILED)
		return WRITER_FAILED;
	close(fd);
	w.progress->started_ns = now_ns();
	__atomic_store_n(&w.progress->started, 1, __ATOMIC_SEQ_CST);
	w.tty = isatty(1);
	w.seed = strtoull(argv[2], NULL, 10);
	w.streams[0].lines = (uint32_t)atoi(argv[3]);
	w.streams[1].lines = (uint32_t)atoi(argv[4]);
	w.flags = (unsigned)atoi(argv[5]);
	w.pause_us = (uint32_t)atoi(argv[6]);
	w.rng = rng_make(w.seed, 0, 0);
	write_all(&w);
	while (strcmp(argv[9], "-") != 0 && access(argv[9], F_OK) < 0)
		nap(2000);
	end(w.progress, atoi(argv[7]), atoi(argv[8]));
}
