/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint: the runtime works on it by a link of its own, and init's exit is not told before it
 * is known whether that is CRIU's doing.
 */
#include <config.h>
#include "checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "events.h"
#include "health.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "record.h"
#include "runtime-link.h"
#include "shim.h"

int shim_checkpoint_pass(const struct cps_json *body, struct cps_jsonw *w, struct cps_err *err)
{
	static const char *const keys[] = { "program", "criu", "options" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct cps_json *node = cps_json_get(body, keys[i]);
		cleanup_free char *text = node ? cps_json_text(node) : NULL;

		if (node && !text)
			return cps_fail(err, ENOMEM, "%s", keys[i]);
		if (node)
			cps_jsonw_raw(w, keys[i], text);
	}
	return 0;
}

static void answered(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct shim *s = owner;
	struct shim_container *ct = &s->ct;

	ct->link = NULL;
	ct->checkpointed = rc == 0 && !ct->goes_on;
	if (rc == 0)
		shim_events_done(s, CPS_EVLOG_CHECKPOINT, &ct->checkpoint_waiters);
	/* One that ends is told of when that is on record: it can be deleted then. */
	if (rc < 0)
		shim_waiters_error(&ct->checkpoint_waiters, why, step);
	else if (ct->goes_on)
		shim_waiters_ok(&ct->checkpoint_waiters, "{}", NULL, 0);
	shim_news(s, SHIM_E_CHECKPOINT_DONE);
}

static int flag(const struct cps_json *options, const char *key, bool *ret, struct cps_err *err)
{
	bool value = false;
	int rc = cps_json_get(options, key) ? cps_json_bool(cps_json_get(options, key), &value, err)
					    : 0;

	*ret = *ret || value;
	return rc;
}

static int request_send(struct shim *s, const struct cps_json *body, struct cps_err *err)
{
	static const struct shim_link_ops ops = { .done = answered };
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;
	int rc;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_CHECKPOINT);
	cps_jsonw_str(&w, "root", s->root);
	cps_jsonw_str(&w, "id", s->id);
	rc = shim_checkpoint_pass(body, &w, err);
	cps_jsonw_close(&w, '}');
	if (rc < 0)
		return rc;
	if (b.failed)
		return cps_fail(err, ENOMEM, "checkpoint");
	return shim_link_start(s, b.data, b.len, NULL, 0, &ops, s, &s->ct.link, err);
}

int shim_act_checkpoint_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;
	const struct cps_json *options = cps_json_get(r->body, "options");
	struct shim_container *ct = &s->ct;
	int rc;

	ct->goes_on = false;
	rc = flag(options, "leave-running", &ct->goes_on, err);
	if (rc == 0)
		rc = flag(options, "pre-dump", &ct->goes_on, err);
	if (rc == 0)
		rc = shim_waiter_add(&ct->checkpoint_waiters, r->conn, r->id, err);
	if (rc < 0)
		return rc;
	rc = request_send(s, r->body, err);
	if (rc < 0) {
		shim_waiter_drop(&ct->checkpoint_waiters);
		return rc;
	}
	shim_health_stop(ct->health); /* nothing can be executed in it */
	shim_record_update(s);	      /* a successor must wait for that runtime */
	return 0;
}

int shim_act_checkpoint_done(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)arg;
	(void)err;
	shim_record_update(s);
	if (s->ct.init.exited) {
		shim_news(s, SHIM_E_INIT_EXITED); /* held back until now */
	} else if (!s->ct.checkpointed) {
		/* of a runtime that was killed: the end to come is none of CRIU's */
		(void)unlinkat(s->dir, CPS_CHECKPOINT_MARK, 0);
		shim_health_start(s->ct.health);
	}
	return 0;
}
