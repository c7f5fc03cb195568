/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task is asked for: options, bundle, processes.
 */
#ifndef TASK_OPTIONS_H
#define TASK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "json.h"
#include "task.pb-c.h"

/* Those of containerd.runc.v1.Options; the defaults if there are none, or others. The caller's to
 * free; NULL: they are malformed, or no memory. */
Task__Options *task_options_of(const Wire__Any *any);

/* The runtime that the shim drives: capsule-runtime, by path, in PATH, or beside us if `binary` is
 * empty. Another one is driven by ourselves: *ret_fd is our own program, and ret_foreign (else "")
 * that runtime's path. */
int task_runtime_open(const char *binary, char *ret_foreign, size_t size, int *ret_fd,
		      struct cps_err *err);
/* A program by its path, or in PATH; buf: absolute. */
bool task_program_find(const char *name, char *buf, size_t size);
/* The path of a program beside us. Returns buf. */
const char *task_beside(const char *name, char *buf, size_t size);

/* Has the container a pid namespace of its own? */
int task_bundle_look(const char *bundle, bool *ret_own_pids, struct cps_err *err);
/* The sandbox that the container belongs to, by the annotations of its config.json; the caller's to
 * free. NULL: none. */
char *task_bundle_group(const char *bundle);
/* Where the state is, for `delete`, which is told nothing but the bundle. */
int task_root_save(const char *bundle, const char *root, struct cps_err *err);
/* The same; the caller's to free. NULL: nothing was saved. */
char *task_root_load(const char *bundle);

/* The process object of an Exec, with the terminal that the request asks for. */
int task_process_spec(const Task__ExecRequest *r, char **ret, struct cps_err *err);

/* Writes the names of those that are open, and moves these to the front. */
void task_fds_name(struct cps_jsonw *w, int fds[3], unsigned *ret_count);

#endif
