/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and reading volumes. Their first use is in volume-fill.c, their end in volume-delete.c.
 */
#include <config.h>
#include "volume.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "file.h"
#include "json.h"
#include "topic-names.h"
#include "opt.h"
#include "own.h"

#define RECORD_MAX  (1u << 20)
#define LABELS_MAX  1000
#define LOCK_TRIES  200
#define LOCK_MS	    50 /* between two */
#define RANDOM_SIZE 32

int sto_volumes_lock(const struct sto *s, int how, struct cps_err *err)
{
	cleanup_fd int topic = sto_topic(s, STO_VOLUMES, true, err);
	cleanup_fd int fd = -1;

	if (topic < 0)
		return topic;
	fd = openat(topic, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cps_fail(err, errno, "volumes");
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, how | LOCK_NB) == 0)
			return take_fd(&fd);
		if (errno != EWOULDBLOCK)
			return cps_fail(err, errno, "lock the volumes");
		(void)poll(NULL, 0, LOCK_MS);
	}
	return cps_failx(err, EBUSY, "volumes are being %s by another command",
			 how == LOCK_EX ? "prepared" : "deleted");
}

static int name_check(const char *name, struct cps_err *err)
{
	return cps_is_name(name)
		       ? 0
		       : cps_failx(err, EINVAL,
				   "'%.80s' is no volume's name: 1 to 64 of a-z A-Z 0-9 _ . -, the "
				   "first a letter or a digit",
				   name);
}

static int random_name(char ret[STO_VOLUME_NAME], struct cps_err *err)
{
	unsigned char bytes[RANDOM_SIZE];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return cps_fail(err, errno, "random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static int record_write(int dir, bool anonymous, const struct sto_pairs *labels,
			struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	char at[CPS_TIME_SIZE];
	struct timespec now;
	struct cps_jsonw w;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, true, at);
	cps_jsonw_init(&w, &b, true);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "created", at);
	cps_jsonw_bool(&w, "anonymous", anonymous);
	sto_pairs_write(&w, "labels", labels);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&b, "\n");
	if (b.failed)
		return cps_fail(err, ENOMEM, "volume");
	/* an anonymous one is a container's, and every start would wait for the disk */
	return anonymous ? cps_file_replace(dir, STO_VOLUME_FILE, b.data, b.len, 0600, err)
			 : cps_file_replace_durably(dir, STO_VOLUME_FILE, b.data, b.len, 0600, err);
}

/* In a directory of no name, which becomes the volume by one rename. */
static int make(int topic, const char *temp, const char *name, bool anonymous,
		const struct sto_pairs *labels, struct cps_err *err)
{
	cleanup_fd int dir = openat(topic, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (dir < 0)
		return cps_fail(err, errno, "open '%s'", temp);
	if (mkdirat(dir, STO_VOLUME_DATA, 0755) < 0 ||
	    fchmodat(dir, STO_VOLUME_DATA, 0755, 0) < 0) /* whatever the umask */
		return cps_fail(err, errno, "make its data directory");
	rc = record_write(dir, anonymous, labels, err);
	if (rc < 0)
		return rc;
	if (renameat2(topic, temp, topic, name, RENAME_NOREPLACE) == 0)
		return anonymous ? 0 : cps_dir_sync(topic, ".", err);
	return errno == EEXIST ? cps_failx(err, EEXIST, "volume '%s' exists already", name)
			       : cps_fail(err, errno, "rename it to its name");
}

int sto_volume_create(const struct sto *s, const char *name, const struct sto_pairs *labels,
		      char ret_name[STO_VOLUME_NAME], struct cps_err *err)
{
	cleanup_fd int lock = sto_volumes_lock(s, LOCK_SH, err); /* or it might be swept up */
	cleanup_fd int topic = -1;
	char hex[STO_VOLUME_NAME], temp[STO_VOLUME_NAME + 8];
	struct cps_err ignored;
	struct stat st;
	int rc = name ? name_check(name, err) : 0;

	if (rc == 0 && lock < 0)
		rc = lock;
	if (rc == 0)
		rc = random_name(hex, err);
	if (rc == 0)
		rc = topic = sto_topic(s, STO_VOLUMES, true, err);
	if (rc < 0)
		return rc;
	if (name && fstatat(topic, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return cps_failx(err, EEXIST, "volume '%s' exists already", name);
	(void)snprintf(temp, sizeof(temp), ".new-%s", hex);
	if (mkdirat(topic, temp, 0700) < 0)
		return cps_fail(err, errno, "make volume '%s'", name ? name : hex);
	rc = make(topic, temp, name ? name : hex, !name, labels, err);
	if (rc < 0) {
		(void)cps_remove_tree(topic, temp, &ignored);
		return rc == -EEXIST ? rc : cps_wrap(err, rc, "volume '%s'", name ? name : hex);
	}
	(void)snprintf(ret_name, STO_VOLUME_NAME, "%s", name ? name : hex);
	return 0;
}

int sto_volume_load(const struct sto *s, const char *name, struct cps_arena *a,
		    struct sto_volume *ret, struct cps_err *err)
{
	struct sto_volume v = { 0 };
	const struct cps_json *root, *node;
	cleanup_fd int dir = -1;
	char path[STO_VOLUME_NAME + 16];
	int rc = name_check(name, err);

	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), STO_VOLUMES "/%s", name);
	dir = openat(s->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? cps_failx(err, ENOENT, "no such volume: '%s'", name)
				       : cps_fail(err, errno, "volume '%s'", name);
	rc = cps_json_load(a, dir, STO_VOLUME_FILE, RECORD_MAX, &root, err);
	if (rc == 0)
		rc = sto_pairs_get(a, cps_json_get(root, "labels"), LABELS_MAX, cps_json_str,
				   &v.labels, err);
	node = rc == 0 ? cps_json_get(root, "created") : NULL;
	if (node)
		rc = cps_json_str(node, &v.created, err);
	node = rc == 0 ? cps_json_get(root, "anonymous") : NULL;
	if (node)
		rc = cps_json_bool(node, &v.anonymous, err);
	if (rc < 0)
		return cps_wrap(err, rc, "volume '%s'", name);
	v.name = cps_arena_strdup(a, name);
	v.path = cps_arena_printf(a, "%s/" STO_VOLUMES "/%s/" STO_VOLUME_DATA, s->path, name);
	if (!v.name || !v.path)
		return cps_fail(err, ENOMEM, "volume '%s'", name);
	*ret = v;
	return 0;
}

int sto_volume_list(const struct sto *s, struct cps_arena *a, const char ***ret_names,
		    size_t *ret_n, struct cps_err *err)
{
	return sto_names(s, STO_VOLUMES, a, ret_names, ret_n, err);
}
