/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.json of an exec, as a whole document and as a patch over the container's own process.
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

static void run(const uint8_t *data, size_t size, const struct rt_process *base)
{
	struct cps_arena a = CPS_ARENA_INIT;
	const struct rt_process *p = NULL;
	struct cps_err err = { 0, "" };
	size_t i;
	int rc;

	rc = rt_process_parse(&a, (const char *)data, size, base, NULL, &p, &err);
	if (rc < 0) {
		check(!p && err.num == -rc && strncmp(err.msg, "process: ", 9) == 0);
	} else {
		check(p->args.n > 0 && !p->args.v[p->args.n] && p->cwd[0] == '/');
		check(!base || p->env.n >= base->env.n);
		check(base || !p->user.name);
		for (i = 0; i < p->env.n; i++)
			check(strchr(p->env.v[i], '=') > p->env.v[i]);
	}
	cps_arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *env[] = { "PATH=/bin", "A=1", NULL };
	static const struct rt_process base = { .cwd = "/", .env = { 2, env } };

	run(data, size, NULL);
	run(data, size, &base);
	return 0;
}
