/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint's file.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.h"
#include "link.h"

#define LIST_MAX 4096

static int count_check(const struct cps_json *node, struct cps_err *err)
{
	int rc = cps_json_want(node, CPS_JSON_ARRAY, err);

	if (rc == 0 && node->count > LIST_MAX)
		rc = cps_json_fail(node, EINVAL, err, "more than %d", LIST_MAX);
	return rc;
}

static int addresses_read(const struct cps_json *node, struct net_endpoint *e, struct cps_err *err)
{
	int rc = count_check(node, err);

	for (const struct cps_json *c = rc == 0 ? node->first : NULL; c && rc == 0; c = c->next) {
		unsigned i = e->naddresses++;
		const char *text = NULL;
		uint64_t prefix = 0;

		if (i == NET_SUBNETS_MAX)
			return cps_json_fail(c, EINVAL, err, "more than %d", NET_SUBNETS_MAX);
		rc = cps_json_str(cps_json_get(c, "address"), &text, err);
		if (rc == 0 && net_addr_parse(text, &e->addresses[i]) < 0)
			rc = cps_json_fail(c, EINVAL, err, "'%.60s' is no address", text);
		if (rc == 0)
			rc = cps_json_u64(cps_json_get(c, "prefix"),
					  net_addr_len(&e->addresses[i]) * 8, &prefix, err);
		e->prefixes[i] = (unsigned)prefix;
	}
	return rc;
}

static int interface_read(const struct cps_json *root, const char *key, char ret[IFNAMSIZ],
			  struct cps_err *err)
{
	const char *text;
	int rc = cps_json_str(cps_json_get(root, key), &text, err);

	if (rc < 0)
		return rc;
	if (!net_link_is_name(text))
		return cps_json_fail(cps_json_get(root, key), EINVAL, err,
				     "'%.40s' is no interface's name", text);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int mac_read(const struct cps_json *node, uint8_t mac[NET_MAC_LEN], struct cps_err *err)
{
	const char *text;
	unsigned b[NET_MAC_LEN];
	int rc = cps_json_str(node, &text, err), end = 0;

	if (rc < 0)
		return rc;
	if (strlen(text) != NET_MAC_LEN * 3 - 1 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != NET_MAC_LEN ||
	    text[end])
		return cps_json_fail(node, EINVAL, err, "'%.40s' is no MAC address", text);
	for (unsigned i = 0; i < NET_MAC_LEN; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

static int name_read(const struct cps_json *node, const char **ret, struct cps_err *err)
{
	int rc = cps_json_str(node, ret, err);

	return rc == 0 && !cps_is_name(*ret)
		       ? cps_json_fail(node, EINVAL, err, "no such name can be")
		       : rc;
}

static int aliases_read(struct cps_arena *a, const struct cps_json *node, struct net_endpoint *e,
			struct cps_err *err)
{
	const char **aliases;
	unsigned n = 0;
	int rc = count_check(node, err);

	if (rc < 0)
		return rc;
	aliases = cps_arena_array(a, node->count + 1, sizeof(*aliases));
	if (!aliases)
		return cps_fail(err, ENOMEM, "aliases");
	for (const struct cps_json *c = node->first; c && rc == 0; c = c->next)
		rc = cps_json_str(c, &aliases[n++], err);
	e->aliases = aliases;
	return rc;
}

static int links_read(struct cps_arena *a, const struct cps_json *node, struct net_endpoint *e,
		      struct cps_err *err)
{
	struct net_alias *links;
	int rc = count_check(node, err);

	if (rc < 0)
		return rc;
	links = cps_arena_array(a, node->count + 1, sizeof(*links));
	if (!links)
		return cps_fail(err, ENOMEM, "links");
	for (const struct cps_json *c = node->first; c && rc == 0; c = c->next) {
		rc = cps_json_str(cps_json_get(c, "id"), &links[e->nlinks].id, err);
		if (rc == 0)
			rc = cps_json_str(cps_json_get(c, "alias"), &links[e->nlinks].alias, err);
		e->nlinks++;
	}
	e->links = links;
	return rc;
}

static int ports_read(struct cps_arena *a, const struct cps_json *node, struct net_endpoint *e,
		      struct cps_err *err)
{
	struct net_port *ports;
	const char *text;
	int rc = count_check(node, err);

	if (rc < 0)
		return rc;
	ports = cps_arena_array(a, node->count + 1, sizeof(*ports));
	if (!ports)
		return cps_fail(err, ENOMEM, "ports");
	for (const struct cps_json *c = node->first; c && rc == 0; c = c->next) {
		rc = cps_json_str(c, &text, err);
		if (rc == 0)
			rc = net_port_parse(text, &ports[e->nports++], err);
	}
	e->ports = ports;
	return rc;
}

static int process_read(const struct cps_json *root, struct net_endpoint *e, struct cps_err *err)
{
	int64_t pid;
	int rc = cps_json_i64(cps_json_get(root, "pid"), 1, INT_MAX, &pid, err);

	if (rc == 0)
		rc = cps_json_u64(cps_json_get(root, "start_time"), UINT64_MAX, &e->init.start_time,
				  err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "boot_id"), &e->boot_id, err);
	if (rc == 0)
		e->init.pid = (pid_t)pid;
	return rc;
}

int net_endpoint_parse(struct cps_arena *a, const char *text, size_t len, struct net_endpoint *ret,
		       struct cps_err *err)
{
	struct net_endpoint e = { 0 };
	const struct cps_json *root;
	int rc = cps_json_parse(a, text, len, &root, err);

	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "id"), &e.id, err);
	if (rc == 0 && !cps_is_name(e.id))
		rc = cps_json_fail(root, EINVAL, err, "no such id can be");
	if (rc == 0)
		rc = process_read(root, &e, err);
	if (rc == 0)
		rc = addresses_read(cps_json_get(root, "addresses"), &e, err);
	if (rc == 0)
		rc = mac_read(cps_json_get(root, "mac"), e.mac, err);
	if (rc == 0)
		rc = interface_read(root, "host_interface", e.host_interface, err);
	if (rc == 0)
		rc = interface_read(root, "interface", e.interface, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(root, "hostname"), &e.hostname, err);
	if (rc == 0 && cps_json_get(root, "name"))
		rc = name_read(cps_json_get(root, "name"), &e.name, err);
	if (rc == 0)
		rc = aliases_read(a, cps_json_get(root, "aliases"), &e, err);
	if (rc == 0)
		rc = links_read(a, cps_json_get(root, "links"), &e, err);
	if (rc == 0)
		rc = ports_read(a, cps_json_get(root, "ports"), &e, err);
	if (rc == 0)
		*ret = e;
	return rc;
}

