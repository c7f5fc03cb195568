/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying with poll.
 */
#include <config.h>

#include "pump.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

void sup_pump_redirect(struct sup_pump *p, int to)
{
	struct stat st;

	p->to = to;
	/* a pipe that polls writable has room for PIPE_BUF; more could block us, and with us
	 * signals */
	p->write_max =
		to >= 0 && fstat(to, &st) == 0 && S_ISREG(st.st_mode) ? SUP_PUMP_SIZE : PIPE_BUF;
}

void sup_pump_init(struct sup_pump *p, int from, int to)
{
	p->from = from;
	p->start = p->len = 0;
	p->active = from >= 0;
	sup_pump_redirect(p, to);
}

struct pollfd sup_pump_want(const struct sup_pump *p)
{
	struct pollfd want = { .fd = -1 };

	if (!p->active)
		return want;
	if (p->len) {
		want.fd = p->to;
		want.events = POLLOUT;
	} else {
		want.fd = p->from;
		want.events = POLLIN;
	}
	return want;
}

static enum sup_pump_result step_write(struct sup_pump *p)
{
	size_t n = p->len < p->write_max ? p->len : p->write_max;
	ssize_t done = write(p->to, p->buf + p->start, n);

	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return SUP_PUMP_OK;
	if (done < 0) {
		p->active = false;
		return SUP_PUMP_BROKEN;
	}
	p->start += (size_t)done;
	p->len -= (size_t)done;
	return SUP_PUMP_OK;
}

enum sup_pump_result sup_pump_step(struct sup_pump *p, short revents)
{
	ssize_t n;

	if (!p->active || !revents)
		return SUP_PUMP_OK;
	if (p->len)
		return step_write(p);
	/* the first byte stays free for one that a filter held back */
	n = read(p->from, p->buf + 1, sizeof(p->buf) - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return SUP_PUMP_OK;
	if (n <= 0) { /* EIO: the other side of a terminal is closed, which is its end */
		p->active = false;
		return SUP_PUMP_ENDED;
	}
	p->start = 1;
	p->len = (size_t)n;
	return SUP_PUMP_READ;
}
