/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill: send a signal to a container's first process, or to all of its processes.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <string.h>

#include "container.h"
#include "own.h"
#include "proc.h"

static int cmd_kill(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		    struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_free char **args = NULL;
	bool all = false;
	const struct cps_opt table[] = {
		{ "all", 'a', CPS_OPT_FLAG, &all, NULL, "signal every process of the container" },
		{ 0 },
	};
	const char *name;
	int count, rc, signal;

	rc = rt_command_parse(&rt_cmd_kill, table, argc, argv, 1, 2, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	name = count > 1 ? args[1] : "SIGTERM";
	/* 0 only asks whether somebody is there to take a signal, as kill(2) has it */
	if (strcmp(name, "0") == 0)
		signal = 0;
	else if (cps_signal_parse(name, &signal) < 0)
		return cps_failx(err, EINVAL, "unknown signal '%s'", name);
	rc = rt_container_open(g->root, args[0], &arena, &c, err);
	if (rc == 0)
		rc = rt_container_kill(&c, signal, all, err);
	*ret_status = 0;
	return rc;
}

const struct rt_command rt_cmd_kill = {
	"kill", "ID [SIGNAL]", "Send a signal (default SIGTERM) to a container.", false,
	1,	cmd_kill,
};
