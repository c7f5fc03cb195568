/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks of one process: a container each, with its execs. A task has a shim of its own (shim.h)
 * in this process, and asks it as any client would.
 */
#ifndef TASK_POD_H
#define TASK_POD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "child.h"
#include "logger.h"
#include "publish.h"
#include "server.h"
#include "shim.h"
#include "streams.h"
#include "task.pb-c.h"

#define TASK_STATE_ROOT "/run/containerd/capsule" /* unless the options name another one */

struct task;
struct task_process;
LIST_HEAD(task_tasks, task);
TAILQ_HEAD(task_processes, task_process);

/* Calls of Wait. */
struct task_waiter {
	LIST_ENTRY(task_waiter) link;
	struct task_call *call;
};
LIST_HEAD(task_waiters, task_waiter);

struct task_pod {
	struct event_base *base;
	const char *ns;
	struct task_server server;
	struct task_publisher publisher;
	struct task_tasks tasks;
	struct task_children children;
	struct task_loggers loggers;
	int signal_fd;
	struct event signal_event;
	struct event linger_event; /* the end, once answers and events are on their way */
	bool ending;
	unsigned flushes; /* looks for what is not sent yet */
};

struct task_process {
	TAILQ_ENTRY(task_process) link;
	struct task *task;
	char *exec_id; /* "" for the container's first one */
	struct task_streams io;
	Task__Status status;
	char session[37]; /* of an exec: the shim's name for it */
	char *spec;	  /* of an exec: its process object */
	uint32_t pid;
	uint32_t exit_status;
	struct timespec exited_at;
	struct task_call *start_call; /* Create or Start, at work */
	bool starting;
	struct task_waiters waiters;
	struct task_call *delete_call;
	bool deleting;		  /* the shim is asked */
	struct event again_event; /* of Create, Start, Delete: what they waited for may be there */
	unsigned open_tries;
	uint16_t rows, cols; /* asked for before there was a terminal */
};

struct task_asked; /* of the shim, not answered yet */
LIST_HEAD(task_askeds, task_asked);

struct task {
	LIST_ENTRY(task) link;
	struct task_pod *pod;
	char *id;
	char *bundle;
	char *root; /* where the shim's and the runtime's state is */
	char *criu; /* the criu to run; "": criu */
	bool systemd_cgroup;
	bool no_pivot, no_new_keyring;
	uint32_t io_uid, io_gid; /* whose pipes are */
	bool own_pids;		 /* it has a pid namespace of its own */
	bool mounted;
	bool failed; /* its create */
	bool gone;   /* deleted, to be freed by the event below */
	bool exit_told;
	Task__CreateRequest *request; /* while Create is at work */
	struct shim shim;
	bool shim_up;
	struct shim_conn *conn;
	struct task_askeds asked;
	uint32_t next_id;
	struct task_process init;
	struct task_processes execs;
	struct event later_event; /* what may not be done from within the shim */
	struct event
		settle_event; /* execs whose end is not known yet, at the end of the first one */
};

/* pod.c: the process. Serves the listening socket until all is over. The namespace is that of the
 * events, which are given without children. */
int task_pod_run(int listener, const char *socket, const struct task_publish_to *events,
		 struct cps_err *err);
/* Without a process around it: its base is not run, its children are not reaped. done is allowed
 * after a failure. */
int task_pod_init(struct task_pod *pod, int listener, const struct task_publish_to *events,
		  struct cps_err *err);
void task_pod_done(struct task_pod *pod);
struct task *task_find(struct task_pod *pod, const char *id);
/* Ends, if no task is left, when everything has been sent. */
void task_pod_shutdown(struct task_pod *pod);

/* service.c */
extern const struct task_service task_services[];

/* ask.c: a request of the task's shim. json: without the braces' first; done is called once. */
typedef void task_done(struct task_process *p, const struct cps_json *ok, const struct cps_err *why,
		       struct task_call *call);
int task_ask(struct task_process *p, const char *json, int *fds, unsigned nfds, task_done *done,
	     struct task_call *call, struct cps_err *err);
/* What its shim sends. */
shim_conn_take task_take;
void task_asked_free(struct task *t);

/* create.c */
void task_create(struct task_pod *pod, struct task_call *call, const Task__CreateRequest *r);
/* Its streams may be there now. */
void task_create_go(struct task *t);

/* life.c: what comes after that. */
#define TASK_OPEN_RETRY_MS 10
#define TASK_OPEN_TRIES	   3000 /* 30 s until the client has opened its FIFOs */
void task_process_init(struct task_process *p, struct task *t);
/* id: whose the output is */
int task_process_streams(struct task_process *p, const char *id, const char *in, const char *out,
			 const char *err_path, bool terminal, struct cps_err *err);
/* Opening its streams gave rc. True: what it waits for may come, and it is called again then. */
bool task_process_waits(struct task_process *p, int rc);
void task_events_init(struct task *t);
/* The life of its shim is over; we may be within it. */
void task_over(struct shim *s);
/* Tells of the container's end once nothing that must be told before is missing; or now. */
void task_settle(struct task *t, bool now);
void task_start(struct task_process *p, struct task_call *call);
void task_exec_add(struct task *t, struct task_call *call, const Task__ExecRequest *r);
void task_exec_free(struct task_process *p);
/* An exit object, of the first process or of an exec. */
void task_exited(struct task_process *p, const struct cps_json *exit);
void task_wait_answer(struct task_process *p);
void task_exit_tell(struct task_process *p);
struct task_process *task_session_find(struct task *t, const char *session);

/* delete.c */
void task_delete(struct task_process *p, struct task_call *call);
/* Its output may have been taken; now: it is not waited for any longer. */
void task_delete_go(struct task_process *p, bool now);

#endif
