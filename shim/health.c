/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See health.h. One timer: until the next probe, or while one runs, until it has had its time. What
 * a probe wrote is kept of the last few, bounded, and of characters that a JSON string can hold in
 * two bytes each, so that the state object fits into a frame whatever they say.
 *
 * A probe that runs when its shim is killed is not known to the successor; it can write nowhere,
 * and ends with the container at the latest.
 */
#include <config.h>
#include "health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "events.h"
#include "health-probe.h"
#include "own.h"
#include "proto.h"
#include "record.h"
#include "shim.h"
#include "utf8.h"

#define RESULTS		 5
#define ARGS_MAX	 256
#define TEXT_MAX	 32768
#define LEAST_MS	 10
#define INTERVAL_DEFAULT 30000
#define TIMEOUT_DEFAULT	 30000
#define RETRIES_DEFAULT	 3
#define RETRIES_MOST	 1000
#define NOT_RUN		 (-1) /* the code of a probe that had no exit status */

enum status { STARTING, HEALTHY, UNHEALTHY, STATUS_COUNT };

static const char *const status_words[STATUS_COUNT] = { "starting", "healthy", "unhealthy" };

struct result {
	struct timespec started;
	struct timespec ended;
	int code;
	bool timed_out;
	char *output;
};

struct shim_health {
	struct shim *shim;
	char *args;    /* JSON array */
	char *process; /* the object for the runtime */
	int64_t interval_ms;
	int64_t timeout_ms;
	int64_t retries;
	int64_t start_period_ms;

	enum status status;
	int64_t streak;	     /* failures in a row that count */
	uint64_t period_end; /* CLOCK_BOOTTIME: failures count from then on, or the first success */
	struct result results[RESULTS];
	unsigned nresults;
	struct timespec started; /* of the probe that runs */
	bool timed_out;		 /* it has been given up already */
	struct event timer;
	struct shim_probe probe;
};

/* ---- parameters ---- */

static int number_parse(const struct cps_json *o, const char *key, int64_t min, int64_t max,
			int64_t *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(o, key);

	return node ? cps_json_i64(node, min, max, ret, err) : 0;
}

static int args_parse(struct shim_health *h, const struct cps_json *o, struct cps_err *err)
{
	const struct cps_json *args = cps_json_get(o, "args");
	const char *word;
	int rc;

	if (!args)
		return cps_json_fail(o, EINVAL, err, "'args' is missing");
	rc = cps_json_want(args, CPS_JSON_ARRAY, err);
	if (rc == 0 && (args->count == 0 || args->count > ARGS_MAX))
		rc = cps_json_fail(args, EINVAL, err, "a command has 1 to %d words", ARGS_MAX);
	for (const struct cps_json *a = args->first; rc == 0 && a; a = a->next)
		rc = cps_json_str(a, &word, err);
	if (rc < 0)
		return rc;
	h->args = cps_json_text(args);
	if (!h->args || asprintf(&h->process, "{\"args\":%s}", h->args) < 0) {
		h->process = NULL;
		return cps_fail(err, ENOMEM, "health");
	}
	return strlen(h->args) > TEXT_MAX
		       ? cps_json_fail(args, E2BIG, err, "more than %d bytes", TEXT_MAX)
		       : 0;
}

static int params_parse(struct shim_health *h, const struct cps_json *o, struct cps_err *err)
{
	int rc = cps_json_want(o, CPS_JSON_OBJECT, err);

	if (rc == 0)
		rc = args_parse(h, o, err);
	if (rc == 0)
		rc = number_parse(o, "interval_ms", LEAST_MS, INT32_MAX, &h->interval_ms, err);
	if (rc == 0)
		rc = number_parse(o, "timeout_ms", LEAST_MS, INT32_MAX, &h->timeout_ms, err);
	if (rc == 0)
		rc = number_parse(o, "retries", 1, RETRIES_MOST, &h->retries, err);
	if (rc == 0)
		rc = number_parse(o, "start_period_ms", 0, INT32_MAX, &h->start_period_ms, err);
	return rc;
}

static void on_timer(evutil_socket_t fd, short what, void *arg);
static void probed(void *owner, int code, const struct cps_err *err);

int shim_health_parse(struct shim *s, const struct cps_json *node, struct shim_health **ret,
		      struct cps_err *err)
{
	struct shim_health *h;
	int rc;

	if (!node)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return cps_fail(err, ENOMEM, "health");
	h->shim = s;
	h->interval_ms = INTERVAL_DEFAULT;
	h->timeout_ms = TIMEOUT_DEFAULT;
	h->retries = RETRIES_DEFAULT;
	(void)event_assign(&h->timer, s->base, -1, 0, on_timer, h);
	shim_probe_init(&h->probe, s, probed, h);
	rc = params_parse(h, node, err);
	if (rc < 0)
		shim_health_free(h);
	else
		*ret = h;
	return rc;
}

int shim_health_load(struct shim *s, const struct cps_json *node, struct shim_health **ret,
		     struct cps_err *err)
{
	const char *word = "";
	int rc = shim_health_parse(s, node, ret, err);

	if (rc < 0 || !node)
		return rc;
	if (cps_json_get(node, "status"))
		rc = cps_json_str(cps_json_get(node, "status"), &word, err);
	for (unsigned i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(word, status_words[i]) == 0)
			(*ret)->status = (enum status)i;
	}
	if (rc == 0)
		rc = number_parse(node, "failing_streak", 0, INT32_MAX, &(*ret)->streak, err);
	return rc;
}

void shim_health_free(struct shim_health *h)
{
	if (!h)
		return;
	shim_health_stop(h);
	for (unsigned i = 0; i < h->nresults; i++)
		free(h->results[i].output);
	free(h->args);
	free(h->process);
	free(h);
}

