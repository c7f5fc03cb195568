/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim as a whole: one container, its connections, children and timers. There is one of these,
 * made by main() and passed to everybody; no other mutable state exists.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "container.h"
#include "machine.h"
#include "note.h"
#include "scratch.h"
#include "trace.h"

struct shim_conn;
struct shim_link;
struct shim_child;
struct shim_exec;
struct shim_adopt;

LIST_HEAD(shim_conns, shim_conn);
LIST_HEAD(shim_links, shim_link);
LIST_HEAD(shim_children, shim_child);
TAILQ_HEAD(shim_execs, shim_exec);

struct shim {
	const char *root; /* absolute */
	const char *id;
	char *dir_path; /* <root>/<id> */
	int dir;	/* O_DIRECTORY */
	int lock_fd;	/* claim.h */
	int runtime_fd; /* the runtime's binary, as it was when we started */
	struct timespec started_at;
	uint64_t start_time; /* of this process, in the kernel's ticks: identity across pid reuse */
	char boot_id[37];
	bool failed; /* it ends with status 1 */
	/* Its life is over; NULL: and with it the process, by the event loop's end. */
	void (*over)(struct shim *s);
	void *process; /* of over() */
	struct shim_note note;
	bool events_lost; /* since the last that could be written */

	struct event_base *base;
	int signal_fd;
	int listen_fd;
	struct event signal_event;
	struct event listen_event;
	struct event accept_retry;
	struct event quiet_event; /* nothing was read for a while: give pages back */
	bool quiet_armed;
	struct shim_scratch scratch;

	struct shim_adopt *adopt; /* NULL unless the machine is in ADOPTING */
	struct shim_trace trace;
	struct shim_machine machine;
	struct shim_container ct;

	struct shim_conns conns;
	unsigned nconns;
	unsigned nkeepers; /* of them */
	bool had_client;   /* that was no keeper, and left */
	struct shim_links links;
	struct shim_children children;
	struct shim_execs execs; /* oldest first */
	unsigned nexecs_finished;
};

#endif
