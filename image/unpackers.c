/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of layers and the threads that take from it.
 */
#include <config.h>
#include "unpackers.h"

#include <errno.h>
#include <stdlib.h>

#include "layer-unpack.h"

/* The next layer; false: there is none and none will come, or one has failed. */
static bool take(struct img_unpackers *u, unsigned *ret)
{
	bool got;

	(void)pthread_mutex_lock(&u->lock);
	while (!u->stop && u->rc == 0 && u->taken == u->filled && u->filled < u->image->nlayers)
		(void)pthread_cond_wait(&u->changed, &u->lock);
	got = !u->stop && u->rc == 0 && u->taken < u->filled;
	if (got)
		*ret = u->ready[u->taken++];
	(void)pthread_mutex_unlock(&u->lock);
	return got;
}

static void fail(struct img_unpackers *u, int rc, const struct cps_err *err)
{
	(void)pthread_mutex_lock(&u->lock);
	if (u->rc == 0) {
		u->rc = rc;
		u->err = *err;
	}
	(void)pthread_cond_broadcast(&u->changed);
	(void)pthread_mutex_unlock(&u->lock);
}

static void *work(void *arg)
{
	struct img_unpackers *u = arg;
	struct cps_err err = { 0 };
	unsigned i;

	while (take(u, &i)) {
		const char *blob = u->image->content.layers[i].digest;
		int rc = img_layer_unpack(u->store, blob, u->image->layers[i], u->progress, NULL,
					  &err);

		if (rc < 0)
			fail(u, cps_wrap(&err, rc, "layer %u", i + 1), &err);
	}
	return NULL;
}

int img_unpackers_start(struct img_unpackers *u, const struct sto *s, const struct sto_image *image,
			struct img_progress *progress, struct cps_err *err)
{
	int rc = 0;

	*u = (struct img_unpackers){ .store = s, .image = image, .progress = progress };
	(void)pthread_mutex_init(&u->lock, NULL);
	(void)pthread_cond_init(&u->changed, NULL);
	u->ready = calloc(image->nlayers, sizeof(*u->ready));
	if (!u->ready)
		return cps_fail(err, ENOMEM, "unpack");
	for (; rc == 0 && u->nthreads < IMG_UNPACKERS; u->nthreads += rc == 0)
		rc = pthread_create(&u->threads[u->nthreads], NULL, work, u);
	/* fewer do it, too */
	return u->nthreads == 0 ? cps_fail(err, rc, "start a thread") : 0;
}

void img_unpackers_ready(struct img_unpackers *u, unsigned layer)
{
	(void)pthread_mutex_lock(&u->lock);
	u->ready[u->filled++] = layer;
	(void)pthread_cond_broadcast(&u->changed);
	(void)pthread_mutex_unlock(&u->lock);
}

bool img_unpackers_failed(struct img_unpackers *u)
{
	bool failed;

	(void)pthread_mutex_lock(&u->lock);
	failed = u->rc < 0;
	(void)pthread_mutex_unlock(&u->lock);
	return failed;
}

static void join(struct img_unpackers *u)
{
	while (u->nthreads > 0)
		(void)pthread_join(u->threads[--u->nthreads], NULL);
}

int img_unpackers_finish(struct img_unpackers *u, struct cps_err *err)
{
	join(u);
	if (u->rc < 0)
		*err = u->err;
	return u->rc;
}

void img_unpackers_done(struct img_unpackers *u)
{
	(void)pthread_mutex_lock(&u->lock);
	u->stop = true;
	(void)pthread_cond_broadcast(&u->changed);
	(void)pthread_mutex_unlock(&u->lock);
	join(u);
	free(u->ready);
	u->ready = NULL;
	(void)pthread_cond_destroy(&u->changed);
	(void)pthread_mutex_destroy(&u->lock);
}
