/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.sysctl: kernel parameters of the container's own namespaces. Anything else would be the
 * host's, and is refused.
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <string.h>

/* In sysctl(8)'s notation the first separator decides: in "net/ipv4/conf/eth0.1/x" dots are part
 * of names. Returns the key with dots between components, slashes for dots within. */
static const char *key_normal(const struct rt_spec_in *in, const char *key)
{
	const char *first = strpbrk(key, "./");
	char *copy, *at;

	if (!first || *first == '.')
		return key;
	copy = cps_arena_strdup(in->arena, key);
	for (at = copy; at && *at; at++) {
		if (*at == '/')
			*at = '.';
		else if (*at == '.')
			*at = '/';
	}
	return copy;
}

/* At least two components, each of harmless characters and none that climbs. */
static bool is_key(const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:@/";
	unsigned parts = 0;

	for (;; key++) {
		size_t len = strspn(key, plain);

		if (len == 0 || key[0] == '/' || key[len - 1] == '/' || strncmp(key, "//", 2) == 0)
			return false;
		parts++;
		key += len;
		if (*key == '\0')
			return parts >= 2;
		if (*key != '.')
			return false;
	}
}

int rt_spec_sysctl(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		   struct cps_err *err)
{
	const struct rt_key_value *pairs;
	struct rt_spec *spec = field;
	const struct cps_json *child;
	struct rt_key_value *out;
	size_t i = 0;
	int rc;

	rc = rt_spec_map(in, node, &spec->nsysctl, &pairs, err);
	if (rc < 0)
		return rc;
	out = cps_arena_array(in->arena, spec->nsysctl + 1, sizeof(*out));
	if (!out)
		return rt_spec_no_memory(node, err);
	for (child = node->first; child; child = child->next, i++) {
		out[i].value = pairs[i].value;
		out[i].key = key_normal(in, pairs[i].key);
		if (!out[i].key)
			return rt_spec_no_memory(node, err);
		if (!is_key(out[i].key) || strstr(out[i].key, "//"))
			return cps_json_fail(child, EINVAL, err, "not the name of a sysctl");
		if (strchr(out[i].value, '\n'))
			return cps_json_fail(child, EINVAL, err, "more than one line");
	}
	spec->sysctl = out;
	return 0;
}

/* The namespace that a parameter belongs to; RT_NS_COUNT: none, it is the host's. */
static enum rt_ns sysctl_ns(const char *key)
{
	static const struct {
		const char *key;
		enum rt_ns ns;
		bool prefix;
	} owned[] = {
		{ "net.", RT_NS_NET, true },
		{ "fs.mqueue.", RT_NS_IPC, true },
		{ "kernel.auto_msgmni", RT_NS_IPC, false },
		{ "kernel.msg_next_id", RT_NS_IPC, false },
		{ "kernel.msgmax", RT_NS_IPC, false },
		{ "kernel.msgmnb", RT_NS_IPC, false },
		{ "kernel.msgmni", RT_NS_IPC, false },
		{ "kernel.sem", RT_NS_IPC, false },
		{ "kernel.sem_next_id", RT_NS_IPC, false },
		{ "kernel.shm_next_id", RT_NS_IPC, false },
		{ "kernel.shm_rmid_forced", RT_NS_IPC, false },
		{ "kernel.shmall", RT_NS_IPC, false },
		{ "kernel.shmmax", RT_NS_IPC, false },
		{ "kernel.shmmni", RT_NS_IPC, false },
		{ "kernel.domainname", RT_NS_UTS, false },
		{ "kernel.hostname", RT_NS_UTS, false },
		{ "user.", RT_NS_USER, true },
	};
	size_t i;

	for (i = 0; i < sizeof(owned) / sizeof(owned[0]); i++) {
		size_t len = strlen(owned[i].key);

		if (strncmp(key, owned[i].key, len) == 0 && (owned[i].prefix || !key[len]))
			return owned[i].ns;
	}
	return RT_NS_COUNT;
}

int rt_spec_check_sysctl(const struct rt_spec *spec, const struct cps_json *top,
			 struct cps_err *err)
{
	static const char *const names[RT_NS_COUNT] = {
		[RT_NS_NET] = "network",
		[RT_NS_IPC] = "ipc",
		[RT_NS_UTS] = "uts",
		[RT_NS_USER] = "user",
	};
	const struct cps_json *node = cps_json_get(cps_json_get(top, "linux"), "sysctl");
	size_t i;

	for (i = 0; i < spec->nsysctl; i++) {
		const char *key = spec->sysctl[i].key;
		enum rt_ns ns = sysctl_ns(key);

		if (ns == RT_NS_COUNT)
			return cps_json_fail(node, EINVAL, err,
					     "'%s' is the host's, in no namespace", key);
		if (!spec->ns[ns].wanted)
			return cps_json_fail(node, EINVAL, err,
					     "'%s' needs a %s namespace in linux.namespaces", key,
					     names[ns]);
		if (strcmp(key, "kernel.hostname") == 0)
			return cps_json_fail(node, EINVAL, err,
					     "'%s' is not allowed, 'hostname' says it", key);
		if (spec->domainname && strcmp(key, "kernel.domainname") == 0 &&
		    strcmp(spec->domainname, spec->sysctl[i].value) != 0)
			return cps_json_fail(node, EINVAL, err, "'%s' contradicts 'domainname'",
					     key);
	}
	return 0;
}
