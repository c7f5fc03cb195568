/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities by name, as the config writes them.
 */
#ifndef RT_CAPS_H
#define RT_CAPS_H

#define RT_CAP_COUNT 41 /* that have a name: CAP_CHECKPOINT_RESTORE is the last */

/* "CAP_CHOWN" in any case -> its number; -1: unknown. */
int rt_cap_parse(const char *name);
/* Number -> "CAP_CHOWN"; NULL beyond the last. */
const char *rt_cap_name(unsigned cap);

#endif
