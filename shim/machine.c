/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two tables of the shim and the engine that runs them.
 *
 * Invariants, each with a test (tests/shim/, tests/unit/test-machine.c):
 *  1. `created` is entered only after both the runtime's answer and its exit have been seen: from
 *     then on init's parent is this process, and its exit status can go nowhere else. The event
 *     CREATE_DONE means both.
 *  2. On SIGCHLD the runtime's sockets and the gate are drained first, then all that can be is
 *     reaped: a pid is known before it can be reaped. Unknown pids are orphans, reaped and dropped.
 *  3. The exit record is on disk before anyone is told: EXIT_REPORT writes, then tells, and is
 *     repeated as a whole if the writing fails.
 *  4. `draining` ends at the end of the output or after a bound. What is still in the pipes then is
 *     read on after the report, so a bound loses nothing.
 *  5. No client can make the shim block or grow.
 *  6. Work per wake-up is bounded.
 *  7. A shim that adopts leaves ADOPTING only when nothing can fail any more; before that the
 *     container and its files are as they were found.
 *
 * The next state is entered before the action runs, so that an action may dispatch in its turn;
 * an action that fails has done nothing, and the machine returns to where it was. A request that
 * fails is answered, news that could not be handled is dispatched again later by the owner.
 */
#include <config.h>
#include "machine.h"

#include <errno.h>
#include <stddef.h>

#include "fault.h"
#include "trace.h"

/* clang-format off */
#define A(action, next) { SHIM_A_##action, SHIM_##next }

