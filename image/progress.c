/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line of progress, drawn at most ten times a second.
 */
#include <config.h>
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAW_EVERY_MS 100
#define RATE_AFTER_MS 300 /* before that a rate says nothing */
#define BAR_MAX	      40
#define TEXT_SIZE     96
#define CLEAR_LINE    "\r\033[K"

static int64_t ms_between(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * 1000 + (to->tv_nsec - from->tv_nsec) / 1000000;
}

static void format_bytes(uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)n;
	unsigned i = 0;

	while (value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		i++;
	}
	(void)snprintf(buf, size, i == 0 ? "%.0f %s" : "%.1f %s", value, units[i]);
}

/* "12.3 MB / 45.6 MB  23.1 MB/s  0:02 left" */
static void describe(const struct img_progress *p, int64_t ms, char *buf, size_t size)
{
	char done[24], total[24], rate[24];
	uint64_t per_second = ms > RATE_AFTER_MS ? p->done * 1000 / (uint64_t)ms : 0;
	int n;

	format_bytes(p->done, done, sizeof(done));
	format_bytes(p->total, total, sizeof(total));
	format_bytes(per_second, rate, sizeof(rate));
	n = snprintf(buf, size, "%s%s%s", done, p->total ? " / " : "", p->total ? total : "");
	if (per_second && n > 0 && (size_t)n < size)
		n += snprintf(buf + n, size - (size_t)n, "  %s/s", rate);
	if (per_second && p->total > p->done && n > 0 && (size_t)n < size) {
		uint64_t left = (p->total - p->done) / per_second;

		(void)snprintf(buf + n, size - (size_t)n, "  %llu:%02llu left",
			       (unsigned long long)left / 60, (unsigned long long)left % 60);
	}
}

static void draw(const struct img_progress *p, const struct timespec *now)
{
	char text[TEXT_SIZE], bar[BAR_MAX + 1];
	struct winsize window;
	int width = 80, room, filled;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0)
		width = window.ws_col;
	describe(p, ms_between(&p->began, now), text, sizeof(text));
	room = width - (int)strlen(p->what) - (int)strlen(text) - 7;
	room = room > BAR_MAX ? BAR_MAX : room;
	if (room < 5 || p->total == 0) {
		fprintf(stderr, CLEAR_LINE "%.*s", width - 1, text);
		return;
	}
	filled = (int)(p->done >= p->total ? (uint64_t)room : p->done * (uint64_t)room / p->total);
	memset(bar, ' ', (size_t)room);
	memset(bar, '=', (size_t)filled);
	bar[room] = '\0';
	fprintf(stderr, CLEAR_LINE "%s  [%s]  %s", p->what, bar, text);
}

void img_progress_begin(struct img_progress *p, const char *what, uint64_t total)
{
	if (!p)
		return;
	*p = (struct img_progress){ .what = what, .total = total, .on = isatty(STDERR_FILENO) };
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &p->began);
	p->drawn = p->began;
}

void img_progress_expect(struct img_progress *p, uint64_t more)
{
	if (!p || !p->on)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->total += more;
	(void)pthread_mutex_unlock(&p->lock);
}

void img_progress_add(struct img_progress *p, uint64_t bytes)
{
	struct timespec now;

	if (!p || !p->on)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->done += bytes;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (ms_between(&p->drawn, &now) >= DRAW_EVERY_MS) {
		draw(p, &now);
		p->drawn = now;
	}
	(void)pthread_mutex_unlock(&p->lock);
}

void img_progress_clear(struct img_progress *p)
{
	if (!p || !p->on)
		return;
	(void)pthread_mutex_lock(&p->lock);
	fputs(CLEAR_LINE, stderr);
	(void)pthread_mutex_unlock(&p->lock);
}

void img_progress_end(struct img_progress *p)
{
	if (!p || !p->on)
		return;
	p->on = false;
	fputs(CLEAR_LINE, stderr);
	(void)pthread_mutex_destroy(&p->lock);
}
