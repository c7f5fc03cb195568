/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `start`: the containers of a sandbox share a server, others have one each. Its socket is named
 * after who asked and what for, so that the next `start` finds it. containerd reads our stdout and
 * stderr until nobody has them any more: the server must let go of both.
 */
#include <config.h>
#include "commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "file.h"
#include "message.h"
#include "options.h"
#include "own.h"
#include "pod.h"
#include "setup.h"
#include "sha256.h"

#define CGROUPS	      "/sys/fs/cgroup"
#define SOCKETS	      "/run/containerd/s"
#define BACKLOG	      128
#define STDIN_MAX     (1u << 20)
#define TRIES	      20
#define OOM_SCORE_MAX 1000
#define SCOPE_THREAD  0 /* PR_SCHED_CORE_SCOPE_THREAD of later headers */

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE	     62
#define PR_SCHED_CORE_CREATE 1
#endif

static int socket_name(const struct task_flags *f, const char *bundle, char *buf, size_t size,
		       struct cps_err *err)
{
	cleanup_free char *group = task_bundle_group(bundle);
	cleanup_free char *all = NULL;
	char hex[TASK_SHA256_SIZE];

	if (asprintf(&all, "%s/%s/%s", f->address, f->ns, group ? group : f->id) < 0) {
		all = NULL;
		return cps_fail(err, ENOMEM, "start");
	}
	task_sha256(all, strlen(all), hex);
	(void)snprintf(buf, size, SOCKETS "/%s", hex);
	return cps_mkdir_all(SOCKETS, 0711, err);
}

static int socket_make(const struct sockaddr_un *sa, struct cps_err *err)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t before = umask(0177);
	int rc = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)sa, sizeof(*sa));
	int num = errno;

	(void)umask(before);
	if (rc < 0)
		return cps_fail(err, num, "bind '%s'", sa->sun_path);
	if (listen(fd, BACKLOG) < 0)
		return cps_fail(err, errno, "listen on '%s'", sa->sun_path);
	return take_fd(&fd);
}

static bool socket_answers(const struct sockaddr_un *sa)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0;
}

/* *ret_fd -1: there is a server already. */
static int socket_get(const char *path, int *ret_fd, struct cps_err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int rc = -EADDRINUSE;

	*ret_fd = -1;
	if ((size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path) >= sizeof(sa.sun_path))
		return cps_fail(err, ENAMETOOLONG, "socket '%s'", path);
	for (int i = 0; i < TRIES && rc == -EADDRINUSE; i++) {
		rc = socket_make(&sa, err);
		if (rc >= 0) {
			*ret_fd = rc;
			return 0;
		}
		if (rc == -EADDRINUSE && socket_answers(&sa))
			return 0;
		/* One that was killed has left it; or another `start` is about to listen. */
		if (rc == -EADDRINUSE && i > TRIES / 2)
			(void)unlink(path);
		else if (rc == -EADDRINUSE)
			(void)usleep(1000);
	}
	return rc;
}

/* The options, of which those for the server itself matter here. */
static Task__Options *options_read(const struct task_flags *f)
{
	cleanup_free char *text = NULL;
	cleanup_message Wire__Any *any = NULL;
	cleanup_message Task__BootstrapParams *boot = NULL;
	struct cps_err ignored;
	size_t len = 0;

	if (cps_fd_read(STDIN_FILENO, "stdin", STDIN_MAX, &text, &len, &ignored) < 0)
		return task_options_of(NULL);
	boot = task_unpack(&task__bootstrap_params__descriptor, text, len);
	for (size_t i = 0; boot && strcmp(boot->instance_id, f->id) == 0 && i < boot->n_extensions;
	     i++) {
		if (task_any_is(boot->extensions[i]->value, "containerd.runc.v1.Options"))
			return task_options_of(boot->extensions[i]->value);
	}
	any = task_unpack(&wire__any__descriptor, text, len);
	return task_options_of(any);
}

/* A little easier to kill than containerd, so that it does not go first. */
static void oom_score_set(void)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	char path[64];
	char score[24];
	size_t len;
	long value;

	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)getppid());
	if (cps_file_read(AT_FDCWD, path, sizeof(score), &text, &len, &ignored) < 0)
		return;
	value = strtol(text, NULL, 10);
	(void)snprintf(score, sizeof(score), "%ld", value < OOM_SCORE_MAX ? value + 1 : value);
	(void)cps_file_put(AT_FDCWD, "/proc/self/oom_score_adj", score, &ignored);
}

/* What it starts is of a group that shares no core with others at the same time, from now on. Where
 * cores are not shared at all there is nothing to do. */
