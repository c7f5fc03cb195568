/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container under watch. The end of a connection to its shim is only a reason to look: is the
 * container still there, is its end on record, has somebody given it another shim already?
 */
#include <config.h>

#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "file.h"
#include "own.h"
#include "proto.h"

#define FRAMES_PER_ROUND 16
#define LOOK_FIRST_MS	 10
#define LOOK_DOUBLINGS	 9    /* of that, up to 5 s */
#define LOOKS_MAX	 20   /* that found no sign of life, about a minute: given up */
#define BUSY_MS		 1000 /* until it is asked again whether it has room for us */
#define LONG_LIFE_MS	 2000
#define DEATHS_MAX	 5 /* quick ones, until the next successor has to wait */
#define DEATH_PAUSE_MS	 50
#define PAUSES_MAX	 5 /* doublings of that: below the 2 s that commands leave it to us */

#define HELLO_ID 1
#define KEEP_ID	 2

/* ---- there or not ---- */

static struct sup_watch_ct *find(struct sup_watch *w, const char *id)
{
	struct sup_watch_ct *ct;

	LIST_FOREACH(ct, &w->cts, link)
	{
		if (strcmp(ct->id, id) == 0)
			return ct;
	}
	return NULL;
}

static void state_set(struct sup_watch *w, struct sup_watch_ct *ct, enum sup_watch_state state)
{
	w->nlooking += (state == SUP_WATCH_LOOKING) - (ct->state == SUP_WATCH_LOOKING);
	ct->state = state;
}

void sup_watch_ct_wait(struct sup_watch *w, struct sup_watch_ct *ct, int64_t delay_ms)
{
	state_set(w, ct, SUP_WATCH_LOOKING);
	ct->due_ms = cps_monotonic_ms() + delay_ms;
}

void sup_watch_ct_new(struct sup_watch *w, const char *id, unsigned delay_ms)
{
	struct sup_watch_ct *ct;

	/* One that is known already, by an earlier container of that name: what becomes of it will
	 * be looked at when that one's connection ends. */
	if (find(w, id))
		return;
	ct = calloc(1, sizeof(*ct));
	if (!ct) {
		(void)fprintf(stderr, "capsule: shim watch: %s: not watched: %s\n", id,
			      strerror(ENOMEM));
		return;
	}
	(void)snprintf(ct->id, sizeof(ct->id), "%s", id);
	ct->sock = -1;
	ct->helper = -1;
	sup_watch_kept_init(&ct->own);
	LIST_INIT(&ct->jobs);
	LIST_INSERT_HEAD(&w->cts, ct, link);
	ct->state = SUP_WATCH_GREETING; /* anything but looking, which counts */
	sup_watch_ct_wait(w, ct, delay_ms);
}

static void disconnect(struct sup_watch *w, struct sup_watch_ct *ct)
{
	if (ct->sock < 0)
		return;
	cps_close(&ct->sock);
	w->nfds--;
}

void sup_watch_ct_free(struct sup_watch *w, struct sup_watch_ct *ct)
{
	disconnect(w, ct);
	cps_close(&ct->helper);
	sup_watch_all_drop(w, ct);
	state_set(w, ct, SUP_WATCH_GREETING);
	LIST_REMOVE(ct, link);
	free(ct);
}

/* ---- its shim dies ---- */

/* One more; false: the next one has to wait. */
static bool death_count(struct sup_watch *w, struct sup_watch_ct *ct)
{
	unsigned doublings;

	if (ct->counted)
		return true;
	ct->counted = true;
	if (++ct->deaths <= DEATHS_MAX)
		return true;
	if (!ct->told)
		(void)fprintf(stderr,
			      "capsule: %s: its shims do not live, %u have died one after the "
			      "other; trying again, ever more slowly\n",
			      ct->id, ct->deaths);
	ct->told = true;
	doublings = ct->deaths - DEATHS_MAX - 1;
	sup_watch_ct_wait(w, ct,
			  DEATH_PAUSE_MS << (doublings < PAUSES_MAX ? doublings : PAUSES_MAX));
	return false;
}

