/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint, restore: capsule-criu's work, which takes the whole command line as it is. It is a
 * program of its own because of the library that it needs, and so that who never asks for it does
 * not carry it about.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <unistd.h>

#include "own.h"
#include "program.h"

#define PROGRAM "capsule-criu"

static int hand_over(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		     struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const char *path = NULL;
	int rc = rt_program_find(PROGRAM, g->argv[0], &arena, &path, err);

	(void)argc, (void)ret_status;
	if (rc < 0)
		return cps_wrap(err, rc, "%s", argv[0]);
	(void)execv(path, g->argv);
	return cps_fail(err, errno, "%s: execute '%s'", argv[0], path);
}

const struct rt_command rt_cmd_checkpoint = {
	"checkpoint", "ID", "Write a running container down in files, by CRIU, and delete it.",
	false,	      1,    hand_over,
};

const struct rt_command rt_cmd_restore = {
	"restore",
	"ID",
	"Make a container out of what `checkpoint` wrote down; it goes on running.",
	false,
	1,
	hand_over,
};