static const struct shim_cell container_cells[SHIM_STATE_COUNT][SHIM_EVENT_COUNT] = {
	[SHIM_IDLE]    [SHIM_E_CREATE]        = A(CREATE_BEGIN,  CREATING),
	[SHIM_IDLE]    [SHIM_E_SHUTDOWN]      = A(QUIT,          IDLE),
	[SHIM_IDLE]    [SHIM_E_CLIENTS_GONE]  = A(QUIT,          IDLE),
	[SHIM_IDLE]    [SHIM_E_TERM]          = A(QUIT,          IDLE),

	[SHIM_ADOPTING][SHIM_E_ADOPT]         = A(ADOPT_BEGIN,   ADOPTING),
	[SHIM_ADOPTING][SHIM_E_CLIENTS_GONE]  = A(ADOPT_BEGIN,   ADOPTING), /* nobody is needed to tell us */
	[SHIM_ADOPTING][SHIM_E_ADOPT_CREATED] = A(ADOPT_DONE,    CREATED),
	[SHIM_ADOPTING][SHIM_E_ADOPT_RUNNING] = A(ADOPT_DONE,    RUNNING),
	[SHIM_ADOPTING][SHIM_E_ADOPT_EXITED]  = A(ADOPT_DONE,    EXITED),
	[SHIM_ADOPTING][SHIM_E_ADOPT_FAILED]  = A(ADOPT_FAILED,  ADOPTING),
	[SHIM_ADOPTING][SHIM_E_TERM]          = A(QUIT,          ADOPTING),

	[SHIM_CREATING][SHIM_E_CREATE_DONE]   = A(CREATE_DONE,   CREATED),
	[SHIM_CREATING][SHIM_E_RESTORE_DONE]  = A(RESTORE_DONE,  RUNNING),
	[SHIM_CREATING][SHIM_E_CREATE_FAILED] = A(CREATE_FAILED, IDLE),
	[SHIM_CREATING][SHIM_E_CREATE_ABORTED] = A(DELETE_BEGIN, DELETING),
	[SHIM_CREATING][SHIM_E_INIT_EXITED]   = A(EXIT_HOLD,     CREATING), /* told again by CREATE_DONE */
	[SHIM_CREATING][SHIM_E_DELETE_FORCE]  = A(CREATE_ABORT,  CREATING),
	[SHIM_CREATING][SHIM_E_TERM]          = A(CREATE_ABORT,  CREATING),

	[SHIM_CREATED] [SHIM_E_START]         = A(START_BEGIN,   STARTING),
	[SHIM_CREATED] [SHIM_E_KILL]          = A(SIGNAL,        CREATED),
	[SHIM_CREATED] [SHIM_E_KILL_ALL]      = A(SIGNAL_ALL,    CREATED),
	[SHIM_CREATED] [SHIM_E_STOP]          = A(STOP_NOW,      CREATED), /* nothing runs that could tidy up */
	[SHIM_CREATED] [SHIM_E_DELETE_FORCE]  = A(DELETE_KILL,   CREATED),
	[SHIM_CREATED] [SHIM_E_INIT_EXITED]   = A(EXIT_NOTE,     DRAINING),
	[SHIM_CREATED] [SHIM_E_TERM]          = A(STOP_NOW,      CREATED),

	[SHIM_STARTING][SHIM_E_START_DONE]    = A(START_DONE,    RUNNING),
	[SHIM_STARTING][SHIM_E_START_FAILED]  = A(START_FAILED,  STARTING), /* INIT_EXITED follows */
	[SHIM_STARTING][SHIM_E_START_UNDONE]  = A(START_FAILED,  CREATED),
	[SHIM_STARTING][SHIM_E_KILL]          = A(SIGNAL,        STARTING),
	[SHIM_STARTING][SHIM_E_KILL_ALL]      = A(SIGNAL_ALL,    STARTING),
	[SHIM_STARTING][SHIM_E_STOP]          = A(STOP_BEGIN,    STARTING),
	[SHIM_STARTING][SHIM_E_STOP_TIMEOUT]  = A(STOP_KILL,     STARTING),
	[SHIM_STARTING][SHIM_E_DELETE_FORCE]  = A(DELETE_KILL,   STARTING),
	[SHIM_STARTING][SHIM_E_INIT_EXITED]   = A(EXIT_NOTE,     DRAINING),
	[SHIM_STARTING][SHIM_E_TERM]          = A(STOP_BEGIN,    STARTING),

	[SHIM_RUNNING] [SHIM_E_KILL]          = A(SIGNAL,        RUNNING),
	[SHIM_RUNNING] [SHIM_E_KILL_ALL]      = A(SIGNAL_ALL,    RUNNING),
	[SHIM_RUNNING] [SHIM_E_STOP]          = A(STOP_BEGIN,    RUNNING),
	[SHIM_RUNNING] [SHIM_E_STOP_TIMEOUT]  = A(STOP_KILL,     RUNNING),
	[SHIM_RUNNING] [SHIM_E_EXEC]          = A(EXEC_BEGIN,    RUNNING),
	/* That it is paused is no state: the runtime may be asked to by others. Who needs to know looks. */
	[SHIM_RUNNING] [SHIM_E_PAUSE]         = A(PAUSE,         RUNNING),
	[SHIM_RUNNING] [SHIM_E_RESUME]        = A(RESUME,        RUNNING),
	[SHIM_RUNNING] [SHIM_E_CHECKPOINT]    = A(CHECKPOINT_BEGIN, CHECKPOINTING),
	[SHIM_RUNNING] [SHIM_E_DELETE_FORCE]  = A(DELETE_KILL,   RUNNING),
	[SHIM_RUNNING] [SHIM_E_INIT_EXITED]   = A(EXIT_NOTE,     DRAINING),
	[SHIM_RUNNING] [SHIM_E_TERM]          = A(STOP_BEGIN,    RUNNING),

	/* Who wants its end has it, whatever CRIU makes of that. */
	[SHIM_CHECKPOINTING][SHIM_E_CHECKPOINT_DONE] = A(CHECKPOINT_DONE, RUNNING),
	[SHIM_CHECKPOINTING][SHIM_E_INIT_EXITED]  = A(EXIT_HOLD,   CHECKPOINTING), /* told again by CHECKPOINT_DONE */
	[SHIM_CHECKPOINTING][SHIM_E_KILL]         = A(SIGNAL,      CHECKPOINTING),
	[SHIM_CHECKPOINTING][SHIM_E_KILL_ALL]     = A(SIGNAL_ALL,  CHECKPOINTING),
	[SHIM_CHECKPOINTING][SHIM_E_STOP]         = A(STOP_BEGIN,  CHECKPOINTING),
	[SHIM_CHECKPOINTING][SHIM_E_STOP_TIMEOUT] = A(STOP_KILL,   CHECKPOINTING),
	[SHIM_CHECKPOINTING][SHIM_E_DELETE_FORCE] = A(DELETE_KILL, CHECKPOINTING),
	[SHIM_CHECKPOINTING][SHIM_E_TERM]         = A(STOP_BEGIN,  CHECKPOINTING),

	[SHIM_DRAINING][SHIM_E_STDIO_CLOSED]  = A(EXIT_REPORT,   EXITED),
	[SHIM_DRAINING][SHIM_E_DRAIN_TIMEOUT] = A(EXIT_REPORT,   EXITED),
	[SHIM_DRAINING][SHIM_E_START_DONE]    = A(START_DONE,    DRAINING), /* the runtime's poststart took longer than init */
	[SHIM_DRAINING][SHIM_E_START_FAILED]  = A(START_FAILED,  DRAINING),
	[SHIM_DRAINING][SHIM_E_START_UNDONE]  = A(START_FAILED,  DRAINING),
	[SHIM_DRAINING][SHIM_E_STOP]          = A(STOP_WAIT,     DRAINING),
	[SHIM_DRAINING][SHIM_E_KILL_ALL]      = A(SIGNAL_ALL,    DRAINING), /* without a pid namespace others live on */
	[SHIM_DRAINING][SHIM_E_DELETE]        = A(DELETE_LATER,  DRAINING),
	[SHIM_DRAINING][SHIM_E_DELETE_FORCE]  = A(DELETE_LATER,  DRAINING),

	[SHIM_EXITED]  [SHIM_E_START_DONE]    = A(START_DONE,    EXITED),
	[SHIM_EXITED]  [SHIM_E_START_FAILED]  = A(START_FAILED,  EXITED),
	[SHIM_EXITED]  [SHIM_E_START_UNDONE]  = A(START_FAILED,  EXITED),
	[SHIM_EXITED]  [SHIM_E_STOP]          = A(STOP_NOTHING,  EXITED),
	[SHIM_EXITED]  [SHIM_E_KILL_ALL]      = A(SIGNAL_ALL,    EXITED),
	[SHIM_EXITED]  [SHIM_E_DELETE]        = A(DELETE_BEGIN,  DELETING),
	[SHIM_EXITED]  [SHIM_E_DELETE_FORCE]  = A(DELETE_BEGIN,  DELETING),
	[SHIM_EXITED]  [SHIM_E_TERM]          = A(QUIT,          EXITED), /* files stay for `delete` */

	[SHIM_DELETING][SHIM_E_DELETE]        = A(DELETE_LATER,  DELETING), /* told when it is done */
	[SHIM_DELETING][SHIM_E_DELETE_FORCE]  = A(DELETE_LATER,  DELETING),
	[SHIM_DELETING][SHIM_E_DELETE_DONE]   = A(DELETE_DONE,   IDLE),
	[SHIM_DELETING][SHIM_E_DELETE_FAILED] = A(DELETE_FAILED, EXITED),
};
#undef A

