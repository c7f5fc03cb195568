/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: a sample config.json that works with a root file system in ./rootfs.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "cgroup.h"
#include "file.h"
#include "json.h"
#include "own.h"
#include "plan.h"

enum { FOR_ALL, FOR_ROOT, FOR_OTHERS }; /* whose sample has the mount */

struct sample_mount {
	const char *destination, *type, *source;
	const char *options[8];
	unsigned whose;
};

static const struct sample_mount mounts[] = {
	{ "/proc", "proc", "proc", { NULL }, FOR_ALL },
	{ "/dev",
	  "tmpfs",
	  "tmpfs",
	  { "nosuid", "strictatime", "mode=755", "size=65536k" },
	  FOR_ALL },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" },
	  FOR_ROOT },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" },
	  FOR_OTHERS },
	{ "/dev/shm",
	  "tmpfs",
	  "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" },
	  FOR_ALL },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" }, FOR_ALL },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" }, FOR_ROOT },
	/* sysfs shows a network namespace: only who owns one may mount it anew */
	{ "/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" }, FOR_OTHERS },
	{ "/sys/fs/cgroup",
	  "cgroup",
	  "cgroup",
	  { "nosuid", "noexec", "nodev", "relatime", "ro" },
	  FOR_ALL },
};

static const char *const args[] = { "sh", NULL };
static const char *const env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL
};
static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL };
static const char *const masked[] = { "/proc/acpi",
				      "/proc/asound",
				      "/proc/kcore",
				      "/proc/keys",
				      "/proc/latency_stats",
				      "/proc/timer_list",
				      "/proc/timer_stats",
				      "/proc/sched_debug",
				      "/sys/firmware",
				      "/proc/scsi",
				      NULL };
static const char *const readonly[] = { "/proc/bus",	       "/proc/fs", "/proc/irq", "/proc/sys",
					"/proc/sysrq-trigger", NULL };
static void write_process(struct cps_jsonw *w)
{
	cps_jsonw_open(w, "process", '{');
	cps_jsonw_bool(w, "terminal", true);
	cps_jsonw_open(w, "user", '{');
	cps_jsonw_i64(w, "uid", 0);
	cps_jsonw_i64(w, "gid", 0);
	cps_jsonw_close(w, '}');
	cps_jsonw_strs(w, "args", args);
	cps_jsonw_strs(w, "env", env);
	cps_jsonw_str(w, "cwd", "/");
	cps_jsonw_open(w, "capabilities", '{');
	cps_jsonw_strs(w, "bounding", caps);
	cps_jsonw_strs(w, "effective", caps);
	cps_jsonw_strs(w, "permitted", caps);
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "rlimits", '[');
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "type", "RLIMIT_NOFILE");
	cps_jsonw_i64(w, "hard", 1024);
	cps_jsonw_i64(w, "soft", 1024);
	cps_jsonw_close(w, '}');
	cps_jsonw_close(w, ']');
	cps_jsonw_bool(w, "noNewPrivileges", true);
	cps_jsonw_close(w, '}');
}

static void write_mounts(struct cps_jsonw *w, bool rootless)
{
	cps_jsonw_open(w, "mounts", '[');
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mounts[i].whose != FOR_ALL &&
		    mounts[i].whose != (rootless ? FOR_OTHERS : FOR_ROOT))
			continue;
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "destination", mounts[i].destination);
		cps_jsonw_str(w, "type", mounts[i].type);
		cps_jsonw_str(w, "source", mounts[i].source);
		if (mounts[i].options[0])
			cps_jsonw_strs(w, "options", mounts[i].options);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

static void write_device_rule(struct cps_jsonw *w)
{
	cps_jsonw_open(w, "resources", '{');
	cps_jsonw_open(w, "devices", '[');
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_bool(w, "allow", false);
	cps_jsonw_str(w, "access", "rwm");
	cps_jsonw_close(w, '}');
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
}

/* The caller is root in there, and nobody else exists. */
static void write_map(struct cps_jsonw *w, const char *key, uint32_t id)
{
	cps_jsonw_open(w, key, '[');
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_i64(w, "containerID", 0);
	cps_jsonw_i64(w, "hostID", id);
	cps_jsonw_i64(w, "size", 1);
	cps_jsonw_close(w, '}');
	cps_jsonw_close(w, ']');
}

static void write_namespaces(struct cps_jsonw *w, bool rootless)
{
	const struct {
		enum rt_ns ns;
		bool wanted;
	} list[] = {
		{ RT_NS_PID, true },
		{ RT_NS_NET, !rootless }, /* without root nothing could be connected to it */
		{ RT_NS_IPC, true },
		{ RT_NS_UTS, true },
		{ RT_NS_MOUNT, true },
		/* v1 has names that clients look up in the host's view; nobody does on v2 */
		{ RT_NS_CGROUP, rt_cgroup_layout_here() == RT_CGROUP_V2 },
		{ RT_NS_USER, rootless },
	};

	cps_jsonw_open(w, "namespaces", '[');
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (!list[i].wanted)
			continue;
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "type", rt_ns_names[list[i].ns]);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

static void write_linux(struct cps_jsonw *w, bool rootless)
{
	cps_jsonw_open(w, "linux", '{');
	if (rootless) {
		write_map(w, "uidMappings", geteuid());
		write_map(w, "gidMappings", getegid());
	} else {
		write_device_rule(w);
	}
	write_namespaces(w, rootless);
	cps_jsonw_strs(w, "maskedPaths", masked);
	cps_jsonw_strs(w, "readonlyPaths", readonly);
	cps_jsonw_close(w, '}');
}

static void write_sample(struct cps_jsonw *w, bool rootless)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "ociVersion", RT_SPEC_VERSION);
	write_process(w);
	cps_jsonw_open(w, "root", '{');
	cps_jsonw_str(w, "path", "rootfs");
	cps_jsonw_bool(w, "readonly", true);
	cps_jsonw_close(w, '}');
	cps_jsonw_str(w, "hostname", "capsule");
	write_mounts(w, rootless);
	write_linux(w, rootless);
	cps_jsonw_close(w, '}');
}

static int cmd_spec(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		    struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_free char **words = NULL;
	cleanup_fd int dir = -1;
	cleanup_fd int fd = -1;
	const char *bundle = ".";
	bool rootless = false;
	const struct cps_opt table[] = {
		{ "bundle", 'b', CPS_OPT_STR, &bundle, "DIR", "where (default: here)" },
		{ "rootless", 0, CPS_OPT_FLAG, &rootless, NULL,
		  "for a container that the calling user may run without being root" },
		{ 0 },
	};
	struct cps_jsonw w;
	int count, rc;

	(void)g;
	rc = rt_command_parse(&rt_cmd_spec, table, argc, argv, 0, 0, &words, &count, err);
	if (rc < 0 || !words)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	write_sample(&w, rootless);
	cps_buf_puts(&buf, "\n");
	if (buf.failed)
		return cps_fail(err, ENOMEM, "spec");
	dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cps_fail(err, errno, "bundle '%s'", bundle);
	fd = openat(dir, RT_CONFIG_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return cps_fail(err, errno, "make '%s/%s'", bundle, RT_CONFIG_NAME);
	rc = cps_write_all(fd, buf.data, buf.len);
	if (rc < 0)
		return cps_fail(err, -rc, "write '%s/%s'", bundle, RT_CONFIG_NAME);
	*ret_status = 0;
	return 0;
}

const struct rt_command rt_cmd_spec = {
	"spec", "", "Write a sample config.json; an existing one is left alone.",
	false,	1,  cmd_spec,
};
