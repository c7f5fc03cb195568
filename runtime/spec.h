/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json as the runtime sees it: OCI runtime-spec 1.3, parsed once, const afterwards, all of
 * it in one arena. Parsing is pure: no system call that changes anything (unit-tested, fuzzed).
 *
 * Three kinds of members: those below are honoured; members the spec does not know are ignored
 * (reported through rt_warn with --debug); members the spec knows and this runtime cannot honour
 * are refused by their JSON path (EOPNOTSUPP), never ignored in silence.
 */
#ifndef RT_SPEC_H
#define RT_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "warn.h"

struct rt_strs { /* also NULL-terminated at v[n]; v may be NULL when n is 0 */
	size_t n;
	const char **v;
};

struct rt_i64 {
	bool set;
	int64_t v;
};

struct rt_u64 {
	bool set;
	uint64_t v;
};

struct rt_id_map {
	uint32_t container, host, size;
};

/* Both maps of a user namespace, or of an idmapped mount. */
struct rt_id_maps {
	size_t nuid, ngid;
	const struct rt_id_map *uid, *gid;
};

/* One mount, as written; rt_mount_opts_parse() (mount-opts.h) reads the options. */
struct rt_mount {
	const char *destination;
	const char *type;   /* NULL: given by the options (bind/rbind) */
	const char *source; /* NULL: none */
	struct rt_strs options;
	struct rt_id_maps maps; /* uidMappings and gidMappings: both or none */
};

struct rt_rlimit {
	int resource; /* RLIMIT_* */
	const char *name;
	uint64_t soft, hard;
};

/* Masks of 1 << CAP_*. Unknown names were warned about and left out. */
struct rt_caps {
	bool set; /* the object was there; absent: no change of the sets (as runc: all kept empty)
		   */
	uint64_t bounding, permitted, effective, inheritable, ambient;
};

struct rt_user {
	uid_t uid;
	gid_t gid;
	bool has_umask;
	mode_t umask;
	size_t ngids;
	const gid_t *gids;
	const char *name; /* a process patch only (docs/protocol.md): "name[:group]", else NULL */
};

/* A set of small numbers (CPUs, memory nodes), as "0-3,7" says it. */
struct rt_bits {
	unsigned count; /* bits in v: the highest number, plus one; 0: none was given */
	const unsigned long *v;
};

struct rt_scheduler {
	bool set;
	const char *name; /* of the policy, for errors */
	uint32_t policy;  /* SCHED_* */
	uint64_t flags;	  /* SCHED_FLAG_* */
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* nanoseconds */
};

struct rt_io_priority {
	bool set;
	int klass;    /* IOPRIO_CLASS_* */
	int priority; /* 0 (highest) to 7 */
};

struct rt_process {
	bool terminal;
	unsigned rows, cols; /* consoleSize; 0: not given */
	const char *cwd;
	struct rt_strs args;
	struct rt_strs env;
	struct rt_user user;
	bool has_user; /* for patches */
	struct rt_caps caps;
	size_t nrlimits;
	const struct rt_rlimit *rlimits;
	bool no_new_privs;
	struct rt_i64 oom_score_adj;
	const char *apparmor_profile, *selinux_label; /* NULL: none */
	struct rt_scheduler scheduler;
	struct rt_io_priority io_priority;
	struct { /* of processes that exec adds: before and after they join the cgroup */
		struct rt_bits initial, final;
	} affinity;
};

enum rt_ns {
	RT_NS_USER,
	RT_NS_MOUNT,
	RT_NS_PID,
	RT_NS_NET,
	RT_NS_UTS,
	RT_NS_IPC,
	RT_NS_CGROUP,
	RT_NS_TIME,
	RT_NS_COUNT,
};

struct rt_namespace {
	bool wanted;	  /* listed in the config: new, or joined if path is set */
	const char *path; /* joined; NULL: a new one */
};

