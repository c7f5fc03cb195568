/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See rootless.h.
 */
#include <config.h>

#include "rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "file.h"
#include "own.h"

int rt_rootless_parse(const char *text, enum rt_rootless *ret, struct cps_err *err)
{
	if (!text || strcmp(text, "auto") == 0)
		*ret = RT_ROOTLESS_AUTO;
	else if (strcmp(text, "true") == 0)
		*ret = RT_ROOTLESS_YES;
	else if (strcmp(text, "false") == 0)
		*ret = RT_ROOTLESS_NO;
	else
		return cps_failx(err, EINVAL, "--rootless '%s': there are auto, true and false",
				 text);
	return 0;
}

bool rt_is_unprivileged(void)
{
	return getauxval(AT_EUID) != 0;
}

bool rt_is_rootless(enum rt_rootless said)
{
	cleanup_free char *text = NULL;
	unsigned inside, outside, size;
	struct cps_err ignored;
	size_t len;

	if (said != RT_ROOTLESS_AUTO)
		return said == RT_ROOTLESS_YES;
	if (rt_is_unprivileged())
		return true;
	if (cps_file_read(AT_FDCWD, "/proc/self/uid_map", 65536, &text, &len, &ignored) < 0)
		return false;
	return sscanf(text, "%u %u %u", &inside, &outside, &size) != 3 || inside || outside ||
	       size != UINT32_MAX;
}
