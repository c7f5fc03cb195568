/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image export: an image as an archive, its blobs as they are: an OCI layout, which for
 * `docker load` has a manifest.json beside its index, as docker save writes it.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "blob.h"
#include "file.h"
#include "image.h"
#include "json.h"
#include "own.h"
#include "progress.h"
#include "stream.h"

#define BLOB_PATH      "blobs/sha256/"
#define FULL_SIZE      640
#define BLOB_PATH_SIZE (sizeof(BLOB_PATH) + STO_HEX_SIZE)

struct export
{
	const struct sto *store;
	const struct sto_image *image;
	struct archive *tar;
	struct img_progress progress;
	bool docker;
};

static void writer_free(struct archive **tar)
{
	if (*tar)
		(void)archive_write_free(*tar);
}

static void entry_free(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int header(struct export *x, const char *name, uint64_t size, struct cps_err *err)
{
	__attribute__((cleanup(entry_free))) struct archive_entry *entry = archive_entry_new();

	if (!entry)
		return cps_fail(err, ENOMEM, "write '%s'", name);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, 0, 0); /* the same image is the same archive */
	archive_entry_set_size(entry, (int64_t)size);
	return archive_write_header(x->tar, entry) == ARCHIVE_OK ? 0
								 : img_archive_fail(x->tar, err);
}

static int content(struct export *x, const void *data, size_t len, struct cps_err *err)
{
	if (archive_write_data(x->tar, data, len) != (la_ssize_t)len)
		return img_archive_fail(x->tar, err);
	return 0;
}

static int add_text(struct export *x, const char *name, const char *text, size_t len,
		    struct cps_err *err)
{
	int rc = header(x, name, len, err);

	return rc < 0 ? rc : content(x, text, len, err);
}

static void blob_path(const char *digest, char buf[BLOB_PATH_SIZE])
{
	(void)snprintf(buf, BLOB_PATH_SIZE, BLOB_PATH "%s", sto_digest_hex(digest));
}

static int add_blob(struct export *x, const char *digest, struct cps_err *err)
{
	cleanup_fd int fd = sto_blob_open(x->store, digest, err);
	cleanup_free char *data = malloc(IMG_BLOCK);
	char name[BLOB_PATH_SIZE];
	struct stat st;
	ssize_t n;
	int rc;

	if (fd < 0)
		return fd;
	if (!data || fstat(fd, &st) < 0)
		return cps_fail(err, data ? errno : ENOMEM, "read blob %s", digest);
	blob_path(digest, name);
	rc = header(x, name, (uint64_t)st.st_size, err);
	while (rc == 0 && (n = cps_read_full(fd, data, IMG_BLOCK)) != 0) {
		if (n < 0)
			return cps_fail(err, (int)-n, "read blob %s", digest);
		rc = content(x, data, (size_t)n, err);
		img_progress_add(&x->progress, (uint64_t)n);
	}
	return rc;
}

/* "docker.io/library/redis:7", and short "redis:7"; empty if the image goes by a digest. */
static void full_names(const char *name, char full[FULL_SIZE], char tagged[FULL_SIZE],
		       char tag[sizeof(((struct sto_ref *)0)->tag)])
{
	struct cps_err ignored;
	struct sto_ref ref;

	full[0] = tagged[0] = tag[0] = '\0';
	if (sto_ref_parse(name, &ref, &ignored) < 0 || ref.digest[0])
		return;
	(void)snprintf(full, FULL_SIZE, "%s/%s:%s", ref.domain, ref.path, ref.tag);
	(void)snprintf(tagged, FULL_SIZE, "%s%s", name,
		       strcmp(ref.tag, STO_REF_TAG_LATEST) == 0 ? ":" STO_REF_TAG_LATEST : "");
	memcpy(tag, ref.tag, sizeof(ref.tag));
}

static int add_index(struct export *x, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	char full[FULL_SIZE], tagged[FULL_SIZE];
	char tag[sizeof(((struct sto_ref *)0)->tag)];
	cleanup_fd int fd = sto_blob_open(x->store, x->image->manifest, err);
	struct cps_jsonw w;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "read the manifest");
	full_names(x->image->name, full, tagged, tag);
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "schemaVersion", 2);
	cps_jsonw_str(&w, "mediaType", STO_TYPE_OCI_INDEX);
	cps_jsonw_open(&w, "manifests", '[');
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "mediaType", x->image->content.media_type);
	cps_jsonw_str(&w, "digest", x->image->manifest);
	cps_jsonw_i64(&w, "size", st.st_size);
	if (full[0]) {
		cps_jsonw_open(&w, "annotations", '{');
		cps_jsonw_str(&w, "io.containerd.image.name", full);
		cps_jsonw_str(&w, "org.opencontainers.image.ref.name", tag);
		cps_jsonw_close(&w, '}');
	}
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write index.json");
	return add_text(x, "index.json", buf.data, buf.len, err);
}

