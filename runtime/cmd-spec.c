/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec: a sample config.json that works with a root file system in ./rootfs.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "file.h"
#include "json.h"
#include "own.h"
#include "plan.h"

struct sample_mount {
	const char *destination, *type, *source;
	const char *options[8];
};

static const struct sample_mount mounts[] = {
	{ "/proc", "proc", "proc", { NULL } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
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
static const enum rt_ns namespaces[] = { RT_NS_PID, RT_NS_NET,	 RT_NS_IPC,
					 RT_NS_UTS, RT_NS_MOUNT, RT_NS_CGROUP };

static void write_strs(struct cps_jsonw *w, const char *key, const char *const *v)
{
	cps_jsonw_open(w, key, '[');
	for (; *v; v++)
		cps_jsonw_str(w, NULL, *v);
	cps_jsonw_close(w, ']');
}

static void write_process(struct cps_jsonw *w)
{
	cps_jsonw_open(w, "process", '{');
	cps_jsonw_bool(w, "terminal", true);
	cps_jsonw_open(w, "user", '{');
	cps_jsonw_i64(w, "uid", 0);
	cps_jsonw_i64(w, "gid", 0);
	cps_jsonw_close(w, '}');
	write_strs(w, "args", args);
	write_strs(w, "env", env);
	cps_jsonw_str(w, "cwd", "/");
	cps_jsonw_open(w, "capabilities", '{');
	write_strs(w, "bounding", caps);
	write_strs(w, "effective", caps);
	write_strs(w, "permitted", caps);
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

static void write_mounts(struct cps_jsonw *w)
{
	cps_jsonw_open(w, "mounts", '[');
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "destination", mounts[i].destination);
		cps_jsonw_str(w, "type", mounts[i].type);
		cps_jsonw_str(w, "source", mounts[i].source);
		if (mounts[i].options[0])
			write_strs(w, "options", mounts[i].options);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
}

static void write_linux(struct cps_jsonw *w)
{
	cps_jsonw_open(w, "linux", '{');
	cps_jsonw_open(w, "resources", '{');
	cps_jsonw_open(w, "devices", '[');
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_bool(w, "allow", false);
	cps_jsonw_str(w, "access", "rwm");
	cps_jsonw_close(w, '}');
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "namespaces", '[');
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_str(w, "type", rt_ns_names[namespaces[i]]);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, ']');
	write_strs(w, "maskedPaths", masked);
	write_strs(w, "readonlyPaths", readonly);
	cps_jsonw_close(w, '}');
}

static void write_sample(struct cps_jsonw *w)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "ociVersion", RT_SPEC_VERSION);
	write_process(w);
	cps_jsonw_open(w, "root", '{');
	cps_jsonw_str(w, "path", "rootfs");
	cps_jsonw_bool(w, "readonly", true);
	cps_jsonw_close(w, '}');
	cps_jsonw_str(w, "hostname", "capsule");
	write_mounts(w);
	write_linux(w);
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
	const struct cps_opt table[] = {
		{ "bundle", 'b', CPS_OPT_STR, &bundle, "DIR", "where (default: here)" },
		{ 0 },
	};
	struct cps_jsonw w;
	int count, rc;

	(void)g;
	rc = rt_command_parse(&rt_cmd_spec, table, argc, argv, 0, 0, &words, &count, err);
	if (rc < 0 || !words)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	write_sample(&w);
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
