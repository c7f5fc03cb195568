/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared buffers, see scratch.h.
 */
#include <config.h>
#include "scratch.h"

#include <errno.h>
#include <sys/mman.h>

#define SCRATCH_SIZE (SHIM_SCRATCH_CHUNK + SHIM_SCRATCH_BATCH)

int shim_scratch_init(struct shim_scratch *s, struct cps_err *err)
{
	char *p = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED)
		return cps_fail(err, errno, "map the buffers");
	s->chunk = p;
	s->batch = p + SHIM_SCRATCH_CHUNK;
	return 0;
}

void shim_scratch_done(struct shim_scratch *s)
{
	if (s->chunk)
		(void)munmap(s->chunk, SCRATCH_SIZE);
	s->chunk = NULL;
	s->batch = NULL;
}

void shim_scratch_trim(struct shim_scratch *s)
{
	(void)madvise(s->chunk, SCRATCH_SIZE, MADV_DONTNEED); /* at worst the pages stay */
}
