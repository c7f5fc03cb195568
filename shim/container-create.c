/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container comes to be: the runtime's work, and what the shim writes down when it is done.
 */
#include <config.h>
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "bundle.h"
#include "checkpoint.h"
#include "events.h"
#include "file.h"
#include "health.h"
#include "keep.h"
#include "ops.h"
#include "own.h"
#include "params.h"
#include "proto.h"
#include "record.h"
#include "runtime-link.h"
#include "shim.h"

/* ---- the runtime's work ---- */

static void on_init_exit(void *owner)
{
	shim_news(owner, SHIM_E_INIT_EXITED);
}

static void spawned(void *owner, pid_t pid, int pidfd)
{
	struct shim *s = owner;

	shim_child_add(s, &s->ct.init, pid, pidfd, on_init_exit, s);
}

int shim_container_adopt_init(struct shim *s, pid_t pid, int pidfd, struct cps_err *err)
{
	return shim_child_adopt(s, &s->ct.init, pid, pidfd, on_init_exit, s, err);
}

static void console(void *owner, int master)
{
	struct shim *s = owner;

	shim_io_console(&s->ct.io, master);
}

static void on_oom(void *owner)
{
	shim_events_life(owner, CPS_EVLOG_OOM);
	shim_event_send(owner, CPS_EVENT_OOM, NULL);
}

void shim_container_watch_oom(struct shim *s, const char *path)
{
	shim_oom_start(&s->ct.oom, s->base, path, on_oom, s);
}

/* Whom the user's name stands for: the owner of later jobs' FIFOs. */
static void owner_get(const struct cps_json *ok, const char *key, uint32_t *ret)
{
	struct cps_err err;
	uint64_t id;

	if (cps_json_get(ok, key) &&
	    cps_json_u64(cps_json_get(ok, key), UINT32_MAX - 1, &id, &err) == 0)
		*ret = (uint32_t)id;
}

static void reply(void *owner, const struct cps_json *ok)
{
	struct shim *s = owner;
	struct shim_container *ct = &s->ct;
	const struct cps_json *cgroups = cps_json_get(ok, "cgroups");
	const struct cps_json *events = cps_json_get(ok, "memory_events");
	struct cps_err err;
	const char *path;

	if (cps_json_get(ok, "poststart"))
		(void)cps_json_bool(cps_json_get(ok, "poststart"), &ct->poststart, &err);
	if (events && cps_json_str(events, &path, &err) == 0)
		shim_container_watch_oom(s, path);
	if (cps_json_get(ok, "start_time"))
		(void)cps_json_u64(cps_json_get(ok, "start_time"), UINT64_MAX, &ct->init_start,
				   &err);
	owner_get(ok, "uid", &ct->uid);
	owner_get(ok, "gid", &ct->gid);
	if (cgroups)
		ct->cgroups = cps_json_text(cgroups);
}

static void done(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct shim *s = owner;
	struct shim_container *ct = &s->ct;

	ct->link = NULL;
	if (rc == 0 && !ct->init.listed)
		rc = cps_failx(&ct->failed, EPROTO,
			       "create: the runtime did not say which process it made");
	else if (rc < 0)
		ct->failed = *why;
	(void)snprintf(ct->failed_step, sizeof(ct->failed_step), "%s", step);
	if (rc < 0)
		shim_events_failed(s, CPS_EVLOG_CREATE_FAILED, &ct->failed);
	if (rc == 0)
		shim_news(s, ct->restored ? SHIM_E_RESTORE_DONE : SHIM_E_CREATE_DONE);
	else if (ct->delete_wanted || rc == -EPROTO)
		shim_news(s, SHIM_E_CREATE_ABORTED); /* it could not undo what it had done */
	else
		shim_news(s, SHIM_E_CREATE_FAILED);
}

