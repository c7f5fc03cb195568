/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See message.h.
 */
#include <config.h>

#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"

void criu_message_init(struct criu_message *m, Criu__Kind kind, struct cps_arena *a)
{
	memset(m, 0, sizeof(*m));
	m->arena = a;
	criu__request__init(&m->request);
	criu__options__init(&m->options);
	criu__page_server__init(&m->page_server);
	criu__features__init(&m->features);
	m->request.kind = kind;
}

/* Room for one more pointer: the array is as long as the next power of two. */
static bool grow(struct criu_message *m, void *array, size_t count)
{
	void *old, *wider;

	if (count & (count - 1))
		return true;
	memcpy(&old, array, sizeof(old));
	wider = cps_arena_array(m->arena, count ? 2 * count : 1, sizeof(void *));
	if (!wider) {
		m->failed = true;
		return false;
	}
	if (count)
		memcpy(wider, old, count * sizeof(void *));
	memcpy(array, &wider, sizeof(wider));
	return true;
}

static char *keep(struct criu_message *m, const char *text)
{
	char *copy = cps_arena_strdup(m->arena, text);

	m->failed = m->failed || !copy;
	return copy;
}

static void *make(struct criu_message *m, size_t size)
{
	void *p = cps_arena_alloc(m->arena, size);

	m->failed = m->failed || !p;
	return p;
}

void criu_message_mount(struct criu_message *m, const char *key, const char *value)
{
	Criu__Options *o = &m->options;
	Criu__Mount *one;

	for (size_t i = 0; i < o->n_external_mounts; i++)
		if (strcmp(o->external_mounts[i]->key, key) == 0)
			return;
	one = make(m, sizeof(*one));
	if (!one || !grow(m, &o->external_mounts, o->n_external_mounts))
		return;
	criu__mount__init(one);
	one->key = keep(m, key);
	one->value = keep(m, value);
	o->external_mounts[o->n_external_mounts++] = one;
}

void criu_message_external(struct criu_message *m, const char *what)
{
	Criu__Options *o = &m->options;

	if (grow(m, &o->external, o->n_external))
		o->external[o->n_external++] = keep(m, what);
}

void criu_message_inherit(struct criu_message *m, const char *key, int fd)
{
	Criu__Options *o = &m->options;
	Criu__Inherited *one = make(m, sizeof(*one));

	if (!one || !grow(m, &o->inherited, o->n_inherited))
		return;
	criu__inherited__init(one);
	one->key = keep(m, key);
	one->fd = fd;
	o->inherited[o->n_inherited++] = one;
}

void criu_message_join(struct criu_message *m, const char *kind, const char *file)
{
	Criu__Options *o = &m->options;
	Criu__Namespace *one = make(m, sizeof(*one));

	if (!one || !grow(m, &o->join_namespaces, o->n_join_namespaces))
		return;
	criu__namespace__init(one);
	one->kind = keep(m, kind);
	one->file = keep(m, file);
	o->join_namespaces[o->n_join_namespaces++] = one;
}

void criu_message_cgroup_root(struct criu_message *m, const char *controllers, const char *path)
{
	Criu__Options *o = &m->options;
	Criu__CgroupRoot *one = make(m, sizeof(*one));

	if (!one || !grow(m, &o->cgroup_roots, o->n_cgroup_roots))
		return;
	criu__cgroup_root__init(one);
	one->controllers = keep(m, controllers);
	one->path = keep(m, path);
	o->cgroup_roots[o->n_cgroup_roots++] = one;
}

/* What is inside itself is pointed to now, and not before: a struct may be moved when it is made.
 */
int criu_message_pack(const struct criu_message *m, const uint8_t **ret_data, size_t *ret_len,
		      struct cps_err *err)
{
	Criu__Request request = m->request;
	Criu__Options options = m->options;
	Criu__PageServer server = m->page_server;
	Criu__Features features = m->features;
	uint8_t *data;
	size_t len;

	if (request.kind == CRIU__KIND__FEATURE_CHECK)
		request.features = &features;
	if (request.kind != CRIU__KIND__VERSION && request.kind != CRIU__KIND__FEATURE_CHECK)
		request.options = &options;
	if (server.address)
		options.page_server = &server;
	if (m->failed)
		return cps_fail(err, ENOMEM, "a request to CRIU");
	len = criu__request__get_packed_size(&request);
	data = cps_arena_alloc(m->arena, len + 1);
	if (!data)
		return cps_fail(err, ENOMEM, "a request to CRIU");
	*ret_len = criu__request__pack(&request, data);
	*ret_data = data;
	return 0;
}

size_t criu_message_pack_reply(bool success, uint8_t *buf, size_t size)
{
	Criu__Request reply = CRIU__REQUEST__INIT;

	reply.kind = CRIU__KIND__NOTIFY;
	reply.has_notify_success = true;
	reply.notify_success = success;
	return criu__request__get_packed_size(&reply) <= size ? criu__request__pack(&reply, buf)
							      : 0;
}

const char *criu_kind_name(Criu__Kind kind)
{
	const ProtobufCEnumValue *v =
		protobuf_c_enum_descriptor_get_value(&criu__kind__descriptor, (int)kind);

	return v ? v->name : "?";
}

static void copy_plain(const char *text, char *to, size_t size)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;

	cps_buf_add_plain(&buf, text, strnlen(text, size - 1));
	(void)snprintf(to, size, "%s", buf.data ? buf.data : "");
}

static int take(const Criu__Response *r, struct criu_answer *ret, struct cps_err *err)
{
	struct criu_answer a = { .kind = r->kind, .success = r->success };

	if (r->kind == CRIU__KIND__NOTIFY && (!r->notification || !r->notification->script))
		return cps_failx(err, EPROTO, "CRIU tells of nothing");
	if (r->kind == CRIU__KIND__RESTORE && r->success && (!r->restored || r->restored->pid <= 0))
		return cps_failx(err, EPROTO, "CRIU does not say which process it has restored");
	if (r->kind == CRIU__KIND__VERSION && r->success && !r->version)
		return cps_failx(err, EPROTO, "CRIU does not say which version it is");
	if (r->notification && r->notification->script)
		copy_plain(r->notification->script, a.script, sizeof(a.script));
	if (r->notification && r->notification->has_pid)
		a.pid = r->notification->pid;
	if (r->restored)
		a.pid = r->restored->pid;
	if (r->has_error_number)
		a.error_number = r->error_number;
	if (r->error_text)
		copy_plain(r->error_text, a.error_text, sizeof(a.error_text));
	if (r->features) {
		a.memory_tracking =
			r->features->has_memory_tracking && r->features->memory_tracking;
		a.lazy_pages = r->features->has_lazy_pages && r->features->lazy_pages;
	}
	if (r->version)
		a.version = 10000u * (unsigned)r->version->major +
			    100u * (unsigned)r->version->minor +
			    (r->version->has_sublevel ? (unsigned)r->version->sublevel : 0);
	*ret = a;
	return 0;
}

int criu_answer_parse(const void *data, size_t len, struct criu_answer *ret, struct cps_err *err)
{
	Criu__Response *r = criu__response__unpack(NULL, len, data);
	int rc;

	if (!r)
		return cps_failx(err, EPROTO, "CRIU's answer cannot be read");
	rc = take(r, ret, err);
	criu__response__free_unpacked(r, NULL);
	return rc;
}
