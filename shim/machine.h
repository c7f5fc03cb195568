/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container may do next: states x events -> action, next state; the same for an exec
 * session. Pure: neither I/O nor libevent. The tables say everything; who carries the actions out
 * is given from outside, so that tests can play whole lives by scripts of events.
 */
#ifndef SHIM_MACHINE_H
#define SHIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum shim_state {
	SHIM_IDLE,	    /* no container */
	SHIM_ADOPTING,	    /* the container of a shim that is dead is to become ours */
	SHIM_CREATING,	    /* the runtime is at work */
	SHIM_CREATED,	    /* init waits at the gate, and is our child */
	SHIM_STARTING,	    /* GO was sent */
	SHIM_RUNNING,	    /* execve has happened */
	SHIM_CHECKPOINTING, /* the runtime has it written down; then it is gone, or goes on */
	SHIM_DRAINING,	    /* init is gone, its output is still being read */
	SHIM_EXITED,	    /* the exit is on record and told */
	SHIM_DELETING,	    /* the runtime is clearing up */
	SHIM_STATE_COUNT,
};

enum shim_event {
	/* requests: a cell that is not in the table refuses them, naming the state */
	SHIM_E_CREATE,
	SHIM_E_START,
	SHIM_E_KILL,
	SHIM_E_KILL_ALL,
	SHIM_E_STOP,
	SHIM_E_EXEC,
	SHIM_E_DELETE,
	SHIM_E_DELETE_FORCE,
	SHIM_E_ADOPT,
	SHIM_E_PAUSE,
	SHIM_E_RESUME,
	SHIM_E_CHECKPOINT,
	SHIM_E_SHUTDOWN,
	/* news: a cell that is not in the table ignores them */
	SHIM_E_CREATE_DONE, /* the runtime has answered and exited */
	SHIM_E_CREATE_FAILED,
	SHIM_E_CREATE_ABORTED, /* the runtime was killed: clear away what it has made */
	SHIM_E_RESTORE_DONE,   /* the same of a container out of images: it runs */
	SHIM_E_START_DONE,
	SHIM_E_START_FAILED,	/* init said so: it is about to exit */
	SHIM_E_START_UNDONE,	/* init was not reached: it waits still */
	SHIM_E_CHECKPOINT_DONE, /* or failed: INIT_EXITED follows, or it goes on */
	SHIM_E_DELETE_DONE,
	SHIM_E_DELETE_FAILED,
	SHIM_E_INIT_EXITED,
	SHIM_E_STDIO_CLOSED,
	SHIM_E_DRAIN_TIMEOUT,
	SHIM_E_STOP_TIMEOUT,
	SHIM_E_CLIENTS_GONE,  /* the last connection was closed */
	SHIM_E_TERM,	      /* SIGTERM to the shim */
	SHIM_E_ADOPT_CREATED, /* what a container was found to be, whose shim had died */
	SHIM_E_ADOPT_RUNNING, /* … or had been: INIT_EXITED follows */
	SHIM_E_ADOPT_EXITED,
	SHIM_E_ADOPT_FAILED,
	SHIM_EVENT_COUNT,
};

#define SHIM_E_LAST_REQUEST SHIM_E_SHUTDOWN

