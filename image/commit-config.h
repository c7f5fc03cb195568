/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of an image that is made of a container: that of the image it came from, with
 * changes in the words of a Dockerfile, one more layer and one more line of history.
 */
#ifndef IMG_COMMIT_CONFIG_H
#define IMG_COMMIT_CONFIG_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "opt.h"

struct img_commit {
	const char *container;	      /* for the history */
	const char *message, *author; /* NULL */
	const char *base;	      /* configuration of the image, JSON; NULL: none */
	size_t base_len;
	const char *diff_id; /* of the new layer */
	/* "CMD …", "ENTRYPOINT …", "ENV K=V", "EXPOSE P", "LABEL K=V", "USER U", "VOLUME D",
	 * "WORKDIR D", "STOPSIGNAL S"; CMD and ENTRYPOINT take a JSON array or a shell's line. */
	const struct cps_opt_list *changes;
};

/* EINVAL: a change that is none of those; the message says which. */
int img_commit_config(const struct img_commit *c, struct cps_buf *ret, struct cps_err *err);

#endif
