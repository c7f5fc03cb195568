/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs as calls to a registry: a call's hooks write what comes, from where it is to go on.
 */
#include <config.h>
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

#define PARALLEL 4

/* Who wants to know what is there. */
struct listener {
	int (*there)(void *arg, unsigned i);
	void *arg;
};

struct job {
	const struct sto *store;
	const struct sto_descriptor *desc;
	struct img_progress *progress;
	const struct listener *listener;
	unsigned number;
	struct img_blob blob;
	uint64_t shown; /* bytes that the progress knows of */
	bool open;	/* blob is */
	bool begun;	/* a byte of this attempt has come */
	bool resumed;	/* a part was there before us */
	bool repeated;	/* … which was no good */
};

static void show(struct job *j)
{
	if (j->blob.written <= j->shown)
		return;
	img_progress_add(j->progress, j->blob.written - j->shown);
	j->shown = j->blob.written;
}

static int tell(const struct listener *l, unsigned i)
{
	return l->there ? l->there(l->arg, i) : 0;
}

static void job_close(struct job *j)
{
	if (j->open)
		img_blob_done(&j->blob);
	j->open = false;
}

/* All bytes are there. IMG_CALL_AGAIN: they were remains of somebody else's and are wrong; once
 * from the beginning. */
static int commit(struct job *j, struct cps_err *err)
{
	int rc = img_blob_commit(&j->blob, NULL, err);

	job_close(j);
	if (rc != -EBADMSG || !j->resumed || j->repeated)
		return rc;
	j->repeated = true;
	return IMG_CALL_AGAIN;
}

/* 1: it is in the store; 0: it is ours to write; -EAGAIN: another one is at it. */
static int job_open(struct job *j, struct cps_err *err)
{
	int rc = img_blob_begin(j->store, j->desc->digest, j->desc->size, false, &j->blob, err);

	if (rc != 0)
		return rc;
	j->open = true;
	j->resumed = j->blob.written > 0;
	return 0;
}

static int job_begin(struct img_call *c, struct cps_err *err)
{
	struct job *j = c->owner;
	int rc = 0;

	/* twice at the most: what was left and is wrong is gone then */
	while (rc == 0 && !j->open) {
		rc = job_open(j, err);
		if (rc == 0 && j->blob.written == j->desc->size) {
			rc = commit(j, err);
			rc = rc == IMG_CALL_AGAIN ? 0 : rc < 0 ? rc : 1;
		}
	}
	if (rc == 1) {
		rc = tell(j->listener, j->number);
		return rc < 0 ? rc : 1;
	}
	if (rc < 0)
		return rc;
	show(j);
	j->begun = false;
	c->from = j->blob.written;
	return 0;
}

/* Does what comes go on where we are? A registry may have ignored Range. */
static int judge(struct img_call *c, struct job *j, struct cps_err *err)
{
	uint64_t start = 0;
	int rc;

	j->begun = true;
	if (c->answer.status == 206)
		start = c->answer.has_range ? c->answer.range_start : UINT64_MAX;
	if (start == j->blob.written)
		return 0;
	rc = img_blob_restart(&j->blob, err);
	if (rc == 0 &&
	    start != 0) /* with nothing left to go on with, it will do better next time */
		rc = cps_failx(err, EPROTO, "another part came than was asked for");
	return rc;
}

static int job_data(struct img_call *c, const void *data, size_t len, struct cps_err *err)
{
	struct job *j = c->owner;
	int rc = j->begun ? 0 : judge(c, j, err);

	if (rc == 0)
		rc = img_blob_write(&j->blob, data, len, err);
	if (rc == 0)
		show(j);
	return rc;
}

static int job_end(struct img_call *c, struct cps_err *err)
{
	struct job *j = c->owner;
	int rc;

	if (c->answer.status == 416 && j->blob.written > 0) {
		rc = img_blob_restart(&j->blob, err);
		return rc < 0 ? rc : IMG_CALL_AGAIN;
	}
	if (c->answer.status / 100 != 2)
		return img_call_refused(c, err);
	if (j->blob.written < j->desc->size)
		return IMG_CALL_AGAIN;
	rc = commit(j, err);
	return rc == 0 ? tell(j->listener, j->number) : rc;
}

static int jobs_make(struct img_registry *r, struct job *jobs, struct img_call *calls, unsigned n,
		     struct cps_err *err)
{
	static const struct img_call_hooks hooks = { job_begin, job_data, job_end };

	for (unsigned i = 0; i < n; i++) {
		const char *digest = jobs[i].desc->digest;
		struct img_call c = IMG_CALL_INIT("GET", NULL, NULL);

		c.url = img_registry_url(r, "blobs", digest);
		c.what = cps_arena_printf(&r->arena, "blob %.12s", sto_digest_hex(digest));
		if (!c.url || !c.what)
			return cps_fail(err, ENOMEM, "fetch");
		c.hooks = &hooks;
		c.owner = &jobs[i];
		calls[i] = c;
	}
	return 0;
}

int img_blobs_fetch(struct img_registry *r, const struct sto *s, const struct sto_descriptor *blobs,
		    unsigned n, int (*there)(void *arg, unsigned i), void *arg,
		    struct img_progress *p, struct cps_err *err)
{
	cleanup_free struct img_call *calls = calloc(n, sizeof(*calls));
	cleanup_free struct job *jobs = calloc(n, sizeof(*jobs));
	const struct listener listener = { there, arg };
	unsigned wanted = 0;
	int rc = 0;

	if (!calls || !jobs)
		return cps_fail(err, ENOMEM, "fetch");
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		if (sto_blob_is_there(s, blobs[i].digest, blobs[i].size)) {
			rc = tell(&listener, i);
			continue;
		}
		jobs[wanted++] = (struct job){ s, &blobs[i], p, &listener, i, .open = false };
		img_progress_expect(p, blobs[i].size);
	}
	if (rc == 0)
		rc = jobs_make(r, jobs, calls, wanted, err);
	if (rc == 0)
		rc = img_registry_calls(r, calls, wanted, PARALLEL, NULL, NULL, err);
	for (unsigned i = 0; i < wanted; i++) {
		job_close(&jobs[i]);
		img_call_done(&calls[i]);
	}
	return rc;
}
