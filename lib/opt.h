/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: long options with one dash or two (-exec, --exec, -id=x), short ones of one
 * letter, tables per command that also print the help, so that help cannot differ from truth.
 */
#ifndef CPS_OPT_H
#define CPS_OPT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum cps_opt_kind {
	CPS_OPT_FLAG, /* bool *: -d, -d=false, --detach=true */
	CPS_OPT_STR,  /* const char **: the last one wins */
	CPS_OPT_LIST, /* struct cps_opt_list *: repeatable */
	CPS_OPT_SIZE, /* uint64_t *: bytes, 10m, 1g, 512k (powers of 1024) */
	CPS_OPT_NUM,  /* int64_t *: a whole decimal number >= 0 */
};

struct cps_opt_list {
	unsigned count;
	const char **values; /* owned; strings borrowed from argv */
};

struct cps_opt {
	const char *name; /* long name without dashes: "log-driver" */
	char letter;	  /* or 0 */
	enum cps_opt_kind kind;
	void *value;	  /* where it goes, by kind */
	const char *arg;  /* for the help: "DIR"; NULL for flags */
	const char *help; /* one line; NULL: a hidden alias */
};

enum cps_opt_order {
	CPS_OPT_ANYWHERE,   /* options before, between and behind the arguments; "--" ends them */
	CPS_OPT_FIRST_ONLY, /* the first argument ends the options (global options) */
	CPS_OPT_THEN_ONE, /* options around the first argument; the second argument ends them (exec
			   * ID CMD…: what follows CMD is the container's) */
};

/* Parses argv[1..argc). Fills *ret_args with a NULL-terminated, caller-freed array of arguments
 * (strings borrowed from argv) and their count. Unknown option, missing or bad value: EINVAL, the
 * message names it. Ends table at name == NULL. */
int cps_opt_parse(const struct cps_opt *table, enum cps_opt_order order, int argc, char **argv,
		  char ***ret_args, int *ret_count, struct cps_err *err);

/* Prints the options as two aligned columns to stdout. */
void cps_opt_help(const struct cps_opt *table);

int cps_size_parse(const char *text, uint64_t *ret_bytes); /* 0 or -EINVAL; -ERANGE */
/* A whole decimal number within [min, max]; 0, -EINVAL or -ERANGE. */
int cps_num_parse(const char *text, int64_t min, int64_t max, int64_t *ret);
/* Is word one of the words of "cpu,cpuacct"? */
bool cps_list_has(const char *list, const char *word);
/* D18: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,63} */
bool cps_is_name(const char *text);

#endif
