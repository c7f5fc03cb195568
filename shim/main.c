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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adopt.h"
#include "claim.h"
#include "conn.h"
#include "file.h"
#include "frame.h"
#include "log.h"
#include "loop.h"
#include "opt.h"
#include "own.h"
#include "runtime-link.h"
#include "setup.h"
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

static int shim_up(struct shim *s, const struct options *o, struct cps_err *err)
{
	sigset_t signals;
	int rc = shim_process_init(&signals, err);

	if (rc == 0)
		rc = shim_scratch_init(&s->scratch, err);
	if (rc == 0)
		rc = shim_runtime_open(o->runtime, &s->runtime_fd, err);
	if (rc == 0 && asprintf(&s->dir_path, "%s/%s", s->root, s->id) < 0) {
		s->dir_path = NULL;
		rc = cps_fail(err, ENOMEM, "start");
	}
	/* Before the directory: without descriptors libevent ends the process, which would leave
	 * that behind. */
	if (rc == 0)
		rc = shim_loop_init(s, &signals, err);
	if (rc < 0)
		return rc;
	shim_container_init(s);
	shim_identity_find(s);
	rc = o->adopt ? dir_claim(s, err) : shim_dir_make(s, err);
	if (rc < 0)
		return rc;
	/* One that adopts is not to be found before it knows what it has. */
	return o->adopt ? shim_adopt_init(s, err) : shim_loop_listen(s, err);
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
	struct cps_err ignored;
	struct shim s;
	int rc;

	shim_init(&s, o->root, o->id);
	rc = shim_up(&s, o, err);
	if (rc == 0) {
		shim_stdio_detach();
		if (o->client_fd >= 0)
			shim_conn_open(&s, (int)o->client_fd);
		if (o->adopt && s.nconns == 0)
			shim_news(&s, SHIM_E_CLIENTS_GONE);
		if (!s.failed)
			shim_loop_run(&s);
	} else {
		if (o->client_fd >= 0)
			client_refuse((int)o->client_fd, err);
		if (s.dir_path && s.dir >= 0 && !o->adopt)
			(void)cps_remove_open_tree(s.dir, s.dir_path, &ignored);
	}
	shim_free(&s);
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
