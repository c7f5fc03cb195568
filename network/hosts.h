/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of /etc/hosts, as text; pure.
 *
 * A section is what a network contributes: it is kept in <network>/hosts, the same for all members.
 * Its lines are "ADDRESS\tID [NAME] [HOSTNAME] [ALIAS]...", and comments "# gateway ADDRESS".
 *
 * A base is what a container has of its own, in containers/<id>/hosts.base: lines to be copied, and
 * lines that begin with '@', which are to be filled in: "@ID ALIAS" is a link, "@ NAME" a name of
 * the gateway.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "buf.h"

#define NET_HOSTS_FILE "hosts"
#define NET_HOSTS_BASE "hosts.base"

struct net_hosts_line {
	const char *text; /* of the line, with its newline; not terminated */
	size_t len;
	const char *id; /* within it; not terminated */
	size_t id_len;
};

struct net_section {
	const char *text; /* NUL-terminated; borrowed */
	size_t len;
	struct net_hosts_line *lines; /* by id */
	size_t nlines;
	const char *gateway; /* within text, gateway_len bytes; NULL: none */
	size_t gateway_len;
};

/* Finds the lines of a section; what is no line is not found. -ENOMEM. */
int net_section_parse(const char *text, size_t len, struct cps_arena *a, struct net_section *ret);
/* The first line of an id, *ret_n how many follow each other; NULL: none. */
const struct net_hosts_line *net_section_find(const struct net_section *s, const char *id,
					      size_t id_len, size_t *ret_n);
/* A container's file: its own lines come before the others'. */
void net_hosts_compose(const char *base, const char *id, const struct net_section *sections,
		       size_t n, struct cps_buf *ret);

#endif
