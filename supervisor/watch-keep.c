/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptors that a watch keeps. A connection is worth most, since without it nothing is
 * noticed at all; then the pidfd, which is the exit status; then a terminal; last the FIFOs, which
 * have their files to be opened by and lose something only if their container ends meanwhile.
 */
#include <config.h>

#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

static const char *const names[SUP_WATCH_FDS] = {
	[SUP_WATCH_PIDFD] = "pidfd",
	[SUP_WATCH_CONSOLE] = "console",
	[SUP_WATCH_STDOUT] = "stdout",
	[SUP_WATCH_STDERR] = "stderr",
};

static void fd_drop(struct sup_watch *w, int *fd)
{
	if (*fd < 0)
		return;
	cps_close(fd);
	w->nfds--;
}

/* Gives up one of that kind of anybody's. */
static bool one_drop(struct sup_watch *w, enum sup_watch_fd kind)
{
	struct sup_watch_kept *job;
	struct sup_watch_ct *ct;

	LIST_FOREACH(ct, &w->cts, link)
	{
		struct sup_watch_kept *found = ct->own.fds[kind] >= 0 ? &ct->own : NULL;

		LIST_FOREACH(job, &ct->jobs, link)
		{
			if (job->fds[kind] >= 0)
				found = job;
		}
		if (!found)
			continue;
		fd_drop(w, &found->fds[kind]);
		return true;
	}
	return false;
}

/* Is there room for one of that rank, if need be by giving up what is worth less? */
static bool room_make(struct sup_watch *w, int rank)
{
	if (w->nfds < w->nfds_max)
		return true;
	if (!w->fds_told)
		(void)fprintf(stderr,
			      "capsule: shim watch: %u descriptors do not suffice; less is kept of "
			      "containers (RLIMIT_NOFILE is the bound)\n",
			      w->nfds_max);
	w->fds_told = true;
	for (int kind = SUP_WATCH_FDS - 1; kind > rank; kind--) {
		if (one_drop(w, (enum sup_watch_fd)kind))
			return true;
	}
	return false;
}

bool sup_watch_conn_room(struct sup_watch *w)
{
	return room_make(w, -1);
}

void sup_watch_kept_init(struct sup_watch_kept *k)
{
	memset(k, 0, sizeof(*k));
	for (int i = 0; i < SUP_WATCH_FDS; i++)
		k->fds[i] = -1;
}

void sup_watch_kept_drop(struct sup_watch *w, struct sup_watch_kept *k)
{
	for (int i = 0; i < SUP_WATCH_FDS; i++)
		fd_drop(w, &k->fds[i]);
}

void sup_watch_kept_take(struct sup_watch *w, struct sup_watch_kept *k, struct cps_frame *f)
{
	sup_watch_kept_drop(w, k);
	for (int i = 0; i < SUP_WATCH_FDS; i++) {
		cleanup_fd int fd = cps_frame_take_fd(f, names[i]);

		if (fd < 0 || !room_make(w, i))
			continue;
		k->fds[i] = take_fd(&fd);
		w->nfds++;
	}
}

void sup_watch_kept_list(const struct sup_watch_kept *k, const char *exec, struct sup_kept *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->exec = exec;
	for (int i = 0; i < SUP_WATCH_FDS; i++) {
		if (k->fds[i] < 0)
			continue;
		ret->names[ret->nfds] = names[i];
		ret->fds[ret->nfds++] = k->fds[i];
	}
}

struct sup_watch_kept *sup_watch_job(struct sup_watch_ct *ct, const char *exec, bool make)
{
	struct sup_watch_kept *job;

	LIST_FOREACH(job, &ct->jobs, link)
	{
		if (strcmp(job->exec, exec) == 0)
			return job;
	}
	if (!make || strlen(exec) >= sizeof(job->exec))
		return NULL;
	job = malloc(sizeof(*job));
	if (!job)
		return NULL;
	sup_watch_kept_init(job);
	(void)snprintf(job->exec, sizeof(job->exec), "%s", exec);
	LIST_INSERT_HEAD(&ct->jobs, job, link);
	return job;
}

void sup_watch_job_drop(struct sup_watch *w, struct sup_watch_kept *job)
{
	LIST_REMOVE(job, link);
	sup_watch_kept_drop(w, job);
	free(job);
}

void sup_watch_all_drop(struct sup_watch *w, struct sup_watch_ct *ct)
{
	struct sup_watch_kept *job;

	sup_watch_kept_drop(w, &ct->own);
	while ((job = LIST_FIRST(&ct->jobs)) != NULL)
		sup_watch_job_drop(w, job);
}
