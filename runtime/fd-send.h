/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A descriptor handed to whoever listens on a socket: --console-socket, --pidfd-socket.
 */
#ifndef RT_FD_SEND_H
#define RT_FD_SEND_H

#include "err.h"

/* Connects to the AF_UNIX stream socket at path and sends one message: text (not empty, without its
 * NUL) with fd as its only SCM_RIGHTS descriptor; fd stays the caller's. what names the socket in
 * errors. */
int rt_fd_send(const char *path, const char *what, const char *text, int fd, struct cps_err *err);

#endif
