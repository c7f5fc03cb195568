/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line on standard error that says how far long work has come: bytes, rate, time left. It is
 * there only if that is a terminal; otherwise nothing is ever written.
 */
#ifndef IMG_PROGRESS_H
#define IMG_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct img_progress {
	pthread_mutex_t lock; /* of all below: layers are fetched and read in parallel */
	const char *what;     /* "import redis"; borrowed */
	uint64_t total;	      /* bytes; 0: not known */
	uint64_t done;
	struct timespec began, drawn;
	bool on;
};

/* Every function takes NULL for "nobody wants to know". */
void img_progress_begin(struct img_progress *p, const char *what, uint64_t total);
void img_progress_expect(struct img_progress *p, uint64_t more); /* the total is larger */
void img_progress_add(struct img_progress *p, uint64_t bytes);
void img_progress_clear(struct img_progress *p); /* before something else is printed */
void img_progress_end(struct img_progress *p);	 /* takes the line away; harmless twice */

#define cleanup_progress __attribute__((cleanup(img_progress_end)))

#endif
