/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks: subnets, leases, the files, which may say anything; what the word behind --network
 * means; which subnet is chosen.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"
#include "choose.h"
#include "counters.h"
#include "endpoint.h"
#include "lease.h"
#include "mode.h"
#include "network.h"
#include "own.h"
#include "proc.h"
#include "unit.h"

static struct net_subnet subnet(const char *text)
{
	struct net_subnet s;
	struct cps_err err;

	ck_assert_ok(net_subnet_parse(text, &s, &err), err);
	return s;
}

static struct net_addr addr(const char *text)
{
	struct net_addr a;

	ck_assert_int_eq(net_addr_parse(text, &a), 0);
	return a;
}

START_TEST(a_subnet_is_read_and_written)
{
	static const char *const good[] = { "192.168.1.0/24", "10.0.0.0/8", "10.1.2.4/30",
					    "172.16.0.0/12",  "fd00::/64",  "fd00:1:2::/48",
					    "fd00::8/126",    "2001::/16" };
	char text[NET_SUBNET_SIZE];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct net_subnet s = subnet(good[i]);

		net_subnet_format(&s, text);
		ck_assert_str_eq(text, good[i]);
	}
}
END_TEST

START_TEST(what_is_no_subnet_is_refused)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "ADDRESS/PREFIX" },
		{ "192.168.1.0", "ADDRESS/PREFIX" },
		{ "192.168.1.0/", "prefix" },
		{ "192.168.1.0/24x", "prefix" },
		{ "192.168.1.0/-1", "prefix" },
		{ "192.168.1.0/31", "prefix" },
		{ "192.168.1.0/7", "prefix" },
		{ "192.168.1.0/24/24", "prefix" },
		{ "fd00::/127", "prefix" },
		{ "fd00::/15", "prefix" },
		{ "192.168.1/24", "no address" },
		{ "192.168.1.256/24", "no address" },
		{ "/24", "no address" },
		{ "192.168.1.1/24", "'192.168.1.0/24' is meant" },
		{ "fd00::1/64", "'fd00::/64' is meant" },
		{ "127.0.0.0/8", "not for addresses" },
		{ "169.254.0.0/16", "not for addresses" },
		{ "224.0.0.0/8", "not for addresses" },
		{ "0.0.0.0/8", "not for addresses" },
		{ "fe80::/64", "not for addresses" },
		{ "ff00::/16", "not for addresses" },
		{ "::ffff:0:0/96", "not for addresses" },
		{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64", "no subnet" },
	};
	struct net_subnet s;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_err(net_subnet_parse(bad[i].text, &s, &err), EINVAL, err, bad[i].why);
}
END_TEST

START_TEST(addresses_are_counted_and_found)
{
	struct net_subnet small = subnet("10.1.2.252/30"), big = subnet("10.0.0.0/8"),
			  six = subnet("fd00:1::/64"), wide = subnet("fd00::/16");
	struct net_addr a;
	char text[NET_ADDR_SIZE];

	ck_assert_uint_eq(net_subnet_count(&small), 4);
	ck_assert_uint_eq(net_subnet_count(&big), 1U << 24);
	ck_assert_uint_eq(net_subnet_count(&six), (uint64_t)1 << 63);
	ck_assert_uint_eq(net_subnet_count(&wide), (uint64_t)1 << 63);
	net_subnet_at(&big, 0x010203, &a);
	net_addr_format(&a, text);
	ck_assert_str_eq(text, "10.1.2.3");
	ck_assert_uint_eq(net_subnet_offset(&big, &a), 0x010203);
	net_subnet_at(&six, 0xffff00000001, &a);
	net_addr_format(&a, text);
	ck_assert_str_eq(text, "fd00:1::ffff:0:1");
	ck_assert_uint_eq(net_subnet_offset(&six, &a), 0xffff00000001);
	a = addr("10.1.2.252");
	ck_assert(!net_subnet_is_usable(&small, &a));
	a = addr("10.1.2.253");
	ck_assert(net_subnet_is_usable(&small, &a));
	a = addr("10.1.2.255");
	ck_assert(!net_subnet_is_usable(&small, &a));
	a = addr("10.1.3.0");
	ck_assert(!net_subnet_is_usable(&small, &a));
	a = addr("fd00:1::");
	ck_assert(!net_subnet_is_usable(&six, &a));
	ck_assert(!net_subnet_contains(&big, &a));
}
END_TEST

