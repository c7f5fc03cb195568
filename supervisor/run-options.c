/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table of `image run`, and where its options may stand.
 */
#include <config.h>

#include "run-options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"
#include "words.h"

static unsigned rows_add(struct cps_opt *to, const struct cps_opt *from, size_t size)
{
	memcpy(to, from, size);
	return (unsigned)(size / sizeof(*from));
}

static unsigned process_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "id", 0, CPS_OPT_STR, &r->id, "ID", "the container's name (a new one)" },
		{ "name", 0, CPS_OPT_STR, &r->id, "ID", "the same" },
		{ "detach", 'd', CPS_OPT_FLAG, &r->detach, NULL,
		  "return once it runs; output goes to the log alone" },
		{ "tty", 't', CPS_OPT_FLAG, &r->terminal, NULL, "give it a terminal" },
		{ "interactive", 'i', CPS_OPT_FLAG, &r->interactive, NULL,
		  "our standard input is its own (-it: joined)" },
		{ "rm", 0, CPS_OPT_FLAG, &r->rm, NULL, "delete it at its end" },
		{ "init", 0, CPS_OPT_FLAG, &r->init, NULL,
		  "a first process that passes signals on and reaps" },
		{ "cwd", 0, CPS_OPT_STR, &r->cwd, "DIR", "its current directory (the image's)" },
		{ "workdir", 'w', CPS_OPT_STR, &r->cwd, "DIR", "the same" },
		{ "env", 'e', CPS_OPT_LIST, &r->env, "K=V", "add to its environment" },
		{ "env-file", 0, CPS_OPT_LIST, &r->env_files, "FILE", "likewise, a line each" },
		{ "entrypoint", 0, CPS_OPT_STR, &r->entrypoint, "PROGRAM",
		  "instead of the image's" },
		{ "user", 'u', CPS_OPT_STR, &r->user, "USER",
		  "name, uid, uid:gid or name:group (the image's)" },
		{ "hostname", 'h', CPS_OPT_STR, &r->hostname, "NAME", "its host name (the id)" },
		{ "label", 'l', CPS_OPT_LIST, &r->labels, "K=V", "kept with it" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

unsigned sup_limit_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "cpushare", 'c', CPS_OPT_STR, &r->shares, "N",
		  "its weight against others (1024)" },
		{ "cpu-shares", 0, CPS_OPT_STR, &r->shares, "N", NULL },
		{ "cpu", 0, CPS_OPT_STR, &r->cpu, "N",
		  "microseconds of each 100000 (10000 to 100000)" },
		{ "cpus", 0, CPS_OPT_STR, &r->cpus, "N", "processors' worth of time: 0.5" },
		{ "cpuset", 0, CPS_OPT_STR, &r->cpuset, "LIST", "processors it may use: 0-2,4" },
		{ "cpuset-cpus", 0, CPS_OPT_STR, &r->cpuset, "LIST", NULL },
		{ "cpuset-mems", 0, CPS_OPT_STR, &r->cpuset_mems, "LIST",
		  "memory nodes it may use" },
		{ "cpu-quota", 0, CPS_OPT_STR, &r->cpu_quota, "N",
		  "microseconds of each period (-1: any)" },
		{ "cpu-period", 0, CPS_OPT_STR, &r->cpu_period, "N", "how long that is (100000)" },
		{ "cpu-rt-runtime", 0, CPS_OPT_STR, &r->cpu_rt_runtime, "N",
		  "microseconds for real-time processes" },
		{ "cpu-rt-period", 0, CPS_OPT_STR, &r->cpu_rt_period, "N", "of each as many" },
		{ "memory", 'm', CPS_OPT_STR, &r->memory, "BYTES", "limit: 100m, 1g (0: none)" },
		{ "mem", 0, CPS_OPT_STR, &r->memory, "BYTES", NULL },
		{ "memory-swap", 0, CPS_OPT_STR, &r->memory_swap, "BYTES",
		  "memory and swap together (-1: no limit)" },
		{ "memory-reservation", 0, CPS_OPT_STR, &r->memory_reservation, "BYTES",
		  "what it is left with when memory is short" },
		{ "pids-limit", 0, CPS_OPT_STR, &r->pids, "N", "processes at most (-1: any)" },
		{ "blkio-weight", 0, CPS_OPT_STR, &r->blkio_weight, "N",
		  "weight of its block I/O (10 to 1000)" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

static unsigned resource_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "shm-size", 0, CPS_OPT_STR, &r->shm_size, "BYTES", "of /dev/shm (64m)" },
		{ "ulimit", 0, CPS_OPT_LIST, &r->ulimits, "NAME=SOFT[:HARD]",
		  "nofile, nproc, core, …" },
		{ "sysctl", 0, CPS_OPT_LIST, &r->sysctls, "K=V", "a parameter of its kernel" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

static unsigned file_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "volume", 'v', CPS_OPT_LIST, &r->volumes, "DIR|HOST:DIR[:ro]|NAME:DIR",
		  "a new volume, a directory of the host, or a volume" },
		{ "mount", 0, CPS_OPT_LIST, &r->mounts, "type=…,src=…,dst=…[,ro]",
		  "bind, volume or tmpfs, spelled out" },
		{ "tmpfs", 0, CPS_OPT_LIST, &r->tmpfs, "DIR[:OPTIONS]", "files in memory" },
		{ "device", 0, CPS_OPT_LIST, &r->devices, "HOST[:PATH[:rwm]]",
		  "a device of the host" },
		{ "read-only", 0, CPS_OPT_FLAG, &r->read_only, NULL,
		  "it cannot write to its root file system" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

static unsigned privilege_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "cap-add", 0, CPS_OPT_LIST, &r->cap_add, "CAP", "add a capability (ALL)" },
		{ "cap-drop", 0, CPS_OPT_LIST, &r->cap_drop, "CAP", "drop one (ALL)" },
		{ "privileged", 0, CPS_OPT_FLAG, &r->privileged, NULL,
		  "all capabilities and devices, nothing masked" },
		{ "security-opt", 0, CPS_OPT_LIST, &r->security, "OPTION",
		  "no-new-privileges, seccomp=unconfined, seccomp=FILE" },
		{ "userns", 0, CPS_OPT_STR, &r->userns, "auto|host",
		  "auto: user ids of its own (host)" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

static unsigned network_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "ip", 0, CPS_OPT_STR, &r->ip, "ADDRESS", "its address in the network" },
		{ "ip6", 0, CPS_OPT_STR, &r->ip6, "ADDRESS", "likewise" },
		{ "link", 0, CPS_OPT_LIST, &r->links, "ID:ALIAS",
		  "it knows that container by this name" },
		{ "network-alias", 0, CPS_OPT_LIST, &r->aliases, "NAME",
		  "a further name of it in the network" },
		{ "dns", 0, CPS_OPT_LIST, &r->dns, "ADDRESS", "name servers (the host's)" },
		{ "add-host", 0, CPS_OPT_LIST, &r->add_hosts, "NAME:ADDRESS",
		  "a line of its /etc/hosts" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

static unsigned health_rows(struct sup_run *r, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "health-cmd", 0, CPS_OPT_STR, &r->health.command, "COMMAND",
		  "a shell's command that tells whether it is well" },
		{ "health-interval", 0, CPS_OPT_STR, &r->health.interval, "TIME",
		  "between two of them (30s)" },
		{ "health-timeout", 0, CPS_OPT_STR, &r->health.timeout, "TIME",
		  "how long one may take (30s)" },
		{ "health-retries", 0, CPS_OPT_STR, &r->health.retries, "N",
		  "failures in a row that count (3)" },
		{ "health-start-period", 0, CPS_OPT_STR, &r->health.start, "TIME",
		  "in which failures do not count (0)" },
		{ "no-healthcheck", 0, CPS_OPT_FLAG, &r->health.off, NULL, "not even the image's" },
	};

	return rows_add(rows, mine, sizeof(mine));
}

