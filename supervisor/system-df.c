/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule system df: what takes how much of the disk, and how much of that nobody needs.
 */
#include <config.h>
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "container-record.h"
#include "container.h"
#include "image.h"
#include "json.h"
#include "layer.h"
#include "list.h"
#include "own.h"
#include "store.h"
#include "table.h"
#include "usage.h"
#include "volume.h"

struct line {
	const char *type;
	unsigned total, active;
	uint64_t size, reclaimable; /* bytes */
};

enum { LINE_IMAGES, LINE_CONTAINERS, LINE_VOLUMES, LINES };

/* A layer, counted once however many images have it. */
struct layer {
	const char *id;
	uint64_t size;
	bool used;
};

struct df {
	const struct sup_ctx *ctx;
	struct sto store;
	struct cps_arena arena;
	void *layers; /* of tsearch(3), of struct layer */
	void *used;   /* ids of images that containers were made of */
	struct line lines[LINES];
};

static int layer_compare(const void *a, const void *b)
{
	return strcmp(((const struct layer *)a)->id, ((const struct layer *)b)->id);
}

static int text_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep(void *node)
{
	(void)node; /* the arena's */
}

static int layer_note(struct df *d, const char *id, bool used, struct cps_err *err)
{
	struct layer *l = cps_arena_alloc(&d->arena, sizeof(*l));
	struct layer *const *found;

	if (!l)
		return cps_fail(err, ENOMEM, "layers");
	l->id = id;
	found = tsearch(l, &d->layers, layer_compare);
	if (!found)
		return cps_fail(err, ENOMEM, "layers");
	(*found)->used |= used;
	if (*found != l)
		return 0;
	l->size = sto_layer_size(&d->store, id);
	d->lines[LINE_IMAGES].size += l->size;
	return 0;
}

static bool is_running(const struct sup_ctx *ctx, const char *id)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container c = { 0 };
	cleanup_fd int rootfd = -1;
	struct cps_err ignored;

	return sup_container_open(ctx->root, id, &a, &rootfd, &c, &ignored) == 0 &&
	       sup_has_process(&c);
}

static int container_count(struct df *d, const char *id, struct cps_err *err)
{
	struct line *line = &d->lines[LINE_CONTAINERS];
	cleanup_fd int dir = sto_container_open(&d->store, id, err);
	struct sto_record r;
	uint64_t size;
	int rc = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	size = sto_usage(dir, ".");
	line->total++;
	line->size += size;
	if (is_running(d->ctx, id))
		line->active++;
	else
		line->reclaimable += size;
	if (sto_record_read(dir, &d->arena, &r, err) < 0)
		return 0;
	if (r.image_id && !tsearch(r.image_id, &d->used, text_compare))
		return cps_fail(err, ENOMEM, "images");
	for (size_t i = 0; i < r.layers.n && rc == 0; i++)
		rc = layer_note(d, r.layers.v[i], true, err);
	return rc;
}

static int containers_count(struct df *d, struct cps_err *err)
{
	const char **ids;
	size_t n;
	int rc = sto_container_list(&d->store, &d->arena, &ids, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = container_count(d, ids[i], err);
	return rc;
}

static int images_count(struct df *d, struct cps_err *err)
{
	struct line *line = &d->lines[LINE_IMAGES];
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_image_names(&d->store, &d->arena, &names, &n, err);

	if (rc == -ENOENT)
		return 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct sto_image image;
		bool used;

		if (sto_image_load(&d->store, names[i], &d->arena, &image, err) < 0)
			continue; /* `system check` is for that */
		used = tfind(image.id, &d->used, text_compare);
		line->total++;
		line->active += used;
		for (unsigned j = 0; j < image.nlayers && rc == 0; j++)
			rc = layer_note(d, image.layers[j], used, err);
	}
	return rc;
}

