/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule-criu: checkpoint and restore, for capsule-runtime, which executes it with its own command
 * line. A program of its own, so that who creates containers need not load what this one is made
 * of.
 */
#include <config.h>

#include <stddef.h>

#include "commands.h"
#include "program.h"

static const struct rt_command *const commands[] = { &criu_cmd_checkpoint, &criu_cmd_restore,
						     &criu_cmd_serve, NULL };

int main(int argc, char **argv)
{
	return rt_program(commands, argc, argv);
}
