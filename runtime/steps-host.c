/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of the runtime itself: before the clone, beside init, and around it.
 */
#include <config.h>

#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "baton.h"
#include "creds.h"
#include "fd-send.h"
#include "file.h"
#include "frame.h"
#include "hooks.h"
#include "idmap.h"
#include "labels.h"
#include "log.h"
#include "own.h"
#include "proc.h"
#include "proto.h"
#include "rlimits.h"
#include "rootless.h"
#include "scheduling.h"
#include "spawn.h"
#include "start.h"
#include "timens.h"

int step_plan(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	if (rt_is_unprivileged() && !ctx->spec->ns[RT_NS_USER].wanted)
		return cps_failx(err, EPERM,
				 "config.json: linux.namespaces: a container of a user who is not "
				 "root needs a user namespace");
	rc = rt_plan_create(ctx->spec, &ctx->plan, err);
	if (rc == 0 && rt_is_unprivileged())
		rt_plan_unprivileged(&ctx->plan);
	return rc;
}

int step_check_labels(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_labels_check(ctx->process, ctx->target < 0 ? ctx->spec->mount_label : NULL, err);
}

/* The specification's life cycle: after a hook that fails the container is destroyed, and its
 * poststop hooks are run. What fails before the hooks has made no container. */
void undo_by_hooks(struct rt_ctx *ctx)
{
	struct cps_err err = { 0 };

	if (!ctx->failed_step || strncmp(ctx->failed_step, "hooks-", 6) != 0)
		return;
	if (rt_hooks_run(&ctx->spec->hooks, RT_HOOK_POSTSTOP, &ctx->state, RT_STATUS_STOPPED, 0,
			 &err) < 0)
		rt_warn(ctx->warn, "%s, ignoring", err.msg);
}

int step_open_files(struct rt_ctx *ctx, struct cps_err *err)
{
	size_t n = ctx->spec->nmounts;

	ctx->sources = cps_arena_array(ctx->arena, n + 1, sizeof(int));
	if (!ctx->sources)
		return cps_fail(err, ENOMEM, "%zu mounts", n);
	for (size_t i = 0; i < n; i++)
		ctx->sources[i] = -1;
	return rt_rootfs_open_sources(ctx->spec, ctx->root_is_mount ? ctx->root_dir : -1,
				      &ctx->root_dir, ctx->sources, err);
}

int step_open_namespaces(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_spawn_open_namespaces(ctx, err);
}

int step_idmap_mounts(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_mounts_idmap(ctx->spec, ctx->ns[RT_NS_USER], ctx->sources, err);
}

int step_cgroup_paths(struct rt_ctx *ctx, struct cps_err *err)
{
	struct rt_cgroup *cg = &ctx->state.cgroup;
	const char *path = ctx->spec->cgroups_path;
	const char *parent = ctx->req->cgroup_parent;
	int rc = 0;

	if (ctx->req->no_cgroup) {
		cg->layout = rt_cgroup_layout_here();
		return 0;
	}
	/* The root of the hierarchies is nothing that a user could have: beside our own group. */
	if (rt_is_unprivileged() && strcmp(parent, "/") == 0)
		parent = NULL;
	if (ctx->req->systemd) {
		ctx->state.scope.program = ctx->req->systemd;
		ctx->state.scope.user = rt_is_rootless(ctx->req->rootless);
		rc = rt_systemd_names(path, ctx->req->id, &ctx->state.scope, &path, ctx->arena,
				      err);
	}
	if (rc == 0)
		rc = rt_cgroup_init(cg, path, parent, ctx->req->id, ctx->arena, err);
	for (unsigned i = 0; rc == 0 && i < cg->ndirs; i++)
		cg->dirs[i].systemds = ctx->req->systemd != NULL;
	return rc;
}

int step_seccomp_compile(struct rt_ctx *ctx, struct cps_err *err)
{
	char cache[PATH_MAX];
	int rc = 0;

	if (ctx->spec->strict_seccomp)
		rc = rt_seccomp_check_names(&ctx->spec->seccomp, err);
	if (rc < 0)
		return rc;
	/* A name that no container can have (D18). */
	if ((size_t)snprintf(cache, sizeof(cache), "%s/.seccomp", ctx->req->root) >= sizeof(cache))
		return cps_fail(err, ENAMETOOLONG, "'%s'", ctx->req->root);
	rc = rt_seccomp_compile(&ctx->spec->seccomp, cache, &ctx->filter, ctx->warn, err);
	cps_log(CPS_LOG_DEBUG, "seccomp filter flags: %lu", (unsigned long)ctx->filter.flags);
	return rc;
}

static int open_root(const char *root, struct cps_err *err)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0 && errno == ENOENT) {
		rc = cps_mkdir_all(root, 0700, err);
		if (rc < 0)
			return rc;
		fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? cps_fail(err, errno, "open '%s'", root) : fd;
}