static int volumes_count(struct df *d, struct cps_err *err)
{
	struct line *line = &d->lines[LINE_VOLUMES];
	const struct sto_volume_ref *refs = NULL;
	const char **names = NULL;
	size_t nrefs = 0, n = 0;
	int rc = sto_volume_refs(&d->store, &d->arena, &refs, &nrefs, err);

	if (rc == 0)
		rc = sto_volume_list(&d->store, &d->arena, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		char path[STO_VOLUME_NAME + 16];
		uint64_t size;

		(void)snprintf(path, sizeof(path), STO_VOLUMES "/%s", names[i]);
		size = sto_usage(d->store.fd, path);
		line->total++;
		line->size += size;
		if (sto_volume_user(refs, nrefs, names[i]))
			line->active++;
		else
			line->reclaimable += size;
	}
	return rc;
}

static void layer_add(const void *node, VISIT visit, void *line)
{
	const struct layer *l = *(const struct layer *const *)node;

	if ((visit == postorder || visit == leaf) && !l->used)
		((struct line *)line)->reclaimable += l->size;
}

static void print_table(const struct df *d)
{
	static const char *const heading[] = { "TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE" };
	struct cps_table t;
	char text[24];

	cps_table_init(&t, 5);
	for (size_t i = 0; i < 5; i++)
		cps_table_add(&t, heading[i]);
	for (size_t i = 0; i < LINES; i++) {
		const struct line *l = &d->lines[i];

		cps_table_add(&t, l->type);
		cps_table_addf(&t, "%u", l->total);
		cps_table_addf(&t, "%u", l->active);
		sup_size_format(l->size, text, sizeof(text));
		cps_table_add(&t, text);
		sup_size_format(l->reclaimable, text, sizeof(text));
		cps_table_add(&t, text);
	}
	cps_table_print(&t, stdout);
	cps_table_done(&t);
}

static int print_json(const struct df *d, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, true);
	cps_jsonw_open(&w, NULL, '[');
	for (size_t i = 0; i < LINES; i++) {
		const struct line *l = &d->lines[i];

		cps_jsonw_open(&w, NULL, '{');
		cps_jsonw_str(&w, "type", l->type);
		cps_jsonw_u64(&w, "total", l->total);
		cps_jsonw_u64(&w, "active", l->active);
		cps_jsonw_u64(&w, "size", l->size);
		cps_jsonw_u64(&w, "reclaimable", l->reclaimable);
		cps_jsonw_close(&w, '}');
	}
	cps_jsonw_close(&w, ']');
	if (b.failed)
		return cps_fail(err, ENOMEM, "print");
	puts(b.data);
	return 0;
}

void sup_size_format(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)bytes;
	unsigned i = 0;

	for (; value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		value /= 1000;
	(void)snprintf(buf, size, i ? "%.1f%s" : "%.0f%s", value, units[i]);
}

int sup_system_df(const struct sup_ctx *ctx, bool json, struct cps_err *err)
{
	struct df d = { .ctx = ctx,
			.store = STO_INIT,
			.lines = { [LINE_IMAGES].type = "images",
				   [LINE_CONTAINERS].type = "containers",
				   [LINE_VOLUMES].type = "volumes" } };
	int rc = sto_open(ctx->data_root, false, &d.store, err);

	if (rc == 0)
		rc = containers_count(&d, err);
	if (rc == 0)
		rc = images_count(&d, err);
	if (rc == 0)
		rc = volumes_count(&d, err);
	if (rc == -ENOENT && d.store.fd < 0) /* nothing is kept yet */
		rc = 0;
	if (rc == 0) {
		twalk_r(d.layers, layer_add, &d.lines[LINE_IMAGES]);
		if (json)
			rc = print_json(&d, err);
		else
			print_table(&d);
	}
	tdestroy(d.layers, keep);
	tdestroy(d.used, keep);
	cps_arena_done(&d.arena);
	sto_done(&d.store);
	return rc;
}
