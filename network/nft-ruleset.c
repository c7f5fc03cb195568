/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table itself, as JSON for nft (libnftables-json(5)). Text with ' for ", which occurs in none
 * of its words.
 *
 * A port has two elements under one key: the address and the port that it leads to. One element
 * with both would do for the kernel, but nft 1.0.6 does not read such a map from JSON (it ends with
 * a segmentation fault). Both come and go in one transaction.
 */
#include <config.h>
#include "nft-table.h"

#include <string.h>

#define TABLE "'family':'inet','table':'" NET_NFT_TABLE "'"

#define SET(name, type) ",\n{'add':{'set':{" TABLE ",'name':'" name "','type':" type "}}}"
#define SUBNETS(name, type) \
	",\n{'add':{'set':{" TABLE ",'name':'" name "','type':" type ",'flags':['interval']}}}"
#define MAP(name, type, to) \
	",\n{'add':{'map':{" TABLE ",'name':'" name "','type':" type ",'map':'" to "'}}}"
#define CHAIN(name, type, hook, prio)                                                     \
	",\n{'add':{'chain':{" TABLE ",'name':'" name "','type':'" type "','hook':'" hook \
	"','prio':" prio ",'policy':'accept'}}}"
#define RULE(chain, expr) ",\n{'add':{'rule':{" TABLE ",'chain':'" chain "','expr':[" expr "]}}}"

#define IS(left, op, right) "{'match':{'op':'" op "','left':" left ",'right':" right "}}"
#define META(key)	    "{'meta':{'key':'" key "'}}"
#define FIELD(proto, field) "{'payload':{'protocol':'" proto "','field':'" field "'}}"
#define FIB_TYPE(flags)	    "{'fib':{'result':'type','flags':[" flags "]}}"
#define V4_LOOPBACK	    "{'prefix':{'addr':'127.0.0.0','len':8}}"
#define PAIR		    "{'concat':[" META("iifname") "," META("oifname") "]}"
#define FROM_OURS	    IS(META("iifname"), "==", "'@bridges'")
#define TO_OURS		    IS(META("oifname"), "==", "'@bridges'")
#define WITHIN_ONE	    IS(PAIR, "==", "'@own'")
#define TO_ITS_OWN(proto, v) \
	IS("{'concat':[" FIELD(proto, "saddr") "," META("oifname") "]}", "==", "'@own" v "'")
#define RELATED	      IS("{'ct':{'key':'state'}}", "in", "['established','related']")
#define FROM_INTERNAL IS(META("iifname"), "==", "'@internal'")
#define TO_INTERNAL   IS(META("oifname"), "==", "'@internal'")
#define PUBLISHED     IS("{'ct':{'key':'status'}}", "in", "'dnat'")
#define LOCAL_KINDS   "{'set':['local','broadcast','multicast']}"
#define ACCEPT	      "{'accept':null}"
#define DROP	      "{'drop':null}"
#define MASQUERADE    "{'masquerade':null}"

/* The key of a port at every address of the host, and of one at a single address. */
#define ANY "{'concat':[" META("l4proto") "," FIELD("th", "dport") "]}"
#define AT(proto) \
	"{'concat':[" FIELD(proto, "daddr") "," META("l4proto") "," FIELD("th", "dport") "]}"
#define TO(proto, key, map)                                                        \
	"{'dnat':{'family':'" proto "','addr':{'map':{'key':" key ",'data':'@" map \
	"_address'}},'port':{'map':{'key':" key ",'data':'@" map "_port'}}}}"
#define PORTS(chain, proto, v)                                      \
	RULE(chain, TO(proto, AT(proto), "at" v))                   \
	RULE(chain, IS(META("nfproto"), "==", "'ipv" v "'") "," IS( \
			    FIB_TYPE("'daddr'"), "==", "'local'") "," TO(proto, ANY, "any" v))
#define MAPS(v)                                                                                  \
	MAP("any" v "_address", "['inet_proto','inet_service']", "ipv" v "_addr")                \
	MAP("any" v "_port", "['inet_proto','inet_service']", "inet_service")                    \
	MAP("at" v "_address", "['ipv" v "_addr','inet_proto','inet_service']", "ipv" v "_addr") \
	MAP("at" v "_port", "['ipv" v "_addr','inet_proto','inet_service']", "inet_service")

