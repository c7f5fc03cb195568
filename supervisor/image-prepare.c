/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preparing a container of an image, in the order in which a crash leaves the least.
 */
#include <config.h>

#include "image-prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "container-record.h"
#include "container.h"
#include "delete.h"
#include "file.h"
#include "idrange.h"
#include "names.h"
#include "overlay.h"
#include "own.h"
#include "shim-start.h"
#include "store.h"
#include "volume.h"

static bool is_path(const char *text)
{
	return text[0] == '/' || text[0] == '.';
}

bool sup_image_is_there(const struct sup_ctx *ctx, const char *text)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_sto struct sto s = STO_INIT;
	struct sto_image image;
	struct cps_err ignored;
	struct stat st;

	if (is_path(text))
		return stat(text, &st) == 0 && S_ISDIR(st.st_mode);
	return sto_open(ctx->data_root, false, &s, &ignored) == 0 &&
	       sto_image_find(&s, text, &a, &image, &ignored) == 0;
}

void sup_prepared_done(struct sup_prepared *p)
{
	cps_close(&p->images_lock);
	cps_close(&p->dir);
	cps_close(&p->rootfs);
	sto_done(&p->store);
	cps_arena_done(&p->arena);
}

/* ---- the image ---- */

static int image_find(struct sup_prepared *p, const char *text, struct cps_err *err)
{
	char real[PATH_MAX];
	int rc;

	if (is_path(text)) {
		if (!realpath(text, real))
			return cps_fail(err, errno, "image '%.120s'", text);
		p->image_dir = cps_arena_strdup(&p->arena, real);
		return p->image_dir ? 0 : cps_fail(err, ENOMEM, "image");
	}
	p->images_lock = sto_images_lock(&p->store, LOCK_SH, err);
	if (p->images_lock < 0)
		return p->images_lock;
	rc = sto_image_find(&p->store, text, &p->arena, &p->image, err);
	if (rc == 0)
		rc = sto_image_config_parse(&p->arena, p->image.config, p->image.config_len,
					    &p->config, err);
	return cps_wrap(err, rc, "image '%.80s'", text);
}

static int store_open(const struct sup_ctx *ctx, struct sup_prepared *p, struct cps_err *err)
{
	char real[PATH_MAX];
	int rc = sto_open(ctx->data_root, true, &p->store, err);

	if (rc < 0)
		return rc;
	if (!realpath(ctx->data_root, real))
		return cps_fail(err, errno, "find '%s'", ctx->data_root);
	p->data_root = cps_arena_strdup(&p->arena, real);
	return p->data_root ? 0 : cps_fail(err, ENOMEM, "data root");
}

/* ---- its root file system ---- */

static int rootfs_mount(struct sup_prepared *p, struct cps_err *err)
{
	cleanup_fd int userns = -1;
	const char *given = p->plan.run->userns;
	int rc = 0;

	if (!p->plan.userns && given && strcmp(given, "auto") == 0)
		rc = sto_idrange_take(&p->store, p->plan.id, &p->plan.id_base, err);
	if (rc == 0 && p->plan.id_base)
		rc = userns = sto_userns_make(0, p->plan.id_base, err);
	p->plan.id_count = STO_IDRANGE_COUNT;
	if (rc < 0)
		return rc;
	if (p->image_dir)
		return sto_overlay_mount_dir(p->dir, p->image_dir, userns, &p->rootfs, err);
	return sto_overlay_mount(&p->store, p->dir, p->image.layers, p->image.nlayers, userns,
				 &p->rootfs, err);
}

/* ---- volumes ---- */

static int volume_use(struct sup_prepared *p, struct sup_mount *m, struct cps_err *err)
{
	char made[STO_VOLUME_NAME];
	int rc = sto_volume_create(&p->store, m->name, NULL, made, err);

	if (rc < 0 && (rc != -EEXIST || !m->name)) /* one of this name is used as it is */
		return rc;
	if (!m->name)
		m->name = cps_arena_strdup(&p->arena, made);
	m->source = cps_arena_printf(&p->arena, "%s/" STO_VOLUMES "/%s/" STO_VOLUME_DATA,
				     p->data_root, m->name);
	if (!m->name || !m->source)
		return cps_fail(err, ENOMEM, "volume");
	return sto_volume_use(&p->store, m->name, m->nocopy ? -1 : p->rootfs, m->destination, err);
}

