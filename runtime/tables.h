/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two tables (create.c, exec.c) and the step functions that their rows share. A step is a few
 * lines that hand what the context knows to its topic's file.
 */
#ifndef RT_TABLES_H
#define RT_TABLES_H

#include "ctx.h"
#include "err.h"
#include "steps.h"

extern const struct rt_table rt_create_table;
extern const struct rt_table rt_exec_table;

/* steps-host.c: in the runtime */
int step_plan(struct rt_ctx *ctx, struct cps_err *err);
void undo_by_hooks(struct rt_ctx *ctx);
int step_check_labels(struct rt_ctx *ctx, struct cps_err *err);
int step_idmap_mounts(struct rt_ctx *ctx, struct cps_err *err);
int step_time_offsets(struct rt_ctx *ctx, struct cps_err *err);
int step_open_files(struct rt_ctx *ctx, struct cps_err *err);
int step_open_namespaces(struct rt_ctx *ctx, struct cps_err *err);
int step_state_dir(struct rt_ctx *ctx, struct cps_err *err);
void undo_state_dir(struct rt_ctx *ctx);
int step_gate(struct rt_ctx *ctx, struct cps_err *err);
int step_seccomp_compile(struct rt_ctx *ctx, struct cps_err *err);
int step_cgroup_paths(struct rt_ctx *ctx, struct cps_err *err);
int step_record_intent(struct rt_ctx *ctx, struct cps_err *err);
int step_cgroup(struct rt_ctx *ctx, struct cps_err *err);
void undo_cgroup(struct rt_ctx *ctx);
int step_scope(struct rt_ctx *ctx, struct cps_err *err);
void undo_scope(struct rt_ctx *ctx);
int step_cgroup_limits(struct rt_ctx *ctx, struct cps_err *err);
int step_cgroup_devices(struct rt_ctx *ctx, struct cps_err *err);
int step_rdt_paths(struct rt_ctx *ctx, struct cps_err *err);
int step_rdt(struct rt_ctx *ctx, struct cps_err *err);
void undo_rdt(struct rt_ctx *ctx);
int step_rdt_join(struct rt_ctx *ctx, struct cps_err *err);
int step_stdio_owner(struct rt_ctx *ctx, struct cps_err *err);
int step_baton(struct rt_ctx *ctx, struct cps_err *err);
int step_spawn(struct rt_ctx *ctx, struct cps_err *err);
void undo_spawn(struct rt_ctx *ctx);
int step_announce(struct rt_ctx *ctx, struct cps_err *err);
int step_id_maps(struct rt_ctx *ctx, struct cps_err *err);
int step_oom_score_of_init(struct rt_ctx *ctx, struct cps_err *err);
int step_raise_rlimits(struct rt_ctx *ctx, struct cps_err *err);
int step_net_devices(struct rt_ctx *ctx, struct cps_err *err);
void undo_net_devices(struct rt_ctx *ctx);
int step_save_config(struct rt_ctx *ctx, struct cps_err *err);
int step_record_process(struct rt_ctx *ctx, struct cps_err *err);
int step_pid_file(struct rt_ctx *ctx, struct cps_err *err);
void undo_pid_file(struct rt_ctx *ctx);
int step_pidfd_hand_over(struct rt_ctx *ctx, struct cps_err *err);
int step_hooks_create_runtime(struct rt_ctx *ctx, struct cps_err *err);
int step_affinity_initial(struct rt_ctx *ctx, struct cps_err *err);
int step_scheduler(struct rt_ctx *ctx, struct cps_err *err);
int step_io_priority(struct rt_ctx *ctx, struct cps_err *err);
int step_console_hand_over(struct rt_ctx *ctx, struct cps_err *err);
int step_created(struct rt_ctx *ctx, struct cps_err *err);

