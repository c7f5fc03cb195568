/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `serve`: the shim runs this program where it would run capsule-runtime, for a container whose
 * runtime is another one. It is asked by link B (docs/protocol.md), and has that runtime do it.
 *
 * What the runtime leaves behind is our child for a moment, since we are a subreaper: it can
 * neither end nor be reaped unseen before we have said which process it is. It goes to the shim
 * when we end.
 */
#include <config.h>
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "foreign.h"
#include "frame.h"
#include "json.h"
#include "own.h"
#include "proc.h"
#include "proto.h"

#define LINK_FD	  3
#define CGROUPS	  "/sys/fs/cgroup"
#define PROC_MAX  65536
#define PID_FILE  "foreign.pid"
#define CONSOLE	  "console.sock"
#define ARGUMENTS 24

struct service {
	struct cps_arena arena;
	struct cps_frame frame;
	const char *root, *id;
	struct task_foreign runtime;
	int stdio[3];
	int dir;   /* the state directory */
	bool made; /* the runtime has done its part */
	struct cps_buf ok;
};

static int get_str(const struct service *s, const char *key, const char **ret, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(s->frame.body, key);

	if (!node)
		return cps_failx(err, EINVAL, "the request lacks '%s'", key);
	return cps_json_str(node, ret, err);
}

static bool is_set(const struct service *s, const char *key)
{
	const struct cps_json *node = cps_json_get(s->frame.body, key);
	struct cps_err ignored;
	bool value = false;

	return node && cps_json_bool(node, &value, &ignored) == 0 && value;
}

static int event_send(const char *json, int fd, struct cps_err *err)
{
	return cps_frame_send(LINK_FD, CPS_FRAME_EVENT, 0, json, strlen(json), &fd, fd >= 0, 0,
			      err);
}

/* ---- cgroups ---- */

/* One line of /proc/PID/cgroup, "4:cpu,cpuacct:/path", with what is there of it. */
static void cgroup_write(struct cps_jsonw *w, struct cps_buf *memory, char *line)
{
	char *names = strchr(line, ':');
	char *path = names ? strchr(names + 1, ':') : NULL;
	char dir[PATH_MAX];

	if (!path)
		return;
	*path++ = '\0';
	names++;
	if (!names[0]) {
		bool alone = access(CGROUPS "/cgroup.controllers", F_OK) == 0;

		(void)snprintf(dir, sizeof(dir), CGROUPS "%s%s", alone ? "" : "/unified", path);
		if (access(dir, F_OK) == 0)
			cps_jsonw_str(w, "unified", dir);
		if (alone)
			cps_buf_printf(memory, "%s/memory.events", dir);
		return;
	}
	for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
		if (strncmp(name, "name=", 5) == 0)
			name += 5;
		(void)snprintf(dir, sizeof(dir), CGROUPS "/%s%s", name, path);
		if (access(dir, F_OK) == 0)
			cps_jsonw_str(w, name, dir);
		if (strcmp(name, "memory") == 0)
			cps_buf_printf(memory, "%s/memory.oom_control", dir);
	}
}

static void cgroups_write(struct cps_jsonw *w, pid_t pid)
{
	cleanup_buf struct cps_buf memory = CPS_BUF_INIT;
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	char path[64];
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (cps_file_read(AT_FDCWD, path, PROC_MAX, &text, &len, &ignored) < 0)
		return;
	cps_jsonw_open(w, "cgroups", '{');
	for (char *line = text; *line;) {
		char *end = line + strcspn(line, "\n");
		bool more = *end;

		*end = '\0';
		cgroup_write(w, &memory, line);
		line = end + more;
	}
	cps_jsonw_close(w, '}');
	cps_jsonw_str(w, "memory_events",
		      memory.len > 0 && access(memory.data, R_OK) == 0 ? memory.data : NULL);
}

/* ---- processes ---- */

/* What --console-socket is told; *ret_listener -1 without a terminal. */
static int console_listen(const struct service *s, bool terminal, int *ret_listener, char path[64],
			  struct cps_err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	cleanup_fd int fd = -1;

	*ret_listener = -1;
	if (!terminal)
		return 0;
	(void)unlinkat(s->dir, CONSOLE, 0);
	(void)snprintf(path, 64, "/proc/%d/fd/%d/" CONSOLE, (int)getpid(), s->dir);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1) < 0)
		return cps_fail(err, errno, "make the console's socket");
	*ret_listener = take_fd(&fd);
	return 0;
}

/* The runtime has ended: what it was to send is there. */
static int console_pass_on(int listener, struct cps_err *err)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { 0 } };
	char text[256];
	struct iovec io = { .iov_base = text, .iov_len = sizeof(text) };
	struct msghdr m = { .msg_iov = &io,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	cleanup_fd int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	cleanup_fd int master = -1;
	const struct cmsghdr *c;

	if (conn < 0 || recvmsg(conn, &m, MSG_CMSG_CLOEXEC) < 0)
		return cps_fail(err, errno, "take the console");
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return cps_failx(err, EPROTO, "the runtime has sent no console");
	memcpy(&master, CMSG_DATA(c), sizeof(int));
	return event_send("{\"event\":\"" CPS_EVENT_CONSOLE "\",\"fds\":[\"console\"]}", master,
			  err);
}

