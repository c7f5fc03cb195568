/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a task's cgroups say.
 */
#ifndef TASK_CGROUPS_H
#define TASK_CGROUPS_H

struct task;
struct task_call;

/* Answers with the processes in its cgroup, and below it. */
void task_pids_reply(const struct task *t, struct task_call *call);

#endif
