/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of `image run`: what was asked for, as text. Options stand before the image; or,
 * as the older tool had it, behind the command, beginning with -id (or --name).
 */
#ifndef SUP_RUN_OPTIONS_H
#define SUP_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "command.h"
#include "create.h"
#include "err.h"
#include "opt.h"

struct sup_run {		  /* borrowed from argv; NULL, 0: not given */
	struct sup_create create; /* what `create` has too: log, stop signal, network, ports … */
	const char *id;
	bool detach, terminal, interactive, rm, init, privileged, read_only;
	const char *cwd, *hostname, *user, *entrypoint;
	const char *shares, *cpu, *cpus, *cpuset, *cpuset_mems;
	const char *cpu_quota, *cpu_period, *cpu_rt_runtime, *cpu_rt_period;
	const char *memory, *memory_swap, *memory_reservation;
	const char *pids, *blkio_weight, *shm_size;
	const char *ip, *ip6, *userns;
	struct cps_opt_list env, env_files, labels;
	struct cps_opt_list volumes, mounts, tmpfs, devices;
	struct cps_opt_list cap_add, cap_drop, security, sysctls, ulimits;
	struct cps_opt_list links, aliases, dns, add_hosts;
	struct {
		bool off;
		const char *command, *interval, *timeout, *retries, *start;
	} health;

	const char *image;
	const char *const *words; /* the command; NULL-terminated */
	size_t nwords;
};

#define SUP_RUN_OPTIONS (SUP_CREATE_OPTIONS + 72)

/* Those rows of the option table that are limits of a cgroup; how many they are. */
#define SUP_LIMIT_OPTIONS 17
unsigned sup_limit_rows(struct sup_run *r, struct cps_opt *rows);
/* The rows of the option table, ended by a zero row. */
void sup_run_rows(struct sup_run *run, struct cps_opt rows[SUP_RUN_OPTIONS]);

/* Takes the n arguments, n > 0: the image, the command's words, options behind them. args: where in
 * argv they begin, behind the command's name and the options before the image. Words that a quoted
 * command was split into are in the arena. */
int sup_run_arguments(struct sup_run *run, const struct cps_opt *rows, struct cps_arena *a,
		      char **args, int n, struct cps_err *err);
/* Containers that --link and --network name by their names: by their ids from now on. */
int sup_run_resolve(const struct sup_ctx *ctx, struct sup_run *run, struct cps_arena *a,
		    struct cps_err *err);
void sup_run_done(struct sup_run *run);

#define cleanup_run __attribute__((cleanup(sup_run_done)))

/* The older tool's `-d false`: the word behind a bare -d is its value where an argument would not
 * stand otherwise. at: in argv, not its first. */
bool sup_is_detach_word(char **argv, int at);

#endif
