/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See net-devices.h.
 *
 * A device that changes its namespace keeps its hardware address and MTU; its addresses are gone,
 * so they are read before, as the messages that will give them again. The move and a new name
 * are one request, but the kernel renames after the move: a name that is taken is looked for first,
 * and what has gone over by then is brought back by the return.
 */
#include <config.h>

#include "net-devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "own.h"
#include "rtnl.h"

/* Those that a user can give; the others say what has become of the address. */
#define ADDRESS_FLAGS                                                                   \
	(IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | \
	 IFA_F_MCAUTOJOIN)
#define NAMES_MAX 4096 /* that are tried for a template */

struct address {
	struct address *next;
	struct rt_rtnl give; /* the request, but for the interface */
};

struct link {
	int index;
	unsigned flags;
	uint32_t master; /* its bridge, or 0 */
};

struct rt_net_device_moved {
	const char *host;    /* its name in our namespace */
	char name[IFNAMSIZ]; /* in theirs */
	int index;	     /* there; 0: it has not got so far */
	struct link was;
	struct address *addresses;
};

/* -- single requests -------------------------------------------------------------------------- */

static void read_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *head = (const void *)((const char *)h + NLMSG_HDRLEN);
	struct link *l = arg;
	const struct rtattr *a;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_HDRLEN + sizeof(*head))
		return;
	l->index = head->ifi_index;
	l->flags = head->ifi_flags;
	a = rt_rtnl_attr(h, sizeof(*head), IFLA_MASTER, sizeof(l->master));
	if (a)
		memcpy(&l->master, RTA_DATA(a), sizeof(l->master));
}

/* -ENODEV: there is none of this name. */
static int find_link(int sock, const char *name, struct link *ret)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct link l = { 0 };
	struct rt_rtnl m;
	int rc;

	rt_rtnl_start(&m, RTM_GETLINK, 0, &head, sizeof(head));
	rt_rtnl_put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	rc = rt_rtnl_do(sock, &m, read_link, &l);
	if (rc == 0 && l.index <= 0)
		rc = -ENODEV;
	if (rc == 0)
		*ret = l;
	return rc;
}

static int send_away(int sock, int index, int netns, const char *name)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct rt_rtnl m;

	rt_rtnl_start(&m, RTM_SETLINK, 0, &head, sizeof(head));
	rt_rtnl_put(&m, IFLA_NET_NS_FD, &netns, sizeof(netns));
	rt_rtnl_put(&m, IFLA_IFNAME, name, strlen(name) + 1);
	return rt_rtnl_do(sock, &m, NULL, NULL);
}

static int set_up(int sock, int index)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC,
					.ifi_index = index,
					.ifi_flags = IFF_UP,
					.ifi_change = IFF_UP };
	struct rt_rtnl m;

	rt_rtnl_start(&m, RTM_SETLINK, 0, &head, sizeof(head));
	return rt_rtnl_do(sock, &m, NULL, NULL);
}

static int set_master(int sock, int index, uint32_t master)
{
	const struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct rt_rtnl m;

	rt_rtnl_start(&m, RTM_SETLINK, 0, &head, sizeof(head));
	rt_rtnl_put(&m, IFLA_MASTER, &master, sizeof(master));
	return rt_rtnl_do(sock, &m, NULL, NULL);
}

/* -- addresses -------------------------------------------------------------------------------- */

struct collector {
	int index;
	struct cps_arena *arena;
	struct address **end;
	bool failed;
};

/* What was configured by hand and is for others to reach us by; the rest the kernel or a protocol
 * has made, and makes again. */
