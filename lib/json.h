/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, read into a tree in an arena (yajl parses) and written into a buffer.
 *
 * Every node knows its parent, so an error names its place: "process.user.uid: …". Numbers keep
 * their text: 64-bit values are exact, and "1.5" is never taken for 1. Input is bounded by the
 * caller (bytes) and here (nesting, CPS_JSON_DEPTH). Duplicate keys: the last one wins, as in Go.
 */
#ifndef CPS_JSON_H
#define CPS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

#define CPS_JSON_DEPTH 64

enum cps_json_type {
	CPS_JSON_NULL,
	CPS_JSON_BOOL,
	CPS_JSON_NUMBER,
	CPS_JSON_STRING,
	CPS_JSON_ARRAY,
	CPS_JSON_OBJECT,
};

struct cps_json {
	enum cps_json_type type;
	bool boolean;
	uint32_t index;		       /* place in the parent array */
	uint32_t count;		       /* children of an array or object */
	const char *key;	       /* member name in the parent object, or NULL */
	const char *text;	       /* string value (may hold NULs, see len) or number text */
	size_t len;		       /* of text */
	const struct cps_json *parent; /* NULL for the root */
	struct cps_json *first;	       /* first child */
	struct cps_json *next;	       /* next sibling */
};

/* Parses len bytes. Errors carry the line and column: "line 3, column 7: …" (EINVAL). Trailing
 * garbage, invalid UTF-8 and halves of surrogate pairs are errors. *ret_root lives in the arena;
 * text need not outlive the call. */
int cps_json_parse(struct cps_arena *a, const char *text, size_t len,
		   const struct cps_json **ret_root, struct cps_err *err);

/* Reads and parses dirfd/name (at most max bytes), which must hold an object; what is wrong in it
 * is told with the file's name. -ENOENT: no such file. */
int cps_json_load(struct cps_arena *a, int dirfd, const char *name, size_t max,
		  const struct cps_json **ret_root, struct cps_err *err);

/* Member `key` of an object; NULL if absent, if it is null, or if obj is NULL or no object. */
const struct cps_json *cps_json_get(const struct cps_json *obj, const char *key);

/* Writes "process.args[1]" ("(top)" for the root) into buf; always NUL-terminated. */
void cps_json_path(const struct cps_json *node, char *buf, size_t size);

/* Births an error that names the node's path: "<path>: <text>". Returns -num. */
int cps_json_fail(const struct cps_json *node, int num, struct cps_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Typed getters: check the type and range, fail with the path and what was expected (EINVAL).
 * Strings with an embedded NUL are refused. */
int cps_json_str(const struct cps_json *node, const char **ret, struct cps_err *err);
int cps_json_bool(const struct cps_json *node, bool *ret, struct cps_err *err);
int cps_json_i64(const struct cps_json *node, int64_t min, int64_t max, int64_t *ret,
		 struct cps_err *err);
int cps_json_u64(const struct cps_json *node, uint64_t max, uint64_t *ret, struct cps_err *err);
int cps_json_want(const struct cps_json *node, enum cps_json_type type, struct cps_err *err);

/* Writer. Commas and quoting are its business; `key` is NULL inside arrays and at the top. Bytes
 * that are not UTF-8 are written as U+FFFD. Check buf.failed once at the end. */
struct cps_jsonw {
	struct cps_buf *buf;
	bool pretty; /* indent by a tab */
	bool comma;  /* the next item is not the first at its level */
	int depth;
};

void cps_jsonw_init(struct cps_jsonw *w, struct cps_buf *buf, bool pretty);
void cps_jsonw_open(struct cps_jsonw *w, const char *key, char bracket);     /* '{' or '[' */
void cps_jsonw_close(struct cps_jsonw *w, char bracket);		     /* '}' or ']' */
void cps_jsonw_str(struct cps_jsonw *w, const char *key, const char *value); /* NULL writes null */
void cps_jsonw_strn(struct cps_jsonw *w, const char *key, const char *value, size_t len);
/* An array; values ends with NULL, or is NULL and the array empty. */
void cps_jsonw_strs(struct cps_jsonw *w, const char *key, const char *const *values);
/* The same of n values. */
void cps_jsonw_nstrs(struct cps_jsonw *w, const char *key, const char *const *values, size_t n);
void cps_jsonw_i64(struct cps_jsonw *w, const char *key, int64_t value);
void cps_jsonw_u64(struct cps_jsonw *w, const char *key, uint64_t value);
void cps_jsonw_bool(struct cps_jsonw *w, const char *key, bool value);
void cps_jsonw_null(struct cps_jsonw *w, const char *key);
void cps_jsonw_raw(struct cps_jsonw *w, const char *key, const char *json); /* text as it is */
void cps_jsonw_node(struct cps_jsonw *w, const char *key, const struct cps_json *node); /* a tree */

/* A tree as text, the caller's to free; NULL: no memory. */
char *cps_json_text(const struct cps_json *node);

#endif
