/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stdio of a process, as its client names it: FIFOs, of which the process gets the ends as they
 * are, so that nothing is copied; a file; or a program that takes the output (logger.h). The last
 * two are given by stdout's name, for stderr, too.
 */
#ifndef TASK_STREAMS_H
#define TASK_STREAMS_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct task_logger;
struct task_loggers;

/* Who has the streams. */
struct task_streams_host {
	struct task_loggers *loggers;
	const char *id;
	uid_t uid; /* whose pipes and FIFOs are: who may open them again, as /dev/stdout */
	gid_t gid;
	void (*changed)(void *owner); /* of a logger: ask again */
	void *owner;
};

struct task_streams {
	struct task_streams_host host;
	struct task_logger *logger;
	char *paths[3]; /* stdin, stdout, stderr, as they were given; "" for none */
	bool terminal;
	/* Other ends of the FIFOs, so that a client that leaves neither breaks a pipe nor ends an
	 * input; or -1. */
	int kept[3];
	int opened[3]; /* the process's ends, until all are there */
};

/* Nothing is open, and there is nothing to be freed. */
void task_streams_none(struct task_streams *io);
/* Copies the texts. What the host points to must last. */
int task_streams_init(struct task_streams *io, const struct task_streams_host *host, const char *in,
		      const char *out, const char *err_path, bool terminal, struct cps_err *err);
void task_streams_done(struct task_streams *io);

/* Opens the process's ends: fds[0..2], or with a terminal fds[0] and fds[1], -1 where nothing was
 * given. -EAGAIN: the client has not opened its end of a FIFO yet, so ask again in a
 * moment; -EINPROGRESS: a logger is not ready yet, changed() will be called. */
int task_streams_open(struct task_streams *io, int fds[3], struct cps_err *err);
/* The client is done with stdin: it ends when the last writer has gone. */
void task_streams_close_stdin(struct task_streams *io);
/* Has what the process wrote arrived, as far as a program of ours takes it? */
bool task_streams_are_settled(const struct task_streams *io);
/* Lets go of the kept ends, and of the logger. */
void task_streams_release(struct task_streams *io);

#endif
