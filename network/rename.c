/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's name, as its networks know it.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "attach.h"
#include "names.h"

static int network_rename(const struct net *n, const char *network_name, const char *id,
			  const char *name, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_dir d cleanup_net_dir = NET_DIR_INIT;
	struct net_network network;
	struct net_endpoint e;
	int rc = net_dir_open(n, network_name, false, &d, err);

	if (rc < 0 || !net_endpoint_is_there(&d, id))
		return rc;
	net_dir_done(&d);
	rc = net_dir_open(n, network_name, true, &d, err);
	if (rc == 0)
		rc = net_network_load(n, network_name, &a, &network, err);
	if (rc == 0)
		rc = net_endpoint_load(&d, id, &a, &e, err);
	if (rc < 0)
		return rc;
	e.name = strcmp(name, id) == 0 ? NULL : name;
	rc = net_endpoint_save(&d, &e, err);
	return rc < 0 ? rc : net_names_update(n, &d, &network, id, err);
}

int net_rename(const struct net *n, const char *id, const char *name, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const char **names;
	size_t count;
	int rc = net_network_list(n, &a, &names, &count, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = network_rename(n, names[i], id, name, err);
		if (rc == -ENOENT) /* it has left, or the network has gone */
			rc = 0;
	}
	return rc;
}