void sup_run_rows(struct sup_run *run, struct cps_opt rows[SUP_RUN_OPTIONS])
{
	unsigned n = process_rows(run, rows);

	n += file_rows(run, rows + n);
	n += network_rows(run, rows + n);
	n += sup_limit_rows(run, rows + n);
	n += resource_rows(run, rows + n);
	n += privilege_rows(run, rows + n);
	n += health_rows(run, rows + n);
	n += sup_create_rows(&run->create, rows + n);
	rows[n] = (struct cps_opt){ 0 };
}

void sup_run_done(struct sup_run *run)
{
	struct cps_opt_list *const lists[] = {
		&run->env,	&run->env_files, &run->labels,	&run->volumes,
		&run->mounts,	&run->tmpfs,	 &run->devices, &run->cap_add,
		&run->cap_drop, &run->security,	 &run->sysctls, &run->ulimits,
		&run->links,	&run->aliases,	 &run->dns,	&run->add_hosts,
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		sup_opt_list_done(lists[i]);
	sup_create_done(&run->create);
}

bool sup_is_detach_word(char **argv, int at)
{
	static const char *const spellings[] = { "-d", "--d", "-detach", "--detach" };

	if (strcmp(argv[at], "false") != 0 && strcmp(argv[at], "true") != 0)
		return false;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		if (strcmp(argv[at - 1], spellings[i]) == 0)
			return true;
	return false;
}

/* -id, --id, -id=x, --id=x, --name, --name=x. A single dash before "name" is find(1)'s. */
static bool begins_options(const char *arg)
{
	static const char *const spellings[] = { "-id", "--id", "--name" };

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		size_t len = strlen(spellings[i]);

		if (strncmp(arg, spellings[i], len) == 0 && (!arg[len] || arg[len] == '='))
			return true;
	}
	return false;
}

