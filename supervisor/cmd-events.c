/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule events: what has happened to containers, and what happens to them.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "event-file.h"
#include "event-text.h"
#include "own.h"
#include "when.h"

struct show {
	bool json;
	bool has_since;
	struct timespec since;
	char *const *ids; /* NULL-terminated; none: all containers */
};

static bool is_asked(const struct show *s, const struct sup_event *e)
{
	if (s->has_since && (e->at.tv_sec < s->since.tv_sec ||
			     (e->at.tv_sec == s->since.tv_sec && e->at.tv_nsec < s->since.tv_nsec)))
		return false;
	if (!s->ids[0])
		return true;
	for (char *const *id = s->ids; *id; id++) {
		if (strcmp(*id, e->id) == 0)
			return true;
	}
	return false;
}

/* A sup_event_sink. What is no event is passed over: a full disk may have torn a line. */
static int show_line(void *arg, const char *line, size_t len, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf text = CPS_BUF_INIT;
	const struct show *s = arg;
	struct sup_event e;

	if (!line)
		return fflush(stdout) == 0 ? 0 : cps_fail(err, errno, "write");
	if (!sup_event_parse(&arena, line, len, &e) || !is_asked(s, &e))
		return 0;
	if (s->json)
		cps_buf_add(&text, e.line, e.len);
	else
		sup_event_text(&e, &text);
	cps_buf_puts(&text, "\n");
	if (text.failed)
		return cps_fail(err, ENOMEM, "show an event");
	if (fwrite(text.data, 1, text.len, stdout) != text.len)
		return cps_fail(err, errno, "write");
	return 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *format = NULL, *since = NULL;
	struct show s = { .json = false };
	bool follow = false;
	const struct cps_opt table[] = {
		{ "follow", 'f', CPS_OPT_FLAG, &follow, NULL, "go on with what happens" },
		{ "format", 0, CPS_OPT_STR, &format, "FORMAT", "text (default) or json" },
		{ "since", 0, CPS_OPT_STR, &since, "T",
		  "nothing before this time, or longer ago than this (10m)" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 0, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	for (int i = 0; rc == 0 && i < args.n; i++)
		rc = sup_id_check(args.v[i], err);
	if (rc == 0) {
		sup_args_ids(ctx, &args);
		rc = sup_format_parse(format, &s.json, err);
	}
	s.has_since = since != NULL;
	if (rc == 0 && since)
		rc = sup_when_parse("since", since, &s.since, err);
	s.ids = args.v;
	if (rc == 0)
		rc = sup_events_read(ctx->root, follow, show_line, &s, err);
	return cps_wrap(err, rc, "events");
}

const struct sup_command sup_cmd_events = {
	.name = "events",
	.usage = "[-f] [--format text|json] [--since T] [ID]...",
	.summary = "Shows what has happened to containers",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
