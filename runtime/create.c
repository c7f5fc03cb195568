/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a container is made, from top to bottom. The order follows the life cycle of the OCI
 * runtime-spec; what a row on init's side must answer is: what does the host see if it fails here?
 *
 * Sides (steps.h): HOST the runtime; BESIDE the runtime, while init works; INIT the container's
 * first process; START init, once the container is created.
 */
#include <config.h>

#include "tables.h"

/* clang-format off */
static const struct rt_step create_steps[] = {
	/* -- on the host: nothing exists yet; everything here can be undone ------------------------- */
	{ RT_HOST,   "plan",                   NULL,                       step_plan,                   undo_by_hooks  }, /* last, when all is undone */
	{ RT_HOST,   "check-labels",           want_labels,                step_check_labels,           NULL           },
	{ RT_HOST,   "open-files",             NULL,                       step_open_files,             NULL           },
	{ RT_HOST,   "open-namespaces",        want_join_paths,            step_open_namespaces,        NULL           },
	{ RT_HOST,   "idmap-mounts",           want_idmaps,                step_idmap_mounts,           NULL           }, /* while they are attached to nothing */
	{ RT_HOST,   "cgroup-paths",           NULL,                       step_cgroup_paths,           NULL           },
	{ RT_HOST,   "intel-rdt-paths",        want_intel_rdt,             step_rdt_paths,              NULL           },
	{ RT_HOST,   "seccomp-compile",        want_seccomp,               step_seccomp_compile,        NULL           },
	{ RT_HOST,   "state-dir",              NULL,                       step_state_dir,              undo_state_dir },
	{ RT_HOST,   "record-intent",          NULL,                       step_record_intent,          NULL           }, /* before there is anything to be left behind */
	{ RT_HOST,   "gate",                   want_gate,                  step_gate,                   NULL           },
	{ RT_HOST,   "cgroup",                 want_own_cgroup,            step_cgroup,                 undo_cgroup    },
	{ RT_HOST,   "cgroup-limits",          want_own_cgroup,            step_cgroup_limits,          NULL           },
	{ RT_HOST,   "cgroup-devices",         want_own_cgroup,            step_cgroup_devices,         NULL           },
	{ RT_HOST,   "intel-rdt",              want_intel_rdt,             step_rdt,                    undo_rdt       },
	{ RT_HOST,   "stdio-owner",            NULL,                       step_stdio_owner,            NULL           },
	{ RT_HOST,   "baton",                  NULL,                       step_baton,                  NULL           },
	{ RT_HOST,   "spawn-init",             NULL,                       step_spawn,                  undo_spawn     },
	{ RT_HOST,   "scope",                  want_scope,                 step_scope,                  undo_scope     }, /* systemd wants a process to put in */
	{ RT_HOST,   "scope-limits",           want_scope,                 step_cgroup_limits,          NULL           },
	{ RT_HOST,   "scope-devices",          want_scope,                 step_cgroup_devices,         NULL           },
	{ RT_HOST,   "intel-rdt-join",         want_intel_rdt,             step_rdt_join,               NULL           },
	{ RT_HOST,   "id-maps",                want_new_userns,            step_id_maps,                NULL           },
	{ RT_HOST,   "raise-rlimits",          want_rlimits_userns,        step_raise_rlimits,          NULL           }, /* init could not */
	{ RT_HOST,   "oom-score-of-init",      want_oom_score_userns,      step_oom_score_of_init,      NULL           }, /* nor this */
	/* -- the runtime writes down what is known now, while init works ---------------------------- */
	{ RT_BESIDE, "announce",               want_announce,              step_announce,               NULL           },
	{ RT_BESIDE, "save-config",            NULL,                       step_save_config,            NULL           },
	{ RT_BESIDE, "record-process",         NULL,                       step_record_process,         NULL           },
	{ RT_BESIDE, "pid-file",               want_pid_file,              step_pid_file,               undo_pid_file  },
	/* -- init: in its new namespaces; the host's file tree is still in sight -------------------- */
	{ RT_INIT,   "isolate",                NULL,                       step_isolate,                NULL           },
	{ RT_INIT,   "cgroup-join",            want_direct_v1,             step_cgroup_join,            NULL           },
	{ RT_INIT,   "cpu-affinity-reset",     NULL,                       step_affinity_reset,         NULL           }, /* to all of the group's */
	{ RT_INIT,   "oom-score",              want_oom_score,             step_oom_score,              NULL           },
	{ RT_INIT,   "join-namespaces",        want_joins,                 step_join_namespaces,        NULL           },
	{ RT_INIT,   "become-root",            want_userns,                step_become_root,            NULL           },
	{ RT_INIT,   "time-namespace",         want_time_offsets,          step_time_namespace,         NULL           },
	{ RT_HOST,   "time-offsets",           want_time_offsets,          step_time_offsets,           NULL           }, /* before anybody is in it */
	{ RT_INIT,   "enter-time-namespace",   want_time_offsets,          step_enter_time_namespace,   NULL           },
	{ RT_INIT,   "cgroup-namespace",       want_new_cgroupns,          step_cgroup_namespace,       NULL           }, /* its root is where we are now */
	{ RT_INIT,   "hostname",               want_hostname,              step_hostname,               NULL           },
	{ RT_INIT,   "loopback",               want_new_netns,             step_loopback,               NULL           },
	{ RT_HOST,   "net-devices",            want_net_devices,           step_net_devices,            undo_net_devices }, /* by who has power over both namespaces */
	{ RT_INIT,   "propagation",            want_new_mntns,             step_propagation,            NULL           },
	{ RT_INIT,   "rootfs",                 NULL,                       step_rootfs,                 NULL           },
	{ RT_INIT,   "mounts",                 NULL,                       step_mounts,                 NULL           },
	{ RT_INIT,   "devices",                NULL,                       step_devices,                NULL           },
	/* -- hooks that see the tree as it will be, before it becomes the root ---------------------- */
	{ RT_HOST,   "hooks-create-runtime",   want_hooks_create_runtime,  step_hooks_create_runtime,   NULL           },
	{ RT_INIT,   "hooks-create-container", want_hooks_create_container,step_hooks_create_container, NULL           },
	{ RT_INIT,   "security-labels",        want_process_labels,        step_security_labels,        NULL           }, /* of the execve to come */
	{ RT_INIT,   "pivot-root",             NULL,                       step_pivot_root,             NULL           },
	/* -- init: the container's tree, and still all capabilities in its user namespace ----------- */
	{ RT_INIT,   "user-lookup",            want_user_lookup,           step_user_lookup,            NULL           },
	{ RT_INIT,   "sysctls",                want_sysctls,               step_sysctls,                NULL           },
	{ RT_INIT,   "masked-paths",           want_masked_paths,          step_masked_paths,           NULL           },
	{ RT_INIT,   "readonly-paths",         want_readonly_paths,        step_readonly_paths,         NULL           },
	{ RT_INIT,   "console",                want_terminal,              step_console,                NULL           },
	{ RT_INIT,   "stdio",                  want_stdio,                 step_stdio,                  NULL           },
	{ RT_INIT,   "working-directory",      NULL,                       step_working_directory,      NULL           }, /* it may have to be made */
	{ RT_INIT,   "readonly-root",          want_readonly_root,         step_readonly_root,          NULL           },
	{ RT_INIT,   "unbindable-root",        want_unbindable_root,       step_unbindable_root,        NULL           }, /* nothing more is bound in it */
	{ RT_INIT,   "home",                   want_home,                  step_home,                   NULL           },
	{ RT_INIT,   "rlimits",                want_rlimits,               step_rlimits,                NULL           },
	{ RT_INIT,   "memory-policy",          want_memory_policy,         step_memory_policy,          NULL           },
	{ RT_INIT,   "personality",            want_personality,           step_personality,            NULL           },
	/* -- init: giving privileges up, irrevocably, in this order --------------------------------- */
	{ RT_INIT,   "bounding-set",           NULL,                       step_bounding_set,           NULL           },
	{ RT_INIT,   "user",                   NULL,                       step_user,                   NULL           },
	{ RT_INIT,   "capabilities",           NULL,                       step_capabilities,           NULL           },
	{ RT_INIT,   "no-new-privileges",      want_no_new_privs,          step_no_new_privs,           NULL           },
	{ RT_INIT,   "find-program",           NULL,                       step_find_program,           NULL           }, /* as the user that will run it */
	/* -- the container is created --------------------------------------------------------------- */
	{ RT_HOST,   "scheduler",              want_scheduler,             step_scheduler,              NULL           }, /* late: it may be a slow one */
	{ RT_HOST,   "io-priority",            want_io_priority,           step_io_priority,            NULL           },
	{ RT_HOST,   "console-hand-over",      want_terminal,              step_console_hand_over,      NULL           },
	{ RT_HOST,   "pidfd-hand-over",        want_pidfd_socket,          step_pidfd_hand_over,        NULL           },
	{ RT_HOST,   "created",                want_gate,                  step_created,                NULL           },
	{ RT_START,  "wait-at-gate",           want_gate,                  step_wait_at_gate,           NULL           },
	{ RT_START,  "close-on-exec",          NULL,                       step_close_on_exec,          NULL           }, /* a filter may forbid it */
	{ RT_START,  "seccomp",                want_seccomp,               step_seccomp,                NULL           },
	{ RT_START,  "drop-admin",             want_seccomp_privileged,    step_drop_admin,             NULL           },
	{ RT_START,  "hooks-start-container",  want_hooks_start_container, step_hooks_start_container,  NULL           }, /* they are the container's: under its filter too */
	{ RT_START,  "exec",                   NULL,                       step_exec,                   NULL           },
};
/* clang-format on */

const struct rt_table rt_create_table = { "create", create_steps,
					  sizeof(create_steps) / sizeof(create_steps[0]) };
