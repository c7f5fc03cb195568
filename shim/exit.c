/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process ended, see exit.h.
 */
#include <config.h>
#include "exit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "clock.h"
#include "file.h"
#include "own.h"

#define EXIT_FILE    "exit.json"
#define EARLY_FILE   "exit.json.new"
#define FILE_MAX     65536
#define CODE_UNKNOWN 255

void shim_exit_init(struct shim_exit *e, pid_t pid, int status)
{
	*e = (struct shim_exit){ .pid = pid, .known = true };
	(void)clock_gettime(CLOCK_REALTIME, &e->at);
	if (WIFSIGNALED(status)) {
		e->signal = WTERMSIG(status);
		e->code = 128 + e->signal;
	} else {
		e->code = WEXITSTATUS(status);
	}
}

void shim_exit_init_unknown(struct shim_exit *e, pid_t pid)
{
	*e = (struct shim_exit){ .pid = pid, .code = CODE_UNKNOWN };
	(void)clock_gettime(CLOCK_REALTIME, &e->at);
}

int shim_exit_parse(const struct cps_json *node, struct shim_exit *ret, struct cps_err *err)
{
	struct shim_exit e = { .known = true };
	const char *at = "";
	int64_t pid = 0;
	int64_t code = 0;
	int64_t signal = 0;
	int rc = cps_json_i64(cps_json_get(node, "code"), 0, 255, &code, err);

	if (rc == 0)
		rc = cps_json_i64(cps_json_get(node, "signal"), 0, _NSIG, &signal, err);
	if (rc == 0)
		rc = cps_json_i64(cps_json_get(node, "pid"), 0, INT32_MAX, &pid, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(node, "oom"), &e.oom, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(node, "known"), &e.known, err);
	if (rc == 0 && cps_json_get(node, "checkpointed"))
		rc = cps_json_bool(cps_json_get(node, "checkpointed"), &e.checkpointed, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(node, "at"), &at, err);
	if (rc < 0)
		return rc;
	if (cps_time_parse(at, &e.at) < 0)
		return cps_json_fail(cps_json_get(node, "at"), EINVAL, err, "'%s' is no time", at);
	e.pid = (pid_t)pid;
	e.code = (int)code;
	e.signal = (int)signal;
	*ret = e;
	return 0;
}

void shim_exit_format(const struct shim_exit *e, struct cps_jsonw *w, const char *key)
{
	char at[CPS_TIME_SIZE];

	cps_time_format(&e->at, true, at);
	cps_jsonw_open(w, key, '{');
	cps_jsonw_i64(w, "code", e->code);
	cps_jsonw_i64(w, "signal", e->signal);
	cps_jsonw_bool(w, "oom", e->oom);
	cps_jsonw_str(w, "at", at);
	cps_jsonw_i64(w, "pid", e->pid);
	cps_jsonw_bool(w, "known", e->known);
	if (e->checkpointed)
		cps_jsonw_bool(w, "checkpointed", true);
	cps_jsonw_close(w, '}');
}

void shim_exit_text(const struct shim_exit *e, struct cps_buf *b)
{
	struct cps_jsonw w;

	cps_jsonw_init(&w, b, false);
	shim_exit_format(e, &w, NULL);
}

static int file_write(const struct shim_exit *e, int dirfd, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	cleanup_fd int fd = -1;
	int rc;

	shim_exit_text(e, &b);
	cps_buf_puts(&b, "\n");
	if (b.failed)
		return cps_fail(err, ENOMEM, "exit record");
	fd = openat(dirfd, EARLY_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cps_fail(err, errno, "exit record: open '%s'", EARLY_FILE);
	rc = cps_write_all(fd, b.data, b.len);
	return rc < 0 ? cps_fail(err, -rc, "exit record: write '%s'", EARLY_FILE) : 0;
}

void shim_exit_save_early(struct shim_exit *e, int dirfd)
{
	struct cps_err ignored;

	e->saved = file_write(e, dirfd, &ignored) == 0;
}

int shim_exit_save(const struct shim_exit *e, int dirfd, struct cps_err *err)
{
	int rc;

	if (e->saved && renameat(dirfd, EARLY_FILE, dirfd, EXIT_FILE) == 0)
		return 0;
	rc = file_write(e, dirfd, err);
	if (rc == 0 && renameat(dirfd, EARLY_FILE, dirfd, EXIT_FILE) < 0)
		rc = cps_fail(err, errno, "exit record: rename '%s'", EARLY_FILE);
	return rc;
}

static int file_read(int dirfd, const char *name, struct shim_exit *ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *node = NULL;
	int rc = cps_json_load(&arena, dirfd, name, FILE_MAX, &node, err);

	return rc < 0 ? rc : cps_wrap(err, shim_exit_parse(node, ret, err), "%s", name);
}

int shim_exit_load(int dirfd, struct shim_exit *ret, bool *ret_early, struct cps_err *err)
{
	int rc = file_read(dirfd, EXIT_FILE, ret, err);

	*ret_early = false;
	if (rc != -ENOENT)
		return rc;
	/* Torn: its writer died in the middle, or the disk was full. Nothing depends on it. */
	if (file_read(dirfd, EARLY_FILE, ret, err) < 0)
		return -ENOENT;
	*ret_early = true;
	return 0;
}