/* The directory's name is the claim on the id, and the lock on it says that we are at work. */
int step_state_dir(struct rt_ctx *ctx, struct cps_err *err)
{
	cleanup_fd int root = open_root(ctx->req->root, err);

	if (root < 0)
		return root;
	if (!ctx->req->adopt_dir) {
		if (mkdirat(root, ctx->req->id, 0700) < 0)
			return errno == EEXIST
				       ? cps_failx(err, EEXIST,
						   "container with given ID already exists: '%s'",
						   ctx->req->id)
				       : cps_fail(err, errno, "make '%s/%s'", ctx->req->root,
						  ctx->req->id);
		ctx->dir_made = true;
	}
	ctx->dir = openat(root, ctx->req->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ctx->dir < 0)
		return cps_fail(err, errno, "open '%s/%s'", ctx->req->root, ctx->req->id);
	if (flock(ctx->dir, LOCK_EX | LOCK_NB) < 0)
		return cps_fail(err, errno, "lock '%s/%s'", ctx->req->root, ctx->req->id);
	return 0;
}

void undo_state_dir(struct rt_ctx *ctx)
{
	if (ctx->dir >= 0)
		rt_state_unlink(ctx->dir);
	cps_close(&ctx->dir);
	if (ctx->dir_made)
		rt_state_remove_dir(ctx->req->root, ctx->req->id);
}

static int format_annotations(struct rt_ctx *ctx, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;

	if (ctx->spec->nannotations == 0)
		return 0;
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	for (size_t i = 0; i < ctx->spec->nannotations; i++)
		cps_jsonw_str(&w, ctx->spec->annotations[i].key, ctx->spec->annotations[i].value);
	cps_jsonw_close(&w, '}');
	if (!buf.failed)
		ctx->state.annotations = cps_arena_strdup(ctx->arena, buf.data);
	return ctx->state.annotations ? 0 : cps_fail(err, ENOMEM, "annotations");
}

/* A group that is not there yet will be ours, even if we do not live to say so again. */
static void claim_missing_cgroups(struct rt_cgroup *cg)
{
	for (unsigned i = 0; i < cg->ndirs; i++) {
		struct rt_cgroup_dir *d = &cg->dirs[i];
		char path[RT_CGROUP_MOUNT_MAX + RT_CGROUP_PATH_MAX + 1];

		(void)snprintf(path, sizeof(path), "%s%s", d->mount, d->path);
		d->made = access(path, F_OK) < 0;
	}
}

/* What a later `delete --force` needs if we do not live to undo what comes next. */
int step_record_intent(struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_spec *spec = ctx->spec;
	struct rt_state *s = &ctx->state;
	struct timespec now;
	int rc;

	s->oci_version = spec->oci_version;
	s->id = ctx->req->id;
	s->bundle = ctx->req->bundle;
	s->rootfs = spec->root_path;
	s->user = ctx->req->user;
	s->owner = geteuid();
	s->own_pidns = spec->ns[RT_NS_PID].wanted && !spec->ns[RT_NS_PID].path;
	s->poststart = spec->hooks.n[RT_HOOK_POSTSTART] > 0 || spec->seccomp.notifies;
	s->poststop = spec->hooks.n[RT_HOOK_POSTSTOP] > 0;
	s->terminal = ctx->process->terminal;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, true, s->created);
	claim_missing_cgroups(&s->cgroup);
	rc = format_annotations(ctx, err);
	return rc < 0 ? rc : rt_state_save(s, ctx->dir, true, err);
}

int step_gate(struct rt_ctx *ctx, struct cps_err *err)
{
	ctx->gate = rt_gate_open(ctx->dir, err);
	return ctx->gate < 0 ? ctx->gate : 0;
}

int step_cgroup(struct rt_ctx *ctx, struct cps_err *err)
{
	struct rt_cgroup *cg = &ctx->state.cgroup;
	struct cps_err ignored;
	int rc;

	if (ctx->req->no_cgroup)
		return 0;
	rc = rt_cgroup_create(cg, &ctx->spec->resources, err);

	/* Who may make none does without, unless limits are asked for (step_cgroup_limits). */
	if ((rc != -EACCES && rc != -EPERM && rc != -EROFS) || !rt_is_rootless(ctx->req->rootless))
		return rc;
	rt_warn(ctx->warn, "the container gets no cgroup: %s", err->msg);
	(void)rt_cgroup_remove(cg, &ignored);
	cg->ndirs = 0;
	return 0;
}

void undo_cgroup(struct rt_ctx *ctx)
{
	struct cps_err ignored;

	(void)rt_cgroup_remove(&ctx->state.cgroup, &ignored);
}

