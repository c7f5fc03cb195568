/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of containers that name none. Three kinds of calls: those that programs need, allowed;
 * those that reach beyond a container, answered with EPERM, or allowed where the capability is
 * there that guards them anyway; and those that nobody knew when this was written, answered with
 * ENOSYS, so that a newer libc takes the older way.
 *
 * Names that an architecture, or libseccomp, does not know are skipped by the runtime.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#define BIT(c) (UINT64_C(1) << (c))

/* Groups of names, blanks between. */
static const char *const allowed[] = {
	/* files by name */
	"access chdir chmod chown chown32 creat faccessat faccessat2 fchmodat fchmodat2 fchownat "
	"fstatat64 futimesat getcwd lchown lchown32 link linkat lstat lstat64 mkdir mkdirat mknod "
	"mknodat newfstatat open openat openat2 readlink readlinkat rename renameat renameat2 "
	"rmdir stat stat64 statfs statfs64 statx symlink symlinkat truncate truncate64 umask "
	"unlink "
	"unlinkat utime utimensat utimensat_time64 utimes",
	/* files by descriptor */
	"cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 "
	"fallocate "
	"fchdir fchmod fchown fchown32 fcntl fcntl64 fdatasync flock fstat fstat64 fstatfs "
	"fstatfs64 "
	"fsync ftruncate ftruncate64 getdents getdents64 ioctl _llseek lseek pread64 preadv "
	"preadv2 "
	"pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync "
	"sync_file_range sync_file_range2 arm_sync_file_range arm_fadvise64_64 syncfs tee vmsplice "
	"write writev",
	/* extended attributes */
	"fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr "
	"listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr "
	"setxattrat",
	/* waiting for several at once */
	"epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init "
	"inotify_init1 "
	"inotify_rm_watch _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select "
	"signalfd signalfd4 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
	"io_setup io_submit",
	/* memory */
	"brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 "
	"mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc "
	"pkey_free pkey_mprotect process_mrelease remap_file_pages",
	/* processes and threads */
	"capget capset execve execveat exit exit_group fork vfork futex futex_time64 futex_wait "
	"futex_wake futex_requeue futex_waitv getcpu get_robust_list set_robust_list "
	"get_thread_area "
	"set_thread_area set_tid_address getpgid getpgrp getpid getppid getpriority gettid getsid "
	"getrusage pause pidfd_open pidfd_send_signal prctl restart_syscall rseq setpgid "
	"setpriority "
	"setsid wait4 waitid waitpid landlock_add_rule landlock_create_ruleset "
	"landlock_restrict_self seccomp ptrace",
	/* users and groups */
	"getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
	"getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 "
	"setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid "
	"setresuid32 setreuid setreuid32 setuid setuid32",
	/* limits and scheduling */
	"getrlimit setrlimit prlimit64 ugetrlimit ioprio_get ioprio_set sched_getaffinity "
	"sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min "
	"sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
	"sched_setattr sched_setparam sched_setscheduler sched_yield sysinfo times uname",
	/* signals */
	"kill rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	"rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask "
	"sigreturn "
	"tgkill tkill",
	/* time: the clock itself is not theirs without the capability, which the kernel checks */
	"adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
	"clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
	"setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
	"timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 "
	"timerfd_settime timerfd_settime64",
	/* sockets, pipes */
	"accept accept4 bind connect getpeername getsockname getsockopt listen pipe pipe2 recv "
	"recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt "
	"shutdown "
	"socketpair",
	/* System V and POSIX messages; their namespace is the container's */
	"ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
	"mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
	"semtimedop_time64 shmat shmctl shmdt shmget getrandom",
	/* of one architecture */
	"arch_prctl modify_ldt breakpoint cacheflush set_tls",
};

/* With one of these capabilities allowed, without it EPERM. A call may be in more than one. */
static const struct {
	uint64_t caps;
	const char *names;
} guarded[] = {
	{ BIT(CAP_SYS_ADMIN),
	  "fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
	  "move_mount "
	  "open_tree open_tree_attr quotactl quotactl_fd setdomainname sethostname setns statmount "
	  "listmount umount umount2 unshare" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_BPF), "bpf" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_PERFMON), "perf_event_open" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_SYSLOG), "syslog" },
	{ BIT(CAP_DAC_READ_SEARCH), "open_by_handle_at" },
	{ BIT(CAP_SYS_ADMIN) | BIT(CAP_DAC_READ_SEARCH), "name_to_handle_at" },
	{ BIT(CAP_SYS_BOOT), "reboot kexec_load kexec_file_load" },
	{ BIT(CAP_SYS_CHROOT), "chroot" },
	{ BIT(CAP_SYS_MODULE), "delete_module init_module finit_module" },
	{ BIT(CAP_SYS_PACCT), "acct" },
	{ BIT(CAP_SYS_PTRACE),
	  "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev" },
	{ BIT(CAP_SYS_RAWIO), "iopl ioperm" },
	{ BIT(CAP_SYS_TIME), "settimeofday stime clock_settime clock_settime64" },
	{ BIT(CAP_SYS_TTY_CONFIG), "vhangup" },
	{ BIT(CAP_SYS_NICE), "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
};

/* Known, and for nobody: keys and descriptors that no namespace holds, what only widens the way
 * into the kernel, and what is obsolete. */
static const char denied[] =
	"add_key keyctl request_key userfaultfd io_uring_enter io_uring_register io_uring_setup "
	"migrate_pages move_pages nfsservctl pivot_root swapon swapoff sysfs _sysctl uselib ustat "
	"vm86 vm86old get_kernel_syms query_module create_module bdflush lsm_set_self_attr";

