/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stdio of a container or job, see io.h.
 *
 * stdout and stderr are opened O_RDWR for the container: each then has a reader and a writer even
 * without us, so that if the shim dies a write neither fails nor is lost. We notice the end all the
 * same, since our own end is O_RDONLY: it reads EOF when no process of the container has one left.
 */
#include <config.h>
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "file.h"
#include "own.h"
#include "shim.h"

#define PIPE_BYTES   262144 /* of each FIFO, if we may */
#define DRAIN_CHUNKS 32	    /* read at once when the process has exited */
#define LOG_RETRY_MS 200
#define PTY_RETRY_MS 100
#define QUIET_MS     1000

static void on_stream(evutil_socket_t fd, short what, void *arg);
static void on_stdin(evutil_socket_t fd, short what, void *arg);
static void on_retry(evutil_socket_t fd, short what, void *arg);

static void timer_arm(struct event *e, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(e, &tv); /* without memory for the timer: the next event does its work */
}

void shim_io_ends_close(struct shim_io_ends *e)
{
	for (int i = 0; i < 3; i++)
		cps_close(&e->fds[i]);
}

void shim_io_init(struct shim_io *io, struct shim *s, void (*closed)(void *owner), void *owner)
{
	memset(io, 0, sizeof(*io));
	io->shim = s;
	io->stdin_fd = -1;
	io->closed = closed;
	io->owner = owner;
	LIST_INIT(&io->attaches);
	for (int i = 0; i < 3; i++)
		io->given[i] = -1;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		io->streams[i].io = io;
		io->streams[i].name = (enum shim_stream_name)i;
		io->streams[i].fd = -1;
	}
	(void)event_assign(&io->retry_event, s->base, -1, 0, on_retry, io);
}

/* ---- opening ---- */

