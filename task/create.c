/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Create: a task, its shim, its mounts, its stdio; then the shim is asked.
 */
#include <config.h>
#include "pod.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "events.pb-c.h"
#include "foreign.h"
#include "json.h"
#include "bundle-log.h"
#include "loop.h"
#include "mounts.h"
#include "opt.h"
#include "options.h"
#include "own.h"
#include "proto.h"
#include "setup.h"

#define FOREIGN_ROOT "/run/containerd/runc" /* where runc's shim has its containers */

static void create_failed(struct task *t, const struct cps_err *why)
{
	struct task_call *call = t->init.start_call;

	t->init.start_call = NULL;
	if (t->mounted)
		task_mounts_detach(t->bundle);
	t->mounted = false;
	task_error(call, why->num == EEXIST ? TASK_ALREADY_EXISTS : TASK_UNKNOWN,
		   "OCI runtime create failed: %s", why->msg);
	t->failed = true;
	event_active(&t->later_event, EV_TIMEOUT, 0); /* the shim may be the one who tells us */
}

static void created(struct task_process *p, const struct cps_json *ok, const struct cps_err *why,
		    struct task_call *call)
{
	struct task *t = p->task;
	Task__PidReply reply = TASK__PID_REPLY__INIT;
	Events__TaskCreate e = EVENTS__TASK_CREATE__INIT;
	Events__TaskIo io = EVENTS__TASK_IO__INIT;
	const Task__CreateRequest *r = t->request;
	struct cps_err ignored;
	int64_t pid = 0;

	p->starting = false;
	if (why) {
		create_failed(t, why);
		return;
	}
	(void)cps_json_i64(cps_json_get(ok, "pid"), 1, INT32_MAX, &pid, &ignored);
	p->pid = (uint32_t)pid;
	if (p->status == TASK__STATUS__UNKNOWN)
		p->status = TASK__STATUS__CREATED;
	e.container_id = t->id;
	e.bundle = t->bundle;
	e.rootfs = r->rootfs;
	e.n_rootfs = r->n_rootfs;
	e.io = &io;
	io.stdin = p->io.paths[0];
	io.stdout = p->io.paths[1];
	io.stderr = p->io.paths[2];
	io.terminal = p->io.terminal;
	e.checkpoint = r->checkpoint;
	e.pid = p->pid;
	task_publish(&t->pod->publisher, "/tasks/create", "containerd.events.TaskCreate", &e.base);
	p->start_call = NULL;
	t->request = NULL;
	reply.pid = p->pid;
	task_reply(call, &reply.base);
	task_settle(t, false);
}

static int create_ask(struct task *t, int fds[3], struct cps_err *err)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	unsigned nfds = 0;
	struct cps_jsonw w;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/init.pid", t->bundle);
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_CREATE);
	cps_jsonw_str(&w, "bundle", t->bundle);
	cps_jsonw_str(&w, "pid_file", path);
	cps_jsonw_i64(&w, "jobs_max", 0);
	cps_jsonw_raw(&w, "log", "{\"driver\":\"none\"}");
	if (t->systemd_cgroup)
		cps_jsonw_str(&w, "systemd", task_beside("capsule-systemd", path, sizeof(path)));
	if (t->no_pivot)
		cps_jsonw_bool(&w, "no_pivot", true);
	if (t->no_new_keyring)
		cps_jsonw_bool(&w, "no_new_keyring", true);
	cps_jsonw_open(&w, "fds", '[');
	task_fds_name(&w, fds, &nfds);
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	if (b.failed) {
		for (unsigned i = 0; i < nfds; i++)
			cps_close(&fds[i]);
		return cps_fail(err, ENOMEM, "create");
	}
	t->init.starting = true;
	return task_ask(&t->init, b.data, fds, nfds, created, t->init.start_call, err);
}

void task_create_go(struct task *t)
{
	struct cps_err err;
	int fds[3];
	int rc = task_streams_open(&t->init.io, fds, &err);

	if (task_process_waits(&t->init, rc))
		return;
	if (rc == 0)
		rc = create_ask(t, fds, &err);
	if (rc < 0)
		create_failed(t, &err);
}

static void on_note(void *owner, const struct timespec *at, const char *text)
{
	const struct task *t = owner;

	task_log(t->bundle, t->pod->ns, t->id, at, text);
}

/* Where that runtime has its own state. */
static int foreign_save(const struct task *t, const char *binary, const char *root,
			struct cps_err *err)
{
	struct task_foreign f = { .binary = binary, .systemd = t->systemd_cgroup };
	cleanup_free char *path = NULL;

