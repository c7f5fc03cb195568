/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating a container, as `create` and `run` both do: their common options, a shim, its `create`.
 */
#ifndef SUP_CREATE_H
#define SUP_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "command.h"
#include "shim-start.h"

struct sup_log_options {  /* of a container or a job; NULL and 0: the shim's defaults */
	const char *path; /* no option: where a container of an image has its log */
	const char *driver;
	const char *mode;
	const char *max_size; /* as given: 0 is a value of its own */
	const char *max_files;
};

struct sup_health;

struct sup_create_image {		 /* what a container of an image has besides */
	int rootfs;			 /* detached mount */
	const char *user;		 /* looked up in the container's files; NULL: root */
	const struct sup_health *health; /* run-plan.h */
};

struct sup_criu;

struct sup_create_restore {
	const struct sup_criu *criu; /* NULL: created, not restored */
	const struct cps_opt *rows;  /* of it */
	unsigned n;
};

struct sup_create {
	const char *bundle;
	const char *pid_file;
	const char *stop_signal;
	const char *stop_timeout;
	const char *jobs_max;
	bool systemd_cgroup;
	const struct sup_create_image *image; /* NULL: of a bundle */
	struct sup_create_restore restore;
	struct sup_log_options log;
	const char *network; /* see sup_join_plan(); "none" also of who calls sup_join() himself */
	struct cps_opt_list ports;
	/* run by the shim when it has ended; NULL: it is taken off the network that it is put on */
	const char *const *exit_command;
};

#define SUP_LOG_OPTIONS	   4
#define SUP_CREATE_OPTIONS (SUP_LOG_OPTIONS + 9)

/* Write the rows of an option table and return how many. */
unsigned sup_log_options_rows(struct sup_log_options *log, struct cps_opt *rows);
unsigned sup_create_rows(struct sup_create *create, struct cps_opt *rows);
void sup_create_done(struct sup_create *create);

#define cleanup_create __attribute__((cleanup(sup_create_done)))

/* Adds "log":{…} to a request if any option was given; bad values are refused by name. */
int sup_log_options_write(const struct sup_log_options *log, struct cps_jsonw *w,
			  struct cps_err *err);

/* Likewise stop signal and times, if given. */
int sup_stop_options_write(const struct sup_create *create, struct cps_jsonw *w,
			   struct cps_err *err);

/* Makes the container `id` and puts it on its network. stdin_kind: "null" or "fifo". A signal that
 * signal_fd (sup_signals_block) tells is a failure: a hook may hang. On failure nothing is left,
 * and ctx->exit_code tells a command that cannot be run from other failures. */
int sup_create_container(struct sup_ctx *ctx, const struct sup_create *create, const char *id,
			 const char *stdin_kind, int signal_fd, struct sup_shim *shim,
			 struct sup_client *client, struct cps_err *err);

#endif
