/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What checkpoint and restore are asked, and what a request to CRIU has of it: runc's options.
 */
#ifndef CRIU_OPTIONS_H
#define CRIU_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "images.h"
#include "message.h"
#include "opt.h"
#include "spec.h"
#include "swrk.h"

struct criu_options {
	const char *image_path, *work_path, *parent_path;
	const char *page_server, *cgroups_mode, *status_fd;
	const char *lsm_profile, *lsm_mount_context;
	struct cps_opt_list empty_ns;
	bool leave_running, pre_dump, link_remap, tcp_skip_in_flight;
	bool tcp_established, ext_unix_sk, shell_job, file_locks, auto_dedup, lazy_pages;
	int status; /* --status-fd, or -1 */
};

#define CRIU_OPTION_ROWS 10

/* The rows that both commands have, and how many those are. */
unsigned criu_options_rows(struct criu_options *o, struct cps_opt *rows);
void criu_options_done(struct criu_options *o);

/* Checks what can be checked without CRIU, and puts it into the request. */
int criu_options_apply(struct criu_options *o, struct criu_message *m, struct cps_err *err);

/* What both requests have: the directories, CRIU's own log in the second as log_name. The config
 * may name a file with more options for CRIU (annotation org.criu.config), as with runc. */
void criu_request_begin(struct criu_message *m, const struct criu_images *im, const char *log_name,
			const struct rt_spec *spec);

/* Networks and pids that the container has joined stay outside of the images, under a name. NULL:
 * CRIU has another way for this kind. */
const char *criu_external_name(enum rt_ns ns);

/* An answer that says no, as an error: what CRIU has said, what its log says, where that is. */
int criu_refused(const struct criu_answer *answer, Criu__Kind kind, const struct criu_images *im,
		 const char *log_name, struct cps_err *err);

#endif
