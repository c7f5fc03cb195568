/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adoption, see adopt.h.
 *
 * All that may fail is done before the machine leaves ADOPTING, so a refusal leaves the container
 * as it was found: nothing is removed, nothing is written but a line of shim.log, nothing is read
 * from its FIFOs.
 */
#include <config.h>
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "events.h"
#include "exec.h"
#include "exit-command.h"
#include "file.h"
#include "gate.h"
#include "health.h"
#include "loop.h"
#include "ops.h"
#include "own.h"
#include "proc.h"
#include "proto.h"
#include "record.h"
#include "restore.h"
#include "shim.h"

/* How long a runtime that the dead shim had started is waited for; a hook of its may be slow. */
#define RUNTIME_MS 10000
/* … and when nothing is to be seen of one that was to create: it may not have got far. */
#define SILENCE_MS 1000
#define LOOK_MS	   10

struct shim_adopt {
	struct shim_restore restore;
	struct shim_waiters waiters;
	struct event look_event;
	bool under_way;
	unsigned looked_ms;
	struct cps_err why;   /* it failed */
	struct shim_log *log; /* until the machine takes the container */
};

static void on_look(evutil_socket_t fd, short what, void *arg);

int shim_adopt_init(struct shim *s, struct cps_err *err)
{
	s->adopt = calloc(1, sizeof(*s->adopt));
	if (!s->adopt)
		return cps_fail(err, ENOMEM, "adopt");
	shim_restore_init(&s->adopt->restore);
	(void)event_assign(&s->adopt->look_event, s->base, -1, 0, on_look, s);
	s->machine.state = SHIM_ADOPTING;
	return 0;
}

void shim_adopt_free(struct shim *s)
{
	struct shim_adopt *a = s->adopt;

	if (!a)
		return;
	(void)event_del(&a->look_event);
	shim_log_leave(a->log);
	shim_restore_done(&a->restore);
	free(a);
	s->adopt = NULL;
}

int shim_adopt_restore(struct shim *s, struct shim_request *r, struct cps_err *err)
{
	return shim_restore_add(&s->adopt->restore, r, err);
}

struct shim_kept shim_adopt_kept(struct shim *s, const char *exec)
{
	return shim_restore_take(&s->adopt->restore, exec);
}

/* ---- what there is ---- */

/* The creating runtime locks the directory itself while it works. */
static bool is_locked(struct shim *s, int how)
{
	return cps_lock_is_held(s->dir, ".", how) > 0;
}

static int cut_short(struct cps_err *err)
{
	return cps_failx(err, ECANCELED, "adopt: its creation was cut short");
}

/* -EAGAIN: a runtime of the dead shim may be at work still. */
static int runtime_check(struct shim *s, const struct shim_past *past, struct cps_err *err)
{
	const struct shim_adopt *a = s->adopt;
	bool creating = strcmp(past->phase, "creating") == 0;

	if (past->over)
		return 0;
	if (creating && is_locked(s, LOCK_SH))
		return a->looked_ms < RUNTIME_MS
			       ? -EAGAIN
			       : cps_failx(err, EBUSY, "adopt: its creation is still under way");
	/* `start` by the runtime shares the lock while hooks run, and so does a checkpoint */
	if ((strcmp(past->phase, "starting") == 0 || strcmp(past->phase, "checkpointing") == 0) &&
	    is_locked(s, LOCK_EX) && a->looked_ms < RUNTIME_MS)
		return -EAGAIN;
	if (creating && past->init.pid == 0 && a->looked_ms < SILENCE_MS)
		return -EAGAIN;
	if (past->init.pid == 0 || (creating && !shim_identity_is_alive(&past->init)))
		return cut_short(err);
	return 0;
}

int shim_adopt_pidfd(struct shim *s, const struct shim_identity *who, struct shim_kept *kept,
		     int *ret_pidfd, struct cps_err *err)
{
	int pidfd = cps_pidfd_open_verified(who->pid, who->start_time);
	bool alive = pidfd >= 0;

	if (pidfd < 0 && pidfd != -ESRCH)
		return cps_fail(err, -pidfd, "open process %d", (int)who->pid);
	if (pidfd < 0)
		pidfd = take_fd(&kept->pidfd);
	if (pidfd < 0)
		shim_note(&s->note,
			  "process %d ended while the container had no shim; how is not known",
			  (int)who->pid);
	*ret_pidfd = pidfd;
	return alive;
}

static int init_adopt(struct shim *s, const struct shim_past *past, struct shim_kept *kept,
		      bool *ret_alive, struct cps_err *err)
{
	int pidfd = -1;
	int rc = shim_adopt_pidfd(s, &past->init, kept, &pidfd, err);

	if (rc < 0)
		return cps_wrap(err, rc, "adopt");
	*ret_alive = rc;
	return shim_container_adopt_init(s, past->init.pid, pidfd, err);
}

static int oom_adopt(struct shim *s, const struct shim_past *past, struct cps_err *err)
{
	const struct cps_json *first_node = cps_json_get(past->record, "oom_first");
	char path[PATH_MAX];
	uint64_t first = 0;
	int rc = 0;

	if (!shim_past_memory_events(past, path, sizeof(path)))
		return 0;
	if (first_node)
		rc = cps_json_u64(first_node, UINT64_MAX, &first, err);
	if (rc < 0)
		return cps_wrap(err, rc, "shim.json");
	shim_container_watch_oom(s, path);
	shim_oom_resume(&s->ct.oom, first);
	return 0;
}

