/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a task, see cgroups.h: cgroup.procs of one of its hierarchies. All of them have
 * the same processes.
 */
#include <config.h>
#include "cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "json.h"
#include "own.h"
#include "pod.h"

#define PROCS_MAX (1u << 20) /* bytes of one file */
#define DEPTH_MAX 16

struct pids {
	struct cps_arena arena;
	uint32_t *values;
	size_t count, room;
};

static void pid_add(struct pids *p, uint32_t pid)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		uint32_t *values = reallocarray(p->values, room, sizeof(*values));

		if (!values)
			return;
		p->values = values;
		p->room = room;
	}
	p->values[p->count++] = pid;
}

static void file_read(struct pids *p, int dir)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;
	char *at;

	if (cps_file_read(dir, "cgroup.procs", PROCS_MAX, &text, &len, &ignored) < 0)
		return;
	for (at = text; *at;) {
		char *end;
		unsigned long pid = strtoul(at, &end, 10);

		if (end == at)
			break;
		/* 0: it is in no pid namespace of ours */
		if (pid > 0)
			pid_add(p, (uint32_t)pid);
		at = end + (*end == '\n');
	}
}

static void tree_read(struct pids *p, int fd, int depth)
{
	cleanup_dir DIR *dir = fdopendir(fd);
	const struct dirent *e;

	if (!dir) {
		(void)close(fd);
		return;
	}
	file_read(p, dirfd(dir));
	while (depth < DEPTH_MAX && (e = readdir(dir)) != NULL) {
		int below;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		below = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0)
			tree_read(p, below, depth + 1);
	}
}

/* Of its hierarchies, one that is there; -1: it has none. */
static int cgroup_open(const struct task *t)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const char *text = t->shim.ct.cgroups;
	const struct cps_json *all = NULL;
	struct cps_err ignored;
	const char *path;

	if (!text || cps_json_parse(&arena, text, strlen(text), &all, &ignored) < 0)
		return -1;
	for (const struct cps_json *c = all->first; c; c = c->next) {
		int fd = -1;

		if (cps_json_str(c, &path, &ignored) == 0)
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

void task_pids_reply(const struct task *t, struct task_call *call)
{
	static const char type[] = "containerd.runc.v1.ProcessDetails";
	Task__PidsReply reply = TASK__PIDS_REPLY__INIT;
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct pids pids = { .count = 0 };
	Task__ProcessInfo *infos;
	const struct task_process *x;
	int fd = cgroup_open(t);

	if (fd >= 0)
		tree_read(&pids, fd, 0);
	/*
	 * Of a task that has ended its first process, as State has it: a containerd of 1.7 to 2.2
	 * that comes back takes a task of whose processes it hears nothing, be that an error, for
	 * one that was forgotten, and its exit code goes.
	 */
	if (pids.count == 0)
		pid_add(&pids, t->init.pid);
	infos = cps_arena_array(&arena, pids.count + 1, sizeof(*infos));
	reply.processes = cps_arena_array(&arena, pids.count + 1, sizeof(void *));
	for (size_t i = 0; infos && reply.processes && i < pids.count; i++) {
		task__process_info__init(&infos[i]);
		infos[i].pid = pids.values[i];
		reply.processes[reply.n_processes++] = &infos[i];
		TAILQ_FOREACH(x, &t->execs, link)
		{
			Task__ProcessDetails d = TASK__PROCESS_DETAILS__INIT;
			Wire__Any *any = cps_arena_alloc(&arena, sizeof(*any));

			if (x->pid != pids.values[i] || x->status != TASK__STATUS__RUNNING || !any)
				continue;
			d.exec_id = x->exec_id;
			wire__any__init(any);
			any->type_url = (char *)type;
			any->value.len = task__process_details__get_packed_size(&d);
			any->value.data = cps_arena_alloc(&arena, any->value.len + 1);
			if (any->value.data) {
				(void)task__process_details__pack(&d, any->value.data);
				infos[i].info = any;
			}
		}
	}
	free(pids.values);
	task_reply(call, &reply.base);
}
