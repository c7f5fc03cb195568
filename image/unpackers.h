/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that unpack an image's layers while others of it are still being fetched.
 */
#ifndef IMG_UNPACKERS_H
#define IMG_UNPACKERS_H

#include <pthread.h>

#include "image.h"
#include "progress.h"

#define IMG_UNPACKERS 2 /* each has another thread that decompresses (pipe.h) */

struct img_unpackers {
	const struct sto *store;       /* borrowed, as the others; locked by the caller (LOCK_SH) */
	const struct sto_image *image; /* what its manifest and config say */
	struct img_progress *progress;
	pthread_t threads[IMG_UNPACKERS];
	unsigned nthreads;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	unsigned *ready; /* numbers of layers, in the order in which they came; owned */
	unsigned filled, taken;
	bool stop;
	int rc; /* of the first that failed, and why */
	struct cps_err err;
};

/* u must stay where it is, and img_unpackers_done() follows, whatever this returns. */
int img_unpackers_start(struct img_unpackers *u, const struct sto *s, const struct sto_image *image,
			struct img_progress *progress, struct cps_err *err);
/* The layer's blob is in the store. Once for each layer. */
void img_unpackers_ready(struct img_unpackers *u, unsigned layer);
/* Waits until all layers that are ready are unpacked. */
int img_unpackers_finish(struct img_unpackers *u, struct cps_err *err);
/* Has one failed? Then what goes on elsewhere may stop as well. */
bool img_unpackers_failed(struct img_unpackers *u);
/* Ends them after the layer that each has in hand. */
void img_unpackers_done(struct img_unpackers *u);

#define cleanup_unpackers __attribute__((cleanup(img_unpackers_done)))

#endif
