/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration that a stranger's image brings along. What must hold: what is accepted can be
 * used without another look.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "image-config.h"

static void check(bool right)
{
	if (!right)
		abort();
}

static void strs_check(const struct sto_strs *s)
{
	check(s->v || s->n == 0);
	for (size_t i = 0; i < s->n; i++)
		check(s->v[i] && strlen(s->v[i]) < 131072);
	check(!s->v || !s->v[s->n]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_image_config c = { 0 };
	struct cps_err err = { 0 };
	int rc = sto_image_config_parse(&a, (const char *)data, size, &c, &err);

	if (rc < 0) {
		check(err.num == -rc && err.msg[0]);
		return 0;
	}
	strs_check(&c.entrypoint);
	strs_check(&c.cmd);
	strs_check(&c.env);
	strs_check(&c.ports);
	strs_check(&c.health.test);
	for (size_t i = 0; i < c.env.n; i++)
		check(strchr(c.env.v[i], '=') > c.env.v[i]);
	for (size_t i = 0; i < c.volumes.n; i++)
		check(sto_is_destination(c.volumes.v[i]));
	for (size_t i = 0; i < c.labels.n; i++)
		check(c.labels.v[i].key && c.labels.v[i].value);
	check(!c.user || !strpbrk(c.user, " \n\t"));
	check(!c.cwd || c.cwd[0] == '/');
	check(!c.health.set || c.health.off || c.health.test.n >= 1);
	return 0;
}
