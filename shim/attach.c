/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attached clients, see attach.h.
 */
#include <config.h>
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conn.h"
#include "io.h"
#include "own.h"
#include "shim.h"

#define PIPE_BYTES 262144
#define QUEUE_MAX  262144 /* bytes that a client of flow `drop` may lag behind its pipe */
#define INPUT_MAX  16384

/* One output of one client. */
struct tap {
	struct shim_attach *attach;
	int fd;
	struct event event;
	bool file;
	bool ending;
	char *queue; /* QUEUE_MAX bytes while anything is in it */
	size_t from;
	size_t len;
};

struct shim_attach {
	LIST_ENTRY(shim_attach) of_io;
	LIST_ENTRY(shim_attach) of_conn;
	struct shim_io *io;
	bool wait;
	bool dropped; /* for good; freed with its connection */
	struct tap taps[SHIM_STREAM_COUNT];
	int in_fd;
	struct event in_event;
	bool in_ended; /* nothing more comes, but something is left */
	size_t in_from;
	size_t in_len;
	char in[INPUT_MAX];
};

/* ---- output ---- */

static void tap_close(struct tap *t)
{
	if (t->fd < 0)
		return;
	if (!t->file)
		(void)event_del(&t->event);
	cps_close(&t->fd);
	cps_free_at(&t->queue);
	t->len = 0;
}

/* 0: all gone; 1: some is left; < 0: the client is gone. */
static int tap_write(struct tap *t, const char *data, size_t len, size_t *ret_done)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(t->fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	*ret_done = done;
	return done < len ? 1 : 0;
}

static void in_close(struct shim_attach *a);

static void attach_drop(struct shim_attach *a)
{
	a->dropped = true;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		tap_close(&a->taps[i]);
	a->in_len = 0;
	in_close(a);
}

static void on_tap(evutil_socket_t fd, short what, void *arg)
{
	struct tap *t = arg;
	struct shim_io *io = t->attach->io;
	size_t done = 0;
	int rc;

	(void)fd;
	(void)what;
	if (t->fd < 0)
		return;
	rc = tap_write(t, t->queue + t->from, t->len, &done);
	if (rc < 0) {
		tap_close(t);
	} else {
		t->from += done;
		t->len -= done;
		if (t->len > 0)
			(void)event_add(&t->event, NULL);
		else
			cps_free_at(&t->queue);
		if (t->len == 0 && t->ending)
			tap_close(t);
	}
	shim_io_update(io);
}

/* Puts what the pipe did not take into the queue. False: there is no room. */
static bool tap_queue(struct tap *t, const char *data, size_t len)
{
	if (!t->queue) {
		t->queue = malloc(QUEUE_MAX);
		t->from = 0;
		t->len = 0;
	}
	if (!t->queue || len > QUEUE_MAX - t->len)
		return false;
	if (t->from + t->len + len > QUEUE_MAX) {
		memmove(t->queue, t->queue + t->from, t->len);
		t->from = 0;
	}
	memcpy(t->queue + t->from + t->len, data, len);
	t->len += len;
	(void)event_add(&t->event, NULL);
	return true;
}

void shim_attach_feed(struct shim_io *io, enum shim_stream_name n, const char *data, size_t len)
{
	struct shim_attach *a;

	LIST_FOREACH(a, &io->attaches, of_io)
	{
		struct tap *t = &a->taps[n];
		size_t done = 0;
		int rc = 1;

		if (t->fd < 0)
			continue;
		if (t->len == 0)
			rc = tap_write(t, data, len, &done);
		if (rc < 0 && t->file) {
			/* its disk is full, say: there may be room for what comes later */
			shim_note(&io->shim->note, "output to an attached file is lost: %s",
				  strerror(-rc));
		} else if (rc < 0) {
			tap_close(t);
		} else if (rc > 0 && !tap_queue(t, data + done, len - done)) {
			shim_note(&io->shim->note, "an attached client does not read: dropped");
			attach_drop(a);
		}
	}
}

void shim_attach_end(struct shim_io *io, enum shim_stream_name n)
{
	struct shim_attach *a;

	LIST_FOREACH(a, &io->attaches, of_io)
	{
		a->taps[n].ending = true;
		if (a->taps[n].len == 0)
			tap_close(&a->taps[n]);
	}
}

void shim_attach_end_all(struct shim_io *io)
{
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		shim_attach_end(io, (enum shim_stream_name)i);
}

bool shim_attach_is_waiting(const struct shim_io *io)
{
	struct shim_attach *a;

	LIST_FOREACH(a, &io->attaches, of_io)
	{
		for (int i = 0; a->wait && i < SHIM_STREAM_COUNT; i++) {
			if (a->taps[i].len > 0)
				return true;
		}
	}
	return false;
}

/* ---- input ---- */

/* The end of the last attached stdin is the end of the container's. A terminal has no such end:
 * there it is a character that the client sends. */
static void in_close(struct shim_attach *a)
{
	if (a->in_fd < 0)
		return;
	(void)event_del(&a->in_event);
	cps_close(&a->in_fd);
	a->in_ended = false;
	if (--a->io->stdin_users == 0 && !a->io->terminal)
		shim_io_stdin_close(a->io);
}

