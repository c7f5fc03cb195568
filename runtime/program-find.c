/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that this one needs for some of its work.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "program.h"

static bool is_beside(const char *name, const char *self, char *path, size_t size)
{
	char real[PATH_MAX];
	int n;

	/* Not /proc/self/exe: what runs may be a protected copy, which has no place. */
	if (!strchr(self, '/') || !realpath(self, real))
		return false;
	n = snprintf(path, size, "%.*s/%s", (int)(strrchr(real, '/') - real), real, name);
	return n > 0 && (size_t)n < size && access(path, X_OK) == 0;
}

int rt_program_find(const char *name, const char *self, struct cps_arena *a, const char **ret,
		    struct cps_err *err)
{
	char path[PATH_MAX];

	if (!is_beside(name, self, path, sizeof(path)) && !cps_path_find(name, path, sizeof(path)))
		return cps_failx(err, ENOENT, "%s is neither beside '%s' nor in $PATH", name, self);
	*ret = cps_arena_strdup(a, path);
	return *ret ? 0 : cps_fail(err, ENOMEM, "%s", name);
}
