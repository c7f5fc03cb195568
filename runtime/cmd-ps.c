/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: the processes of a container, by its cgroup. As JSON their ids; as a table the lines that the
 * host's ps(1) has for them, with the options that stand behind the container's id.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container.h"
#include "own.h"

static void print_json(const pid_t *pids, size_t n)
{
	if (n == 0) {
		puts("null"); /* as runc does */
		return;
	}
	for (size_t i = 0; i < n; i++)
		printf("%c%d", i ? ',' : '[', pids[i]);
	puts("]");
}

/* The word of a line at the column, counted from 0; its length is 0 if there are not so many. */
static size_t word_at(const char *line, int column, const char **ret)
{
	for (line += strspn(line, " \t\n"); *line && column > 0; column--) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t\n");
	}
	*ret = line;
	return strcspn(line, " \t\n");
}

static int pid_column(const char *heading)
{
	const char *word;
	size_t len;

	for (int i = 0; (len = word_at(heading, i, &word)) > 0; i++)
		if (len == 3 && memcmp(word, "PID", 3) == 0)
			return i;
	return -1;
}

static bool is_one_of(const char *line, int column, const pid_t *pids, size_t n)
{
	const char *word;
	long pid;

	(void)word_at(line, column, &word);
	pid = strtol(word, NULL, 10);
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Prints the heading of what ps says, and the lines of the container's processes. */
static int filter_lines(FILE *from, const pid_t *pids, size_t n, struct cps_err *err)
{
	cleanup_free char *line = NULL;
	size_t size = 0;
	int column = -1;

	while (getline(&line, &size, from) >= 0) {
		if (column >= 0) {
			if (is_one_of(line, column, pids, n))
				fputs(line, stdout);
			continue;
		}
		column = pid_column(line);
		if (column < 0)
			return cps_failx(err, EINVAL, "ps: these options show no column PID");
		fputs(line, stdout);
	}
	return 0;
}

/* Starts ps; what it says can be read from *ret_out. */
static int spawn_ps(char **options, pid_t *ret_pid, FILE **ret_out, struct cps_err *err)
{
	char *usual[] = { (char *)"ps", (char *)"-ef", NULL };
	posix_spawn_file_actions_t files;
	cleanup_fd int out = -1;
	cleanup_fd int in = -1;
	int pair[2], rc;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return cps_fail(err, errno, "make a pipe");
	out = pair[0];
	in = pair[1];
	options[0] = usual[0]; /* in the id's place, before what stood behind it */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)posix_spawn_file_actions_init(&files);
	rc = posix_spawn_file_actions_adddup2(&files, in, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnp(ret_pid, usual[0], &files, NULL, options[1] ? options : usual,
				  environ);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc != 0)
		return cps_fail(err, rc, "run the host's ps");
	*ret_out = fdopen(out, "r");
	if (!*ret_out)
		return cps_fail(err, errno, "read from ps");
	(void)take_fd(&out);
	return 0;
}

static int print_table(char **options, const pid_t *pids, size_t n, struct cps_err *err)
{
	cleanup_file FILE *out = NULL;
	pid_t pid = -1;
	int rc = spawn_ps(options, &pid, &out, err);
	int status = 0;

	if (rc == 0)
		rc = filter_lines(out, pids, n, err);
	if (out)
		while (getc(out) != EOF) /* it shall not be stopped by SIGPIPE */
			;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return cps_failx(err, EIO, "the host's ps has failed");
	return rc;
}

static int cmd_ps(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		  struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	cleanup_free char **args = NULL;
	cleanup_free pid_t *pids = NULL;
	const char *format = "table";
	const struct cps_opt table[] = {
		{ "format", 'f', CPS_OPT_STR, &format, "FORMAT", "table or json" },
		{ 0 },
	};
	size_t n = 0;
	int count, rc;

	rc = rt_command_parse(&rt_cmd_ps, table, argc, argv, 1, -1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
		return cps_failx(err, EINVAL, "ps: invalid format '%s'", format);
	rc = rt_container_open(g->root, args[0], &arena, &c, err);
	if (rc == 0)
		rc = rt_cgroup_pids(&c.state.cgroup, &pids, &n, err);
	if (rc < 0)
		return rc;
	*ret_status = 0;
	if (strcmp(format, "table") == 0)
		return print_table(args, pids, n, err);
	print_json(pids, n);
	return 0;
}

const struct rt_command rt_cmd_ps = {
	"ps", "ID [PS-OPTION...]", "List a container's processes.", false, 1, cmd_ps,
};
