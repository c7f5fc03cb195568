/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as lines of text, see event-text.h.
 */
#include <config.h>

#include "event-text.h"

#include <string.h>

#include "clock.h"
#include "proc.h"

#define BEGINNING "{\"time\":\""

static bool line_parse(struct cps_arena *a, const char *line, size_t len, struct sup_event *ret)
{
	struct cps_err ignored;

	*ret = (struct sup_event){ .line = line, .len = len };
	return cps_json_parse(a, line, len, &ret->json, &ignored) == 0 &&
	       cps_json_str(cps_json_get(ret->json, "time"), &ret->time, &ignored) == 0 &&
	       cps_json_str(cps_json_get(ret->json, "event"), &ret->event, &ignored) == 0 &&
	       cps_json_str(cps_json_get(ret->json, "id"), &ret->id, &ignored) == 0 &&
	       cps_time_parse(ret->time, &ret->at) == 0;
}

bool sup_event_parse(struct cps_arena *a, const char *line, size_t len, struct sup_event *ret)
{
	const char *end = line + len;

	while ((line = memmem(line, (size_t)(end - line), BEGINNING, strlen(BEGINNING))) != NULL) {
		if (line_parse(a, line, (size_t)(end - line), ret))
			return true;
		line++;
	}
	return false;
}

/* ---- text ---- */

/* A word as a shell would need it, as far as that is readable. */
static void word_add(struct cps_buf *out, const struct cps_json *node)
{
	const char *text = node->text ? node->text : "";
	bool bare = node->len > 0;

	for (size_t i = 0; bare && i < node->len; i++)
		bare = !strchr(" \t\n'\"\\$`;&|<>()*?[]{}", text[i]);
	if (!bare)
		cps_buf_puts(out, "'");
	cps_buf_add_plain(out, text, node->len);
	if (!bare)
		cps_buf_puts(out, "'");
}

static void scalar_add(struct cps_buf *out, const struct cps_json *node)
{
	if (node->type == CPS_JSON_BOOL)
		cps_buf_puts(out, node->boolean ? "true" : "false");
	else if (node->type == CPS_JSON_NULL)
		cps_buf_puts(out, "null");
	else if (node->type == CPS_JSON_STRING)
		word_add(out, node);
	else
		cps_buf_add_plain(out, node->text ? node->text : "", node->len);
}

static int64_t number(const struct cps_json *o, const char *key)
{
	struct cps_err ignored;
	int64_t n = 0;

	(void)cps_json_i64(cps_json_get(o, key), INT64_MIN, INT64_MAX, &n, &ignored);
	return n;
}

static bool flag(const struct cps_json *o, const char *key, bool otherwise)
{
	const struct cps_json *node = cps_json_get(o, key);

	return node && node->type == CPS_JSON_BOOL ? node->boolean : otherwise;
}

static void signal_add(struct cps_buf *out, int64_t signal)
{
	const char *name = cps_signal_name((int)signal);

	if (name)
		cps_buf_puts(out, name);
	else
		cps_buf_printf(out, "signal %lld", (long long)signal);
}

static void exit_add(struct cps_buf *out, const struct cps_json *exit)
{
	if (!flag(exit, "known", true)) {
		cps_buf_puts(out, "status unknown");
	} else {
		cps_buf_printf(out, "status %lld", (long long)number(exit, "code"));
		if (number(exit, "signal") > 0) {
			cps_buf_puts(out, " (");
			signal_add(out, number(exit, "signal"));
			cps_buf_puts(out, ")");
		}
	}
	if (flag(exit, "oom", false))
		cps_buf_puts(out, ", out of memory");
}

static void member_add(struct cps_buf *out, const struct cps_json *m)
{
	const struct cps_json *each;

	if (strcmp(m->key, "exit") == 0 && m->type == CPS_JSON_OBJECT) {
		exit_add(out, m);
	} else if (strcmp(m->key, "by") == 0 && m->type == CPS_JSON_OBJECT) {
		cps_buf_printf(out, "by pid %lld uid %lld", (long long)number(m, "pid"),
			       (long long)number(m, "uid"));
	} else if (strcmp(m->key, "signal") == 0 && m->type == CPS_JSON_NUMBER) {
		signal_add(out, number(m->parent, "signal"));
	} else if (strcmp(m->key, "error") == 0 && m->type == CPS_JSON_STRING) {
		cps_buf_add_plain(out, m->text, m->len);
	} else if (m->type == CPS_JSON_ARRAY || m->type == CPS_JSON_OBJECT) {
		cps_buf_add_plain(out, m->key, strlen(m->key));
		for (each = m->first; each; each = each->next) {
			cps_buf_puts(out, " ");
			if (each->key) {
				cps_buf_add_plain(out, each->key, strlen(each->key));
				cps_buf_puts(out, "=");
			}
			scalar_add(out, each);
		}
	} else if (m->type == CPS_JSON_BOOL) {
		if (!m->boolean)
			cps_buf_puts(out, "no ");
		cps_buf_add_plain(out, m->key, strlen(m->key));
	} else {
		cps_buf_add_plain(out, m->key, strlen(m->key));
		cps_buf_puts(out, " ");
		scalar_add(out, m);
	}
}

void sup_event_text(const struct sup_event *e, struct cps_buf *out)
{
	const char *between = "  ";

	cps_buf_add_plain(out, e->time, strlen(e->time));
	cps_buf_puts(out, "  ");
	cps_buf_add_plain(out, e->id, strlen(e->id));
	cps_buf_puts(out, "  ");
	cps_buf_add_plain(out, e->event, strlen(e->event));
	for (const struct cps_json *m = e->json->first; m; m = m->next) {
		if (strcmp(m->key, "time") == 0 || strcmp(m->key, "id") == 0 ||
		    strcmp(m->key, "event") == 0)
			continue;
		cps_buf_puts(out, between);
		member_add(out, m);
		between = ", ";
	}
}
