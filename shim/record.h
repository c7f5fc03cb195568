/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files that the shim writes about itself and its container: shim.json, which is what a
 * successor needs, and the pid file that callers ask for.
 */
#ifndef SHIM_RECORD_H
#define SHIM_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "exit.h"
#include "json.h"

struct shim;

int shim_record_save(struct shim *s, struct cps_err *err);
/* The same where the container is more important than its record: a failure is noted. */
void shim_record_update(struct shim *s);
/* As runc does it: digits only, no newline, by rename. */
int shim_pid_file_write(const char *path, pid_t pid, struct cps_err *err);

/* A process that was written down. */
struct shim_identity {
	pid_t pid; /* 0: none */
	uint64_t start_time;
};

/* What a dead shim and the runtimes that it ran have left in the state directory. */
struct shim_past {
	const struct cps_json *record; /* shim.json; in the arena, as all of these */
	const struct cps_json *state;  /* state.json, or NULL */
	bool over;		       /* there is an exit.json */
	bool has_exit;		       /* … or what was written before that: */
	struct shim_exit exit;
	struct shim_identity shim;
	struct shim_identity init;
	const char *phase; /* the machine's state at the last writing; "" in older records */
	bool other_boot;
};

/* Reads the files; -ENOENT: there is no shim.json. */
int shim_past_load(int dir, struct cps_arena *a, struct shim_past *ret, struct cps_err *err);
/* Fills the container from them: parameters, and what the runtime had said. */
int shim_past_apply(const struct shim_past *past, struct shim *s, struct cps_err *err);
/* Where the OOM kills are counted; false: nowhere. */
bool shim_past_memory_events(const struct shim_past *past, char *buf, size_t size);
bool shim_identity_is_alive(const struct shim_identity *who);

#endif
