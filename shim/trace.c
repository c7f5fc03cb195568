/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of transitions, see trace.h.
 */
#include <config.h>
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "machine.h"

uint32_t shim_trace_tag(const char *exec_id)
{
	char digits[9] = "";
	uint32_t tag;

	(void)snprintf(digits, sizeof(digits), "%.8s", exec_id);
	tag = (uint32_t)strtoul(digits, NULL, 16);
	return tag ? tag : 1;
}

struct shim_step *shim_trace_add(struct shim_trace *t, uint32_t tag, unsigned state, unsigned event,
				 unsigned next)
{
	struct shim_step *s;
	struct timespec now;

	if (!t)
		return NULL;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	s = &t->steps[(t->count - 1) % SHIM_TRACE_STEPS];
	/* What is tried again and again must not push out how it came to that. */
	if (t->count > 0 && s->tag == tag && s->state == state && s->event == event &&
	    s->next == next) {
		s->times += s->times < UINT8_MAX;
	} else {
		s = &t->steps[t->count++ % SHIM_TRACE_STEPS];
		*s = (struct shim_step){
			.tag = tag,
			.state = (uint8_t)state,
			.event = (uint8_t)event,
			.next = (uint8_t)next,
			.times = 1,
		};
	}
	s->at_s = (uint32_t)now.tv_sec;
	s->at_ms = (uint16_t)(now.tv_nsec / 1000000);
	return s;
}

void shim_trace_result(struct shim_step *s, int rc)
{
	if (s)
		s->rc = (int16_t)rc;
}

static void step_format(const struct shim_step *s, struct cps_jsonw *w)
{
	const struct shim_table *table = s->tag ? &shim_exec_table : &shim_container_table;
	struct timespec at = { .tv_sec = s->at_s, .tv_nsec = s->at_ms * 1000000L };
	char text[CPS_TIME_SIZE];

	cps_time_format(&at, true, text);
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "at", text);
	if (s->tag) {
		(void)snprintf(text, sizeof(text), "%08" PRIx32, s->tag);
		cps_jsonw_str(w, "exec", text);
	}
	cps_jsonw_str(w, "state", table->state_names[s->state]);
	cps_jsonw_str(w, "event", table->event_names[s->event]);
	cps_jsonw_str(w, "next", table->state_names[s->next]);
	cps_jsonw_i64(w, "rc", s->rc);
	if (s->times > 1)
		cps_jsonw_i64(w, "times", s->times);
	cps_jsonw_close(w, '}');
}

void shim_trace_format(const struct shim_trace *t, struct cps_jsonw *w, const char *key)
{
	uint32_t n = t->count < SHIM_TRACE_STEPS ? t->count : SHIM_TRACE_STEPS;

	cps_jsonw_open(w, key, '[');
	for (uint32_t i = t->count - n; i != t->count; i++)
		step_format(&t->steps[i % SHIM_TRACE_STEPS], w);
	cps_jsonw_close(w, ']');
}

void shim_trace_format_counters(const struct shim_trace *t, struct cps_jsonw *w, const char *key)
{
	cps_jsonw_open(w, key, '{');
	cps_jsonw_u64(w, "connections", t->connections);
	cps_jsonw_u64(w, "requests", t->requests);
	cps_jsonw_u64(w, "frames_rejected", t->rejected);
	cps_jsonw_u64(w, "execs", t->execs);
	cps_jsonw_u64(w, "children_reaped", t->reaped);
	cps_jsonw_u64(w, "orphans_reaped", t->orphans);
	cps_jsonw_u64(w, "transitions", t->count);
	cps_jsonw_u64(w, "wakeups", t->wakeups);
	cps_jsonw_close(w, '}');
}
