/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See names.h.
 */
#include <config.h>

#include "names.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "own.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void rt_names_done(struct rt_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

static int names_add(struct rt_names *names, const char *name)
{
	char **v = reallocarray(names->v, names->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	names->v = v;
	v[names->n] = strdup(name);
	return v[names->n] ? (names->n++, 0) : -ENOMEM;
}

int rt_names_read(const char *root, struct rt_names *names, struct cps_err *err)
{
	cleanup_dir DIR *d = opendir(root);
	struct dirent *e;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return cps_fail(err, errno, "open '%s'", root);
	while ((e = readdir(d)))
		/* a symlink is a name that capsule has for one of the others */
		if (cps_is_name(e->d_name) && e->d_type != DT_LNK &&
		    names_add(names, e->d_name) < 0)
			return cps_fail(err, ENOMEM, "list");
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), compare);
	return 0;
}
