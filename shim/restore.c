/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was kept, see restore.h.
 */
#include <config.h>
#include "restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "exec.h"
#include "ops.h"
#include "own.h"

#define RESTORED_MAX 2048 /* more than sessions can run at a time */

struct shim_restored {
	SLIST_ENTRY(shim_restored) link;
	char exec[SHIM_EXEC_ID_SIZE]; /* "": the container */
	struct shim_kept kept;
};

void shim_restore_init(struct shim_restore *r)
{
	SLIST_INIT(&r->list);
	r->count = 0;
}

void shim_kept_close(struct shim_kept *k)
{
	cps_close(&k->pidfd);
	for (int i = 0; i < SHIM_STREAM_COUNT; i++)
		cps_close(&k->streams[i]);
	cps_close(&k->console);
}

void shim_restore_done(struct shim_restore *r)
{
	struct shim_restored *one;

	while ((one = SLIST_FIRST(&r->list)) != NULL) {
		SLIST_REMOVE_HEAD(&r->list, link);
		shim_kept_close(&one->kept);
		free(one);
	}
	r->count = 0;
}

int shim_restore_add(struct shim_restore *list, struct shim_request *r, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(r->body, "exec");
	struct shim_restored *one;
	const char *exec = "";
	int rc = node ? cps_json_str(node, &exec, err) : 0;

	if (rc < 0)
		return rc;
	if (strlen(exec) >= SHIM_EXEC_ID_SIZE)
		return cps_json_fail(node, EINVAL, err, "'%.64s' is no exec id", exec);
	if (list->count >= RESTORED_MAX)
		return cps_failx(err, EBUSY, "restore: %d were given already", RESTORED_MAX);
	one = calloc(1, sizeof(*one));
	if (!one)
		return cps_fail(err, ENOMEM, "restore");
	memcpy(one->exec, exec, strlen(exec) + 1);
	one->kept = (struct shim_kept){
		.pidfd = cps_frame_take_fd(r->frame, "pidfd"),
		.streams = { cps_frame_take_fd(r->frame, "stdout"),
			     cps_frame_take_fd(r->frame, "stderr") },
		.console = cps_frame_take_fd(r->frame, "console"),
	};
	SLIST_INSERT_HEAD(&list->list, one, link);
	list->count++;
	shim_conn_ok(r->conn, r->id, "{}", NULL, 0);
	return 0;
}

struct shim_kept shim_restore_take(struct shim_restore *list, const char *exec)
{
	struct shim_kept kept = { .pidfd = -1, .streams = { -1, -1 }, .console = -1 };
	struct shim_restored *one;

	SLIST_FOREACH(one, &list->list, link)
	{
		if (strcmp(one->exec, exec ? exec : "") == 0)
			break;
	}
	if (!one)
		return kept;
	kept = one->kept;
	SLIST_REMOVE(&list->list, one, shim_restored, link);
	list->count--;
	free(one);
	return kept;
}
