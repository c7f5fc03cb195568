/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.json.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "link.h"
#include "network.h"

#define LABELS_MAX 1024

static const char *const drivers[] = {
	[NET_DRIVER_BRIDGE] = "bridge",
	[NET_DRIVER_HOST] = "host",
	[NET_DRIVER_NONE] = "none",
};

const char *net_driver_name(enum net_driver driver)
{
	return drivers[driver];
}

int net_driver_parse(const char *text, enum net_driver *ret, struct cps_err *err)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i], text) == 0) {
			*ret = (enum net_driver)i;
			return 0;
		}
	return cps_failx(err, EINVAL, "'%.40s' is no driver: bridge, host or none", text);
}

static int subnet_read(const struct cps_json *node, struct net_network *network,
		       struct cps_err *err)
{
	unsigned i = network->nsubnets;
	const char *subnet = NULL, *gateway = NULL;
	int rc;

	if (i == NET_SUBNETS_MAX)
		return cps_json_fail(node, EINVAL, err, "more than %d subnets", NET_SUBNETS_MAX);
	rc = cps_json_str(cps_json_get(node, "subnet"), &subnet, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(node, "gateway"), &gateway, err);
	if (rc == 0)
		rc = net_subnet_parse(subnet, &network->subnets[i], err);
	if (rc < 0)
		return rc;
	if (net_addr_parse(gateway, &network->gateways[i]) < 0 ||
	    !net_subnet_is_usable(&network->subnets[i], &network->gateways[i]))
		return cps_json_fail(node, EINVAL, err, "'%.60s' is no gateway of it", gateway);
	network->nsubnets++;
	return 0;
}

static int labels_read(struct cps_arena *a, const struct cps_json *node,
		       struct net_network *network, struct cps_err *err)
{
	const char **labels;
	unsigned n = 0;
	int rc = node ? cps_json_want(node, CPS_JSON_ARRAY, err) : 0;

	if (rc == 0 && node && node->count > LABELS_MAX)
		rc = cps_json_fail(node, EINVAL, err, "more than %d", LABELS_MAX);
	if (rc < 0)
		return rc;
	labels = cps_arena_array(a, (node ? node->count : 0) + 1, sizeof(*labels));
	if (!labels)
		return cps_fail(err, ENOMEM, "labels");
	for (const struct cps_json *c = node ? node->first : NULL; c && rc == 0; c = c->next)
		rc = cps_json_str(c, &labels[n++], err);
	network->labels = labels;
	return rc;
}

static int bridge_read(const struct cps_json *root, struct net_network *network,
		       struct cps_err *err)
{
	const struct cps_json *subnets = cps_json_get(root, "subnets");
	const char *bridge;
	int rc = cps_json_str(cps_json_get(root, "bridge"), &bridge, err);

	if (rc < 0)
		return rc;
	if (!net_link_is_name(bridge))
		return cps_json_fail(root, EINVAL, err, "'%.40s' is no interface's name", bridge);
	memcpy(network->bridge, bridge, strlen(bridge) + 1);
	rc = cps_json_want(subnets, CPS_JSON_ARRAY, err);
	if (rc == 0 && !subnets->count)
		rc = cps_json_fail(subnets, EINVAL, err, "there is none");
	for (const struct cps_json *c = rc == 0 ? subnets->first : NULL; c && rc == 0; c = c->next)
		rc = subnet_read(c, network, err);
	return rc;
}

int net_network_parse(struct cps_arena *a, const char *text, size_t len, struct net_network *ret,
		      struct cps_err *err)
{
	struct net_network network = { 0 };
	const struct cps_json *root;
	const char *driver = NULL;
	uint64_t mtu = 0;
	int rc = cps_json_parse(a, text, len, &root, err);

	if (rc == 0)
		rc = cps_json_want(root, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "name"), &network.name, err);
	if (rc == 0 && !cps_is_name(network.name))
		rc = cps_json_fail(root, EINVAL, err, "no such name can be");
	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "driver"), &driver, err);
	if (rc == 0)
		rc = net_driver_parse(driver, &network.driver, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "created"), &network.created, err);
	if (rc == 0)
		rc = cps_json_u64(cps_json_get(root, "mtu"), NET_MTU_MAX, &mtu, err);
	if (rc == 0 && mtu < NET_MTU_MIN)
		rc = cps_json_fail(root, EINVAL, err, "an MTU of %u", (unsigned)mtu);
	if (rc == 0)
		rc = cps_json_bool(cps_json_get(root, "internal"), &network.internal, err);
	if (rc == 0)
		rc = labels_read(a, cps_json_get(root, "labels"), &network, err);
	if (rc == 0 && network.driver == NET_DRIVER_BRIDGE)
		rc = bridge_read(root, &network, err);
	if (rc < 0)
		return rc;
	network.mtu = (unsigned)mtu;
	*ret = network;
	return 0;
}

void net_network_write(const struct net_network *network, struct cps_jsonw *w)
{
	char text[NET_SUBNET_SIZE];

	cps_jsonw_str(w, "name", network->name);
	cps_jsonw_str(w, "driver", drivers[network->driver]);
	cps_jsonw_open(w, "subnets", '[');
	for (unsigned i = 0; i < network->nsubnets; i++) {
		cps_jsonw_open(w, NULL, '{');
		net_subnet_format(&network->subnets[i], text);
		cps_jsonw_str(w, "subnet", text);
		net_addr_format(&network->gateways[i], text);
		cps_jsonw_str(w, "gateway", text);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
	cps_jsonw_u64(w, "mtu", network->mtu);
	cps_jsonw_bool(w, "internal", network->internal);
	cps_jsonw_str(w, "bridge", network->bridge[0] ? network->bridge : NULL);
	cps_jsonw_str(w, "created", network->created);
	cps_jsonw_strs(w, "labels", network->labels);
}