	if (asprintf(&path, "%s/%s", root[0] ? root : FOREIGN_ROOT, t->pod->ns) < 0) {
		path = NULL;
		return cps_fail(err, ENOMEM, "create");
	}
	f.root = path;
	return task_foreign_save(t->shim.dir, &f, err);
}

static int shim_up(struct task *t, const Task__Options *o, struct cps_err *err)
{
	struct shim *s = &t->shim;
	char foreign[PATH_MAX] = "";
	int rc;

	shim_init(s, t->root, t->id);
	t->shim_up = true;
	s->over = task_over;
	s->process = t;
	s->note.tell = on_note;
	s->note.owner = t;
	rc = shim_scratch_init(&s->scratch, err);
	if (rc == 0)
		rc = task_runtime_open(o->binary_name, foreign, sizeof(foreign), &s->runtime_fd,
				       err);
	if (rc == 0 && asprintf(&s->dir_path, "%s/%s", s->root, s->id) < 0) {
		s->dir_path = NULL;
		rc = cps_fail(err, ENOMEM, "create");
	}
	if (rc == 0)
		rc = shim_dir_make(s, err);
	if (rc == 0 && foreign[0])
		rc = foreign_save(t, foreign, o->root, err);
	if (rc < 0)
		return rc;
	shim_loop_join(s, t->pod->base);
	shim_container_init(s);
	shim_identity_find(s);
	t->conn = shim_conn_inside(s, task_take, t);
	if (!t->conn)
		return cps_fail(err, ENOMEM, "create");
	return shim_loop_listen(s, err);
}

static int task_new(struct task_pod *pod, const Task__CreateRequest *r, const Task__Options *o,
		    struct task **ret, struct cps_err *err)
{
	struct task *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return cps_fail(err, ENOMEM, "create");
	t->pod = pod;
	t->systemd_cgroup = o->systemd_cgroup;
	t->no_pivot = o->no_pivot_root;
	t->no_new_keyring = o->no_new_keyring;
	t->io_uid = o->io_uid;
	t->io_gid = o->io_gid;
	LIST_INIT(&t->asked);
	TAILQ_INIT(&t->execs);
	LIST_INSERT_HEAD(&pod->tasks, t, link);
	task_events_init(t);
	task_process_init(&t->init, t);
	*ret = t;
	t->id = strdup(r->id);
	t->bundle = strdup(r->bundle);
	t->criu = strdup(o->criu_path);
	t->init.exec_id = strdup("");
	if (asprintf(&t->root, "%s/%s", o->root[0] ? o->root : TASK_STATE_ROOT, pod->ns) < 0)
		t->root = NULL;
	if (!t->id || !t->bundle || !t->criu || !t->init.exec_id || !t->root)
		return cps_fail(err, ENOMEM, "create");
	rc = task_bundle_look(t->bundle, &t->own_pids, err);
	if (rc == 0)
		rc = task_root_save(t->bundle, t->root, err);
	if (rc == 0)
		rc = task_process_streams(&t->init, t->id, r->stdin, r->stdout, r->stderr,
					  r->terminal, err);
	if (rc == 0)
		rc = shim_up(t, o, err);
	if (rc == 0) {
		rc = task_mounts_attach(t->bundle, r->rootfs, r->n_rootfs, err);
		t->mounted = rc == 0 && r->n_rootfs > 0;
	}
	return rc;
}

void task_create(struct task_pod *pod, struct task_call *call, const Task__CreateRequest *r)
{
	cleanup_message Task__Options *o = task_options_of(r->options);
	struct task *t = NULL;
	struct cps_err err;
	int rc;

	if (!o || !cps_is_name(r->id) || r->bundle[0] != '/' || r->checkpoint[0]) {
		task_error(call, r->checkpoint[0] ? TASK_UNIMPLEMENTED : TASK_INVALID_ARGUMENT,
			   r->checkpoint[0] ? "create from a checkpoint is not supported"
					    : "create: bad id, bundle or options");
		return;
	}
	if (task_find(pod, r->id)) {
		task_error(call, TASK_ALREADY_EXISTS, "task %s: already exists", r->id);
		return;
	}
	rc = task_new(pod, r, o, &t, &err);
	if (t) {
		t->init.start_call = call;
		t->request = (Task__CreateRequest *)r; /* the call's, which is not answered yet */
	}
	if (rc == 0)
		task_create_go(t);
	else if (t)
		create_failed(t, &err);
	else
		task_error(call, TASK_RESOURCE_EXHAUSTED, "%s", err.msg);
}
