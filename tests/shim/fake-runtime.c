/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A runtime for tests of the shim: speaks link B on fd 3 and makes "containers" that are plain
 * processes waiting at a gate. <bundle>/fake.json says how it shall misbehave:
 *
 *   {"create":{"delay_ms":N, "fail":"message", "step":"row", "die":"early|late",
 *              "beside_ms":N, "linger_ms":N, "init_exit":N, "killed_after_gate":true,
 *              "silent":true}, "start":{…}, "exec":{…}, "delete":{…}}
 *
 * delay: before anything; fail: an error reply; die: SIGKILL itself before or after `spawned`;
 * beside: between `spawned` and the reply; linger: between the reply and its exit; init_exit: init
 * exits so, without waiting at the gate; killed_after_gate: init dies at once when let through;
 * silent: no `spawned` event; poststart: ask for `start`. What came with `create` and `exec` is
 * left in <bundle>/create.asked and exec.asked. `checkpoint` kills what there is, unless it is to
 * go on; `restore` is a `create` that waits at no gate.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "frame.h"
#include "gate.h"
#include "own.h"
#include "proc.h"

#define SOCK 3

struct fake {
	struct cps_arena arena;
	const struct cps_json *req;
	struct cps_frame *frame;
	const struct cps_json *how; /* of this operation, or NULL */
	const struct cps_json *config;
	const char *root;
	const char *id;
	char dir[4096];
	char bundle[4096];
};

static const char *str(const struct cps_json *o, const char *key, const char *otherwise)
{
	struct cps_err err;
	const char *s = otherwise;

	if (cps_json_get(o, key))
		(void)cps_json_str(cps_json_get(o, key), &s, &err);
	return s;
}

static long num(const struct cps_json *o, const char *key, long otherwise)
{
	struct cps_err err;
	int64_t n = otherwise;

	if (cps_json_get(o, key))
		(void)cps_json_i64(cps_json_get(o, key), INT32_MIN, INT32_MAX, &n, &err);
	return (long)n;
}

static bool flag(const struct cps_json *o, const char *key)
{
	struct cps_err err;
	bool b = false;

	if (cps_json_get(o, key))
		(void)cps_json_bool(cps_json_get(o, key), &b, &err);
	return b;
}

static void sleep_ms(long ms)
{
	(void)usleep((useconds_t)ms * 1000);
}

static const struct cps_json *json_file(struct fake *f, const char *folder, const char *name)
{
	const struct cps_json *root = NULL;
	char path[8192];
	struct cps_err err;
	char *text;
	size_t len;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (cps_file_read(AT_FDCWD, path, 1 << 20, &text, &len, &err) < 0)
		return NULL;
	(void)cps_json_parse(&f->arena, text, len, &root, &err);
	free(text);
	return root;
}

static void die_if(const struct fake *f, const char *when)
{
	if (strcmp(str(f->how, "die", ""), when) == 0)
		(void)raise(SIGKILL);
}

static void event_spawned(const struct fake *f, pid_t pid)
{
	int pidfd = cps_pidfd_open(pid);
	struct cps_err err;
	char json[128];

	if (flag(f->how, "silent"))
		return;
	(void)snprintf(json, sizeof(json), "{\"event\":\"spawned\",\"pid\":%d,\"fds\":[\"pidfd\"]}",
		       (int)pid);
	(void)cps_frame_send(SOCK, CPS_FRAME_EVENT, 0, json, strlen(json), &pidfd, 1, 0, &err);
	cps_close(&pidfd);
}

static int fail(struct fake *f)
{
	struct cps_err why;
	struct cps_err err;

	if (!cps_json_get(f->how, "fail"))
		return 0;
	(void)cps_failx(&why, (int)num(f->how, "errno", EPERM), "%s", str(f->how, "fail", ""));
	(void)cps_reply_error(SOCK, f->frame->id, &why,
			      cps_json_get(f->how, "step") ? str(f->how, "step", "") : NULL, 0,
			      &err);
	return -1;
}

static void ok(struct fake *f, const char *json)
{
	struct cps_err err;

	(void)cps_reply_ok(SOCK, f->frame->id, json, NULL, 0, 0, &err);
	sleep_ms(num(f->how, "linger_ms", 0));
}

