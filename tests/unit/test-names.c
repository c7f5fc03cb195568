/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts, hostname, resolv.conf: what stands in them, and what is refused.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "attach.h"
#include "file.h"
#include "hosts.h"
#include "names.h"
#include "own.h"
#include "unit.h"

#define LONG63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

START_TEST(hostnames)
{
	static const char *const good[] = { "a", "web-1", "3com", "a.b.c", LONG63 };
	static const char *const bad[] = { "",	       "-a",  "a-",	  "a..b", ".a",
					   "a.",       "a b", "a\nb",	  "a:b",  "a_b",
					   "\xc3\xa4", "a/b", LONG63 "l", "a\t",  "a#" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(net_is_hostname(good[i], NET_HOSTNAME_MAX), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!net_is_hostname(bad[i], NET_HOST_MAX), "%s", bad[i]);
	ck_assert(!net_is_hostname(LONG63 ".abc", NET_HOSTNAME_MAX));
	ck_assert(net_is_hostname(LONG63 ".abc", NET_HOST_MAX));
}
END_TEST

/* Each of them would add a line, or a word, of its own. */
START_TEST(values_that_are_refused)
{
	static const char *const words[] = {
		"a\n1.2.3.4 bank.example", "a b", "a\tb", "", "a\rb", "#", "-x", "a:b"
	};
	static const char *const hosts[] = { "a",
					     "a:",
					     "a:1.2.3",
					     ":1.2.3.4",
					     "a b:1.2.3.4",
					     "a\nb:1.2.3.4",
					     "a:1.2.3.4\nb",
					     "a:1.2.3.4 b",
					     "a:fe80::1%eth0" };
	struct net_alias link = { "db", NULL };
	struct cps_err err;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct net_options o = { .aliases = &words[i], .naliases = 1 };

		ck_assert_err(net_names_check(&o, &err), EINVAL, err, "alias");
		ck_assert_ptr_null(strchr(err.msg, '\n'));
		link.alias = words[i];
		o = (struct net_options){ .links = &link, .nlinks = 1 };
		ck_assert_err(net_names_check(&o, &err), EINVAL, err, "link");
		o = (struct net_options){ .hostname = words[i] };
		ck_assert_err(net_names_check(&o, &err), EINVAL, err, "hostname");
		o = (struct net_options){ .dns = &words[i], .ndns = 1 };
		ck_assert_err(net_names_check(&o, &err), EINVAL, err, "name server");
	}
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct net_options o = { .add_hosts = &hosts[i], .nadd_hosts = 1 };

		ck_assert_err(net_names_check(&o, &err), EINVAL, err, "host");
		ck_assert_ptr_null(strchr(err.msg, '\n'));
	}
}
END_TEST

