/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See exit-command.h. It gets a session of its own, /dev/null (which our stdio is), default
 * signals, and of the environment nothing but a search path: its words are its maker's, the rest is
 * nobody's.
 */
#include <config.h>
#include "exit-command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "exit.h"
#include "own.h"
#include "proc.h"
#include "proto.h"
#include "record.h"
#include "shim.h"

#define WORDS_MAX 64
#define TEXT_MAX  16384

int shim_exit_command_parse(const struct cps_json *node, char **ret, struct cps_err *err)
{
	const char *word;
	char *text;
	int rc;

	if (!node)
		return 0;
	rc = cps_json_want(node, CPS_JSON_ARRAY, err);
	if (rc < 0)
		return rc;
	if (node->count == 0 || node->count > WORDS_MAX)
		return cps_json_fail(node, EINVAL, err, "a command has 1 to %d words", WORDS_MAX);
	for (const struct cps_json *each = node->first; each; each = each->next) {
		rc = cps_json_str(each, &word, err);
		if (rc < 0)
			return rc;
		if (each == node->first && word[0] != '/')
			return cps_json_fail(each, EINVAL, err, "'%.80s' is not an absolute path",
					     word);
	}
	text = cps_json_text(node);
	if (!text)
		return cps_fail(err, ENOMEM, "create");
	if (strlen(text) > TEXT_MAX) {
		free(text);
		return cps_json_fail(node, E2BIG, err, "a command of more than %d bytes", TEXT_MAX);
	}
	*ret = text;
	return 0;
}

static int spawn(char *const argv[], pid_t *ret_pid, struct cps_err *err)
{
	static char *const env[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
	};
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	rc = posix_spawn(ret_pid, argv[0], NULL, &attr, argv, env);
	(void)posix_spawnattr_destroy(&attr);
	return rc ? cps_fail(err, rc, "execute '%.200s'", argv[0]) : 0;
}

static void ended(void *owner)
{
	struct shim *s = owner;
	int status = s->ct.exit_child.status;

	if (WIFSIGNALED(status))
		shim_note(&s->note, "exit command: it was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		shim_note(&s->note, "exit command: it ended with status %d", WEXITSTATUS(status));
	shim_child_remove(&s->ct.exit_child);
}

static int run(struct shim *s, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const char *text = s->ct.exit_command;
	const struct cps_json *words = NULL;
	char *argv[WORDS_MAX + 1];
	size_t n = 0;
	pid_t pid = 0;
	int rc = cps_json_parse(&arena, text, strlen(text), &words, err);

	if (rc < 0)
		return rc;
	for (const struct cps_json *each = words->first; each && n < WORDS_MAX; each = each->next)
		argv[n++] = (char *)(uintptr_t)each->text;
	argv[n] = NULL;
	if (n == 0)
		return cps_failx(err, EINVAL, "it has no words");
	rc = spawn(argv, &pid, err);
	if (rc == 0) /* not reaped before we are back in the loop */
		shim_child_add(s, &s->ct.exit_child, pid, cps_pidfd_open(pid), ended, s);
	return rc;
}

int shim_exit_command_set(struct shim *s, const struct cps_json *node, struct cps_err *err)
{
	struct shim_container *ct = &s->ct;
	int rc;

	if (s->machine.state == SHIM_IDLE || s->machine.state == SHIM_CREATING)
		return cps_failx(err, ESRCH, CPS_OP_AT_EXIT ": there is no container");
	if (ct->exit_command)
		return cps_failx(err, EEXIST, CPS_OP_AT_EXIT ": the container has a command");
	if (!node)
		return cps_failx(err, EINVAL, CPS_OP_AT_EXIT ": 'command' is missing");
	rc = shim_exit_command_parse(node, &ct->exit_command, err);
	if (rc < 0)
		return rc;
	shim_record_update(s);
	if (s->machine.state == SHIM_EXITED)
		shim_exit_command_run(s);
	return 0;
}

void shim_exit_command_run(struct shim *s)
{
	struct cps_err err;

	if (!s->ct.exit_command || s->ct.exit_command_run)
		return;
	s->ct.exit_command_run = true;
	shim_record_update(s); /* first: a successor must not run it again */
	if (run(s, &err) < 0)
		shim_note(&s->note, "exit command: %s", err.msg);
}
