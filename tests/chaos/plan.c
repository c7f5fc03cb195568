/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to happen in an episode: from the seed and its number alone. And the bundle for it.
 */
#include <config.h>
#include "chaos.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void say_make(struct say *s, struct rng *r, bool job)
{
	static const uint32_t pauses[] = { 0, 0, 20, 100, 400, 1500, 4000 };
	uint32_t most = rng_chance(r, 20) ? 3000 : 400;

	s->seed = rng_u64(r);
	s->pause_us = pauses[rng_below(r, 7)];
	if (s->pause_us >= 100)
		most = 400;
	s->lines[0] = rng_below(r, most);
	s->lines[1] = rng_chance(r, 70) ? rng_below(r, most) : 0;
	s->flags = rng_chance(r, 40) ? TEXT_LONG : 0;
	s->flags |= rng_chance(r, 50) ? TEXT_UTF8 : 0;
	s->flags |= rng_chance(r, 50) ? TEXT_OPEN : 0;
	s->tty = rng_chance(r, job ? 20 : 12);
	s->value = rng_chance(r, 40) ? 0 : (int)rng_below(r, 90);
	if (job && rng_chance(r, 20)) {
		s->end = END_SIGNAL;
		s->value = rng_chance(r, 50) ? SIGKILL : SIGUSR1;
	}
	if (s->tty)
		s->lines[1] = 0;
}

static void jobs_plan(struct plan *p, struct job *jobs, struct rng *r)
{
	p->jobs = rng_chance(r, 60) ? rng_below(r, JOBS_MAX + 1) : 0;
	p->rude = p->jobs > 0 && rng_chance(r, 15);
	p->say.waits = p->jobs > 0 && !p->rude;
	for (unsigned i = 0; i < p->jobs; i++) {
		say_make(&jobs[i].say, r, true);
		jobs[i].detached = rng_chance(r, 60);
		/* a foreground job's terminal would be ours */
		if (!jobs[i].detached)
			jobs[i].say.tty = false;
	}
}

static unsigned mean(struct rng *r, const struct world *w, enum kind k, unsigned percent,
		     unsigned least, unsigned most)
{
	bool wanted = rng_chance(r, percent);
	unsigned ms = least + rng_below(r, most - least);

	return wanted && has_kind(w, k) ? ms : 0;
}

void plan_make(struct plan *p, struct job *jobs, const struct world *w, uint64_t number)
{
	struct rng r = rng_make(w->seed, 100, number);

	*p = (struct plan){ 0 };
	p->start = (enum start)rng_below(&r, START_WAYS);
	say_make(&p->say, &r, false);
	p->json = rng_chance(&r, 35);
	p->on_disk = rng_chance(&r, 25) && has_kind(w, KIND_DISK);
	p->drop = rng_chance(&r, p->on_disk ? 40 : 10);
	p->max_size = rng_chance(&r, 50) ? 20000 + rng_below(&r, 60000) : 0;
	if (!p->json && !p->say.tty && rng_chance(&r, 40))
		p->say.flags |= TEXT_RAW;
	jobs_plan(p, jobs, &r);
	for (unsigned i = 0; i < p->jobs; i++)
		if (p->json || jobs[i].say.tty)
			jobs[i].say.flags &= ~(unsigned)TEXT_RAW;
	p->init_after_ms = mean(&r, w, KIND_INIT, 20, 1, 80);
	/* JSON cannot say the half of a character that a killed writer leaves */
	if (p->json && (p->init_after_ms || p->rude)) {
		p->say.flags &= ~(unsigned)TEXT_UTF8;
		for (unsigned i = 0; i < p->jobs; i++)
			jobs[i].say.flags &= ~(unsigned)TEXT_UTF8;
	}
	if (rng_chance(&r, 12) && has_kind(w, KIND_OOM)) {
		p->memory = 24u << 20;
		p->say.end = END_EAT;
		p->say.value = 137;
		p->say.waits = p->jobs > 0;
		p->rude = false;
	}
	p->kill_mean_ms[KIND_SHIM] = mean(&r, w, KIND_SHIM, 60, 20, 800);
	p->kill_mean_ms[KIND_RUNTIME] = mean(&r, w, KIND_RUNTIME, 25, 2, 40);
	p->kill_mean_ms[KIND_CLI] = mean(&r, w, KIND_CLI, 30, 1, 15);
	p->kill_mean_ms[KIND_FDS] = mean(&r, w, KIND_FDS, 15, 20, 200);
	p->follows = rng_chance(&r, 40) && has_kind(w, KIND_READER);
	p->attaches = rng_chance(&r, 20) && has_kind(w, KIND_ATTACH);
	/* the terminal is its shim's, and the terminal's end that of who sits at it */
	if (p->start == START_FOREGROUND)
		p->say.tty = false;
	if (p->start == START_FOREGROUND && rng_chance(&r, 50))
		p->kill_mean_ms[KIND_SHIM] = 0; /* so that its own output can be compared */
}

