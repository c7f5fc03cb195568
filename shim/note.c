/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's own log, see note.h. Notes are rare, so the file is opened for each: no descriptor is
 * held, and a file that grew to its bound is simply renamed away.
 */
#include <config.h>
#include "note.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "own.h"

#define NOTE_FILE     "shim.log"
#define NOTE_FILE_OLD "shim.log.1"
#define NOTE_FILE_MAX 65536

#define REPEAT_S   60
#define WINDOW_S   10
#define WINDOW_MAX 50

static void line_write(const struct shim_note *n, const struct timespec *now, const char *text)
{
	cleanup_fd int fd = -1;
	char line[1024 + CPS_TIME_SIZE];
	char when[CPS_TIME_SIZE];
	struct stat st;
	int used;

	if (n->tell)
		n->tell(n->owner, now, text);
	if (n->dir < 0)
		return;
	cps_time_format(now, false, when);
	used = snprintf(line, sizeof(line), "%s %s\n", when, text);
	if (fstatat(n->dir, NOTE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > NOTE_FILE_MAX)
		(void)renameat(n->dir, NOTE_FILE, n->dir, NOTE_FILE_OLD);
	fd = openat(n->dir, NOTE_FILE, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd >= 0 && write(fd, line, (size_t)used) < 0)
		return; /* said so in the header: lost */
}

/* FNV-1a; never 0. */
static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h ? h : 1;
}

/* Is it to be written? Tells first what was not. */
static bool is_wanted(struct shim_note *n, const struct timespec *now, const char *text)
{
	uint32_t h = hash(text);
	char told[64];

	if (h == n->last && now->tv_sec - n->since_s < REPEAT_S) {
		n->repeated++;
		return false;
	}
	if (n->repeated > 0) {
		(void)snprintf(told, sizeof(told), "the same again, %u times", n->repeated);
		line_write(n, now, told);
	}
	n->last = h;
	n->since_s = now->tv_sec;
	n->repeated = 0;
	if (now->tv_sec - n->window_s >= WINDOW_S || now->tv_sec < n->window_s) {
		if (n->in_window > WINDOW_MAX) {
			(void)snprintf(told, sizeof(told), "%u lines were left out",
				       n->in_window - WINDOW_MAX);
			line_write(n, now, told);
		}
		n->window_s = now->tv_sec;
		n->in_window = 0;
	}
	return ++n->in_window <= WINDOW_MAX;
}

void shim_note(struct shim_note *n, const char *fmt, ...)
{
	char text[1024];
	struct timespec now;
	va_list args;
	int rc;

	if (n->dir < 0 && !n->tell)
		return;
	va_start(args, fmt);
	rc = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (rc < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (is_wanted(n, &now, text))
		line_write(n, &now, text);
}
