/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of images, and what they lead to.
 */
#include <config.h>
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "blob.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "layer.h"
#include "own.h"

#define NAMES	   STO_IMAGES "/names"
#define LOCK	   STO_IMAGES "/lock"
#define RECORD_MAX 4096
#define PREFIX_MIN 4
#define NAMES_ROOM 64

static void escape(const char *name, char buf[STO_NAME_SIZE])
{
	size_t len = strnlen(name, STO_NAME_SIZE - 1);

	for (size_t i = 0; i < len; i++)
		buf[i] = name[i] == '/' ? '+' : name[i];
	buf[len] = '\0';
}

static void unescape(char *name)
{
	for (; *name; name++)
		if (*name == '+')
			*name = '/';
}

/* Is it the short spelling of a name? Anything else in the directory is none of ours. */
static bool is_short(const char *name)
{
	char again[STO_NAME_SIZE];
	struct cps_err ignored;

	return sto_name_normalise(name, again, &ignored) == 0 && strcmp(name, again) == 0;
}

int sto_images_lock(const struct sto *s, int how, struct cps_err *err)
{
	cleanup_fd int dir = sto_topic(s, STO_IMAGES, true, err);
	cleanup_fd int fd = -1;

	if (dir < 0)
		return dir;
	fd = openat(s->fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s/%s'", s->path, LOCK);
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return cps_fail(err, errno, "lock '%s/%s'", s->path, LOCK);
	return take_fd(&fd);
}

int sto_images_open(const char *data_root, bool make, int how, struct sto *ret, struct cps_err *err)
{
	int rc = sto_open(data_root, make, ret, err);

	return rc < 0 ? rc : sto_images_lock(ret, how, err);
}

/* -- names ------------------------------------------------------------------------------------- */

/* Readable and locked: cps_file_replace() leaves it to us that nobody else writes that name. */
static int names_open(const struct sto *s, int how, struct cps_err *err)
{
	cleanup_fd int images = sto_topic(s, STO_IMAGES, true, err);
	cleanup_fd int path = -1;
	cleanup_fd int fd = -1;

	if (images < 0)
		return images;
	path = sto_topic(s, NAMES, true, err);
	if (path < 0)
		return path;
	fd = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "open '%s/%s'", s->path, NAMES);
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return cps_fail(err, errno, "lock '%s/%s'", s->path, NAMES);
	return take_fd(&fd);
}

int sto_image_name(const struct sto *s, const char *name, const char *manifest, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_fd int dir = -1;
	char file[STO_NAME_SIZE], now[CPS_TIME_SIZE];
	struct timespec t;
	struct cps_jsonw w;
	int rc;

	if (!is_short(name))
		return cps_failx(err, EINVAL, "'%.80s' is no image's name", name);
	dir = names_open(s, LOCK_EX, err);
	if (dir < 0)
		return dir;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	cps_time_format(&t, true, now);
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "name", name);
	cps_jsonw_str(&w, "manifest", manifest);
	cps_jsonw_str(&w, "created", now);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&buf, "\n");
	if (buf.failed)
		return cps_fail(err, ENOMEM, "name image '%s'", name);
	escape(name, file);
	/* all that it leads to, however many files that are, and only then the name */
	rc = sto_sync(s, err);
	if (rc == 0)
		rc = cps_file_replace_durably(dir, file, buf.data, buf.len, 0600, err);
	return cps_wrap(err, rc, "name image '%s'", name);
}

