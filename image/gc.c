/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Garbage.
 */
#include <config.h>
#include "gc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob.h"
#include "container-record.h"
#include "container.h"
#include "file.h"
#include "image.h"
#include "layer.h"
#include "own.h"
#include "trash.h"

#define ROOM_FIRST 64
#define BLOBS	   STO_IMAGES "/blobs/sha256"
#define INGEST	   STO_IMAGES "/ingest"
#define NAMES	   STO_IMAGES "/names"

/* Hexadecimal digits, without "sha256:". */
struct set {
	const char **hex;
	size_t n, room;
	bool failed;
};

static void set_done(struct set *set)
{
	free(set->hex);
}

static void set_add(struct set *set, const char *digest)
{
	if (set->n == set->room) {
		size_t room = set->room ? 2 * set->room : ROOM_FIRST;
		const char **hex = realloc(set->hex, room * sizeof(*hex));

		if (!hex) {
			set->failed = true;
			return;
		}
		set->hex = hex;
		set->room = room;
	}
	set->hex[set->n++] = sto_digest_hex(digest);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool set_has(const struct set *set, const char *hex)
{
	return set->n && bsearch(&hex, set->hex, set->n, sizeof(*set->hex), compare);
}

int img_entries(const struct sto *s, const char *path, struct cps_arena *a, const char ***ret,
		size_t *ret_n, struct cps_err *err)
{
	__attribute__((cleanup(set_done))) struct set names = { 0 };
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int fd = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret = NULL;
	*ret_n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : cps_fail(err, errno, "open '%s/%s'", s->path, path);
	dir = fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return cps_fail(err, ENOMEM, "read '%s/%s'", s->path, path);
	}
	while (errno = 0, (entry = readdir(dir))) {
		char *name;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		name = cps_arena_printf(a, "sha256:%s", entry->d_name);
		if (!name)
			return cps_fail(err, ENOMEM, "read '%s/%s'", s->path, path);
		set_add(&names, name);
	}
	if (errno != 0)
		return cps_fail(err, errno, "read '%s/%s'", s->path, path);
	*ret = cps_arena_array(a, names.n, sizeof(**ret));
	if (names.failed || !*ret)
		return cps_fail(err, ENOMEM, "read '%s/%s'", s->path, path);
	if (names.n)
		memcpy(*ret, names.hex, names.n * sizeof(**ret));
	*ret_n = names.n;
	return 0;
}

/* -- what is needed ---------------------------------------------------------------------------- */

struct needed {
	struct cps_arena arena;
	struct set blobs, layers;
};

static void needed_done(struct needed *needed)
{
	set_done(&needed->blobs);
	set_done(&needed->layers);
	cps_arena_done(&needed->arena);
}

static void image_needs(struct needed *needed, const struct sto_image *image)
{
	set_add(&needed->blobs, image->manifest);
	set_add(&needed->blobs, image->id);
	for (unsigned i = 0; i < image->nlayers; i++) {
		set_add(&needed->blobs, image->content.layers[i].digest);
		set_add(&needed->layers, image->layers[i]);
	}
}

static int needed_by_images(const struct sto *s, struct needed *needed, struct cps_err *err)
{
	const char *const *names = NULL;
	size_t n = 0;
	int rc = sto_image_names(s, &needed->arena, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct sto_image image = { 0 };

		rc = sto_image_load(s, names[i], &needed->arena, &image, err);
		if (rc == 0)
			image_needs(needed, &image);
	}
	return rc;
}

/* 1: it is none of an image. */
static int record_of(const struct sto *s, const char *id, struct cps_arena *a,
		     struct sto_record *ret, struct cps_err *err)
{
	cleanup_fd int dir = sto_container_open(s, id, err);
	int rc = dir < 0 ? dir : sto_record_read(dir, a, ret, err);

	return rc == -ENOENT ? 1 : cps_wrap(err, rc, "container %s", id);
}

/* Its layers, whatever has become of the image; and all of that, for `commit`, if it is still
 * there. */
static void container_needs(const struct sto *s, struct needed *needed, const struct sto_record *r)
{
	struct sto_image image = { 0 };
	struct cps_err ignored;

	for (size_t i = 0; i < r->layers.n; i++)
		if (sto_is_digest(r->layers.v[i]))
			set_add(&needed->layers, r->layers.v[i]);
	if (r->manifest &&
	    sto_image_of_manifest(s, r->manifest, &needed->arena, &image, &ignored) == 0)
		image_needs(needed, &image);
}

