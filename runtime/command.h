/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of capsule-runtime: one file each, one line each in main.c's table.
 */
#ifndef RT_COMMAND_H
#define RT_COMMAND_H

#include <stdbool.h>

#include "ctx.h"
#include "err.h"
#include "opt.h"

#define RT_SPEC_VERSION "1.3.0"

struct rt_container;

struct rt_globals {
	const char *root; /* absolute */
	bool root_given;  /* by --root, and not our own default */
	enum rt_rootless rootless;
	const char *systemd_for; /* argv[0], if --systemd-cgroup is given; else NULL */
	bool no_cgroup;		 /* --cgroup-manager disabled */
	const char *criu;	 /* --criu, or NULL */
	char **argv;		 /* all that we were called with */
	bool debug;
};

struct rt_command {
	const char *name;
	const char *args; /* for the help */
	const char *help;
	/* Starts processes that a container could look into: run it from a protected copy (D6). */
	bool spawns;
	int failure; /* exit status of an error: runc's is 1, and 255 for exec */
	/* argv[0] is the command's name. *ret_status is the exit status of a success. */
	int (*run)(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		   struct cps_err *err);
};

extern const struct rt_command rt_cmd_create, rt_cmd_start, rt_cmd_run, rt_cmd_state, rt_cmd_kill,
	rt_cmd_delete, rt_cmd_exec, rt_cmd_list, rt_cmd_ps, rt_cmd_spec, rt_cmd_features,
	rt_cmd_serve, rt_cmd_debug, rt_cmd_pause, rt_cmd_resume, rt_cmd_update, rt_cmd_events,
	rt_cmd_checkpoint, rt_cmd_restore;

/* Parses a command's options, which end at its first argument in exec and ps, and nowhere else.
 * With --help the help is printed and *ret_args is NULL: done. Otherwise between min and max
 * arguments, caller-freed. */
int rt_command_parse(const struct rt_command *cmd, const struct cps_opt *table, int argc,
		     char **argv, int min, int max, char ***ret_args, int *ret_count,
		     struct cps_err *err);

/* A command without options that does one thing to one container, which it is given open. */
int rt_command_container(const struct rt_command *cmd, const struct rt_globals *g, int argc,
			 char **argv, int (*act)(struct rt_container *c, struct cps_err *err),
			 int *ret_status, struct cps_err *err);

/* The options of create and run. */
struct rt_create_options {
	struct rt_request req;
	const char *bundle, *pid_file;
	const char *systemd_for;
	int64_t preserve_fds;
	bool detach, no_subreaper, keep;
};

#define RT_CREATE_OPTIONS 8

void rt_create_options_init(struct rt_create_options *o, const struct rt_globals *g);
/* The rows that `create` and `run` share, and how many those are. */
unsigned rt_create_options_rows(struct rt_create_options *o, struct cps_opt *rows);
/* After parsing: absolute paths, the id. Strings live in the arena. */
int rt_create_options_finish(struct rt_create_options *o, const char *id, struct cps_arena *a,
			     struct cps_err *err);
/* An absolute form of path, in the arena. */
int rt_path_absolute(const char *path, struct cps_arena *a, const char **ret, struct cps_err *err);
/* Logs the warnings of a success. */
void rt_command_warnings(const struct rt_ctx *ctx);

#endif
