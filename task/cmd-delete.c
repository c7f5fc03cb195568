/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `delete`: containerd runs it whenever it has lost the server of a container, which is so after a
 * normal end, too. So it finds nothing as a rule; after a crash it ends the container, and says how
 * it ended where that is on record.
 */
#include <config.h>
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "claim.h"
#include "exit.h"
#include "file.h"
#include "foreign.h"
#include "message.h"
#include "mounts.h"
#include "opt.h"
#include "options.h"
#include "own.h"
#include "task.pb-c.h"

#define ADDRESS_MAX 4096

/* capsule-runtime --root ROOT delete --force ID, or with another runtime the same of its. What is
 * not there it does not mind. */
static void runtime_delete(const char *root, const char *id)
{
	static const int none[3] = { -1, -1, -1 };
	const char *const words[] = { "delete", "--force", id, NULL };
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct task_foreign foreign;
	struct cps_err ignored;
	char program[PATH_MAX];
	pid_t pid;

	if (task_foreign_load(&arena, root, id, &foreign, &ignored) == 0) {
		(void)task_foreign_run(&foreign, words, none, &ignored);
		return;
	}

	(void)task_beside("capsule-runtime", program, sizeof(program));
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int i = 0; i < 3; i++)
			(void)dup2(null, i);
		(void)execl(program, program, "--root", root, "delete", "--force", id,
			    (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

/* A socket that nobody listens on any more. */
static void socket_remove(const char *bundle)
{
	static const char scheme[] = "unix://";
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;

	if (dir < 0 || fd < 0 ||
	    cps_file_read(dir, "address", ADDRESS_MAX, &text, &len, &ignored) < 0)
		return;
	if (strncmp(text, scheme, sizeof(scheme) - 1) != 0 ||
	    len - (sizeof(scheme) - 1) >= sizeof(sa.sun_path))
		return;
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", text + sizeof(scheme) - 1);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno == ECONNREFUSED)
		(void)unlink(sa.sun_path);
}

static uint32_t pid_read(const char *bundle)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;

	if (dir < 0 || cps_file_read(dir, "init.pid", 32, &text, &len, &ignored) < 0)
		return 0;
	return (uint32_t)strtoul(text, NULL, 10);
}

/* What is left in its directory; ours, unless a server has it. */
static void state_remove(const char *root, const char *id, struct shim_exit *ret_exit,
			 bool *ret_known)
{
	cleanup_fd int parent = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int dir = -1;
	struct cps_err ignored;
	bool early;

	if (parent >= 0)
		dir = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return;
	*ret_known = shim_exit_load(dir, ret_exit, &early, &ignored) == 0;
	if (cps_lock_is_held(dir, SHIM_LOCK, LOCK_SH) == 1)
		return;
	runtime_delete(root, id);
	(void)cps_remove_tree(parent, id, &ignored);
}

int task_cmd_delete(const struct task_flags *f, struct cps_err *err)
{
	const char *bundle = f->bundle[0] ? f->bundle : ".";
	cleanup_free char *root = task_root_load(bundle);
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	Task__DeleteReply reply = TASK__DELETE_REPLY__INIT;
	struct shim_exit e = { .code = 128 + SIGKILL };
	Wire__Timestamp at;
	bool known = false;

	if (!f->id[0] || !cps_is_name(f->id))
		return cps_failx(err, EINVAL, "delete: -id is needed");
	(void)clock_gettime(CLOCK_REALTIME, &e.at);
	reply.pid = pid_read(bundle);
	if (root)
		state_remove(root, f->id, &e, &known);
	socket_remove(bundle);
	task_mounts_detach(bundle);
	task_time_set(&at, &e.at);
	reply.exit_status = known ? (uint32_t)e.code : 128 + SIGKILL;
	reply.exited_at = &at;
	task_pack(&reply.base, &b);
	if (b.failed || cps_write_all(STDOUT_FILENO, b.data, b.len) < 0)
		return cps_failx(err, EIO, "delete: cannot write the reply");
	return 0;
}