void plan_print(const struct episode *e)
{
	static const char *const starts[] = { "run -d", "create", "run" };
	const struct plan *p = &e->plan;

	note("episode %" PRIu64
	     ": %s, %s%s%s, %u + %u lines, flags %u, pause %u us, max-size %u%s%s%s%s, %u jobs%s; "
	     "kills every ms: shim %u runtime %u cli %u fds %u, init after %u",
	     e->number, starts[p->start], p->json ? "json-file" : "cri", p->drop ? ", drop" : "",
	     p->on_disk ? ", on the small disk" : "", p->say.lines[0], p->say.lines[1],
	     p->say.flags, p->say.pause_us, p->max_size, p->say.tty ? ", terminal" : "",
	     p->memory ? ", oom" : "", p->follows ? ", followed" : "",
	     p->attaches ? ", attached" : "", p->jobs, p->rude ? " (rude)" : "",
	     p->kill_mean_ms[KIND_SHIM], p->kill_mean_ms[KIND_RUNTIME], p->kill_mean_ms[KIND_CLI],
	     p->kill_mean_ms[KIND_FDS], p->init_after_ms);
}

void bundle_write(const struct episode *e)
{
	const struct say *s = &e->plan.say;
	char path[100];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/config.json", e->dir);
	f = fopen(path, "w");
	if (!f)
		abort();
	(void)fprintf(f,
		      "{\"ociVersion\":\"1.2.0\",\"process\":{\"terminal\":%s,\"user\":{\"uid\":0,"
		      "\"gid\":0},"
		      "\"args\":[\"/bin/writer\",\"/tmp/main.%d\",\"%" PRIu64
		      "\",\"%u\",\"%u\",\"%u\",\"%u\",\"%d\",\"%d\",\"%s\"],"
		      "\"env\":[\"PATH=/bin\"],\"cwd\":\"/\"},\"root\":{\"path\":\"/var/tmp/"
		      "rootfs\",\"readonly\":true},",
		      s->tty ? "true" : "false", e->attempt, s->seed, s->lines[0], s->lines[1],
		      s->flags, s->pause_us, s->end, s->value, s->waits ? "/tmp/go" : "-");
	(void)fprintf(
		f,
		"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"/"
		"dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode="
		"755\",\"size=64k\"]},"
		"{\"destination\":\"/dev/"
		"pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"newinstance\","
		"\"ptmxmode=0666\",\"mode=0620\"]},"
		"{\"destination\":\"/"
		"tmp\",\"type\":\"bind\",\"source\":\"%s\",\"options\":[\"bind\"]}],"
		"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":"
		"\"uts\"},{\"type\":\"mount\"}]",
		e->dir);
	if (e->plan.memory)
		(void)fprintf(f, ",\"resources\":{\"memory\":{\"limit\":%" PRIu64 "}}",
			      e->plan.memory);
	(void)fprintf(f, "}}\n");
	if (fclose(f) != 0)
		abort();
}
