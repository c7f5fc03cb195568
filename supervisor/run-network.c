/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of a container, as its options name it: which one, what is published, what is linked.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

int sup_run_resolve(const struct sup_ctx *ctx, struct sup_run *run, struct cps_arena *a,
		    struct cps_err *err)
{
	static const char container[] = "container:";
	const char *network = run->create.network;

	for (unsigned i = 0; i < run->links.count; i++) {
		const char *text = run->links.values[i];
		size_t len = strcspn(text, ":");
		char *name = cps_arena_strndup(a, text, len);

		if (!name)
			return cps_fail(err, ENOMEM, "links");
		text = cps_arena_printf(a, "%s:%s", sup_name_id(ctx, name),
					text[len] ? text + len + 1 : name);
		if (!text)
			return cps_fail(err, ENOMEM, "links");
		run->links.values[i] = text;
	}
	if (!network || strncmp(network, container, strlen(container)) != 0)
		return 0;
	run->create.network = cps_arena_printf(a, "%s%s", container,
					       sup_name_id(ctx, network + strlen(container)));
	return run->create.network ? 0 : cps_fail(err, ENOMEM, "network");
}

static int ports_parse(struct sup_plan *p, struct cps_err *err)
{
	const struct cps_opt_list *given = &p->run->create.ports;
	struct net_port *ports = cps_arena_array(p->arena, given->count + 1, sizeof(*ports));
	int rc = 0;

	if (!ports)
		return cps_fail(err, ENOMEM, "ports");
	for (unsigned i = 0; rc == 0 && i < given->count; i++) {
		rc = net_port_parse(given->values[i], &ports[i], err);
		for (unsigned k = 0; rc == 0 && k < i; k++)
			if (net_port_collides(&ports[k], &ports[i]))
				rc = cps_failx(err, EINVAL, "port '%.60s' is published twice",
					       given->values[i]);
	}
	p->net.ports = ports;
	p->net.nports = given->count;
	return rc;
}

/* ID:ALIAS, or ID alone */
static int links_parse(struct sup_plan *p, struct cps_err *err)
{
	const struct cps_opt_list *given = &p->run->links;
	struct net_alias *links = cps_arena_array(p->arena, given->count + 1, sizeof(*links));

	if (!links)
		return cps_fail(err, ENOMEM, "links");
	for (unsigned i = 0; i < given->count; i++) {
		const char *text = given->values[i];
		size_t len = strcspn(text, ":");

		links[i].id = cps_arena_strndup(p->arena, text, len);
		if (!links[i].id)
			return cps_fail(err, ENOMEM, "links");
		links[i].alias = text[len] ? text + len + 1 : links[i].id;
		if (!cps_is_name(links[i].id))
			return cps_failx(err, EINVAL, "--link: '%.80s' is not ID:ALIAS", text);
	}
	p->net.links = links;
	p->net.nlinks = given->count;
	return 0;
}

/* What only a network of its own can have. */
static int alone_check(const struct sup_plan *p, struct cps_err *err)
{
	const struct sup_run *run = p->run;
	const char *option = p->net.nports	  ? "--port"
			     : p->net.nlinks	  ? "--link"
			     : run->aliases.count ? "--network-alias"
			     : run->ip		  ? "--ip"
			     : run->ip6		  ? "--ip6"
						  : NULL;

	return option ? cps_failx(err, EINVAL, "%s: not without a network of its own", option) : 0;
}

int sup_plan_network(struct sup_plan *p, struct cps_err *err)
{
	const struct sup_run *run = p->run;
	const char *word = run->create.network ? run->create.network : getenv("CAPSULE_NETWORK");
	int rc = net_mode_parse(word, &p->mode, err);

	if (rc == 0)
		rc = ports_parse(p, err);
	if (rc == 0)
		rc = links_parse(p, err);
	if (rc < 0)
		return rc;
	/* names_prepare() is told which kind it is by the word */
	p->net.network = p->mode.kind == NET_MODE_NETWORK ? p->mode.name : word;
	p->net.ip = run->ip;
	p->net.ip6 = run->ip6;
	p->net.aliases = run->aliases.values;
	p->net.naliases = run->aliases.count;
	p->net.dns = run->dns.values;
	p->net.ndns = run->dns.count;
	p->net.add_hosts = run->add_hosts.values;
	p->net.nadd_hosts = run->add_hosts.count;
	p->net.hostname = run->hostname;
	return p->mode.kind == NET_MODE_NETWORK ? 0 : alone_check(p, err);
}