START_TEST(overlaps_are_seen_both_ways)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{ "10.0.0.0/8", "10.99.0.0/16", true },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "192.168.0.0/23", "192.168.1.0/24", true },
		{ "192.168.0.0/24", "192.168.1.0/24", false },
		{ "192.168.1.0/30", "192.168.1.4/30", false },
		{ "fd00::/48", "fd00::/64", true },
		{ "fd00:0:0:1::/64", "fd00::/64", false },
		{ "fd00::/16", "253.0.0.0/8", false }, /* which is not even a network's */
	};
	struct cps_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_subnet a = subnet(cases[i].a), b;

		if (net_subnet_parse(cases[i].b, &b, &err) < 0)
			continue;
		ck_assert(net_subnet_overlaps(&a, &b) == cases[i].overlap);
		ck_assert(net_subnet_overlaps(&b, &a) == cases[i].overlap);
	}
}
END_TEST

static struct net_dir lease_dir(void)
{
	struct net_dir d = { unit_dir(), -1 };

	unit_make_dir(d.fd, "leases");
	unit_put(d.fd, "lock", "");
	d.lock = openat(d.fd, "lock", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(d.lock, 0);
	return d;
}

static struct net_network network_of(const char *text, const char *gateway)
{
	struct net_network network = { .name = "n", .nsubnets = 1, .mtu = 1500 };

	network.subnets[0] = subnet(text);
	network.gateways[0] = addr(gateway);
	return network;
}

START_TEST(each_address_is_given_once_and_the_last_one_rests)
{
	struct net_dir d = lease_dir();
	struct net_network network = network_of("10.0.0.0/29", "10.0.0.3");
	static const char *const wanted[] = { "10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.5",
					      "10.0.0.6" };
	char text[NET_ADDR_SIZE], owner[NET_OWNER_SIZE];
	struct net_addr a;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		ck_assert_ok(net_lease_take(&d, &network, 0, "c1", &a, &err), err);
		net_addr_format(&a, text);
		ck_assert_str_eq(text, wanted[i]);
	}
	ck_assert_err(net_lease_take(&d, &network, 0, "c1", &a, &err), ENOSPC, err, "10.0.0.0/29");
	a = addr("10.0.0.4");
	ck_assert_int_eq(net_lease_owner(&d, &a, owner, sizeof(owner)), 0);
	ck_assert_str_eq(owner, "c1");
	net_lease_drop(&d, &a);
	net_lease_drop(&d, &a);
	ck_assert_int_eq(net_lease_owner(&d, &a, owner, sizeof(owner)), -ENOENT);
	ck_assert_ok(net_lease_take(&d, &network, 0, "c2", &a, &err), err);
	net_addr_format(&a, text);
	ck_assert_str_eq(text, "10.0.0.4");
	/* one that is given back rests until the others have had their turn */
	net_lease_drop(&d, &a);
	a = addr("10.0.0.1");
	net_lease_drop(&d, &a);
	ck_assert_ok(net_lease_take(&d, &network, 0, "c2", &a, &err), err);
	net_addr_format(&a, text);
	ck_assert_str_eq(text, "10.0.0.1");
	cps_close(&d.lock);
	cps_close(&d.fd);
}
END_TEST

START_TEST(a_fixed_address_is_refused_where_it_is_taken)
{
	struct net_dir d = lease_dir();
	struct net_addr a = addr("fd00::5");
	struct cps_err err;

	ck_assert_ok(net_lease_take_fixed(&d, &a, "c1", &err), err);
	ck_assert_err(net_lease_take_fixed(&d, &a, "c2", &err), EADDRINUSE, err, "fd00::5 is c1's");
	cps_close(&d.lock);
	cps_close(&d.fd);
}
END_TEST

