/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule-shim: options, the process's own surroundings, and the order in which a shim comes up.
 * What fails before the socket listens is reported to the client that was passed in, too, since
 * stderr is /dev/null as a rule.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adopt.h"
#include "claim.h"
#include "conn.h"
#include "exec.h"
#include "file.h"
#include "frame.h"
#include "log.h"
#include "loop.h"
#include "opt.h"
#include "own.h"
#include "proc.h"
#include "runtime-link.h"
#include "shim.h"

struct options {
	const char *root;
	const char *id;
	const char *runtime;
	int64_t client_fd;
	bool adopt;
	bool help;
	bool version;
};

static void usage(const struct cps_opt *table)
{
	(void)printf("usage: capsule-shim --root DIR --id ID [options]\n\n"
		     "Keeps one container: its stdio, its log, its exit status.\n\noptions:\n");
	cps_opt_help(table);
}

static int options_parse(int argc, char **argv, struct options *o, struct cps_err *err)
{
	const char *client_fd = NULL;
	const struct cps_opt table[] = {
		{ "root", 0, CPS_OPT_STR, &o->root, "DIR", "where containers' state is kept" },
		{ "id", 0, CPS_OPT_STR, &o->id, "ID", "name of the container" },
		{ "adopt", 0, CPS_OPT_FLAG, &o->adopt, NULL,
		  "take over the container of a shim that has died" },
		{ "client-fd", 0, CPS_OPT_STR, &client_fd, "N",
		  "a connected socket: the first client" },
		{ "runtime", 0, CPS_OPT_STR, &o->runtime, "FILE",
		  "the runtime (default: capsule-runtime beside this program)" },
		{ "help", 'h', CPS_OPT_FLAG, &o->help, NULL, "print this" },
		{ "version", 'v', CPS_OPT_FLAG, &o->version, NULL, "print the version" },
		{ NULL },
	};
	cleanup_free char **args = NULL;
	int count = 0;
	int rc = cps_opt_parse(table, CPS_OPT_ANYWHERE, argc, argv, &args, &count, err);

	if (rc < 0)
		return rc;
	if (o->help)
		usage(table);
	if (o->help || o->version)
		return 0;
	if (count > 0)
		return cps_failx(err, EINVAL, "unexpected argument '%s'", args[0]);
	if (client_fd && cps_num_parse(client_fd, 0, INT32_MAX, &o->client_fd) < 0)
		return cps_failx(err, EINVAL, "--client-fd: '%s' is no descriptor", client_fd);
	if (!o->root || o->root[0] != '/')
		return cps_failx(err, EINVAL, "--root: an absolute path is needed");
	if (!o->id || !cps_is_name(o->id))
		return cps_failx(err, EINVAL, "--id: a name of a container is needed");
	return 0;
}

/* Nothing of the caller's but stdio and the client: what it forgot to close is not ours to keep
 * open for as long as the container lives. */
static void descriptors_tidy(int client_fd)
{
	unsigned from = 3;

	if (client_fd >= 3) {
		if (client_fd > 3)
			(void)syscall(SYS_close_range, from, client_fd - 1, 0);
		(void)fcntl(client_fd, F_SETFD, FD_CLOEXEC);
		from = (unsigned)client_fd + 1;
	}
	(void)syscall(SYS_close_range, from, ~0u, 0);
}

static int process_init(sigset_t *ret_signals, struct cps_err *err)
{
	(void)setsid(); /* fails if the caller has done so already */
	(void)umask(022);
	if (chdir("/") < 0)
		return cps_fail(err, errno, "chdir '/'");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return cps_fail(err, errno, "become subreaper");
	/* What our caller ignores must not be ignored in every container: nohup, for one. */
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGXFSZ,
		     SIG_IGN); /* a log at its limit is an error of write(2), not our end */
	(void)sigemptyset(ret_signals);
	(void)sigaddset(ret_signals, SIGCHLD);
	(void)sigaddset(ret_signals, SIGTERM);
	(void)sigaddset(ret_signals, SIGINT);
	(void)sigaddset(ret_signals, SIGQUIT);
	(void)sigprocmask(SIG_SETMASK, ret_signals, NULL);
	/* Small and steady rather than fast: nothing here allocates much. */
	(void)mallopt(M_TOP_PAD, 4096);
	(void)mallopt(M_TRIM_THRESHOLD, 32768);
	(void)mallopt(M_MMAP_THRESHOLD, 65536);
	return 0;
}

/* <root>/<id>, made now: that is what takes the id. */
static int dir_make(struct shim *s, struct cps_err *err)
{
	cleanup_fd int root = -1;
	int rc = cps_mkdir_all(s->root, 0700, err);

	if (rc < 0)
		return rc;
	root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return cps_fail(err, errno, "open '%s'", s->root);
	if (mkdirat(root, s->id, 0700) < 0) {
		if (errno == EEXIST)
			return cps_failx(err, EEXIST, "container '%s' exists already", s->id);
		return cps_fail(err, errno, "mkdir '%s'", s->dir_path);
	}
	s->dir = openat(root, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0) {
		rc = cps_fail(err, errno, "open '%s'", s->dir_path);
		(void)unlinkat(root, s->id, AT_REMOVEDIR);
		return rc;
	}
	s->note.dir = s->dir;
	return shim_claim_new(s, err);
}

