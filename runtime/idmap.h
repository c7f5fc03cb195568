/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id mappings of a new user namespace, written by the runtime with the host's privileges or, where
 * it has none, by newuidmap(1) and newgidmap(1).
 */
#ifndef RT_IDMAP_H
#define RT_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"
#include "spec.h"

/* One pair of maps, of a user namespace that has none yet. */
int rt_idmap_write_maps(pid_t pid, const struct rt_id_maps *maps, struct cps_err *err);
/* Those of the container, whose fields an error names. */
int rt_idmap_write(pid_t pid, const struct rt_spec *spec, struct cps_err *err);
/* The host's id for a container's; the id itself if there are no maps. (uint32_t)-1: unmapped. */
uint32_t rt_idmap_to_host(uint32_t id, const struct rt_id_map *maps, size_t n);
/* Init, once the maps are there: root of the namespace. */
int rt_idmap_become_root(bool keep_groups, struct cps_err *err);

#endif
