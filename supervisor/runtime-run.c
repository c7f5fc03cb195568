/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of capsule-runtime, its stderr collected.
 */
#include <config.h>

#include "runtime-run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child-program.h"
#include "file.h"
#include "own.h"
#include "shim-start.h"

#define ARGS_MAX 16

/* The message of one line of its log: msg="…" with its escapes undone, or the line as it is. */
static void message_add(struct cps_buf *to, const char *line, size_t len)
{
	static const char mark[] = " msg=\"";
	const char *end = line + len;
	const char *p = memmem(line, len, mark, sizeof(mark) - 1);

	if (!p) {
		cps_buf_add(to, line, len);
		return;
	}
	for (p += sizeof(mark) - 1; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		cps_buf_add(to, p, 1);
	}
}

/* All messages, a line each; the last is what went wrong, if anything did. */
static void messages_read(struct cps_buf *to, const char *said, size_t len)
{
	while (len) {
		const char *newline = memchr(said, '\n', len);
		size_t n = newline ? (size_t)(newline - said) : len;

		if (n) {
			message_add(to, said, n);
			cps_buf_puts(to, "\n");
		}
		n += newline ? 1 : 0;
		said += n;
		len -= n;
	}
}

static int failed(struct cps_buf *messages, int status, struct cps_err *err)
{
	char *line;

	if (!messages->len)
		return cps_failx(err, EIO, "capsule-runtime failed without a word (status 0x%x)",
				 (unsigned)status);
	messages->data[messages->len - 1] = '\0';
	line = strrchr(messages->data, '\n');
	return cps_failx(err, EIO, "%s", line ? line + 1 : messages->data);
}

int sup_runtime_run(const struct sup_ctx *ctx, const char *const *args,
		    struct cps_buf *ret_warnings, struct cps_err *err)
{
	return sup_runtime_run_io(ctx, args, -1, -1, ret_warnings, err);
}

int sup_runtime_run_io(const struct sup_ctx *ctx, const char *const *args, int stdin_fd,
		       int stdout_fd, struct cps_buf *ret_warnings, struct cps_err *err)
{
	cleanup_buf struct cps_buf messages = CPS_BUF_INIT;
	char file[PATH_MAX], said[4096];
	const char *argv[ARGS_MAX + 4] = { file, "--root", ctx->root };
	cleanup_fd int in = -1;
	cleanup_fd int out = -1;
	int pair[2], status, n = 3, rc;
	ssize_t got;
	pid_t pid = -1;

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
	rc = cps_program_spawn(
		&(struct cps_program){ .file = file,
				       .argv = argv,
				       .fds = (const int[]){ stdin_fd, stdout_fd, out },
				       .nfds = 3 },
		&pid);
	if (rc < 0)
		return cps_fail(err, -rc, "run '%s'", file);
	cps_close(&out);
	got = cps_read_full(in, said, sizeof(said));
	cps_close(&in); /* should it say more: SIGPIPE is its own business */
	rc = cps_program_wait(pid, &status);
	if (rc < 0)
		return cps_fail(err, -rc, "wait for capsule-runtime");
	messages_read(&messages, said, got < 0 ? 0 : (size_t)got);
	if (messages.failed)
		return cps_fail(err, ENOMEM, "capsule-runtime");
	if (status != 0)
		return failed(&messages, status, err);
	if (ret_warnings && messages.len)
		cps_buf_add(ret_warnings, messages.data, messages.len);
	return 0;
}

int sup_runtime_read(const struct sup_ctx *ctx, const char *const *args, size_t max, char **ret,
		     size_t *ret_len, struct cps_err *err)
{
	cleanup_fd int out = memfd_create(args[0], MFD_CLOEXEC);
	int rc;

	if (out < 0)
		return cps_fail(err, errno, "%s", args[0]);
	rc = sup_runtime_run_io(ctx, args, -1, out, NULL, err);
	if (rc == 0 && lseek(out, 0, SEEK_SET) < 0)
		rc = cps_fail(err, errno, "%s", args[0]);
	return rc < 0 ? rc : cps_fd_read(out, args[0], max, ret, ret_len, err);
}
