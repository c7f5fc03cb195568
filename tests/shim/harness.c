/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the shim: the surroundings, see harness.h.
 */
#include <config.h>
#include "harness.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "proc.h"

#define PATIENCE_MS 10000

int64_t h_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void file_write(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

void h_fake(struct h *h, const char *fake)
{
	file_write(h->bundle, "fake.json", fake);
}

static const char *build_dir(void)
{
	const char *dir = getenv("TOP_BUILDDIR");

	return dir ? dir : ".";
}

void (*h_before_exec)(void);

static void shim_exec(struct h *h, int client, bool adopt)
{
	char shim[512];
	char runtime[512];
	char fd[16];

	(void)snprintf(shim, sizeof(shim), "%s/capsule-shim", build_dir());
	(void)snprintf(runtime, sizeof(runtime), "%s/tests/shim/fake-runtime", build_dir());
	(void)snprintf(fd, sizeof(fd), "%d", client);
	(void)fcntl(client, F_SETFD, 0);
	/* A test that is killed takes its shim along; one that fails does so by h_end. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (h_before_exec)
		h_before_exec();
	(void)execl(shim, shim, "--root", h->root, "--id", "c1", "--client-fd", fd, "--runtime",
		    runtime, adopt ? "--adopt" : (char *)NULL, (char *)NULL);
	_exit(126);
}

static void hello(struct h *h, int sock)
{
	struct cps_frame f;
	uint32_t id =
		h_send(h, sock, "\"op\":\"hello\",\"protocol\":1,\"version\":\"test\"", NULL, 0);

	h_reply(h, sock, id, &f);
	ck_assert_ptr_nonnull(cps_json_get(f.body, "ok"));
}

/* A failed assertion leaves the test's process by exit(3), without its teardown. */
static struct h *to_end;
static pid_t to_end_in;

static void at_exit(void)
{
	if (to_end && to_end_in == getpid())
		h_end(to_end);
}

static void shim_fork(struct h *h, bool adopt)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	h->shim = fork();
	if (h->shim == 0)
		shim_exec(h, pair[1], adopt);
	(void)close(pair[1]);
	h->sock = pair[0];
}

void h_start_silent(struct h *h, const char *process, const char *fake)
{
	char config[4096];

	memset(h, 0, sizeof(*h));
	to_end = h;
	to_end_in = getpid();
	ck_assert_int_eq(atexit(at_exit), 0);
	/* What the shim leaves behind when it is killed becomes ours. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)snprintf(h->dir, sizeof(h->dir), "/tmp/shim-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(h->dir));
	(void)snprintf(h->root, sizeof(h->root), "%s/root", h->dir);
	(void)snprintf(h->bundle, sizeof(h->bundle), "%s/bundle", h->dir);
	(void)snprintf(h->state, sizeof(h->state), "%s/c1", h->root);
	ck_assert_int_eq(mkdir(h->bundle, 0700), 0);
	(void)snprintf(config, sizeof(config), "{\"ociVersion\":\"1.0.2\",\"process\":%s}",
		       process);
	file_write(h->bundle, "config.json", config);
	file_write(h->bundle, "memory.events", "low 0\noom 0\noom_kill 0\n");
	h_fake(h, fake ? fake : "{}");

	shim_fork(h, false);
}

void h_start(struct h *h, const char *process, const char *fake)
{
	h_start_silent(h, process, fake);
	hello(h, h->sock);
}

void h_kill_shim(struct h *h)
{
	int status;

	(void)kill(h->shim, SIGKILL);
	ck_assert_int_eq(waitpid(h->shim, &status, 0), h->shim);
	h->shim = 0;
	cps_close(&h->sock);
}

bool h_adopter(struct h *h, int *ret_errno)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	uint32_t id;

	shim_fork(h, true);
	id = h_send(h, h->sock, "\"op\":\"hello\",\"protocol\":1,\"version\":\"test\"", NULL, 0);
	h_reply(h, h->sock, id, &f);
	*ret_errno = -cps_reply_check(&f, &ok, &err);
	return *ret_errno == 0;
}

const struct cps_json *h_adopt(struct h *h)
{
	int num;

	ck_assert_msg(h_adopter(h, &num), "%s", strerror(num));
	return h_ok(h, "\"op\":\"adopt\"");
}

void h_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Kills all children, and theirs as they become ours. */
static void children_kill(void)
{
	for (int i = 0; i < 200; i++) {
		char path[64];
		char pids[4096];
		ssize_t n;
		int fd;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd >= 0 ? read(fd, pids, sizeof(pids) - 1) : 0;
		(void)close(fd);
		if (n <= 0)
			return;
		pids[n] = '\0';
		for (char *p = strtok(pids, " "); p; p = strtok(NULL, " "))
			(void)kill(atoi(p), SIGKILL);
		(void)usleep(5000);
	}
}

void h_end(struct h *h)
{
	struct cps_err err;

	to_end = NULL;
	cps_close(&h->sock);
	if (h->shim > 0)
		(void)kill(h->shim, SIGKILL);
	children_kill();
	(void)cps_remove_tree(AT_FDCWD, h->dir, &err);
	cps_arena_done(&h->arena);
}

int h_connect(struct h *h)
{
	int dir = open(h->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int sock = cps_sock_connect(dir, "shim.sock", 0);

	(void)close(dir);
	ck_assert_int_ge(sock, 0);
	hello(h, sock);
	return sock;
}

uint32_t h_send(struct h *h, int sock, const char *members, const int *fds, unsigned nfds)
{
	struct cps_err err;
	char json[4096];
	int n = snprintf(json, sizeof(json), "{%s}", members);
	int rc = cps_frame_send(sock, CPS_FRAME_REQUEST, ++h->next_id, json, (size_t)n, fds, nfds,
				0, &err);

	ck_assert_msg(rc == 0, "send %s: %s", members, err.msg);
	return h->next_id;
}

bool h_recv(struct h *h, int sock, struct cps_frame *f)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct cps_err err;
	int rc;

	ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "nothing came within %d ms", PATIENCE_MS);
	f->nfds = 0;
	rc = cps_frame_recv(sock, 0, &h->arena, f, &err);
	if (rc == 0 || rc == -ECONNRESET)
		return false;
	ck_assert_msg(rc == 1, "receive: %s", err.msg);
	return true;
}

void h_reply(struct h *h, int sock, uint32_t id, struct cps_frame *f)
{
	do {
		ck_assert_msg(h_recv(h, sock, f), "the shim closed the connection");
	} while (f->kind != CPS_FRAME_REPLY || f->id != id);
}

const struct cps_json *h_ok(struct h *h, const char *fmt, ...)
{
	const struct cps_json *ok = NULL;
	struct cps_frame f;
	struct cps_err err;
	char members[2048];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(members, sizeof(members), fmt, args);
	va_end(args);
	h_reply(h, h->sock, h_send(h, h->sock, members, NULL, 0), &f);
	ck_assert_msg(cps_reply_check(&f, &ok, &err) == 0, "%s: %s", members, err.msg);
	return ok;
}

int h_error(struct h *h, const char **ret_message, const char *fmt, ...)
{
	struct cps_frame f;
	char members[2048];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(members, sizeof(members), fmt, args);
	va_end(args);
	h_reply(h, h->sock, h_send(h, h->sock, members, NULL, 0), &f);
	ck_assert_msg(cps_json_get(f.body, "error") != NULL, "%s succeeded", members);
	if (ret_message)
		*ret_message = h_str(cps_json_get(f.body, "error"), "message");
	return (int)h_num(cps_json_get(f.body, "error"), "errno");
}

const struct cps_json *h_event(struct h *h, int sock, const char *name)
{
	struct cps_frame f;

	do {
		ck_assert_msg(h_recv(h, sock, &f), "the shim closed the connection");
	} while (f.kind != CPS_FRAME_EVENT || strcmp(h_str(f.body, "event"), name) != 0);
	return f.body;
}

void h_create_with(struct h *h, const char *more)
{
	(void)h_ok(h, "\"op\":\"create\",\"bundle\":\"%s\"%s", h->bundle, more);
}

void h_create(struct h *h)
{
	h_create_with(h, "");
}

void h_run(struct h *h, const char *process, const char *more)
{
	h_start(h, process, NULL);
	h_create_with(h, more);
	(void)h_ok(h, "\"op\":\"start\"");
}

void h_is_well(struct h *h)
{
	ck_assert_str_eq(h_str(h_ok(h, "\"op\":\"state\""), "id"), "c1");
}

void h_file_has(struct h *h, const char *name, const char *text)
{
	char *data = NULL;

	for (int i = 0; i < 500; i++) {
		data = h_file(h, name, NULL);
		if (data && strstr(data, text))
			break;
		free(data);
		data = NULL;
		(void)usleep(10000);
	}
	ck_assert_msg(data != NULL, "'%s' is not in %s", text, name);
	free(data);
}

void h_wait_zombie(pid_t pid)
{
	for (int i = 0; i < 500 && cps_proc_state(pid) != 'Z'; i++)
		(void)usleep(10000);
	ck_assert_int_eq(cps_proc_state(pid), 'Z');
}

unsigned h_shim_fds(struct h *h)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	h_is_well(h); /* it has done with what came before */
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)h->shim);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

