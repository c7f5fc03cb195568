/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob's way: is it there (HEAD), may it come from a neighbour or where is it to go (POST), and
 * there it goes (PUT). A PUT that breaks begins anew with POST: registries do not agree on what is
 * left of it.
 */
#include <config.h>
#include "push.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "own.h"
#include "registry-url.h"

#define PARALLEL	 4
#define MANIFEST_SECONDS 120

enum step { STEP_LOOK, STEP_ASK, STEP_SEND };

struct job {
	struct img_registry *registry;
	const struct sto *store;
	const struct sto_descriptor *desc;
	int fd;
	uint64_t shown;
	bool sent; /* the PUT has been begun */
	enum step step;
};

struct jobs {
	struct job *v;
	struct img_call *calls;
	unsigned n;
	struct img_progress *progress;
};

static int ask(struct job *j, struct img_call *c, struct cps_err *err)
{
	struct img_registry *r = j->registry;
	const char *url = img_registry_url(r, "blobs", "uploads/");
	int rc = 0;

	if (!url)
		return cps_fail(err, ENOMEM, "push");
	if (r->mount) {
		rc = img_url_add_query(&r->arena, url, "mount", j->desc->digest, &url, err);
		if (rc == 0)
			rc = img_url_add_query(&r->arena, url, "from", r->mount, &url, err);
	}
	if (rc < 0)
		return rc;
	c->method = "POST";
	c->url = url;
	c->to = url;
	c->body_size = 0;
	c->content_type = NULL;
	j->step = STEP_ASK;
	j->sent = false;
	return 0;
}

/* The answer to POST says where. */
static int send_to(struct job *j, struct img_call *c, struct cps_err *err)
{
	struct img_registry *r = j->registry;
	const char *url = NULL;
	int rc;

	if (!c->answer.location.len)
		return cps_failx(err, EPROTO, "%s does not say where to send it", r->host);
	rc = img_url_resolve(&r->arena, c->to, c->answer.location.data, !r->verify, &url, err);
	if (rc == 0)
		rc = img_url_add_query(&r->arena, url, "digest", j->desc->digest, &url, err);
	if (rc < 0)
		return cps_wrap(err, rc, "where to send it");
	if (j->fd < 0)
		j->fd = sto_blob_open(j->store, j->desc->digest, err);
	if (j->fd < 0)
		return j->fd;
	c->method = "PUT";
	c->url = url;
	c->content_type = "application/octet-stream";
	c->body_fd = j->fd;
	c->body_size = j->desc->size;
	j->step = STEP_SEND;
	return 0;
}

static int job_begin(struct img_call *c, struct cps_err *err)
{
	struct job *j = c->owner;

	if (j->step == STEP_SEND && j->sent)
		return ask(j, c, err);
	j->sent = j->step == STEP_SEND;
	return 0;
}

static int next(int rc)
{
	return rc < 0 ? rc : IMG_CALL_NEXT;
}

static int job_end(struct img_call *c, struct cps_err *err)
{
	struct job *j = c->owner;
	long status = c->answer.status;

	switch (j->step) {
	case STEP_LOOK:
		if (status == 404)
			return next(ask(j, c, err));
		break;
	case STEP_ASK:
		if (status == 202)
			return next(send_to(j, c, err));
		break; /* 201: mounted */
	case STEP_SEND:
		/* it knows nothing of the upload any more */
		if (status == 404 || status == 416)
			return IMG_CALL_AGAIN;
		break;
	}
	return status == 200 || status == 201 ? 0 : img_call_refused(c, err);
}

static void show(void *arg)
{
	struct jobs *jobs = arg;

	for (unsigned i = 0; i < jobs->n; i++) {
		struct job *j = &jobs->v[i];
		uint64_t done = j->step == STEP_SEND ? jobs->calls[i].body_sent : 0;

		if (jobs->calls[i].finished)
			done = j->desc->size;
		if (done <= j->shown)
			continue;
		img_progress_add(jobs->progress, done - j->shown);
		j->shown = done;
	}
}

static int jobs_run(struct img_registry *r, struct jobs *jobs, struct cps_err *err)
{
	static const struct img_call_hooks hooks = { job_begin, NULL, job_end };

	for (unsigned i = 0; i < jobs->n; i++) {
		const char *digest = jobs->v[i].desc->digest;
		struct img_call c =
			IMG_CALL_INIT("HEAD", img_registry_url(r, "blobs", digest), NULL);

		c.what = cps_arena_printf(&r->arena, "blob %.12s", sto_digest_hex(digest));
		if (!c.url || !c.what)
			return cps_fail(err, ENOMEM, "push");
		c.hooks = &hooks;
		c.owner = &jobs->v[i];
		jobs->calls[i] = c;
		img_progress_expect(jobs->progress, jobs->v[i].desc->size);
	}
	return img_registry_calls(r, jobs->calls, jobs->n, PARALLEL, show, jobs, err);
}

static int blobs_push(struct img_registry *r, const struct sto *s, const struct sto_manifest *m,
		      struct img_progress *p, struct cps_err *err)
{
	unsigned n = m->nlayers + 1;
	cleanup_free struct img_call *calls = calloc(n, sizeof(*calls));
	cleanup_free struct job *v = calloc(n, sizeof(*v));
	struct jobs jobs = { v, calls, 0, p };
	int rc;

	if (!calls || !v)
		return cps_fail(err, ENOMEM, "push");
	for (unsigned i = 0; i < n; i++) {
		const struct sto_descriptor *d = i < m->nlayers ? &m->layers[i] : &m->config;
		bool twice = false;

		for (unsigned k = 0; k < jobs.n; k++)
			twice = twice || strcmp(v[k].desc->digest, d->digest) == 0;
		if (!twice)
			v[jobs.n++] = (struct job){ r, s, d, .fd = -1 };
	}
	rc = jobs_run(r, &jobs, err);
	for (unsigned i = 0; i < jobs.n; i++) {
		img_call_done(&calls[i]);
		cps_close(&v[i].fd);
	}
	return rc;
}

static int manifest_push(struct img_registry *r, const struct sto *s, const struct sto_image *image,
			 struct cps_err *err)
{
	cleanup_call struct img_call c = IMG_CALL_INIT("PUT", NULL, "manifest");
	cleanup_free char *text = NULL;
	size_t len;
	int rc = sto_blob_read(s, image->manifest, &text, &len, err);

	if (rc < 0)
		return rc;
	c.url = img_registry_url(r, "manifests", sto_ref_wanted(r->ref));
	if (!c.url)
		return cps_fail(err, ENOMEM, "push");
	c.content_type = image->content.media_type;
	c.body = text;
	c.body_size = len;
	c.max = STO_JSON_MAX;
	c.seconds = MANIFEST_SECONDS;
	rc = img_registry_call(r, &c, err);
	if (rc == 0 && c.answer.digest[0] && strcmp(c.answer.digest, image->manifest) != 0)
		rc = cps_failx(err, EBADMSG, "%s has kept it as %s, and it is %s", r->host,
			       c.answer.digest, image->manifest);
	return rc;
}

int img_push(struct img_registry *r, const struct sto *s, const struct sto_image *image,
	     struct img_progress *p, struct cps_err *err)
{
	int rc;

	if (r->ref->digest[0] && strcmp(r->ref->digest, image->manifest) != 0)
		return cps_failx(err, EINVAL, "the image is %s, not %s", image->manifest,
				 r->ref->digest);
	rc = blobs_push(r, s, &image->content, p, err);
	return rc < 0 ? rc : manifest_push(r, s, image, err);
}
