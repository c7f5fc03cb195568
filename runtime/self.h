/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defence D6: a container can reach the program file of whoever starts it (/proc/self/exe), so
 * that file must not be writable through what it reaches.
 */
#ifndef RT_SELF_H
#define RT_SELF_H

#include "err.h"

/* Returns 0 if this process runs from a sealed memfd or a read-only mount; else it starts over from
 * one (and does not return), or fails. */
int rt_self_protect(char **argv, struct cps_err *err);

#endif