/* <root>/<id> of a shim that has died; nothing in it is changed yet. */
static int dir_claim(struct shim *s, struct cps_err *err)
{
	int rc;

	s->dir = open(s->dir_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return errno == ENOENT ? cps_failx(err, ENOENT, "no such container: '%s'", s->id)
				       : cps_fail(err, errno, "open '%s'", s->dir_path);
	rc = shim_claim_dead(s, err);
	if (rc < 0)
		return rc;
	s->note.dir = s->dir;
	(void)unlinkat(s->dir, SHIM_SOCKET, 0); /* nobody listens there any more */
	return 0;
}

static void identity_find(struct shim *s)
{
	struct cps_err ignored;

	(void)clock_gettime(CLOCK_REALTIME, &s->started_at);
	(void)cps_proc_start_time(getpid(), &s->start_time);
	(void)cps_boot_id(s->boot_id, &ignored); /* its record then holds for any boot */
}

static int shim_up(struct shim *s, const struct options *o, struct cps_err *err)
{
	sigset_t signals;
	int rc = process_init(&signals, err);

	if (rc == 0)
		rc = shim_scratch_init(&s->scratch, err);
	if (rc == 0)
		rc = shim_runtime_open(o->runtime, &s->runtime_fd, err);
	if (rc == 0 && asprintf(&s->dir_path, "%s/%s", s->root, s->id) < 0) {
		s->dir_path = NULL;
		rc = cps_fail(err, ENOMEM, "start");
	}
	if (rc == 0)
		rc = o->adopt ? dir_claim(s, err) : dir_make(s, err);
	if (rc == 0)
		rc = shim_loop_init(s, &signals, err);
	if (rc < 0)
		return rc;
	shim_container_init(s);
	identity_find(s);
	/* One that adopts is not to be found before it knows what it has. */
	return o->adopt ? shim_adopt_init(s, err) : shim_loop_listen(s, err);
}

/* What it has to say from here on it says to its clients, and a terminal or pipe of the caller's
 * must not be held, nor passed to the runtime. */
static void stdio_detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; null >= 0 && i < 3; i++)
		(void)dup2(null, i);
	if (null > 2)
		(void)close(null);
}

static void shim_down(struct shim *s)
{
	shim_conns_close_all(s);
	if (s->base) {
		shim_adopt_free(s);
		shim_execs_end(s, false);
		shim_container_done(s);
		shim_links_end(s);
	}
	shim_loop_done(s);
	shim_scratch_done(&s->scratch);
	cps_close(&s->runtime_fd);
	cps_close(&s->dir);
	cps_close(&s->lock_fd);
	free(s->dir_path);
}

/* A shim that does not come up tells so whoever started it, as the answer to the first request. */
static void client_refuse(int fd, const struct cps_err *why)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { .nfds = 0 };
	struct timeval patience = { .tv_sec = 2 };
	struct cps_err err;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (cps_frame_recv(fd, 0, &arena, &f, &err) == 1)
		(void)cps_reply_error(fd, f.id, why, NULL, 0, &err);
}

static int run(const struct options *o, struct cps_err *err)
{
	struct shim s = {
		.root = o->root,
		.id = o->id,
		.dir = -1,
		.lock_fd = -1,
		.runtime_fd = -1,
		.signal_fd = -1,
		.listen_fd = -1,
		.note = { .dir = -1 },
	};
	int rc;

	LIST_INIT(&s.conns);
	LIST_INIT(&s.links);
	LIST_INIT(&s.children);
	TAILQ_INIT(&s.execs);
	rc = shim_up(&s, o, err);
	if (rc == 0) {
		stdio_detach();
		if (o->client_fd >= 0)
			shim_conn_open(&s, (int)o->client_fd);
		if (o->adopt && s.nconns == 0)
			shim_news(&s, SHIM_E_CLIENTS_GONE);
		if (!s.failed)
			shim_loop_run(&s);
	} else {
		if (o->client_fd >= 0)
			client_refuse((int)o->client_fd, err);
		if (s.dir_path && s.dir >= 0 && !o->adopt) {
			(void)unlinkat(s.dir, SHIM_SOCKET, 0);
			(void)unlinkat(s.dir, SHIM_LOCK, 0);
			(void)rmdir(s.dir_path);
		}
	}
	shim_down(&s);
	return rc < 0 || s.failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct options o = { .client_fd = -1 };
	struct cps_err err;
	int rc = cps_log_open("capsule-shim", NULL, CPS_LOG_PLAIN, CPS_LOG_INFO, &err);

	if (rc == 0)
		rc = options_parse(argc, argv, &o, &err);
	if (rc == 0 && o.version)
		(void)printf("capsule-shim %s\n", PACKAGE_VERSION);
	if (rc == 0 && (o.help || o.version))
		return 0;
	if (rc == 0) {
		descriptors_tidy((int)o.client_fd);
		rc = run(&o, &err);
	}
	if (rc < 0)
		cps_log(CPS_LOG_ERROR, "%s", err.msg);
	return rc < 0 ? 1 : 0;
}