/* How many rules each chain has: what net_nft_change() looks at. In the order of text below. */
const struct net_nft_chain net_nft_chains[NET_NFT_CHAINS] = {
	{ "guard", 2 }, { "prerouting", 5 }, { "output", 5 },
	{ "input", 2 }, { "forward", 6 },    { "postrouting", 4 },
};

static const char *const text[] = {
	"{'nftables':[\n",
	/* deleted if it is there: a table is never patched */
	"{'add':{'table':{'family':'inet','name':'" NET_NFT_TABLE "'}}},\n",
	"{'delete':{'table':{'family':'inet','name':'" NET_NFT_TABLE "'}}},\n",
	"{'add':{'table':{'family':'inet','name':'" NET_NFT_TABLE "'}}}",

	/* own: pairs of a bridge and itself, which is how a rule says "leaves where it came in";
	 * own4, own6: of a subnet and its bridge, for where the kernel does not tell where it came
	 * in (a bridge that filters what it forwards: br_netfilter) */
	SET("bridges", "'ifname'"),
	SET("internal", "'ifname'"),
	SET("own", "['ifname','ifname']"),
	SUBNETS("own4", "['ipv4_addr','ifname']"),
	SUBNETS("own6", "['ipv6_addr','ifname']"),
	MAPS("4"),
	MAPS("6"),

	/* route_localnet lets the host's own 127.0.0.1 reach a bridge; the way back is barred here,
	 * before anything is translated */
	CHAIN("guard", "filter", "prerouting", "-300"),
	RULE("guard", FROM_OURS "," IS(FIELD("ip", "daddr"), "==", V4_LOOPBACK) "," DROP),
	RULE("guard", FROM_OURS "," IS(FIELD("ip", "saddr"), "==", V4_LOOPBACK) "," DROP),

	/* from outside and from containers. A port at 127.0.0.1 is not for them, though some other
	 * program may have set route_localnet everywhere */
	CHAIN("prerouting", "nat", "prerouting", "-100"),
	RULE("prerouting", IS(FIELD("ip", "daddr"), "==", V4_LOOPBACK) "," ACCEPT),
	PORTS("prerouting", "ip", "4"),
	PORTS("prerouting", "ip6", "6"),

	/* from the host itself. IPv6 has no route_localnet: what comes from ::1 never leaves lo,
	 * and had better be refused at once than wait */
	CHAIN("output", "nat", "output", "-100"),
	RULE("output", IS(FIELD("ip6", "daddr"), "==", "'::1'") "," ACCEPT),
	PORTS("output", "ip", "4"),
	PORTS("output", "ip6", "6"),

	/* a container of an internal network reaches the host at the network's gateway only */
	CHAIN("input", "filter", "input", "0"),
	RULE("input", RELATED "," ACCEPT),
	RULE("input", FROM_INTERNAL "," IS(FIB_TYPE("'daddr','iif'"), "!=", LOCAL_KINDS) "," DROP),

	/* into a network: what belongs to a connection, and what was published. Everything else is
	 * dropped, so that a container is not reached by whoever knows its address: not from other
	 * networks, and not from a neighbour of the host that uses it as a router */
	CHAIN("forward", "filter", "forward", "0"),
	RULE("forward", WITHIN_ONE "," ACCEPT),
	RULE("forward", FROM_INTERNAL "," DROP),
	RULE("forward", TO_INTERNAL "," DROP),
	RULE("forward", RELATED "," ACCEPT),
	RULE("forward", TO_OURS "," PUBLISHED "," ACCEPT),
	RULE("forward", TO_OURS "," DROP),

	/* the source is hidden where an answer would not come back through us: at the port of
	 * a neighbour, from the host's loopback, and on the way out. From outside it is kept */
	CHAIN("postrouting", "nat", "postrouting", "100"),
	RULE("postrouting", TO_ITS_OWN("ip", "4") "," PUBLISHED "," MASQUERADE),
	RULE("postrouting", TO_ITS_OWN("ip6", "6") "," PUBLISHED "," MASQUERADE),
	RULE("postrouting", TO_OURS "," IS(FIELD("ip", "saddr"), "==", V4_LOOPBACK) "," MASQUERADE),
	RULE("postrouting", FROM_OURS "," IS(META("oifname"), "!=", "'@bridges'") "," MASQUERADE),
	"]}\n",
};

void net_nft_ruleset(struct cps_buf *ret)
{
	size_t start = ret->len;

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		cps_buf_puts(ret, text[i]);
	for (char *p = ret->failed ? NULL : strchr(ret->data + start, '\''); p; p = strchr(p, '\''))
		*p = '"';
}
