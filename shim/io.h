/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stdio of a container or of a detached job: FIFOs in its directory, or a pty's master. What it
 * writes goes to the log and to attached clients; what they write goes to its stdin.
 *
 * Reading is paused while the log is blocked by its disk, or while a client that asked to be waited
 * for has not taken the last chunk. Nothing else ever holds a container back.
 */
#ifndef SHIM_IO_H
#define SHIM_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <time.h>

#include <event2/event_struct.h>

#include "err.h"
#include "shim-log.h"

struct shim;
struct shim_io;
struct shim_attach;
LIST_HEAD(shim_attaches, shim_attach);

struct shim_stream {
	struct shim_io *io;
	enum shim_stream_name name;
	int fd; /* our end: a FIFO's reading end or the pty's master; -1 when it is over */
	struct event event;
};

struct shim_io {
	struct shim *shim;
	bool terminal;
	bool started; /* reading may go on */
	bool exited;  /* the process is gone: what is in the pipes is all that must be read */
	bool overdue; /* … and has been reported gone: clients leave when the pipes are empty */
	bool told;    /* closed() was called */
	struct shim_stream streams[SHIM_STREAM_COUNT];
	int stdin_fd; /* our end, or -1; with a terminal a copy of the master */
	struct event stdin_event;
	unsigned stdin_users; /* attached clients whose stdin is open */
	uint16_t rows;
	uint16_t cols;
	struct shim_log *log; /* owned, or NULL */
	struct shim_attaches attaches;
	int given[3]; /* stdin, stdout, stderr of whoever asked for it, to be attached at once; or
			 -1 */
	struct event retry_event; /* the log's disk, a pty without an open slave */
	bool hung_up;
	bool was_blocked;	       /* its log; shim.log was told so, … */
	struct timespec blocked_since; /* … CLOCK_MONOTONIC */
	uint64_t untold;	       /* bytes dropped that the log does not speak of yet */
	void (*closed)(void *owner); /* all output has been read; again, once the log has it all */
	void *owner;
};

/* The container's ends, to be passed to the runtime. */
struct shim_io_ends {
	int fds[3];
};
#define SHIM_IO_ENDS_INIT          \
	{                          \
		{                  \
			-1, -1, -1 \
		}                  \
	}
void shim_io_ends_close(struct shim_io_ends *e);

void shim_io_init(struct shim_io *io, struct shim *s, void (*closed)(void *owner), void *owner);
/* Makes stdout, stderr and, if asked for, stdin in dirfd, owned by the container's user so that it
 * can open /dev/stdout again. Without stdin the container's is /dev/null. */
int shim_io_open(struct shim_io *io, int dirfd, bool with_stdin, uid_t uid, gid_t gid,
		 struct shim_io_ends *ret, struct cps_err *err);
/* A predecessor's FIFOs in dirfd. kept: reading ends that somebody has saved, taken over; -1:
 * opened anew. with_stdin: the process has not begun yet; otherwise it has seen its stdin's end. */
int shim_io_reopen(struct shim_io *io, int dirfd, int kept[SHIM_STREAM_COUNT], bool with_stdin,
		   struct cps_err *err);
/* The pty's master instead; taken over. */
void shim_io_console(struct shim_io *io, int master);
/* Begins to read. `log` is taken over. */
void shim_io_start(struct shim_io *io, struct shim_log *log);
/* After shim_io_start(), of a predecessor's io. Looks at once whether there is something, or an end
 * that no event will tell: nobody has the other end of a FIFO that was opened late. */
void shim_io_look(struct shim_io *io);
bool shim_io_is_closed(const struct shim_io *io);
/* That, and its log has it or has told what it dropped: a disk may have been too full for that. */
bool shim_io_is_settled(const struct shim_io *io);
/* Its process has exited: reads what is there now. closed() may be called. */
void shim_io_exited(struct shim_io *io);
/* The bound is over, the exit was told. Reading goes on, clients leave once the pipes are empty. */
void shim_io_overdue(struct shim_io *io);
/* Ends everything; the io may be init'ed again. */
void shim_io_done(struct shim_io *io);

int shim_io_resize(struct shim_io *io, uint16_t rows, uint16_t cols, struct cps_err *err);
/* Something that may pause reading has changed. */
void shim_io_update(struct shim_io *io);
/* For attach.c: writes to stdin; bytes taken, 0 if it is full, -errno. */
ssize_t shim_io_stdin_write(struct shim_io *io, const char *data, size_t len);
/* For attach.c: stdin is full, call shim_attach_stdin_flush when it is not. */
void shim_io_stdin_wait(struct shim_io *io);
void shim_io_stdin_close(struct shim_io *io);

#endif
