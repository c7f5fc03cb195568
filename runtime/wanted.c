/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rows of the tables a request needs. Both sides of the clone ask, so the answers may depend
 * only on what is fixed before it: the config, the plan, the request.
 */
#include <config.h>

#include "tables.h"

#include <string.h>
#include <sys/mount.h>

bool want_gate(const struct rt_ctx *ctx)
{
	return !ctx->req->at_once;
}

bool want_seccomp(const struct rt_ctx *ctx)
{
	return ctx->spec->seccomp.set;
}

/* Without no_new_privs a filter takes CAP_SYS_ADMIN to load (D13). */
bool want_seccomp_privileged(const struct rt_ctx *ctx)
{
	return ctx->spec->seccomp.set && !ctx->process->no_new_privs;
}

bool want_announce(const struct rt_ctx *ctx)
{
	return ctx->req->link >= 0;
}

bool want_direct_v1(const struct rt_ctx *ctx)
{
	return ctx->state.cgroup.layout == RT_CGROUP_V1 && ctx->plan.topology == RT_DIRECT &&
	       !ctx->req->systemd;
}

bool want_own_cgroup(const struct rt_ctx *ctx)
{
	return !ctx->req->systemd;
}

bool want_scope(const struct rt_ctx *ctx)
{
	return ctx->req->systemd;
}

bool want_userns(const struct rt_ctx *ctx)
{
	return ctx->plan.userns;
}

bool want_new_userns(const struct rt_ctx *ctx)
{
	return (ctx->plan.clone_flags & (uint64_t)rt_ns_flags[RT_NS_USER]) != 0;
}

bool want_oom_score(const struct rt_ctx *ctx)
{
	return ctx->process->oom_score_adj.set && !ctx->plan.userns;
}

bool want_oom_score_userns(const struct rt_ctx *ctx)
{
	return ctx->process->oom_score_adj.set && ctx->plan.userns;
}

bool want_rlimits(const struct rt_ctx *ctx)
{
	return ctx->process->nrlimits > 0;
}

bool want_rlimits_userns(const struct rt_ctx *ctx)
{
	return ctx->process->nrlimits > 0 && ctx->plan.userns;
}

bool want_scheduler(const struct rt_ctx *ctx)
{
	return ctx->process->scheduler.set;
}

bool want_io_priority(const struct rt_ctx *ctx)
{
	return ctx->process->io_priority.set;
}

bool want_affinity_initial(const struct rt_ctx *ctx)
{
	return ctx->process->affinity.initial.count > 0;
}

bool want_affinity_final(const struct rt_ctx *ctx)
{
	return ctx->process->affinity.final.count > 0;
}

/* Which CPUs the caller has is of no concern to the container, unless the config says so. */
bool want_affinity_reset(const struct rt_ctx *ctx)
{
	return !want_affinity_initial(ctx) && !want_affinity_final(ctx);
}

bool want_memory_policy(const struct rt_ctx *ctx)
{
	return ctx->spec->memory_policy.set;
}

bool want_personality(const struct rt_ctx *ctx)
{
	return ctx->spec->personality.set;
}

bool want_idmaps(const struct rt_ctx *ctx)
{
	return ctx->spec->has_idmaps;
}

bool want_process_labels(const struct rt_ctx *ctx)
{
	return ctx->process->apparmor_profile || ctx->process->selinux_label;
}

bool want_labels(const struct rt_ctx *ctx)
{
	return want_process_labels(ctx) || ctx->spec->mount_label;
}

bool want_time_offsets(const struct rt_ctx *ctx)
{
	return ctx->spec->has_time_offsets;
}

bool want_pid_file(const struct rt_ctx *ctx)
{
	return ctx->req->pid_file;
}

bool want_pidfd_socket(const struct rt_ctx *ctx)
{
	return ctx->req->pidfd_socket;
}

bool want_joins(const struct rt_ctx *ctx)
{
	return ctx->plan.topology == RT_DIRECT && (ctx->plan.joined || ctx->plan.unshare_flags);
}

bool want_join_paths(const struct rt_ctx *ctx)
{
	return ctx->plan.joined || ctx->plan.lent;
}

bool want_new_cgroupns(const struct rt_ctx *ctx)
{
	return ctx->plan.new_cgroupns;
}

static bool is_new(const struct rt_ctx *ctx, enum rt_ns ns)
{
	return ctx->spec->ns[ns].wanted && !ctx->spec->ns[ns].path;
}

/* A joined UTS namespace has its name already. */
bool want_hostname(const struct rt_ctx *ctx)
{
	return (ctx->spec->hostname || ctx->spec->domainname) && is_new(ctx, RT_NS_UTS);
}

bool want_new_netns(const struct rt_ctx *ctx)
{
	return is_new(ctx, RT_NS_NET);
}

bool want_intel_rdt(const struct rt_ctx *ctx)
{
	return ctx->spec->intel_rdt.set;
}

bool want_intel_rdt_group(const struct rt_ctx *ctx)
{
	return ctx->state.rdt.root != NULL;
}

bool want_net_devices(const struct rt_ctx *ctx)
{
	return ctx->spec->nnet_devices > 0;
}

bool want_new_mntns(const struct rt_ctx *ctx)
{
	return is_new(ctx, RT_NS_MOUNT);
}

bool want_no_mntns(const struct rt_ctx *ctx)
{
	return !ctx->spec->ns[RT_NS_MOUNT].wanted;
}

bool want_hooks_create_runtime(const struct rt_ctx *ctx)
{
	return ctx->spec->hooks.n[RT_HOOK_PRESTART] || ctx->spec->hooks.n[RT_HOOK_CREATE_RUNTIME];
}

bool want_hooks_create_container(const struct rt_ctx *ctx)
{
	return ctx->spec->hooks.n[RT_HOOK_CREATE_CONTAINER];
}

bool want_hooks_start_container(const struct rt_ctx *ctx)
{
	return ctx->spec->hooks.n[RT_HOOK_START_CONTAINER];
}

bool want_sysctls(const struct rt_ctx *ctx)
{
	return ctx->spec->nsysctl > 0;
}

bool want_masked_paths(const struct rt_ctx *ctx)
{
	return ctx->spec->masked_paths.n > 0;
}

bool want_readonly_paths(const struct rt_ctx *ctx)
{
	return ctx->spec->readonly_paths.n > 0;
}

bool want_readonly_root(const struct rt_ctx *ctx)
{
	return ctx->spec->root_readonly;
}

bool want_unbindable_root(const struct rt_ctx *ctx)
{
	return want_new_mntns(ctx) && (ctx->spec->propagation & MS_UNBINDABLE);
}

bool want_terminal(const struct rt_ctx *ctx)
{
	return ctx->process->terminal;
}

bool want_stdio(const struct rt_ctx *ctx)
{
	return !ctx->process->terminal && ctx->req->stdio[0] >= 0;
}

bool want_user_lookup(const struct rt_ctx *ctx)
{
	return ctx->process->user.name;
}

bool want_home(const struct rt_ctx *ctx)
{
	bool found = false;

	/* the last one counts; an empty one is none */
	for (size_t i = 0; i < ctx->process->env.n; i++)
		if (strncmp(ctx->process->env.v[i], "HOME=", 5) == 0)
			found = ctx->process->env.v[i][5] != '\0';
	return !found;
}

bool want_no_new_privs(const struct rt_ctx *ctx)
{
	return ctx->process->no_new_privs;
}