#define A(action, next) { SHIM_EXEC_A_##action, SHIM_EXEC_##next }

static const struct shim_cell exec_cells[SHIM_EXEC_STATE_COUNT][SHIM_EXEC_EVENT_COUNT] = {
	[SHIM_EXEC_SPAWNING][SHIM_EXEC_E_DONE]          = A(STARTED,     RUNNING),
	[SHIM_EXEC_SPAWNING][SHIM_EXEC_E_FAILED]        = A(FAILED,      EXITED),
	[SHIM_EXEC_SPAWNING][SHIM_EXEC_E_EXITED]        = A(EXIT_HOLD,   SPAWNING), /* told again by DONE */

	[SHIM_EXEC_RUNNING] [SHIM_EXEC_E_KILL]          = A(SIGNAL,      RUNNING),
	[SHIM_EXEC_RUNNING] [SHIM_EXEC_E_EXITED]        = A(EXIT_NOTE,   DRAINING),

	[SHIM_EXEC_DRAINING][SHIM_EXEC_E_STDIO_CLOSED]  = A(EXIT_REPORT, EXITED),
	[SHIM_EXEC_DRAINING][SHIM_EXEC_E_DRAIN_TIMEOUT] = A(EXIT_REPORT, EXITED),
};
#undef A

static const char *const container_states[SHIM_STATE_COUNT] = {
	[SHIM_IDLE]     = "idle",
	[SHIM_ADOPTING] = "adopting",
	[SHIM_CREATING] = "creating",
	[SHIM_CREATED]  = "created",
	[SHIM_STARTING] = "starting",
	[SHIM_RUNNING]  = "running",
	[SHIM_CHECKPOINTING] = "checkpointing",
	[SHIM_DRAINING] = "draining",
	[SHIM_EXITED]   = "stopped",
	[SHIM_DELETING] = "deleting",
};