static int core_scheduling_begin(struct cps_err *err)
{
	const char *wanted = getenv("SCHED_CORE");

	if (!wanted || !wanted[0] ||
	    prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, SCOPE_THREAD, 0) == 0 || errno == ENODEV)
		return 0;
	return cps_fail(err, errno, "SCHED_CORE: begin core scheduling");
}

/* Below a directory that has cgroups: one hierarchy's. */
static bool cgroup_join_at(const char *hierarchy, const char *cgroup)
{
	char path[PATH_MAX];
	struct cps_err ignored;
	int n = snprintf(path, sizeof(path), "%s/cgroup.procs", hierarchy);

	if ((size_t)n >= sizeof(path) || access(path, F_OK) < 0)
		return false;
	n = snprintf(path, sizeof(path), "%s/%s", hierarchy, cgroup);
	if ((size_t)n >= sizeof(path) || cps_mkdir_all(path, 0755, &ignored) < 0)
		return false;
	n = snprintf(path, sizeof(path), "%s/%s/cgroup.procs", hierarchy, cgroup);
	return (size_t)n < sizeof(path) && cps_file_put(AT_FDCWD, path, "0", &ignored) == 0;
}

/* Into the cgroup that was asked for: the unified one, or in each hierarchy. */
static int cgroup_join(const char *cgroup, struct cps_err *err)
{
	cleanup_dir DIR *dir = opendir(CGROUPS);
	bool joined = cgroup_join_at(CGROUPS, cgroup);
	bool joined_any = false;
	char path[PATH_MAX];
	const struct dirent *e;

	while (!joined && dir && (e = readdir(dir)) != NULL) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), CGROUPS "/%s", e->d_name);
		joined_any |= cgroup_join_at(path, cgroup);
	}
	return joined || joined_any
		       ? 0
		       : cps_failx(err, ENOENT, "shim cgroup '%s': cannot be joined", cgroup);
}

/* `address` in the bundle is where a containerd that has been restarted finds us. */
static int address_save(const char *bundle, const char *text, struct cps_err *err)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return cps_fail(err, errno, "open bundle '%s'", bundle);
	return cps_file_replace(dir, "address", text, strlen(text), 0644, err);
}

static int serve(const struct task_flags *f, int listener, const char *socket, struct cps_err *err)
{
	const char *events = getenv("TTRPC_ADDRESS");
	char program[PATH_MAX];
	struct task_publish_to to = { .ns = f->ns, .grpc = f->address };
	int high = fcntl(listener, F_DUPFD_CLOEXEC, 10); /* 3 is where the runtime finds its own */

	shim_stdio_detach();
	(void)close(listener);
	if (high < 0)
		return cps_fail(err, errno, "serve");
	for (int fd = 3; fd < high; fd++)
		(void)close(fd);
	(void)syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0);
	if (events && events[0])
		to.ttrpc = events;
	else if (f->publish[0] && task_program_find(f->publish, program, sizeof(program)))
		to.binary = program;
	return task_pod_run(high, socket, &to, err);
}

int task_cmd_start(const struct task_flags *f, bool *ret_server, struct cps_err *err)
{
	cleanup_message Task__Options *o = NULL;
	cleanup_fd int listener = -1;
	const char *bundle = f->bundle[0] ? f->bundle : ".";
	char socket[PATH_MAX];
	char address[PATH_MAX + 16];
	pid_t pid = 1;
	int rc;

	if (!f->ns[0] || !f->id[0])
		return cps_failx(err, EINVAL, "start: -namespace and -id are needed");
	o = options_read(f);
	rc = socket_name(f, bundle, socket, sizeof(socket), err);
	if (rc == 0)
		rc = socket_get(socket, &listener, err);
	if (rc < 0)
		return rc;
	(void)snprintf(address, sizeof(address), "unix://%s", socket);
	rc = address_save(bundle, address, err);
	if (rc == 0 && listener >= 0 && o && o->shim_cgroup[0])
		rc = cgroup_join(o->shim_cgroup, err);
	if (rc == 0 && listener >= 0)
		rc = core_scheduling_begin(err);
	if (rc == 0 && listener >= 0) {
		oom_score_set();
		pid = fork();
		if (pid < 0)
			rc = cps_fail(err, errno, "fork");
	}
	if (rc < 0) {
		if (listener >= 0)
			(void)unlink(socket);
		return rc;
	}
	if (pid == 0) {
		*ret_server = true;
		return serve(f, take_fd(&listener), socket, err);
	}
	return cps_write_all(STDOUT_FILENO, address, strlen(address)) < 0
		       ? cps_failx(err, EIO, "cannot write the address")
		       : 0;
}
