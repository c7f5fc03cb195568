/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's life, see shim-log.h; log-impl.h says which file does what.
 *
 * Between two commits the journal's state is true whatever has been done since: see there what each
 * phase means. So each function here ends with a commit, and what it overwrites before belongs to
 * no state that may still be read.
 */
#include <config.h>
#include "log-impl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void drop(struct shim_log *log, size_t bytes)
{
	log->state.dropped += bytes;
	log->state.untold += bytes;
}

/* ---- reading and writing ---- */

void shim_log_settle_chunk(struct shim_log *log)
{
	struct shim_log_state *s = &log->state;
	struct timespec now = { s->sec, s->nsec };

	if (shim_log_write_chunk(log, &now) < 0) {
		struct shim_line *line = &s->lines[s->stream];

		if (log->mode == SHIM_LOG_BLOCK) {
			log->blocked = true;
			return;
		}
		drop(log, s->len - s->pos + line->len);
		line->len = 0;
	}
	s->len = 0;
	s->pos = 0;
	shim_log_commit(log, SHIM_LOG_IDLE);
}

char *shim_log_chunk(struct shim_log *log, size_t *len)
{
	struct cps_err why;

	if (shim_journal_ready(&log->journal, &log->state, len, &why) < 0)
		(void)cps_failx(&log->complaint, why.num,
				"log '%s': if this shim is killed, output may be lost: %s",
				log->file.path, why.msg);
	return shim_journal_chunk(&log->journal);
}

void shim_log_feed(struct shim_log *log, enum shim_stream_name stream, const struct timespec *now,
		   size_t len)
{
	struct shim_log_state *s = &log->state;

	s->stream = stream;
	s->len = (uint32_t)len;
	s->pos = 0;
	s->sec = now->tv_sec;
	s->nsec = now->tv_nsec;
	log->stats.read += len;
	shim_log_commit(log, SHIM_LOG_HELD);
	shim_log_settle_chunk(log);
}

/*
 * How much may be read so that it is all or nothing, whenever we are killed: what is there, for we
 * are the only reader and the kernel copies that without looking at signals. If nothing is there,
 * one byte: read(2) then tells "nothing" from "the end", and should something have come meanwhile
 * it is one byte.
 */
static size_t readable(int fd, size_t max)
{
	int ready = 0;

	if (ioctl(fd, FIONREAD, &ready) < 0 || ready <= 0)
		return 1;
	return (size_t)ready < max ? (size_t)ready : max;
}

