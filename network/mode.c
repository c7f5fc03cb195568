/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a network's word means.
 */
#include <config.h>

#include "mode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "network.h"
#include "opt.h"

#define CONTAINER "container:"

int net_mode_parse(const char *word, struct net_mode *ret, struct cps_err *err)
{
	struct net_mode m = { NET_MODE_NETWORK, NET_DEFAULT };
	const size_t len = sizeof(CONTAINER) - 1;

	if (word && strcmp(word, "host") == 0)
		m = (struct net_mode){ NET_MODE_HOST, NULL };
	else if (word && strcmp(word, "none") == 0)
		m = (struct net_mode){ NET_MODE_NONE, NULL };
	else if (word && strncmp(word, CONTAINER, len) == 0)
		m = (struct net_mode){ NET_MODE_CONTAINER, word + len };
	else if (word && strcmp(word, "bridge") != 0 && strcmp(word, "default") != 0)
		m.name = word;
	if (m.name && !cps_is_name(m.name))
		return cps_failx(err, EINVAL, "'%.80s' is no %s", word,
				 m.kind == NET_MODE_CONTAINER ? "container:ID" : "network's name");
	*ret = m;
	return 0;
}

bool net_mode_is_reserved(const char *name)
{
	static const char *const words[] = { "host", "none", "bridge", "default", "container" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

void net_mode_namespaces(const struct net_mode *m, pid_t other, bool other_has_user,
			 struct net_namespaces *ret)
{
	struct net_namespaces ns = { .network = m->kind != NET_MODE_HOST };

	if (m->kind == NET_MODE_CONTAINER) {
		(void)snprintf(ns.network_path, sizeof(ns.network_path), "/proc/%d/ns/net",
			       (int)other);
		if (other_has_user)
			(void)snprintf(ns.user_path, sizeof(ns.user_path), "/proc/%d/ns/user",
				       (int)other);
	}
	*ret = ns;
}
