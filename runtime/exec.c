/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one more process gets into a container, from top to bottom: the rows of create.c that apply,
 * with the container's namespaces and cgroups joined instead of made. The process is cloned once:
 * the runtime lends itself to the container's pid namespace for that moment, so that no stage in
 * between is needed and the process is our own child.
 */
#include <config.h>

#include "tables.h"

/* clang-format off */
static const struct rt_step exec_steps[] = {
	/* -- on the host ---------------------------------------------------------------------------- */
	{ RT_HOST,   "check-labels",           want_process_labels,        step_check_labels,           NULL           },
	{ RT_HOST,   "seccomp-compile",        want_seccomp,               step_seccomp_compile,        NULL           },
	{ RT_HOST,   "stdio-owner",            NULL,                       step_stdio_owner,            NULL           },
	{ RT_HOST,   "baton",                  NULL,                       step_baton,                  NULL           },
	{ RT_HOST,   "cpu-affinity-initial",   want_affinity_initial,      step_affinity_initial,       NULL           }, /* inherited */
	{ RT_HOST,   "spawn-process",          NULL,                       step_spawn,                  undo_spawn     },
	{ RT_HOST,   "intel-rdt-join",         want_intel_rdt_group,       step_rdt_join,               NULL           },
	{ RT_HOST,   "raise-rlimits",          want_rlimits_userns,        step_raise_rlimits,          NULL           },
	{ RT_HOST,   "oom-score-of-process",   want_oom_score_userns,      step_oom_score_of_init,      NULL           },
	{ RT_BESIDE, "announce",               want_announce,              step_announce,               NULL           },
	{ RT_BESIDE, "pid-file",               want_pid_file,              step_pid_file,               undo_pid_file  },
	/* -- the process: into the container, where it can be seen from the moment of the join ------ */
	{ RT_INIT,   "isolate",                NULL,                       step_isolate,                NULL           },
	{ RT_INIT,   "cgroup-join",            want_direct_v1,             step_cgroup_join,            NULL           },
	{ RT_INIT,   "cpu-affinity-final",     want_affinity_final,        step_affinity_final,         NULL           },
	{ RT_INIT,   "cpu-affinity-reset",     want_affinity_reset,        step_affinity_reset,         NULL           }, /* to all of the group's */
	{ RT_INIT,   "oom-score",              want_oom_score,             step_oom_score,              NULL           },
	{ RT_INIT,   "security-labels",        want_process_labels,        step_security_labels,        NULL           },
	{ RT_INIT,   "join-namespaces",        want_joins,                 step_join_namespaces,        NULL           },
	{ RT_INIT,   "enter-root",             want_no_mntns,              step_enter_root,             NULL           },
	{ RT_INIT,   "become-root",            want_userns,                step_become_root,            NULL           },
	{ RT_INIT,   "user-lookup",            want_user_lookup,           step_user_lookup,            NULL           },
	{ RT_INIT,   "console",                want_terminal,              step_console,                NULL           },
	{ RT_INIT,   "stdio",                  want_stdio,                 step_stdio,                  NULL           },
	{ RT_INIT,   "working-directory",      NULL,                       step_working_directory,      NULL           },
	{ RT_INIT,   "home",                   want_home,                  step_home,                   NULL           },
	{ RT_INIT,   "rlimits",                want_rlimits,               step_rlimits,                NULL           },
	{ RT_INIT,   "memory-policy",          want_memory_policy,         step_memory_policy,          NULL           },
	{ RT_INIT,   "personality",            want_personality,           step_personality,            NULL           },
	/* -- giving privileges up, as in create ----------------------------------------------------- */
	{ RT_INIT,   "bounding-set",           NULL,                       step_bounding_set,           NULL           },
	{ RT_INIT,   "user",                   NULL,                       step_user,                   NULL           },
	{ RT_INIT,   "capabilities",           NULL,                       step_capabilities,           NULL           },
	{ RT_INIT,   "no-new-privileges",      want_no_new_privs,          step_no_new_privs,           NULL           },
	{ RT_INIT,   "find-program",           NULL,                       step_find_program,           NULL           },
	{ RT_HOST,   "scheduler",              want_scheduler,             step_scheduler,              NULL           },
	{ RT_HOST,   "io-priority",            want_io_priority,           step_io_priority,            NULL           },
	{ RT_HOST,   "console-hand-over",      want_terminal,              step_console_hand_over,      NULL           },
	{ RT_HOST,   "pidfd-hand-over",        want_pidfd_socket,          step_pidfd_hand_over,        NULL           },
	{ RT_START,  "close-on-exec",          NULL,                       step_close_on_exec,          NULL           }, /* a filter may forbid it */
	{ RT_START,  "seccomp",                want_seccomp,               step_seccomp,                NULL           },
	{ RT_START,  "drop-admin",             want_seccomp_privileged,    step_drop_admin,             NULL           },
	{ RT_START,  "exec",                   NULL,                       step_exec,                   NULL           },
};
/* clang-format on */

const struct rt_table rt_exec_table = { "exec", exec_steps,
					sizeof(exec_steps) / sizeof(exec_steps[0]) };