/* The process that the runtime has left behind. */
static int spawned_tell(const struct service *s, pid_t *ret_pid, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	cleanup_fd int pidfd = -1;
	char json[128];
	size_t len;
	int rc = cps_file_read(s->dir, PID_FILE, 32, &text, &len, err);

	if (rc < 0)
		return cps_wrap(err, rc, "the runtime's pid file");
	*ret_pid = (pid_t)strtol(text, NULL, 10);
	pidfd = *ret_pid > 0 ? cps_pidfd_open(*ret_pid) : -ESRCH;
	if (pidfd < 0)
		return cps_fail(err, -pidfd, "process %d", (int)*ret_pid);
	(void)snprintf(json, sizeof(json),
		       "{\"event\":\"" CPS_EVENT_SPAWNED "\",\"pid\":%d,\"fds\":[\"pidfd\"]}",
		       (int)*ret_pid);
	return event_send(json, pidfd, err);
}

/* Create or exec: words are the runtime's so far, with room for six more. */
static int process_make(struct service *s, const char **words, size_t n, bool terminal,
			pid_t *ret_pid, struct cps_err *err)
{
	static const int none[3] = { -1, -1, -1 };
	cleanup_fd int listener = -1;
	char console[64];
	char pid_file[64];
	int rc = console_listen(s, terminal, &listener, console, err);

	if (rc < 0)
		return rc;
	(void)snprintf(pid_file, sizeof(pid_file), "/proc/%d/fd/%d/" PID_FILE, (int)getpid(),
		       s->dir);
	(void)unlinkat(s->dir, PID_FILE, 0);
	words[n++] = "--pid-file";
	words[n++] = pid_file;
	if (terminal) {
		words[n++] = "--console-socket";
		words[n++] = console;
	}
	words[n++] = s->id;
	words[n] = NULL;
	rc = task_foreign_run(&s->runtime, words, terminal ? none : s->stdio, err);
	s->made = rc == 0;
	if (rc == 0)
		rc = spawned_tell(s, ret_pid, err);
	if (rc == 0 && terminal)
		rc = console_pass_on(listener, err);
	(void)unlinkat(s->dir, CONSOLE, 0);
	(void)unlinkat(s->dir, PID_FILE, 0);
	return rc;
}

/* ---- operations ---- */

static int wants_terminal(struct service *s, const char *bundle, bool *ret, struct cps_err *err)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct cps_json *config = NULL;
	const struct cps_json *node;
	int rc;

	if (dir < 0)
		return cps_fail(err, errno, "open bundle '%s'", bundle);
	rc = cps_json_load(&s->arena, dir, "config.json", 4u << 20, &config, err);
	node = cps_json_get(cps_json_get(config, "process"), "terminal");
	return rc == 0 && node ? cps_json_bool(node, ret, err) : rc;
}

