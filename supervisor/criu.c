/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See criu.h.
 */
#include <config.h>

#include "criu.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "shim-start.h"

#define PROGRAM "capsule-criu"
#define SHARED	9

static unsigned shared_rows(struct sup_criu *o, struct cps_opt *rows)
{
	const struct cps_opt mine[SHARED] = {
		{ "criu", 0, CPS_OPT_STR, &o->criu, "PATH", "the criu to run (default: criu)" },
		{ "image-path", 0, CPS_OPT_STR, &o->image_path, "DIR",
		  "where the images are (default: ./checkpoint)" },
		{ "work-path", 0, CPS_OPT_STR, &o->work_path, "DIR",
		  "where CRIU writes its log (default: the images' directory)" },
		{ "tcp-established", 0, CPS_OPT_FLAG, &o->tcp_established, NULL,
		  "with open TCP connections" },
		{ "ext-unix-sk", 0, CPS_OPT_FLAG, &o->ext_unix_sk, NULL,
		  "with Unix sockets whose other end is outside" },
		{ "file-locks", 0, CPS_OPT_FLAG, &o->file_locks, NULL, "with file locks" },
		{ "manage-cgroups-mode", 0, CPS_OPT_STR, &o->cgroups_mode, "MODE",
		  "what CRIU does with groups in the container's: soft (default), full, strict, "
		  "ignore" },
		{ "empty-ns", 0, CPS_OPT_LIST, &o->empty_ns, "NAME",
		  "make this namespace, without what is in it (network)" },
		{ "auto-dedup", 0, CPS_OPT_FLAG, &o->auto_dedup, NULL,
		  "pages that a later image has again are taken out of the earlier ones" },
	};

	memcpy(rows, mine, sizeof(mine));
	return SHARED;
}

unsigned sup_checkpoint_rows(struct sup_criu *o, struct cps_opt *rows)
{
	const struct cps_opt mine[SUP_CHECKPOINT_OPTIONS - SHARED] = {
		{ "leave-running", 0, CPS_OPT_FLAG, &o->leave_running, NULL,
		  "the container goes on" },
		{ "pre-dump", 0, CPS_OPT_FLAG, &o->pre_dump, NULL,
		  "memory only, and the container goes on" },
		{ "parent-path", 0, CPS_OPT_STR, &o->parent_path, "DIR",
		  "images of a pre-dump, from the images' directory (../NAME)" },
		{ "page-server", 0, CPS_OPT_STR, &o->page_server, "ADDRESS:PORT",
		  "memory goes to the page server there" },
		{ "link-remap", 0, CPS_OPT_FLAG, &o->link_remap, NULL,
		  "with files that are open and have no name any more" },
		{ "tcp-skip-in-flight", 0, CPS_OPT_FLAG, &o->tcp_skip_in_flight, NULL,
		  "without TCP connections that are not established yet" },
	};

	memcpy(rows + shared_rows(o, rows), mine, sizeof(mine));
	return SUP_CHECKPOINT_OPTIONS;
}

unsigned sup_restore_rows(struct sup_criu *o, struct cps_opt *rows)
{
	const struct cps_opt mine[SUP_RESTORE_OPTIONS - SHARED] = {
		{ "lsm-profile", 0, CPS_OPT_STR, &o->lsm_profile, "TYPE:NAME",
		  "another profile than at the checkpoint (apparmor:NAME, selinux:LABEL)" },
		{ "lsm-mount-context", 0, CPS_OPT_STR, &o->lsm_mount_context, "CONTEXT",
		  "another SELinux context of mounts" },
	};

	memcpy(rows + shared_rows(o, rows), mine, sizeof(mine));
	return SUP_RESTORE_OPTIONS;
}

void sup_criu_done(struct sup_criu *o)
{
	sup_opt_list_done(&o->empty_ns);
}

/* The shim works in another directory. */
static int path_write(const char *key, const char *path, struct cps_jsonw *w, struct cps_err *err)
{
	char absolute[PATH_MAX];
	int rc = sup_path_absolute(path, absolute, err);

	if (rc == 0)
		cps_jsonw_str(w, key, absolute);
	return cps_wrap(err, rc, "--%s", key);
}

static int program_write(const struct sup_criu *o, struct cps_jsonw *w, struct cps_err *err)
{
	char program[PATH_MAX];
	int rc = sup_program_find(NULL, PROGRAM, program, sizeof(program), err);

	if (rc == 0 && access(program, X_OK) < 0)
		rc = cps_fail(err, errno, "'%s'", program);
	if (rc < 0)
		return rc;
	cps_jsonw_str(w, "program", program);
	if (o->criu && strchr(o->criu, '/'))
		return path_write("criu", o->criu, w, err);
	if (o->criu)
		cps_jsonw_str(w, "criu", o->criu);
	return 0;
}

static void list_write(const char *key, const struct cps_opt_list *list, struct cps_jsonw *w)
{
	if (list->count == 0)
		return;
	cps_jsonw_open(w, key, '[');
	for (unsigned i = 0; i < list->count; i++)
		cps_jsonw_str(w, NULL, list->values[i]);
	cps_jsonw_close(w, ']');
}

static int option_write(const struct sup_criu *o, const struct cps_opt *row, struct cps_jsonw *w,
			struct cps_err *err)
{
	const char *text;

	if (row->kind == CPS_OPT_LIST) {
		list_write(row->name, row->value, w);
		return 0;
	}
	if (row->kind == CPS_OPT_FLAG) {
		if (*(const bool *)row->value)
			cps_jsonw_bool(w, row->name, true);
		return 0;
	}
	text = *(const char *const *)row->value;
	if (row->value == &o->criu)
		return 0;
	if (row->value == &o->image_path)
		return path_write(row->name, text ? text : "checkpoint", w, err);
	if (text && row->value == &o->work_path)
		return path_write(row->name, text, w, err);
	if (text)
		cps_jsonw_str(w, row->name, text);
	return 0;
}

int sup_criu_write(const struct sup_criu *o, const struct cps_opt *rows, unsigned n,
		   struct cps_jsonw *w, struct cps_err *err)
{
	int rc = program_write(o, w, err);

	cps_jsonw_open(w, "options", '{');
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = option_write(o, &rows[i], w, err);
	cps_jsonw_close(w, '}');
	return rc;
}