START_TEST(a_hint_that_is_nonsense_does_no_harm)
{
	static const char *const hints[] = { "x", "99999999999999999999999 1", "-1", "\xff\xff",
					     "18446744073709551615 " };
	struct net_network network = network_of("10.0.0.0/30", "10.0.0.1");
	struct net_addr a;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		struct net_dir d = lease_dir();

		unit_put(d.fd, "lock", hints[i]);
		ck_assert_ok(net_lease_take(&d, &network, 0, "c1", &a, &err), err);
		ck_assert_uint_eq(a.bytes[3], 2);
		cps_close(&d.lock);
		cps_close(&d.fd);
	}
}
END_TEST

static int network_parse(const char *text, struct net_network *ret, struct cps_err *err)
{
	struct cps_arena a = CPS_ARENA_INIT;
	int rc = net_network_parse(&a, text, strlen(text), ret, err);

	cps_arena_done(&a);
	return rc;
}

START_TEST(a_network_is_written_as_it_is_read)
{
	static const char *const labels[] = { "a=b", NULL };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net_network network = network_of("10.0.0.0/24", "10.0.0.1"), back;
	struct cps_jsonw w;
	struct cps_err err;

	network.internal = true;
	network.created = "2026-11-22T00:00:00Z";
	network.labels = labels;
	strcpy(network.bridge, "cpsbr0");
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	net_network_write(&network, &w);
	cps_jsonw_close(&w, '}');
	ck_assert_ok(net_network_parse(&a, buf.data, buf.len, &back, &err), err);
	ck_assert_str_eq(back.name, "n");
	ck_assert(back.internal);
	ck_assert_uint_eq(back.mtu, 1500);
	ck_assert_str_eq(back.bridge, "cpsbr0");
	ck_assert_str_eq(back.labels[0], "a=b");
	ck_assert(net_addr_is_equal(&back.gateways[0], &network.gateways[0]));
}
END_TEST

#define HEAD "{\"name\":\"n\",\"driver\":\"bridge\",\"created\":\"x\",\"internal\":false,"
#define SUB  "\"subnets\":[{\"subnet\":\"10.0.0.0/24\",\"gateway\":\"10.0.0.1\"}]"

START_TEST(a_network_file_that_lies_is_refused)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "" },
		{ "[]", "" },
		{ "{}", "" },
		{ "{\"name\":\"../x\"}", "name" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"br0\"}", "" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"br0\",\"subnets\":[]}", "none" },
		{ HEAD "\"mtu\":1,\"bridge\":\"br0\"," SUB "}", "MTU" },
		{ HEAD "\"mtu\":99999,\"bridge\":\"br0\"," SUB "}", "" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"a/b\"," SUB "}", "interface" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"sixteen-letters-\"," SUB "}", "interface" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"\"," SUB "}", "interface" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"br0\",\"subnets\":[{\"subnet\":\"10.0.0.0/24\","
		       "\"gateway\":\"10.0.1.1\"}]}",
		  "gateway" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"br0\",\"subnets\":[{\"subnet\":\"10.0.0.0/24\","
		       "\"gateway\":\"10.0.0.255\"}]}",
		  "gateway" },
		{ HEAD "\"mtu\":1500,\"bridge\":\"br0\",\"labels\":{}," SUB "}", "labels" },
	};
	struct net_network network;
	struct cps_err err;

	ck_assert_ok(network_parse(HEAD "\"mtu\":1500,\"bridge\":\"br0\"," SUB "}", &network, &err),
		     err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_err(network_parse(bad[i].text, &network, &err), EINVAL, err, bad[i].why);
}
END_TEST

#define MEMBER                                                                                  \
	"{\"id\":\"c1\",\"pid\":7,\"start_time\":9,\"boot_id\":\"b\",\"host_interface\":\"v\"," \
	"\"interface\":\"eth0\",\"hostname\":\"h\",\"aliases\":[],\"links\":[],"

