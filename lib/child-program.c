/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See child-program.h.
 */
#include <config.h>

#include "child-program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>

extern char **environ;

static int files_add(posix_spawn_file_actions_t *files, const struct cps_program *p)
{
	int rc = 0;

	for (unsigned i = p->nfds; i-- > 0 && !rc;) {
		int to = p->first_fd + (int)i;

		rc = p->fds[i] < 0
			     ? posix_spawn_file_actions_addopen(files, to, "/dev/null", O_RDWR, 0)
			     : posix_spawn_file_actions_adddup2(files, p->fds[i], to);
	}
	if (!rc && p->detached)
		rc = posix_spawn_file_actions_addclosefrom_np(files, p->first_fd + (int)p->nfds);
	if (!rc && p->detached) /* hold no directory of the caller's */
		rc = posix_spawn_file_actions_addchdir_np(files, "/");
	return rc;
}

int cps_program_spawn(const struct cps_program *p, pid_t *ret_pid)
{
	/* they are not written to; posix_spawn(3) is declared as exec(3) is */
	char *const *argv = (char *const *)(uintptr_t)p->argv;
	char *const *env = p->env ? (char *const *)(uintptr_t)p->env : environ;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	short flags = 0;
	int rc;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if (p->own_signals)
		flags |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	if (p->detached)
		flags |= POSIX_SPAWN_SETSID;
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setflags(&attr, flags);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawn_file_actions_init(&files);
	rc = files_add(&files, p);
	if (!rc)
		rc = posix_spawn(ret_pid, p->file, &files, &attr, argv, env);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return -rc;
}

int cps_program_wait(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}
