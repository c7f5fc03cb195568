/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's own log, see note.h. Notes are rare, so the file is opened for each: no descriptor is
 * held, and a file that grew to its bound is simply renamed away.
 */
#include <config.h>
#include "note.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "own.h"

#define NOTE_FILE     "shim.log"
#define NOTE_FILE_OLD "shim.log.1"
#define NOTE_FILE_MAX 65536

void shim_note(const struct shim_note *n, const char *fmt, ...)
{
	cleanup_fd int fd = -1;
	char line[1024];
	char when[CPS_TIME_SIZE];
	struct timespec now;
	struct stat st;
	va_list args;
	int used;
	int more;

	if (n->dir < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, false, when);
	used = snprintf(line, sizeof(line), "%s ", when);
	va_start(args, fmt);
	more = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, fmt, args);
	va_end(args);
	if (more < 0)
		return;
	used += more;
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';

	if (fstatat(n->dir, NOTE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > NOTE_FILE_MAX)
		(void)renameat(n->dir, NOTE_FILE, n->dir, NOTE_FILE_OLD);
	fd = openat(n->dir, NOTE_FILE, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd >= 0 && write(fd, line, (size_t)used) < 0)
		return; /* said so in the header: lost */
}