/* ---- what a result means ---- */

static void status_set(struct shim_health *h, enum status status)
{
	char json[64];

	if (h->status == status)
		return;
	h->status = status;
	shim_events_health(h->shim, status_words[status], (uint64_t)h->streak);
	(void)snprintf(json, sizeof(json), "{\"event\":\"" CPS_EVENT_HEALTH "\",\"status\":\"%s\"}",
		       status_words[status]);
	shim_broadcast(h->shim, json, strlen(json));
	shim_record_update(h->shim);
}

static void judge(struct shim_health *h, bool ok)
{
	if (ok) {
		h->streak = 0;
		status_set(h, HEALTHY);
		return;
	}
	if (h->status == STARTING && shim_boottime_ms() < h->period_end)
		return;
	if (h->streak < INT32_MAX)
		h->streak++;
	if (h->streak >= h->retries)
		status_set(h, UNHEALTHY);
}

/* As much of it as can be shown: no control characters but newline and tab, and only UTF-8. */
static char *text_make(const char *data, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t n = cps_utf8_len(data + i, len - i);
		unsigned char c = (unsigned char)data[i];

		memcpy(text + i, data + i, n ? n : 1);
		if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			text[i] = '?';
		i += n ? n : 1;
	}
	text[len] = '\0';
	return text;
}

static void result_add(struct shim_health *h, int code, const struct cps_err *err)
{
	const struct shim_probe *p = &h->probe;
	struct result *r;

	if (h->nresults == RESULTS) {
		free(h->results[0].output);
		memmove(h->results, h->results + 1, (RESULTS - 1) * sizeof(h->results[0]));
		h->nresults--;
	}
	r = &h->results[h->nresults++];
	*r = (struct result){ .started = h->started, .code = code, .timed_out = h->timed_out };
	(void)clock_gettime(CLOCK_REALTIME, &r->ended);
	/* without memory for it: a result without its output */
	r->output = err ? text_make(err->msg, strlen(err->msg))
			: text_make(p->tail ? p->tail : "", p->len);
	judge(h, code == 0);
}

/* ---- probing ---- */

static void probed(void *owner, int code, const struct cps_err *err)
{
	struct shim_health *h = owner;
	/* It is paused, or just ending: that is neither well nor ill. */
	bool is_void = err && (err->num == EBUSY || err->num == ESRCH);

	if (!h->timed_out && !is_void)
		result_add(h, code, err);
	shim_timer(&h->timer, (uint64_t)h->interval_ms);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shim_health *h = arg;
	struct cps_err err;

	(void)fd;
	(void)what;
	if (shim_probe_runs(&h->probe)) {
		/* Told now: whatever keeps it from going does not keep this back. */
		h->timed_out = true;
		result_add(h, NOT_RUN, NULL);
		shim_probe_kill(&h->probe);
		return;
	}
	h->timed_out = false;
	(void)clock_gettime(CLOCK_REALTIME, &h->started);
	if (shim_probe_start(&h->probe, h->process, &err) < 0)
		probed(h, NOT_RUN, &err);
	else
		shim_timer(&h->timer, (uint64_t)h->timeout_ms);
}

static int64_t ms_since(const struct timespec *t)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)(now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000;
}

void shim_health_start(struct shim_health *h)
{
	int64_t left;

	if (!h)
		return;
	/* The clock may have been set since then, by any amount. */
	left = h->start_period_ms - ms_since(&h->shim->ct.started_at);
	if (left < 0 || left > h->start_period_ms)
		left = left < 0 ? 0 : h->start_period_ms;
	h->period_end = shim_boottime_ms() + (uint64_t)left;
	shim_timer(&h->timer, (uint64_t)h->interval_ms);
}

void shim_health_stop(struct shim_health *h)
{
	if (!h)
		return;
	(void)event_del(&h->timer);
	shim_probe_stop(&h->probe);
}

/* ---- telling ---- */

static void time_write(struct cps_jsonw *w, const char *key, const struct timespec *t)
{
	char at[CPS_TIME_SIZE];

	cps_time_format(t, true, at);
	cps_jsonw_str(w, key, at);
}

static void status_write(const struct shim_health *h, struct cps_jsonw *w)
{
	cps_jsonw_str(w, "status", status_words[h->status]);
	cps_jsonw_i64(w, "failing_streak", h->streak);
}

void shim_health_format(const struct shim_health *h, struct cps_jsonw *w)
{
	if (!h)
		return;
	cps_jsonw_open(w, "health", '{');
	status_write(h, w);
	cps_jsonw_open(w, "results", '[');
	for (unsigned i = 0; i < h->nresults; i++) {
		const struct result *r = &h->results[i];

		cps_jsonw_open(w, NULL, '{');
		time_write(w, "started_at", &r->started);
		time_write(w, "ended_at", &r->ended);
		cps_jsonw_i64(w, "code", r->code);
		cps_jsonw_bool(w, "timed_out", r->timed_out);
		cps_jsonw_str(w, "output", r->output);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}

void shim_health_record(const struct shim_health *h, struct cps_jsonw *w)
{
	if (!h)
		return;
	cps_jsonw_open(w, "health", '{');
	cps_jsonw_raw(w, "args", h->args);
	cps_jsonw_i64(w, "interval_ms", h->interval_ms);
	cps_jsonw_i64(w, "timeout_ms", h->timeout_ms);
	cps_jsonw_i64(w, "retries", h->retries);
	cps_jsonw_i64(w, "start_period_ms", h->start_period_ms);
	status_write(h, w);
	cps_jsonw_close(w, '}');
}
