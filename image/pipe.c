/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread between a compressed file and who reads it.
 */
#include <config.h>
#include "pipe.h"

#include <errno.h>
#include <string.h>

#include "own.h"

/* Waits for a free block. false: nobody wants more. */
static bool wait_for_room(struct img_pipe *p)
{
	bool stop;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->stop && p->filled - p->taken == IMG_PIPE_BLOCKS)
		(void)pthread_cond_wait(&p->changed, &p->lock);
	stop = p->stop;
	(void)pthread_mutex_unlock(&p->lock);
	return !stop;
}

static void *pump(void *data)
{
	struct img_pipe *p = data;
	ssize_t n = 1;

	while (n > 0 && wait_for_room(p)) {
		unsigned at = p->filled % IMG_PIPE_BLOCKS; /* ours alone to change */
		struct cps_err err = { 0 };

		n = img_stream_read(p->stream, p->blocks[at], IMG_BLOCK, &err);
		if (n > 0)
			img_hash_add(&p->hash, p->blocks[at], (size_t)n);
		(void)pthread_mutex_lock(&p->lock);
		if (n > 0) {
			p->lens[at] = (size_t)n;
			p->filled++;
		} else {
			p->end = true;
			p->rc = (int)n;
			p->err = err;
		}
		(void)pthread_cond_signal(&p->changed);
		(void)pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

int img_pipe_start(struct img_pipe *p, struct img_stream *stream, struct cps_err *err)
{
	int rc;

	*p = (struct img_pipe){ .stream = stream };
	for (unsigned i = 0; i < IMG_PIPE_BLOCKS; i++) {
		p->blocks[i] = malloc(IMG_BLOCK);
		if (!p->blocks[i])
			return cps_fail(err, ENOMEM, "read an archive");
	}
	rc = img_hash_begin(&p->hash, err);
	if (rc < 0)
		return rc;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->changed, NULL);
	rc = pthread_create(&p->thread, NULL, pump, p);
	if (rc != 0)
		return cps_fail(err, rc, "start a thread");
	p->started = true;
	return 0;
}

ssize_t img_pipe_next(struct img_pipe *p, const void **ret, struct cps_err *err)
{
	ssize_t n;

	(void)pthread_mutex_lock(&p->lock);
	if (p->held) {
		p->taken++;
		(void)pthread_cond_signal(&p->changed);
	}
	while (!p->end && p->filled == p->taken)
		(void)pthread_cond_wait(&p->changed, &p->lock);
	p->held = p->filled != p->taken;
	if (p->held) {
		*ret = p->blocks[p->taken % IMG_PIPE_BLOCKS];
		n = (ssize_t)p->lens[p->taken % IMG_PIPE_BLOCKS];
	} else {
		n = p->rc;
		*err = p->err;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return n;
}

int img_pipe_finish(struct img_pipe *p, char ret[STO_DIGEST_SIZE], struct cps_err *err)
{
	const void *ignored;
	ssize_t n;

	do
		n = img_pipe_next(p, &ignored, err);
	while (n > 0);
	if (n < 0)
		return (int)n;
	(void)pthread_join(p->thread, NULL);
	p->started = false;
	return img_hash_end(&p->hash, ret, err);
}

void img_pipe_done(struct img_pipe *p)
{
	if (p->started) {
		(void)pthread_mutex_lock(&p->lock);
		p->stop = true;
		(void)pthread_cond_signal(&p->changed);
		(void)pthread_mutex_unlock(&p->lock);
		(void)pthread_join(p->thread, NULL);
	}
	for (unsigned i = 0; i < IMG_PIPE_BLOCKS; i++)
		free(p->blocks[i]);
	img_hash_done(&p->hash);
	*p = (struct img_pipe){ 0 };
}