START_TEST(an_endpoint_file_that_lies_is_refused)
{
	static const char *const bad[] = {
		"null",
		"{\"id\":\"c/1\"}",
		MEMBER "\"ports\":[],\"addresses\":[],\"mac\":\"02:63\"}",
		MEMBER "\"ports\":[],\"addresses\":[],\"mac\":\"02:63:00:00:00:0g\"}",
		MEMBER "\"ports\":[],\"addresses\":[{\"address\":\"x\",\"prefix\":1}],"
		       "\"mac\":\"02:63:00:00:00:00\"}",
		MEMBER "\"ports\":[],\"addresses\":[{\"address\":\"10.0.0.1\",\"prefix\":33}],"
		       "\"mac\":\"02:63:00:00:00:00\"}",
		MEMBER "\"ports\":[\"80\"],\"addresses\":[],\"mac\":\"02:63:00:00:00:00\"}",
		MEMBER "\"ports\":7,\"addresses\":[],\"mac\":\"02:63:00:00:00:00\"}",
	};
	static const char good[] = MEMBER "\"ports\":[\"[fd00::1]:80-81:90-91/udp\"],\"addresses\":"
					  "[{\"address\":\"10.0.0.2\",\"prefix\":24}],"
					  "\"mac\":\"02:63:0a:00:00:02\"}";
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net_endpoint e, back;
	struct cps_jsonw w;
	struct cps_err err;

	ck_assert_ok(net_endpoint_parse(&a, good, sizeof(good) - 1, &e, &err), err);
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	net_endpoint_write(&e, &w);
	cps_jsonw_close(&w, '}');
	ck_assert_ok(net_endpoint_parse(&a, buf.data, buf.len, &back, &err), err);
	ck_assert_uint_eq(back.nports, 1);
	ck_assert_uint_eq(back.ports[0].count, 2);
	ck_assert_str_eq(back.ports[0].ip, "fd00::1");
	ck_assert_uint_eq(back.mac[5], 2);
	ck_assert(!net_endpoint_is_alive(&back));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_lt(net_endpoint_parse(&a, bad[i], strlen(bad[i]), &e, &err), 0);
}
END_TEST

START_TEST(the_word_behind_network_is_understood)
{
	struct net_namespaces ns;
	struct net_mode m;
	struct cps_err err;

	ck_assert_ok(net_mode_parse(NULL, &m, &err), err);
	ck_assert_int_eq(m.kind, NET_MODE_NETWORK);
	ck_assert_str_eq(m.name, NET_DEFAULT);
	ck_assert_ok(net_mode_parse("bridge", &m, &err), err);
	ck_assert_str_eq(m.name, NET_DEFAULT);
	ck_assert_ok(net_mode_parse("web", &m, &err), err);
	net_mode_namespaces(&m, 0, false, &ns);
	ck_assert(ns.network && !ns.network_path[0] && !ns.user_path[0]);
	ck_assert_ok(net_mode_parse("host", &m, &err), err);
	net_mode_namespaces(&m, 0, false, &ns);
	ck_assert(!ns.network);
	ck_assert_ok(net_mode_parse("none", &m, &err), err);
	net_mode_namespaces(&m, 0, false, &ns);
	ck_assert(ns.network && !ns.network_path[0]);
	ck_assert_ok(net_mode_parse("container:c1", &m, &err), err);
	ck_assert_str_eq(m.name, "c1");
	net_mode_namespaces(&m, 42, true, &ns);
	ck_assert_str_eq(ns.network_path, "/proc/42/ns/net");
	ck_assert_str_eq(ns.user_path, "/proc/42/ns/user");
	net_mode_namespaces(&m, 42, false, &ns);
	ck_assert_str_eq(ns.user_path, "");
	ck_assert_err(net_mode_parse("container:", &m, &err), EINVAL, err, "container:ID");
	ck_assert_err(net_mode_parse("../x", &m, &err), EINVAL, err, "no network's name");
	ck_assert_err(net_mode_parse("", &m, &err), EINVAL, err, "no network's name");
	ck_assert(net_mode_is_reserved("host") && !net_mode_is_reserved("web"));
}
END_TEST