enum shim_action_kind {
	SHIM_A_NONE, /* the cell is not in the table */
	SHIM_A_CREATE_BEGIN,
	SHIM_A_CREATE_DONE,
	SHIM_A_CREATE_FAILED,
	SHIM_A_CREATE_ABORT,
	SHIM_A_EXIT_HOLD,
	SHIM_A_START_BEGIN,
	SHIM_A_START_DONE,
	SHIM_A_START_FAILED,
	SHIM_A_SIGNAL,
	SHIM_A_SIGNAL_ALL,
	SHIM_A_STOP_BEGIN,
	SHIM_A_STOP_NOW,
	SHIM_A_STOP_WAIT,
	SHIM_A_STOP_KILL,
	SHIM_A_STOP_NOTHING,
	SHIM_A_EXEC_BEGIN,
	SHIM_A_EXIT_NOTE,
	SHIM_A_EXIT_REPORT,
	SHIM_A_DELETE_BEGIN,
	SHIM_A_DELETE_LATER,
	SHIM_A_DELETE_KILL,
	SHIM_A_DELETE_DONE,
	SHIM_A_DELETE_FAILED,
	SHIM_A_QUIT,
	SHIM_A_ADOPT_BEGIN,
	SHIM_A_ADOPT_DONE,
	SHIM_A_ADOPT_FAILED,
	SHIM_A_PAUSE,
	SHIM_A_RESUME,
	SHIM_A_RESTORE_DONE,
	SHIM_A_CHECKPOINT_BEGIN,
	SHIM_A_CHECKPOINT_DONE,
	SHIM_A_COUNT,
};

enum shim_exec_state {
	SHIM_EXEC_SPAWNING, /* the runtime is at work */
	SHIM_EXEC_RUNNING,
	SHIM_EXEC_DRAINING,
	SHIM_EXEC_EXITED,
	SHIM_EXEC_STATE_COUNT,
};

enum shim_exec_event {
	/* requests */
	SHIM_EXEC_E_KILL,
	/* news */
	SHIM_EXEC_E_DONE, /* the runtime has answered and exited */
	SHIM_EXEC_E_FAILED,
	SHIM_EXEC_E_EXITED,
	SHIM_EXEC_E_STDIO_CLOSED,
	SHIM_EXEC_E_DRAIN_TIMEOUT,
	SHIM_EXEC_EVENT_COUNT,
};

#define SHIM_EXEC_E_LAST_REQUEST SHIM_EXEC_E_KILL

enum shim_exec_action_kind {
	SHIM_EXEC_A_NONE,
	SHIM_EXEC_A_STARTED,
	SHIM_EXEC_A_FAILED,
	SHIM_EXEC_A_EXIT_HOLD,
	SHIM_EXEC_A_SIGNAL,
	SHIM_EXEC_A_EXIT_NOTE,
	SHIM_EXEC_A_EXIT_REPORT,
	SHIM_EXEC_A_COUNT,
};

/* Carries an action out. < 0: it has not been done and *err says why; the machine then stays in
 * the state in which it was. An action may dispatch in its turn, but only as its last statement. */
typedef int shim_action(void *owner, void *arg, struct cps_err *err);

struct shim_cell {
	uint8_t action; /* 0: the cell is not in the table */
	uint8_t next;
};

struct shim_table {
	const char *name;
	unsigned states;
	unsigned events;
	unsigned last_request;	       /* events above it are news */
	const struct shim_cell *cells; /* [states][events] */
	const char *const *state_names;
	const char *const *event_names;
};

struct shim_trace;

extern const struct shim_table shim_container_table;
extern const struct shim_table shim_exec_table;

struct shim_machine {
	const struct shim_table *table;
	unsigned state;
	shim_action *const *actions; /* by the table's action kind */
	void *owner;
	struct shim_trace *trace; /* of what is done; NULL: nobody wants to know */
	uint32_t tag;		  /* in it */
};

enum shim_verdict {
	SHIM_TAKEN,   /* the action was run; see rc */
	SHIM_REFUSED, /* a request that this state does not know; *err says so */
	SHIM_IGNORED, /* news that this state does not care for */
};

/* Runs the cell. *ret_rc is 0 or what the action returned; a request that is refused fills *err
 * with EBUSY and the state's name. */
enum shim_verdict shim_dispatch(struct shim_machine *m, unsigned event, void *arg, int *ret_rc,
				struct cps_err *err);

/* The cell of a table, for tests and `debug`. */
const struct shim_cell *shim_table_cell(const struct shim_table *t, unsigned state, unsigned event);
const char *shim_machine_state_name(const struct shim_machine *m);

#endif