int sto_image_unname(const struct sto *s, const char *name, struct cps_err *err)
{
	cleanup_fd int dir = names_open(s, LOCK_EX, err);
	char file[STO_NAME_SIZE];

	if (dir < 0)
		return dir;
	escape(name, file);
	if (unlinkat(dir, file, 0) < 0)
		return cps_fail(err, errno, "remove the name '%s'", name);
	return 0;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int sto_image_names(const struct sto *s, struct cps_arena *a, const char *const **ret_names,
		    size_t *ret_n, struct cps_err *err)
{
	cleanup_free const char **names = NULL;
	cleanup_dir DIR *dir = NULL;
	const char **kept;
	struct dirent *entry;
	size_t n = 0, room = 0;
	int fd = openat(s->fd, NAMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret_names = NULL;
	*ret_n = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : cps_fail(err, errno, "open '%s/%s'", s->path, NAMES);
	dir = fdopendir(fd);
	if (!dir) {
		cps_close(&fd);
		return cps_fail(err, ENOMEM, "read '%s/%s'", s->path, NAMES);
	}
	while (errno = 0, (entry = readdir(dir))) {
		char *name = cps_arena_strdup(a, entry->d_name);

		if (!name)
			return cps_fail(err, ENOMEM, "list images");
		unescape(name);
		if (!is_short(name))
			continue;
		if (n == room) {
			const char **more =
				realloc(names, (room + NAMES_ROOM) * 2 * sizeof(*names));

			if (!more)
				return cps_fail(err, ENOMEM, "list images");
			names = more;
			room = (room + NAMES_ROOM) * 2;
		}
		names[n++] = name;
	}
	if (errno != 0)
		return cps_fail(err, errno, "read '%s/%s'", s->path, NAMES);
	if (n == 0)
		return 0;
	qsort(names, n, sizeof(*names), name_compare);
	kept = cps_arena_array(a, n, sizeof(*kept));
	if (!kept)
		return cps_fail(err, ENOMEM, "list images");
	memcpy(kept, names, n * sizeof(*kept));
	*ret_names = kept;
	*ret_n = n;
	return 0;
}

/* -- images ------------------------------------------------------------------------------------ */

static int config_load(const struct sto *s, struct cps_arena *a, struct sto_image *image,
		       struct cps_err *err)
{
	cleanup_free char *text = NULL;
	struct sto_rootfs rootfs = { 0 };
	size_t len;
	int rc = sto_blob_read(s, image->id, &text, &len, err);

	if (rc == 0)
		rc = sto_rootfs_parse(a, text, len, &rootfs, err);
	if (rc < 0)
		return rc;
	if (rootfs.n != image->content.nlayers)
		return cps_failx(err, EINVAL, "its config has %u layers, its manifest %u", rootfs.n,
				 image->content.nlayers);
	image->config = cps_arena_strndup(a, text, len);
	image->config_len = len;
	image->created = rootfs.created;
	image->layers = rootfs.diff_ids;
	image->nlayers = rootfs.n;
	return image->config ? 0 : cps_fail(err, ENOMEM, "image config");
}

int sto_image_of_manifest(const struct sto *s, const char *manifest, struct cps_arena *a,
			  struct sto_image *ret, struct cps_err *err)
{
	struct sto_image image = { .manifest = cps_arena_strdup(a, manifest) };
	cleanup_free char *text = NULL;
	size_t len;
	int rc = sto_blob_read(s, manifest, &text, &len, err);

	if (rc == 0)
		rc = sto_manifest_parse(a, text, len, NULL, &image.content, err);
	if (rc < 0)
		return rc;
	image.id = image.content.config.digest;
	rc = config_load(s, a, &image, err);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < image.nlayers; i++)
		image.size_bytes += sto_layer_size(s, image.layers[i]);
	if (!image.manifest)
		return cps_fail(err, ENOMEM, "image");
	*ret = image;
	return 0;
}

static int record_read(const struct sto *s, const char *name, struct cps_arena *a,
		       const char **ret_manifest, const char **ret_created, struct cps_err *err)
{
	const char prefix[] = NAMES "/";
	char path[sizeof(prefix) + STO_NAME_SIZE];
	const struct cps_json *root;
	int rc;

	memcpy(path, prefix, sizeof(prefix));
	escape(name, path + sizeof(prefix) - 1);
	rc = cps_json_load(a, s->fd, path, RECORD_MAX, &root, err);
	if (rc < 0)
		return rc;
	if (!cps_json_get(root, "manifest") || !cps_json_get(root, "created"))
		return cps_failx(err, EINVAL, "'%s' is not whole", path);
	rc = cps_json_str(cps_json_get(root, "manifest"), ret_manifest, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "created"), ret_created, err);
	return rc;
}

int sto_image_load(const struct sto *s, const char *name, struct cps_arena *a,
		   struct sto_image *ret, struct cps_err *err)
{
	const char *manifest = NULL, *created = NULL;
	struct sto_image image = { 0 };
	int rc = record_read(s, name, a, &manifest, &created, err);

	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "there is no image '%s'", name);
	if (rc == 0)
		rc = sto_image_of_manifest(s, manifest, a, &image, err);
	if (rc < 0)
		return cps_wrap(err, rc, "image '%s'", name);
	image.name = cps_arena_strdup(a, name);
	if (!image.created)
		image.created = created;
	if (!image.name)
		return cps_fail(err, ENOMEM, "image '%s'", name);
	*ret = image;
	return 0;
}

/* The hexadecimal digits of an id or of its beginning; NULL: the text is none. */
static const char *id_digits(const char *text)
{
	const char prefix[] = "sha256:";
	size_t n;

	if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
		text += sizeof(prefix) - 1;
	n = strspn(text, "0123456789abcdef");
	return text[n] == '\0' && n >= PREFIX_MIN && n < STO_HEX_SIZE ? text : NULL;
}

static int find_by_id(const struct sto *s, const char *text, const char *digits,
		      struct cps_arena *a, struct sto_image *ret, struct cps_err *err)
{
	const char *const *names;
	struct sto_image found = { 0 };
	size_t n;
	int rc = sto_image_names(s, a, &names, &n, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct sto_image image;

		if (sto_image_load(s, names[i], a, &image, err) < 0)
			continue; /* a broken one is not what is asked for */
		if (strncmp(sto_digest_hex(image.id), digits, strlen(digits)) != 0)
			continue;
		if (found.id && strcmp(found.id, image.id) != 0)
			return cps_failx(err, EINVAL,
					 "'%s' is the beginning of several images' ids", text);
		if (!found.id)
			found = image;
	}
	if (!found.id)
		return cps_failx(err, ENOENT, "there is no image '%s'", text);
	*ret = found;
	return 0;
}

int sto_image_find(const struct sto *s, const char *text, struct cps_arena *a,
		   struct sto_image *ret, struct cps_err *err)
{
	const char *digits = id_digits(text);
	char name[STO_NAME_SIZE];
	int rc = sto_name_normalise(text, name, err);

	if (rc == 0)
		rc = sto_image_load(s, name, a, ret, err);
	else if (!digits)
		return rc;
	if (rc == 0 || !digits || (rc != -ENOENT && rc != -EINVAL))
		return rc;
	return find_by_id(s, text, digits, a, ret, err);
}