/* Its output. What has exited has FIFOs or not. */
static int output_adopt(struct shim *s, enum shim_event found, struct shim_kept *kept,
			struct cps_err *err)
{
	struct shim_container *ct = &s->ct;
	bool is_over = found == SHIM_E_ADOPT_EXITED;
	int rc = 0;

	if (ct->stdio_given)
		rc = 0; /* it never went through us */
	else if (!ct->terminal)
		rc = shim_io_reopen(&ct->io, s->dir, kept->streams,
				    ct->want_stdin && found == SHIM_E_ADOPT_CREATED, err);
	else if (kept->console >= 0)
		shim_io_console(&ct->io, take_fd(&kept->console));
	else if (!is_over)
		shim_note(&s->note,
			  "its terminal hung up with the shim that had it: no more output");
	if (rc == 0 && ct->log.driver)
		rc = shim_log_open(&ct->log, s->dir, SHIM_LOG_JOURNAL, &s->scratch, &s->adopt->log,
				   err);
	if (rc < 0 && is_over) {
		shim_note(&s->note, "%s", err->msg);
		shim_io_done(&ct->io);
		rc = 0;
	}
	return rc;
}

static int container_adopt(struct shim *s, const struct shim_past *past, enum shim_event *ret_found,
			   struct cps_err *err)
{
	struct shim_kept kept = shim_adopt_kept(s, NULL);
	bool alive = false;
	int rc = shim_past_apply(past, s, err);

	s->ct.exit = past->exit;
	s->ct.has_exit = past->has_exit;
	if (rc == 0 && past->over) {
		*ret_found = SHIM_E_ADOPT_EXITED;
	} else if (rc == 0) {
		rc = init_adopt(s, past, &kept, &alive, err);
		*ret_found = alive && cps_sock_is_listening(s->dir, CPS_GATE_SOCKET)
				     ? SHIM_E_ADOPT_CREATED
				     : SHIM_E_ADOPT_RUNNING;
		if (rc == 0)
			rc = oom_adopt(s, past, err);
	}
	if (rc == 0)
		rc = output_adopt(s, *ret_found, &kept, err);
	if (rc == 0)
		rc = shim_loop_listen(s, err);
	shim_kept_close(&kept);
	return rc;
}

/* ---- the actions ---- */

static void adopt_try(struct shim *s)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct shim_adopt *a = s->adopt;
	enum shim_event found = SHIM_E_ADOPT_FAILED;
	struct shim_past past;
	int rc = shim_past_load(s->dir, &arena, &past, &a->why);

	if (rc == -ENOENT && faccessat(s->dir, "state.json", F_OK, 0) < 0)
		rc = cut_short(&a->why); /* the shim had not even begun, or has given up */
	if (rc == 0 && past.other_boot)
		rc = cps_failx(&a->why, ESTALE, "adopt: it is of an earlier boot of this machine");
	if (rc == 0)
		rc = runtime_check(s, &past, &a->why);
	if (rc == -EAGAIN) {
		a->looked_ms += LOOK_MS;
		shim_timer(&a->look_event, LOOK_MS);
		return;
	}
	if (rc == 0)
		rc = container_adopt(s, &past, &found, &a->why);
	shim_news(s, rc < 0 ? SHIM_E_ADOPT_FAILED : found);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	adopt_try(arg);
}

int shim_act_adopt_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;
	int rc = r ? shim_waiter_add(&s->adopt->waiters, r->conn, r->id, err) : 0;

	if (rc < 0 || s->adopt->under_way)
		return rc;
	s->adopt->under_way = true;
	adopt_try(s);
	return 0;
}

/* A deadline that has passed meanwhile is due at once. */
static void stop_resume(struct shim *s)
{
	uint64_t now = shim_boottime_ms();

	if (s->ct.stop_at > 0)
		shim_timer(&s->ct.stop_event, s->ct.stop_at > now ? s->ct.stop_at - now : 0);
}

int shim_act_adopt_done(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_log *log = take_ptr(&s->adopt->log);
	bool is_over = s->machine.state == SHIM_EXITED;
	char ok[64];

	(void)arg;
	(void)err;
	shim_note(&s->note, "adopted by pid %d: %s", (int)getpid(),
		  shim_machine_state_name(&s->machine));
	shim_io_start(&s->ct.io, log);
	if (is_over) {
		shim_io_exited(&s->ct.io);
		shim_io_overdue(&s->ct.io);
	} else {
		shim_io_look(&s->ct.io);
		stop_resume(s);
		if (s->machine.state == SHIM_RUNNING)
			shim_health_start(s->ct.health);
	}
	shim_adopt_jobs(s);
	shim_record_update(s);
	if (is_over) /* it is on record, but its shim may not have come so far */
		shim_exit_command_run(s);
	(void)snprintf(ok, sizeof(ok), "{\"status\":\"%s\",\"pid\":%d}",
		       shim_status_word((enum shim_state)s->machine.state),
		       is_over ? 0 : (int)s->ct.init.pid);
	shim_events_life(s, CPS_EVLOG_ADOPT);
	shim_waiters_ok(&s->adopt->waiters, ok, NULL, 0);
	shim_adopt_free(s);
	shim_reap(s); /* tells of those that have ended */
	return 0;
}

int shim_act_adopt_failed(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)arg;
	(void)err;
	shim_note(&s->note, "%s", s->adopt->why.msg);
	shim_waiters_error(&s->adopt->waiters, &s->adopt->why, NULL);
	s->failed = true;
	shim_over(s);
	return 0;
}
