/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted in a container: -v, --mount, --tmpfs, and the image's volumes where nothing else
 * is. Only the texts are looked at; the runtime resolves a destination within the root, whatever
 * symlinks the image has there.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* "/data/" and "//data" are "/data". */
static char *path_normal(struct cps_arena *a, const char *path)
{
	char *copy = cps_arena_strdup(a, path), *to = copy;

	for (const char *c = copy; copy && *c; c++)
		if (*c != '/' || (c[1] && c[1] != '/'))
			*to++ = *c;
	if (copy)
		*to = '\0';
	return copy;
}

static int mount_add(struct sup_plan *p, const struct sup_mount *m, const char *what,
		     struct cps_err *err)
{
	struct sup_mount *to = &p->mounts[p->nmounts];

	if (!m->destination || !sto_is_destination(m->destination))
		return cps_failx(err, EINVAL,
				 "%s: '%.80s' is no directory of a container: absolute, without ..",
				 what, m->destination ? m->destination : "");
	*to = *m;
	to->destination = path_normal(p->arena, m->destination);
	if (!to->destination)
		return cps_fail(err, ENOMEM, "%s", what);
	for (size_t i = 0; i < p->nmounts; i++)
		if (strcmp(p->mounts[i].destination, to->destination) == 0)
			return cps_failx(err, EINVAL, "%s: '%.80s' is mounted twice", what,
					 to->destination);
	p->nmounts++;
	return 0;
}

/* A directory of the host's is a path, a volume a name. */
static int source_parse(struct sup_plan *p, const char *text, const char *what, struct sup_mount *m,
			struct cps_err *err)
{
	char real[PATH_MAX];

	if (text[0] == '/' || text[0] == '.') {
		m->type = SUP_MOUNT_BIND;
		m->source = text;
		if (text[0] == '.') {
			if (!realpath(text, real))
				return cps_fail(err, errno, "%s: '%.80s'", what, text);
			m->source = cps_arena_strdup(p->arena, real);
		}
		return m->source ? 0 : cps_fail(err, ENOMEM, "%s", what);
	}
	m->type = SUP_MOUNT_VOLUME;
	m->name = text;
	if (!cps_is_name(text))
		return cps_failx(err, EINVAL, "%s: '%.80s' is neither a path nor a volume's name",
				 what, text);
	return 0;
}

static int volume_options(const char *text, const char *whole, struct sup_mount *m,
			  struct cps_err *err)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");

		if (len == 2 && strncmp(text, "ro", len) == 0)
			m->readonly = true;
		else if (len == 6 && strncmp(text, "nocopy", len) == 0)
			m->nocopy = true;
		else if (len != 2 || strncmp(text, "rw", 2) != 0)
			return cps_failx(err, EINVAL, "-v: '%.80s': unknown option '%.20s'", whole,
					 text);
		text += len + (text[len] ? 1 : 0);
	}
	return 0;
}

/* DIR | HOST:DIR[:ro] | NAME:DIR[:ro] */
static int volume_parse(struct sup_plan *p, const char *text, struct cps_err *err)
{
	struct sup_mount m = { .type = SUP_MOUNT_VOLUME };
	char *copy = cps_arena_strdup(p->arena, text), *rest = copy, *first;
	int rc = 0;

	if (!copy)
		return cps_fail(err, ENOMEM, "-v");
	first = strsep(&rest, ":");
	m.destination = rest ? strsep(&rest, ":") : first;
	if (m.destination == first)
		m.anonymous = true;
	else
		rc = source_parse(p, first, "-v", &m, err);
	if (rc == 0)
		rc = volume_options(rest, text, &m, err);
	return rc < 0 ? rc : mount_add(p, &m, "-v", err);
}

static bool is_key(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || (b && strcmp(word, b) == 0) || (c && strcmp(word, c) == 0);
}

/* type=bind|volume|tmpfs,src=…,dst=…,ro */
static int long_word(struct sup_mount *m, const char **source, char **tmpfs, char *word,
		     struct cps_err *err)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	if (strcmp(word, "type") == 0 && value) {
		if (is_key(value, "bind", NULL, NULL))
			m->type = SUP_MOUNT_BIND;
		else if (is_key(value, "tmpfs", NULL, NULL))
			m->type = SUP_MOUNT_TMPFS;
		else if (!is_key(value, "volume", NULL, NULL))
			return cps_failx(err, EINVAL,
					 "--mount: type '%.40s' is none of bind, volume, tmpfs",
					 value);
	} else if (is_key(word, "src", "source", NULL) && value) {
		*source = value;
	} else if (is_key(word, "dst", "destination", "target") && value) {
		m->destination = value;
	} else if (is_key(word, "ro", "readonly", NULL) &&
		   (!value || is_key(value, "true", "1", NULL))) {
		m->readonly = true;
	} else if (is_key(word, "volume-nocopy", NULL, NULL)) {
		m->nocopy = true;
	} else if (is_key(word, "tmpfs-size", NULL, NULL) && value) {
		tmpfs[0] = value;
	} else if (is_key(word, "tmpfs-mode", NULL, NULL) && value) {
		tmpfs[1] = value;
	} else if (!is_key(word, "ro", "readonly", "rw")) {
		return cps_failx(err, EINVAL, "--mount: unknown '%.40s'", word);
	}
	return 0;
}