struct rt_device {
	char type; /* 'c' (also for "u"), 'b', 'p' */
	const char *path;
	uint32_t major, minor;
	mode_t mode; /* permission bits, default 0666 */
	uid_t uid;
	gid_t gid;
};

struct rt_device_rule { /* NOLINT(clang-analyzer-optin.performance.Padding): few, and read often */
	bool allow;
	char type;	      /* 'a', 'c', 'b' */
	int64_t major, minor; /* -1: any */
	bool read, write, mknod;
};

struct rt_blkio_dev {
	uint32_t major, minor;
	uint64_t value;	    /* weight or rate */
	struct rt_u64 leaf; /* weightDevice only */
};

struct rt_blkio_devs {
	size_t n;
	const struct rt_blkio_dev *v;
};

struct rt_hugepage {
	const char *size; /* "2MB" */
	uint64_t limit_bytes;
};

struct rt_key_value {
	const char *key, *value;
};

struct rt_net_priority { /* v1's net_prio: of what leaves by an interface */
	const char *name;
	uint32_t priority;
};

struct rt_rdma {
	const char *device;
	struct rt_u64 handles, objects;
};

struct rt_resources {
	bool set;
	struct { /* bytes; -1: unlimited */
		struct rt_i64 limit, reservation, swap, kernel, kernel_tcp;
		struct rt_u64 swappiness;
		bool disable_oom_killer;
		bool use_hierarchy_set, use_hierarchy;
		bool check_before_update;
	} memory;
	struct { /* microseconds */
		struct rt_u64 shares, period, realtime_period;
		struct rt_i64 quota, realtime_runtime;
		struct rt_u64 burst;
		struct rt_i64 idle;
		const char *cpus, *mems; /* NULL: not given */
	} cpu;
	struct rt_i64 pids_limit; /* -1: unlimited; 0 is a limit */
	struct {
		struct rt_u64 weight, leaf_weight;
		struct rt_blkio_devs weight_dev, read_bps, write_bps, read_iops, write_iops;
	} blkio;
	size_t nhugepages;
	const struct rt_hugepage *hugepages;
	size_t ndevices; /* in the order of the config */
	const struct rt_device_rule *devices;
	size_t nunified;
	const struct rt_key_value *unified;
	struct rt_u64 class_id; /* v1's net_cls */
	size_t npriorities;
	const struct rt_net_priority *priorities;
	size_t nrdma;
	const struct rt_rdma *rdma;
};

struct rt_hook {
	const char *path;
	struct rt_strs args; /* args[0] included; empty: {path} */
	struct rt_strs env;
	int64_t timeout_ms; /* 0: none */
};

struct rt_time_offset { /* of a clock in the container's time namespace */
	int64_t secs;
	uint32_t nanosecs;
};

struct rt_memory_policy { /* of the container's processes, for set_mempolicy(2) */
	bool set;
	const char *name; /* of the mode, for errors */
	int mode;	  /* MPOL_* with MPOL_F_* */
	struct rt_bits nodes;
};

struct rt_intel_rdt { /* the group of resctrl that the processes are in */
	bool set;
	const char *clos_id;	       /* NULL: one of the container's own; "/": the root */
	const char *l3_cache, *mem_bw; /* lines of its schemata, or NULL */
	struct rt_strs schemata;       /* more of them */
	bool monitoring;	       /* count the container's by itself */
};

struct rt_net_device {	  /* moved to the container's network namespace */
	const char *host; /* its name in the runtime's */
	const char *name; /* in the container's; may hold one "%d": the first that is free */
};

enum rt_hook_kind {
	RT_HOOK_PRESTART,
	RT_HOOK_CREATE_RUNTIME,
	RT_HOOK_CREATE_CONTAINER,
	RT_HOOK_START_CONTAINER,
	RT_HOOK_POSTSTART,
	RT_HOOK_POSTSTOP,
	RT_HOOK_COUNT,
};

struct rt_hooks {
	size_t n[RT_HOOK_COUNT];
	const struct rt_hook *v[RT_HOOK_COUNT];
};