static int request_send(struct shim *s, const struct cps_json *body,
			const struct shim_io_ends *ends, int rootfs, struct cps_err *err)
{
	static const struct shim_link_ops ops = {
		.spawned = spawned,
		.console = console,
		.reply = reply,
		.done = done,
	};
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	unsigned nfds = s->ct.terminal ? 0 : 3;
	int fds[4] = { ends->fds[0], ends->fds[1], ends->fds[2], -1 };
	struct cps_jsonw w;
	int rc;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", s->ct.restored ? CPS_OP_RESTORE : CPS_OP_CREATE);
	cps_jsonw_str(&w, "root", s->root);
	cps_jsonw_str(&w, "id", s->id);
	cps_jsonw_str(&w, "bundle", s->ct.bundle);
	cps_jsonw_str(&w, "cgroup_parent", s->ct.cgroup_parent ? s->ct.cgroup_parent : "/capsule");
	if (s->ct.systemd)
		cps_jsonw_str(&w, "systemd", s->ct.systemd);
	cps_jsonw_bool(&w, "adopt_dir", true);
	if (s->ct.no_pivot)
		cps_jsonw_bool(&w, "no_pivot", true);
	if (s->ct.no_new_keyring)
		cps_jsonw_bool(&w, "no_new_keyring", true);
	if (s->ct.user)
		cps_jsonw_str(&w, "user", s->ct.user);
	rc = s->ct.restored ? shim_checkpoint_pass(body, &w, err) : 0;
	if (rc < 0)
		return rc;
	if (nfds > 0 || rootfs >= 0)
		cps_jsonw_open(&w, "fds", '[');
	for (unsigned i = 0; i < nfds; i++)
		cps_jsonw_str(&w, NULL, names[i]);
	if (rootfs >= 0) {
		cps_jsonw_str(&w, NULL, "rootfs");
		fds[nfds++] = rootfs;
	}
	if (nfds > 0)
		cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "create");
	return shim_link_start(s, b.data, b.len, fds, nfds, &ops, s, &s->ct.link, err);
}

/* The client's own descriptors, if it has given any: without a terminal they are the container's,
 * as they are; with one they are attached. */
static int stdio_take(struct shim *s, struct shim_request *r, struct shim_io_ends *ends,
		      struct cps_err *err)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	struct shim_container *ct = &s->ct;
	int *to = ct->terminal ? ct->io.given : ends->fds;
	unsigned n = 0;

	for (int i = 0; i < 3; i++) {
		to[i] = cps_frame_take_fd(r->frame, names[i]);
		n += to[i] >= 0;
	}
	if (ct->terminal || n == 0)
		return 0;
	if (n < 3)
		return cps_failx(err, EINVAL, "create: stdin, stdout and stderr come together");
	if (ct->log.driver)
		return cps_failx(err, EINVAL,
				 "create: who gives its own stdio gets no log: driver \"none\"");
	ct->stdio_given = true;
	return 0;
}

static int create_start(struct shim *s, struct shim_request *r, struct cps_err *err)
{
	struct shim_container *ct = &s->ct;
	struct shim_io_ends ends = SHIM_IO_ENDS_INIT;
	struct shim_bundle bundle = { .terminal = false };
	/* The runtime's, and not ours for longer than it takes to pass it on: a mount that somebody
	 * has open cannot go. */
	cleanup_fd int rootfs = cps_frame_take_fd(r->frame, "rootfs");
	int rc = shim_params_parse(s, r->body, err);

	if (rc == 0)
		rc = shim_bundle_load(ct->bundle, &bundle, err);
	if (rc < 0)
		return rc;
	if (r->restored && (rootfs >= 0 || ct->user))
		return cps_failx(err, ENOTSUP,
				 "restore: the container of an image cannot be restored");
	ct->restored = r->restored;
	ct->terminal = bundle.terminal;
	ct->uid = bundle.uid;
	ct->gid = bundle.gid;
	rc = stdio_take(s, r, &ends, err);
	if (rc == 0 && !ct->terminal && !ct->stdio_given)
		rc = shim_io_open(&ct->io, s->dir, ct->want_stdin, ct->uid, ct->gid, &ends, err);
	if (rc == 0)
		rc = shim_waiter_add(&ct->create_waiters, r->conn, r->id, err);
	if (rc == 0) {
		rc = request_send(s, r->body, &ends, rootfs, err);
		if (rc < 0)
			shim_waiter_drop(&ct->create_waiters);
	}
	shim_io_ends_close(&ends);
	if (rc == 0)
		shim_record_update(s); /* the runtime is at work already, and needs longer */
	return rc;
}

