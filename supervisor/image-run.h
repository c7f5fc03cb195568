/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a container of an image.
 */
#ifndef SUP_IMAGE_RUN_H
#define SUP_IMAGE_RUN_H

#include "command.h"
#include "run-options.h"

/* In the foreground: until it ends, its exit code. Detached: 0 once it runs. Its name, if none was
 * given, is made up, and printed when it is detached. */
int sup_image_run(struct sup_ctx *ctx, struct sup_run *run, struct cps_err *err);

/* `image run` and `run`, from argv on: options, image, command. */
int sup_image_run_command(struct sup_ctx *ctx, const struct sup_command *self, int argc,
			  char **argv, struct cps_err *err);
/* Does the first argument of this `run` name an image, and no option a bundle? */
bool sup_image_run_is_meant(const struct sup_ctx *ctx, int argc, char **argv);

#endif
