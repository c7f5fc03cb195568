/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attached clients: pipe ends (or sockets) that a container's output is copied to and its input
 * read from; files for output, which is added to them. Each has a bounded queue; a client of flow
 * `drop` whose queue is full is dropped, one of flow `wait` pauses the reading.
 */
#ifndef SHIM_ATTACH_H
#define SHIM_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "shim-log.h"

struct shim_attach;
struct shim_conn;
struct shim_io;
struct shim_waiters;

/* Takes the three descriptors over, in any case; -1: not wanted. The attachment ends with its
 * connection, or after the output's end. */
int shim_attach_open(struct shim_io *io, struct shim_conn *c, bool wait, const int fds[3],
		     struct cps_err *err);
/* Attaches what io was given, for the client of the one who waits first; before anything is read.
 */
void shim_attach_given(struct shim_io *io, const struct shim_waiters *waiters);
void shim_attach_free(struct shim_attach *a);
void shim_attach_free_all(struct shim_io *io);

void shim_attach_feed(struct shim_io *io, enum shim_stream_name n, const char *data, size_t len);
/* Nothing more will come: each descriptor is closed once its queue is empty. */
void shim_attach_end(struct shim_io *io, enum shim_stream_name n);
void shim_attach_end_all(struct shim_io *io);
/* Attachments of one client. */
unsigned shim_attach_count(const struct shim_conn *c);
/* Must reading wait for a client? */
bool shim_attach_is_waiting(const struct shim_io *io);
/* The container's stdin takes something again. */
void shim_attach_stdin_flush(struct shim_io *io);

#endif
