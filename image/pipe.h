/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that decompresses a stream and computes the digest of what comes out, while its caller
 * works on the blocks before. A few blocks wait in between, so neither runs ahead.
 */
#ifndef IMG_PIPE_H
#define IMG_PIPE_H

#include <pthread.h>

#include "stream.h"
#include "hash.h"

#define IMG_PIPE_BLOCKS 8

struct img_pipe {
	struct img_stream *stream; /* borrowed; the thread's until the end */
	struct img_hash hash;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	char *blocks[IMG_PIPE_BLOCKS];
	size_t lens[IMG_PIPE_BLOCKS];
	unsigned filled, taken; /* counts; a block is its count modulo their number */
	bool held;		/* the caller has the block `taken` */
	bool end, stop, started;
	int rc; /* of the thread, and why */
	struct cps_err err;
};

/* p must stay where it is. */
int img_pipe_start(struct img_pipe *p, struct img_stream *stream, struct cps_err *err);
/* The next block, which is the caller's until the next call; its length, 0 at the end, -errno. */
ssize_t img_pipe_next(struct img_pipe *p, const void **ret, struct cps_err *err);
/* Reads to the end, if that was not reached, and says which digest the whole has. */
int img_pipe_finish(struct img_pipe *p, char ret[STO_DIGEST_SIZE], struct cps_err *err);
void img_pipe_done(struct img_pipe *p);

#define cleanup_pipe __attribute__((cleanup(img_pipe_done)))

#endif