void sup_watch_ct_died(struct sup_watch *w, struct sup_watch_ct *ct)
{
	int64_t now = cps_monotonic_ms();

	if (ct->greeted_ms && now - ct->greeted_ms > LONG_LIFE_MS) {
		ct->deaths = 0;
		ct->told = false;
	}
	if (!ct->died_ms)
		ct->died_ms = now;
	ct->greeted_ms = 0;
	ct->looks = 0;
	ct->counted = false;
	sup_watch_ct_wait(w, ct, 0);
}

/* ---- what a shim says ---- */

/* Its exit is on record: there is nothing left that could be lost. */
static bool is_finished(const struct sup_watch *w, const struct sup_watch_ct *ct)
{
	cleanup_fd int rootfd = open(w->ctx->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[SUP_WATCH_ID_SIZE + 16];

	(void)snprintf(path, sizeof(path), "%s/exit.json", ct->id);
	return rootfd >= 0 && faccessat(rootfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* False: it is not to be heard any more (and is freed, or looks again). */
static bool on_reply(struct sup_watch *w, struct sup_watch_ct *ct, struct cps_frame *f)
{
	const struct cps_json *ok = NULL;
	struct cps_err err;
	int rc = cps_reply_check(f, &ok, &err);

	if (f->id == HELLO_ID && rc == 0) {
		ct->died_ms = 0;
		ct->looks = 0;
		ct->greeted_ms = cps_monotonic_ms();
		return true;
	}
	if (f->id == KEEP_ID && rc == 0) {
		sup_watch_all_drop(w, ct); /* of the time before: the shim tells all anew */
		sup_watch_kept_take(w, &ct->own, f);
	}
	/* A shim that is too old for `keep` can be watched all the same. */
	if (f->id == KEEP_ID && (rc == 0 || rc == -ENOSYS)) {
		state_set(w, ct, SUP_WATCH_KEEPING);
		if (!is_finished(w, ct))
			return true;
		sup_watch_ct_free(w, ct);
		return false;
	}
	disconnect(w, ct); /* it has too many clients, or speaks another protocol */
	sup_watch_ct_wait(w, ct, BUSY_MS);
	return false;
}

static bool on_event(struct sup_watch *w, struct sup_watch_ct *ct, struct cps_frame *f)
{
	struct sup_watch_kept *job;
	const char *event = "";
	const char *exec = "";
	struct cps_err ignored;

	(void)cps_json_str(cps_json_get(f->body, "event"), &event, &ignored);
	if (cps_json_get(f->body, "exec"))
		(void)cps_json_str(cps_json_get(f->body, "exec"), &exec, &ignored);
	if (strcmp(event, CPS_EVENT_CREATED) == 0) {
		sup_watch_kept_take(w, &ct->own, f);
	} else if (strcmp(event, CPS_EVENT_EXEC_STARTED) == 0 && f->nfds > 0) {
		job = sup_watch_job(ct, exec, true);
		if (job)
			sup_watch_kept_take(w, job, f);
	} else if (strcmp(event, CPS_EVENT_EXEC_EXITED) == 0) {
		job = sup_watch_job(ct, exec, false);
		if (job)
			sup_watch_job_drop(w, job);
	} else if (strcmp(event, CPS_EVENT_EXITED) == 0 && is_finished(w, ct)) {
		sup_watch_ct_free(w, ct);
		return false;
	}
	return true;
}

static bool one_frame(struct sup_watch *w, struct sup_watch_ct *ct)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { .nfds = 0 };
	struct cps_err err;
	int rc = cps_frame_recv(ct->sock, MSG_DONTWAIT, &a, &f, &err);

	if (rc == -EAGAIN || rc == -EINTR)
		return false;
	if (rc <= 0) {
		disconnect(w, ct);
		sup_watch_ct_died(w, ct);
		return false;
	}
	if (f.kind == CPS_FRAME_REPLY)
		return on_reply(w, ct, &f);
	return on_event(w, ct, &f);
}

static void on_frames(struct sup_watch *w, void *owner)
{
	for (int i = 0; i < FRAMES_PER_ROUND; i++) {
		if (!one_frame(w, owner))
			return;
	}
}

/* ---- looking ---- */

/* Both at once, with HELLO_ID and KEEP_ID: a connection's first two numbers. */
static int requests_send(const struct sup_watch_ct *ct, int sock, struct cps_err *err)
{
	struct sup_client client = SUP_CLIENT_INIT; /* to write to sock, no more: it owns nothing */
	cleanup_request struct sup_request hello = { 0 };
	cleanup_request struct sup_request keep = { 0 };
	uint32_t id = 0;
	int rc;

	client.sock = sock;
	client.id = ct->id;
	sup_request_hello(&hello);
	sup_request_open(&keep, CPS_OP_KEEP);
	rc = sup_client_send(&client, &hello, &id, err);
	return rc < 0 ? rc : sup_client_send(&client, &keep, &id, err);
}

/* 0, or -errno; -ENOENT and -ECONNREFUSED: nobody is there. */
static int greet(struct sup_watch *w, struct sup_watch_ct *ct, int dir)
{
	cleanup_fd int sock = -1;
	struct cps_err err;
	int rc;

	if (!sup_watch_conn_room(w))
		return -EMFILE;
	sock = cps_sock_connect(dir, "shim.sock", SOCK_NONBLOCK);
	if (sock < 0)
		return sock;
	rc = requests_send(ct, sock, &err);
	if (rc < 0)
		return -ECONNREFUSED; /* it has just gone */
	ct->source = (struct sup_watch_source){ on_frames, ct };
	rc = sup_watch_add(w, sock, &ct->source);
	if (rc < 0)
		return rc;
	ct->sock = take_fd(&sock);
	w->nfds++;
	state_set(w, ct, SUP_WATCH_GREETING);
	return 0;
}

static void look_again(struct sup_watch *w, struct sup_watch_ct *ct)
{
	unsigned doublings = ct->looks < LOOK_DOUBLINGS ? ct->looks : LOOK_DOUBLINGS;

	ct->looks++;
	sup_watch_ct_wait(w, ct, LOOK_FIRST_MS << doublings);
}

/* Nobody listens. Has its shim died, or is it not there yet? */
static void shimless(struct sup_watch *w, struct sup_watch_ct *ct, int rootfd)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container c;
	struct cps_err err;
	int rc = sup_container_load(rootfd, ct->id, &a, &c, &err);

	if (rc == -ENOENT || (rc == 0 && (c.exit_json || c.other_boot))) {
		sup_watch_ct_free(w, ct);
		return;
	}
	if (rc == 0 && sup_adopt_wanted(&c)) {
		if (!ct->died_ms)
			ct->died_ms = cps_monotonic_ms();
		ct->shim = c.shim.pid;
		if (!death_count(w, ct))
			return;
		rc = sup_watch_adopt(w, ct);
		if (rc == 0)
			state_set(w, ct, SUP_WATCH_ADOPTING);
		else
			sup_watch_ct_wait(w, ct, rc == -EAGAIN ? LOOK_FIRST_MS : BUSY_MS);
		return;
	}
	/* It comes, or takes over just now; or the directory was made a moment ago. */
	if ((rc == 0 && c.shim_alive) || ct->looks < LOOKS_MAX)
		look_again(w, ct);
	else
		sup_watch_ct_free(w, ct); /* remains of a crash, or no container at all */
}

void sup_watch_ct_look(struct sup_watch *w, struct sup_watch_ct *ct)
{
	cleanup_fd int rootfd = open(w->ctx->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int dir = -1;
	int rc;

	if (rootfd >= 0)
		dir = openat(rootfd, ct->id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
		sup_watch_ct_free(w, ct); /* deleted */
		return;
	}
	if (dir >= 0 && is_finished(w, ct)) {
		sup_watch_ct_free(w, ct);
		return;
	}
	rc = dir < 0 ? -errno : greet(w, ct, dir);
	if (rc == -ENOENT || rc == -ECONNREFUSED)
		shimless(w, ct, rootfd);
	else if (rc < 0)
		sup_watch_ct_wait(w, ct, BUSY_MS); /* too many clients, or no descriptors */
}
