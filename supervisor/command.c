/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame around every command: its options plus --help and --version, the count of its
 * arguments, the grammar of container names.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "own.h"

#define OPTIONS_MAX 100

static void print_help(const struct sup_command *self, const struct cps_opt *table)
{
	printf("Usage: capsule %s %s\n\n%s.\n", self->name, self->usage, self->summary);
	if (self->alias)
		printf("Also: capsule %s\n", self->alias);
	printf("\nOptions:\n");
	cps_opt_help(table);
}

/* "create" of "network create" */
static const char *last_word(const struct sup_command *command)
{
	const char *space = strrchr(command->name, ' ');

	return space ? space + 1 : command->name;
}

static void group_help(const struct sup_command *self, const struct sup_command *const *commands,
		       size_t n)
{
	printf("Usage: capsule %s COMMAND [ARGUMENT]...\n\n%s.\n\nCommands:\n", self->name,
	       self->summary);
	for (size_t i = 0; i < n; i++)
		printf("  %-8s  %s\n", last_word(commands[i]), commands[i]->summary);
}

static const struct sup_command *group_find(const struct sup_command *const *commands, size_t n,
					    const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(last_word(commands[i]), word) == 0 ||
		    (commands[i]->alias && strcmp(commands[i]->alias, word) == 0))
			return commands[i];
	return NULL;
}

bool sup_group_has(const struct sup_command *const *commands, size_t n, const char *word)
{
	return group_find(commands, n, word) != NULL;
}

int sup_group_run(struct sup_ctx *ctx, const struct sup_command *self,
		  const struct sup_command *const *commands, size_t n, int argc, char **argv,
		  struct cps_err *err)
{
	const struct sup_command *command;

	if (argc < 2)
		return cps_failx(err, EINVAL,
				 "%s: a command is missing; `capsule help %s` lists them",
				 self->name, self->name);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		group_help(self, commands, n);
		return 0;
	}
	command = group_find(commands, n, argv[1]);
	if (command)
		return command->run(ctx, command, argc - 1, argv + 1, err);
	return cps_failx(err, EINVAL, "%s: no such command: '%.60s'; `capsule help %s` lists them",
			 self->name, argv[1], self->name);
}

int sup_args_parse(const struct sup_command *self, const struct cps_opt *table, int argc,
		   char **argv, int min, int max, struct sup_args *ret, struct cps_err *err)
{
	struct cps_opt all[OPTIONS_MAX + 3] = { 0 };
	bool help = false, version = false;
	cleanup_free char **args = NULL;
	char letter = 'h';
	unsigned n = 0;
	int count, rc;

	for (; n < OPTIONS_MAX && table[n].name; n++) {
		all[n] = table[n];
		if (table[n].letter == 'h') /* `image run -h NAME` */
			letter = 0;
	}
	all[n++] = (struct cps_opt){ "help", letter, CPS_OPT_FLAG, &help, NULL, "print this" };
	all[n++] = (struct cps_opt){ "version", 0, CPS_OPT_FLAG, &version, NULL, NULL };

	rc = cps_opt_parse(all, self->order, argc, argv, &args, &count, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", self->name);
	if (help)
		print_help(self, all);
	else if (version)
		printf("capsule %s\n", PACKAGE_VERSION);
	else if (count < min || (max >= 0 && count > max))
		return cps_failx(err, EINVAL, "%s: %s; usage: capsule %s %s", self->name,
				 count < min ? "an argument is missing" : "too many arguments",
				 self->name, self->usage);
	ret->v = take_ptr(&args);
	ret->n = count;
	ret->done = help || version;
	return 0;
}

void sup_args_done(struct sup_args *args)
{
	free(args->v);
	args->v = NULL;
}

void sup_opt_list_done(struct cps_opt_list *list)
{
	free(list->values);
	list->values = NULL;
	list->count = 0;
}

int sup_args_each(struct sup_ctx *ctx, const struct sup_args *args, const char *verb,
		  int (*one)(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err),
		  void *arg, struct cps_err *err)
{
	struct cps_err last = { 0 };
	int failed = 0;

	for (int i = 0; i < args->n; i++) {
		int rc = one(ctx, sup_name_id(ctx, args->v[i]), arg, err);

		if (rc == 0)
			continue;
		if (failed < 0)
			fprintf(stderr, "capsule: %s\n", last.msg);
		failed = cps_wrap(err, rc, "%s %.64s", verb, args->v[i]);
		last = *err;
	}
	*err = last;
	return failed;
}

int sup_run_each(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
		 int (*one)(struct sup_ctx *ctx, const char *id, void *arg, struct cps_err *err),
		 struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const struct cps_opt table[] = { { 0 } };
	int rc = sup_args_parse(self, table, argc, argv, 1, -1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return sup_args_each(ctx, &args, self->name, one, NULL, err);
}

void sup_args_ids(const struct sup_ctx *ctx, const struct sup_args *args)
{
	/* as all words of argv they are not const by type, and nobody writes to them */
	for (int i = 0; i < args->n; i++)
		args->v[i] = (char *)(uintptr_t)sup_name_id(ctx, args->v[i]);
}

int sup_path_absolute(const char *path, char ret[PATH_MAX], struct cps_err *err)
{
	char cwd[PATH_MAX] = "";
	int n;

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return cps_fail(err, errno, "find the current directory");
	n = snprintf(ret, PATH_MAX, "%s%s%s", cwd, cwd[0] ? "/" : "", path);
	if (n < 0 || n >= PATH_MAX)
		return cps_fail(err, ENAMETOOLONG, "'%.60s…'", path);
	return 0;
}

int sup_format_parse(const char *text, bool *ret_json, struct cps_err *err)
{
	if (text && strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
		return cps_failx(err, EINVAL, "--format: '%.40s' is neither text nor json", text);
	*ret_json = text && strcmp(text, "json") == 0;
	return 0;
}

int sup_exit_unknown(struct sup_ctx *ctx, struct cps_err *err)
{
	ctx->exit_code = SUP_EXIT_UNKNOWN;
	return cps_failx(
		err, ECHILD,
		"its exit status is not known: it ended while no shim was there to see it");
}

int sup_id_check(const char *id, struct cps_err *err)
{
	if (cps_is_name(id))
		return 0;
	return cps_failx(err, EINVAL,
			 "'%.80s' is no container's name: 1 to 64 of a-z A-Z 0-9 _ . -, the first "
			 "a letter or a digit",
			 id);
}
