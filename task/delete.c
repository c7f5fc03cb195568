/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of tasks and execs on request. What a logger has still to take is waited for, but not for
 * long: a process left behind may hold its pipe for ever.
 */
#include <config.h>
#include "pod.h"

#include <signal.h>

#include "events.pb-c.h"
#include "json.h"
#include "mounts.h"

#define SETTLE_MS 2000

static void deleted(struct task_process *p, const struct cps_json *ok, const struct cps_err *why,
		    struct task_call *call)
{
	struct task *t = p->task;
	Task__DeleteReply reply = TASK__DELETE_REPLY__INIT;
	Events__TaskDelete e = EVENTS__TASK_DELETE__INIT;
	struct task_process *x;
	Wire__Timestamp at;

	(void)ok;
	p->delete_call = NULL;
	p->deleting = false;
	if (why) {
		task_error(call, task_code_of(why->num), "%s", why->msg);
		return;
	}
	/* Ends are told before that, if nobody has told them yet. */
	TAILQ_FOREACH(x, &t->execs, link)
	{
		if (x->status == TASK__STATUS__RUNNING) {
			x->status = TASK__STATUS__STOPPED;
			x->exit_status = 128 + SIGKILL;
			(void)clock_gettime(CLOCK_REALTIME, &x->exited_at);
			task_exit_tell(x);
		}
	}
	task_settle(t, true);
	if (t->mounted)
		task_mounts_detach(t->bundle);
	t->mounted = false;
	task_time_set(&at, p->exited_at.tv_sec ? &p->exited_at : NULL);
	reply.pid = p->pid;
	reply.exit_status = p->exit_status;
	reply.exited_at = &at;
	e.container_id = t->id;
	e.pid = p->pid;
	e.exit_status = p->exit_status;
	e.exited_at = &at;
	task_publish(&t->pod->publisher, "/tasks/delete", "containerd.events.TaskDelete", &e.base);
	task_reply(call, &reply.base);
	t->gone = true; /* nobody finds it any more; shim_over() follows */
}

static void exec_deleted(struct task_process *p)
{
	Task__DeleteReply reply = TASK__DELETE_REPLY__INIT;
	struct task_call *call = p->delete_call;
	Wire__Timestamp at;

	task_time_set(&at, p->exited_at.tv_sec ? &p->exited_at : NULL);
	reply.pid = p->pid;
	reply.exit_status = p->exit_status;
	reply.exited_at = &at;
	p->delete_call = NULL;
	task_reply(call, &reply.base);
	task_exec_free(p);
}

void task_delete_go(struct task_process *p, bool now)
{
	struct task_call *call = p->delete_call;
	struct cps_err err;

	if (p->deleting || (!now && !task_streams_are_settled(&p->io)))
		return;
	(void)event_del(&p->again_event);
	if (p != &p->task->init) {
		exec_deleted(p);
		return;
	}
	p->deleting = true;
	if (task_ask(p, "{\"op\":\"delete\",\"force\":true}", NULL, 0, deleted, call, &err) < 0) {
		p->delete_call = NULL;
		p->deleting = false;
		task_error(call, TASK_UNKNOWN, "%s", err.msg);
	}
}

void task_delete(struct task_process *p, struct task_call *call)
{
	bool exec = p != &p->task->init;

	if (p->start_call || p->delete_call ||
	    (p->status != TASK__STATUS__STOPPED && p->status != TASK__STATUS__CREATED)) {
		task_error(call, TASK_FAILED_PRECONDITION, "%s %s is not stopped",
			   exec ? "process" : "task", exec ? p->exec_id : p->task->id);
		return;
	}
	p->delete_call = call;
	if (p->status == TASK__STATUS__STOPPED)
		shim_timer(&p->again_event, SETTLE_MS);
	task_delete_go(p, p->status != TASK__STATUS__STOPPED);
}
