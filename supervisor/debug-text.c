/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as indented text, see debug-text.h. Objects in an array are a line each, as long as they
 * hold no others.
 */
#include <config.h>

#include "debug-text.h"

#include <string.h>

#define INDENT 2

static void scalar_add(struct cps_buf *out, const struct cps_json *node)
{
	if (node->type == CPS_JSON_BOOL)
		cps_buf_puts(out, node->boolean ? "yes" : "no");
	else if (node->type == CPS_JSON_NULL)
		cps_buf_puts(out, "-");
	else
		cps_buf_add_plain(out, node->text ? node->text : "", node->len);
}

static bool is_scalar(const struct cps_json *node)
{
	return node->type != CPS_JSON_OBJECT && node->type != CPS_JSON_ARRAY;
}

/* Nothing in it but scalars, and arrays of them. */
static bool is_flat(const struct cps_json *node)
{
	for (const struct cps_json *m = node->first; m; m = m->next) {
		if (m->type == CPS_JSON_OBJECT)
			return false;
		for (const struct cps_json *e = m->first; e; e = e->next) {
			if (!is_scalar(e))
				return false;
		}
	}
	return true;
}

static void flat_add(struct cps_buf *out, const struct cps_json *node)
{
	const char *between = "";

	if (is_scalar(node)) {
		scalar_add(out, node);
		return;
	}
	for (const struct cps_json *m = node->first; m; m = m->next) {
		cps_buf_puts(out, between);
		between = node->type == CPS_JSON_OBJECT ? ", " : " ";
		if (m->key) {
			cps_buf_add_plain(out, m->key, strlen(m->key));
			cps_buf_puts(out, " ");
		}
		flat_add(out, m);
	}
	if (!node->first)
		cps_buf_puts(out, "-");
}

static void indent_add(struct cps_buf *out, int depth)
{
	for (int i = 0; i < depth * INDENT; i++)
		cps_buf_puts(out, " ");
}

/* A log's line, or an object that is one of many. */
static bool wants_lines(const struct cps_json *node)
{
	return node->type == CPS_JSON_ARRAY && node->first &&
	       (!is_scalar(node->first) || (node->first->type == CPS_JSON_STRING &&
					    memchr(node->first->text, ' ', node->first->len)));
}

static void node_add(struct cps_buf *out, const struct cps_json *node, int depth);

static void member_add(struct cps_buf *out, const struct cps_json *m, int depth)
{
	indent_add(out, depth);
	if (m->key) {
		cps_buf_add_plain(out, m->key, strlen(m->key));
		cps_buf_puts(out, ":");
	} else {
		cps_buf_puts(out, "-");
	}
	if (wants_lines(m) || (m->type == CPS_JSON_OBJECT && (m->key ? depth == 0 : !is_flat(m)))) {
		cps_buf_puts(out, "\n");
		node_add(out, m, depth + 1);
		return;
	}
	cps_buf_puts(out, " ");
	flat_add(out, m);
	cps_buf_puts(out, "\n");
}

static void node_add(struct cps_buf *out, const struct cps_json *node, int depth)
{
	for (const struct cps_json *m = node->first; m; m = m->next)
		member_add(out, m, depth);
}

void sup_debug_text(const struct cps_json *object, struct cps_buf *out)
{
	node_add(out, object, 0);
}
