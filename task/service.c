/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd.task.v2.Task and v3.Task: the methods. What they tell is in memory; nothing here
 * waits.
 */
#include <config.h>
#include "pod.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "cgroups.h"
#include "checkpoint.h"
#include "container.h"
#include "file.h"
#include "json.h"
#include "own.h"
#include "proto.h"
#include "stats.h"

/* The process that is named; or the call is answered. */
static struct task_process *named(struct task_pod *pod, struct task_call *call, const char *id,
				  const char *exec_id)
{
	struct task *t = task_find(pod, id);
	struct task_process *p;

	if (!t) {
		task_error(call, TASK_NOT_FOUND, "container not created: not found");
		return NULL;
	}
	if (!exec_id[0])
		return &t->init;
	TAILQ_FOREACH(p, &t->execs, link)
	{
		if (strcmp(p->exec_id, exec_id) == 0)
			return p;
	}
	task_error(call, TASK_NOT_FOUND, "process %s: not found", exec_id);
	return NULL;
}

static void run_state(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);
	Task__StateReply s = TASK__STATE_REPLY__INIT;
	Wire__Timestamp at;

	if (!p)
		return;
	task_time_set(&at, p->exited_at.tv_sec ? &p->exited_at : NULL);
	s.id = p->exec_id[0] ? p->exec_id : p->task->id;
	s.bundle = p->task->bundle;
	s.pid = p->pid;
	s.status = p->status;
	if (p == &p->task->init && p->status == TASK__STATUS__RUNNING &&
	    shim_is_paused(&p->task->shim))
		s.status = TASK__STATUS__PAUSED;
	/* Its end is on the way to whoever waits, but not there yet. */
	if (p == &p->task->init && p->status == TASK__STATUS__STOPPED && !p->task->exit_told)
		s.status = TASK__STATUS__RUNNING;
	s.stdin = p->io.paths[0];
	s.stdout = p->io.paths[1];
	s.stderr = p->io.paths[2];
	s.terminal = p->io.terminal;
	s.exit_status = p->exit_status;
	s.exited_at = &at;
	task_reply(call, &s.base);
}

static void run_create(struct task_call *call, const void *request, void *owner)
{
	task_create(owner, call, request);
}

static void run_start(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);

	if (p)
		task_start(p, call);
}

static void run_delete(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);

	if (p)
		task_delete(p, call);
}

static void run_pids(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");

	if (p)
		task_pids_reply(p->task, call);
}

static void asked_done(struct task_process *p, const struct cps_json *ok, const struct cps_err *why,
		       struct task_call *call)
{
	(void)p;
	(void)ok;
	if (!why)
		task_reply_empty(call);
	else
		task_error(call, task_code_of(why->num), "%s", why->msg);
}

static void ask(struct task_process *p, struct task_call *call, const char *json)
{
	struct cps_err err;

	if (task_ask(p, json, NULL, 0, asked_done, call, &err) < 0)
		task_error(call, task_code_of(err.num), "%s", err.msg);
}

static void run_pause(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");

	if (p)
		ask(p, call, "{\"op\":\"pause\"}");
}

static void run_resume(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");

	if (p)
		ask(p, call, "{\"op\":\"resume\"}");
}

static void run_kill(struct task_call *call, const void *request, void *owner)
{
	const Task__KillRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);
	char json[160];
	bool all;

	if (!p)
		return; /* answered, and the request has gone with the call */
	all = r->all && !r->exec_id[0];
	if (p->status == TASK__STATUS__UNKNOWN ||
	    (p->exec_id[0] && p->status == TASK__STATUS__CREATED)) {
		task_error(call, TASK_FAILED_PRECONDITION, "process not created");
		return;
	}
	if (p->status == TASK__STATUS__STOPPED && !all) {
		task_error(call, TASK_NOT_FOUND, "process already finished: not found");
		return;
	}
	(void)snprintf(json, sizeof(json), "{\"op\":\"kill\",\"signal\":%u%s%s%s%s}",
		       (unsigned)r->signal, all ? ",\"all\":true" : "",
		       p->exec_id[0] ? ",\"exec\":\"" : "", p->session, p->exec_id[0] ? "\"" : "");
	ask(p, call, json);
}

static void run_update(struct task_call *call, const void *request, void *owner)
{
	static const char type[] =
		"types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
	const Task__UpdateRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	const struct cps_json *resources = NULL;
	struct cps_jsonw w;
	struct cps_err err;

	if (!p)
		return;
	if (!task_any_is(r->resources, type) ||
	    cps_json_parse(&arena, (const char *)r->resources->value.data, r->resources->value.len,
			   &resources, &err) < 0) {
		task_error(call, TASK_INVALID_ARGUMENT, "update: bad resources");
		return;
	}
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_UPDATE);
	cps_jsonw_node(&w, "resources", resources);
	cps_jsonw_close(&w, '}');
	if (b.failed)
		task_error(call, TASK_RESOURCE_EXHAUSTED, "update: out of memory");
	else
		ask(p, call, b.data);
}

static void run_checkpoint(struct task_call *call, const void *request, void *owner)
{
	const Task__CheckpointRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	const char *why;
	int rc;

	if (!p)
		return;
	rc = task_checkpoint_put(r, p->task->bundle, p->task->criu, &b, &why);
	if (rc < 0)
		task_error(call, task_code_of(-rc), "checkpoint: %s", why);
	else
		ask(p, call, b.data);
}