/* As the older tool did it: a directory of the host's that is missing is made. */
static int bind_prepare(const struct sup_mount *m, struct cps_err *err)
{
	struct stat st;
	int rc;

	if (stat(m->source, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return cps_fail(err, errno, "'%.120s'", m->source);
	rc = cps_mkdir_all(m->source, 0755, err);
	return rc < 0 ? rc : 0;
}

static int volumes_prepare(struct sup_prepared *p, struct cps_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->plan.nmounts; i++) {
		struct sup_mount *m = &p->plan.mounts[i];

		if (m->type == SUP_MOUNT_VOLUME)
			rc = volume_use(p, m, err);
		else if (m->type == SUP_MOUNT_BIND)
			rc = bind_prepare(m, err);
		if (rc < 0)
			return cps_wrap(err, rc, "volume at '%.80s'", m->destination);
	}
	return rc;
}

/* ---- what is written down ---- */

static int mounts_record(struct sup_prepared *p, struct sto_record *r, struct cps_err *err)
{
	static const char *const types[] = { "bind", "volume", "tmpfs" };
	struct sto_record_mount *v = cps_arena_array(&p->arena, p->plan.nmounts + 1, sizeof(*v));

	if (!v)
		return cps_fail(err, ENOMEM, "container's record");
	for (size_t i = 0; i < p->plan.nmounts; i++) {
		const struct sup_mount *m = &p->plan.mounts[i];

		/* one that came to nothing has no name, and is not to be given back */
		if (m->type == SUP_MOUNT_VOLUME && !m->name)
			continue;
		v[r->nmounts++] = (struct sto_record_mount){
			.type = types[m->type],
			.name = m->name,
			.source = m->source,
			.destination = m->destination,
			.readonly = m->readonly,
			.anonymous = m->anonymous,
		};
	}
	r->mounts = v;
	return 0;
}

static int links_record(struct sup_prepared *p, struct sto_record *r, struct cps_err *err)
{
	struct sto_record_link *v = cps_arena_array(&p->arena, p->plan.net.nlinks + 1, sizeof(*v));

	if (!v)
		return cps_fail(err, ENOMEM, "container's record");
	for (size_t i = 0; i < p->plan.net.nlinks; i++) {
		v[i].id = p->plan.net.links[i].id;
		v[i].alias = p->plan.net.links[i].alias;
	}
	r->links = v;
	r->nlinks = p->plan.net.nlinks;
	return 0;
}

static int record_write(struct sup_prepared *p, struct cps_err *err)
{
	const struct sup_run *run = p->plan.run;
	char created[CPS_TIME_SIZE];
	struct timespec now;
	struct sto_record r = {
		.id = p->plan.id,
		.image = p->image_dir ? p->image_dir : p->image.name,
		.image_id = p->image.id,
		.manifest = p->image.manifest,
		.layers = { p->image.nlayers, (const char **)p->image.layers },
		.created = created,
		.command = p->plan.args,
		.labels = p->plan.labels,
		.network = p->plan.net.network ? p->plan.net.network : "",
		.ports = { run->create.ports.count, run->create.ports.values },
		.hostname = p->plan.hostname,
		.stop_signal =
			run->create.stop_signal ? run->create.stop_signal : p->config.stop_signal,
		.exposed = p->config.ports,
		.rm = run->rm,
		.privileged = run->privileged,
		.read_only = run->read_only,
	};
	int rc;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	cps_time_format(&now, true, created);
	if (!r.image)
		r.image = run->image;
	rc = mounts_record(p, &r, err);
	if (rc == 0)
		rc = links_record(p, &r, err);
	return rc < 0 ? rc : sto_record_write(p->dir, &r, err);
}

static int config_write(struct sup_prepared *p, struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	char init[PATH_MAX];
	int rc = 0;

	if (p->plan.run->init) {
		rc = sup_program_find(NULL, "capsule-init", init, sizeof(init), err);
		p->plan.init_program = init;
	}
	if (rc == 0)
		rc = sup_spec_write(&p->plan, &buf, err);
	p->plan.init_program = NULL;
	return rc < 0 ? rc : cps_file_replace(p->dir, "config.json", buf.data, buf.len, 0600, err);
}

/* Hosts, hostname, resolv.conf: its own, or those of the container whose network it shares. */
static int names_prepare(struct sup_prepared *p, struct cps_err *err)
{
	char hosts[128];

	p->plan.names_dir = p->plan.container_dir;
	if (p->plan.mode.kind != NET_MODE_CONTAINER)
		return net_names_prepare(p->dir, p->plan.id, &p->plan.net, err);
	(void)snprintf(hosts, sizeof(hosts), STO_CONTAINERS "/%s/hosts", p->plan.mode.name);
	p->plan.names_dir = NULL;
	if (faccessat(p->store.fd, hosts, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* of a bundle's, which has what its image has */
	p->plan.names_dir = cps_arena_printf(&p->arena, "%s/" STO_CONTAINERS "/%s", p->data_root,
					     p->plan.mode.name);
	return p->plan.names_dir ? 0 : cps_fail(err, ENOMEM, "names");
}

/* Does that process have another user namespace than we? */
static bool has_user(pid_t pid)
{
	char path[64];
	struct stat ours, its;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &its) == 0 &&
	       (ours.st_ino != its.st_ino || ours.st_dev != its.st_dev);
}

/* --network container:ID: its network namespace, and with it the user namespace that has rights
 * over that one, and so its user ids. */
static int share(const struct sup_ctx *ctx, struct sup_prepared *p, struct cps_err *err)
{
	const char *other = p->plan.mode.name;
	struct net_namespaces ns = { 0 };
	cleanup_fd int rootfd = -1;
	struct sup_container c;
	struct cps_err ignored;
	int rc;

	if (p->plan.mode.kind != NET_MODE_CONTAINER)
		return 0;
	rc = sup_container_open(ctx->root, other, &p->arena, &rootfd, &c, err);
	if (rc == 0 && !sup_has_process(&c))
		rc = cps_failx(err, ESRCH, "the container is %s", sup_status_name(c.status));
	if (rc < 0)
		return cps_wrap(err, rc, "--network container:%.64s", other);
	net_mode_namespaces(&p->plan.mode, c.init.pid, has_user(c.init.pid), &ns);
	p->plan.netns = cps_arena_strdup(&p->arena, ns.network_path);
	if (ns.user_path[0]) {
		p->plan.userns = cps_arena_strdup(&p->arena, ns.user_path);
		(void)sto_idrange_find(&p->store, other, &p->plan.id_base, &ignored);
	}
	return p->plan.netns ? 0 : cps_fail(err, ENOMEM, "--network");
}

/* What has been made when one of the steps fails is on record all the same, so that it is found. */
static int volumes_and_record(struct sup_prepared *p, struct cps_err *err)
{
	cleanup_fd int lock = sto_volumes_lock(&p->store, LOCK_SH, err);
	struct cps_err other;
	int rc, written;

	if (lock < 0)
		return lock;
	rc = volumes_prepare(p, err);
	written = record_write(p, rc < 0 ? &other : err);
	return rc < 0 ? rc : written;
}

/* Options that only the wire's words say no to. */
static int options_check(const struct sup_run *run, struct cps_err *err)
{
	if (run->create.bundle)
		return cps_failx(err, EINVAL, "--bundle: not with an image");
	if (run->userns && strcmp(run->userns, "auto") != 0 && strcmp(run->userns, "host") != 0)
		return cps_failx(err, EINVAL, "--userns: '%.40s' is neither auto nor host",
				 run->userns);
	return 0;
}

int sup_prepare(const struct sup_ctx *ctx, const struct sup_run *run, const char *id,
		struct sup_prepared *p, struct cps_err *err)
{
	cleanup_buf struct cps_buf trial = CPS_BUF_INIT;
	struct cps_err ignored;
	int rc = options_check(run, err);

	if (rc == 0)
		rc = store_open(ctx, p, err);
	if (rc == 0)
		rc = image_find(p, run->image, err);
	if (rc == 0)
		rc = sup_plan_make(&p->arena, run, &p->config, id, &p->plan, err);
	if (rc == 0)
		p->plan.container_dir =
			cps_arena_printf(&p->arena, "%s/" STO_CONTAINERS "/%s", p->data_root, id);
	if (rc == 0 && !p->plan.container_dir)
		rc = cps_fail(err, ENOMEM, "container's directory");
	if (rc == 0) /* bad values are told before anything is made */
		rc = sup_spec_write(&p->plan, &trial, err);
	if (rc == 0)
		rc = p->dir = sto_container_create(&p->store, id, err);
	if (rc < 0)
		return rc;
	rc = share(ctx, p, err);
	if (rc == 0)
		rc = rootfs_mount(p, err);
	if (rc == 0)
		rc = volumes_and_record(p, err);
	if (rc == 0)
		rc = names_prepare(p, err);
	if (rc == 0)
		rc = config_write(p, err);
	if (rc < 0) {
		cps_close(&p->dir);
		cps_close(&p->rootfs);
		(void)sup_data_release(ctx, id, &ignored);
	}
	cps_close(&p->images_lock);
	return rc;
}
