/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a port of the host.
 */
#include <config.h>
#include "publish.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "file.h"
#include "own.h"

#define TCP_LISTEN 0x0a

int net_ports_check(const struct net_port *ports, unsigned n, struct cps_err *err)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(ports[i].ip, "::1") == 0)
			return cps_failx(err, EINVAL,
					 "port %u: nothing can be published at ::1, which does not "
					 "leave the loopback interface: take 127.0.0.1",
					 ports[i].host);
		for (unsigned j = i + 1; j < n; j++) {
			char a[128], b[128];

			if (!net_port_collides(&ports[i], &ports[j]))
				continue;
			net_port_format(&ports[i], a, sizeof(a));
			net_port_format(&ports[j], b, sizeof(b));
			return cps_failx(err, EINVAL, "ports %s and %s want the same of the host",
					 a, b);
		}
	}
	return 0;
}

int net_ports_check_other(const struct net_port *ports, unsigned n, const struct net_port *others,
			  unsigned nothers, const char *owner, struct cps_err *err)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < nothers; j++) {
			char mine[128], theirs[128];

			if (!net_port_collides(&ports[i], &others[j]))
				continue;
			net_port_format(&ports[i], mine, sizeof(mine));
			net_port_format(&others[j], theirs, sizeof(theirs));
			return cps_failx(err, EADDRINUSE,
					 "port %s: container '%s' has it already (%s)", mine, owner,
					 theirs);
		}
	return 0;
}

/* -- processes of the host ----------------------------------------------------------- */

/* The inode of a socket at this port; 0 if there is none. A name of /proc/net. */
static uint64_t inode_find(const char *table, uint8_t protocol, uint16_t port)
{
	cleanup_file FILE *f = NULL;
	char line[256], path[64];

	(void)snprintf(path, sizeof(path), "/proc/net/%s", table);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned local, state;
		uint64_t inode;

		/* sl: address:port peer:port state queues timer retransmits uid timeout
		 * inode */
		if (sscanf(line,
			   " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u "
			   "%" SCNu64,
			   &local, &state, &inode) != 3)
			continue;
		if (local == port && (protocol == IPPROTO_UDP || state == TCP_LISTEN))
			return inode;
	}
	return 0;
}

static bool process_has(const char *pid, const char *socket_name)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;
	char path[NAME_MAX + 32];

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char target[64];
		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		if (strcmp(target, socket_name) == 0)
			return true;
	}
	return false;
}

/* " by nginx (pid 123)", or nothing if it cannot be found out. The name is the process's
 * own choice: what is not printable is replaced. */
static void holder_name(uint64_t inode, char *buf, size_t size)
{
	cleanup_dir DIR *proc = opendir("/proc");
	const struct dirent *e;
	char name[64];

	buf[0] = '\0';
	(void)snprintf(name, sizeof(name), "socket:[%" PRIu64 "]", inode);
	while (inode && proc && (e = readdir(proc))) {
		cleanup_free char *comm = NULL;
		struct cps_err err;
		char path[NAME_MAX + 32];
		size_t len;

		if (!isdigit((unsigned char)e->d_name[0]) || !process_has(e->d_name, name))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		if (cps_file_read(AT_FDCWD, path, sizeof(name), &comm, &len, &err) < 0)
			return;
		comm[strcspn(comm, "\n")] = '\0';
		for (char *p = comm; *p; p++)
			if (!isgraph((unsigned char)*p))
				*p = '?';
		(void)snprintf(buf, size, " by %.32s (pid %.16s)", comm, e->d_name);
		return;
	}
}

static int in_use(const struct net_port *p, uint16_t port, int family, struct cps_err *err)
{
	const char *protocol = p->protocol == IPPROTO_UDP ? "udp" : "tcp";
	char table[8], who[192];
	uint64_t inode;

	(void)snprintf(table, sizeof(table), "%s%s", protocol, family == AF_INET6 ? "6" : "");
	inode = inode_find(table, p->protocol, port);
	if (!inode && family == AF_INET) { /* one socket for both families */
		(void)snprintf(table, sizeof(table), "%s6", protocol);
		inode = inode_find(table, p->protocol, port);
	}
	holder_name(inode, who, sizeof(who));
	return cps_failx(err, EADDRINUSE, "port %u/%s: in use on the host%s", port, protocol,
			 who[0] ? who : " by another process");
}

/* Would a bind(2) to this port succeed? */
static int port_try(const struct net_port *p, uint16_t port, int family, struct cps_err *err)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = { .any.sa_family = (sa_family_t)family };
	socklen_t len = family == AF_INET6 ? sizeof(addr.v6) : sizeof(addr.v4);
	bool udp = p->protocol == IPPROTO_UDP;
	cleanup_fd int fd = socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd < 0) /* a kernel without IPv6 */
		return errno == EAFNOSUPPORT ? 0 : cps_fail(err, errno, "open a socket");
	if (family == AF_INET6) {
		addr.v6.sin6_port = htons(port);
		if (p->ip[0])
			(void)inet_pton(AF_INET6, p->ip, &addr.v6.sin6_addr);
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	} else {
		addr.v4.sin_port = htons(port);
		if (p->ip[0])
			(void)inet_pton(AF_INET, p->ip, &addr.v4.sin_addr);
	}
	/* connections that have just ended are nobody's. Of udp it would allow two at one
	 * port */
	if (!udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &addr.any, len) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return in_use(p, port, family, err);
	if (errno == EADDRNOTAVAIL && !p->ip[0])
		return 0; /* IPv6 is switched off */
	if (errno == EADDRNOTAVAIL)
		return cps_failx(err, EADDRNOTAVAIL, "port %u: the host has no address %s", port,
				 p->ip);
	return cps_fail(err, errno, "port %u", port);
}

int net_ports_check_host(const struct net_port *ports, unsigned n, struct cps_err *err)
{
	for (unsigned i = 0; i < n; i++) {
		bool v6 = strchr(ports[i].ip, ':');

		for (unsigned k = 0; k < ports[i].count; k++) {
			uint16_t port = (uint16_t)(ports[i].host + k);
			int rc = v6 ? 0 : port_try(&ports[i], port, AF_INET, err);

			if (rc == 0 && (v6 || !ports[i].ip[0]))
				rc = port_try(&ports[i], port, AF_INET6, err);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}
