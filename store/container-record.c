/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and reading a container's record. Members that are missing read as nothing, so that a
 * record of an older version is one.
 */
#include <config.h>
#include "container-record.h"

#include <errno.h>
#include <stdlib.h>

#include "buf.h"
#include "file.h"
#include "json.h"
#include "own.h"

#define RECORD_MAX (8u << 20)

static void mounts_write(struct cps_jsonw *w, const struct sto_record *r)
{
	cps_jsonw_open(w, "volumes", '[');
	for (size_t i = 0; i < r->nmounts; i++) {
		const struct sto_record_mount *m = &r->mounts[i];

		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "type", m->type);
		if (m->name)
			cps_jsonw_str(w, "name", m->name);
		if (m->source)
			cps_jsonw_str(w, "source", m->source);
		cps_jsonw_str(w, "destination", m->destination);
		cps_jsonw_bool(w, "readonly", m->readonly);
		cps_jsonw_bool(w, "anonymous", m->anonymous);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

void sto_record_links_write(struct cps_jsonw *w, const struct sto_record *r)
{
	cps_jsonw_open(w, "links", '[');
	for (size_t i = 0; i < r->nlinks; i++) {
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "id", r->links[i].id);
		cps_jsonw_str(w, "alias", r->links[i].alias);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

static void record_print(struct cps_jsonw *w, const struct sto_record *r)
{
	cps_jsonw_str(w, "id", r->id);
	cps_jsonw_str(w, "image", r->image);
	cps_jsonw_str(w, "image_id", r->image_id);
	cps_jsonw_str(w, "manifest", r->manifest);
	cps_jsonw_nstrs(w, "layers", r->layers.v, r->layers.n);
	cps_jsonw_str(w, "created", r->created);
	cps_jsonw_nstrs(w, "command", r->command.v, r->command.n);
	sto_pairs_write(w, "labels", &r->labels);
	mounts_write(w, r);
	cps_jsonw_str(w, "network", r->network);
	cps_jsonw_nstrs(w, "ports", r->ports.v, r->ports.n);
	cps_jsonw_nstrs(w, "exposed", r->exposed.v, r->exposed.n);
	sto_record_links_write(w, r);
	cps_jsonw_str(w, "hostname", r->hostname);
	cps_jsonw_str(w, "stop_signal", r->stop_signal);
	cps_jsonw_bool(w, "rm", r->rm);
	cps_jsonw_bool(w, "privileged", r->privileged);
	cps_jsonw_bool(w, "read_only", r->read_only);
}

int sto_record_write(int container_dir, const struct sto_record *r, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	record_print(&w, r);
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write %s", STO_RECORD_FILE);
	return cps_file_replace(container_dir, STO_RECORD_FILE, buf.data, buf.len, 0600, err);
}

static int str_read(const struct cps_json *obj, const char *key, const char **ret,
		    struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);

	return node ? cps_json_str(node, ret, err) : 0;
}

static int bool_read(const struct cps_json *obj, const char *key, bool *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);

	return node ? cps_json_bool(node, ret, err) : 0;
}

/* A member that is an array or an object, NULL if it is missing; its children's room. */
static int members_read(struct cps_arena *a, const struct cps_json *obj, const char *key,
			enum cps_json_type type, size_t size, const struct cps_json **ret_node,
			void *ret_room, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(obj, key);
	int rc = node ? cps_json_want(node, type, err) : 0;

	if (rc < 0)
		return rc;
	*ret_node = node ? node->first : NULL;
	if (node) {
		*(void **)ret_room = cps_arena_array(a, (size_t)node->count + 1, size);
		if (!*(void **)ret_room)
			return cps_fail(err, ENOMEM, "read %s", STO_RECORD_FILE);
	}
	return 0;
}

static int strs_read(struct cps_arena *a, const struct cps_json *obj, const char *key,
		     struct sto_strs *ret, struct cps_err *err)
{
	const struct cps_json *m;
	const char **v = NULL;
	int rc = members_read(a, obj, key, CPS_JSON_ARRAY, sizeof(*v), &m, &v, err);

	ret->v = v;
	for (; rc == 0 && m; m = m->next)
		rc = cps_json_str(m, &v[ret->n++], err);
	return rc;
}

