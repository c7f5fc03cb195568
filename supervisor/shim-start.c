/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a shim. It gets three /dev/null, the socket on 3, and nothing else.
 */
#include <config.h>

#include "shim-start.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child-program.h"
#include "file.h"
#include "name.h"
#include "own.h"
#include "proc.h"

#define CLIENT_FD 3
#define LEAVE_MS  5000
#define ENV_MAX	  32
#define ARGS_MAX  12

extern char **environ;

int sup_program_find(const char *given, const char *name, char *buf, size_t size,
		     struct cps_err *err)
{
	char self[PATH_MAX];
	ssize_t n;

	if (given) {
		/* absolute, since the shim is started in / */
		if (!realpath(given, self))
			return cps_fail(err, errno, "find '%s'", given);
		if (strlen(self) >= size)
			return cps_fail(err, ENAMETOOLONG, "find '%s'", given);
		memcpy(buf, self, strlen(self) + 1);
		return 0;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return cps_fail(err, errno, "read /proc/self/exe");
	self[n] = '\0';
	n = snprintf(buf, size, "%s/%s", dirname(self), name);
	if (n < 0 || (size_t)n >= size)
		return cps_fail(err, ENAMETOOLONG, "find %s", name);
	return 0;
}

/* The caller's environment may hold secrets, and a shim lives long: it gets its search path and
 * what the project's own tests and instruments use. */
static bool is_wanted_in_env(const char *entry)
{
	static const char *const prefixes[] = { "PATH=",	  "CPS_",	   "ASAN_OPTIONS=",
						"UBSAN_OPTIONS=", "LSAN_OPTIONS=", "GCOV_PREFIX" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void env_filter(const char *ret[ENV_MAX + 1])
{
	size_t n = 0;

	for (char **e = environ; e && *e && n < ENV_MAX; e++)
		if (is_wanted_in_env(*e))
			ret[n++] = *e;
	ret[n] = NULL;
}

static int spawn(const char *file, const char *const *argv, int sock, pid_t *ret_pid)
{
	const int fds[CLIENT_FD + 1] = { -1, -1, -1, sock };
	const char *env[ENV_MAX + 1];

	env_filter(env);
	return cps_program_spawn(&(struct cps_program){ .file = file,
							.argv = argv,
							.env = env,
							.fds = fds,
							.nfds = CLIENT_FD + 1,
							.own_signals = true,
							.detached = true },
				 ret_pid);
}

/* An id in use is told from the directory before a process is made; the shim's own mkdir decides
 * if two of us race. */
static int id_check_free(const char *root, const char *id, struct cps_err *err)
{
	cleanup_fd int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int rc;

	if (dir < 0)
		return cps_fail(err, errno, "open '%s'", root);
	rc = fstatat(dir, id, &st, AT_SYMLINK_NOFOLLOW);
	if (rc == 0 && S_ISLNK(st.st_mode)) {
		sup_name_release(root, id);
		rc = fstatat(dir, id, &st, AT_SYMLINK_NOFOLLOW);
	}
	if (rc == 0)
		return cps_failx(err, EEXIST, "the name '%s' is taken", id);
	return errno == ENOENT ? 0 : cps_fail(err, errno, "look for '%s/%s'", root, id);
}

static int run(const char *file, const char *const *argv, struct sup_shim *shim, int *ret_sock,
	       struct cps_err *err)
{
	cleanup_fd int ours = -1;
	cleanup_fd int theirs = -1;
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return cps_fail(err, errno, "make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	rc = spawn(file, argv, theirs, &shim->pid);
	if (rc < 0) {
		shim->pid = 0;
		return cps_fail(err, -rc, "run '%s'", file);
	}
	shim->pidfd = cps_pidfd_open(shim->pid);
	*ret_sock = take_fd(&ours);
	return 0;
}

int sup_shim_spawn(const struct sup_ctx *ctx, const char *id, bool adopt, struct sup_shim *shim,
		   struct sup_client *client, struct cps_err *err)
{
	char file[PATH_MAX], runtime[PATH_MAX], root[PATH_MAX];
	const char *argv[ARGS_MAX] = { file, "--root", root, "--id", id, "--client-fd", "3" };
	int n = 7, rc = 0;

	if (!realpath(ctx->root, root))
		rc = cps_fail(err, errno, "find '%s'", ctx->root);
	if (rc == 0)
		rc = sup_program_find(ctx->shim, "capsule-shim", file, sizeof(file), err);
	if (rc == 0 && ctx->runtime) {
		rc = sup_program_find(ctx->runtime, NULL, runtime, sizeof(runtime), err);
		argv[n++] = "--runtime";
		argv[n++] = runtime;
	}
	if (adopt)
		argv[n++] = "--adopt";
	if (rc == 0)
		rc = run(file, argv, shim, &client->sock, err);
	if (rc < 0)
		return rc;
	client->id = id;
	client->shim_pid = shim->pid;
	return 0;
}

int sup_shim_greet(const struct sup_ctx *ctx, struct sup_shim *shim, struct sup_client *client,
		   struct cps_err *err)
{
	struct pollfd p = { .fd = shim->pidfd, .events = POLLIN };
	const char *file = ctx->shim ? ctx->shim : "capsule-shim";
	int status, rc = sup_client_hello(client, err);

	/* how one ended that did not come to say why */
	if (!sup_client_is_gone(client, rc) || shim->pidfd < 0 || poll(&p, 1, 1000) != 1 ||
	    waitpid(shim->pid, &status, WNOHANG) != shim->pid)
		return rc;
	shim->pid = 0;
	if (WIFSIGNALED(status))
		return cps_failx(err, ECHILD, "'%s' was killed by signal %d at its start", file,
				 WTERMSIG(status));
	return cps_failx(err, ECHILD, "'%s' ended with status %d at its start", file,
			 WEXITSTATUS(status));
}

int sup_shim_start(const struct sup_ctx *ctx, const char *id, struct sup_shim *shim,
		   struct sup_client *client, struct cps_err *err)
{
	int rc = cps_mkdir_all(ctx->root, 0700, err);

	if (rc == 0)
		rc = id_check_free(ctx->root, id, err);
	if (rc == 0)
		rc = sup_shim_spawn(ctx, id, false, shim, client, err);
	if (rc < 0)
		return rc;
	rc = sup_shim_greet(ctx, shim, client, err);
	if (rc < 0)
		sup_shim_discard(ctx, id, shim, client);
	return rc;
}

/* Removes what a shim that had to be killed leaves; only a directory without a container in it. */
static void remains_remove(const struct sup_ctx *ctx, const char *id)
{
	cleanup_fd int root = open(ctx->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char state[128];
	struct cps_err ignored;

	(void)snprintf(state, sizeof(state), "%s/state.json", id);
	if (root >= 0 && faccessat(root, state, F_OK, 0) < 0)
		(void)cps_remove_tree(root, id, &ignored);
}

void sup_shim_discard(const struct sup_ctx *ctx, const char *id, struct sup_shim *shim,
		      struct sup_client *client)
{
	struct pollfd p = { .fd = shim->pidfd, .events = POLLIN };

	cps_close(&client->sock);
	if (!shim->pid)
		return;
	if (shim->pidfd < 0 || poll(&p, 1, LEAVE_MS) != 1) {
		(void)kill(shim->pid, SIGKILL); /* our child, not reaped yet: the pid is its own */
		(void)waitpid(shim->pid, NULL, 0);
		shim->pid = 0;
		remains_remove(ctx, id);
	}
	sup_shim_done(shim);
}

void sup_shim_wait(struct sup_shim *shim)
{
	struct pollfd p = { .fd = shim->pidfd, .events = POLLIN };

	if (shim->pidfd >= 0)
		(void)poll(&p, 1, LEAVE_MS);
	sup_shim_done(shim);
}

void sup_shim_done(struct sup_shim *shim)
{
	if (shim->pid)
		(void)waitpid(shim->pid, NULL, WNOHANG);
	shim->pid = 0;
	cps_close(&shim->pidfd);
}
