/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe of a container's health: the image's, or the one that was given, or none.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>

#include "clock.h"

#define TIME_MAX    (INT64_C(24) * 3600 * 1000) /* the shim's bound */
#define TIME_MIN    10
#define RETRIES_MAX 1000

static int time_parse(const char *option, const char *text, int64_t min, int64_t *ret,
		      struct cps_err *err)
{
	if (!text)
		return 0;
	if (cps_duration_parse(text, ret) < 0 || *ret < min || *ret > TIME_MAX)
		return cps_failx(err, EINVAL, "%s: '%.40s' is no time from 10ms to a day", option,
				 text);
	return 0;
}

/* A shell's command, or the words themselves. */
static int args_make(struct sup_plan *p, const char *command, const struct sto_strs *words,
		     struct cps_err *err)
{
	const char **args = cps_arena_array(p->arena, 4, sizeof(*args));

	if (!args)
		return cps_fail(err, ENOMEM, "health");
	if (command) {
		args[0] = "/bin/sh";
		args[1] = "-c";
		args[2] = command;
		p->health.args = args;
	} else {
		p->health.args = words->v;
	}
	return 0;
}

/* 0 is "not given" */
static void bound(int64_t *value, int64_t min, int64_t max)
{
	if (*value > max)
		*value = max;
	if (*value && *value < min)
		*value = min;
}

int sup_plan_health(struct sup_plan *p, struct cps_err *err)
{
	const struct sto_health *image = &p->image->health;
	const struct sup_run *run = p->run;
	struct sup_health *h = &p->health;
	int rc = 0;

	if (run->health.off)
		return 0;
	if (image->set && !image->off) {
		h->interval = image->interval_ms;
		h->timeout = image->timeout_ms;
		h->start = image->start_ms;
		h->retries = image->retries;
		/* an image cannot ask for what the shim would refuse */
		bound(&h->interval, TIME_MIN, TIME_MAX);
		bound(&h->timeout, TIME_MIN, TIME_MAX);
		bound(&h->start, 1, TIME_MAX);
		bound(&h->retries, 1, RETRIES_MAX);
	}
	if (run->health.command)
		rc = args_make(p, run->health.command, NULL, err);
	else if (image->set && !image->off)
		rc = args_make(p, image->shell ? image->test.v[0] : NULL, &image->test, err);
	if (rc == 0)
		rc = time_parse("--health-interval", run->health.interval, TIME_MIN, &h->interval,
				err);
	if (rc == 0)
		rc = time_parse("--health-timeout", run->health.timeout, TIME_MIN, &h->timeout,
				err);
	if (rc == 0)
		rc = time_parse("--health-start-period", run->health.start, 0, &h->start, err);
	if (rc == 0 && run->health.retries &&
	    cps_num_parse(run->health.retries, 1, RETRIES_MAX, &h->retries) < 0)
		rc = cps_failx(err, EINVAL, "--health-retries: '%.40s' is not from 1 to %d",
			       run->health.retries, RETRIES_MAX);
	return rc;
}
