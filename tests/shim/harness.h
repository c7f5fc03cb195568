/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the shim: starts capsule-shim with the fake runtime below a temporary directory, talks
 * to it, and leaves no process and no file behind. Every function fails the test on an error that
 * it was not asked for.
 */
#ifndef TEST_SHIM_HARNESS_H
#define TEST_SHIM_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "frame.h"
#include "json.h"

/* The JSON of a process that is a script. */
#define SH(script)	    "{\"args\":[\"sh\",\"-c\",\"" script "\"]}"
#define SH_TERMINAL(script) "{\"terminal\":true,\"args\":[\"sh\",\"-c\",\"" script "\"]}"

struct h {
	char dir[64]; /* all below it */
	char root[80];
	char bundle[80];
	char state[96]; /* root/c1 */
	pid_t shim;
	int sock; /* the first client */
	uint32_t next_id;
	struct cps_arena arena; /* of all replies */
};

/* process: the JSON of config.json's process; fake: of fake.json, or NULL. */
void h_start(struct h *h, const char *process, const char *fake);
void h_start_silent(struct h *h, const char *process, const char *fake); /* no hello is said */
extern void (*h_before_exec)(void);	    /* in what is to be the shim; NULL: nothing */
void h_fake(struct h *h, const char *fake); /* changes it */
void h_end(struct h *h);

/* SIGKILL to the shim, and it is gone; its clients' sockets are closed. */
void h_kill_shim(struct h *h);
/* Starts another one with --adopt, its first client having said hello; false: it has refused that,
 * *ret_errno says why. The container is not adopted yet. */
bool h_adopter(struct h *h, int *ret_errno);
/* … and has it adopt; the reply's object. */
const struct cps_json *h_adopt(struct h *h);
/* Kills children of ours that wait to be reaped: what a shim left behind when it was killed. */
void h_reap(void);

int h_connect(struct h *h); /* one more client, having said hello */

/* Sends; returns the request's id. names: NULL or JSON array of fds' names. */
uint32_t h_send(struct h *h, int sock, const char *members, const int *fds, unsigned nfds);
/* Receives the next frame within 10 s. False at EOF. */
bool h_recv(struct h *h, int sock, struct cps_frame *f);
/* Receives until the reply of that id; events and other replies are dropped. */
void h_reply(struct h *h, int sock, uint32_t id, struct cps_frame *f);

/* A request on the first client and its "ok". members: "\"op\":\"start\"". */
const struct cps_json *h_ok(struct h *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* … and its error's number; the message is in ret_message if that is not NULL. */
int h_error(struct h *h, const char **ret_message, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Waits for an event of that name on a subscribed connection. */
const struct cps_json *h_event(struct h *h, int sock, const char *name);

void h_create(struct h *h);			   /* stdin null, cri log */
void h_create_with(struct h *h, const char *more); /* more members, with a leading comma */
/* h_start(), h_create_with(), and the container is started. */
void h_run(struct h *h, const char *process, const char *more);
void h_is_well(struct h *h); /* the shim answers */
long h_num(const struct cps_json *o, const char *key);
const char *h_str(const struct cps_json *o, const char *key);
char *h_file(struct h *h, const char *name, size_t *ret_len); /* of the state directory; or NULL */
/* Waits until the text is in that file. */
void h_file_has(struct h *h, const char *name, const char *text);
/* The log's text without the stamps, lines of both streams. */
char *h_log_text(struct h *h, const char *name, size_t *ret_len);
int64_t h_now_ms(void);
void h_shim_gone(struct h *h, int expected_status); /* it exits by itself within 5 s */
void h_wait_zombie(pid_t pid);			    /* it ends, and nobody reaps it */
unsigned h_shim_fds(struct h *h); /* how many descriptors the shim has, when it is idle */
int h_process_memfd(const char *json);

/* Runs the tests; main()'s result. */
int h_main(const char *name, TCase *tc);

#endif
