/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a task's shim, and listening to it, in the words of docs/protocol.md.
 */
#include <config.h>
#include "pod.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "conn.h"
#include "events.pb-c.h"
#include "json.h"
#include "own.h"
#include "proto.h"

struct task_asked {
	LIST_ENTRY(task_asked) link;
	uint32_t id;
	struct task_process *process; /* NULL: gone */
	task_done *done;
	struct task_call *call;
};

int task_ask(struct task_process *p, const char *json, int *fds, unsigned nfds, task_done *done,
	     struct task_call *call, struct cps_err *err)
{
	struct task *t = p->task;
	struct task_asked *a = calloc(1, sizeof(*a));
	int rc;

	if (!a) {
		for (unsigned i = 0; i < nfds; i++)
			cps_close(&fds[i]);
		return cps_fail(err, ENOMEM, "ask the shim");
	}
	a->id = ++t->next_id;
	a->process = p;
	a->done = done;
	a->call = call;
	LIST_INSERT_HEAD(&t->asked, a, link);
	rc = shim_conn_ask(t->conn, a->id, json, strlen(json), fds, nfds, err);
	if (rc < 0) {
		LIST_REMOVE(a, link);
		free(a);
	}
	return rc;
}

void task_asked_free(struct task *t)
{
	struct task_asked *a;

	while ((a = LIST_FIRST(&t->asked)) != NULL) {
		LIST_REMOVE(a, link);
		if (a->call)
			task_error(a->call, TASK_UNAVAILABLE, "the shim ends");
		free(a);
	}
}

static void reply_take(struct task *t, uint32_t id, const struct cps_json *body)
{
	const struct cps_json *error = cps_json_get(body, "error");
	struct task_asked *a;
	const char *text = "";
	struct cps_err why;
	struct cps_err ignored;
	int64_t num = EIO;

	LIST_FOREACH(a, &t->asked, link)
	{
		if (a->id == id)
			break;
	}
	if (!a)
		return;
	LIST_REMOVE(a, link);
	if (error) {
		(void)cps_json_i64(cps_json_get(error, "errno"), 1, 4095, &num, &ignored);
		(void)cps_json_str(cps_json_get(error, "message"), &text, &ignored);
		(void)cps_failx(&why, (int)num, "%s", text);
	}
	a->done(a->process, cps_json_get(body, "ok"), error ? &why : NULL, a->call);
	free(a);
}

static void notice(struct task *t, const char *topic, const char *type)
{
	Events__TaskNotice n = EVENTS__TASK_NOTICE__INIT;

	n.container_id = t->id;
	task_publish(&t->pod->publisher, topic, type, &n.base);
}

static void event_take(struct task *t, const struct cps_json *body)
{
	const char *event = "";
	const char *session = "";
	struct task_process *p;
	struct cps_err ignored;

	(void)cps_json_str(cps_json_get(body, "event"), &event, &ignored);
	if (strcmp(event, CPS_EVENT_EXITED) == 0) {
		task_exited(&t->init, cps_json_get(body, "exit"));
	} else if (strcmp(event, CPS_EVENT_EXEC_EXITED) == 0) {
		(void)cps_json_str(cps_json_get(body, "exec"), &session, &ignored);
		p = task_session_find(t, session);
		if (p)
			task_exited(p, cps_json_get(body, "exit"));
	} else if (strcmp(event, CPS_EVENT_OOM) == 0) {
		notice(t, "/tasks/oom", "containerd.events.TaskOOM");
	} else if (strcmp(event, CPS_EVENT_PAUSED) == 0) {
		notice(t, "/tasks/paused", "containerd.events.TaskPaused");
	} else if (strcmp(event, CPS_EVENT_RESUMED) == 0) {
		notice(t, "/tasks/resumed", "containerd.events.TaskResumed");
	}
}

void task_take(void *owner, enum cps_frame_kind kind, uint32_t id, const char *json, size_t len)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *body = NULL;
	struct task *t = owner;
	struct cps_err ignored;

	if (cps_json_parse(&arena, json, len, &body, &ignored) < 0)
		return;
	if (kind == CPS_FRAME_REPLY)
		reply_take(t, id, body);
	else
		event_take(t, body);
}
