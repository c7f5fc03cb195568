/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shim was killed. What its journal says is compared with the facts, and the log goes on at the
 * very byte. Each step leaves something that the next shim can begin with again, should this one be
 * killed too.
 */
#include <config.h>
#include "log-impl.h"

#include <time.h>

static void time_set(struct shim_log_state *s)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	s->sec = now.tv_sec;
	s->nsec = now.tv_nsec;
}

/* Was read(2) done? Then nobody else has these bytes. */
static void reading_decide(struct shim_log *log)
{
	struct shim_log_state *s = &log->state;

	if (!shim_journal_was_read(&log->journal, s->len)) {
		s->len = 0;
		shim_log_commit(log, SHIM_LOG_IDLE);
		return;
	}
	time_set(s);
	shim_log_commit(log, SHIM_LOG_HELD);
}

/* How much of the batch is in the file? */
static void writing_decide(struct shim_log *log)
{
	struct shim_log_state *s = &log->state;
	unsigned records = 0;

	shim_log_file_find_end(&log->file, s->dev, s->ino, s->before, log->scratch->batch,
			       SHIM_SCRATCH_BATCH, &records);
	if (s->tells && records > 0) {
		s->untold = 0;
		records--;
	}
	if (s->ending) {
		s->ending = false;
		s->end_wanted[s->stream] = true; /* again, if it is not in the file; else a mark */
		if (records > 0)
			s->lines[s->stream].len = 0;
		shim_log_commit(log, SHIM_LOG_IDLE);
		return;
	}
	shim_log_skip(log, records);
	shim_log_commit(log, s->len > 0 ? SHIM_LOG_HELD : SHIM_LOG_IDLE);
}

void shim_log_recover(struct shim_log *log)
{
	switch ((enum shim_log_phase)log->state.phase) {
	case SHIM_LOG_IDLE:
	case SHIM_LOG_HELD:
		break;
	case SHIM_LOG_READING:
		reading_decide(log);
		break;
	case SHIM_LOG_WRITING:
		writing_decide(log);
		break;
	}
}
