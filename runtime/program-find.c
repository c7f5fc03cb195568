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

#include "program.h"

static bool is_there(const char *name, const char *dir, size_t len, char *path, size_t size)
{
	int n = snprintf(path, size, "%.*s/%s", (int)len, dir, name);

	return n > 0 && (size_t)n < size && path[0] == '/' && access(path, X_OK) == 0;
}

int rt_program_find(const char *name, const char *self, struct cps_arena *a, const char **ret,
		    struct cps_err *err)
{
	const char *dirs = getenv("PATH");
	char real[PATH_MAX], path[PATH_MAX];
	bool found = false;

	/* Not /proc/self/exe: what runs may be a protected copy, which has no place. */
	if (strchr(self, '/') && realpath(self, real))
		found = is_there(name, real, (size_t)(strrchr(real, '/') - real), path,
				 sizeof(path));
	for (const char *p = dirs; !found && p && *p;) {
		size_t n = strcspn(p, ":");

		found = is_there(name, p, n, path, sizeof(path));
		p += n;
		p += *p == ':';
	}
	if (!found)
		return cps_failx(err, ENOENT, "%s is neither beside '%s' nor in $PATH", name, self);
	*ret = cps_arena_strdup(a, path);
	return *ret ? 0 : cps_fail(err, ENOMEM, "%s", name);
}