static int long_finish(struct sup_plan *p, struct sup_mount *m, const char *source,
		       char *const *tmpfs, struct cps_err *err)
{
	const enum sup_mount_type wanted = m->type;
	int rc = 0;

	if (wanted == SUP_MOUNT_TMPFS) {
		m->options =
			cps_arena_printf(p->arena, "%s%s%s%s%s", tmpfs[0] ? "size=" : "",
					 tmpfs[0] ? tmpfs[0] : "", tmpfs[0] && tmpfs[1] ? "," : "",
					 tmpfs[1] ? "mode=" : "", tmpfs[1] ? tmpfs[1] : "");
		return m->options ? 0 : cps_fail(err, ENOMEM, "--mount");
	}
	if (source)
		rc = source_parse(p, source, "--mount", m, err);
	if (rc == 0 && ((!source && wanted == SUP_MOUNT_BIND) || m->type != wanted))
		rc = cps_failx(err, EINVAL, "--mount: src= of a %s is a %s",
			       wanted == SUP_MOUNT_BIND ? "bind" : "volume",
			       wanted == SUP_MOUNT_BIND ? "path" : "name");
	m->anonymous = !source;
	return rc;
}

static int long_parse(struct sup_plan *p, const char *text, struct cps_err *err)
{
	struct sup_mount m = { .type = SUP_MOUNT_VOLUME };
	char *rest = cps_arena_strdup(p->arena, text), *word;
	char *tmpfs[2] = { NULL, NULL };
	const char *source = NULL;
	int rc = 0;

	if (!rest)
		return cps_fail(err, ENOMEM, "--mount");
	while (rc == 0 && (word = strsep(&rest, ",")))
		rc = long_word(&m, &source, tmpfs, word, err);
	if (rc == 0)
		rc = long_finish(p, &m, source, tmpfs, err);
	return rc < 0 ? rc : mount_add(p, &m, "--mount", err);
}

static int tmpfs_parse(struct sup_plan *p, const char *text, struct cps_err *err)
{
	struct sup_mount m = { .type = SUP_MOUNT_TMPFS };
	char *rest = cps_arena_strdup(p->arena, text);

	if (!rest)
		return cps_fail(err, ENOMEM, "--tmpfs");
	m.destination = strsep(&rest, ":");
	m.options = rest;
	return mount_add(p, &m, "--tmpfs", err);
}

static bool is_taken(const struct sup_plan *p, const char *destination)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (strcmp(p->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

static int image_volumes(struct sup_plan *p, struct cps_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->image->volumes.n; i++) {
		struct sup_mount m = { .type = SUP_MOUNT_VOLUME, .anonymous = true };

		m.destination = path_normal(p->arena, p->image->volumes.v[i]);
		if (m.destination && is_taken(p, m.destination))
			continue;
		rc = mount_add(p, &m, "the image's volume", err);
	}
	return rc;
}

/* Parents before what is mounted in them. */
static int by_depth(const void *a, const void *b)
{
	const struct sup_mount *x = a, *y = b;
	int depth = 0;

	for (const char *c = x->destination; *c; c++)
		depth += *c == '/';
	for (const char *c = y->destination; *c; c++)
		depth -= *c == '/';
	return depth ? depth : strcmp(x->destination, y->destination);
}

int sup_plan_mounts(struct sup_plan *p, struct cps_err *err)
{
	const struct sup_run *run = p->run;
	size_t room =
		run->volumes.count + run->mounts.count + run->tmpfs.count + p->image->volumes.n + 1;
	int rc = 0;

	p->mounts = cps_arena_array(p->arena, room, sizeof(*p->mounts));
	if (!p->mounts)
		return cps_fail(err, ENOMEM, "mounts");
	for (unsigned i = 0; rc == 0 && i < run->volumes.count; i++)
		rc = volume_parse(p, run->volumes.values[i], err);
	for (unsigned i = 0; rc == 0 && i < run->mounts.count; i++)
		rc = long_parse(p, run->mounts.values[i], err);
	for (unsigned i = 0; rc == 0 && i < run->tmpfs.count; i++)
		rc = tmpfs_parse(p, run->tmpfs.values[i], err);
	if (rc == 0)
		rc = image_volumes(p, err);
	if (rc == 0)
		qsort(p->mounts, p->nmounts, sizeof(*p->mounts), by_depth);
	return rc;
}
