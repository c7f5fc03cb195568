/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint: CRIU writes down a container's processes, which are then gone, and so is the
 * container, unless it is to go on.
 */
#include <config.h>

#include "commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "file.h"
#include "log.h"
#include "mounts.h"
#include "options.h"
#include "own.h"
#include "proto.h"

#define LOG_NAME "dump.log"
#define GONE_MS	 10000

struct dump {
	struct rt_container *c;
	const struct rt_spec *spec;
	struct criu_options *o;
	struct criu_images images;
	const char *stdio[CRIU_STDIO];
	bool marks; /* its shim, or a successor of that, shall know why it has ended */
};

static int mark(const struct dump *d, struct cps_err *err)
{
	return d->marks ? cps_file_replace(d->c->dir, CPS_CHECKPOINT_MARK, "", 0, 0600, err) : 0;
}

static void mark_remove(const struct dump *d)
{
	if (d->marks)
		(void)unlinkat(d->c->dir, CPS_CHECKPOINT_MARK, 0);
}

/* Everything stands still and is written; what comes next cannot be undone. */
static int told(void *arg, const struct criu_answer *what, int *fd, struct cps_err *err)
{
	struct dump *d = arg;

	(void)fd;
	cps_log(CPS_LOG_DEBUG, "criu: %s", what->script);
	if (strcmp(what->script, "post-dump") == 0 && !d->o->pre_dump) {
		int rc = criu_descriptors_write(d->images.fd, d->stdio, err);

		return rc < 0 ? rc : mark(d, err);
	}
	if (strcmp(what->script, "status-ready") == 0 && d->o->status >= 0) {
		if (write(d->o->status, "", 1) != 1)
			return cps_fail(err, errno, "--status-fd");
		d->o->status = -1;
	}
	return 0;
}

static const char *freezer_of(const struct rt_cgroup *cg, struct cps_arena *a)
{
	for (unsigned i = 0; i < cg->ndirs; i++) {
		const struct rt_cgroup_dir *d = &cg->dirs[i];

		if (cg->layout == RT_CGROUP_V2 || cps_list_has(d->controllers, "freezer"))
			return cps_arena_printf(a, "%s%s", d->mount, d->path);
	}
	return NULL;
}

/* A namespace that the container has joined is nobody's to write down. */
static int external_namespaces(const struct dump *d, struct criu_message *m, struct cps_err *err)
{
	for (int ns = 0; ns < RT_NS_COUNT; ns++) {
		const char *name = criu_external_name((enum rt_ns)ns);
		char text[64];
		struct stat st;

		if (!name || !d->spec->ns[ns].path)
			continue;
		if (stat(d->spec->ns[ns].path, &st) < 0)
			return cps_fail(err, errno, "namespace '%s'", d->spec->ns[ns].path);
		(void)snprintf(text, sizeof(text), "%s[%llu]:%s", ns == RT_NS_NET ? "net" : "pid",
			       (unsigned long long)st.st_ino, name);
		criu_message_external(m, text);
	}
	return 0;
}

static int put_together(struct dump *d, struct criu_message *m, struct cps_err *err)
{
	struct rt_container *c = d->c;
	Criu__Options *to = &m->options;
	int rc;

	criu_message_init(m, d->o->pre_dump ? CRIU__KIND__PRE_DUMP : CRIU__KIND__DUMP, c->arena);
	criu_request_begin(m, &d->images, LOG_NAME, d->spec);
	rc = criu_options_apply(d->o, m, err);
	if (rc == 0)
		rc = external_namespaces(d, m, err);
	if (rc < 0)
		return rc;
	to->has_pid = true;
	to->pid = c->state.pid;
	to->root = cps_arena_strdup(c->arena, c->state.rootfs);
	to->freeze_cgroup = (char *)(uintptr_t)freezer_of(&c->state.cgroup, c->arena);
	if (d->o->pre_dump) {
		to->has_track_memory = to->track_memory = true;
		return 0;
	}
	rc = criu_descriptors_of(c->state.pid, c->arena, d->stdio, err);
	for (int i = 0; rc == 0 && i < CRIU_STDIO; i++)
		if (strncmp(d->stdio[i], "file[", 5) == 0)
			criu_message_external(m, d->stdio[i]);
	return rc < 0 ? rc : criu_mounts_dump(m, d->spec, &c->state.cgroup, c->state.pid, err);
}

/* CRIU lets the processes go on when it fails; if it died over it, they stand still. */
static void let_go_on(const struct dump *d)
{
	struct cps_err ignored;

	if (d->c->status == RT_STATUS_RUNNING && rt_cgroup_is_frozen(&d->c->state.cgroup))
		(void)rt_cgroup_freeze(&d->c->state.cgroup, false, &ignored);
}

static int dump(struct dump *d, const char *program, struct cps_err *err)
{
	const struct criu_needs needs = { .version = 31500,
					  .memory_tracking = d->o->pre_dump,
					  .lazy_pages = d->o->lazy_pages };
	const struct criu_swrk_plan plan = { .program = program,
					     .quiet = !cps_log_wants(CPS_LOG_DEBUG) };
	cleanup_swrk struct criu_swrk s = CRIU_SWRK_INIT;
	struct criu_answer answer = { 0 };
	struct criu_message m;
	int rc = put_together(d, &m, err);

	if (rc == 0)
		rc = criu_swrk_start(&s, &plan, err);
	if (rc == 0)
		rc = criu_swrk_check(&s, &needs, d->c->arena, err);
	if (rc == 0)
		rc = criu_swrk_call(&s, &m, told, d, &answer, err);
	criu_swrk_stop(&s);
	if (rc == 0 && !answer.success)
		rc = criu_refused(&answer, m.request.kind, &d->images, LOG_NAME, err);
	if (rc < 0) {
		mark_remove(d);
		let_go_on(d);
	}
	return rc;
}

