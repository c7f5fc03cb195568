/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of `capsule commit` and `capsule container export` that has to do with archives: capsule
 * has opened the container's files and hands over descriptors. Nobody types these.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commit-config.h"
#include "image-write.h"
#include "image.h"
#include "maker-lock.h"
#include "own.h"
#include "tar-write.h"

#define FD_ROOT 3 /* the writable layer, or the whole tree */
#define FD_OUT	4 /* of an export */

struct options {
	struct img_commit config;
	struct cps_opt_list changes;
	const char *manifest, *base; /* digests: the image's, its config's */
	int64_t ids_first;
};

static int root_check(struct cps_err *err)
{
	return fcntl(FD_ROOT, F_SETFD, FD_CLOEXEC) < 0
		       ? cps_failx(err, EINVAL, "it is `capsule commit` that runs this")
		       : 0;
}

/* The archive goes through a pipe, so that it is written once, as the blob that it becomes. */
struct archiver {
	struct img_tar tar;
	struct cps_err err;
	int rc;
};

static void *archive(void *data)
{
	struct archiver *a = data;

	a->rc = img_tar_write(&a->tar, &a->err);
	cps_close(&a->tar.out); /* the reader sees the end */
	return NULL;
}

static int layer_add(const struct sto *s, struct archiver *a, struct img_layer *ret,
		     struct cps_err *err)
{
	cleanup_fd int in = -1;
	struct img_reader reader;
	pthread_t thread;
	int ends[2];
	int rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "pipe");
	in = ends[0];
	a->tar.out = ends[1];
	rc = pthread_create(&thread, NULL, archive, a);
	if (rc) {
		cps_close(&a->tar.out);
		return cps_fail(err, rc, "start a thread");
	}
	reader = img_reader_of_fd(&in);
	rc = img_layer_add(s, &reader, IMG_SIZE_UNKNOWN, NULL, a->tar.progress, ret, err);
	cps_close(&in); /* or it might wait for us for ever */
	(void)pthread_join(thread, NULL);
	if (a->rc < 0 && (rc == 0 || a->err.num != EPIPE)) {
		*err = a->err; /* where it began */
		rc = a->rc;
	}
	return rc;
}

/* Layers of the image below; Docker's types are the OCI's under another name. */
static int layers_take(const struct sto_image *base, struct img_layer *layers, struct cps_err *err)
{
	if (base->content.nlayers >= STO_LAYERS_MAX)
		return cps_failx(err, E2BIG, "the image has %u layers already, and %d is the bound",
				 base->content.nlayers, STO_LAYERS_MAX);
	for (unsigned i = 0; i < base->content.nlayers; i++) {
		const struct sto_descriptor *d = &base->content.layers[i];
		const char *type = d->media_type;

		if (strncmp(type, STO_TYPE_OCI_LAYER, strlen(STO_TYPE_OCI_LAYER)) != 0)
			type = strstr(type, "gzip")   ? STO_TYPE_OCI_LAYER "+gzip"
			       : strstr(type, "zstd") ? STO_TYPE_OCI_LAYER "+zstd"
						      : STO_TYPE_OCI_LAYER;
		(void)snprintf(layers[i].blob, sizeof(layers[i].blob), "%s", d->digest);
		layers[i].size = d->size;
		layers[i].media_type = type;
	}
	return (int)base->content.nlayers;
}

static int commit(const struct sto *s, const char *name, const struct options *o,
		  struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_progress struct img_progress progress = { 0 };
	cleanup_buf struct cps_buf config = CPS_BUF_INIT;
	struct archiver a = { .tar = { .root = FD_ROOT,
				       .is_layer = true,
				       .ids_first = (uint32_t)o->ids_first,
				       .progress = &progress } };
	struct img_layer layers[STO_LAYERS_MAX];
	char manifest[STO_DIGEST_SIZE];
	struct sto_image base = { 0 };
	struct img_commit words;
	int n = 0, rc = 0;

	if (o->manifest)
		rc = sto_image_of_manifest(s, o->manifest, &arena, &base, err);
	else if (o->base)
		rc = sto_image_find(s, o->base, &arena, &base, err);
	rc = cps_wrap(err, rc, "its image");
	if (rc == 0)
		rc = n = layers_take(&base, layers, err);
	if (rc < 0)
		return rc;
	img_progress_begin(&progress, name, 0);
	rc = layer_add(s, &a, &layers[n], err);
	if (rc < 0)
		return rc;
	words = o->config;
	words.base = base.config;
	words.base_len = base.config_len;
	words.diff_id = layers[n].diff_id;
	words.changes = &o->changes;
	rc = img_commit_config(&words, &config, err);
	if (rc == 0)
		rc = img_image_write(s, config.data, config.len, layers, (unsigned)n + 1, manifest,
				     err);
	if (rc == 0)
		rc = sto_image_name(s, name, manifest, err);
	img_progress_end(&progress);
	if (rc == 0)
		puts(name);
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	struct options o = { 0 };
	cleanup_args struct img_args args = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	char name[STO_NAME_SIZE];
	const struct cps_opt table[] = {
		{ "manifest", 0, CPS_OPT_STR, &o.manifest, "DIGEST", "of the image below" },
		{ "base", 0, CPS_OPT_STR, &o.base, "DIGEST",
		  "its config, if no manifest is on record" },
		{ "container", 0, CPS_OPT_STR, &o.config.container, "ID", "for the history" },
		{ "ids-first", 0, CPS_OPT_NUM, &o.ids_first, "N", "what is 0 in the container" },
		{ "change", 'c', CPS_OPT_LIST, &o.changes, "CHANGE", "of the configuration" },
		{ "message", 'm', CPS_OPT_STR, &o.config.message, "TEXT", "for the history" },
		{ "author", 'a', CPS_OPT_STR, &o.config.author, "NAME", "who made it" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 1, &args, err);

	if (rc == 0 && !args.done) {
		(void)signal(SIGPIPE, SIG_IGN);
		rc = root_check(err);
		if (rc == 0)
			rc = sto_name_normalise(args.v[0], name, err);
		if (rc == 0)
			rc = sto_open(ctx->data_root, true, &s, err);
		if (rc == 0)
			rc = img_maker_lock(&s, err);
		lock = rc;
		if (lock >= 0)
			rc = commit(&s, name, &o, err);
		rc = cps_wrap(err, rc, "commit");
	}
	free(o.changes.values);
	return rc;
}

static int export(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
		  struct cps_err *err)
{
	cleanup_progress struct img_progress progress = { 0 };
	cleanup_args struct img_args args = { 0 };
	struct img_tar tar = { .root = FD_ROOT, .out = FD_OUT, .progress = &progress };
	int64_t ids_first = 0;
	const struct cps_opt table[] = {
		{ "ids-first", 0, CPS_OPT_NUM, &ids_first, "N", "what is 0 in the container" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = root_check(err);
	if (rc < 0)
		return rc;
	tar.ids_first = (uint32_t)ids_first;
	img_progress_begin(&progress, args.v[0], 0);
	return cps_wrap(err, img_tar_write(&tar, err), "export");
}

const struct img_command img_cmd_commit = {
	.name = "commit-layer",
	.usage = "[OPTION]... NAME",
	.run = run,
};

const struct img_command img_cmd_export_tree = {
	.name = "export-tree",
	.usage = "[OPTION]... ID",
	.run = export,
};