/* Passes on what was read. False: something is left. */
static bool in_flush(struct shim_attach *a)
{
	while (a->in_len > 0) {
		ssize_t n = shim_io_stdin_write(a->io, a->in + a->in_from, a->in_len);

		if (n == 0) {
			shim_io_stdin_wait(a->io);
			return false;
		}
		if (n < 0) {
			a->in_len = 0; /* the container reads no more: a pipe would break, too */
			in_close(a);
			return true;
		}
		a->in_from += (size_t)n;
		a->in_len -= (size_t)n;
	}
	return true;
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct shim_attach *a = arg;
	ssize_t n;

	(void)what;
	if (a->in_fd < 0 || a->in_len > 0)
		return;
	n = read(fd, a->in, sizeof(a->in));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		in_close(a);
		return;
	}
	a->in_from = 0;
	a->in_len = (size_t)n;
	if (!in_flush(a))
		(void)event_del(&a->in_event);
}

void shim_attach_stdin_flush(struct shim_io *io)
{
	struct shim_attach *a;

	LIST_FOREACH(a, &io->attaches, of_io)
	{
		if (a->in_fd < 0 || a->in_len == 0)
			continue;
		if (!in_flush(a))
			return;
		if (a->in_fd >= 0)
			(void)event_add(&a->in_event, NULL);
	}
}

/* ---- life ---- */

static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_pipe_or_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static int fds_check(const int fds[3], struct cps_err *err)
{
	for (int i = 0; i < 3; i++) {
		/* We make them non-blocking, and that would show in every other copy of a terminal.
		 * A file takes what is written at once. */
		if (fds[i] >= 0 && !is_pipe_or_socket(fds[i]) && (i == 0 || !is_file(fds[i])))
			return cps_failx(err, EINVAL,
					 "attach: descriptors must be ends of pipes or sockets, or "
					 "files for output");
	}
	return 0;
}

static void tap_open(struct tap *t, struct shim_attach *a, int fd)
{
	t->attach = a;
	t->fd = fd;
	t->file = fd >= 0 && is_file(fd);
	if (fd < 0 || t->file)
		return;
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* a socket refuses */
	(void)event_assign(&t->event, a->io->shim->base, fd, EV_WRITE, on_tap, t);
}

int shim_attach_open(struct shim_io *io, struct shim_conn *c, bool wait, const int fds[3],
		     struct cps_err *err)
{
	struct shim_attach *a = NULL;
	int rc = fds_check(fds, err);

	if (rc == 0) {
		a = calloc(1, sizeof(*a));
		if (!a)
			rc = cps_fail(err, ENOMEM, "attach");
	}
	if (rc < 0) {
		for (int i = 0; i < 3; i++) {
			int fd = fds[i];

			cps_close(&fd);
		}
		return rc;
	}
	a->io = io;
	a->wait = wait;
	a->in_fd = fds[0];
	LIST_INSERT_HEAD(&io->attaches, a, of_io);
	LIST_INSERT_HEAD(&c->attaches, a, of_conn);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		tap_open(&a->taps[i], a, fds[1 + i]);
		/* A terminal has one output, and what is over has none. */
		if (io->started && io->streams[i].fd < 0)
			tap_close(&a->taps[i]);
	}
	if (a->in_fd >= 0) {
		io->stdin_users++;
		(void)fcntl(a->in_fd, F_SETFL, O_NONBLOCK);
		(void)event_assign(&a->in_event, io->shim->base, a->in_fd, EV_READ | EV_PERSIST,
				   on_input, a);
		if (io->stdin_fd >= 0)
			(void)event_add(&a->in_event, NULL);
		else
			in_close(a);
	}
	return 0;
}

void shim_attach_given(struct shim_io *io, const struct shim_waiters *waiters)
{
	const struct shim_waiter *w = LIST_FIRST(waiters);
	struct cps_err err;

	if (w && (io->given[0] >= 0 || io->given[1] >= 0)) {
		/* It closes them whatever happens. */
		if (shim_attach_open(io, w->conn, true, io->given, &err) < 0)
			shim_note(&io->shim->note, "%s", err.msg);
		for (int i = 0; i < 3; i++)
			io->given[i] = -1;
	}
	for (int i = 0; i < 3; i++)
		cps_close(&io->given[i]); /* whoever asked has left */
}

void shim_attach_free(struct shim_attach *a)
{
	struct shim_io *io = a->io;

	attach_drop(a);
	LIST_REMOVE(a, of_io);
	LIST_REMOVE(a, of_conn);
	free(a);
	shim_io_update(io);
}

unsigned shim_attach_count(const struct shim_conn *c)
{
	const struct shim_attach *a;
	unsigned n = 0;

	LIST_FOREACH(a, &c->attaches, of_conn)
	{
		n++;
	}
	return n;
}

void shim_attach_free_all(struct shim_io *io)
{
	struct shim_attach *a;

	while ((a = LIST_FIRST(&io->attaches)) != NULL)
		shim_attach_free(a);
}
