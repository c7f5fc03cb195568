/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From networks and published ports to elements of the table, and back to a whole table when
 * somebody has flushed it.
 */
#include <config.h>
#include "nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "forward.h"
#include "nft-table.h"
#include "own.h"

const char *const net_nft_sets[] = {
	"bridges",	"internal",    "own",	       "own4",	    "own6",
	"any4_address", "any4_port",   "any6_address", "any6_port", "at4_address",
	"at4_port",	"at6_address", "at6_port",     NULL,
};

typedef void change_fn(struct net_nft_batch *b, const struct net_nft_element *e);

/* -- networks ------------------------------------------------------------------------ */

/* A subnet and its bridge, as a range. */
static void subnet_change(struct net_nft_batch *b, change_fn *change, const char *bridge,
			  const struct net_subnet *s)
{
	char first[16 + IFNAMSIZ] = "", last[16 + IFNAMSIZ] = "";
	size_t len = net_addr_len(&s->base);
	struct net_nft_element e = {
		s->base.family == AF_INET6 ? "own6" : "own4", first, last, len + IFNAMSIZ, NULL, 0
	};

	memcpy(first, s->base.bytes, len);
	memcpy(last, s->base.bytes, len);
	for (size_t bit = s->prefix; bit < len * 8; bit++)
		last[bit / 8] = (char)((unsigned char)last[bit / 8] | 0x80U >> bit % 8);
	(void)snprintf(first + len, IFNAMSIZ, "%s", bridge);
	(void)snprintf(last + len, IFNAMSIZ, "%s", bridge);
	change(b, &e);
}

static void network_change(struct net_nft_batch *b, change_fn *change,
			   const struct net_nft_network *nw)
{
	char pair[2 * IFNAMSIZ] = "";
	struct net_nft_element e = { .set = "bridges", .key = pair, .key_len = IFNAMSIZ };

	(void)snprintf(pair, IFNAMSIZ, "%s", nw->bridge);
	(void)snprintf(pair + IFNAMSIZ, IFNAMSIZ, "%s", nw->bridge);
	change(b, &e);
	if (nw->internal) {
		e.set = "internal";
		change(b, &e);
	}
	e.set = "own";
	e.key_len = sizeof(pair);
	change(b, &e);
	for (unsigned i = 0; i < nw->nsubnets; i++)
		subnet_change(b, change, nw->bridge, &nw->subnets[i]);
}

/* -- ports --------------------------------------------------------------------------- */

/* Bytes of one published port, for one family. */
struct translation {
	bool at;	 /* a single address of the host */
	uint8_t key[24]; /* [address] . protocol . port */
	size_t key_len;
	uint8_t address[16];
	size_t address_len;
	uint16_t port; /* network byte order */
};

static void key_set(struct translation *t, uint8_t protocol, uint16_t port)
{
	uint8_t *p = t->key + t->key_len - 8;
	uint16_t big = htons(port);

	memset(p, 0, 8);
	p[0] = protocol;
	memcpy(p + 4, &big, sizeof(big));
}

static void port_change(struct net_nft_batch *b, change_fn *change, int family,
			const struct translation *t)
{
	char set[16];
	struct net_nft_element e = { set, t->key, NULL, t->key_len, t->address, t->address_len };

	(void)snprintf(set, sizeof(set), "%s%d_address", t->at ? "at" : "any",
		       family == AF_INET6 ? 6 : 4);
	change(b, &e);
	(void)snprintf(set, sizeof(set), "%s%d_port", t->at ? "at" : "any",
		       family == AF_INET6 ? 6 : 4);
	e.value = &t->port;
	e.value_len = sizeof(t->port);
	change(b, &e);
}

/* A range towards one address of the container. */
static int range_change(struct net_nft_batch *b, change_fn *change, const struct net_port *p,
			int family, const char *ip, struct cps_err *err)
{
	struct translation t = { .at = p->ip[0] != '\0' };

	t.address_len = family == AF_INET6 ? 16 : 4;
	t.key_len = 8 + (t.at ? t.address_len : 0);
	if (inet_pton(family, ip, t.address) != 1 || (t.at && inet_pton(family, p->ip, t.key) != 1))
		return cps_failx(err, EINVAL, "'%s' or '%s' is no address", ip, p->ip);
	for (unsigned i = 0; i < p->count; i++) {
		key_set(&t, p->protocol, (uint16_t)(p->host + i));
		t.port = htons((uint16_t)(p->container + i));
		port_change(b, change, family, &t);
	}
	return 0;
}

static int endpoint_change(struct net_nft_batch *b, change_fn *change,
			   const struct net_nft_endpoint *ep, struct cps_err *err)
{
	const struct {
		int family;
		const char *ip;
	} ways[] = { { AF_INET, ep->ip ? ep->ip : "" }, { AF_INET6, ep->ip6 ? ep->ip6 : "" } };

	for (unsigned i = 0; i < ep->nports; i++) {
		const struct net_port *p = &ep->ports[i];
		int wanted = strchr(p->ip, ':') ? AF_INET6 : AF_INET;
		unsigned done = 0;

		for (size_t w = 0; w < 2; w++) {
			int rc;

			if (!ways[w].ip[0] || (p->ip[0] && ways[w].family != wanted))
				continue;
			rc = range_change(b, change, p, ways[w].family, ways[w].ip, err);
			if (rc < 0)
				return rc;
			done++;
		}
		if (!done) {
			char text[128];

			net_port_format(p, text, sizeof(text));
			return cps_failx(err, EINVAL, "port %s: the container has no IPv%s address",
					 text, wanted == AF_INET6 ? "6" : "4");
		}
	}
	return 0;
}

