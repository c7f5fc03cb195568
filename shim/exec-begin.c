/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an exec session begins: the parameters of `exec`, a job's directory, the runtime's work.
 */
#include <config.h>
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "events.h"
#include "exec-run.h"
#include "file.h"
#include "job-record.h"
#include "ops.h"
#include "own.h"
#include "proto.h"
#include "runtime-link.h"
#include "shim.h"

#define PROCESS_MAX (1024u * 1024)
#define ARGS_MAX    4096 /* kept of a job's arguments, for the list of jobs */
#define RUNNING_MAX 1024

/* A random UUID (RFC 4122, version 4). */
static int uuid_make(char ret[SHIM_EXEC_ID_SIZE], struct cps_err *err)
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return cps_fail(err, errno, "exec: getrandom");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret, SHIM_EXEC_ID_SIZE,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		       b[13], b[14], b[15]);
	return 0;
}

static int flag_parse(const struct cps_json *body, const char *key, bool *ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(body, key);

	return node ? cps_json_bool(node, ret, err) : 0;
}

/* What the list of jobs shows, and (uid, gid, or NULL) whose the FIFOs are. Read with pread: the
 * runtime reads the same description from its start. */
static int process_look(struct shim_exec *x, int fd, uid_t *uid, gid_t *gid, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_free char *text = NULL;
	const struct cps_json *root = NULL;
	const struct cps_json *user;
	struct cps_buf b = CPS_BUF_INIT;
	struct cps_jsonw w;
	uint64_t id;
	struct stat st;
	ssize_t n;
	int rc;

	if (fstat(fd, &st) < 0)
		return cps_fail(err, errno, "exec: process");
	if (!S_ISREG(st.st_mode) || st.st_size > PROCESS_MAX)
		return cps_failx(err, EINVAL, "exec: process is no memory file of at most %u bytes",
				 PROCESS_MAX);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return cps_fail(err, ENOMEM, "exec");
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0)
		return cps_fail(err, errno, "exec: read process");
	rc = cps_json_parse(&arena, text, (size_t)n, &root, err);
	if (rc < 0)
		return cps_wrap(err, rc, "exec: process");
	user = cps_json_get(root, "user");
	if (uid && cps_json_get(user, "uid") &&
	    cps_json_u64(cps_json_get(user, "uid"), UINT32_MAX - 1, &id, err) == 0)
		*uid = (uid_t)id;
	if (gid && cps_json_get(user, "gid") &&
	    cps_json_u64(cps_json_get(user, "gid"), UINT32_MAX - 1, &id, err) == 0)
		*gid = (gid_t)id;
	if (cps_json_get(root, "args")) {
		cps_jsonw_init(&w, &b, false);
		cps_jsonw_node(&w, NULL, cps_json_get(root, "args"));
	}
	if (b.len > ARGS_MAX) {
		cps_buf_done(&b);
		cps_jsonw_init(&w, &b, false);
		shim_args_format(cps_json_get(root, "args"), ARGS_MAX / 2, &w, NULL);
	}
	if (b.failed)
		cps_buf_done(&b);
	else
		x->args = b.data;
	return 0;
}

/* exec/<id>/ with FIFOs and log. */
static int job_files(struct shim_exec *x, const struct shim_request *r, int process,
		     struct shim_io_ends *ends, struct cps_err *err)
{
	struct shim *s = x->shim;
	cleanup_free char *path = NULL;
	cleanup_fd int dir = -1;
	uid_t uid = s->ct.uid;
	gid_t gid = s->ct.gid;
	int rc = process_look(x, process, &uid, &gid, err);

	if (rc < 0)
		return rc;
	if (asprintf(&path, "%s/exec/%s/log", s->dir_path, x->id) < 0) {
		path = NULL;
		return cps_fail(err, ENOMEM, "exec");
	}
	rc = shim_log_config_parse(cps_json_get(r->body, "log"), path, &x->log, err);
	if (rc < 0)
		return rc;
	if (mkdirat(s->dir, "exec", 0700) < 0 && errno != EEXIST)
		return cps_fail(err, errno, "mkdir 'exec'");
	dir = openat(s->dir, "exec", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, x->id, 0700) < 0)
		return cps_fail(err, errno, "mkdir 'exec/%s'", x->id);
	x->run->dir = openat(dir, x->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (x->run->dir < 0)
		return cps_fail(err, errno, "open 'exec/%s'", x->id);
	if (!x->terminal)
		rc = shim_io_open(&x->run->io, x->run->dir, false, uid, gid, ends, err);
	if (rc == 0 && x->log.driver)
		rc = shim_log_open(&x->log, x->run->dir, SHIM_LOG_JOURNAL, &s->scratch,
				   &x->run->log, err);
	return rc;
}

/* ---- the runtime's work ---- */

static void on_exit_of_child(void *owner)
{
	shim_exec_news(owner, SHIM_EXEC_E_EXITED);
}

static void spawned(void *owner, pid_t pid, int pidfd)
{
	struct shim_exec *x = owner;

	shim_child_add(x->shim, &x->run->child, pid, pidfd, on_exit_of_child, x);
	if (!x->detach)
		return;
	/* Before anybody is told of the job: a successor of ours must know it. */
	x->pid = pid;
	(void)clock_gettime(CLOCK_REALTIME, &x->started_at);
	shim_job_save(x);
}

int shim_exec_adopt_child(struct shim_exec *x, pid_t pid, int pidfd, struct cps_err *err)
{
	return shim_child_adopt(x->shim, &x->run->child, pid, pidfd, on_exit_of_child, x, err);
}

