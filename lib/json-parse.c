/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing JSON: yajl finds the tokens, the callbacks here hang nodes into the tree. A parse that
 * succeeds pays nothing for error messages: lines and columns are counted only when it fails.
 */
#include <config.h>
#include "json.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "file.h"
#include "own.h"
#include "utf8.h"

#define SMALL_OBJECT 16 /* up to so many members, comparing all pairs is the fastest */

/*
 * Memory for yajl, which does not check what malloc returns: as much as it can possibly take is
 * there before it starts, and freed whole.
 */
struct scratch {
	char *at;
	size_t left;
};

struct piece {
	size_t size;
	alignas(max_align_t) char data[];
};

struct parser {
	struct cps_arena *arena;
	struct cps_json *root;
	struct cps_json *open;			   /* innermost array or object being filled */
	struct cps_json *last[CPS_JSON_DEPTH + 1]; /* by depth: last child so far */
	const char *key;			   /* of the value to come */
	const char *refused;			   /* why a callback stopped the parse */
	int depth;
};

static int refuse(struct parser *p, const char *why)
{
	p->refused = why;
	return 0;
}

static struct cps_json *node_add(struct parser *p, enum cps_json_type type)
{
	struct cps_json *node = cps_arena_alloc(p->arena, sizeof(*node));

	if (!node) {
		(void)refuse(p, NULL);
		return NULL;
	}
	node->type = type;
	node->key = p->key;
	node->parent = p->open;
	p->key = NULL;
	if (!p->open) {
		p->root = node;
		return node;
	}
	node->index = p->open->count++;
	if (p->last[p->depth])
		p->last[p->depth]->next = node;
	else
		p->open->first = node;
	p->last[p->depth] = node;
	return node;
}

static int text_add(struct parser *p, enum cps_json_type type, const char *text, size_t len)
{
	struct cps_json *node = node_add(p, type);

	if (!node)
		return 0;
	node->text = cps_arena_strndup(p->arena, text, len);
	node->len = len;
	return node->text != NULL;
}

static int on_null(void *ctx)
{
	return node_add(ctx, CPS_JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value)
{
	struct cps_json *node = node_add(ctx, CPS_JSON_BOOL);

	if (node)
		node->boolean = value != 0;
	return node != NULL;
}

static int on_number(void *ctx, const char *text, size_t len)
{
	return text_add(ctx, CPS_JSON_NUMBER, text, len);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	return text_add(ctx, CPS_JSON_STRING, (const char *)text, len);
}

static int on_map_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;

	/* Keys are C strings: one that seems to end early would pass for another. */
	if (memchr(text, '\0', len))
		return refuse(p, "a NUL in a member's name");
	p->key = cps_arena_strndup(p->arena, (const char *)text, len);
	return p->key != NULL;
}

static int branch_open(struct parser *p, enum cps_json_type type)
{
	struct cps_json *node;

	if (p->depth >= CPS_JSON_DEPTH)
		return refuse(p, "nested too deeply");
	node = node_add(p, type);
	if (!node)
		return 0;
	p->open = node;
	p->last[++p->depth] = NULL;
	return 1;
}

static int branch_close(struct parser *p)
{
	p->open = (struct cps_json *)p->open->parent;
	p->depth--;
	return 1;
}

