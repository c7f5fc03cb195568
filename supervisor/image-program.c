/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child that is capsule-image.
 */
#include <config.h>
#include "image-program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "child-program.h"
#include "own.h"
#include "shim-start.h"

#define PROGRAM	 "capsule-image"
#define ARGS_MAX 1024
#define FDS_MAX	 4

static int program_wait(pid_t pid, int *ret_code, struct cps_err *err)
{
	int status;
	int rc = cps_program_wait(pid, &status);

	if (rc < 0)
		return cps_fail(err, -rc, "wait for " PROGRAM);
	if (!WIFEXITED(status))
		return cps_failx(err, EIO, PROGRAM " was ended by signal %d", WTERMSIG(status));
	*ret_code = WEXITSTATUS(status);
	return 0;
}

int sup_image_program_run(const struct sup_ctx *ctx, const char *const *args, const int *fds,
			  unsigned nfds, int *ret_code, struct cps_err *err)
{
	const char *all[ARGS_MAX] = { PROGRAM, "--data-root", ctx->data_root };
	int kept[FDS_MAX];
	char file[PATH_MAX];
	unsigned n = 3, held = 0;
	pid_t pid = 0;
	int rc = sup_program_find(NULL, PROGRAM, file, sizeof(file), err);

	while (rc == 0 && *args && n < ARGS_MAX - 1)
		all[n++] = *args++;
	if (rc == 0 && (*args || nfds > FDS_MAX))
		rc = cps_failx(err, E2BIG, "too many arguments");
	/* above all that they are to become, so that none is in another's way */
	while (rc == 0 && held < nfds) {
		kept[held] = fcntl(fds[held], F_DUPFD_CLOEXEC, SUP_IMAGE_FD + FDS_MAX);
		if (kept[held] < 0)
			rc = cps_fail(err, errno, "duplicate a descriptor");
		else
			held++;
	}
	if (rc == 0) {
		rc = cps_program_spawn(&(struct cps_program){ .file = file,
							      .argv = all,
							      .fds = kept,
							      .nfds = nfds,
							      .first_fd = SUP_IMAGE_FD },
				       &pid);
		rc = rc < 0 ? cps_fail(err, -rc, "run '%s'", file)
			    : program_wait(pid, ret_code, err);
	}
	while (held > 0)
		cps_close(&kept[--held]);
	return rc;
}
