/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other runtimes, see foreign.h.
 */
#include <config.h>
#include "foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "child-program.h"
#include "file.h"
#include "json.h"
#include "own.h"

#define FILE_NAME "foreign.json"
#define LOG_NAME  "foreign.log"
#define FILE_MAX  65536
#define LOG_MAX	  (1u << 20)
#define WORDS_MAX 32

int task_foreign_save(int dir, const struct task_foreign *f, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "binary", f->binary);
	cps_jsonw_str(&w, "root", f->root);
	cps_jsonw_bool(&w, "systemd", f->systemd);
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "OCI runtime");
	return cps_file_replace(dir, FILE_NAME, b.data, b.len, 0600, err);
}

int task_foreign_load(struct cps_arena *a, const char *root, const char *id,
		      struct task_foreign *ret, struct cps_err *err)
{
	char *path = cps_arena_printf(a, "%s/%s", root, id);
	cleanup_fd int dir = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct cps_json *all = NULL;
	int rc;

	if (dir < 0)
		return cps_fail(err, path ? errno : ENOMEM, "open '%s/%s'", root, id);
	rc = cps_json_load(a, dir, FILE_NAME, FILE_MAX, &all, err);
	*ret = (struct task_foreign){ .log = cps_arena_printf(a, "%s/" LOG_NAME, path) };
	if (rc == 0)
		rc = cps_json_str(cps_json_get(all, "binary"), &ret->binary, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(all, "root"), &ret->root, err);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(all, "systemd"), &ret->systemd, err);
	return rc == 0 && !ret->log ? cps_fail(err, ENOMEM, "OCI runtime") : rc;
}

/* The errno that stands for what runc and crun say. */
static int number_of(const char *text)
{
	if (strstr(text, "does not exist"))
		return ENOENT;
	if (strstr(text, "not running") || strstr(text, "already finished") ||
	    strstr(text, "no such process"))
		return ESRCH;
	return EIO;
}

/* The last error in its log, a JSON object a line. */
static int failed(const struct task_foreign *f, const char *word, int status, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const char *last = NULL;
	char *text = NULL;
	struct cps_err ignored;
	size_t len;

	(void)cps_file_read(AT_FDCWD, f->log, LOG_MAX, &text, &len, &ignored);
	for (char *line = text; line && *line;) {
		char *end = line + strcspn(line, "\n");
		const struct cps_json *entry = NULL;
		const char *level, *message;

		if (cps_json_parse(&arena, line, (size_t)(end - line), &entry, &ignored) == 0 &&
		    cps_json_str(cps_json_get(entry, "level"), &level, &ignored) == 0 &&
		    cps_json_str(cps_json_get(entry, "msg"), &message, &ignored) == 0 &&
		    strcmp(level, "error") == 0)
			last = message;
		line = end + (*end == '\n');
	}
	if (last)
		(void)cps_failx(err, number_of(last), "%s", last);
	else
		(void)cps_failx(err, EIO, "%s %s: ended with %s %d", f->binary, word,
				WIFSIGNALED(status) ? "signal" : "status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	cps_free_at(&text);
	return -err->num;
}

int task_foreign_run(const struct task_foreign *f, const char *const *words, const int fds[3],
		     struct cps_err *err)
{
	const char *argv[WORDS_MAX + 1] = { f->binary, "--root",       f->root, "--log",
					    f->log,    "--log-format", "json" };
	struct cps_program p = {
		.file = f->binary, .argv = argv, .fds = fds, .nfds = 3, .own_signals = true
	};
	size_t n = 7;
	pid_t pid;
	int status = 0;
	int rc;

	if (f->systemd)
		argv[n++] = "--systemd-cgroup";
	for (size_t i = 0; words[i]; i++) {
		if (n == WORDS_MAX)
			return cps_failx(err, E2BIG, "%s: too many words", f->binary);
		argv[n++] = words[i];
	}
	(void)unlink(f->log);
	rc = cps_program_spawn(&p, &pid);
	if (rc < 0)
		return cps_fail(err, -rc, "OCI runtime '%s'", f->binary);
	rc = cps_program_wait(pid, &status);
	if (rc < 0)
		return cps_fail(err, -rc, "OCI runtime '%s'", f->binary);
	return status == 0 ? 0 : failed(f, words[0], status, err);
}