static const char *const container_events[SHIM_EVENT_COUNT] = {
	[SHIM_E_CREATE]        = "create",
	[SHIM_E_START]         = "start",
	[SHIM_E_KILL]          = "kill",
	[SHIM_E_KILL_ALL]      = "kill-all",
	[SHIM_E_STOP]          = "stop",
	[SHIM_E_EXEC]          = "exec",
	[SHIM_E_DELETE]        = "delete",
	[SHIM_E_DELETE_FORCE]  = "delete-force",
	[SHIM_E_ADOPT]         = "adopt",
	[SHIM_E_PAUSE]         = "pause",
	[SHIM_E_RESUME]        = "resume",
	[SHIM_E_CHECKPOINT]    = "checkpoint",
	[SHIM_E_SHUTDOWN]      = "shutdown",
	[SHIM_E_CREATE_DONE]   = "create-done",
	[SHIM_E_CREATE_FAILED] = "create-failed",
	[SHIM_E_CREATE_ABORTED] = "create-aborted",
	[SHIM_E_RESTORE_DONE]  = "restore-done",
	[SHIM_E_START_DONE]    = "start-done",
	[SHIM_E_START_FAILED]  = "start-failed",
	[SHIM_E_START_UNDONE]  = "start-undone",
	[SHIM_E_CHECKPOINT_DONE] = "checkpoint-done",
	[SHIM_E_DELETE_DONE]   = "delete-done",
	[SHIM_E_DELETE_FAILED] = "delete-failed",
	[SHIM_E_INIT_EXITED]   = "init-exited",
	[SHIM_E_STDIO_CLOSED]  = "stdio-closed",
	[SHIM_E_DRAIN_TIMEOUT] = "drain-timeout",
	[SHIM_E_STOP_TIMEOUT]  = "stop-timeout",
	[SHIM_E_CLIENTS_GONE]  = "clients-gone",
	[SHIM_E_TERM]          = "term",
	[SHIM_E_ADOPT_CREATED] = "adopt-created",
	[SHIM_E_ADOPT_RUNNING] = "adopt-running",
	[SHIM_E_ADOPT_EXITED]  = "adopt-exited",
	[SHIM_E_ADOPT_FAILED]  = "adopt-failed",
};

static const char *const exec_states[SHIM_EXEC_STATE_COUNT] = {
	[SHIM_EXEC_SPAWNING] = "spawning",
	[SHIM_EXEC_RUNNING]  = "running",
	[SHIM_EXEC_DRAINING] = "draining",
	[SHIM_EXEC_EXITED]   = "exited",
};

static const char *const exec_events[SHIM_EXEC_EVENT_COUNT] = {
	[SHIM_EXEC_E_KILL]          = "kill",
	[SHIM_EXEC_E_DONE]          = "done",
	[SHIM_EXEC_E_FAILED]        = "failed",
	[SHIM_EXEC_E_EXITED]        = "exited",
	[SHIM_EXEC_E_STDIO_CLOSED]  = "stdio-closed",
	[SHIM_EXEC_E_DRAIN_TIMEOUT] = "drain-timeout",
};
/* clang-format on */

const struct shim_table shim_container_table = {
	.name = "container",
	.states = SHIM_STATE_COUNT,
	.events = SHIM_EVENT_COUNT,
	.last_request = SHIM_E_LAST_REQUEST,
	.cells = container_cells[0],
	.state_names = container_states,
	.event_names = container_events,
};

const struct shim_table shim_exec_table = {
	.name = "exec",
	.states = SHIM_EXEC_STATE_COUNT,
	.events = SHIM_EXEC_EVENT_COUNT,
	.last_request = SHIM_EXEC_E_LAST_REQUEST,
	.cells = exec_cells[0],
	.state_names = exec_states,
	.event_names = exec_events,
};

const struct shim_cell *shim_table_cell(const struct shim_table *t, unsigned state, unsigned event)
{
	const struct shim_cell *cell = &t->cells[state * t->events + event];

	return cell->action ? cell : NULL;
}

const char *shim_machine_state_name(const struct shim_machine *m)
{
	return m->table->state_names[m->state];
}

enum shim_verdict shim_dispatch(struct shim_machine *m, unsigned event, void *arg, int *ret_rc,
				struct cps_err *err)
{
	const struct shim_table *t = m->table;
	const struct shim_cell *cell = shim_table_cell(t, m->state, event);
	unsigned was = m->state;
	struct shim_step *step;
	int rc;

	*ret_rc = 0;
	if (!cell) {
		if (event > t->last_request)
			return SHIM_IGNORED;
		*ret_rc = cps_failx(err, EBUSY, "%s: the %s is %s", t->event_names[event], t->name,
				    t->state_names[was]);
		shim_trace_result(shim_trace_add(m->trace, m->tag, was, event, was), *ret_rc);
		return SHIM_REFUSED;
	}
	/* Before the action, which may dispatch in its turn, or free the machine. */
	step = shim_trace_add(m->trace, m->tag, was, event, cell->next);
	rc = shim_fault_point("before", t->name, t->state_names[was], t->event_names[event], err);
	if (rc == 0) {
		m->state = cell->next;
		rc = m->actions[cell->action](m->owner, arg, err);
		/* An action that has dispatched in its turn has succeeded, so nothing is undone
		 * that was not ours. */
		if (rc < 0 && m->state == cell->next)
			m->state = was;
	}
	shim_trace_result(step, rc);
	*ret_rc = rc;
	return SHIM_TAKEN;
}