static int state_change(struct net_nft_batch *b, change_fn *change,
			const struct net_nft_state *state, struct cps_err *err)
{
	for (unsigned i = 0; i < state->nnetworks; i++)
		network_change(b, change, &state->networks[i]);
	for (unsigned i = 0; i < state->nendpoints; i++) {
		int rc = endpoint_change(b, change, &state->endpoints[i], err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* -- the two ways in ----------------------------------------------------------------- */

static int all_forwarding_on(const struct net_nft_state *state, struct cps_err *err)
{
	for (unsigned i = 0; i < state->nnetworks; i++) {
		int rc = net_forward_allow(&state->networks[i], err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int net_nft_change(const struct net_nft_state *gone, const struct net_nft_state *come,
		   struct cps_err *err)
{
	cleanup_nft_batch struct net_nft_batch b = { CPS_BUF_INIT, 0 };
	cleanup_fd int fd = net_nft_connect(err);
	int rc;

	if (fd < 0)
		return fd;
	rc = net_nft_check(fd, err);
	if (rc == -ENOENT && !come)
		return 0;
	net_nft_batch_begin(&b);
	if (rc == 0 && gone)
		rc = state_change(&b, net_nft_batch_del, gone, err);
	if (rc == 0 && come)
		rc = all_forwarding_on(come, err);
	if (rc == 0 && come)
		rc = state_change(&b, net_nft_batch_add, come, err);
	if (rc == 0)
		rc = net_nft_batch_commit(&b, fd, err);
	if (rc == -ENOENT || rc == -ESTALE)
		return cps_failx(err, ESTALE,
				 "the table 'inet " NET_NFT_TABLE "' is not as it was made");
	return rc;
}

static int table_make(struct cps_err *err)
{
	cleanup_buf struct cps_buf document = CPS_BUF_INIT;

	net_nft_ruleset(&document);
	if (document.failed)
		return cps_fail(err, ENOMEM, "the table 'inet " NET_NFT_TABLE "'");
	return cps_wrap(err, net_nft_run(document.data, document.len, err),
			"make the table 'inet " NET_NFT_TABLE "'");
}

int net_nft_rebuild(const struct net_nft_state *all, struct cps_err *err)
{
	cleanup_nft_batch struct net_nft_batch b = { CPS_BUF_INIT, 0 };
	cleanup_fd int fd = net_nft_connect(err);
	int rc;

	if (fd < 0)
		return fd;
	rc = net_nft_check(fd, err);
	if (rc == -ENOENT || rc == -ESTALE)
		rc = table_make(err);
	if (rc == 0)
		rc = all_forwarding_on(all, err);
	if (rc < 0)
		return rc;
	net_nft_batch_begin(&b);
	for (const char *const *set = net_nft_sets; *set; set++)
		net_nft_batch_flush(&b, *set);
	rc = state_change(&b, net_nft_batch_add, all, err);
	if (rc == 0)
		rc = net_nft_batch_commit(&b, fd, err);
	if (rc == -ESTALE)
		return cps_failx(err, EEXIST,
				 "rebuild the table 'inet " NET_NFT_TABLE
				 "': two containers have the same port of the host");
	return rc;
}

static void count_change(struct net_nft_batch *b, const struct net_nft_element *e)
{
	(void)e;
	b->seq++;
}

int net_nft_surplus(const struct net_nft_state *all, unsigned *ret, struct cps_err *err)
{
	struct net_nft_batch wanted = { CPS_BUF_INIT, 0 };
	cleanup_fd int fd = net_nft_connect(err);
	unsigned there = 0;
	int rc = fd < 0 ? fd : net_nft_check(fd, err);

	*ret = 0;
	if (rc == -ENOENT || rc == -ESTALE)
		return 0;
	if (rc == 0)
		rc = state_change(&wanted, count_change, all, err);
	for (const char *const *set = net_nft_sets; *set && rc == 0; set++)
		rc = net_nft_count(fd, *set, &there, err);
	if (rc == 0 && there > wanted.seq)
		*ret = there - wanted.seq;
	return rc;
}

int net_nft_delete(struct cps_err *err)
{
	cleanup_nft_batch struct net_nft_batch b = { CPS_BUF_INIT, 0 };
	cleanup_fd int fd = net_nft_connect(err);
	int rc;

	if (fd < 0)
		return fd;
	net_nft_batch_begin(&b);
	net_nft_batch_del_table(&b);
	rc = net_nft_batch_commit(&b, fd, err);
	return rc == -ESTALE ? 0 : rc;
}
