/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What surrounds a shim, see setup.h.
 */
#include <config.h>
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adopt.h"
#include "claim.h"
#include "conn.h"
#include "exec.h"
#include "file.h"
#include "loop.h"
#include "own.h"
#include "proc.h"
#include "runtime-link.h"
#include "shim.h"

void shim_init(struct shim *s, const char *root, const char *id)
{
	*s = (struct shim){
		.root = root,
		.id = id,
		.dir = -1,
		.lock_fd = -1,
		.runtime_fd = -1,
		.signal_fd = -1,
		.listen_fd = -1,
		.note = { .dir = -1 },
	};
	LIST_INIT(&s->conns);
	LIST_INIT(&s->links);
	LIST_INIT(&s->children);
	TAILQ_INIT(&s->execs);
}

int shim_process_init(sigset_t *ret_signals, struct cps_err *err)
{
	(void)setsid(); /* fails if the caller has done so already */
	(void)umask(022);
	if (chdir("/") < 0)
		return cps_fail(err, errno, "chdir '/'");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return cps_fail(err, errno, "become subreaper");
	/* What our caller ignores must not be ignored in every container: nohup, for one. */
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGXFSZ,
		     SIG_IGN); /* a log at its limit is an error of write(2), not our end */
	(void)sigemptyset(ret_signals);
	(void)sigaddset(ret_signals, SIGCHLD);
	(void)sigaddset(ret_signals, SIGTERM);
	(void)sigaddset(ret_signals, SIGINT);
	(void)sigaddset(ret_signals, SIGQUIT);
	(void)sigprocmask(SIG_SETMASK, ret_signals, NULL);
	/* Small and steady rather than fast: nothing here allocates much. */
	(void)mallopt(M_TOP_PAD, 4096);
	(void)mallopt(M_TRIM_THRESHOLD, 32768);
	(void)mallopt(M_MMAP_THRESHOLD, 65536);
	return 0;
}

/* What it has to say from here on it says to its clients, and a terminal or pipe of the caller's
 * must not be held, nor passed to the runtime. */
void shim_stdio_detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; null >= 0 && i < 3; i++)
		(void)dup2(null, i);
	if (null > 2)
		(void)close(null);
}

/* <root>/<id>, made now: that is what takes the id. */
int shim_dir_make(struct shim *s, struct cps_err *err)
{
	cleanup_fd int root = -1;
	int rc = cps_mkdir_all(s->root, 0700, err);

	if (rc < 0)
		return rc;
	root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return cps_fail(err, errno, "open '%s'", s->root);
	if (mkdirat(root, s->id, 0700) < 0) {
		if (errno == EEXIST)
			return cps_failx(err, EEXIST, "container '%s' exists already", s->id);
		return cps_fail(err, errno, "mkdir '%s'", s->dir_path);
	}
	s->dir = openat(root, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0) {
		rc = cps_fail(err, errno, "open '%s'", s->dir_path);
		(void)unlinkat(root, s->id, AT_REMOVEDIR);
		return rc;
	}
	s->note.dir = s->dir;
	return shim_claim_new(s, err);
}

void shim_identity_find(struct shim *s)
{
	struct cps_err ignored;

	(void)clock_gettime(CLOCK_REALTIME, &s->started_at);
	(void)cps_proc_start_time(getpid(), &s->start_time);
	(void)cps_boot_id(s->boot_id, &ignored); /* its record then holds for any boot */
}

void shim_free(struct shim *s)
{
	shim_conns_close_all(s);
	if (s->base) {
		shim_adopt_free(s);
		shim_execs_end(s, false);
		shim_container_done(s);
		shim_links_end(s);
	}
	shim_loop_done(s);
	shim_scratch_done(&s->scratch);
	cps_close(&s->runtime_fd);
	cps_close(&s->dir);
	cps_close(&s->lock_fd);
	free(s->dir_path);
}