/* As net_port_parse() reads it. */
static void port_write(const struct net_port *p, struct cps_jsonw *w)
{
	bool v6 = strchr(p->ip, ':');
	unsigned more = p->count - 1U;
	char text[128];

	(void)snprintf(text, sizeof(text), "%s%s%s:%u-%u:%u-%u/%s", v6 ? "[" : "",
		       p->ip[0] ? p->ip : "0.0.0.0", v6 ? "]" : "", p->host, p->host + more,
		       p->container, p->container + more,
		       p->protocol == IPPROTO_UDP ? "udp" : "tcp");
	cps_jsonw_str(w, NULL, text);
}

static void addresses_write(const struct net_endpoint *e, struct cps_jsonw *w)
{
	char text[NET_ADDR_SIZE];

	cps_jsonw_open(w, "addresses", '[');
	for (unsigned i = 0; i < e->naddresses; i++) {
		cps_jsonw_open(w, NULL, '{');
		net_addr_format(&e->addresses[i], text);
		cps_jsonw_str(w, "address", text);
		cps_jsonw_u64(w, "prefix", e->prefixes[i]);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

void net_endpoint_write(const struct net_endpoint *e, struct cps_jsonw *w)
{
	const uint8_t *m = e->mac;
	char text[NET_MAC_LEN * 3];

	cps_jsonw_str(w, "id", e->id);
	cps_jsonw_i64(w, "pid", e->init.pid);
	cps_jsonw_u64(w, "start_time", e->init.start_time);
	cps_jsonw_str(w, "boot_id", e->boot_id);
	addresses_write(e, w);
	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
		       m[4], m[5]);
	cps_jsonw_str(w, "mac", text);
	cps_jsonw_str(w, "host_interface", e->host_interface);
	cps_jsonw_str(w, "interface", e->interface);
	cps_jsonw_str(w, "hostname", e->hostname);
	if (e->name)
		cps_jsonw_str(w, "name", e->name);
	cps_jsonw_strs(w, "aliases", e->aliases);
	cps_jsonw_open(w, "links", '[');
	for (unsigned i = 0; i < e->nlinks; i++) {
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "id", e->links[i].id);
		cps_jsonw_str(w, "alias", e->links[i].alias);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
	cps_jsonw_open(w, "ports", '[');
	for (unsigned i = 0; i < e->nports; i++)
		port_write(&e->ports[i], w);
	cps_jsonw_close(w, ']');
}
