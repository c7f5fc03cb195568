/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json from anybody: what is taken must be whole, and what is refused must say why in one
 * line.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "spec.h"

static void check(bool right)
{
	if (!right)
		abort();
}

static void check_taken(const struct rt_spec *spec)
{
	size_t i;

	check(spec->oci_version && spec->root_path && spec->root_path[0] == '/');
	check(!spec->has_process || (spec->process.args.n > 0 && spec->process.cwd[0] == '/'));
	for (i = 0; i < spec->nmounts; i++)
		check(spec->mounts[i].destination[0] == '/');
	for (i = 0; i < spec->process.env.n; i++)
		check(strchr(spec->process.env.v[i], '=') > spec->process.env.v[i]);
	for (i = 0; i < spec->nsysctl; i++)
		check(!strstr(spec->sysctl[i].key, "..") && !strstr(spec->sysctl[i].key, "./"));
	for (i = 0; i < spec->masked_paths.n; i++)
		check(spec->masked_paths.v[i][0] == '/' && spec->ns[RT_NS_MOUNT].wanted);
	for (i = 0; i < spec->nuid_maps; i++)
		check(spec->ns[RT_NS_USER].wanted && spec->uid_maps[i].size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rt_warn warn;
	struct cps_arena a = CPS_ARENA_INIT;
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	uint32_t pos = 0;
	int rc;

	memset(&warn, 0, sizeof(warn));
	warn.debug = true;
	rc = rt_spec_parse(&a, (const char *)data, size, "/bundle", &warn, &spec, &err);
	if (rc == 0)
		check_taken(spec);
	else
		check(!spec && err.num == -rc && strncmp(err.msg, "config.json: ", 13) == 0);
	while (rt_warn_next(&warn, &pos))
		;
	cps_arena_done(&a);
	return 0;
}