int h_main(const char *name, TCase *tc)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

long h_num(const struct cps_json *o, const char *key)
{
	struct cps_err err;
	int64_t n = 0;

	ck_assert_msg(cps_json_i64(cps_json_get(o, key), INT64_MIN, INT64_MAX, &n, &err) == 0,
		      "%s: %s", key, err.msg);
	return (long)n;
}

const char *h_str(const struct cps_json *o, const char *key)
{
	struct cps_err err;
	const char *s = NULL;

	ck_assert_msg(cps_json_str(cps_json_get(o, key), &s, &err) == 0, "%s: %s", key, err.msg);
	return s;
}

char *h_file(struct h *h, const char *name, size_t *ret_len)
{
	struct cps_err err;
	char path[512];
	char *text = NULL;
	size_t len = 0;

	if (name[0] == '/')
		(void)snprintf(path, sizeof(path), "%s", name);
	else
		(void)snprintf(path, sizeof(path), "%s/%s", h->state, name);
	if (cps_file_read(AT_FDCWD, path, 1u << 30, &text, &len, &err) < 0)
		return NULL;
	if (ret_len)
		*ret_len = len;
	return text;
}

char *h_log_text(struct h *h, const char *name, size_t *ret_len)
{
	size_t len = 0;
	char *text = h_file(h, name, &len);
	size_t out = 0;
	size_t i = 0;

	ck_assert_msg(text != NULL, "no log '%s'", name);
	while (i < len) {
		char *newline = memchr(text + i, '\n', len - i);
		char *tag = text + i;
		size_t n;

		ck_assert_msg(newline != NULL, "the log's last record is torn");
		for (int spaces = 0; spaces < 2; tag++)
			spaces += *tag == ' ';
		ck_assert(*tag == 'F' || *tag == 'P');
		n = (size_t)(newline - (tag + 2));
		i = (size_t)(newline - text) + 1;
		/* the text only shrinks, so it can be put together in place */
		bool end = *tag == 'F';

		memmove(text + out, tag + 2, n);
		out += n;
		if (end)
			text[out++] = '\n';
	}
	text[out] = '\0';
	if (ret_len)
		*ret_len = out;
	return text;
}

void h_shim_gone(struct h *h, int expected_status)
{
	int64_t until = h_now_ms() + 5000;
	int status;

	while (waitpid(h->shim, &status, WNOHANG) == 0) {
		ck_assert_msg(h_now_ms() < until, "the shim is still there");
		(void)usleep(2000);
	}
	h->shim = 0;
	ck_assert_int_eq(status, expected_status);
}

int h_process_memfd(const char *json)
{
	struct cps_err err;
	int fd = cps_memfd_sealed("process", json, strlen(json), &err);

	ck_assert_int_ge(fd, 0);
	return fd;
}