static int serve_create(struct service *s, struct cps_err *err)
{
	const char *words[ARGUMENTS] = { "create", "--bundle" };
	bool terminal = false;
	struct cps_jsonw w;
	uint64_t start = 0;
	pid_t pid = 0;
	size_t n = 3;
	int rc = get_str(s, "bundle", &words[2], err);

	if (rc == 0)
		rc = wants_terminal(s, words[2], &terminal, err);
	if (is_set(s, "no_pivot"))
		words[n++] = "--no-pivot";
	if (is_set(s, "no_new_keyring"))
		words[n++] = "--no-new-keyring";
	if (rc == 0)
		rc = process_make(s, words, n, terminal, &pid, err);
	if (rc < 0 && s->made) {
		/* the shim takes it that nothing is there */
		const char *const undo[] = { "delete", "--force", s->id, NULL };
		struct cps_err ignored;

		(void)task_foreign_run(&s->runtime, undo, s->stdio, &ignored);
	}
	if (rc < 0)
		return rc;
	(void)cps_proc_start_time(pid, &start);
	cps_jsonw_init(&w, &s->ok, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_i64(&w, "pid", pid);
	cps_jsonw_u64(&w, "start_time", start);
	cgroups_write(&w, pid);
	cps_jsonw_bool(&w, "poststart", true); /* it is started by its own runtime */
	cps_jsonw_bool(&w, "terminal", terminal);
	cps_jsonw_close(&w, '}');
	return 0;
}

static int serve_exec(struct service *s, struct cps_err *err)
{
	const char *words[ARGUMENTS] = { "exec", "--detach", "--process" };
	cleanup_fd int fd = cps_frame_take_fd(&s->frame, "process");
	char process[64];
	pid_t pid = 0;
	int rc;

	if (fd < 0)
		return cps_failx(err, EINVAL, "the request lacks the descriptor 'process'");
	(void)snprintf(process, sizeof(process), "/proc/%d/fd/%d", (int)getpid(), fd);
	words[3] = process;
	rc = process_make(s, words, 4, is_set(s, "terminal"), &pid, err);
	if (rc == 0)
		cps_buf_printf(&s->ok, "{\"pid\":%d}", (int)pid);
	return rc;
}

static int serve_kill(struct service *s, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(s->frame.body, "signal");
	const char *words[ARGUMENTS] = { "kill" };
	char number[16];
	int64_t signal = 0;
	size_t n = 1;
	int rc = node ? cps_json_i64(node, 0, 64, &signal, err)
		      : cps_failx(err, EINVAL, "the request lacks 'signal'");

	if (rc < 0)
		return rc;
	(void)snprintf(number, sizeof(number), "%d", (int)signal);
	if (is_set(s, "all"))
		words[n++] = "--all";
	words[n++] = s->id;
	words[n++] = number;
	return task_foreign_run(&s->runtime, words, s->stdio, err);
}

static int serve_delete(struct service *s, struct cps_err *err)
{
	const char *const words[] = { "delete", is_set(s, "force") ? "--force" : s->id,
				      is_set(s, "force") ? s->id : NULL, NULL };
	int rc = task_foreign_run(&s->runtime, words, s->stdio, err);

	return rc == -ENOENT ? 0 : rc;
}

static int serve_update(struct service *s, struct cps_err *err)
{
	const char *const words[] = { "update", "--resources", "-", s->id, NULL };
	const struct cps_json *node = cps_json_get(s->frame.body, "resources");
	cleanup_free char *text = node ? cps_json_text(node) : NULL;
	cleanup_fd int in = -1;
	int fds[3] = { -1, -1, -1 };

	if (!text)
		return cps_failx(err, EINVAL, "the request lacks 'resources'");
	in = cps_memfd_sealed("resources", text, strlen(text), err);
	if (in < 0)
		return in;
	fds[0] = in;
	return task_foreign_run(&s->runtime, words, fds, err);
}

/* start, pause, resume: a word and the container. */
static int serve_word(struct service *s, struct cps_err *err)
{
	const char *words[] = { NULL, s->id, NULL };
	int rc = get_str(s, "op", &words[0], err);

	return rc < 0 ? rc : task_foreign_run(&s->runtime, words, s->stdio, err);
}

static int serve_op(struct service *s, struct cps_err *err)
{
	static const struct {
		const char *name;
		int (*serve)(struct service *s, struct cps_err *err);
	} ops[] = {
		{ CPS_OP_CREATE, serve_create }, { CPS_OP_START, serve_word },
		{ CPS_OP_EXEC, serve_exec },	 { CPS_OP_KILL, serve_kill },
		{ CPS_OP_DELETE, serve_delete }, { CPS_OP_PAUSE, serve_word },
		{ CPS_OP_RESUME, serve_word },	 { CPS_OP_UPDATE, serve_update },
	};
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	const char *op;
	char *path;
	int rc = get_str(s, "op", &op, err);

	if (rc == 0)
		rc = get_str(s, "root", &s->root, err);
	if (rc == 0)
		rc = get_str(s, "id", &s->id, err);
	if (rc == 0)
		rc = task_foreign_load(&s->arena, s->root, s->id, &s->runtime, err);
	if (rc < 0)
		return rc;
	path = cps_arena_printf(&s->arena, "%s/%s", s->root, s->id);
	s->dir = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	for (int i = 0; i < 3; i++)
		s->stdio[i] = cps_frame_take_fd(&s->frame, names[i]);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(op, ops[i].name) == 0)
			return ops[i].serve(s, err);
	}
	return cps_failx(err, ENOSYS, "%s: not with the OCI runtime '%s'", op, s->runtime.binary);
}

int task_cmd_serve(struct cps_err *err)
{
	struct service s = { .arena = CPS_ARENA_INIT, .stdio = { -1, -1, -1 }, .dir = -1 };
	struct cps_err why;
	int rc;

	if (fcntl(LINK_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return cps_fail(err, errno, "serve");
	rc = cps_frame_recv(LINK_FD, 0, &s.arena, &s.frame, err);
	if (rc <= 0)
		return rc < 0 ? rc : cps_failx(err, EPIPE, "serve: no request came");
	if (serve_op(&s, &why) < 0)
		rc = cps_reply_error(LINK_FD, s.frame.id, &why, NULL, 0, err);
	else
		rc = cps_reply_ok(LINK_FD, s.frame.id, s.ok.len ? s.ok.data : "{}", NULL, 0, 0,
				  err);
	for (int i = 0; i < 3; i++)
		cps_close(&s.stdio[i]);
	cps_close(&s.dir);
	cps_frame_done(&s.frame);
	cps_buf_done(&s.ok);
	cps_arena_done(&s.arena);
	return rc;
}
