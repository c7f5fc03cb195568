/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine below spec*.c: objects by table, arrays, and the scalars that all of them share.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <string.h>

int rt_spec_no_memory(const struct cps_json *node, struct cps_err *err)
{
	return cps_json_fail(node, ENOMEM, err, "out of memory");
}

/* True if a value asks for nothing, so that a runtime that cannot honour it loses nothing. */
static bool is_empty(const struct cps_json *node)
{
	const struct cps_json *child;

	switch (node->type) {
	case CPS_JSON_NULL:
		return true;
	case CPS_JSON_BOOL:
		return !node->boolean;
	case CPS_JSON_NUMBER:
		return strcmp(node->text, "0") == 0;
	case CPS_JSON_STRING:
		return node->len == 0;
	case CPS_JSON_ARRAY:
		return node->count == 0;
	case CPS_JSON_OBJECT:
		for (child = node->first; child; child = child->next)
			if (!is_empty(child))
				return false;
		return true;
	}
	return false;
}

static const struct rt_spec_member *member_find(const struct rt_spec_member *table, const char *key)
{
	for (; table->name; table++)
		if (table->name[0] == key[0] && strcmp(table->name, key) == 0)
			return table;
	return NULL;
}

int rt_spec_object(const struct rt_spec_in *in, const struct cps_json *node,
		   const struct rt_spec_member *table, void *object, struct cps_err *err)
{
	const struct rt_spec_member *member;
	const struct cps_json *child;
	char path[RT_SPEC_PATH_SIZE];
	int rc;

	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return rc;
	for (child = node->first; child; child = child->next) {
		member = member_find(table, child->key);
		if (!member) {
			if (in->warn && in->warn->debug) {
				cps_json_path(child, path, sizeof(path));
				rt_note(in->warn, "%s: not known to the runtime-spec, ignoring",
					path);
			}
			continue;
		}
		if (child->type == CPS_JSON_NULL)
			continue;
		if (!member->parse) {
			if (is_empty(child))
				continue;
			return cps_json_fail(child, EOPNOTSUPP, err,
					     "not supported by this runtime");
		}
		rc = member->parse(in, child, (char *)object + member->offset, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int rt_spec_array(const struct rt_spec_in *in, const struct cps_json *node, size_t size,
		  rt_spec_parser *parse, size_t *ret_count, void **ret_elements,
		  struct cps_err *err)
{
	const struct cps_json *child;
	char *elements, *at;
	int rc;

	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	elements = cps_arena_array(in->arena, node->count ? node->count : 1, size);
	if (!elements)
		return rt_spec_no_memory(node, err);
	at = elements;
	for (child = node->first; child; child = child->next, at += size) {
		rc = parse(in, child, at, err);
		if (rc < 0)
			return rc;
	}
	*ret_count = node->count;
	*ret_elements = elements;
	return 0;
}

int rt_spec_str(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		struct cps_err *err)
{
	(void)in; /* the text is in the arena already */
	return cps_json_str(node, (const char **)field, err);
}

int rt_spec_str_some(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		     struct cps_err *err)
{
	const char **text = field;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	if (!(*text)[0])
		*text = NULL;
	return 0;
}

int rt_spec_bool(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		 struct cps_err *err)
{
	(void)in;
	return cps_json_bool(node, field, err);
}

int rt_spec_strs(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		 struct cps_err *err)
{
	struct rt_strs *strs = field;
	const struct cps_json *child;
	const char **v;
	size_t n = 0;
	int rc;

	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	v = cps_arena_array(in->arena, (size_t)node->count + 1, sizeof(*v));
	if (!v)
		return rt_spec_no_memory(node, err);
	for (child = node->first; child; child = child->next) {
		rc = cps_json_str(child, &v[n++], err);
		if (rc < 0)
			return rc;
	}
	strs->n = n;
	strs->v = v;
	return 0;
}

/* Environment lists are joined through a hash table: kubelets write thousands of entries. */
static uint32_t env_hash(const char *entry, size_t key_len)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < key_len; i++)
		h = (h ^ (unsigned char)entry[i]) * 16777619u;
	return h ^ (h >> 15);
}

/* Puts one entry where its key is, or at the end. */
static void env_put(struct rt_strs *to, uint32_t *slots, uint32_t mask, const char *entry)
{
	size_t key_len = strcspn(entry, "=");
	uint32_t at = env_hash(entry, key_len) & mask;

	for (; slots[at]; at = (at + 1) & mask) {
		const char *there = to->v[slots[at] - 1];

		if (strncmp(there, entry, key_len) == 0 && there[key_len] == '=') {
			to->v[slots[at] - 1] = entry;
			return;
		}
	}
	to->v[to->n++] = entry;
	slots[at] = (uint32_t)to->n;
}

int rt_spec_env_join(const struct rt_spec_in *in, const struct rt_strs *first,
		     const struct rt_strs *second, struct rt_strs *ret, struct cps_err *err)
{
	size_t i, total = first->n + second->n;
	struct rt_strs joined = { 0, NULL };
	uint32_t size = 16, *slots;

	while (size < total * 2)
		size *= 2;
	slots = cps_arena_array(in->arena, size, sizeof(*slots));
	joined.v = cps_arena_array(in->arena, total + 1, sizeof(*joined.v));
	if (!slots || !joined.v)
		return cps_failx(err, ENOMEM, "env: out of memory");
	for (i = 0; i < first->n; i++)
		env_put(&joined, slots, size - 1, first->v[i]);
	for (i = 0; i < second->n; i++)
		env_put(&joined, slots, size - 1, second->v[i]);
	*ret = joined;
	return 0;
}

int rt_spec_env(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		struct cps_err *err)
{
	static const struct rt_strs none;
	const struct cps_json *child;
	struct rt_strs entries;
	const char *entry;
	size_t i = 0;
	int rc;

	rc = rt_spec_strs(in, node, &entries, err);
	if (rc < 0)
		return rc;
	for (child = node->first; child; child = child->next) {
		entry = entries.v[i++];
		if (!strchr(entry, '=') || entry[0] == '=')
			return cps_json_fail(child, EINVAL, err, "'%s' is not KEY=VALUE", entry);
	}
	return rt_spec_env_join(in, &none, &entries, field, err);
}

int rt_spec_i64(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		struct cps_err *err)
{
	struct rt_i64 *value = field;

	(void)in;
	value->set = true;
	return cps_json_i64(node, INT64_MIN, INT64_MAX, &value->v, err);
}

int rt_spec_limit(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		  struct cps_err *err)
{
	struct rt_i64 *value = field;

	(void)in;
	value->set = true;
	return cps_json_i64(node, -1, INT64_MAX, &value->v, err);
}

int rt_spec_u64(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		struct cps_err *err)
{
	struct rt_u64 *value = field;

	(void)in;
	value->set = true;
	return cps_json_u64(node, UINT64_MAX, &value->v, err);
}

int rt_spec_u32(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		struct cps_err *err)
{
	uint64_t value;
	int rc;

	(void)in;
	rc = cps_json_u64(node, UINT32_MAX, &value, err);
	if (rc < 0)
		return rc;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

int rt_spec_id(const struct rt_spec_in *in, const struct cps_json *node, void *field,
	       struct cps_err *err)
{
	uint64_t value;
	int rc;

	(void)in;
	/* 4294967295 is (uid_t)-1, "leave it as it is" to the kernel (D15) */
	rc = cps_json_u64(node, UINT32_MAX - 1, &value, err);
	if (rc < 0)
		return rc;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

int rt_spec_map(const struct rt_spec_in *in, const struct cps_json *node, size_t *ret_count,
		const struct rt_key_value **ret_pairs, struct cps_err *err)
{
	const struct cps_json *child;
	struct rt_key_value *pairs;
	size_t n = 0;
	int rc;

	rc = cps_json_want(node, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return rc;
	pairs = cps_arena_array(in->arena, (size_t)node->count + 1, sizeof(*pairs));
	if (!pairs)
		return rt_spec_no_memory(node, err);
	for (child = node->first; child; child = child->next) {
		if (!child->key[0])
			return cps_json_fail(child, EINVAL, err, "the name is empty");
		pairs[n].key = child->key;
		rc = cps_json_str(child, &pairs[n++].value, err);
		if (rc < 0)
			return rc;
	}
	*ret_count = n;
	*ret_pairs = pairs;
	return 0;
}

int rt_spec_word(const struct cps_json *node, const struct rt_spec_word *words, const char *what,
		 uint64_t *ret, struct cps_err *err)
{
	const char *text;
	int rc;

	rc = cps_json_str(node, &text, err);
	if (rc < 0)
		return rc;
	for (; words->name; words++) {
		if (strcmp(words->name, text) != 0)
			continue;
		*ret = words->number;
		return 0;
	}
	return cps_json_fail(node, EINVAL, err, "'%s' is no %s", text, what);
}

int rt_spec_words(const struct cps_json *node, const struct rt_spec_word *words, const char *what,
		  uint64_t *ret, struct cps_err *err)
{
	const struct cps_json *child;
	uint64_t all = 0, one;
	int rc;

	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	for (child = node->first; child; child = child->next) {
		rc = rt_spec_word(child, words, what, &one, err);
		if (rc < 0)
			return rc;
		all |= one;
	}
	*ret = all;
	return 0;
}
