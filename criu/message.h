/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to CRIU while it is put together, and what CRIU answers. Pure.
 */
#ifndef CRIU_MESSAGE_H
#define CRIU_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rpc.pb-c.h>

#include "arena.h"
#include "err.h"

/* Lists grow in the arena, where all that is pointed to lives as well. */
struct criu_message {
	struct cps_arena *arena;
	Criu__Request request;
	Criu__Options options;
	Criu__PageServer page_server;
	Criu__Features features;
	bool failed; /* out of memory at some point: asked once, by criu_message_pack */
};

/* Points into itself: not to be copied. */
void criu_message_init(struct criu_message *m, Criu__Kind kind, struct cps_arena *a);

/* A mount that CRIU is not to look into: at the dump key is where it is in the container and value
 * what it is called in the images, at the restore key is that name and value the host's path. One
 * key counts once, the first time. */
void criu_message_mount(struct criu_message *m, const char *key, const char *value);
void criu_message_external(struct criu_message *m, const char *what);
void criu_message_inherit(struct criu_message *m, const char *key, int fd);
void criu_message_join(struct criu_message *m, const char *kind, const char *file);
void criu_message_cgroup_root(struct criu_message *m, const char *controllers, const char *path);

/* The bytes, in the arena. */
int criu_message_pack(const struct criu_message *m, const uint8_t **ret_data, size_t *ret_len,
		      struct cps_err *err);
/* What CRIU asks for when it has told us of something: has it our blessing? */
size_t criu_message_pack_reply(bool success, uint8_t *buf, size_t size);

#define CRIU_RESPONSE_MAX (64u << 10)

/* A response, in our words. */
struct criu_answer {
	Criu__Kind kind;
	bool success;
	char script[32]; /* of a notification: "post-dump" … */
	pid_t pid;	 /* of a notification, or restored; 0: none was told */
	int error_number;
	char error_text[160]; /* without control characters */
	bool memory_tracking, lazy_pages;
	unsigned version; /* 31701 is 3.17.1 */
};

/* EPROTO: it is none, or lacks what its kind must have. */
int criu_answer_parse(const void *data, size_t len, struct criu_answer *ret, struct cps_err *err);

const char *criu_kind_name(Criu__Kind kind); /* "DUMP" */

#endif
