/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container: what was asked for, what came of it, who waits for it. The machine decides,
 * container.c and container-end.c carry out.
 */
#ifndef SHIM_CONTAINER_H
#define SHIM_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <event2/event_struct.h>

#include "conn.h"
#include "exit.h"
#include "io.h"
#include "shim-log.h"
#include "machine.h"
#include "oom.h"
#include "reap.h"
#include "start-gate.h"

struct shim;
struct shim_health;
struct shim_link;
struct shim_request;

/* Finished jobs that are kept: unless told otherwise, and at the most. */
#define SHIM_JOBS_DEFAULT 100
#define SHIM_JOBS_MOST	  10000

struct shim_container {
	/* asked for */
	char *bundle;
	char *cgroup_parent;
	bool no_pivot, no_new_keyring; /* as the runtime's flags of these names */
	char *systemd;		       /* capsule-systemd, which asks for the cgroup, or NULL */
	char *pid_file;		       /* or NULL */
	char *user;		       /* instead of config.json's, or NULL */
	bool want_stdin;
	bool stdio_given; /* by the client: there is nothing to copy */
	struct shim_log_config log;
	int stop_signal;
	uint64_t stop_timeout_ms;
	unsigned jobs_max;
	char *exit_command;	    /* JSON array of strings, or NULL; exit-command.h */
	struct shim_health *health; /* or NULL */

	/* what the runtime made of it */
	bool terminal;
	uid_t uid; /* of its user on the host: the owner of FIFOs */
	gid_t gid;
	bool restored;		/* out of images: it runs as soon as it is there */
	bool poststart;		/* the runtime must start it, because of hooks */
	char *cgroups;		/* JSON text, or NULL */
	struct shim_link *link; /* create, start or delete at work */
	struct shim_child init;
	uint64_t init_start; /* its start time in the kernel's ticks */
	struct shim_io io;
	struct shim_gate gate;
	struct shim_oom oom;
	struct timespec created_at;
	struct timespec started_at; /* 0: not yet */
	bool has_exit;		    /* exit is valid; told from `stopped` on */
	struct shim_exit exit;
	struct cps_err failed; /* of the link or the gate, for who waits */
	char failed_step[64];

	/* who waits */
	struct shim_waiters create_waiters;
	struct shim_waiters start_waiters;
	struct shim_waiters exit_waiters;
	struct shim_waiters stop_waiters;
	struct shim_waiters delete_waiters;
	struct shim_waiters checkpoint_waiters;

	struct event stop_event;
	uint64_t stop_at; /* when it is due, CLOCK_BOOTTIME in ms; 0: no stop */
	struct event drain_event;
	struct event retry_event;
	uint64_t again;	     /* bits: news that could not be handled yet */
	unsigned exit_tries; /* of writing the exit record */
	bool delete_wanted;  /* once it has exited */
	bool quit_wanted;    /* once it has exited */
	bool goes_on;	     /* when its checkpoint is done */
	bool checkpointed;   /* and so its end is CRIU's doing */
	bool deleted;	     /* told when no runtime is at work any more */
	bool exit_command_run;
	struct shim_child exit_child; /* the exit command's process */
};

void shim_container_init(struct shim *s);
/* Its init, which is another's child, as shim_child_adopt() has it. */
int shim_container_adopt_init(struct shim *s, pid_t pid, int pidfd, struct cps_err *err);
void shim_container_watch_oom(struct shim *s, const char *path);
uint64_t shim_boottime_ms(void);
void shim_container_done(struct shim *s);

/* A request of the table. < 0: refused or failed, to be answered by the caller. */
int shim_container_request(struct shim *s, enum shim_event e, struct shim_request *r,
			   struct cps_err *err);
/* News. What an action could not do is tried again until it can. */
void shim_news(struct shim *s, enum shim_event e);

/* Arms a timer; an earlier one is replaced. */
void shim_timer(struct event *e, uint64_t ms);
/* Asks the runtime to signal all of the container's cgroup. Waiters of `r` are answered; r may be
 * NULL. */
int shim_kill_all(struct shim *s, int signal, struct shim_request *r, struct cps_err *err);
/* Asks the runtime to set other limits. */
int shim_update(struct shim *s, struct shim_request *r, struct cps_err *err);
/* For reap.c: the runtimes that have ended are known. */
void shim_deleted_settle(struct shim *s);
/* Is it in the freezer, whoever has put it there? Looked up in its cgroup. */
bool shim_is_paused(const struct shim *s);
/* Has a paused container go on, since it was told to end: on v1 nobody dies in the freezer. Asks
 * the runtime, and notes if that fails. */
void shim_thaw(struct shim *s);
/* {"event":name}, with the exit object if there is one. */
void shim_event_send(struct shim *s, const char *name, const struct shim_exit *e);

/* The actions; see machine.c for when. */
shim_action shim_act_create_begin;
shim_action shim_act_create_done;
shim_action shim_act_restore_done;
shim_action shim_act_create_failed;
shim_action shim_act_create_abort;
shim_action shim_act_exit_hold;
shim_action shim_act_start_begin;
shim_action shim_act_start_done;
shim_action shim_act_start_failed;
shim_action shim_act_signal;
shim_action shim_act_signal_all;
shim_action shim_act_stop_begin;
shim_action shim_act_stop_now;
shim_action shim_act_stop_wait;
shim_action shim_act_stop_kill;
shim_action shim_act_stop_nothing;
shim_action shim_act_exec_begin;
shim_action shim_act_exit_note;
shim_action shim_act_exit_report;
shim_action shim_act_delete_begin;
shim_action shim_act_delete_later;
shim_action shim_act_delete_kill;
shim_action shim_act_delete_done;
shim_action shim_act_delete_failed;
shim_action shim_act_quit;
/* checkpoint.c */
shim_action shim_act_checkpoint_begin;
shim_action shim_act_checkpoint_done;
/* runtime-ask.c */
shim_action shim_act_pause;
shim_action shim_act_resume;
/* adopt.c */
shim_action shim_act_adopt_begin;
shim_action shim_act_adopt_done;
shim_action shim_act_adopt_failed;

#endif
