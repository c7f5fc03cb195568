/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log has taken from its streams and not yet put into its file, kept where it outlives the
 * process: a file in the state directory, mapped shared. Pages of such a mapping belong to the
 * file, so a SIGKILL between any two instructions leaves them as they were, and the next shim goes
 * on.
 *
 * The state is committed as a whole: it is written to the slot that is not current, then one
 * aligned store makes that slot the current one. (Not a word about power cuts: the state directory
 * is a tmpfs as a rule, and no container lives on after one.)
 *
 * Stores to a file's hole raise SIGBUS when its disk is full, so pages are allocated before they
 * are touched. While the disk refuses, the same things are kept in anonymous memory, and a kill of
 * the shim would lose them.
 */
#ifndef SHIM_LOG_JOURNAL_H
#define SHIM_LOG_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "shim-log.h"

/* A character that began within the piece ends behind it. */
#define SHIM_CARRY_MAX (SHIM_PIECE_MAX + 3)

enum shim_log_phase {
	SHIM_LOG_IDLE,	  /* the chunk holds nothing */
	SHIM_LOG_READING, /* len bytes are being read into the chunk, all or none */
	SHIM_LOG_HELD,	  /* the chunk's bytes from pos on are not in the file */
	SHIM_LOG_WRITING, /* … and some of them are being appended to it */
};

/* The unfinished line of one stream. */
struct shim_line {
	uint32_t len;  /* bytes of it in the carry */
	uint32_t open; /* a piece without its line's end is in the file */
};

/* In the journal as it is here: another shim, perhaps a newer one, reads it. */
struct shim_log_state {
	uint32_t phase;
	uint32_t stream; /* of the chunk; WRITING an end: of the line */
	uint32_t len;	 /* of the chunk */
	uint32_t pos;	 /* what is before it has been dealt with */
	int64_t sec;	 /* when the chunk was read, CLOCK_REALTIME */
	int64_t nsec;
	struct shim_line lines[SHIM_STREAM_COUNT];
	uint32_t
		end_wanted[SHIM_STREAM_COUNT]; /* the stream ended while nothing could be written */
	uint64_t dropped;		       /* bytes, in all */
	uint64_t untold; /* of them, those that the log does not speak of yet */
	/* WRITING: the file, and its size before. Its records are told by counting newlines. */
	uint64_t dev;
	uint64_t ino;
	uint64_t before;
	uint32_t tells;	 /* the first record says how much was dropped */
	uint32_t ending; /* the record is the carry, which the stream's end left unfinished */
};

struct shim_journal {
	int dirfd;	   /* borrowed */
	const char *name;  /* in it, a constant; NULL: memory will do */
	char *memory;	   /* always there; its pages cost nothing until they are used */
	char *file;	   /* or NULL */
	bool ready;	   /* the carries may be touched … */
	uint32_t room;	   /* … and so much of the chunk */
	unsigned patience; /* reads until what was refused is tried again */
};

/* Maps what a shim before us left, if anything: *ret_found, *ret_state. `name` is borrowed. What is
 * there but cannot be understood is an error only in *ret_odd (its num; else 0). */
int shim_journal_open(struct shim_journal *j, int dirfd, const char *name, bool *ret_found,
		      struct shim_log_state *ret_state, struct cps_err *ret_odd,
		      struct cps_err *err);
/* There is nothing in it, and nothing will come: the file goes. */
void shim_journal_remove(struct shim_journal *j);
/* The file stays. */
void shim_journal_close(struct shim_journal *j);

/* Before the carries and *len bytes of the chunk are used, and only while it holds nothing. They
 * can be used in any case, though it may be less of the chunk, which *len then says; < 0: from now
 * on a kill of the shim would lose what is in them, and why. */
int shim_journal_ready(struct shim_journal *j, const struct shim_log_state *s, size_t *len,
		       struct cps_err *err);
bool shim_journal_is_kept(const struct shim_journal *j);
/* What is not in use is given back to the system. Not while the chunk holds something. */
void shim_journal_trim(struct shim_journal *j, const struct shim_log_state *s);

char *shim_journal_chunk(const struct shim_journal *j);			 /* SHIM_CHUNK_MAX */
char *shim_journal_carry(const struct shim_journal *j, unsigned stream); /* SHIM_CARRY_MAX */

/* From now on this is the state. */
void shim_journal_commit(struct shim_journal *j, const struct shim_log_state *s);

/* Marks the chunk, so that it can be told afterwards whether len bytes were read into it. Exact but
 * for one case: fewer than 8 bytes, all of them 0xff (so not UTF-8), and the kill falls between
 * read(2) and the commit behind it; they are lost then. */
void shim_journal_mark(struct shim_journal *j, size_t len);
bool shim_journal_was_read(const struct shim_journal *j, size_t len);

#endif
