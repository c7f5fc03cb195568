/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containerd runs us for.
 */
#ifndef TASK_COMMANDS_H
#define TASK_COMMANDS_H

#include <stdbool.h>

#include "err.h"

struct task_flags {
	const char *ns;
	const char *address; /* containerd's, of gRPC */
	const char *publish; /* the program that takes events */
	const char *id;
	const char *bundle; /* "" as a rule: the working directory */
	const char *action; /* the first word that is no flag, or "" */
	bool version;
	bool info;
	bool help;
};

/* Makes sure that a server for the container's group is there, and prints its address. The server
 * is a child of ours, and returns from here when it has ended, with *ret_server. */
int task_cmd_start(const struct task_flags *f, bool *ret_server, struct cps_err *err);
/* Clears away what is left of a container, and prints how it has ended. */
int task_cmd_delete(const struct task_flags *f, struct cps_err *err);
/* What a shim of ours asks of another OCI runtime, on descriptor 3. */
int task_cmd_serve(struct cps_err *err);

#endif