/* Seccomp, checked but not compiled (seccomp.h). Numbers are libseccomp's constants. */
struct rt_seccomp_arg {
	unsigned index;
	uint64_t value, value_two;
	int op; /* enum scmp_compare */
};

struct rt_seccomp_rule {
	struct rt_strs names;
	uint32_t action; /* SCMP_ACT_*, errno folded in */
	size_t nargs;
	const struct rt_seccomp_arg *args;
};

struct rt_seccomp {
	bool set;
	uint32_t default_action;
	size_t narches;
	const uint32_t *arches; /* SCMP_ARCH_* */
	uint32_t flags;		/* SECCOMP_FILTER_FLAG_*, as seccomp(2) takes them together */
	bool notifies;		/* a rule's action is SCMP_ACT_NOTIFY */
	const char *listener_path, *listener_metadata; /* NULL: none */
	size_t nrules;
	const struct rt_seccomp_rule *rules;
	const struct cps_json *node; /* the object itself; its text is what the cache hashes */
};

struct rt_spec {
	const char *oci_version;
	const char *root_path; /* absolute: resolved against the bundle */
	bool root_readonly;
	const char *hostname, *domainname; /* NULL: not given */
	size_t nmounts;
	const struct rt_mount *mounts;
	bool has_idmaps; /* a mount is to be idmapped */
	bool has_process;
	struct rt_process process;
	struct rt_hooks hooks;
	size_t nannotations;
	const struct rt_key_value *annotations;
	bool keep_groups;    /* annotation RT_ANNOTATION_KEEP_GROUPS */
	bool strict_seccomp; /* annotation RT_ANNOTATION_STRICT_SECCOMP */

	struct rt_namespace ns[RT_NS_COUNT];
	size_t nuid_maps, ngid_maps;
	const struct rt_id_map *uid_maps, *gid_maps;
	size_t ndevices;
	const struct rt_device *devices;
	size_t nnet_devices;
	const struct rt_net_device *net_devices;
	const char *cgroups_path; /* NULL: not given */
	struct rt_resources resources;
	unsigned long propagation; /* MS_SLAVE etc. with MS_REC; 0: not given */
	struct rt_seccomp seccomp;
	size_t nsysctl;
	const struct rt_key_value *sysctl;
	struct rt_strs masked_paths, readonly_paths;
	struct rt_intel_rdt intel_rdt;
	struct rt_memory_policy memory_policy;
	struct rt_u64 personality; /* PER_* */
	bool has_time_offsets;
	struct rt_time_offset monotonic, boottime;
	const char *mount_label; /* NULL: none */
};

/* crun's; any value but "0" is yes. */
#define RT_ANNOTATION_KEEP_GROUPS    "run.oci.keep_original_groups"
#define RT_ANNOTATION_STRICT_SECCOMP "run.oci.seccomp_fail_unknown_syscall"

/* Parses and checks config.json's text (at most RT_SPEC_MAX bytes). bundle: absolute path, for
 * root.path. Errors name the place: "config.json: line 3, column 7: …" or "config.json:
 * process.args: …". warn may be NULL. Everything lives in the arena. */
#define RT_SPEC_MAX (4u << 20)
int rt_spec_parse(struct cps_arena *a, const char *text, size_t len, const char *bundle,
		  struct rt_warn *warn, const struct rt_spec **ret_spec, struct cps_err *err);

/* A process.json. base NULL: a whole OCI process object (runc's --process). base given: a patch
 * over it (docs/protocol.md, "process"). */
int rt_process_parse(struct cps_arena *a, const char *text, size_t len,
		     const struct rt_process *base, struct rt_warn *warn,
		     const struct rt_process **ret_process, struct cps_err *err);

/* A LinuxResources object (update --resources; also part of config.json). */
int rt_resources_parse(struct cps_arena *a, const struct cps_json *node, struct rt_warn *warn,
		       struct rt_resources *ret, struct cps_err *err);

#endif
