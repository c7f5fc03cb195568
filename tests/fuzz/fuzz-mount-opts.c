/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount options, one a line. What must hold: the kernel would take the flags (nothing is both set
 * and cleared, atime modes as it wants them), and data is bounded and ends in a NUL.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "mount-opts.h"

#define OPTIONS_MAX 256

static void check(bool right)
{
	if (!right)
		abort();
}

static void check_attr(uint64_t set, uint64_t clr)
{
	check((set & clr & ~(uint64_t)MOUNT_ATTR__ATIME) == 0);
	if (set & MOUNT_ATTR__ATIME)
		check((clr & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
	check((set & MOUNT_ATTR__ATIME) != MOUNT_ATTR__ATIME);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *v[OPTIONS_MAX + 1] = { NULL };
	struct rt_strs options = { 0, v };
	char *text = malloc(size + 1), *rest = text;
	struct rt_mount_opts o;
	struct cps_err err = { 0 };
	int rc;

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	while (rest && options.n < OPTIONS_MAX)
		v[options.n++] = strsep(&rest, "\n");
	rc = rt_mount_opts_parse(&options, &o, &err);
	if (rc < 0) {
		check(err.num == -rc && err.msg[0]);
	} else {
		check(memchr(o.data, '\0', sizeof(o.data)));
		check(o.nprop <= RT_MOUNT_PROP_MAX);
		check_attr(o.attr_set, o.attr_clr);
		check_attr(o.rattr_set, o.rattr_clr);
	}
	free(text);
	return 0;
}
