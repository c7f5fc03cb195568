/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json of a container of an image: the mounts, namespaces and masks that Docker's have too,
 * so that what images expect is there.
 */
#include <config.h>

#include "run-plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

#define OCI_VERSION  "1.2.0"
#define SHM_SIZE     (64u << 20)
#define INIT_IN_IT   "/sbin/capsule-init"
#define STRINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- process ---- */

static void caps_write(const struct sup_plan *p, struct cps_jsonw *w)
{
	/* a user who is not root has none, but may get those by what is setuid */
	const char *const sets[] = { "bounding", "effective", "permitted" };

	cps_jsonw_open(w, "capabilities", '{');
	for (size_t s = 0; s < (p->is_root ? 3 : 1); s++) {
		cps_jsonw_open(w, sets[s], '[');
		for (unsigned i = 0; sup_cap_name(i); i++)
			if (p->caps & UINT64_C(1) << i)
				cps_jsonw_str(w, NULL, sup_cap_name(i));
		cps_jsonw_close(w, ']');
	}
	cps_jsonw_close(w, '}');
}

static int process_write(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	struct winsize size;
	int rc;

	cps_jsonw_open(w, "process", '{');
	cps_jsonw_bool(w, "terminal", p->run->terminal);
	if (p->run->terminal && sup_terminal_size(&size)) {
		cps_jsonw_open(w, "consoleSize", '{');
		cps_jsonw_u64(w, "height", size.ws_row);
		cps_jsonw_u64(w, "width", size.ws_col);
		cps_jsonw_close(w, '}');
	}
	/* by name it is the runtime's to look up: `user` of the shim's create */
	cps_jsonw_raw(w, "user", "{\"uid\":0,\"gid\":0}");
	cps_jsonw_strs(w, "args", p->args.v);
	cps_jsonw_strs(w, "env", p->env.v);
	cps_jsonw_str(w, "cwd", p->cwd);
	caps_write(p, w);
	rc = sup_spec_rlimits(p, w, err);
	cps_jsonw_bool(w, "noNewPrivileges", p->no_new_privs);
	cps_jsonw_close(w, '}');
	return rc;
}

/* ---- mounts ---- */

static void mount_write(struct cps_jsonw *w, const char *destination, const char *type,
			const char *source, const char *const *options)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "destination", destination);
	cps_jsonw_str(w, "type", type);
	cps_jsonw_str(w, "source", source);
	cps_jsonw_strs(w, "options", options);
	cps_jsonw_close(w, '}');
}

static int usual_mounts(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	const char *ro = p->run->privileged ? "rw" : "ro";
	uint64_t shm = SHM_SIZE;
	char size[32];

	if (p->run->shm_size && (cps_size_parse(p->run->shm_size, &shm) < 0 || !shm))
		return cps_failx(err, EINVAL, "--shm-size: '%.40s' is no size", p->run->shm_size);
	(void)snprintf(size, sizeof(size), "size=%llu", (unsigned long long)shm);
	mount_write(w, "/proc", "proc", "proc", STRINGS("nosuid", "noexec", "nodev"));
	mount_write(w, "/dev", "tmpfs", "tmpfs",
		    STRINGS("nosuid", "strictatime", "mode=755", "size=65536k"));
	mount_write(
		w, "/dev/pts", "devpts", "devpts",
		STRINGS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"));
	mount_write(w, "/sys", "sysfs", "sysfs", STRINGS("nosuid", "noexec", "nodev", ro));
	mount_write(w, "/sys/fs/cgroup", "cgroup", "cgroup",
		    STRINGS(ro, "nosuid", "noexec", "nodev"));
	mount_write(w, "/dev/mqueue", "mqueue", "mqueue", STRINGS("nosuid", "noexec", "nodev"));
	mount_write(w, "/dev/shm", "tmpfs", "shm",
		    STRINGS("nosuid", "noexec", "nodev", "mode=1777", size));
	return 0;
}

static int tmpfs_write(const struct sup_plan *p, const struct sup_mount *m, struct cps_jsonw *w,
		       struct cps_err *err)
{
	char *rest = m->options ? cps_arena_strdup(p->arena, m->options) : NULL, *word;

	if (m->options && !rest)
		return cps_fail(err, ENOMEM, "mounts");
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "destination", m->destination);
	cps_jsonw_str(w, "type", "tmpfs");
	cps_jsonw_str(w, "source", "tmpfs");
	cps_jsonw_open(w, "options", '[');
	cps_jsonw_str(w, NULL, "noexec");
	cps_jsonw_str(w, NULL, "nosuid");
	cps_jsonw_str(w, NULL, "nodev");
	while ((word = strsep(&rest, ",")))
		if (*word)
			cps_jsonw_str(w, NULL, word);
	if (m->readonly)
		cps_jsonw_str(w, NULL, "ro");
	cps_jsonw_close(w, ']');
	cps_jsonw_close(w, '}');
	return 0;
}