struct arg {
	uint64_t value, mask;
	const char *op;
};

static const char allow[] = "SCMP_ACT_ALLOW";
static const char refuse[] = "SCMP_ACT_ERRNO";

static void names_write(struct cps_jsonw *w, const char *names)
{
	while (*names) {
		size_t len = strcspn(names, " ");

		cps_jsonw_strn(w, NULL, names, len);
		names += len;
		names += strspn(names, " ");
	}
}

/* error: what a refused call fails with */
static void rule_open(struct cps_jsonw *w, const char *action, int error)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "action", action);
	if (action == refuse)
		cps_jsonw_i64(w, "errnoRet", error);
	cps_jsonw_open(w, "names", '[');
}

static void rule_close(struct cps_jsonw *w)
{
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}

/* One call, one condition on its first argument. */
static void rule_if(struct cps_jsonw *w, const char *name, const char *action, int error,
		    const struct arg *arg)
{
	rule_open(w, action, error);
	cps_jsonw_str(w, NULL, name);
	cps_jsonw_close(w, ']');
	cps_jsonw_open(w, "args", '[');
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_u64(w, "index", 0);
	cps_jsonw_u64(w, "value", arg->mask ? arg->mask : arg->value);
	if (arg->mask)
		cps_jsonw_u64(w, "valueTwo", arg->value);
	cps_jsonw_str(w, "op", arg->op);
	cps_jsonw_close(w, '}');
	rule_close(w);
}

/* Families whose code in the kernel no namespace confines, or that lead to the hypervisor. A 32-bit
 * x86 program has all socket calls in one, whose arguments cannot be seen: that one is either there
 * for all families or for none. */
static void socket_rules(bool is_32, struct cps_jsonw *w)
{
	static const struct arg good[] = {
		{ AF_ALG, 0, "SCMP_CMP_LT" },
		{ AF_VSOCK, 0, "SCMP_CMP_GT" },
		{ AF_NFC, 0, "SCMP_CMP_EQ" },
	};
	static const struct arg bad[] = {
		{ AF_ALG, 0, "SCMP_CMP_EQ" },
		{ AF_VSOCK, 0, "SCMP_CMP_EQ" },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		rule_if(w, "socket", allow, 0, &good[i]);
	for (size_t i = 0; !is_32 && i < sizeof(bad) / sizeof(bad[0]); i++)
		rule_if(w, "socket", refuse, EPERM, &bad[i]);
}

/* Personalities that change nothing but names and the layout that 32 bits need. */
static void personality_rules(struct cps_jsonw *w)
{
	static const struct arg good[] = {
		{ 0x0, 0, "SCMP_CMP_EQ" },	  { 0x8, 0, "SCMP_CMP_EQ" },
		{ 0x20000, 0, "SCMP_CMP_EQ" },	  { 0x20008, 0, "SCMP_CMP_EQ" },
		{ 0xffffffff, 0, "SCMP_CMP_EQ" },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		rule_if(w, "personality", allow, 0, &good[i]);
}

/* New namespaces need the capability; clone3's flags cannot be seen, and programs then use clone.
 */
static void clone_rules(uint64_t caps, struct cps_jsonw *w)
{
	static const uint64_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				       CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	const struct arg none = { 0, spaces, "SCMP_CMP_MASKED_EQ" };
	struct arg one = { 0, 0, "SCMP_CMP_MASKED_EQ" };

	if (caps & BIT(CAP_SYS_ADMIN)) {
		rule_open(w, allow, 0);
		names_write(w, "clone clone3");
		rule_close(w);
		return;
	}
	rule_if(w, "clone", allow, 0, &none);
	for (uint64_t bit = 1; bit <= spaces; bit <<= 1) {
		one.value = one.mask = bit;
		if (spaces & bit)
			rule_if(w, "clone", refuse, EPERM, &one);
	}
	rule_open(w, refuse, ENOSYS);
	names_write(w, "clone3");
	rule_close(w);
}

/* The 32-bit calls are another way into the kernel, and only open to images of such programs. */
static void arches_write(bool is_32, struct cps_jsonw *w)
{
	cps_jsonw_open(w, "architectures", '[');
#if defined(__x86_64__)
	cps_jsonw_str(w, NULL, "SCMP_ARCH_X86_64");
	if (is_32)
		cps_jsonw_str(w, NULL, "SCMP_ARCH_X86");
#elif defined(__aarch64__)
	cps_jsonw_str(w, NULL, "SCMP_ARCH_AARCH64");
	if (is_32)
		cps_jsonw_str(w, NULL, "SCMP_ARCH_ARM");
#endif
	cps_jsonw_close(w, ']');
}

void sup_seccomp_default(uint64_t caps, bool is_32, struct cps_jsonw *w)
{
	const size_t n = sizeof(guarded) / sizeof(guarded[0]);

	cps_jsonw_open(w, "seccomp", '{');
	cps_jsonw_str(w, "defaultAction", refuse);
	cps_jsonw_u64(w, "defaultErrnoRet", ENOSYS);
	arches_write(is_32, w);
	cps_jsonw_open(w, "syscalls", '[');
	rule_open(w, allow, 0);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		names_write(w, allowed[i]);
	for (size_t i = 0; i < n; i++)
		if (caps & guarded[i].caps)
			names_write(w, guarded[i].names);
	rule_close(w);
	rule_open(w, refuse, EPERM);
	names_write(w, denied);
	for (size_t i = 0; i < n; i++)
		if (!(caps & guarded[i].caps))
			names_write(w, guarded[i].names);
	rule_close(w);
	socket_rules(is_32, w);
	personality_rules(w);
	clone_rules(caps, w);
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}