ssize_t shim_log_read(struct shim_log *log, enum shim_stream_name stream, int fd, size_t max,
		      const char **ret_data)
{
	struct shim_log_state *s = &log->state;
	size_t want = readable(fd, max);
	char *chunk = shim_log_chunk(log, &want);
	struct timespec now;
	ssize_t n;
	int rc;

	shim_journal_mark(&log->journal, want);
	s->stream = stream;
	s->len = (uint32_t)want;
	s->pos = 0;
	shim_log_commit(log, SHIM_LOG_READING);
	do {
		n = read(fd, chunk, want);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		rc = n < 0 ? -errno : 0;
		s->len = 0;
		shim_log_commit(log, SHIM_LOG_IDLE);
		return rc;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	shim_log_feed(log, stream, &now, (size_t)n);
	*ret_data = chunk;
	return n;
}

void shim_log_end(struct shim_log *log, enum shim_stream_name stream, const struct timespec *now)
{
	struct shim_log_state *s = &log->state;
	struct shim_line *l = &s->lines[stream];
	bool was_wanted = s->end_wanted[stream];

	if (log->blocked) {
		s->end_wanted[stream] = true;
		shim_log_commit(log, (enum shim_log_phase)s->phase);
		return;
	}
	if (l->len > 0) {
		s->stream = stream;
		if (shim_log_write_line(log, now) < 0) {
			if (log->mode == SHIM_LOG_BLOCK) {
				s->end_wanted[stream] = true;
				log->blocked = true;
				shim_log_commit(log, SHIM_LOG_IDLE);
				return;
			}
			drop(log, l->len);
		}
	} else if (!l->open && !was_wanted) {
		return;
	}
	s->end_wanted[stream] = false;
	l->len = 0;
	l->open = false;
	shim_log_commit(log, SHIM_LOG_IDLE);
}

/* ---- disks that do not follow ---- */

bool shim_log_is_blocked(const struct shim_log *log)
{
	return log->blocked;
}

bool shim_log_wants_retry(const struct shim_log *log)
{
	return log->blocked || log->state.untold > 0;
}

/* Goes on with what is held. */
static void resume(struct shim_log *log, const struct timespec *now)
{
	log->blocked = false;
	if (log->state.phase == SHIM_LOG_HELD)
		shim_log_settle_chunk(log);
	for (int i = 0; i < SHIM_STREAM_COUNT && !log->blocked; i++) {
		if (log->state.end_wanted[i])
			shim_log_end(log, (enum shim_stream_name)i, now);
	}
}

void shim_log_retry(struct shim_log *log, const struct timespec *now)
{
	if (log->blocked)
		resume(log, now);
	else if (log->state.untold > 0)
		shim_log_write_notice(log, now);
}

uint64_t shim_log_dropped(const struct shim_log *log)
{
	return log->state.dropped;
}

void shim_log_stats(const struct shim_log *log, struct shim_log_stats *ret)
{
	const struct shim_log_state *s = &log->state;

	*ret = log->stats;
	ret->blocked = log->blocked;
	ret->kept = shim_journal_is_kept(&log->journal);
	ret->held = s->len - s->pos;
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		ret->held += s->lines[i].len;
	ret->dropped = s->dropped;
	ret->untold = s->untold;
}

bool shim_log_complaint(struct shim_log *log, struct cps_err *ret)
{
	if (log->complaint.num == 0)
		return false;
	*ret = log->complaint;
	log->complaint.num = 0;
	return true;
}

void shim_log_trim(struct shim_log *log)
{
	if (log)
		shim_journal_trim(&log->journal, &log->state);
}

/* ---- life ---- */

static int file_open(struct shim_log *log, const struct shim_log_config *config, bool again,
		     struct cps_err *err)
{
	int rc;

	if (again)
		shim_log_file_finish_rotation(config->path, config->max_files);
	rc = shim_log_file_open(&log->file, config->path, config->max_size, config->max_files, err);
	if (rc == 0 && again)
		shim_log_recover(log);
	if (rc == 0)
		shim_log_file_end_torn(&log->file);
	return rc;
}

int shim_log_open(const struct shim_log_config *config, int dirfd, const char *journal,
		  struct shim_scratch *scratch, struct shim_log **ret, struct cps_err *err)
{
	struct shim_log *log = calloc(1, sizeof(*log));
	struct timespec now;
	bool again = false;
	int rc;

	if (!log)
		return cps_fail(err, ENOMEM, "open log '%s'", config->path);
	log->driver = config->driver;
	log->mode = config->mode;
	log->record_max = config->driver->bound(SHIM_CARRY_MAX);
	log->scratch = scratch;
	log->rotate_at = config->max_size;
	rc = shim_journal_open(&log->journal, dirfd, journal, &again, &log->state, &log->complaint,
			       err);
	if (rc == 0)
		rc = file_open(log, config, again, err);
	if (rc < 0) {
		shim_journal_close(&log->journal);
		free(log);
		return rc;
	}
	if (again) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		resume(log, &now);
	}
	*ret = log;
	return 0;
}

void shim_log_leave(struct shim_log *log)
{
	if (!log)
		return;
	shim_journal_close(&log->journal);
	shim_log_file_close(&log->file);
	free(log);
}

void shim_log_over(struct shim_log *log)
{
	const struct shim_log_state *s = &log->state;

	if (s->phase == SHIM_LOG_IDLE && s->lines[0].len + s->lines[1].len == 0 && s->untold == 0)
		shim_journal_remove(&log->journal);
}

void shim_log_free(struct shim_log *log)
{
	struct timespec now;

	if (!log)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		shim_log_end(log, (enum shim_stream_name)i, &now);
	if (shim_log_wants_retry(log))
		shim_log_retry(log, &now);
	shim_log_over(log);
	shim_log_leave(log);
}
