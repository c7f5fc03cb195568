/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command of `capsule` is: one row of the table in main.c, one file cmd-<verb>.c. A command
 * builds its option table, has it parsed here (which also serves --help), does its work and
 * returns the exit code, or -errno with *err filled; main() reports.
 */
#ifndef SUP_COMMAND_H
#define SUP_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"
#include "opt.h"

enum sup_exit { /* Docker's numbers, so that scripts can tell whose failure it was */
		SUP_EXIT_FAILURE = 125,
		SUP_EXIT_NOT_EXECUTABLE = 126,
		SUP_EXIT_NOT_FOUND = 127,
		SUP_EXIT_UNKNOWN = 255, /* a container or a job has ended, nobody knows how */
};

struct sup_ctx {
	const char *root;	 /* one directory per container */
	const char *data_root;	 /* what outlives them */
	const char *shim;	 /* file to run instead of the one beside us; NULL */
	const char *runtime;	 /* likewise, handed to the shim; NULL */
	struct cps_arena *arena; /* for what lives as long as the command */
	int exit_code; /* of a command that fails; SUP_EXIT_FAILURE unless it knows better */
};

struct sup_command {
	const char *name;
	const char *alias;   /* second name, or NULL */
	const char *usage;   /* what follows the name */
	const char *summary; /* one line */
	enum cps_opt_order order;
	int (*run)(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		   struct cps_err *err);
};

/* A command that is a word before other commands (`network create`): their names hold both words.
 * It is one's `run` that calls this with its table. */
int sup_group_run(struct sup_ctx *ctx, const struct sup_command *self,
		  const struct sup_command *const *commands, size_t n, int argc, char **argv,
		  struct cps_err *err);

bool sup_group_has(const struct sup_command *const *commands, size_t n, const char *word);

struct sup_args {
	char **v; /* NULL-terminated; owned */
	int n;
	bool done; /* --help or --version was served: nothing is left to do */
};

/* Parses argv by the table, which gets --help and --version added, and checks the count of
 * arguments (max < 0: no bound). */
int sup_args_parse(const struct sup_command *self, const struct cps_opt *table, int argc,
		   char **argv, int min, int max, struct sup_args *ret, struct cps_err *err);
void sup_args_done(struct sup_args *args);
void sup_opt_list_done(struct cps_opt_list *list);

#define cleanup_args	 __attribute__((cleanup(sup_args_done)))
#define cleanup_opt_list __attribute__((cleanup(sup_opt_list_done)))

/* Calls `one` for every argument, a container's id or name, whatever failed before; prints each
 * failure but the last, which is returned. */
int sup_args_each(struct sup_ctx *ctx, const struct sup_args *args, const char *verb,
		  int (*one)(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err),
		  void *arg, struct cps_err *err);

/* All that a command does that has no options, and containers (or what `one` takes) as arguments.
 */
int sup_run_each(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		 int (*one)(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err),
		 struct cps_err *err);

/* The ids instead of names, for a command that wants them all at once. */
void sup_args_ids(const struct sup_ctx *ctx, const struct sup_args *args);

/* Option --format of commands that print text or JSON; NULL: text. */
int sup_format_parse(const char *text, bool *ret_json, struct cps_err *err);

/* The failure of a command whose result would have been an exit code that nobody knows. */
int sup_exit_unknown(struct sup_ctx *ctx, struct cps_err *err);

/* A path of the command line for a process with another current directory. */
int sup_path_absolute(const char *path, char ret[PATH_MAX], struct cps_err *err);

/* The grammar of names, before any file is touched. */
int sup_id_check(const char *id, struct cps_err *err);

extern const struct sup_command sup_cmd_attach;
extern const struct sup_command sup_cmd_checkpoint;
extern const struct sup_command sup_cmd_commit;
extern const struct sup_command sup_cmd_container;
extern const struct sup_command sup_cmd_cp;
extern const struct sup_command sup_cmd_create;
extern const struct sup_command sup_cmd_debug;
extern const struct sup_command sup_cmd_delete;
extern const struct sup_command sup_cmd_diff;
extern const struct sup_command sup_cmd_events;
extern const struct sup_command sup_cmd_exec;
extern const struct sup_command sup_cmd_features;
extern const struct sup_command sup_cmd_image;
extern const struct sup_command sup_cmd_inspect;
extern const struct sup_command sup_cmd_jobs;
extern const struct sup_command sup_cmd_kill;
extern const struct sup_command sup_cmd_list;
extern const struct sup_command sup_cmd_log;
extern const struct sup_command sup_cmd_network;
extern const struct sup_command sup_cmd_pause;
extern const struct sup_command sup_cmd_port;
extern const struct sup_command sup_cmd_ps;
extern const struct sup_command sup_cmd_pull;
extern const struct sup_command sup_cmd_push;
extern const struct sup_command sup_cmd_rename;
extern const struct sup_command sup_cmd_restore;
extern const struct sup_command sup_cmd_resume;
extern const struct sup_command sup_cmd_run;
extern const struct sup_command sup_cmd_shim;
extern const struct sup_command sup_cmd_spec;
extern const struct sup_command sup_cmd_start;
extern const struct sup_command sup_cmd_state;
extern const struct sup_command sup_cmd_stats;
extern const struct sup_command sup_cmd_stop;
extern const struct sup_command sup_cmd_system;
extern const struct sup_command sup_cmd_update;
extern const struct sup_command sup_cmd_volume;
extern const struct sup_command sup_cmd_wait;
extern const struct sup_command sup_cmd_top;

#endif
