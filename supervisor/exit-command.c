/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands for the end of a container.
 */
#include <config.h>

#include "exit-command.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

static int path_keep(const char *path, struct cps_arena *a, const char **ret, struct cps_err *err)
{
	char absolute[PATH_MAX];
	int rc = sup_path_absolute(path, absolute, err);

	if (rc < 0)
		return rc;
	*ret = cps_arena_strdup(a, absolute);
	return *ret ? 0 : cps_fail(err, ENOMEM, "exit command");
}

static int make(const struct sup_ctx *ctx, const char *first, const char *second, const char *id,
		struct cps_arena *a, const char *ret[SUP_EXIT_COMMAND_WORDS], struct cps_err *err)
{
	const char *words[SUP_EXIT_COMMAND_WORDS] = {
		NULL, "--root", NULL, "--data-root", NULL, first, second, id,
	};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int rc;

	if (n < 0)
		return cps_fail(err, errno, "read /proc/self/exe");
	self[n] = '\0';
	rc = path_keep(self, a, &words[0], err);
	if (rc == 0)
		rc = path_keep(ctx->root, a, &words[2], err);
	if (rc == 0)
		rc = path_keep(ctx->data_root, a, &words[4], err);
	for (size_t i = 0; i < SUP_EXIT_COMMAND_WORDS && rc == 0; i++)
		ret[i] = words[i];
	return rc;
}

int sup_exit_command_delete(const struct sup_ctx *ctx, const char *id, struct cps_arena *a,
			    const char *ret[SUP_EXIT_COMMAND_WORDS], struct cps_err *err)
{
	return cps_wrap(err, make(ctx, "delete", "-f", id, a, ret, err), "--rm");
}

int sup_exit_command_release(const struct sup_ctx *ctx, const char *id, struct cps_arena *a,
			     const char *ret[SUP_EXIT_COMMAND_WORDS], struct cps_err *err)
{
	return make(ctx, "network", "release", id, a, ret, err);
}