/* Options behind the command; args[0] stands where a program's name would. */
static int trailing_parse(struct sup_run *run, const struct cps_opt *rows, char **args, int n,
			  struct cps_err *err)
{
	cleanup_free char **left = NULL;
	int nleft = 0, at = 0;
	int rc = cps_opt_parse(rows, CPS_OPT_ANYWHERE, n, args, &left, &nleft, err);

	if (rc < 0)
		return rc;
	for (int i = 0; i < nleft; i++) {
		while (args[at] != left[i])
			at++;
		if (!sup_is_detach_word(args, at))
			return cps_failx(err, EINVAL,
					 "'%.40s' stands among the options behind the command",
					 left[i]);
		run->detach = strcmp(left[i], "true") == 0;
	}
	return 0;
}

/* Where the options behind the command begin; n: there are none. Behind a quoted command, whose
 * words are all in one argument, any option may be the first. */
static int command_end(char **args, int n)
{
	int end = 1;

	if (n > 2 && sup_words_wanted(args[1]) && args[2][0] == '-')
		return 2;
	while (end < n && !begins_options(args[end]))
		end++;
	return end;
}

int sup_run_arguments(struct sup_run *run, const struct cps_opt *rows, struct cps_arena *a,
		      char **args, int n, struct cps_err *err)
{
	const char **words = NULL;
	int end = n, rc;

	run->image = args[0];
	/* once it is named, what follows is the command's, whatever it looks like */
	if (!run->id)
		end = command_end(args, n);
	if (end < n) {
		rc = trailing_parse(run, rows, args + end - 1, n - end + 1, err);
		if (rc < 0)
			return rc;
	}
	run->nwords = (size_t)end - 1;
	words = cps_arena_array(a, run->nwords + 1, sizeof(*words));
	if (!words)
		return cps_fail(err, ENOMEM, "options");
	for (size_t i = 0; i < run->nwords; i++)
		words[i] = args[i + 1];
	if (run->nwords == 1 && sup_words_wanted(words[0])) {
		rc = sup_words_split(a, words[0], &words, &run->nwords, err);
		if (rc < 0)
			return rc;
	}
	run->words = words;
	return 0;
}
