/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc, the cgroups and a container's files tell of it, without its shim. Nothing is changed
 * by looking; what cannot be read is left out.
 */
#ifndef SUP_DEBUG_FACTS_H
#define SUP_DEBUG_FACTS_H

#include "json.h"
#include "store.h"

/* A process: state, memory, descriptors, and where in the kernel it waits. */
void sup_facts_process(const struct sup_identity *who, const char *key, struct cps_jsonw *w);
/* shim.json, state.json, exit.json as they are. */
void sup_facts_files(const struct sup_container *c, struct cps_jsonw *w);
/* Bytes that wait in the FIFOs of dirfd. */
void sup_facts_fifos(int dirfd, struct cps_jsonw *w);
/* Counters of its cgroups, of state.json's list. */
void sup_facts_cgroups(const struct sup_container *c, struct cps_jsonw *w);
/* The last lines of dirfd/shim.log. */
void sup_facts_shim_log(int dirfd, struct cps_jsonw *w);

#endif