static void content_check(int dir, const char *name, const char *wanted)
{
	struct stat st;

	unit_check_content(dir, name, wanted);
	ck_assert_int_eq(fstatat(dir, name, &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
}

START_TEST(files_of_a_container)
{
	static const char *const hosts[] = { "bank:10.1.2.3", "six:fd00::1", "up:host-gateway" };
	static const char *const dns[] = { "10.0.0.53" };
	const struct net_options o = {
		.hostname = "web-host", .add_hosts = hosts, .nadd_hosts = 3, .dns = dns, .ndns = 1
	};
	cleanup_free char *text = NULL;
	int dir = unit_dir();
	struct cps_err err;
	size_t len;

	(void)umask(077);
	ck_assert_ok(net_names_prepare(dir, "web", &o, &err), err);
	content_check(dir, "hostname", "web-host\n");
	content_check(dir, "hosts",
		      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
		      "10.1.2.3\tbank\nfd00::1\tsix\n");
	ck_assert_ok(cps_file_read(dir, "resolv.conf", 4096, &text, &len, &err), err);
	ck_assert_int_eq(strncmp(text, "nameserver 10.0.0.53\n", 21), 0);
}
END_TEST

START_TEST(without_a_network)
{
	const struct net_options o = { .network = "none" };
	cleanup_free char *text = NULL;
	int dir = unit_dir();
	struct cps_err err;
	size_t len;

	ck_assert_ok(net_names_prepare(dir, "web_1", &o, &err), err);
	content_check(dir, "hostname", "web_1\n");
	ck_assert_ok(cps_file_read(dir, "hosts", 4096, &text, &len, &err), err);
	ck_assert_ptr_nonnull(strstr(text, "\n127.0.0.1\tweb_1\n"));
}
END_TEST

static const char one[] = "# gateway 10.0.0.1\n10.0.0.2\tweb www\n10.0.0.3\tdb mysql\n";
static const char two[] = "# gateway 10.9.0.1\n10.9.0.2\tdb\nfd00::2\tdb\n10.9.0.3\tweb2\n";

START_TEST(own_lines_first_then_links_then_all)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf out = CPS_BUF_INIT;
	struct net_section sections[2];

	ck_assert_int_eq(net_section_parse(one, strlen(one), &a, &sections[0]), 0);
	ck_assert_int_eq(net_section_parse(two, strlen(two), &a, &sections[1]), 0);
	net_hosts_compose("127.0.0.1\tlocalhost\n@ up\n@db store\n@nobody x\n", "web", sections, 2,
			  &out);
	ck_assert_str_eq(out.data,
			 "127.0.0.1\tlocalhost\n"
			 "10.0.0.2\tweb www\n"
			 "10.0.0.1\tup\n"
			 "10.0.0.3\tstore\n10.9.0.2\tstore\nfd00::2\tstore\n"
			 "# gateway 10.0.0.1\n10.0.0.3\tdb mysql\n"
			 "# gateway 10.9.0.1\n10.9.0.2\tdb\nfd00::2\tdb\n10.9.0.3\tweb2\n");
}
END_TEST

/* "we" is not "web", "web" is not "web2". */
START_TEST(ids_are_compared_whole)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_section s;
	size_t n;

	ck_assert_int_eq(net_section_parse(two, strlen(two), &a, &s), 0);
	ck_assert_ptr_null(net_section_find(&s, "we", 2, &n));
	ck_assert_ptr_null(net_section_find(&s, "web", 3, &n));
	ck_assert_ptr_nonnull(net_section_find(&s, "db", 2, &n));
	ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(section_that_a_crash_has_torn)
{
	static const char *const texts[] = { "", "\n\n", "10.0.0.2\tweb", "\tx\n", "x\n", "#\n" };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct net_section s;

		ck_assert_int_eq(net_section_parse(texts[i], strlen(texts[i]), &a, &s), 0);
		ck_assert_uint_eq(s.nlines, 0);
	}
}
END_TEST

static void resolv_check(const char *text, const char *server, bool host, const char *wanted,
			 unsigned left_out_wanted)
{
	cleanup_buf struct cps_buf out = CPS_BUF_INIT;
	unsigned left_out;

	net_resolv_write(text, &server, server ? 1 : 0, host, &out, &left_out);
	ck_assert_str_eq(out.data ? out.data : "", wanted);
	ck_assert_uint_eq(left_out, left_out_wanted);
}

START_TEST(name_servers)
{
	static const char stub[] = "# a stub\nnameserver 127.0.0.53\noptions edns0\nsearch lan\n";
	static const char usable[] = "nameserver 10.0.0.1\nnameserver ::1\nnameserver fd00::53 \n";

	resolv_check(stub, NULL, false,
		     "options edns0\nsearch lan\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n", 1);
	resolv_check(stub, NULL, true, "nameserver 127.0.0.53\noptions edns0\nsearch lan\n", 0);
	resolv_check(stub, "10.0.0.9", false, "nameserver 10.0.0.9\noptions edns0\nsearch lan\n",
		     0);
	resolv_check(usable, NULL, false, "nameserver 10.0.0.1\nnameserver fd00::53\n", 1);
	resolv_check("nameserver fe80::1%eth0\n", NULL, false,
		     "nameserver 1.1.1.1\nnameserver 8.8.8.8\n", 1);
	resolv_check("", NULL, false, "nameserver 1.1.1.1\nnameserver 8.8.8.8\n", 0);
	resolv_check("", NULL, true, "", 0);
	resolv_check("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n"
		     "nameserver 10.0.0.4\nsearch \033[2J\nunknown x\n",
		     NULL, false, "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n",
		     0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { hostnames,
				       values_that_are_refused,
				       files_of_a_container,
				       without_a_network,
				       own_lines_first_then_links_then_all,
				       ids_are_compared_whole,
				       section_that_a_crash_has_torn,
				       name_servers,
				       NULL };

	return unit_main("names", tests);
}