/* Where systemd has put init: in the hierarchies that it does not use we do the same. */
int step_scope(struct rt_ctx *ctx, struct cps_err *err)
{
	struct rt_cgroup *cg = &ctx->state.cgroup;
	const char *path = NULL;
	int rc;

	rc = rt_systemd_start(&ctx->state.scope, ctx->spec, cg->layout, ctx->pid, ctx->arena, &path,
			      err);
	if (rc < 0)
		return rc;
	ctx->scope_is_ours = true;
	for (unsigned i = 0; i < cg->ndirs; i++)
		cg->dirs[i].path = path;
	rc = rt_cgroup_create(cg, &ctx->spec->resources, err);
	if (rc == 0 && cg->layout == RT_CGROUP_V1)
		rc = rt_cgroup_move(cg, ctx->pid, err);
	return rc;
}

void undo_scope(struct rt_ctx *ctx)
{
	struct cps_err ignored;

	/* systemd would ask init to end, and wait for that. A scope goes with its last process: one
	 * whose start has failed half-way does, too. */
	if (ctx->pidfd >= 0)
		(void)cps_pidfd_signal(ctx->pidfd, SIGKILL);
	if (ctx->scope_is_ours)
		(void)rt_systemd_stop(&ctx->state.scope, &ignored);
	(void)rt_cgroup_remove(&ctx->state.cgroup, &ignored);
}

int step_cgroup_limits(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_cgroup_limits(&ctx->state.cgroup, &ctx->spec->resources, ctx->warn, err);
}

int step_cgroup_devices(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	if (ctx->state.cgroup.ndirs == 0)
		return 0;
	rc = rt_cgroup_devices(&ctx->state.cgroup, &ctx->spec->resources, err);
	/* In a user namespace nobody makes a device, and of those there are the owner decides. */
	return rc == -EPERM && rt_is_rootless(ctx->req->rootless) ? 0 : rc;
}

int step_rdt_paths(struct rt_ctx *ctx, struct cps_err *err)
{
	const char *root;
	int rc = rt_rdt_find(ctx->arena, &root, err);

	return rc < 0 ? rc
		      : rt_rdt_plan(&ctx->spec->intel_rdt, root, ctx->req->id, ctx->arena,
				    &ctx->state.rdt, err);
}

int step_rdt(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rdt_create(&ctx->state.rdt, &ctx->spec->intel_rdt, err);
}

void undo_rdt(struct rt_ctx *ctx)
{
	rt_rdt_undo(&ctx->state.rdt);
}

int step_rdt_join(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc = rt_rdt_join(&ctx->state.rdt, ctx->pid, err);

	/* The groups of a container that runs may have been taken away: its processes then are
	 * where this one is. */
	return rc == -ENOENT && ctx->target >= 0 ? 0 : rc;
}

int step_stdio_owner(struct rt_ctx *ctx, struct cps_err *err)
{
	const struct rt_spec *spec = ctx->spec;
	uint32_t uid = rt_idmap_to_host(ctx->process->user.uid, spec->uid_maps, spec->nuid_maps);

	(void)err;
	if (uid != UINT32_MAX)
		rt_stdio_own(ctx->req->stdio, uid);
	return 0;
}

