/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over, by a helper: a fork of the watch that does what any command would do (sup_adopt())
 * with the kept descriptors, and ends. It may wait as long as that takes, the loop does not; the
 * new shim becomes an orphan at once and is never the watch's to be reaped; and a death is rare
 * enough for a fork. The watch then greets whoever listens.
 */
#include <config.h>

#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "clock.h"
#include "own.h"
#include "proc.h"

#define HELPERS_MAX 8 /* at once; each keeps a processor busy for a while */

static int kept_list(const struct sup_watch_ct *ct, struct sup_kept **ret)
{
	const struct sup_watch_kept *job;
	struct sup_kept *list;
	size_t n = 1;

	LIST_FOREACH(job, &ct->jobs, link)
	n++;
	list = calloc(n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	sup_watch_kept_list(&ct->own, NULL, &list[0]);
	n = list[0].nfds > 0;
	LIST_FOREACH(job, &ct->jobs, link)
	{
		sup_watch_kept_list(job, job->exec, &list[n]);
		n += list[n].nfds > 0;
	}
	*ret = list;
	return (int)n;
}

static int fd_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The helper has all connections and everybody's descriptors, and no numbers below our raised
 * limit may be free: everything goes but stdio and what is to be handed over. */
static int others_close(const struct sup_kept *kept, size_t n)
{
	unsigned from = 3;
	size_t nfds = 0;
	int *fds = calloc(n * SUP_KEPT_FDS + 1, sizeof(*fds));

	if (!fds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < kept[i].nfds; k++)
			fds[nfds++] = kept[i].fds[k];
	}
	qsort(fds, nfds, sizeof(*fds), fd_compare);
	for (size_t i = 0; i < nfds; i++) {
		if ((unsigned)fds[i] > from)
			(void)syscall(SYS_close_range, from, fds[i] - 1, 0);
		from = (unsigned)fds[i] + 1;
	}
	(void)syscall(SYS_close_range, from, ~0u, 0);
	free(fds);
	return 0;
}

static int helper_adopt(const struct sup_watch *w, const struct sup_watch_ct *ct,
			struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_free struct sup_kept *kept = NULL;
	struct sup_adopt_how how = { .is_watch = true };
	struct sup_container c;
	cleanup_fd int rootfd = -1;
	int n = kept_list(ct, &kept);
	int rc = n < 0 ? n : others_close(kept, (size_t)n);

	if (rc < 0)
		return cps_fail(err, -rc, "adopt");
	(void)setrlimit(RLIMIT_NOFILE, &w->files); /* the shim's containers are to have that, too */
	how.kept = kept;
	how.nkept = (size_t)n;
	rc = sup_container_open(w->ctx->root, ct->id, &a, &rootfd, &c, err);
	if (rc == 0)
		rc = sup_adopt(w->ctx, rootfd, &c, &how, &client, err);
	if (rc == 0)
		(void)fprintf(stderr,
			      "capsule: %s: shim %d has died, shim %d has taken over after %d ms\n",
			      ct->id, (int)ct->shim, (int)client.shim_pid,
			      (int)(cps_monotonic_ms() - ct->died_ms));
	return rc;
}

static void __attribute__((noreturn))
helper_run(const struct sup_watch *w, const struct sup_watch_ct *ct)
{
	struct cps_err err;
	sigset_t none;
	int rc;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	rc = helper_adopt(w, ct, &err);
	/* What has ended or has been deleted meanwhile needs none, as the next look finds. */
	if (rc < 0 && rc != -ESRCH && rc != -ENOENT && !ct->told)
		(void)fprintf(stderr, "capsule: %s: no new shim: %s\n", ct->id, err.msg);
	_exit(rc < 0);
}

static void on_helper(struct sup_watch *w, void *owner)
{
	struct sup_watch_ct *ct = owner;
	int status = 0;

	if (waitpid(ct->helper_pid, &status, WNOHANG) != ct->helper_pid)
		return;
	cps_close(&ct->helper);
	w->nhelpers--;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		sup_watch_ct_wait(w, ct, 0); /* to greet who listens now */
	else
		sup_watch_ct_died(w, ct);
}

int sup_watch_adopt(struct sup_watch *w, struct sup_watch_ct *ct)
{
	int rc;

	if (w->nhelpers >= HELPERS_MAX)
		return -EAGAIN;
	(void)fflush(NULL);
	ct->helper_pid = fork();
	if (ct->helper_pid < 0)
		return -errno;
	if (ct->helper_pid == 0)
		helper_run(w, ct);
	ct->source = (struct sup_watch_source){ on_helper, ct };
	ct->helper = cps_pidfd_open(ct->helper_pid);
	rc = ct->helper < 0 ? ct->helper : sup_watch_add(w, ct->helper, &ct->source);
	if (rc < 0) {
		/* without its end there would be no news of it: rather try again */
		(void)kill(ct->helper_pid, SIGKILL);
		(void)waitpid(ct->helper_pid, NULL, 0);
		cps_close(&ct->helper);
		return rc;
	}
	w->nhelpers++;
	return 0;
}