static int add_docker_manifest(struct export *x, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	char full[FULL_SIZE], tagged[FULL_SIZE], path[BLOB_PATH_SIZE];
	char tag[sizeof(((struct sto_ref *)0)->tag)];
	struct cps_jsonw w;

	full_names(x->image->name, full, tagged, tag);
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '[');
	cps_jsonw_open(&w, NULL, '{');
	blob_path(x->image->id, path);
	cps_jsonw_str(&w, "Config", path);
	cps_jsonw_open(&w, "RepoTags", '[');
	if (tagged[0])
		cps_jsonw_str(&w, NULL, tagged);
	cps_jsonw_close(&w, ']');
	cps_jsonw_open(&w, "Layers", '[');
	for (unsigned i = 0; i < x->image->nlayers; i++) {
		blob_path(x->image->content.layers[i].digest, path);
		cps_jsonw_str(&w, NULL, path);
	}
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, ']');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "write manifest.json");
	return add_text(x, "manifest.json", buf.data, buf.len, err);
}

static bool was_before(const struct sto_manifest *m, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(m->layers[k].digest, m->layers[i].digest) == 0)
			return true;
	return false;
}

static int write_all(struct export *x, struct cps_err *err)
{
	const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	const struct sto_manifest *m = &x->image->content;
	int rc = add_text(x, "oci-layout", layout, strlen(layout), err);

	if (rc == 0)
		rc = add_index(x, err);
	if (rc == 0 && x->docker)
		rc = add_docker_manifest(x, err);
	if (rc == 0)
		rc = add_blob(x, x->image->manifest, err);
	if (rc == 0)
		rc = add_blob(x, x->image->id, err);
	for (unsigned i = 0; rc == 0 && i < m->nlayers; i++)
		if (!was_before(m, i))
			rc = add_blob(x, m->layers[i].digest, err);
	if (rc == 0 && archive_write_close(x->tar) != ARCHIVE_OK)
		rc = img_archive_fail(x->tar, err);
	return rc;
}

static int export_to(struct export *x, int fd, struct cps_err *err)
{
	__attribute__((cleanup(writer_free))) struct archive *tar = archive_write_new();
	uint64_t total = 0;
	int rc;

	if (!tar || archive_write_set_format_pax_restricted(tar) != ARCHIVE_OK ||
	    archive_write_add_filter_none(tar) != ARCHIVE_OK)
		return cps_fail(err, ENOMEM, "write an archive");
	if (archive_write_open_fd(tar, fd) != ARCHIVE_OK)
		return img_archive_fail(tar, err);
	for (unsigned i = 0; i < x->image->content.nlayers; i++)
		total += x->image->content.layers[i].size;
	img_progress_begin(&x->progress, x->image->name, total);
	x->tar = tar;
	rc = write_all(x, err);
	img_progress_end(&x->progress);
	return rc;
}

/* A file that could not be finished goes away again, if it is one. */
static int export_file(struct export *x, const char *path, struct cps_err *err)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	int rc;

	if (fd < 0)
		return cps_fail(err, errno, "make '%s'", path);
	rc = export_to(x, fd, err);
	if (rc < 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(path);
	return cps_wrap(err, rc, "%s", path);
}

static int export(const struct img_ctx *ctx, const char *text, const char *path, bool docker,
		  struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	struct sto_image image = { 0 };
	struct export x = { .store = &s, .image = &image, .docker = docker };
	cleanup_fd int lock = sto_images_open(ctx->data_root, true, LOCK_SH, &s, err);
	int rc;

	if (lock < 0)
		return lock;
	rc = sto_image_find(&s, text, &a, &image, err);
	if (rc < 0)
		return rc;
	if (path && strcmp(path, "-") != 0)
		return export_file(&x, path, err);
	if (isatty(STDOUT_FILENO))
		return cps_failx(err, EINVAL, "an archive on a terminal; name a file");
	return export_to(&x, STDOUT_FILENO, err);
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct img_args args = { 0 };
	const char *format = "docker";
	const struct cps_opt table[] = {
		{ "format", 0, CPS_OPT_STR, &format, "FORMAT",
		  "docker (default; OCI and manifest.json in one) or oci" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 1, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	if (strcmp(format, "docker") != 0 && strcmp(format, "oci") != 0)
		return cps_failx(err, EINVAL, "export: --format: '%.40s' is neither docker nor oci",
				 format);
	return cps_wrap(err,
			export(ctx, args.v[0], args.n == 2 ? args.v[1] : NULL,
			       strcmp(format, "docker") == 0, err),
			"export");
}

const struct img_command img_cmd_export = {
	.name = "export",
	.usage = "[--format docker|oci] IMAGE [FILE|-]",
	.summary = "Writes an image as an archive",
	.run = run,
};