static int fifo_make(int dirfd, const char *name, uid_t uid, gid_t gid, struct cps_err *err)
{
	if (mkfifoat(dirfd, name, 0600) < 0 && errno != EEXIST)
		return cps_fail(err, errno, "make FIFO '%s'", name);
	if (fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return cps_fail(err, errno, "chown FIFO '%s'", name);
	return 0;
}

/* Not by O_NOFOLLOW, which stays with the descriptor: CRIU opens the container's end anew with the
 * flags that it had, through a link in /proc. */
static int fifo_open(int dirfd, const char *name, int flags, int *ret_fd, struct cps_err *err)
{
	int fd = cps_open_beneath(dirfd, name, flags | O_NOCTTY, 0);

	if (fd < 0)
		return cps_fail(err, -fd, "open FIFO '%s'", name);
	*ret_fd = fd;
	return 0;
}

static int output_open(struct shim_io *io, enum shim_stream_name n, int dirfd, uid_t uid, gid_t gid,
		       int *ret_theirs, struct cps_err *err)
{
	const char *name = n == SHIM_STDOUT ? "stdout" : "stderr";
	int rc = fifo_make(dirfd, name, uid, gid, err);

	if (rc == 0)
		rc = fifo_open(dirfd, name, O_RDONLY | O_NONBLOCK, &io->streams[n].fd, err);
	if (rc == 0)
		rc = fifo_open(dirfd, name, O_RDWR, ret_theirs, err);
	if (rc == 0)
		(void)fcntl(*ret_theirs, F_SETPIPE_SZ, PIPE_BYTES); /* refused: smaller will do */
	return rc;
}

static int stdin_open(struct shim_io *io, int dirfd, uid_t uid, gid_t gid, int *ret_theirs,
		      struct cps_err *err)
{
	int rc = fifo_make(dirfd, "stdin", uid, gid, err);

	/* O_NONBLOCK lets the first opener in; the container's end must block again. */
	if (rc == 0)
		rc = fifo_open(dirfd, "stdin", O_RDONLY | O_NONBLOCK, ret_theirs, err);
	if (rc == 0)
		rc = fifo_open(dirfd, "stdin", O_WRONLY | O_NONBLOCK, &io->stdin_fd, err);
	if (rc == 0 && fcntl(*ret_theirs, F_SETFL, 0) < 0)
		rc = cps_fail(err, errno, "stdin");
	if (rc == 0)
		(void)event_assign(&io->stdin_event, io->shim->base, io->stdin_fd, EV_WRITE,
				   on_stdin, io);
	return rc;
}

int shim_io_open(struct shim_io *io, int dirfd, bool with_stdin, uid_t uid, gid_t gid,
		 struct shim_io_ends *ret, struct cps_err *err)
{
	struct shim_io_ends ends = SHIM_IO_ENDS_INIT;
	int rc = 0;

	if (with_stdin) {
		rc = stdin_open(io, dirfd, uid, gid, &ends.fds[0], err);
	} else {
		ends.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (ends.fds[0] < 0)
			rc = cps_fail(err, errno, "open '/dev/null'");
	}
	for (int i = 0; rc == 0 && i < SHIM_STREAM_COUNT; i++)
		rc = output_open(io, (enum shim_stream_name)i, dirfd, uid, gid, &ends.fds[1 + i],
				 err);
	if (rc < 0) {
		shim_io_ends_close(&ends);
		shim_io_done(io);
		return rc;
	}
	*ret = ends;
	return 0;
}

int shim_io_reopen(struct shim_io *io, int dirfd, int kept[SHIM_STREAM_COUNT], bool with_stdin,
		   struct cps_err *err)
{
	static const char *const names[SHIM_STREAM_COUNT] = { "stdout", "stderr" };
	int rc = 0;

	for (int i = 0; rc == 0 && i < SHIM_STREAM_COUNT; i++) {
		io->streams[i].fd = take_fd(&kept[i]);
		if (io->streams[i].fd < 0)
			rc = fifo_open(dirfd, names[i], O_RDONLY | O_NONBLOCK, &io->streams[i].fd,
				       err);
		else
			(void)fcntl(io->streams[i].fd, F_SETFL, O_NONBLOCK);
	}
	if (rc == 0 && with_stdin)
		rc = fifo_open(dirfd, "stdin", O_WRONLY | O_NONBLOCK, &io->stdin_fd, err);
	if (rc == 0 && io->stdin_fd >= 0)
		(void)event_assign(&io->stdin_event, io->shim->base, io->stdin_fd, EV_WRITE,
				   on_stdin, io);
	if (rc < 0)
		shim_io_done(io);
	return rc;
}

static void size_apply(struct shim_io *io)
{
	struct winsize ws = { .ws_row = io->rows, .ws_col = io->cols };

	if (io->rows > 0 && io->cols > 0 && io->streams[SHIM_STDOUT].fd >= 0)
		(void)ioctl(io->streams[SHIM_STDOUT].fd, TIOCSWINSZ, &ws);
}

void shim_io_console(struct shim_io *io, int master)
{
	cps_close(&io->streams[SHIM_STDOUT].fd); /* a second console would be the runtime's error */
	cps_close(&io->stdin_fd);
	io->terminal = true;
	(void)fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	io->streams[SHIM_STDOUT].fd = master;
	io->stdin_fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
	if (io->stdin_fd >= 0)
		(void)event_assign(&io->stdin_event, io->shim->base, io->stdin_fd, EV_WRITE,
				   on_stdin, io);
	size_apply(io);
}

int shim_io_resize(struct shim_io *io, uint16_t rows, uint16_t cols, struct cps_err *err)
{
	struct winsize ws = { .ws_row = rows, .ws_col = cols };

	io->rows = rows; /* kept: clients resize before there is a terminal */
	io->cols = cols;
	if (!io->terminal || io->streams[SHIM_STDOUT].fd < 0)
		return 0;
	if (ioctl(io->streams[SHIM_STDOUT].fd, TIOCSWINSZ, &ws) < 0)
		return cps_fail(err, errno, "resize");
	return 0;
}

void shim_io_start(struct shim_io *io, struct shim_log *log)
{
	io->log = log;
	io->started = true;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		struct shim_stream *st = &io->streams[i];

		if (st->fd >= 0)
			(void)event_assign(&st->event, io->shim->base, st->fd, EV_READ | EV_PERSIST,
					   on_stream, st);
	}
	shim_io_update(io);
}

void shim_io_look(struct shim_io *io)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (io->streams[i].fd >= 0)
			event_active(&io->streams[i].event, EV_READ, 0);
		else if (io->log) /* the line that its predecessor had begun */
			shim_log_end(io->log, (enum shim_stream_name)i, &now);
	}
}

