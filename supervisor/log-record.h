/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a log, taken from a stream of bytes: `cri` ("TIME STREAM TAG TEXT\n") and `json-file`
 * ({"log":"TEXT\n","stream":"…","time":"…"}\n), told apart record by record. Text is handed on in
 * pieces as it comes, so a line may be longer than any memory; what is no record is counted and
 * skipped up to its end.
 */
#ifndef SUP_LOG_RECORD_H
#define SUP_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "arena.h"
#include "buf.h"

#define SUP_LOG_HEADER_MAX 96	     /* of a cri record: time, stream and tag are much shorter */
#define SUP_LOG_JSON_MAX   (1 << 20) /* of a json-file record */

enum sup_log_stream { SUP_LOG_STDOUT, SUP_LOG_STDERR, SUP_LOG_STREAMS };

struct sup_log_piece {
	enum sup_log_stream stream;
	struct timespec time;
	const char *text; /* of a cri record without its newline */
	size_t len;
	bool record_start; /* first piece of its record */
	bool record_end;   /* last one */
	bool line_end;	   /* the record ends a line: text lacks a newline that the output needs */
};

/* Gets each piece; what it returns, if not 0, stops the feed and is its result. */
typedef int sup_log_sink(void *arg, const struct sup_log_piece *piece);

enum sup_log_state { SUP_LOG_START, SUP_LOG_TEXT, SUP_LOG_JSON, SUP_LOG_SKIP };

struct sup_log_parser {
	enum sup_log_state state;
	struct sup_log_piece piece; /* what the header of the current record said */
	struct cps_buf pending;	    /* the start of a record that is not whole yet */
	struct cps_arena arena;
	uint64_t garbage; /* records not understood */
};

void sup_log_parser_init(struct sup_log_parser *p);
void sup_log_parser_done(struct sup_log_parser *p);
int sup_log_parser_feed(struct sup_log_parser *p, const char *data, size_t len, sup_log_sink *sink,
			void *arg);
/* The file ends here: a record without its end is finished as it is (cri) or counted as garbage. */
int sup_log_parser_end(struct sup_log_parser *p, sup_log_sink *sink, void *arg);

/* For reading backwards: one whole record without its newline. Returns false if it is none. */
bool sup_log_record_peek(struct cps_arena *a, const char *record, size_t len,
			 struct sup_log_piece *ret);

#define cleanup_log_parser __attribute__((cleanup(sup_log_parser_done)))

#endif
