/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test needs besides Check. Each test runs in a process of its own.
 */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <stdbool.h>

#include "err.h"

/* The main of a test program; tests ends with NULL. */
int unit_main(const char *topic, const TTest *const tests[]);

/* Descriptors open now. */
unsigned unit_fd_count(void);

/* A new directory, removed with all that is in it when the test ends. Returns its fd. */
int unit_dir(void);

/* Makes a file, a directory, a symlink; is there one of this name; a file's content is text. */
void unit_put(int dir, const char *name, const char *text);
void unit_make_dir(int dir, const char *name);
void unit_make_link(int dir, const char *target, const char *name);
bool unit_is_there(int dir, const char *name);
void unit_check_content(int dir, const char *name, const char *text);

/* rc is -num, err says so, and its message contains what. */
#define ck_assert_err(rc, wanted, err, what)                                                     \
	do {                                                                                     \
		ck_assert_int_eq((rc), -(wanted));                                               \
		ck_assert_int_eq((err).num, (wanted));                                           \
		ck_assert_msg(strstr((err).msg, (what)), "'%s' not in '%s'", (what), (err).msg); \
	} while (0)

#define ck_assert_ok(rc, err) ck_assert_msg((rc) >= 0, "%s", (err).msg)

#endif