/* ---- reading ---- */

static bool is_paused(const struct shim_io *io)
{
	return !io->started || (io->log && shim_log_is_blocked(io->log)) ||
	       shim_attach_is_waiting(io);
}

/* Tells shim.log what changed with the log's disk. */
static void log_note(struct shim_io *io)
{
	bool blocked = shim_log_is_blocked(io->log);
	struct shim_log_stats st;
	struct timespec now;

	if (blocked != io->was_blocked) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (blocked) {
			io->blocked_since = now;
			shim_note(&io->shim->note, "the log is blocked, its writer waits");
		} else {
			shim_note(&io->shim->note, "the log goes on after %lld s",
				  (long long)(now.tv_sec - io->blocked_since.tv_sec));
		}
		io->was_blocked = blocked;
	}
	if (io->untold == 0 && !shim_log_wants_retry(io->log))
		return;
	shim_log_stats(io->log, &st);
	if (st.untold == 0 && io->untold > 0)
		shim_note(&io->shim->note, "the log has dropped %llu bytes",
			  (unsigned long long)io->untold);
	io->untold = st.untold;
}

void shim_io_update(struct shim_io *io)
{
	bool paused = is_paused(io);

	if (io->log)
		log_note(io);

	for (int i = 0; io->started && i < SHIM_STREAM_COUNT; i++) {
		struct shim_stream *st = &io->streams[i];

		if (st->fd < 0)
			continue;
		if (paused || (io->hung_up && !io->exited))
			(void)event_del(&st->event);
		else if (!event_pending(&st->event, EV_READ, NULL))
			(void)event_add(&st->event, NULL);
	}
	if (io->log && io->started && shim_io_is_closed(io))
		shim_log_over(io->log);
	if (io->log && shim_log_wants_retry(io->log) &&
	    !event_pending(&io->retry_event, EV_TIMEOUT, NULL))
		timer_arm(&io->retry_event, LOG_RETRY_MS);
}

static void log_complain(struct shim_io *io)
{
	struct cps_err why;

	if (shim_log_complaint(io->log, &why))
		shim_note(&io->shim->note, "%s", why.msg);
}

bool shim_io_is_closed(const struct shim_io *io)
{
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		if (io->streams[i].fd >= 0)
			return false;
	}
	return true;
}

bool shim_io_is_settled(const struct shim_io *io)
{
	return shim_io_is_closed(io) && !(io->log && shim_log_wants_retry(io->log));
}

static void stream_close(struct shim_stream *st)
{
	struct shim_io *io = st->io;
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (io->started)
		(void)event_del(&st->event);
	cps_close(&st->fd);
	if (io->log)
		shim_log_end(io->log, st->name, &now);
	shim_attach_end(io, st->name);
	if (io->terminal)
		shim_attach_end(io, SHIM_STDERR);
}

enum got { GOT_DATA, GOT_NOTHING, GOT_END };

/* No slave of the pty is open. While the process lives it may open one again. */
static enum got pty_hangup(struct shim_io *io)
{
	if (io->exited)
		return GOT_END;
	io->hung_up = true;
	timer_arm(&io->retry_event, PTY_RETRY_MS);
	return GOT_NOTHING;
}

/* As shim_log_read(). What a client is shown is in the log by then. */
static ssize_t stream_take(struct shim_stream *st, const char **ret_data)
{
	struct shim_io *io = st->io;
	char *chunk = io->shim->scratch.chunk;
	/* Clients have queues of their own, that a large chunk would fill at once. */
	size_t max = LIST_EMPTY(&io->attaches) ? SHIM_CHUNK_MAX : SHIM_SCRATCH_CHUNK;
	ssize_t n;

	if (io->log) {
		n = shim_log_read(io->log, st->name, st->fd, max, ret_data);
		log_complain(io);
		return n;
	}
	do {
		n = read(st->fd, chunk, SHIM_SCRATCH_CHUNK);
	} while (n < 0 && errno == EINTR);
	*ret_data = chunk;
	return n < 0 ? -errno : n;
}