/* steps-init.c: in the container's first process, or the one that joins it */
int step_isolate(struct rt_ctx *ctx, struct cps_err *err);
int step_cgroup_join(struct rt_ctx *ctx, struct cps_err *err);
int step_oom_score(struct rt_ctx *ctx, struct cps_err *err);
int step_join_namespaces(struct rt_ctx *ctx, struct cps_err *err);
int step_become_root(struct rt_ctx *ctx, struct cps_err *err);
int step_cgroup_namespace(struct rt_ctx *ctx, struct cps_err *err);
int step_time_namespace(struct rt_ctx *ctx, struct cps_err *err);
int step_enter_time_namespace(struct rt_ctx *ctx, struct cps_err *err);
int step_security_labels(struct rt_ctx *ctx, struct cps_err *err);
int step_hostname(struct rt_ctx *ctx, struct cps_err *err);
int step_loopback(struct rt_ctx *ctx, struct cps_err *err);
int step_propagation(struct rt_ctx *ctx, struct cps_err *err);
int step_rootfs(struct rt_ctx *ctx, struct cps_err *err);
int step_mounts(struct rt_ctx *ctx, struct cps_err *err);
int step_devices(struct rt_ctx *ctx, struct cps_err *err);
int step_hooks_create_container(struct rt_ctx *ctx, struct cps_err *err);
int step_pivot_root(struct rt_ctx *ctx, struct cps_err *err);
int step_enter_root(struct rt_ctx *ctx, struct cps_err *err);
int step_sysctls(struct rt_ctx *ctx, struct cps_err *err);
int step_masked_paths(struct rt_ctx *ctx, struct cps_err *err);
int step_readonly_paths(struct rt_ctx *ctx, struct cps_err *err);
int step_readonly_root(struct rt_ctx *ctx, struct cps_err *err);
int step_unbindable_root(struct rt_ctx *ctx, struct cps_err *err);
int step_console(struct rt_ctx *ctx, struct cps_err *err);
int step_stdio(struct rt_ctx *ctx, struct cps_err *err);
int step_user_lookup(struct rt_ctx *ctx, struct cps_err *err);
int step_home(struct rt_ctx *ctx, struct cps_err *err);
int step_working_directory(struct rt_ctx *ctx, struct cps_err *err);
int step_rlimits(struct rt_ctx *ctx, struct cps_err *err);
int step_affinity_final(struct rt_ctx *ctx, struct cps_err *err);
int step_affinity_reset(struct rt_ctx *ctx, struct cps_err *err);
int step_memory_policy(struct rt_ctx *ctx, struct cps_err *err);
int step_personality(struct rt_ctx *ctx, struct cps_err *err);
int step_bounding_set(struct rt_ctx *ctx, struct cps_err *err);
int step_user(struct rt_ctx *ctx, struct cps_err *err);
int step_capabilities(struct rt_ctx *ctx, struct cps_err *err);
int step_no_new_privs(struct rt_ctx *ctx, struct cps_err *err);
int step_find_program(struct rt_ctx *ctx, struct cps_err *err);
int step_wait_at_gate(struct rt_ctx *ctx, struct cps_err *err);
int step_hooks_start_container(struct rt_ctx *ctx, struct cps_err *err);
int step_seccomp(struct rt_ctx *ctx, struct cps_err *err);
int step_drop_admin(struct rt_ctx *ctx, struct cps_err *err);
int step_close_on_exec(struct rt_ctx *ctx, struct cps_err *err);
int step_exec(struct rt_ctx *ctx, struct cps_err *err);

/* wanted.c: which rows a config needs; decided by what is fixed before the clone */
bool want_gate(const struct rt_ctx *ctx);
bool want_seccomp(const struct rt_ctx *ctx);
bool want_seccomp_privileged(const struct rt_ctx *ctx);
bool want_announce(const struct rt_ctx *ctx);
bool want_direct_v1(const struct rt_ctx *ctx);
bool want_userns(const struct rt_ctx *ctx);
bool want_new_userns(const struct rt_ctx *ctx);
bool want_oom_score(const struct rt_ctx *ctx);
bool want_oom_score_userns(const struct rt_ctx *ctx);
bool want_rlimits(const struct rt_ctx *ctx);
bool want_rlimits_userns(const struct rt_ctx *ctx);
bool want_scheduler(const struct rt_ctx *ctx);
bool want_io_priority(const struct rt_ctx *ctx);
bool want_affinity_initial(const struct rt_ctx *ctx);
bool want_affinity_final(const struct rt_ctx *ctx);
bool want_affinity_reset(const struct rt_ctx *ctx);
bool want_memory_policy(const struct rt_ctx *ctx);
bool want_personality(const struct rt_ctx *ctx);
bool want_idmaps(const struct rt_ctx *ctx);
bool want_labels(const struct rt_ctx *ctx);
bool want_process_labels(const struct rt_ctx *ctx);
bool want_time_offsets(const struct rt_ctx *ctx);
bool want_pid_file(const struct rt_ctx *ctx);
bool want_pidfd_socket(const struct rt_ctx *ctx);
bool want_joins(const struct rt_ctx *ctx);
bool want_join_paths(const struct rt_ctx *ctx);
bool want_own_cgroup(const struct rt_ctx *ctx);
bool want_scope(const struct rt_ctx *ctx);
bool want_new_cgroupns(const struct rt_ctx *ctx);
bool want_hostname(const struct rt_ctx *ctx);
bool want_new_netns(const struct rt_ctx *ctx);
bool want_intel_rdt(const struct rt_ctx *ctx);
bool want_intel_rdt_group(const struct rt_ctx *ctx);
bool want_net_devices(const struct rt_ctx *ctx);
bool want_new_mntns(const struct rt_ctx *ctx);
bool want_no_mntns(const struct rt_ctx *ctx);
bool want_hooks_create_runtime(const struct rt_ctx *ctx);
bool want_hooks_create_container(const struct rt_ctx *ctx);
bool want_hooks_start_container(const struct rt_ctx *ctx);
bool want_sysctls(const struct rt_ctx *ctx);
bool want_masked_paths(const struct rt_ctx *ctx);
bool want_readonly_paths(const struct rt_ctx *ctx);
bool want_readonly_root(const struct rt_ctx *ctx);
bool want_unbindable_root(const struct rt_ctx *ctx);
bool want_terminal(const struct rt_ctx *ctx);
bool want_stdio(const struct rt_ctx *ctx);
bool want_user_lookup(const struct rt_ctx *ctx);
bool want_home(const struct rt_ctx *ctx);
bool want_no_new_privs(const struct rt_ctx *ctx);

#endif