static void read_address(const struct nlmsghdr *h, void *arg)
{
	static const int kept[] = { IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_RT_PRIORITY };
	const struct ifaddrmsg *head = (const void *)((const char *)h + NLMSG_HDRLEN);
	struct collector *c = arg;
	const struct rtattr *a;
	struct ifaddrmsg give;
	struct address *one;
	uint32_t flags;

	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_HDRLEN + sizeof(*head) ||
	    (int)head->ifa_index != c->index)
		return;
	flags = head->ifa_flags;
	a = rt_rtnl_attr(h, sizeof(*head), IFA_FLAGS, sizeof(flags));
	if (a)
		memcpy(&flags, RTA_DATA(a), sizeof(flags));
	if (!(flags & IFA_F_PERMANENT) || head->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	one = cps_arena_alloc(c->arena, sizeof(*one));
	if (!one) {
		c->failed = true;
		return;
	}
	flags &= ADDRESS_FLAGS;
	give = *head;
	give.ifa_flags = (uint8_t)flags;
	rt_rtnl_start(&one->give, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &give, sizeof(give));
	rt_rtnl_put(&one->give, IFA_FLAGS, &flags, sizeof(flags));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		a = rt_rtnl_attr(h, sizeof(*head), kept[i], 0);
		if (a)
			rt_rtnl_put(&one->give, kept[i], RTA_DATA(a), RTA_PAYLOAD(a));
	}
	*c->end = one;
	c->end = &one->next;
}

