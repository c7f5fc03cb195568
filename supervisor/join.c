/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers and their networks.
 */
#include <config.h>

#include "join.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mode.h"
#include "own.h"
#include "store.h"

#define CONFIG_MAX ((size_t)4 << 20)

/* Has it a network namespace that nobody else has? A file that is no good is the runtime's to
 * complain about, which does it better. */
static bool is_own_network(const char *bundle, struct cps_arena *a, const char **ret_hostname)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct cps_json *root, *list;
	struct cps_err ignored;
	const char *type;

	if (dir < 0 || cps_json_load(a, dir, "config.json", CONFIG_MAX, &root, &ignored) < 0)
		return false;
	if (cps_json_str(cps_json_get(root, "hostname"), ret_hostname, &ignored) < 0)
		*ret_hostname = NULL;
	list = cps_json_get(cps_json_get(root, "linux"), "namespaces");
	for (const struct cps_json *c = list ? list->first : NULL; c; c = c->next)
		if (cps_json_str(cps_json_get(c, "type"), &type, &ignored) == 0 &&
		    strcmp(type, "network") == 0)
			return !cps_json_get(c, "path");
	return false;
}

static int ports_read(const struct cps_opt_list *ports, struct cps_arena *a, struct net_options *o,
		      struct cps_err *err)
{
	struct net_port *v = cps_arena_array(a, ports->count + 1, sizeof(*v));
	int rc = 0;

	if (!v)
		return cps_fail(err, ENOMEM, "ports");
	for (unsigned i = 0; i < ports->count && rc == 0; i++)
		rc = net_port_parse(ports->values[i], &v[i], err);
	o->ports = v;
	o->nports = ports->count;
	return rc;
}

/* Of a word that names no network: is config.json of the same opinion? */
static int no_network(const struct net_mode *m, bool own, struct cps_err *err)
{
	if (m->kind == NET_MODE_CONTAINER)
		return cps_failx(
			err, EINVAL,
			"-network container:%s: in a bundle, config.json names the path of "
			"the namespace",
			m->name);
	if (m->kind == NET_MODE_HOST && own)
		return cps_failx(err, EINVAL,
				 "-network host: config.json asks for a network namespace of its "
				 "own");
	return 0;
}

/* Before anything is made for the container: is there such a network? The default one comes by
 * itself. */
static int network_check(const struct sup_ctx *ctx, const char *name, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net n cleanup_net = NET_INIT;
	struct net_network network;
	int rc;

	if (strcmp(name, NET_DEFAULT) == 0)
		return 0;
	rc = net_open(ctx->data_root, false, &n, err);
	if (rc == -ENOENT)
		return cps_failx(err, ENOENT, "there is no network '%s'", name);
	return rc < 0 ? rc : net_network_load(&n, name, &a, &network, err);
}

int sup_join_plan(const struct sup_ctx *ctx, const char *bundle, const char *network,
		  const struct cps_opt_list *ports, struct cps_arena *a, struct sup_join *ret,
		  struct cps_err *err)
{
	const char *word = network ? network : getenv("CAPSULE_NETWORK");
	struct sup_join join = { 0 };
	struct net_mode m;
	bool own = false;
	int rc = net_mode_parse(word, &m, err);

	if (rc == 0 && m.kind != NET_MODE_NONE) {
		own = is_own_network(bundle, a, &join.o.hostname);
		rc = m.kind == NET_MODE_NETWORK ? 0 : no_network(&m, own, err);
	}
	if (rc == 0)
		rc = ports_read(ports, a, &join.o, err);
	if (rc < 0)
		return rc;
	join.wanted = m.kind == NET_MODE_NETWORK && own;
	join.o.network = m.name;
	if (!join.wanted && ports->count)
		return cps_failx(err, EINVAL, "-port: the container is on no network");
	if (!join.wanted && network && m.kind == NET_MODE_NETWORK)
		return cps_failx(
			err, EINVAL,
			"-network %s: config.json asks for no network namespace of its own",
			network);
	*ret = join;
	return join.wanted ? network_check(ctx, m.name, err) : 0;
}

/* Lines that each get our name in front. */
static void notice_print(const char *text)
{
	for (size_t len; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		fprintf(stderr, "capsule: %.*s\n", (int)len, text);
	}
}

int sup_join(const struct sup_ctx *ctx, const char *id, const struct net_options *o,
	     struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf notice = CPS_BUF_INIT;
	struct net n cleanup_net = NET_INIT;
	cleanup_fd int rootfd = -1;
	struct sup_container c;
	struct net_process init;
	int rc = sup_container_open(ctx->root, id, &a, &rootfd, &c, err);

	if (rc == 0 && !sup_has_process(&c))
		rc = cps_failx(err, EINVAL, "the container is %s", sup_status_name(c.status));
	if (rc == 0)
		rc = net_open(ctx->data_root, true, &n, err);
	if (rc < 0)
		return rc;
	init = (struct net_process){ c.init.pid, c.init.start_time };
	rc = net_attach(&n, id, &init, o, &notice, err);
	if (notice.len)
		notice_print(notice.data);
	return rc;
}

void sup_leave(const struct sup_ctx *ctx, const char *id, struct cps_buf *ret_warnings)
{
	struct net n cleanup_net = NET_INIT;
	struct cps_err err;
	int rc = net_open(ctx->data_root, false, &n, &err);

	if (rc == -ENOENT)
		return;
	if (rc == 0)
		rc = net_detach(&n, id, &err);
	if (rc < 0)
		cps_buf_printf(ret_warnings, "its network: %s\n", err.msg);
}