static int needed_by_containers(const struct sto *s, struct needed *needed, struct cps_err *err)
{
	const char **ids = NULL;
	size_t n = 0;
	int rc = sto_container_list(s, &needed->arena, &ids, &n, err);

	for (size_t i = 0; rc >= 0 && i < n; i++) {
		struct sto_record record = { 0 };

		rc = record_of(s, ids[i], &needed->arena, &record, err);
		if (rc == 0)
			container_needs(s, needed, &record);
	}
	return rc < 0 ? rc : 0;
}

int img_user_of(const struct sto *s, const char *image_id, struct cps_arena *a,
		const char **ret_container, struct cps_err *err)
{
	const char **ids = NULL;
	size_t n = 0;
	int rc = sto_container_list(s, a, &ids, &n, err);

	*ret_container = NULL;
	for (size_t i = 0; rc >= 0 && i < n && !*ret_container; i++) {
		struct sto_record record = { 0 };

		rc = record_of(s, ids[i], a, &record, err);
		if (rc == 0 && record.image_id && strcmp(record.image_id, image_id) == 0)
			*ret_container = ids[i];
	}
	return rc < 0 ? rc : 0;
}

/* -- removal ----------------------------------------------------------------------------------- */

static uint64_t size_at(const struct sto *s, const char *dir, const char *name)
{
	cleanup_fd int fd = openat(s->fd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size
									   : 0;
}

static int file_remove(const struct sto *s, const char *dir, const char *name, struct cps_err *err)
{
	cleanup_fd int fd = openat(s->fd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || unlinkat(fd, name, 0) < 0)
		return cps_fail(err, errno, "remove '%s/%s/%s'", s->path, dir, name);
	return 0;
}

/* Files of a directory, but those that are needed. */
static int sweep_files(const struct sto *s, const char *dir, const struct set *needed,
		       unsigned *removed, struct img_gc *gc, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names = NULL;
	size_t n = 0;
	int rc = img_entries(s, dir, &a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		uint64_t size;

		if (needed && set_has(needed, names[i]))
			continue;
		size = size_at(s, dir, names[i]);
		rc = file_remove(s, dir, names[i], err);
		if (rc == 0) {
			gc->bytes += size;
			++*removed;
		}
	}
	return rc;
}

/* Names that were only begun to be written. */
static int sweep_names(const struct sto *s, struct img_gc *gc, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names = NULL;
	size_t n = 0;
	int rc = img_entries(s, NAMES, &a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (!cps_file_is_temp(names[i]))
			continue;
		rc = file_remove(s, NAMES, names[i], err);
		if (rc == 0)
			gc->partial++;
	}
	return rc;
}

static int sweep_layers(const struct sto *s, const struct set *needed, struct img_gc *gc,
			struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names = NULL;
	size_t n = 0;
	int rc = img_entries(s, STO_LAYERS, &a, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		const char *digest = cps_arena_printf(&a, "sha256:%s", names[i]);
		bool whole = digest && sto_is_digest(digest);

		if (set_has(needed, names[i]))
			continue;
		gc->bytes += whole ? sto_layer_size(s, digest) : 0;
		rc = sto_trash_put(s, STO_LAYERS, names[i], err);
		if (rc == 0 && whole)
			gc->layers++;
		else if (rc == 0)
			gc->partial++;
	}
	return rc;
}

int img_gc(const struct sto *s, struct img_gc *ret, struct cps_err *err)
{
	__attribute__((cleanup(needed_done))) struct needed needed = { 0 };
	struct img_gc gc = { 0 };
	int rc = needed_by_images(s, &needed, err);

	if (rc == 0)
		rc = needed_by_containers(s, &needed, err);
	if (rc == 0 && (needed.blobs.failed || needed.layers.failed))
		rc = cps_fail(err, ENOMEM, "find what images need");
	if (rc < 0)
		return rc;
	if (needed.blobs.n)
		qsort(needed.blobs.hex, needed.blobs.n, sizeof(char *), compare);
	if (needed.layers.n)
		qsort(needed.layers.hex, needed.layers.n, sizeof(char *), compare);
	/* that they are not needed is on the disk before they go, or a name, a container might come
	 * back without them */
	rc = sto_sync(s, err);
	if (rc < 0)
		return rc;
	/* layers first: a layer without its blob could not be exported, the other way round it is
	 * unpacked again */
	rc = sweep_layers(s, &needed.layers, &gc, err);
	if (rc == 0)
		rc = sweep_files(s, BLOBS, &needed.blobs, &gc.blobs, &gc, err);
	if (rc == 0)
		rc = sweep_files(s, INGEST, NULL, &gc.partial, &gc, err);
	if (rc == 0)
		rc = sweep_names(s, &gc, err);
	*ret = gc;
	return rc;
}
