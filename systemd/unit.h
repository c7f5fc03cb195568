/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's units as its manager's D-Bus interface has them (org.freedesktop.systemd1(5)). Every
 * call waits for the job that it starts, for at most SYSD_WAIT_S.
 */
#ifndef SYSD_UNIT_H
#define SYSD_UNIT_H

#include "bus.h"
#include "err.h"
#include "json.h"

#define SYSD_WAIT_S 30

struct sysd {
	struct sysd_functions f;
	sd_bus *bus;
	const char *job; /* whose end we wait for, or NULL */
	char result[32]; /* how it has ended; "" until then */
};

/* Loads the library, connects, and asks to be told of jobs. sysd_close in any case. */
int sysd_open(struct sysd *s, int user, struct cps_err *err);
void sysd_close(struct sysd *s);

/* properties: an array of [name, D-Bus type, value]. Starts the transient unit; *ret_group is where
 * its processes are, below the hierarchies' roots, the caller's. One of that name that has failed
 * is forgotten first. */
int sysd_start(struct sysd *s, const char *unit, const struct cps_json *properties,
	       char **ret_group, struct cps_err *err);
/* Stops it and forgets that it may have failed; one that is not there is fine. */
int sysd_stop(struct sysd *s, const char *unit, struct cps_err *err);
/* Changes properties of a unit that is running. */
int sysd_set(struct sysd *s, const char *unit, const struct cps_json *properties,
	     struct cps_err *err);

#endif