int step_baton(struct rt_ctx *ctx, struct cps_err *err)
{
	ctx->shared = mmap(NULL, sizeof(*ctx->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ctx->shared == MAP_FAILED) {
		ctx->shared = NULL;
		return cps_fail(err, errno, "map the shared page");
	}
	ctx->shared->warn.debug = ctx->own_warn.debug;
	return rt_baton_open(ctx->baton, err);
}

int step_spawn(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_spawn_init(ctx, err);
}

void undo_spawn(struct rt_ctx *ctx)
{
	rt_spawn_undo(ctx);
}

/* Link B: the shim learns the pid while the process cannot have been reaped by anyone. */
int step_announce(struct rt_ctx *ctx, struct cps_err *err)
{
	char json[96];
	int n;

	n = snprintf(json, sizeof(json), "{\"event\":\"%s\",\"pid\":%d,\"fds\":[\"pidfd\"]}",
		     CPS_EVENT_SPAWNED, ctx->pid);
	return cps_frame_send(ctx->req->link, CPS_FRAME_EVENT, 0, json, (size_t)n, &ctx->pidfd, 1,
			      0, err);
}

int step_id_maps(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_idmap_write(ctx->pid, ctx->spec, err);
}

int step_time_offsets(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_timens_write(ctx->pid, ctx->spec, err);
}

/* The container's namespace is the one that is joined by path, or init's. */
int step_net_devices(struct rt_ctx *ctx, struct cps_err *err)
{
	cleanup_fd int inits = -1;
	int netns = ctx->ns[RT_NS_NET];
	char path[48];

	if (netns < 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", ctx->pid);
		inits = open(path, O_RDONLY | O_CLOEXEC);
		netns = inits;
	}
	if (netns < 0)
		return cps_fail(err, errno, "open '%s'", path);
	return rt_net_devices_move(ctx->spec, netns, ctx->arena, &ctx->net_devices, err);
}

void undo_net_devices(struct rt_ctx *ctx)
{
	rt_net_devices_return(&ctx->net_devices);
}

/* Init in another user namespace may not lower its own. */
int step_oom_score_of_init(struct rt_ctx *ctx, struct cps_err *err)
{
	char path[64], text[24];

	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", ctx->pid);
	(void)snprintf(text, sizeof(text), "%lld", (long long)ctx->process->oom_score_adj.v);
	return cps_file_put(AT_FDCWD, path, text, err);
}

int step_raise_rlimits(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_rlimits_raise(ctx->pid, ctx->process, err);
}

int step_save_config(struct rt_ctx *ctx, struct cps_err *err)
{
	cleanup_fd int fd = openat(ctx->dir, RT_CONFIG_NAME,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return cps_fail(err, errno, "make '%s'", RT_CONFIG_NAME);
	rc = cps_write_all(fd, ctx->config, ctx->config_len);
	return rc < 0 ? cps_fail(err, -rc, "write '%s'", RT_CONFIG_NAME) : 0;
}

int step_record_process(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc = rt_state_set_process(&ctx->state, ctx->pid, err);

	return rc < 0 ? rc : rt_state_save(&ctx->state, ctx->dir, false, err);
}

/* Digits only and renamed into place: callers read it whole, with no newline. */
int step_pid_file(struct rt_ctx *ctx, struct cps_err *err)
{
	const char *path = ctx->req->pid_file;
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	cleanup_fd int dir = -1;
	char text[16];
	int n, rc;

	if (!parent)
		return cps_fail(err, ENOMEM, "pid file");
	dir = open(parent[0] ? parent : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cps_fail(err, errno, "pid file '%s'", path);
	n = snprintf(text, sizeof(text), "%d", ctx->pid);
	rc = cps_file_replace(dir, slash ? slash + 1 : path, text, (size_t)n, 0644, err);
	return cps_wrap(err, rc, "pid file '%s'", path);
}

void undo_pid_file(struct rt_ctx *ctx)
{
	if (ctx->pid > 0)
		(void)unlink(ctx->req->pid_file);
}

/* Whoever listens may signal and wait for it without the risk that its pid is another one's. */
int step_pidfd_hand_over(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_fd_send(ctx->req->pidfd_socket, "pidfd socket", "pidfd", ctx->pidfd, err);
}

int step_hooks_create_runtime(struct rt_ctx *ctx, struct cps_err *err)
{
	int rc;

	rc = rt_hooks_run(&ctx->spec->hooks, RT_HOOK_PRESTART, &ctx->state, RT_STATUS_CREATING,
			  ctx->pid, err);
	if (rc == 0)
		rc = rt_hooks_run(&ctx->spec->hooks, RT_HOOK_CREATE_RUNTIME, &ctx->state,
				  RT_STATUS_CREATING, ctx->pid, err);
	return rc;
}

int step_affinity_initial(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_affinity_set(&ctx->process->affinity.initial, "initial", err);
}

int step_scheduler(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_scheduler_set(ctx->pid, &ctx->process->scheduler, err);
}

int step_io_priority(struct rt_ctx *ctx, struct cps_err *err)
{
	return rt_io_priority_set(ctx->pid, &ctx->process->io_priority, err);
}

/* The pty's master came with the baton. */
int step_console_hand_over(struct rt_ctx *ctx, struct cps_err *err)
{
	static const char json[] = "{\"event\":\"" CPS_EVENT_CONSOLE "\",\"fds\":[\"console\"]}";
	int rc = 0;

	if (ctx->console < 0)
		return cps_failx(err, EPROTO, "no terminal came from the container");
	if (ctx->req->keep_console)
		return 0;
	if (ctx->req->link >= 0)
		rc = cps_frame_send(ctx->req->link, CPS_FRAME_EVENT, 0, json, sizeof(json) - 1,
				    &ctx->console, 1, 0, err);
	else
		/* the text beside it is what runc sends */
		rc = rt_fd_send(ctx->req->console_socket, "console socket", "/dev/ptmx",
				ctx->console, err);
	cps_close(&ctx->console);
	return rc;
}

/* From here on others may see it as created. */
int step_created(struct rt_ctx *ctx, struct cps_err *err)
{
	if (flock(ctx->dir, LOCK_UN) < 0)
		return cps_fail(err, errno, "unlock the state directory");
	return 0;
}