/* What a failed create leaves of ours in the state directory. */
static void files_remove(struct shim *s)
{
	static const char *const names[] = { "stdin", "stdout", "stderr", "log", "shim.json" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(s->dir, names[i], 0);
}

int shim_act_create_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	int rc = create_start(s, arg, err);

	if (rc < 0) {
		shim_events_failed(s, CPS_EVLOG_CREATE_FAILED, err);
		files_remove(s);
		shim_container_done(s);
	}
	return rc;
}

/* ---- and after ---- */

/* The log first: without it the container would run unheard. */
static int settle(struct shim *s, struct cps_err *err)
{
	struct shim_container *ct = &s->ct;
	struct shim_log *log = NULL;
	int rc = 0;

	if (ct->log.driver)
		rc = shim_log_open(&ct->log, s->dir, SHIM_LOG_JOURNAL, &s->scratch, &log, err);
	if (rc == 0)
		rc = shim_record_save(s, err);
	if (rc == 0 && ct->pid_file)
		rc = shim_pid_file_write(ct->pid_file, ct->init.pid, err);
	if (rc < 0) {
		shim_log_free(log);
		return cps_wrap(err, rc, "create");
	}
	shim_io_start(&ct->io, log);
	shim_attach_given(&ct->io, &ct->create_waiters);
	return 0;
}

int shim_act_create_done(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_container *ct = &s->ct;
	char ok[32];

	(void)arg;
	(void)err;
	(void)clock_gettime(CLOCK_REALTIME, &ct->created_at);
	if (settle(s, &ct->failed) < 0) {
		/* The container is there but of no use: answer, and clear it away as `delete
		 * --force` does. */
		shim_events_failed(s, CPS_EVLOG_CREATE_FAILED, &ct->failed);
		shim_waiters_error(&ct->create_waiters, &ct->failed, NULL);
		ct->delete_wanted = true;
		ct->quit_wanted = true;
		cps_free_at(&ct->exit_command); /* for its maker there was no container */
		(void)shim_child_signal(&ct->init, SIGKILL);
	} else {
		(void)snprintf(ok, sizeof(ok), "{\"pid\":%d}", (int)ct->init.pid);
		shim_events_life(s, ct->restored ? CPS_EVLOG_RESTORE : CPS_EVLOG_CREATE);
		shim_waiters_ok(&ct->create_waiters, ok, NULL, 0);
		shim_keep_tell(s, NULL);
		if (ct->restored) {
			shim_event_send(s, CPS_EVENT_STARTED, NULL);
			shim_health_start(ct->health);
		}
	}
	if (ct->init.exited)
		shim_news(s, SHIM_E_INIT_EXITED); /* held back until now */
	return 0;
}

/* Created and started in one. */
int shim_act_restore_done(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)clock_gettime(CLOCK_REALTIME, &s->ct.started_at);
	return shim_act_create_done(owner, arg, err);
}

int shim_act_create_failed(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;

	(void)arg;
	(void)err;
	shim_waiters_error(&s->ct.create_waiters, &s->ct.failed, s->ct.failed_step);
	files_remove(s);
	shim_container_done(s);
	if (shim_conns_only_keepers(s))
		shim_news(s, SHIM_E_CLIENTS_GONE);
	return 0;
}

/* A client has lost its patience with a create that hangs (a hook, a dead file server). */
int shim_act_create_abort(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_request *r = arg;

	if (r) {
		int rc = shim_waiter_add(&s->ct.delete_waiters, r->conn, r->id, err);

		if (rc < 0)
			return rc;
	}
	s->ct.delete_wanted = true;
	if (s->ct.link)
		shim_link_kill(s->ct.link);
	return 0;
}

/* Told again by shim_act_create_done, or void with the create's failure. */
int shim_act_exit_hold(void *owner, void *arg, struct cps_err *err)
{
	(void)owner;
	(void)arg;
	(void)err;
	return 0;
}
