/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a dead shim. Those with an exit record are listed as before; of the others the
 * process is looked for, and what it says, or has said, is read on. One whose process was never
 * written down (the shim died within its `exec`) ends when its output does, and nobody can say how.
 */
#include <config.h>
#include "adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "exec-run.h"
#include "job-record.h"
#include "own.h"
#include "proc.h"
#include "shim.h"

static int output_adopt(struct shim_exec *x, struct shim_kept *kept, struct cps_err *err)
{
	struct shim_exec_run *run = x->run;
	int rc = 0;

	if (!x->terminal)
		rc = shim_io_reopen(&run->io, run->dir, kept->streams, false, err);
	else if (kept->console >= 0)
		shim_io_console(&run->io, take_fd(&kept->console));
	else if (x->machine.state < SHIM_EXEC_EXITED)
		shim_note(&x->shim->note,
			  "exec %s: its terminal hung up with the shim that had it: no more output",
			  x->id);
	/* What is over may have been cut short before it had all of them. */
	if (rc == -ENOENT && x->machine.state >= SHIM_EXEC_DRAINING)
		rc = 0;
	if (rc == 0 && x->log.driver)
		rc = shim_log_open(&x->log, run->dir, SHIM_LOG_JOURNAL, &x->shim->scratch,
				   &run->log, err);
	return rc;
}

static int process_adopt(struct shim_exec *x, const struct shim_identity *who,
			 struct shim_kept *kept, struct cps_err *err)
{
	int pidfd = -1;
	int rc = shim_adopt_pidfd(x->shim, who, kept, &pidfd, err);

	return rc < 0 ? rc : shim_exec_adopt_child(x, who->pid, pidfd, err);
}

/* Oldest first, as the list is kept. */
static void job_place(struct shim_exec *x)
{
	struct shim_execs *list = &x->shim->execs;
	struct shim_exec *at = TAILQ_PREV(x, shim_execs, link);

	while (at && (at->started_at.tv_sec > x->started_at.tv_sec ||
		      (at->started_at.tv_sec == x->started_at.tv_sec &&
		       at->started_at.tv_nsec > x->started_at.tv_nsec)))
		at = TAILQ_PREV(at, shim_execs, link);
	TAILQ_REMOVE(list, x, link);
	if (at)
		TAILQ_INSERT_AFTER(list, at, x, link);
	else
		TAILQ_INSERT_HEAD(list, x, link);
}

/* From the files, as far as it may fail. */
static int job_open(struct shim_exec *x, int execs, struct cps_err *err)
{
	struct shim_kept kept = shim_adopt_kept(x->shim, x->id);
	struct shim_identity who = { .pid = 0 };
	bool is_over = false;
	int rc = shim_exec_run_new(x, err);

	if (rc == 0) {
		x->run->dir = openat(execs, x->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = x->run->dir < 0 ? cps_fail(err, errno, "open") : 0;
	}
	if (rc == 0)
		rc = shim_job_load(x, x->run->dir, &who, &x->run->oom_kills, &is_over, err);
	if (rc == -ENOENT) {
		(void)clock_gettime(CLOCK_REALTIME, &x->started_at);
		rc = 0;
	}
	if (rc == 0 && is_over) {
		x->machine.state = SHIM_EXEC_EXITED;
	} else if (rc == 0 && (x->has_exit || who.pid == 0)) {
		x->machine.state = SHIM_EXEC_DRAINING;
		if (!x->has_exit)
			shim_exit_init_unknown(&x->exit, 0);
		x->has_exit = true;
	} else if (rc == 0) {
		rc = process_adopt(x, &who, &kept, err);
	}
	if (rc == 0)
		rc = output_adopt(x, &kept, err);
	if (rc < 0 && x->machine.state == SHIM_EXEC_EXITED && x->run) {
		/* How it ended is what matters. */
		shim_note(&x->shim->note, "exec %s: %s", x->id, err->msg);
		shim_io_done(&x->run->io);
		rc = 0;
	}
	shim_kept_close(&kept);
	return rc;
}

static void job_adopt(struct shim *s, int execs, const char *id)
{
	struct shim_exec *x = shim_exec_new(s, SHIM_EXEC_RUNNING);
	struct cps_err err = { .num = ENOMEM, .msg = "no memory" };

	if (!x) {
		shim_note(&s->note, "exec %s: not adopted: %s", id, err.msg);
		return;
	}
	(void)memcpy(x->id, id, SHIM_EXEC_ID_SIZE);
	x->machine.tag = shim_trace_tag(id);
	x->detach = true;
	if (job_open(x, execs, &err) < 0) {
		shim_note(&s->note, "exec %s: not adopted: %s", id, err.msg);
		shim_exec_free(x, false);
		return;
	}
	job_place(x);
	shim_io_start(&x->run->io, take_ptr(&x->run->log));
	if (x->machine.state == SHIM_EXEC_EXITED) {
		shim_io_overdue(&x->run->io);
		shim_io_exited(&x->run->io); /* may free it */
	} else if (shim_io_is_closed(&x->run->io)) {
		shim_exec_news(x, SHIM_EXEC_E_STDIO_CLOSED); /* of the one without a process */
	} else {
		shim_io_look(&x->run->io);
	}
}

void shim_adopt_jobs(struct shim *s)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(s->dir, "exec", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return; /* there never was one */
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		shim_note(&s->note, "no memory to look for jobs");
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (strlen(e->d_name) == SHIM_EXEC_ID_SIZE - 1)
			job_adopt(s, dirfd(dir), e->d_name);
	}
	shim_execs_tidy(s);
}