static int open_images(struct dump *d, struct cps_err *err)
{
	int rc = criu_images_open(&d->images, d->o->image_path, d->o->work_path, true, d->c->arena,
				  err);

	/* what is written there replaces files, and is not to replace others */
	if (rc == 0)
		rc = criu_images_check(d->images.fd, "--image-path", err);
	if (rc == 0 && d->o->parent_path && d->o->parent_path[0])
		rc = criu_images_check_parent(&d->images, d->o->parent_path, err);
	return rc;
}

/* CRIU has killed them all; the first one's parent may be about to find out. */
static int delete_it(struct rt_container *c, struct cps_err *err)
{
	struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
	struct rt_warn warn = { 0 };
	uint32_t pos = 0;
	const char *text;
	int rc;

	while (c->pidfd >= 0 && poll(&p, 1, GONE_MS) < 0 && errno == EINTR)
		;
	c->status = RT_STATUS_STOPPED;
	rc = rt_container_delete(c, true, &warn, err);
	while ((text = rt_warn_next(&warn, &pos)) != NULL)
		cps_log(CPS_LOG_WARN, "%s", text);
	return rc;
}

/* Shared: whoever adopts the container, if its shim dies, waits until it is known what of it. */
static void hold(const struct rt_container *c)
{
	(void)flock(c->dir, LOCK_SH | LOCK_NB);
}

int criu_checkpoint(const char *root, const char *id, const char *program, bool is_shims,
		    struct criu_options *o, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_container struct rt_container c = RT_CONTAINER_INIT;
	struct dump d = { .c = &c, .o = o, .images = CRIU_IMAGES_INIT };
	int rc = rt_container_open(root, id, &arena, &c, err);

	if (rc == 0 && c.status != RT_STATUS_RUNNING && c.status != RT_STATUS_PAUSED)
		rc = cps_failx(err, c.pidfd >= 0 ? EBUSY : ESRCH,
			       "Container cannot be checkpointed in %s state",
			       rt_status_names[c.status]);
	d.marks = is_shims && !o->leave_running && !o->pre_dump;
	if (rc == 0 && is_shims) {
		hold(&c);
		mark_remove(&d); /* of one that was cut short */
	}
	if (rc == 0)
		rc = rt_container_spec(&c, &d.spec, err);
	if (rc == 0)
		rc = open_images(&d, err);
	if (rc == 0)
		rc = dump(&d, program, err);
	if (rc == 0 && !is_shims && !o->leave_running && !o->pre_dump)
		rc = delete_it(&c, err);
	criu_images_done(&d.images);
	/* who asks a shim is told by name already */
	return is_shims ? rc : cps_wrap(err, rc, "checkpoint %s", id);
}

unsigned criu_checkpoint_rows(struct criu_options *o, struct cps_opt *rows)
{
	const struct cps_opt own[CRIU_CHECKPOINT_ROWS - CRIU_OPTION_ROWS] = {
		{ "parent-path", 0, CPS_OPT_STR, &o->parent_path, "DIR",
		  "images of a pre-dump, from the images' directory (../NAME)" },
		{ "leave-running", 0, CPS_OPT_FLAG, &o->leave_running, NULL,
		  "the container goes on" },
		{ "pre-dump", 0, CPS_OPT_FLAG, &o->pre_dump, NULL,
		  "memory only, and the container goes on" },
		{ "link-remap", 0, CPS_OPT_FLAG, &o->link_remap, NULL,
		  "with files that are open and have no name any more" },
		{ "tcp-skip-in-flight", 0, CPS_OPT_FLAG, &o->tcp_skip_in_flight, NULL,
		  "without TCP connections that are not established yet" },
		{ "page-server", 0, CPS_OPT_STR, &o->page_server, "ADDRESS:PORT",
		  "memory goes to the page server there" },
	};
	unsigned n = criu_options_rows(o, rows);

	memcpy(rows + n, own, sizeof(own));
	return CRIU_CHECKPOINT_ROWS;
}

static int cmd_checkpoint(const struct rt_globals *g, int argc, char **argv, int *ret_status,
			  struct cps_err *err)
{
	cleanup_free char **args = NULL;
	struct criu_options o;
	struct cps_opt table[CRIU_CHECKPOINT_ROWS + 2] = { 0 };
	int count;
	int rc;

	table[criu_checkpoint_rows(&o, table)] = (struct cps_opt){
		"status-fd",  0,    CPS_OPT_STR,
		&o.status_fd, "FD", "--lazy-pages: write a NUL there when pages can be asked for"
	};
	rc = rt_command_parse(&criu_cmd_checkpoint, table, argc, argv, 1, 1, &args, &count, err);
	if (rc == 0 && args) {
		*ret_status = 0;
		rc = criu_checkpoint(g->root, args[0], g->criu, false, &o, err);
	}
	criu_options_done(&o);
	return rc;
}

const struct rt_command criu_cmd_checkpoint = {
	"checkpoint", "ID", "Write a running container down in files, by CRIU, and delete it.",
	false,	      1,    cmd_checkpoint,
};
