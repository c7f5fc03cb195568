/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of capsule-runtime, its stderr collected.
 */
#include <config.h>

#include "runtime-run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "shim-start.h"

#define ARGS_MAX 16

extern char **environ;

static int spawn(const char *file, char *const argv[], int errors, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	int rc;

	posix_spawn_file_actions_init(&files);
	rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_RDWR, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&files, errors, 2);
	if (!rc)
		rc = posix_spawn(ret_pid, file, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return -rc;
}

/* What the runtime said last is what went wrong. */
static int failed(const char *said, size_t len, int status, struct cps_err *err)
{
	const char *line;

	while (len && (said[len - 1] == '\n' || said[len - 1] == '\r'))
		len--;
	line = len ? memrchr(said, '\n', len) : NULL;
	line = line ? line + 1 : said;
	if (len)
		return cps_failx(err, EIO, "%.*s", (int)(said + len - line), line);
	return cps_failx(err, EIO, "capsule-runtime failed without a word (status 0x%x)", status);
}

int sup_runtime_run(const struct sup_ctx *ctx, const char *const *args, struct cps_err *err)
{
	char file[PATH_MAX], said[4096];
	const char *argv[ARGS_MAX + 4] = { file, "--root", ctx->root };
	cleanup_fd int in = -1;
	cleanup_fd int out = -1;
	int pair[2], status, n = 3, rc;
	ssize_t got;
	pid_t pid;

	rc = sup_program_find(ctx->runtime, "capsule-runtime", file, sizeof(file), err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < ARGS_MAX && args[i]; i++)
		argv[n++] = args[i];
	argv[n] = NULL;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "make a pipe");
	in = pair[0];
	out = pair[1];
	rc = spawn(file, (char *const *)argv, out, &pid);
	if (rc < 0)
		return cps_fail(err, -rc, "run '%s'", file);
	cps_close(&out);
	got = cps_read_full(in, said, sizeof(said));
	cps_close(&in); /* should it say more: SIGPIPE is its own business */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cps_fail(err, errno, "wait for capsule-runtime");
	if (status == 0)
		return 0;
	return failed(said, got < 0 ? 0 : (size_t)got, status, err);
}
