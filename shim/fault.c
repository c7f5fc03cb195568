/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault injection, see fault.h. Empty in a release build.
 */
#include <config.h>
#include "fault.h"

#ifdef CAPSULE_FAULTS

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int shim_fault_point(const char *when, const char *table, const char *state, const char *event,
		     struct cps_err *err)
{
	static bool spent; /* a fault strikes once: what is repeated must then succeed */
	const char *fault = getenv("CAPSULE_FAULT");
	char row[128];

	if (!fault || spent)
		return 0;
	(void)snprintf(row, sizeof(row), "%s.%s.%s", table, state, event);
	if (strncmp(fault, "die:", 4) == 0 && strcmp(fault + 4, row) == 0) {
		(void)kill(getpid(), SIGKILL);
	} else if (strncmp(fault, when, strlen(when)) == 0 && fault[strlen(when)] == ':' &&
		   strcmp(fault + strlen(when) + 1, row) == 0) {
		spent = true;
		return cps_failx(err, EIO, "%s: %s", row, fault);
	}
	return 0;
}

#endif