static int on_start_map(void *ctx)
{
	return branch_open(ctx, CPS_JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
	return branch_open(ctx, CPS_JSON_ARRAY);
}

static int on_end_array(void *ctx)
{
	return branch_close(ctx);
}

static int by_key_then_index(const void *a, const void *b)
{
	const struct cps_json *x = *(struct cps_json *const *)a;
	const struct cps_json *y = *(struct cps_json *const *)b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	return x->index < y->index ? -1 : 1;
}

/* Takes the keys of all members that a later one replaces. Returns how many, -1 out of memory. */
static int stale_mark(struct cps_json *object)
{
	cleanup_free struct cps_json **members = NULL;
	uint32_t i = 0;
	int stale = 0;

	if (object->count <= SMALL_OBJECT) {
		for (struct cps_json *m = object->first; m; m = m->next) {
			const struct cps_json *later = m->next;

			while (later && strcmp(later->key, m->key) != 0)
				later = later->next;
			if (later) {
				m->key = NULL;
				stale++;
			}
		}
		return stale;
	}

	/* Sorted, so that an object with many members costs no quadratic time. */
	members = malloc(object->count * sizeof(struct cps_json *));
	if (!members)
		return -1;
	for (struct cps_json *m = object->first; m; m = m->next)
		members[i++] = m;
	qsort(members, i, sizeof(struct cps_json *), by_key_then_index);
	for (uint32_t n = 0; n + 1 < i; n++) {
		if (strcmp(members[n]->key, members[n + 1]->key) == 0) {
			members[n]->key = NULL;
			stale++;
		}
	}
	return stale;
}

static int on_end_map(void *ctx)
{
	struct parser *p = ctx;
	struct cps_json *object = p->open;
	int stale = stale_mark(object);

	if (stale < 0)
		return 0;
	if (stale > 0) {
		struct cps_json **link = &object->first;

		while (*link) {
			if ((*link)->key)
				link = &(*link)->next;
			else
				*link = (*link)->next;
		}
		object->count -= (uint32_t)stale;
	}
	return branch_close(p);
}

static void *scratch_take(void *ctx, size_t size)
{
	struct scratch *s = ctx;
	struct piece *piece = (struct piece *)s->at;
	size_t whole =
		(sizeof(*piece) + size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

	if (whole > s->left)
		abort(); /* scratch_size() is wrong: better than what yajl would do */
	s->at += whole;
	s->left -= whole;
	piece->size = size;
	return piece->data;
}

static void *scratch_resize(void *ctx, void *old, size_t size)
{
	char *data = scratch_take(ctx, size);

	if (old) {
		size_t had = ((struct piece *)((char *)old - offsetof(struct piece, data)))->size;

		memcpy(data, old, had < size ? had : size);
	}
	return data;
}

static void scratch_drop(void *ctx, void *old)
{
	(void)ctx;
	(void)old; /* goes with the rest */
}

/*
 * Two buffers of yajl's grow with the text, by doubling from 2 KiB, each time into new memory here:
 * the one for strings with escapes, and the one for a token that the end of the text cuts off. The
 * rest is of a fixed size: its structs, a byte for each level of nesting, the error message.
 *
 * Without escapes, and if the text ends with a quote and a few brackets, as configs do, neither
 * grows: if that quote opens a string, the brackets are all of the token that is cut off.
 */
static size_t scratch_size(const char *text, size_t len, bool escapes)
{
	const size_t fixed = 16384;
	size_t end = len;

	while (end > 0 && len - end < 1024 && strchr("]} \n", text[end - 1]) && text[end - 1])
		end--;
	if (!escapes && end > 0 && text[end - 1] == '"')
		return fixed;
	return len < PTRDIFF_MAX / 16 ? fixed + 10 * len : PTRDIFF_MAX;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* The code unit of "\uXXXX" at text[at..len), -1 if that is not there. */
static int code_unit(const char *text, size_t at, size_t len)
{
	int unit = 0;

	if (len - at < 6 || text[at] != '\\' || text[at + 1] != 'u')
		return -1;
	for (size_t i = at + 2; i < at + 6; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			unit = unit * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

/* Where the first half of a surrogate pair stands alone; len if none does. yajl lets them pass. */
static size_t find_half_pair(const char *text, size_t len)
{
	const char *next;

	for (size_t at = 0; at < len && (next = memchr(text + at, '\\', len - at)); at += 2) {
		int unit;

		at = (size_t)(next - text);
		unit = code_unit(text, at, len);
		if (unit >= 0xdc00 && unit <= 0xdfff)
			return at;
		if (unit >= 0xd800 && unit <= 0xdbff) {
			int low = code_unit(text, at + 6, len);

			if (low < 0xdc00 || low > 0xdfff)
				return at;
			at += 10;
		}
	}
	return len;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '+' || c == '-' || c == '.' || c == '_';
}

/* yajl complains behind the token that it did not expect: goes back to where that one starts. */
static size_t token_start(const char *text, size_t end)
{
	size_t at;

	if (end == 0)
		return 0;
	at = end - 1;
	if (text[at] == '"') {
		size_t slashes;

		while (at > 0) {
			at--;
			if (text[at] != '"')
				continue;
			for (slashes = 0; slashes < at && text[at - 1 - slashes] == '\\';)
				slashes++;
			if (slashes % 2 == 0)
				return at;
		}
		return at;
	}
	while (is_word(text[at]) && at > 0 && is_word(text[at - 1]))
		at--;
	return at;
}

/* Columns count characters, not bytes, as editors do. */
static int fail_at(const char *text, size_t at, struct cps_err *err, const char *why)
{
	unsigned line = 1;
	unsigned column = 1;

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return cps_failx(err, EINVAL, "line %u, column %u: %s", line, column, why);
}

/* Births the error after yajl has stopped before the end of the text or at it. */
static int parse_fail(yajl_handle handle, yajl_status status, const struct parser *p,
		      const char *text, size_t len, bool at_end, struct cps_err *err)
{
	size_t at = at_end ? len : yajl_get_bytes_consumed(handle);
	unsigned char *said;
	const char *why;

	if (at > len)
		at = len;
	if (status == yajl_status_client_canceled) {
		if (!p->refused)
			return cps_fail(err, ENOMEM, "parse JSON");
		return fail_at(text, token_start(text, at), err, p->refused);
	}
	said = yajl_get_error(handle, 0, NULL, 0);
	if (!said)
		return cps_fail(err, ENOMEM, "parse JSON");
	said[strcspn((char *)said, "\n")] = '\0';
	why = strstr((char *)said, ": ");
	why = why ? why + 2 : (char *)said;
	if (strcmp(why, "premature EOF") == 0) {
		at = len;
		why = "the text ends too early";
	} else if (strncmp((char *)said, "parse", 5) == 0) {
		at = token_start(text, at);
	} else if (strncmp(why, "invalid char in", 15) == 0 && at > 0) {
		at--; /* the one lexical error that is told behind its place */
	}
	return fail_at(text, at, err, why);
}

static int text_parse(struct parser *p, yajl_alloc_funcs *memory, const char *text, size_t len,
		      struct cps_err *err)
{
	yajl_handle handle = yajl_alloc(&callbacks, memory, p);
	bool at_end = false;
	yajl_status status;

	if (!handle)
		return cps_fail(err, ENOMEM, "parse JSON");
	/* Checked before, more strictly: yajl lets overlong forms and surrogates pass. */
	(void)yajl_config(handle, yajl_dont_validate_strings, 1);

	status = yajl_parse(handle, (const unsigned char *)text, len);
	if (status == yajl_status_ok) {
		at_end = true;
		status = yajl_complete_parse(handle);
	}
	if (status != yajl_status_ok)
		return parse_fail(handle, status, p, text, len, at_end, err);
	return 0; /* no yajl_free(): the memory is the caller's */
}

int cps_json_parse(struct cps_arena *a, const char *text, size_t len,
		   const struct cps_json **ret_root, struct cps_err *err)
{
	bool escapes = len > 0 && memchr(text, '\\', len);
	size_t valid = cps_utf8_span(text, len);
	cleanup_free void *memory = NULL;
	struct parser p = { .arena = a };
	struct scratch scratch;
	yajl_alloc_funcs funcs = {
		.malloc = scratch_take,
		.realloc = scratch_resize,
		.free = scratch_drop,
		.ctx = &scratch,
	};
	int rc;

	if (valid < len)
		return fail_at(text, valid, err, "invalid UTF-8");
	if (escapes) {
		valid = find_half_pair(text, len);
		if (valid < len)
			return fail_at(text, valid, err, "half of a surrogate pair");
	}
	scratch.left = scratch_size(text, len, escapes);
	memory = malloc(scratch.left);
	if (!memory)
		return cps_fail(err, ENOMEM, "parse JSON");
	scratch.at = memory;

	rc = text_parse(&p, &funcs, text, len, err);
	if (rc == 0)
		*ret_root = p.root;
	return rc;
}

int cps_json_load(struct cps_arena *a, int dirfd, const char *name, size_t max,
		  const struct cps_json **ret_root, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = cps_file_read(dirfd, name, max, &text, &len, err);

	if (rc < 0)
		return rc;
	rc = cps_json_parse(a, text, len, ret_root, err);
	if (rc == 0)
		rc = cps_json_want(*ret_root, CPS_JSON_OBJECT, err);
	return cps_wrap(err, rc, "%s", name);
}
