/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports as people write them, good and bad.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "port.h"
#include "unit.h"

static const struct {
	const char *text, *shown;
} good[] = {
	{ "8080:80", "0.0.0.0:8080->80/tcp" },
	{ "53:53/udp", "0.0.0.0:53->53/udp" },
	{ "127.0.0.1:6379:6379/tcp", "127.0.0.1:6379->6379/tcp" },
	{ "0.0.0.0:1:65535", "0.0.0.0:1->65535/tcp" },
	{ "7000-7009:8000-8009", "0.0.0.0:7000-7009->8000-8009/tcp" },
	{ "[::1]:80:80", "[::1]:80->80/tcp" },
	{ "[fd00:0::5]:1-2:3-4/udp", "[fd00::5]:1-2->3-4/udp" },
};

START_TEST(good_ones)
{
	struct net_port p;
	struct cps_err err;
	char buf[128];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_ok(net_port_parse(good[i].text, &p, &err), err);
		net_port_format(&p, buf, sizeof(buf));
		ck_assert_str_eq(buf, good[i].shown);
	}
}
END_TEST

static const struct {
	const char *text, *why;
} bad[] = {
	{ "80", "port '80': HOST:CONTAINER is wanted" },
	{ ":80", "is no port of the host" },
	{ "80:", "is no port of the container" },
	{ "0:80", "is no port of the host" },
	{ "80:65536", "is no port of the container" },
	{ "80:80/sctp", "'sctp' is no protocol" },
	{ "9-8:1-2", "the range ends before it begins" },
	{ "1-3:1-2", "the ranges differ in length" },
	{ "1.2.3:80:80", "'1.2.3' is no address" },
	{ "localhost:80:80", "'localhost' is no address" },
	{ "::1:80:80", "is no address" },
	{ "80x:80", "is no port of the host" },
	{ "+80:80", "is no port of the host" },
};

START_TEST(bad_ones)
{
	struct net_port p;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_err(net_port_parse(bad[i].text, &p, &err), EINVAL, err, bad[i].why);
}
END_TEST

START_TEST(collisions)
{
	static const struct {
		const char *a, *b;
		bool collide;
	} pairs[] = {
		{ "80:1", "80:2", true },	    { "80:1", "80:1/udp", false },
		{ "80:1", "127.0.0.1:80:1", true }, { "127.0.0.2:80:1", "127.0.0.1:80:1", false },
		{ "80-90:80-90", "90:1", true },    { "80-90:80-90", "91:1", false },
	};
	struct net_port a, b;
	struct cps_err err;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		ck_assert_int_eq(net_port_parse(pairs[i].a, &a, &err), 0);
		ck_assert_int_eq(net_port_parse(pairs[i].b, &b, &err), 0);
		ck_assert_int_eq(net_port_collides(&a, &b), pairs[i].collide);
		ck_assert_int_eq(net_port_collides(&b, &a), pairs[i].collide);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { good_ones, bad_ones, collisions, NULL };

	return unit_main("port", tests);
}
