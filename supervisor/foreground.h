/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Being the terminal of a container or of a job: stdio is carried to and fro, signals are passed
 * on, a terminal is put into raw mode and its size kept, ctrl-p ctrl-q detaches.
 */
#ifndef SUP_FOREGROUND_H
#define SUP_FOREGROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "err.h"

struct sup_foreground {
	const struct sup_ctx *ctx;
	const char *what; /* for messages: "run c1" */
	struct sup_client *client;
	const char *exec;   /* the job; NULL: the container itself */
	int signal_fd;	    /* sup_signals_block(); borrowed */
	int in;		    /* to its stdin, or to its terminal; -1: none or ended; owned */
	int out;	    /* from its stdout or terminal; owned */
	int err;	    /* from its stderr; owned */
	int pidfd;	    /* of a session: tells its end without a shim; -1; owned */
	pid_t pid;	    /* its process */
	const char *flow;   /* of our attachment; NULL: there is none */
	bool terminal;	    /* it has one: out and in carry it */
	bool may_detach;    /* it stays when we leave */
	bool only_watching; /* attach: our signals are our own */
	struct sup_patience patience;
	enum sup_status status; /* of the container, once it has been looked at again */
};

#define SUP_FOREGROUND_INIT                                                  \
	{                                                                    \
		.signal_fd = -1, .in = -1, .out = -1, .err = -1, .pidfd = -1 \
	}

/* Blocks the signals that are passed on and returns a signalfd for them: before anything is
 * started, so that none is lost. */
int sup_signals_block(struct cps_err *err);

/* Takes what has come; true if one of them asks us to end (and not, say, a terminal's new size). */
bool sup_signals_end(int signal_fd);

/* Passes on the signals that have come so far. */
void sup_foreground_signals(struct sup_foreground *fg);

/* Attaches to the container of fg->client and keeps our ends in *fg. flow: "wait" or "drop". */
int sup_foreground_attach(struct sup_foreground *fg, bool with_stdin, const char *flow,
			  struct cps_err *err);

/* After the shim was lost (rc: how the last call failed): shows what it had handed over, and
 * attaches to the one that takes over; what was written meanwhile is in the log alone. 0:
 * fg->status tells how the container fares; fg->client->sock is -1 if it has ended and has no shim
 * any more, then *ret_code is its exit code, or -1. */
int sup_foreground_again(struct sup_foreground *fg, bool with_stdin, int rc, int *ret_code,
			 struct cps_err *err);

/* Until the container (or job) has ended and its output is shown: 0 and its exit code, -1 if nobody
 * knows it; 1: the user detached. */
int sup_foreground_run(struct sup_foreground *fg, int *ret_code, struct cps_err *err);
void sup_foreground_done(struct sup_foreground *fg);

#define cleanup_foreground __attribute__((cleanup(sup_foreground_done)))

#endif
