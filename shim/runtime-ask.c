/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the runtime does to all processes of a living container: signal, pause, resume. Each is a
 * link of its own and changes no state of the machine.
 */
#include <config.h>
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup-file.h"
#include "events.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "runtime-link.h"
#include "shim.h"

/* One request of the runtime, and who waits for it. */
struct ask {
	struct shim *shim;
	const char *op;
	int signal;	       /* of CPS_OP_KILL */
	const char *resources; /* of CPS_OP_UPDATE: JSON; until it is sent */
	struct shim_waiters waiters;
};

/* News of pauses are told when they have come to pass. */
static void tell(const struct ask *k)
{
	bool pause = strcmp(k->op, CPS_OP_PAUSE) == 0;

	if (!pause && strcmp(k->op, CPS_OP_RESUME) != 0)
		return;
	shim_events_done(k->shim, pause ? CPS_EVLOG_PAUSE : CPS_EVLOG_RESUME, &k->waiters);
	shim_event_send(k->shim, pause ? CPS_EVENT_PAUSED : CPS_EVENT_RESUMED, NULL);
}

static void answered(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct ask *k = owner;

	if (rc == 0)
		tell(k);
	else if (LIST_EMPTY(&k->waiters))
		shim_note(&k->shim->note, "%s: %s", k->op, why->msg);
	if (rc < 0)
		shim_waiters_error(&k->waiters, why, step);
	else
		shim_waiters_ok(&k->waiters, "{}", NULL, 0);
	free(k);
}

static int ask_send(struct ask *k, struct cps_err *err)
{
	static const struct shim_link_ops ops = { .done = answered };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", k->op);
	cps_jsonw_str(&w, "root", k->shim->root);
	cps_jsonw_str(&w, "id", k->shim->id);
	if (strcmp(k->op, CPS_OP_KILL) == 0) {
		cps_jsonw_i64(&w, "signal", k->signal);
		cps_jsonw_bool(&w, "all", true);
	}
	if (k->resources)
		cps_jsonw_raw(&w, "resources", k->resources);
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "%s", k->op);
	return shim_link_start(k->shim, b.data, b.len, NULL, 0, &ops, k, NULL, err);
}

/* r may be NULL: nobody waits. */
static int ask_about(struct shim *s, const char *op, int signal, const char *resources,
		     struct shim_request *r, struct cps_err *err)
{
	struct ask *k = calloc(1, sizeof(*k));
	int rc = 0;

	if (!k)
		return cps_fail(err, ENOMEM, "%s", op);
	k->shim = s;
	k->op = op;
	k->signal = signal;
	k->resources = resources;
	if (r)
		rc = shim_waiter_add(&k->waiters, r->conn, r->id, err);
	if (rc == 0)
		rc = ask_send(k, err);
	if (rc < 0) {
		shim_waiter_drop(&k->waiters);
		free(k);
	}
	return rc;
}

static int ask(struct shim *s, const char *op, int signal, struct shim_request *r,
	       struct cps_err *err)
{
	return ask_about(s, op, signal, NULL, r, err);
}

int shim_update(struct shim *s, struct shim_request *r, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(r->body, "resources");
	cleanup_free char *text = NULL;
	int rc = node ? cps_json_want(node, CPS_JSON_OBJECT, err)
		      : cps_failx(err, EINVAL, "update: 'resources' is missing");

	if (rc < 0)
		return rc;
	if (s->machine.state < SHIM_CREATED || s->machine.state > SHIM_RUNNING)
		return cps_failx(err, s->machine.state >= SHIM_DRAINING ? ESRCH : EBUSY,
				 "update: the container is %s",
				 shim_machine_state_name(&s->machine));
	text = cps_json_text(node);
	if (!text)
		return cps_fail(err, ENOMEM, "update");
	return ask_about(s, CPS_OP_UPDATE, 0, text, r, err);
}

int shim_kill_all(struct shim *s, int signal, struct shim_request *r, struct cps_err *err)
{
	return ask(s, CPS_OP_KILL, signal, r, err);
}

int shim_act_pause(void *owner, void *arg, struct cps_err *err)
{
	return ask(owner, CPS_OP_PAUSE, 0, arg, err);
}

int shim_act_resume(void *owner, void *arg, struct cps_err *err)
{
	return ask(owner, CPS_OP_RESUME, 0, arg, err);
}

/* The freezer's directory as the runtime has told it: of v1 "freezer", of v2 "unified" alone. */
static const char *freezer_file(const struct cps_json *cgroups, char *buf, size_t size)
{
	const struct cps_json *dir = cps_json_get(cgroups, "freezer");
	bool v1 = dir;
	struct cps_err ignored;
	const char *path;

	if (!v1)
		dir = cps_json_get(cgroups, "unified");
	if (!dir || cps_json_str(dir, &path, &ignored) < 0)
		return NULL;
	if ((size_t)snprintf(buf, size, "%s/%s", path, cps_cgroup_freezer(!v1)) >= size)
		return NULL;
	return buf;
}

bool shim_is_paused(const struct shim *s)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const char *cgroups = s->ct.cgroups;
	const struct cps_json *node = NULL;
	struct cps_err ignored;
	char buf[PATH_MAX];
	const char *file;

	if (!cgroups || cps_json_parse(&arena, cgroups, strlen(cgroups), &node, &ignored) < 0)
		return false;
	file = freezer_file(node, buf, sizeof(buf));
	return file && cps_cgroup_is_frozen(file);
}

void shim_thaw(struct shim *s)
{
	struct cps_err why;

	if (shim_is_paused(s) && ask(s, CPS_OP_RESUME, 0, NULL, &why) < 0)
		shim_note(&s->note, "%s", why.msg);
}
