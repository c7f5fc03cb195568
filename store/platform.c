/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Platforms: whose manifest of an index is ours.
 */
#include <config.h>
#include "manifest.h"

#include <errno.h>
#include <string.h>

static const char *host_architecture(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#elif defined(__riscv)
	return "riscv64";
#elif defined(__powerpc64__)
	return "ppc64le";
#elif defined(__s390x__)
	return "s390x";
#elif defined(__i386__)
	return "386";
#elif defined(__arm__)
	return "arm";
#else
	return "unknown";
#endif
}

void sto_platform_host(struct sto_platform *ret)
{
	*ret = (struct sto_platform){ "linux", host_architecture(), NULL };
}

int sto_platform_parse(struct cps_arena *a, const char *text, struct sto_platform *ret,
		       struct cps_err *err)
{
	struct sto_platform p = { 0 };
	char *copy = cps_arena_strdup(a, text);
	char *slash;

	if (!copy)
		return cps_fail(err, ENOMEM, "platform");
	slash = strchr(copy, '/');
	if (!slash || slash == copy || slash[1] == '\0')
		return cps_failx(err, EINVAL,
				 "platform '%.40s': OS/ARCHITECTURE[/VARIANT] is wanted", text);
	*slash = '\0';
	p.os = copy;
	p.architecture = slash + 1;
	slash = strchr(slash + 1, '/');
	if (slash) {
		*slash = '\0';
		p.variant = slash + 1;
	}
	*ret = p;
	return 0;
}

static bool equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

const struct sto_descriptor *sto_index_choose(const struct sto_index *index,
					      const struct sto_platform *platform)
{
	const struct sto_descriptor *plain = NULL;
	bool any = false;

	for (unsigned i = 0; i < index->n; i++) {
		const struct sto_descriptor *d = &index->manifests[i];

		if (!d->os && !d->architecture) {
			plain = plain ? plain : d;
			continue;
		}
		any = true;
		if (equal(d->os, platform->os) && equal(d->architecture, platform->architecture) &&
		    (!platform->variant || equal(d->variant, platform->variant)))
			return d;
	}
	return any ? NULL : plain;
}