static enum got stream_read(struct shim_stream *st)
{
	const char *data = NULL;
	ssize_t n = stream_take(st, &data);

	if (n > 0) {
		shim_attach_feed(st->io, st->name, data, (size_t)n);
		return GOT_DATA;
	}
	if (n == -EAGAIN)
		return GOT_NOTHING;
	if (n == -EIO && st->io->terminal)
		return pty_hangup(st->io);
	return GOT_END;
}

static bool is_anything_left(const struct shim_io *io)
{
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		int ready = 0;

		if (io->streams[i].fd >= 0 && ioctl(io->streams[i].fd, FIONREAD, &ready) == 0 &&
		    ready > 0)
			return true;
	}
	return false;
}

static void tell_closed(struct shim_io *io)
{
	if (io->told || !shim_io_is_closed(io))
		return;
	io->told = true;
	io->closed(io->owner);
}

static void quiet_arm(struct shim *s)
{
	if (s->quiet_armed)
		return;
	s->quiet_armed = true;
	timer_arm(&s->quiet_event, QUIET_MS);
}

static void on_stream(evutil_socket_t fd, short what, void *arg)
{
	struct shim_stream *st = arg;
	struct shim_io *io = st->io;
	enum got got;

	(void)fd;
	(void)what;
	if (st->fd < 0 || is_paused(io))
		return;
	got = stream_read(st);
	if (got == GOT_END)
		stream_close(st);
	quiet_arm(io->shim);
	if (io->overdue && !is_anything_left(io))
		shim_attach_end_all(io);
	shim_io_update(io);
	tell_closed(io);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct shim_io *io = arg;
	struct timespec now;

	(void)fd;
	(void)what;
	io->hung_up = false;
	if (io->log && shim_log_wants_retry(io->log)) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		shim_log_retry(io->log, &now);
		log_complain(io);
	}
	shim_io_update(io);
	/* whoever keeps it for its log's sake need not any longer; may free us */
	if (io->told && shim_io_is_settled(io))
		io->closed(io->owner);
}

void shim_io_exited(struct shim_io *io)
{
	io->exited = true;
	for (int i = 0; io->started && i < SHIM_STREAM_COUNT; i++) {
		struct shim_stream *st = &io->streams[i];

		for (int n = 0; n < DRAIN_CHUNKS && st->fd >= 0 && !is_paused(io); n++) {
			enum got got = stream_read(st);

			if (got == GOT_END)
				stream_close(st);
			if (got != GOT_DATA)
				break;
		}
	}
	shim_io_update(io);
	tell_closed(io);
}

void shim_io_overdue(struct shim_io *io)
{
	io->overdue = true;
	if (!is_anything_left(io))
		shim_attach_end_all(io);
}

void shim_io_done(struct shim_io *io)
{
	io->told = true; /* nobody is to be told of an end that we make ourselves */
	(void)event_del(&io->retry_event);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++) {
		struct shim_stream *st = &io->streams[i];

		if (st->fd < 0)
			continue;
		if (io->started) {
			/* What is in the pipe belongs into the log, if it takes it. */
			for (int n = 0; n < DRAIN_CHUNKS && !is_paused(io); n++) {
				if (stream_read(st) != GOT_DATA)
					break;
			}
			stream_close(st);
		} else {
			cps_close(&st->fd);
		}
	}
	for (int i = 0; i < 3; i++)
		cps_close(&io->given[i]);
	shim_attach_free_all(io);
	shim_io_stdin_close(io);
	shim_log_free(io->log);
	io->log = NULL;
	io->started = false;
}

/* ---- stdin ---- */

static void on_stdin(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shim_attach_stdin_flush(arg);
}

ssize_t shim_io_stdin_write(struct shim_io *io, const char *data, size_t len)
{
	ssize_t n;

	if (io->stdin_fd < 0)
		return -EPIPE;
	do {
		n = write(io->stdin_fd, data, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

void shim_io_stdin_wait(struct shim_io *io)
{
	if (io->stdin_fd >= 0)
		(void)event_add(&io->stdin_event, NULL);
}

void shim_io_stdin_close(struct shim_io *io)
{
	if (io->stdin_fd < 0)
		return;
	(void)event_del(&io->stdin_event);
	cps_close(&io->stdin_fd);
}
