/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another OCI runtime than ours, driven by its command line, which is runc's. Which one it is
 * stands in the state directory: whoever does something to the container later finds it there.
 */
#ifndef TASK_FOREIGN_H
#define TASK_FOREIGN_H

#include <stdbool.h>

#include "arena.h"
#include "err.h"

struct task_foreign {
	const char *binary;
	const char *root; /* where its own state is */
	bool systemd;
	const char *log; /* of its errors */
};

/* dir: the state directory. log is not saved: it is in that directory. */
int task_foreign_save(int dir, const struct task_foreign *f, struct cps_err *err);
/* Of the container in <root>/<id>. -ENOENT: it is our own runtime's. */
int task_foreign_load(struct cps_arena *a, const char *root, const char *id,
		      struct task_foreign *ret, struct cps_err *err);
/* Runs it with these words after those that each command has, and waits for its end. fds: its
 * stdio, -1 is /dev/null. What it has said in its log is the error. */
int task_foreign_run(const struct task_foreign *f, const char *const *words, const int fds[3],
		     struct cps_err *err);

#endif