static void run_exec(struct task_call *call, const void *request, void *owner)
{
	const Task__ExecRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");
	struct task_process *x;

	if (!p)
		return;
	TAILQ_FOREACH(x, &p->task->execs, link)
	{
		if (strcmp(x->exec_id, r->exec_id) == 0) {
			task_error(call, TASK_ALREADY_EXISTS, "id %s: already exists", r->exec_id);
			return;
		}
	}
	task_exec_add(p->task, call, r);
}

static void run_stats(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, "");
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	Task__StatsReply reply = TASK__STATS_REPLY__INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	const struct cps_json *cgroups = NULL;
	Wire__Any any = WIRE__ANY__INIT;
	struct cps_err err;
	const char *text;

	if (!p)
		return;
	text = p->task->shim.ct.cgroups;
	if (!text || p->status == TASK__STATUS__STOPPED ||
	    cps_json_parse(&arena, text, strlen(text), &cgroups, &err) < 0) {
		task_error(call, TASK_NOT_FOUND, "cgroup of %s: not found", r->id);
		return;
	}
	any.type_url = (char *)(uintptr_t)task_stats_put(cgroups, &b);
	any.value.data = (uint8_t *)b.data;
	any.value.len = b.len;
	reply.stats = &any;
	if (b.failed)
		task_error(call, TASK_RESOURCE_EXHAUSTED, "stats: out of memory");
	else
		task_reply(call, &reply.base);
}

/* Without a terminal, or after its end, there is nothing to do, which is no failure. */
static void run_resize(struct task_call *call, const void *request, void *owner)
{
	const Task__ResizeRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);
	char json[160];

	if (!p)
		return;
	p->rows = (uint16_t)r->height;
	p->cols = (uint16_t)r->width;
	if (!p->io.terminal || p->status == TASK__STATUS__STOPPED || p->rows == 0 || p->cols == 0 ||
	    (p->exec_id[0] && !p->session[0])) {
		task_reply_empty(call);
		return;
	}
	(void)snprintf(json, sizeof(json), "{\"op\":\"resize\",\"rows\":%u,\"cols\":%u%s%s%s}",
		       p->rows, p->cols, p->exec_id[0] ? ",\"exec\":\"" : "", p->session,
		       p->exec_id[0] ? "\"" : "");
	ask(p, call, json);
}

static void run_close_io(struct task_call *call, const void *request, void *owner)
{
	const Task__CloseIoRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);

	if (!p)
		return;
	if (r->stdin)
		task_streams_close_stdin(&p->io);
	task_reply_empty(call);
}

static void run_wait(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	struct task_process *p = named(owner, call, r->id, r->exec_id);
	struct task_waiter *w;

	if (!p)
		return;
	w = calloc(1, sizeof(*w));
	if (!w) {
		task_error(call, TASK_RESOURCE_EXHAUSTED, "wait: out of memory");
		return;
	}
	w->call = call;
	LIST_INSERT_HEAD(&p->waiters, w, link);
	if (p == &p->task->init ? p->task->exit_told : p->status == TASK__STATUS__STOPPED)
		task_wait_answer(p);
}

static void run_connect(struct task_call *call, const void *request, void *owner)
{
	const Task__ProcessRequest *r = request;
	Task__ConnectReply reply = TASK__CONNECT_REPLY__INIT;
	struct task *t = task_find(owner, r->id);

	reply.shim_pid = (uint32_t)getpid();
	reply.task_pid = t ? t->init.pid : 0;
	task_reply(call, &reply.base);
}

static void run_shutdown(struct task_call *call, const void *request, void *owner)
{
	(void)request;
	task_reply_empty(call);
	task_pod_shutdown(owner);
}

static const struct task_method methods[] = {
	{ "State", &task__process_request__descriptor, run_state },
	{ "Create", &task__create_request__descriptor, run_create },
	{ "Start", &task__process_request__descriptor, run_start },
	{ "Delete", &task__process_request__descriptor, run_delete },
	{ "Pids", &task__process_request__descriptor, run_pids },
	{ "Pause", &task__process_request__descriptor, run_pause },
	{ "Resume", &task__process_request__descriptor, run_resume },
	{ "Checkpoint", &task__checkpoint_request__descriptor, run_checkpoint },
	{ "Kill", &task__kill_request__descriptor, run_kill },
	{ "Exec", &task__exec_request__descriptor, run_exec },
	{ "ResizePty", &task__resize_request__descriptor, run_resize },
	{ "CloseIO", &task__close_io_request__descriptor, run_close_io },
	{ "Stats", &task__process_request__descriptor, run_stats },
	{ "Update", &task__update_request__descriptor, run_update },
	{ "Wait", &task__process_request__descriptor, run_wait },
	{ "Connect", &task__process_request__descriptor, run_connect },
	{ "Shutdown", &task__shutdown_request__descriptor, run_shutdown },
	{ NULL },
};

const struct task_service task_services[] = {
	{ "containerd.task.v2.Task", methods },
	{ "containerd.task.v3.Task", methods },
	{ NULL },
};
