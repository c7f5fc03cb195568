/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See checkpoint.h.
 */
#include <config.h>
#include "checkpoint.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "json.h"
#include "message.h"
#include "options.h"
#include "proto.h"

#define OPTIONS "containerd.runc.v1.CheckpointOptions"

static void flags_write(const Task__CheckpointOptions *o, struct cps_jsonw *w)
{
	const struct {
		const char *name;
		protobuf_c_boolean value;
	} flags[] = {
		{ "leave-running", !o->exit },
		{ "tcp-established", o->open_tcp },
		{ "ext-unix-sk", o->external_unix_sockets },
		{ "shell-job", o->terminal },
		{ "file-locks", o->file_locks },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].value)
			cps_jsonw_bool(w, flags[i].name, true);
}

static void options_write(const Task__CheckpointOptions *o, const char *path, const char *work,
			  struct cps_jsonw *w)
{
	cps_jsonw_open(w, "options", '{');
	cps_jsonw_str(w, "image-path", path);
	cps_jsonw_str(w, "work-path", work);
	flags_write(o, w);
	if (o->cgroups_mode[0])
		cps_jsonw_str(w, "manage-cgroups-mode", o->cgroups_mode);
	if (o->n_empty_namespaces > 0) {
		cps_jsonw_open(w, "empty-ns", '[');
		for (size_t i = 0; i < o->n_empty_namespaces; i++)
			cps_jsonw_str(w, NULL, o->empty_namespaces[i]);
		cps_jsonw_close(w, ']');
	}
	cps_jsonw_close(w, '}');
}

int task_checkpoint_put(const Task__CheckpointRequest *r, const char *bundle, const char *criu,
			struct cps_buf *b, const char **ret_why)
{
	bool given = task_any_is(r->options, OPTIONS);
	cleanup_message Task__CheckpointOptions *o = task_unpack(
		&task__checkpoint_options__descriptor, given ? r->options->value.data : NULL,
		given ? r->options->value.len : 0);
	const char *path = o && o->image_path[0] ? o->image_path : r->path;
	char program[PATH_MAX], work[PATH_MAX];
	struct cps_jsonw w;

	*ret_why = "bad options";
	if (!o)
		return -EINVAL;
	*ret_why = "the path is not absolute";
	if (path[0] != '/' || (o->work_path[0] && o->work_path[0] != '/') ||
	    (size_t)snprintf(work, sizeof(work), "%s/criu-work", bundle) >= sizeof(work))
		return -EINVAL;
	cps_jsonw_init(&w, b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "op", CPS_OP_CHECKPOINT);
	cps_jsonw_str(&w, "program", task_beside("capsule-criu", program, sizeof(program)));
	if (criu[0])
		cps_jsonw_str(&w, "criu", criu);
	options_write(o, path, o->work_path[0] ? o->work_path : work, &w);
	cps_jsonw_close(&w, '}');
	*ret_why = "out of memory";
	return b->failed ? -ENOMEM : 0;
}