static bool is_mounted(const struct sup_plan *p, const char *destination)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (strcmp(p->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

/* Files that are written for it, unless it brings its own. */
static int names_mounts(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	static const char *const files[][2] = { { "/etc/resolv.conf", "resolv.conf" },
						{ "/etc/hostname", "hostname" },
						{ "/etc/hosts", "hosts" } };
	const char *const *options = p->run->read_only ? STRINGS("rbind", "rprivate", "ro")
						       : STRINGS("rbind", "rprivate");

	for (size_t i = 0; p->names_dir && i < sizeof(files) / sizeof(files[0]); i++) {
		const char *source = cps_arena_printf(p->arena, "%s/%s", p->names_dir, files[i][1]);

		if (!source)
			return cps_fail(err, ENOMEM, "mounts");
		if (!is_mounted(p, files[i][0]))
			mount_write(w, files[i][0], "bind", source, options);
	}
	return 0;
}

static int mounts_write(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, "mounts", '[');
	rc = usual_mounts(p, w, err);
	if (rc == 0)
		rc = names_mounts(p, w, err);
	if (p->init_program)
		mount_write(w, INIT_IN_IT, "bind", p->init_program,
			    STRINGS("bind", "ro", "nosuid", "nodev"));
	for (size_t i = 0; rc == 0 && i < p->nmounts; i++) {
		const struct sup_mount *m = &p->mounts[i];

		if (m->type == SUP_MOUNT_TMPFS)
			rc = tmpfs_write(p, m, w, err);
		else
			mount_write(w, m->destination, "bind", m->source,
				    m->readonly ? STRINGS("rbind", "rprivate", "ro")
						: STRINGS("rbind", "rprivate"));
	}
	cps_jsonw_close(w, ']');
	return rc;
}

/* ---- linux ---- */

static void namespace_write(struct cps_jsonw *w, const char *type, const char *path)
{
	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "type", type);
	if (path)
		cps_jsonw_str(w, "path", path);
	cps_jsonw_close(w, '}');
}

static void namespaces_write(const struct sup_plan *p, struct cps_jsonw *w)
{
	cps_jsonw_open(w, "namespaces", '[');
	namespace_write(w, "mount", NULL);
	namespace_write(w, "uts", NULL);
	namespace_write(w, "ipc", NULL);
	namespace_write(w, "pid", NULL);
	namespace_write(w, "cgroup", NULL);
	if (p->mode.kind != NET_MODE_HOST)
		namespace_write(w, "network", p->netns);
	if (p->id_base || p->userns)
		namespace_write(w, "user", p->userns);
	cps_jsonw_close(w, ']');
}

static void mappings_write(const struct sup_plan *p, struct cps_jsonw *w)
{
	static const char *const keys[] = { "uidMappings", "gidMappings" };

	for (size_t i = 0; p->id_base && !p->userns && i < 2; i++) {
		cps_jsonw_open(w, keys[i], '[');
		cps_jsonw_open(w, NULL, '{');
		cps_jsonw_u64(w, "containerID", 0);
		cps_jsonw_u64(w, "hostID", p->id_base);
		cps_jsonw_u64(w, "size", p->id_count);
		cps_jsonw_close(w, '}');
		cps_jsonw_close(w, ']');
	}
}

static void masks_write(const struct sup_plan *p, struct cps_jsonw *w)
{
	static const char *const masked[] = { "/proc/acpi",
					      "/proc/asound",
					      "/proc/interrupts",
					      "/proc/kcore",
					      "/proc/keys",
					      "/proc/latency_stats",
					      "/proc/sched_debug",
					      "/proc/scsi",
					      "/proc/timer_list",
					      "/proc/timer_stats",
					      "/sys/devices/virtual/powercap",
					      "/sys/firmware",
					      NULL };
	static const char *const readonly[] = { "/proc/bus",	       "/proc/fs",
						"/proc/irq",	       "/proc/sys",
						"/proc/sysrq-trigger", NULL };

	if (p->run->privileged)
		return;
	cps_jsonw_strs(w, "maskedPaths", masked);
	cps_jsonw_strs(w, "readonlyPaths", readonly);
}

static bool is_32(const char *architecture)
{
	return architecture &&
	       (strcmp(architecture, "386") == 0 || strcmp(architecture, "arm") == 0);
}

static int linux_write(const struct sup_plan *p, struct cps_jsonw *w, struct cps_err *err)
{
	int rc;

	cps_jsonw_open(w, "linux", '{');
	rc = sup_spec_sysctl(p, w, err);
	if (rc == 0)
		rc = sup_spec_resources(p, w, err);
	if (rc == 0)
		rc = sup_spec_devices(p, false, w, err);
	namespaces_write(p, w);
	mappings_write(p, w);
	masks_write(p, w);
	if (p->seccomp)
		cps_jsonw_node(w, "seccomp", p->seccomp);
	else if (!p->unconfined)
		sup_seccomp_default(p->caps, is_32(p->image->architecture), w);
	cps_jsonw_close(w, '}');
	return rc;
}

int sup_spec_write(const struct sup_plan *p, struct cps_buf *ret, struct cps_err *err)
{
	struct cps_jsonw w;
	int rc;

	cps_jsonw_init(&w, ret, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "ociVersion", OCI_VERSION);
	rc = process_write(p, &w, err);
	cps_jsonw_open(&w, "root", '{');
	cps_jsonw_str(&w, "path", "rootfs");
	cps_jsonw_bool(&w, "readonly", p->run->read_only);
	cps_jsonw_close(&w, '}');
	if (p->hostname)
		cps_jsonw_str(&w, "hostname", p->hostname);
	if (rc == 0)
		rc = mounts_write(p, &w, err);
	if (rc == 0)
		rc = linux_write(p, &w, err);
	cps_jsonw_close(&w, '}');
	if (rc == 0 && ret->failed)
		rc = cps_fail(err, ENOMEM, "write config.json");
	return rc;
}
