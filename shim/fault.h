/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault injection for tests (--enable-faults), never in a release build. CAPSULE_FAULT names one
 * row of a table of the shim and what becomes of it, once:
 *
 *   before:container.running.kill   the action is not run and fails with EIO
 *   die:exec.spawning.done          the shim kills itself before the action
 */
#ifndef SHIM_FAULT_H
#define SHIM_FAULT_H

#include <config.h>

#include "err.h"

#ifdef CAPSULE_FAULTS
int shim_fault_point(const char *when, const char *table, const char *state, const char *event,
		     struct cps_err *err);
#else
static inline int shim_fault_point(const char *when, const char *table, const char *state,
				   const char *event, struct cps_err *err)
{
	(void)when;
	(void)table;
	(void)state;
	(void)event;
	(void)err;
	return 0;
}
#endif

#endif
