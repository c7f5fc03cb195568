/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's terminal.
 */
#include <config.h>

#include "terminal.h"

#include <unistd.h>

#define KEY_FIRST  0x10 /* ctrl-p */
#define KEY_SECOND 0x11 /* ctrl-q */

void sup_terminal_raw(struct sup_terminal *t)
{
	struct termios raw;

	if (!isatty(0) || tcgetattr(0, &t->saved) < 0)
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	t->raw = tcsetattr(0, TCSADRAIN, &raw) == 0;
}

void sup_terminal_restore(struct sup_terminal *t)
{
	if (t->raw)
		(void)tcsetattr(0, TCSADRAIN, &t->saved);
	t->raw = false;
}

bool sup_terminal_size(struct winsize *ret)
{
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd) && ioctl(fd, TIOCGWINSZ, ret) == 0 && ret->ws_row && ret->ws_col)
			return true;
	return false;
}

bool sup_terminal_filter(struct sup_terminal *t, char *buf, size_t len, size_t *ret_len)
{
	size_t to = 0;

	for (size_t from = 1; from <= len; from++) {
		char c = buf[from];

		if (t->held) {
			if (c == KEY_SECOND)
				return true;
			t->held = false;
			buf[to++] = KEY_FIRST;
		}
		if (c == KEY_FIRST)
			t->held = true;
		else
			buf[to++] = c;
	}
	*ret_len = to;
	return false;
}
