/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process ended, see exit.h.
 */
#include <config.h>
#include "exit.h"

#include <errno.h>
#include <sys/wait.h>

#include "clock.h"
#include "file.h"

#define EXIT_FILE "exit.json"

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
	cps_jsonw_close(w, '}');
}

void shim_exit_text(const struct shim_exit *e, struct cps_buf *b)
{
	struct cps_jsonw w;

	cps_jsonw_init(&w, b, false);
	shim_exit_format(e, &w, NULL);
}

int shim_exit_save(const struct shim_exit *e, int dirfd, struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	shim_exit_text(e, &b);
	cps_buf_puts(&b, "\n");
	if (b.failed)
		return cps_fail(err, ENOMEM, "exit record");
	return cps_wrap(err, cps_file_replace(dirfd, EXIT_FILE, b.data, b.len, 0600, err),
			"exit record");
}