static void asked_save(const struct fake *f, const char *name)
{
	cleanup_fd int dir = open(f->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = cps_json_text(f->req);
	struct cps_err err;

	(void)cps_file_replace(dir, name, text, strlen(text), 0600, &err);
}

/* ---- the process ---- */

static void gate_pass(int listener)
{
	struct cps_gate_packet p;

	for (;;) {
		int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (conn >= 0 && cps_gate_recv(conn, 0, &p) == 1 && p.kind == CPS_GATE_GO) {
			(void)cps_gate_send(conn, CPS_GATE_ACCEPTED, 0, NULL);
			(void)close(listener);
			return; /* conn is closed by execve */
		}
		if (conn >= 0)
			(void)close(conn);
	}
}

static char **args_of(struct fake *f, const struct cps_json *process)
{
	const struct cps_json *args = cps_json_get(process, "args");
	char **argv = cps_arena_array(&f->arena, (args ? args->count : 0) + 1, sizeof(char *));
	unsigned i = 0;

	for (const struct cps_json *a = args ? args->first : NULL; a; a = a->next)
		argv[i++] = (char *)(uintptr_t)a->text;
	return argv;
}

static pid_t process_make(struct fake *f, const struct cps_json *process, int stdio[3],
			  bool terminal, int listener, int *ret_master)
{
	char **argv = args_of(f, process);
	struct cps_err why;
	int slave = -1;
	pid_t pid;

	if (terminal && openpty(ret_master, &slave, NULL, NULL, NULL) < 0)
		return -1;
	pid = fork();
	if (pid != 0) {
		cps_close(&slave);
		return pid;
	}
	(void)setsid();
	if (terminal) {
		(void)ioctl(slave, TIOCSCTTY, 0);
		(void)close(*ret_master);
	}
	for (int i = 0; i < 3; i++)
		(void)dup2(terminal ? slave : stdio[i], i);
	(void)close(SOCK);
	if (cps_json_get(f->how, "init_exit"))
		_exit((int)num(f->how, "init_exit", 0));
	if (listener >= 0)
		gate_pass(listener);
	if (flag(f->how, "killed_after_gate"))
		(void)kill(getpid(), SIGKILL);
	for (int i = 4; i < 64; i++) {
		if (fcntl(i, F_GETFD) >= 0)
			(void)fcntl(i, F_SETFD, FD_CLOEXEC);
	}
	(void)execvp(argv[0], argv);
	(void)cps_fail(&why, errno, "exec '%s'", argv[0]);
	/* the gate's connection is the lowest free number above stdio */
	for (int i = 3; i < 64; i++)
		(void)cps_gate_send(i, CPS_GATE_FAILED, 0, &why);
	_exit(127);
}

static void event_console(int master)
{
	static const char json[] = "{\"event\":\"console\",\"fds\":[\"console\"]}";
	struct cps_err err;

	(void)cps_frame_send(SOCK, CPS_FRAME_EVENT, 0, json, sizeof(json) - 1, &master, 1, 0, &err);
}

static int stdio_take(struct fake *f, int stdio[3])
{
	stdio[0] = cps_frame_take_fd(f->frame, "stdin");
	stdio[1] = cps_frame_take_fd(f->frame, "stdout");
	stdio[2] = cps_frame_take_fd(f->frame, "stderr");
	return 0;
}

/* What the real one records, as far as a successor of the shim reads it. */
static void state_save(const struct fake *f, int dir, pid_t pid, uint64_t start, bool terminal)
{
	char json[512];
	char boot[37] = "";
	struct cps_err err;
	int n;

	(void)cps_boot_id(boot, &err);
	n = snprintf(json, sizeof(json),
		     "{\"pid\":%d,\"startTime\":%llu,\"bootId\":\"%s\",\"created\":"
		     "\"2026-01-02T03:04:05Z\",\"poststart\":%s,\"terminal\":%s}",
		     (int)pid, (unsigned long long)start, boot,
		     flag(f->how, "poststart") ? "true" : "false", terminal ? "true" : "false");
	(void)cps_file_replace(dir, "state.json", json, (size_t)n, 0600, &err);
}

static void create(struct fake *f, bool gate)
{
	uint64_t start_time = 0;
	const struct cps_json *process = cps_json_get(f->config, "process");
	char link[8192];
	char reply[16384];
	bool terminal = flag(process, "terminal");
	int stdio[3];
	int master = -1;
	int listener = -1;
	int dir;
	pid_t pid;

	asked_save(f, "create.asked");
	(void)snprintf(link, sizeof(link), "%s/fake-bundle", f->dir);
	if (symlink(f->bundle, link) < 0)
		_exit(2);
	dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)flock(dir, LOCK_EX | LOCK_NB);
	if (gate)
		listener = cps_sock_listen(dir, CPS_GATE_SOCKET, 0, 4);
	(void)stdio_take(f, stdio);
	pid = process_make(f, process, stdio, terminal, listener, &master);
	(void)cps_proc_start_time(pid, &start_time);
	die_if(f, "early");
	event_spawned(f, pid);
	state_save(f, dir, pid, start_time, terminal);
	if (terminal)
		event_console(master);
	die_if(f, "late");
	sleep_ms(num(f->how, "beside_ms", 0));
	(void)flock(dir, LOCK_UN);
	(void)snprintf(reply, sizeof(reply),
		       "{\"pid\":%d,\"start_time\":%llu,\"memory_events\":\"%s/memory.events\","
		       "\"cgroups\":{\"memory\":\"%s\"},\"poststart\":%s,\"terminal\":%s}",
		       (int)pid, (unsigned long long)start_time, f->bundle, f->bundle,
		       flag(f->how, "poststart") ? "true" : "false", terminal ? "true" : "false");
	ok(f, reply);
}