static int labels_read(struct cps_arena *a, const struct cps_json *root, struct sto_pairs *ret,
		       struct cps_err *err)
{
	const struct cps_json *m;
	struct sto_pair *v = NULL;
	int rc = members_read(a, root, "labels", CPS_JSON_OBJECT, sizeof(*v), &m, &v, err);

	ret->v = v;
	for (; rc == 0 && m; m = m->next) {
		v[ret->n].key = m->key;
		rc = cps_json_str(m, &v[ret->n++].value, err);
	}
	return rc;
}

static int mounts_read(struct cps_arena *a, const struct cps_json *root, struct sto_record *ret,
		       struct cps_err *err)
{
	const struct cps_json *m;
	struct sto_record_mount *v = NULL;
	int rc = members_read(a, root, "volumes", CPS_JSON_ARRAY, sizeof(*v), &m, &v, err);

	ret->mounts = v;
	for (; rc == 0 && m; m = m->next) {
		struct sto_record_mount *to = &v[ret->nmounts++];

		rc = str_read(m, "type", &to->type, err);
		if (rc == 0)
			rc = str_read(m, "name", &to->name, err);
		if (rc == 0)
			rc = str_read(m, "source", &to->source, err);
		if (rc == 0)
			rc = str_read(m, "destination", &to->destination, err);
		if (rc == 0)
			rc = bool_read(m, "readonly", &to->readonly, err);
		if (rc == 0)
			rc = bool_read(m, "anonymous", &to->anonymous, err);
		if (rc == 0 && (!to->type || !to->destination))
			rc = cps_json_fail(m, EINVAL, err, "a type or a destination is missing");
	}
	return rc;
}

static int links_read(struct cps_arena *a, const struct cps_json *root, struct sto_record *ret,
		      struct cps_err *err)
{
	const struct cps_json *m;
	struct sto_record_link *v = NULL;
	int rc = members_read(a, root, "links", CPS_JSON_ARRAY, sizeof(*v), &m, &v, err);

	ret->links = v;
	for (; rc == 0 && m; m = m->next) {
		struct sto_record_link *to = &v[ret->nlinks++];

		rc = str_read(m, "id", &to->id, err);
		if (rc == 0)
			rc = str_read(m, "alias", &to->alias, err);
		if (rc == 0 && (!to->id || !to->alias))
			rc = cps_json_fail(m, EINVAL, err, "an id or an alias is missing");
	}
	return rc;
}

static int texts_read(const struct cps_json *root, struct sto_record *r, struct cps_err *err)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{ "id", &r->id },
		{ "image", &r->image },
		{ "image_id", &r->image_id },
		{ "manifest", &r->manifest },
		{ "created", &r->created },
		{ "network", &r->network },
		{ "hostname", &r->hostname },
		{ "stop_signal", &r->stop_signal },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		rc = str_read(root, texts[i].key, texts[i].to, err);
	if (rc == 0)
		rc = bool_read(root, "rm", &r->rm, err);
	if (rc == 0)
		rc = bool_read(root, "privileged", &r->privileged, err);
	if (rc == 0)
		rc = bool_read(root, "read_only", &r->read_only, err);
	return rc;
}

int sto_record_parse(struct cps_arena *a, const char *text, size_t len, struct sto_record *ret,
		     struct cps_err *err)
{
	struct sto_record r = { 0 };
	const struct cps_json *root;
	int rc = cps_json_parse(a, text, len, &root, err);

	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = texts_read(root, &r, err);
	if (rc == 0)
		rc = strs_read(a, root, "layers", &r.layers, err);
	if (rc == 0)
		rc = strs_read(a, root, "command", &r.command, err);
	if (rc == 0)
		rc = labels_read(a, root, &r.labels, err);
	if (rc == 0)
		rc = mounts_read(a, root, &r, err);
	if (rc == 0)
		rc = strs_read(a, root, "ports", &r.ports, err);
	if (rc == 0)
		rc = strs_read(a, root, "exposed", &r.exposed, err);
	if (rc == 0)
		rc = links_read(a, root, &r, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", STO_RECORD_FILE);
	*ret = r;
	return 0;
}

int sto_record_read(int container_dir, struct cps_arena *a, struct sto_record *ret,
		    struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = cps_file_read(container_dir, STO_RECORD_FILE, RECORD_MAX, &text, &len, err);

	return rc < 0 ? rc : sto_record_parse(a, text, len, ret, err);
}
