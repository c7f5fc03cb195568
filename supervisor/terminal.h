/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's terminal: raw mode and back, its size, the keys that detach.
 */
#ifndef SUP_TERMINAL_H
#define SUP_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <termios.h>

struct sup_terminal {
	bool raw; /* `saved` is to be restored */
	struct termios saved;
	bool held; /* the first detach key has been seen and not passed on */
};

/* Standard input into raw mode if it is a terminal; what is written still has its newlines
 * translated, because the container's terminal does not do it. */
void sup_terminal_raw(struct sup_terminal *t);
void sup_terminal_restore(struct sup_terminal *t);
/* Of standard input, output or error, whichever is a terminal. */
bool sup_terminal_size(struct winsize *ret);
/* Looks for ctrl-p ctrl-q in typed bytes, across calls. buf has len bytes at buf[1], and room for
 * one more before them. Returns true to detach; else *ret_len bytes at buf[0] are to be passed on.
 */
bool sup_terminal_filter(struct sup_terminal *t, char *buf, size_t len, size_t *ret_len);

#endif
