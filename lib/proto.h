/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the wire (docs/protocol.md). This list is append-only and the meaning of a word is
 * frozen: shims outlive upgrades, so a new meaning gets a new word.
 */
#ifndef CPS_PROTO_H
#define CPS_PROTO_H

#define CPS_PROTOCOL 1

/* Link A, client to shim. */
#define CPS_OP_HELLO	       "hello"
#define CPS_OP_CREATE	       "create"
#define CPS_OP_START	       "start"
#define CPS_OP_STATE	       "state"
#define CPS_OP_KILL	       "kill"
#define CPS_OP_STOP	       "stop"
#define CPS_OP_EXEC	       "exec"
#define CPS_OP_JOBS	       "jobs"
#define CPS_OP_RESIZE	       "resize"
#define CPS_OP_ATTACH	       "attach"
#define CPS_OP_WAIT	       "wait"
#define CPS_OP_SUBSCRIBE       "subscribe"
#define CPS_OP_DELETE	       "delete"
#define CPS_OP_SHUTDOWN	       "shutdown"
#define CPS_OP_DEBUG	       "debug"
#define CPS_OP_KEEP	       "keep"
#define CPS_OP_ADOPT	       "adopt"
#define CPS_OP_RESTORE	       "restore"
#define CPS_OP_AT_EXIT	       "at-exit"
#define CPS_OP_PAUSE	       "pause"
#define CPS_OP_RESUME	       "resume"
#define CPS_OP_UPDATE	       "update"
#define CPS_OP_CHECKPOINT      "checkpoint"
#define CPS_OP_CREATE_RESTORED "create-restored"

/* Link B, shim to runtime: create, start, exec, kill, delete, pause, resume, update, checkpoint as
 * above; restore, which is something else on link A.
 * Events: */
#define CPS_EVENT_SPAWNED "spawned"
#define CPS_EVENT_CONSOLE "console"
#define CPS_EVENT_WARNING "warning"

/* Link A events, after subscribe. */
#define CPS_EVENT_CREATED      "created"
#define CPS_EVENT_STARTED      "started"
#define CPS_EVENT_OOM	       "oom"
#define CPS_EVENT_EXITED       "exited"
#define CPS_EVENT_EXEC_STARTED "exec-started"
#define CPS_EVENT_EXEC_EXITED  "exec-exited"
#define CPS_EVENT_DELETED      "deleted"
#define CPS_EVENT_HEALTH       "health"
#define CPS_EVENT_PAUSED       "paused"
#define CPS_EVENT_RESUMED      "resumed"

/* In the state directory: what ends now was written down before, by capsule-criu. */
#define CPS_CHECKPOINT_MARK "checkpointed"

/* The file of all containers' events in the root directory, and its words. */
#define CPS_EVLOG_FILE		"events.log"
#define CPS_EVLOG_MAX		4194304 /* bytes, beyond which it becomes events.log.1 */
#define CPS_EVLOG_CREATE	"create"
#define CPS_EVLOG_CREATE_FAILED "create-failed"
#define CPS_EVLOG_START		"start"
#define CPS_EVLOG_START_FAILED	"start-failed"
#define CPS_EVLOG_EXEC		"exec"
#define CPS_EVLOG_EXEC_FAILED	"exec-failed"
#define CPS_EVLOG_EXEC_EXIT	"exec-exit"
#define CPS_EVLOG_OOM		"oom"
#define CPS_EVLOG_KILL		"kill"
#define CPS_EVLOG_STOP		"stop"
#define CPS_EVLOG_EXIT		"exit"
#define CPS_EVLOG_DELETE	"delete"
#define CPS_EVLOG_ADOPT		"adopt"
#define CPS_EVLOG_HEALTH	"health"
#define CPS_EVLOG_PAUSE		"pause"
#define CPS_EVLOG_RESUME	"resume"
#define CPS_EVLOG_CHECKPOINT	"checkpoint"
#define CPS_EVLOG_RESTORE	"restore"

#endif
