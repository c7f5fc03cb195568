/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's log of a bundle, see bundle-log.h. Lines are rare: the FIFO is opened for each.
 */
#include <config.h>
#include "bundle-log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "own.h"

/* As Go quotes it, so that a line stays one. */
static void quoted_add(struct cps_buf *b, const char *name, const char *text)
{
	cps_buf_printf(b, " %s=\"", name);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			cps_buf_printf(b, "\\%c", c);
		else if (c == '\n')
			cps_buf_puts(b, "\\n");
		else if (c < ' ' || c == 0x7f)
			cps_buf_printf(b, "\\x%02x", c);
		else
			cps_buf_add(b, text, 1);
	}
	cps_buf_puts(b, "\"");
}

void task_log(const char *bundle, const char *ns, const char *id, const struct timespec *at,
	      const char *text)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = -1;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	char when[CPS_TIME_SIZE];
	struct stat st;

	if (dir >= 0)
		fd = openat(dir, "log", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return;
	cps_time_format(at, false, when);
	cps_buf_printf(&b, "time=\"%s\" level=warning", when);
	quoted_add(&b, "msg", text);
	quoted_add(&b, "id", id);
	quoted_add(&b, "namespace", ns);
	cps_buf_puts(&b, "\n");
	if (!b.failed && write(fd, b.data, b.len) < 0)
		return; /* said so in the header: lost */
}
