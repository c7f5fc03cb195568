/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: the files hosts, hostname and resolv.conf of a container, which are mounted over those of
 * its /etc. They lie in containers/<id>/.
 *
 * hosts has, in this order: localhost, what --add-host said, the container's own lines, its links,
 * and everybody of its networks, a line for each address: address, id, name, hostname, aliases.
 * When somebody joins or leaves, the files of all members are written anew, into the same inodes.
 *
 * Values come from a command line, and land in files of lines: each is checked here, and refused if
 * it could be anything but one word.
 */
#ifndef NET_NAMES_H
#define NET_NAMES_H

#include <stdbool.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

struct net;
struct net_dir;
struct net_network;
struct net_options;

#define NET_HOSTNAME_MAX 64  /* of the container's own; the kernel's limit */
#define NET_HOST_MAX	 253 /* of any other name */

/* Makes the three files in containers/<id>/. o->network tells which they are: "host" has the host's
 * name servers and hosts, "none" knows only itself. EINVAL: one of o's names or addresses is none;
 * the message names it. */
int net_names_prepare(int container_dir, const char *id, const struct net_options *o,
		      struct cps_err *err);

/* Checks what net_names_prepare() would refuse; pure. */
int net_names_check(const struct net_options *o, struct cps_err *err);

/* Somebody (`changed`) has joined this network, or has left it; under its lock, after that is
 * written down. A failure with the file of `changed` is one; others are left as they are if they
 * cannot be written. */
int net_names_update(const struct net *n, const struct net_dir *d,
		     const struct net_network *network, const char *changed, struct cps_err *err);

/* RFC 1123: labels of letters, digits and, within, '-', 63 at the most each; max in all. */
bool net_is_hostname(const char *text, size_t max);

/* Pure. The resolv.conf of a container: the host's, `text`, or these name servers instead of its
 * own. Those on the host's loopback are left out unless `host` (it has the host's network); if none
 * is left, public ones stand in. *ret_left_out: how many were. */
void net_resolv_write(const char *text, const char *const *dns, unsigned ndns, bool host,
		      struct cps_buf *ret, unsigned *ret_left_out);

#endif