START_TEST(a_subnet_is_chosen_around_those_in_use)
{
	struct net_used b = { subnet("10.0.0.0/8"), "b", NULL };
	struct net_used a = { subnet("192.168.0.0/23"), "a", &b };
	struct net_used all = { subnet("192.168.0.0/16"), "all", &b };
	struct net_subnet s;
	struct cps_err err;
	char text[NET_SUBNET_SIZE];

	ck_assert_ok(net_subnet_choose(NULL, &s, &err), err);
	net_subnet_format(&s, text);
	ck_assert_str_eq(text, "192.168.1.0/24");
	ck_assert_ok(net_subnet_choose(&a, &s, &err), err);
	net_subnet_format(&s, text);
	ck_assert_str_eq(text, "192.168.2.0/24");
	b.subnet = subnet("10.64.0.0/16");
	ck_assert_ok(net_subnet_choose(&all, &s, &err), err);
	net_subnet_format(&s, text);
	ck_assert_str_eq(text, "10.65.0.0/24");
	b.subnet = subnet("10.0.0.0/8");
	ck_assert_err(net_subnet_choose(&all, &s, &err), ENOSPC, err, "name one");
}
END_TEST

START_TEST(a_mac_and_a_link_local_address_come_from_the_address)
{
	struct net_addr a = addr("192.168.1.7"), local;
	uint8_t mac[NET_MAC_LEN];
	char text[NET_ADDR_SIZE], name[IFNAMSIZ];

	net_mac_of(&a, mac);
	ck_assert_mem_eq(mac, "\x02\x63\xc0\xa8\x01\x07", 6);
	net_mac_link_local(mac, &local);
	net_addr_format(&local, text);
	ck_assert_str_eq(text, "fe80::63:c0ff:fea8:107");
	net_veth_name("capsule:/var/lib/capsule/networks:n:192.168.1.7", name);
	ck_assert_uint_eq(strlen(name), IFNAMSIZ - 1);
}
END_TEST

START_TEST(counters_are_those_of_all_interfaces_but_lo)
{
	static const char text[] =
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		"packets\n"
		"    lo:     100       2    0    0    0     0          0         0      100       "
		"2    "
		"0    0    0     0       0          0\n"
		"  eth0: 18446744073709551615 11 12 13 14 15 16 17 21 22 23 24 25 26 27 28\n"
		"a-name-of-fifte:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
		"a-name-of-sixtee: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
		"eth9: 1 2 3\n";
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct net_counters *v;
	size_t n;

	ck_assert_int_eq(net_counters_parse(text, &a, &v, &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(v[0].interface, "eth0");
	ck_assert_uint_eq(v[0].rx_bytes, UINT64_MAX);
	ck_assert_uint_eq(v[0].rx_packets, 11);
	ck_assert_uint_eq(v[0].rx_errors, 12);
	ck_assert_uint_eq(v[0].rx_dropped, 13);
	ck_assert_uint_eq(v[0].tx_bytes, 21);
	ck_assert_uint_eq(v[0].tx_packets, 22);
	ck_assert_uint_eq(v[0].tx_errors, 23);
	ck_assert_uint_eq(v[0].tx_dropped, 24);
	ck_assert_str_eq(v[1].interface, "a-name-of-fifte");
	ck_assert_uint_eq(v[1].tx_dropped, 12);
	ck_assert_int_eq(net_counters_parse("", &a, &v, &n), 0);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(counters_are_read_of_our_namespace_as_none)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct net_counters *v;
	struct net_process p = { .pid = getpid() };
	struct cps_err err;
	size_t n = 9;

	ck_assert_int_eq(cps_proc_start_time(p.pid, &p.start_time), 0);
	ck_assert_ok(net_counters_read(&p, &a, &v, &n, &err), err);
	ck_assert_uint_eq(n, 0);
	p.start_time++;
	ck_assert_err(net_counters_read(&p, &a, &v, &n, &err), ESRCH, err, "process");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_subnet_is_read_and_written,
		what_is_no_subnet_is_refused,
		addresses_are_counted_and_found,
		overlaps_are_seen_both_ways,
		each_address_is_given_once_and_the_last_one_rests,
		a_fixed_address_is_refused_where_it_is_taken,
		a_hint_that_is_nonsense_does_no_harm,
		a_network_is_written_as_it_is_read,
		a_network_file_that_lies_is_refused,
		an_endpoint_file_that_lies_is_refused,
		the_word_behind_network_is_understood,
		a_subnet_is_chosen_around_those_in_use,
		a_mac_and_a_link_local_address_come_from_the_address,
		counters_are_those_of_all_interfaces_but_lo,
		counters_are_read_of_our_namespace_as_none,
		NULL,
	};

	return unit_main("network", tests);
}