static void console(void *owner, int master)
{
	struct shim_exec *x = owner;

	if (x->detach) {
		shim_io_console(&x->run->io, master);
		return;
	}
	cps_close(&x->run->console);
	x->run->console = master;
}

static void done(void *owner, int rc, const struct cps_err *why, const char *step)
{
	struct shim_exec *x = owner;
	struct shim_exec_run *run = x->run;

	run->link = NULL;
	if (rc == 0 && !run->child.listed)
		rc = cps_failx(&run->failed, EPROTO,
			       "exec: the runtime did not say which process it made");
	else if (rc < 0)
		run->failed = *why;
	(void)snprintf(run->failed_step, sizeof(run->failed_step), "%s", step);
	shim_exec_news(x, rc == 0 ? SHIM_EXEC_E_DONE : SHIM_EXEC_E_FAILED);
}

static int request_send(struct shim_exec *x, bool replace, int process, const int stdio[3],
			struct cps_err *err)
{
	static const struct shim_link_ops ops = {
		.spawned = spawned,
		.console = console,
		.done = done,
	};
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	int fds[4] = { process, stdio[0], stdio[1], stdio[2] };
	struct cps_jsonw w;

	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_EXEC);
	cps_jsonw_str(&w, "root", x->shim->root);
	cps_jsonw_str(&w, "id", x->shim->id);
	cps_jsonw_bool(&w, "replace", replace);
	cps_jsonw_bool(&w, "terminal", x->terminal);
	cps_jsonw_raw(&w, "fds",
		      x->terminal ? "[\"process\"]"
				  : "[\"process\",\"stdin\",\"stdout\",\"stderr\"]");
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "exec");
	return shim_link_start(x->shim, b.data, b.len, fds, x->terminal ? 1 : 4, &ops, x,
			       &x->run->link, err);
}

static int exec_start(struct shim_exec *x, struct shim_request *r, struct cps_err *err)
{
	cleanup_fd int process = cps_frame_take_fd(r->frame, "process");
	cleanup_fd int in = cps_frame_take_fd(r->frame, "stdin");
	cleanup_fd int out = cps_frame_take_fd(r->frame, "stdout");
	cleanup_fd int error = cps_frame_take_fd(r->frame, "stderr");
	struct shim_io_ends ends = SHIM_IO_ENDS_INIT;
	struct cps_err ignored;
	bool replace = false;
	int rc = flag_parse(r->body, "detach", &x->detach, err);

	if (rc == 0)
		rc = flag_parse(r->body, "terminal", &x->terminal, err);
	if (rc == 0)
		rc = flag_parse(r->body, "replace", &replace, err);
	if (rc == 0)
		rc = flag_parse(r->body, "pidfd", &x->run->pidfd_wanted, err);
	if (rc < 0)
		return rc;
	if (process < 0)
		return cps_failx(err, EINVAL, "exec: no descriptor `process`");
	if (!x->detach && !x->terminal && (in < 0 || out < 0 || error < 0))
		return cps_failx(err, EINVAL,
				 "exec: stdin, stdout and stderr are needed in the foreground");
	if (x->detach) {
		rc = job_files(x, r, process, &ends, err);
		if (rc == 0 && x->terminal) {
			x->run->io.given[0] = take_fd(&in);
			x->run->io.given[1] = take_fd(&out);
		}
	} else {
		ends.fds[0] = take_fd(&in);
		ends.fds[1] = take_fd(&out);
		ends.fds[2] = take_fd(&error);
	}
	if (rc == 0)
		rc = shim_waiter_add(&x->run->start_waiters, r->conn, r->id, err);
	if (rc == 0) {
		rc = request_send(x, replace, process, ends.fds, err);
		if (rc < 0)
			shim_waiter_drop(&x->run->start_waiters);
		else if (!x->detach) /* for the record; the runtime works meanwhile */
			(void)process_look(x, process, NULL, NULL, &ignored);
	}
	shim_io_ends_close(&ends);
	return rc;
}

struct shim_exec *shim_exec_new(struct shim *s, enum shim_exec_state state)
{
	struct shim_exec *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->shim = s;
	x->machine = (struct shim_machine){
		.table = &shim_exec_table,
		.state = state,
		.actions = shim_exec_actions,
		.owner = x,
		.trace = &s->trace,
		.tag = 1, /* until it has a name */
	};
	TAILQ_INSERT_TAIL(&s->execs, x, link);
	return x;
}

int shim_act_exec_begin(void *owner, void *arg, struct cps_err *err)
{
	struct shim *s = owner;
	struct shim_exec *x;
	int rc;

	shim_execs_tidy(s);
	if (shim_execs_running(s) >= RUNNING_MAX)
		return cps_failx(err, EBUSY, "exec: %d sessions run already", RUNNING_MAX);
	x = shim_exec_new(s, SHIM_EXEC_SPAWNING);
	if (!x)
		return cps_fail(err, ENOMEM, "exec");
	s->trace.execs++;
	rc = uuid_make(x->id, err);
	x->machine.tag = shim_trace_tag(x->id);
	if (rc == 0)
		rc = shim_exec_run_new(x, err);
	if (rc == 0) {
		x->run->oom_kills = shim_oom_count(&s->ct.oom);
		rc = exec_start(x, arg, err);
	}
	if (rc < 0)
		shim_exec_free(x, true);
	return rc;
}
