/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a container's directory, as a crash or a stranger may leave them.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>

#include "store.h"

typedef int parse_fn(struct cps_arena *a, const char *text, size_t len, struct sup_container *c,
		     struct cps_err *err);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse_fn *const parsers[] = { sup_state_parse, sup_shim_parse, sup_exit_parse };

	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct sup_container c = { 0 };
		struct cps_err err = { 0 };
		int rc = parsers[i](&a, (const char *)data, size, &c, &err);

		if (rc < 0 && (err.num != -rc || err.msg[0] == '\0'))
			abort();
		if (rc < 0 && (c.state_json || c.shim_json || c.exit_json))
			abort(); /* a damaged file is not to be used */
		if (c.init.pid < 0 || c.shim.pid < 0)
			abort();
	}
	return 0;
}
