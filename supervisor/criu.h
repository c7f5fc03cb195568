/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What checkpoint and restore are asked about CRIU, as options and as members of a request. The
 * shim passes them on as they are: it is capsule-criu that knows what they mean.
 */
#ifndef SUP_CRIU_H
#define SUP_CRIU_H

#include <stdbool.h>

#include "err.h"
#include "json.h"
#include "opt.h"

struct sup_criu {
	const char *image_path, *work_path, *parent_path, *page_server, *cgroups_mode, *criu;
	const char *lsm_profile, *lsm_mount_context;
	struct cps_opt_list empty_ns;
	bool leave_running, pre_dump, link_remap, tcp_skip_in_flight;
	bool tcp_established, ext_unix_sk, file_locks, auto_dedup;
};

#define SUP_CHECKPOINT_OPTIONS 15
#define SUP_RESTORE_OPTIONS    11

/* Write the rows of an option table and return how many. */
unsigned sup_checkpoint_rows(struct sup_criu *o, struct cps_opt *rows);
unsigned sup_restore_rows(struct sup_criu *o, struct cps_opt *rows);
void sup_criu_done(struct sup_criu *o);

#define cleanup_criu __attribute__((cleanup(sup_criu_done)))

/* "program", "criu", "options": of the n rows those that were given. */
int sup_criu_write(const struct sup_criu *o, const struct cps_opt *rows, unsigned n,
		   struct cps_jsonw *w, struct cps_err *err);

#endif