static void exec_op(struct fake *f)
{
	const struct cps_json *process = NULL;
	int fd = cps_frame_take_fd(f->frame, "process");
	bool terminal = flag(f->req, "terminal");
	struct cps_err err;
	char reply[64];
	int stdio[3];
	int master = -1;
	cleanup_free char *text = NULL;
	size_t len;
	pid_t pid;

	asked_save(f, "exec.asked");
	if (cps_fd_read(fd, "process", 1 << 20, &text, &len, &err) == 0)
		(void)cps_json_parse(&f->arena, text, len, &process, &err);
	(void)stdio_take(f, stdio);
	pid = process_make(f, process, stdio, terminal, -1, &master);
	die_if(f, "early");
	event_spawned(f, pid);
	if (terminal)
		event_console(master);
	die_if(f, "late");
	(void)snprintf(reply, sizeof(reply), "{\"pid\":%d}", (int)pid);
	ok(f, reply);
}

static void start(struct fake *f)
{
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int conn = cps_sock_connect(dir, CPS_GATE_SOCKET, 0);
	struct cps_gate_packet p;

	(void)flock(dir, LOCK_SH | LOCK_NB);
	sleep_ms(num(f->how, "beside_ms", 0));
	(void)cps_gate_send(conn, CPS_GATE_GO, 0, NULL);
	while (cps_gate_recv(conn, 0, &p) > 0)
		;
	sleep_ms(num(f->how, "hooks_ms", 0));
	ok(f, "{}");
}

static void kill_op(struct fake *f)
{
	char path[8192];
	struct cps_err err;
	cleanup_free char *text = NULL;
	size_t len;

	/* All that was ever put into this "cgroup": the sessions listed in a file. */
	(void)snprintf(path, sizeof(path), "%s/fake-pids", f->dir);
	if (cps_file_read(AT_FDCWD, path, 4096, &text, &len, &err) == 0) {
		for (char *p = strtok(text, " \n"); p; p = strtok(NULL, " \n"))
			(void)kill(-atoi(p), (int)num(f->req, "signal", SIGTERM));
	}
	ok(f, "{}");
}

static void checkpoint(struct fake *f)
{
	long pid = num(json_file(f, f->dir, "state.json"), "pid", 0);

	if (pid > 0 && !flag(cps_json_get(f->req, "options"), "leave-running"))
		(void)kill((pid_t)pid, SIGKILL);
	sleep_ms(num(f->how, "beside_ms", 0));
	ok(f, "{}");
}

static void delete_op(struct fake *f)
{
	static const char *const names[] = { "gate.sock", "fake-bundle", "fake-pids",
					     "state.json" };
	char path[8192];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		(void)unlink(path);
	}
	ok(f, "{}");
}

int main(void)
{
	struct cps_frame frame;
	struct fake f = { .frame = &frame };
	const struct cps_json *all;
	struct cps_err err;
	const char *op;
	ssize_t n;

	if (cps_frame_recv(SOCK, 0, &f.arena, &frame, &err) != 1)
		return 1;
	f.req = frame.body;
	op = str(f.req, "op", "");
	f.root = str(f.req, "root", "");
	f.id = str(f.req, "id", "");
	(void)snprintf(f.dir, sizeof(f.dir), "%s/%s", f.root, f.id);
	if (strcmp(op, "create") == 0 || strcmp(op, "restore") == 0) {
		(void)snprintf(f.bundle, sizeof(f.bundle), "%s", str(f.req, "bundle", ""));
	} else {
		char link[8192];

		(void)snprintf(link, sizeof(link), "%s/fake-bundle", f.dir);
		n = readlink(link, f.bundle, sizeof(f.bundle) - 1);
		f.bundle[n > 0 ? n : 0] = '\0';
	}
	f.config = json_file(&f, f.bundle, "config.json");
	all = json_file(&f, f.bundle, "fake.json");
	f.how = cps_json_get(all, op);
	sleep_ms(num(f.how, "delay_ms", 0));
	if (fail(&f) < 0) {
		cps_arena_done(&f.arena);
		return 1;
	}
	if (strcmp(op, "create") == 0 || strcmp(op, "restore") == 0)
		create(&f, strcmp(op, "create") == 0);
	else if (strcmp(op, "checkpoint") == 0)
		checkpoint(&f);
	else if (strcmp(op, "start") == 0)
		start(&f);
	else if (strcmp(op, "exec") == 0)
		exec_op(&f);
	else if (strcmp(op, "kill") == 0)
		kill_op(&f);
	else if (strcmp(op, "delete") == 0)
		delete_op(&f);
	cps_arena_done(&f.arena);
	return 0;
}
