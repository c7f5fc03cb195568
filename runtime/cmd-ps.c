/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps: the processes of a container, by its cgroup and /proc; nothing of the container is run, and
 * neither is the host's ps.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "file.h"
#include "own.h"
#include "table.h"

#define CMDLINE_MAX 65536

/* The command line as one string; "[name]" where there is none. */
static void add_command(struct cps_table *t, pid_t pid)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	char path[48];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (cps_file_read(AT_FDCWD, path, CMDLINE_MAX, &text, &len, &ignored) == 0 && len > 0) {
		for (size_t i = 0; i + 1 < len; i++)
			if (text[i] == '\0')
				text[i] = ' ';
		cps_table_add(t, text);
		return;
	}
	cps_free_at(&text);
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (cps_file_read(AT_FDCWD, path, 64, &text, &len, &ignored) < 0)
		cps_table_add(t, "");
	else
		cps_table_addf(t, "[%.*s]", (int)strcspn(text, "\n"), text);
}

/* The number behind a key of /proc/PID/status. */
static const char *status_number(const char *status, const char *key, int *ret_len)
{
	const char *at = strstr(status, key);

	if (!at) {
		*ret_len = 0;
		return "";
	}
	at += strlen(key);
	at += strspn(at, " \t");
	*ret_len = (int)strspn(at, "0123456789");
	return at;
}

static void add_process(struct cps_table *t, pid_t pid)
{
	cleanup_free char *status = NULL;
	struct cps_err ignored;
	const char *uid, *ppid;
	int uid_len, ppid_len;
	char path[48];
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (cps_file_read(AT_FDCWD, path, 65536, &status, &len, &ignored) < 0)
		return; /* gone meanwhile */
	uid = status_number(status, "\nUid:", &uid_len);
	ppid = status_number(status, "\nPPid:", &ppid_len);
	cps_table_addf(t, "%.*s", uid_len, uid);
	cps_table_addf(t, "%d", pid);
	cps_table_addf(t, "%.*s", ppid_len, ppid);
	add_command(t, pid);
}

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

static void print_table(const pid_t *pids, size_t n)
{
	struct cps_table t;

	cps_table_init(&t, 4);
	cps_table_add(&t, "UID");
	cps_table_add(&t, "PID");
	cps_table_add(&t, "PPID");
	cps_table_add(&t, "CMD");
	for (size_t i = 0; i < n; i++)
		add_process(&t, pids[i]);
	cps_table_print(&t, stdout);
	cps_table_done(&t);
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

	/* Arguments behind the id are runc's for the host's ps; ours has the columns it has. */
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
	if (strcmp(format, "json") == 0)
		print_json(pids, n);
	else
		print_table(pids, n);
	*ret_status = 0;
	return 0;
}

const struct rt_command rt_cmd_ps = {
	"ps", "ID", "List a container's processes.", false, 1, cmd_ps,
};