static int read_addresses(int sock, int index, struct cps_arena *arena, struct address **ret)
{
	const struct ifaddrmsg head = { .ifa_family = AF_UNSPEC };
	struct collector c = { .index = index, .arena = arena, .end = ret };
	struct rt_rtnl m;
	int rc;

	*ret = NULL;
	rt_rtnl_start(&m, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
	rc = rt_rtnl_do(sock, &m, read_address, &c);
	return rc == 0 && c.failed ? -ENOMEM : rc;
}

/* In the order in which they were: of several in one subnet the first is the primary one. */
static int give_addresses(int sock, int index, struct address *list)
{
	int rc = 0;

	for (; list && rc == 0; list = list->next) {
		struct ifaddrmsg *head = (void *)(list->give.bytes + NLMSG_HDRLEN);

		head->ifa_index = (uint32_t)index;
		rc = rt_rtnl_do(sock, &list->give, NULL, NULL);
		if (rc == -EEXIST)
			rc = 0;
	}
	return rc;
}

/* -- a device --------------------------------------------------------------------------------- */

/* The first name of a template ("eth%d") that nobody has there; a plain name, if it is free. */
static int choose_name(int theirs, const char *wanted, char name[IFNAMSIZ])
{
	const char *number = strstr(wanted, "%d");
	struct link ignored;
	int rc = 0;

	for (int i = 0; rc == 0 && i < NAMES_MAX; i++) {
		int len = number ? snprintf(name, IFNAMSIZ, "%.*s%d%s", (int)(number - wanted),
					    wanted, i, number + 2)
				 : snprintf(name, IFNAMSIZ, "%s", wanted);

		if (len >= IFNAMSIZ)
			return -ENFILE;
		rc = find_link(theirs, name, &ignored);
		if (!number)
			break;
	}
	if (rc == -ENODEV)
		return 0;
	return rc < 0 ? rc : -EEXIST;
}

static int find_and_name(const struct rt_net_devices *d, const struct rt_net_device *device,
			 struct rt_net_device_moved *m, struct cps_arena *arena,
			 struct cps_err *err)
{
	int rc = find_link(d->ours, device->host, &m->was);

	if (rc == -ENODEV)
		return cps_failx(err, ENODEV, "there is no such network device");
	if (rc < 0)
		return cps_fail(err, -rc, "find it");
	rc = choose_name(d->theirs, device->name, m->name);
	if (rc == -EEXIST || rc == -ENFILE)
		return cps_failx(err, EEXIST, "the container has a network device '%s' already",
				 m->name);
	if (rc < 0)
		return cps_fail(err, -rc, "look for '%s' in the container", m->name);
	rc = read_addresses(d->ours, m->was.index, arena, &m->addresses);
	return rc < 0 ? cps_fail(err, -rc, "read its addresses") : 0;
}

static int move(struct rt_net_devices *d, int netns, const struct rt_net_device *device,
		struct cps_arena *arena, struct cps_err *err)
{
	struct rt_net_device_moved *m = &d->v[d->n];
	struct link there = { 0 };
	int rc;

	m->host = device->host;
	rc = find_and_name(d, device, m, arena, err);
	if (rc < 0)
		return rc;
	d->n++;
	/* It may be over there even if this fails: the new name comes after the move. */
	rc = send_away(d->ours, m->was.index, netns, m->name);
	if (rc == -EINVAL)
		return cps_fail(err, -rc, "it cannot be moved to another network namespace");
	if (rc < 0)
		return cps_fail(err, -rc, "move it, as '%s'", m->name);
	rc = find_link(d->theirs, m->name, &there);
	if (rc < 0)
		return cps_fail(err, -rc, "find it there, as '%s'", m->name);
	m->index = there.index;
	rc = give_addresses(d->theirs, m->index, m->addresses);
	if (rc < 0)
		return cps_fail(err, -rc, "give it its addresses again");
	rc = set_up(d->theirs, m->index);
	return rc < 0 ? cps_fail(err, -rc, "bring it up") : 0;
}

/* -- all -------------------------------------------------------------------------------------- */

/* Joins the namespace for a moment: a socket belongs to the one that it was made in. */
static int open_in(int netns, int ours, struct cps_err *err)
{
	int sock, num;

	if (setns(netns, CLONE_NEWNET) < 0)
		return cps_fail(err, errno, "join the container's network namespace");
	sock = rt_rtnl_open();
	if (setns(ours, CLONE_NEWNET) < 0) {
		num = errno;
		cps_close(&sock);
		return cps_fail(err, num, "return to our network namespace");
	}
	return sock < 0 ? cps_fail(err, -sock, "make a netlink socket") : sock;
}

static int open_both(struct rt_net_devices *d, int netns, struct cps_err *err)
{
	cleanup_fd int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat a, b;

	if (ours < 0 || fstat(ours, &a) < 0 || fstat(netns, &b) < 0)
		return cps_fail(err, errno, "open our network namespace");
	if (a.st_ino == b.st_ino && a.st_dev == b.st_dev)
		return cps_failx(err, EINVAL,
				 "the container's network namespace is the runtime's own");
	d->ours = rt_rtnl_open();
	if (d->ours < 0)
		return cps_fail(err, -d->ours, "make a netlink socket");
	d->theirs = open_in(netns, ours, err);
	return d->theirs < 0 ? d->theirs : 0;
}

int rt_net_devices_move(const struct rt_spec *spec, int netns, struct cps_arena *a,
			struct rt_net_devices *d, struct cps_err *err)
{
	int rc;

	d->v = cps_arena_array(a, spec->nnet_devices, sizeof(*d->v));
	if (!d->v)
		return cps_fail(err, ENOMEM, "linux.netDevices");
	rc = open_both(d, netns, err);
	if (rc < 0)
		return cps_wrap(err, rc, "linux.netDevices");
	for (size_t i = 0; i < spec->nnet_devices && rc == 0; i++) {
		rc = move(d, netns, &spec->net_devices[i], a, err);
		(void)cps_wrap(err, rc, "linux.netDevices.%s", spec->net_devices[i].host);
	}
	return rc;
}

static void bring_back(const struct rt_net_devices *d, const struct rt_net_device_moved *m,
		       int home)
{
	struct link l = { .index = m->index };

	/* under its old name, if the new one was refused; or it has not gone at all */
	if (l.index == 0 &&
	    (find_link(d->ours, m->host, &l) == 0 || find_link(d->theirs, m->host, &l) < 0))
		return;
	if (send_away(d->theirs, l.index, home, m->host) < 0 || find_link(d->ours, m->host, &l) < 0)
		return;
	if (m->was.master)
		(void)set_master(d->ours, l.index, m->was.master);
	if (m->was.flags & IFF_UP)
		(void)set_up(d->ours, l.index);
	(void)give_addresses(d->ours, l.index, m->addresses);
}

void rt_net_devices_return(struct rt_net_devices *d)
{
	cleanup_fd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (size_t i = d->n; home >= 0 && i-- > 0;)
		bring_back(d, &d->v[i], home);
	rt_net_devices_done(d);
}

void rt_net_devices_done(struct rt_net_devices *d)
{
	d->n = 0;
	cps_close(&d->ours);
	cps_close(&d->theirs);
}
