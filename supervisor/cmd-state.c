/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule state: the OCI state object, from the container's files; with -d also where it lives and
 * what its shim knows of it.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "jobs.h"
#include "name.h"
#include "own.h"
#include "proto.h"
#include "store.h"

#define OCI_VERSION "1.2.0" /* of containers whose runtime has not said so yet */

static void oci_write(const struct sup_container *c, struct cps_jsonw *w)
{
	const struct cps_json *version = cps_json_get(c->state_json, "ociVersion");
	const struct cps_json *annotations = cps_json_get(c->state_json, "annotations");

	cps_jsonw_str(w, "ociVersion", version && version->text ? version->text : OCI_VERSION);
	cps_jsonw_str(w, "id", c->id);
	cps_jsonw_str(w, "status", sup_status_name(c->status));
	cps_jsonw_i64(w, "pid", sup_has_process(c) ? c->init.pid : 0);
	cps_jsonw_str(w, "bundle", c->bundle ? c->bundle : "");
	if (annotations)
		cps_jsonw_node(w, "annotations", annotations);
}

/* {"pid":{"path":"/proc/302/ns/pid","inode":4026532201},…} by the words of config.json. */
static void namespaces_write(const struct sup_container *c, struct cps_jsonw *w)
{
	static const char *const names[][2] = {
		{ "pid", "pid" }, { "mount", "mnt" }, { "network", "net" },   { "ipc", "ipc" },
		{ "uts", "uts" }, { "user", "user" }, { "cgroup", "cgroup" }, { "time", "time" },
	};

	cps_jsonw_open(w, "namespaces", '{');
	for (size_t i = 0; sup_has_process(c) && i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64], link[64];
		unsigned long long inode;
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)c->init.pid, names[i][1]);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "%*[a-z]:[%llu]", &inode) != 1)
			continue;
		cps_jsonw_open(w, names[i][0], '{');
		cps_jsonw_str(w, "path", path);
		cps_jsonw_u64(w, "inode", inode);
		cps_jsonw_close(w, '}');
	}
	cps_jsonw_close(w, '}');
}

/* {"memory":"/sys/fs/cgroup/memory/capsule/web1",…} */
static void cgroups_write(const struct sup_container *c, struct cps_jsonw *w)
{
	const struct cps_json *dirs = cps_json_get(cps_json_get(c->state_json, "cgroup"), "dirs");

	cps_jsonw_open(w, "cgroups", '{');
	for (const struct cps_json *d = dirs ? dirs->first : NULL; d; d = d->next) {
		const char *controllers, *mount, *path;
		char full[PATH_MAX];
		struct cps_err ignored;

		if (cps_json_str(cps_json_get(d, "controllers"), &controllers, &ignored) < 0 ||
		    cps_json_str(cps_json_get(d, "mount"), &mount, &ignored) < 0 ||
		    cps_json_str(cps_json_get(d, "path"), &path, &ignored) < 0)
			continue;
		(void)snprintf(full, sizeof(full), "%s%s", mount, path);
		cps_jsonw_str(w, *controllers ? controllers : "unified", full);
	}
	cps_jsonw_close(w, '}');
}

static void node_write(struct cps_jsonw *w, const char *key, const struct cps_json *node)
{
	if (node)
		cps_jsonw_node(w, key, node);
	else
		cps_jsonw_null(w, key);
}

/* How it ended; null while it has not. */
static void exit_write(const struct sup_container *c, struct cps_jsonw *w)
{
	if (!sup_exit_write(c, w))
		cps_jsonw_null(w, "exit");
}

/* Without a shim: what it has left on disk. */
static int files_write(int rootfd, const struct sup_container *c, struct cps_arena *a,
		       struct cps_jsonw *w, struct cps_err *err)
{
	const struct cps_json *jobs = NULL;
	int rc = sup_jobs_read(rootfd, c->id, a, &jobs, err);

	if (rc < 0)
		return rc;
	cps_jsonw_null(w, "shim");
	exit_write(c, w);
	node_write(w, "log", cps_json_get(c->shim_json, "log"));
	cps_jsonw_node(w, "jobs", jobs);
	return 0;
}

/* What only the shim knows. */
static int shim_write(const struct sup_ctx *ctx, struct sup_client *client, int rootfd,
		      struct sup_container *c, struct cps_jsonw *w, struct cps_err *err)
{
	const struct cps_json *state = NULL, *jobs = NULL, *ooms;
	char what[80];
	const struct sup_question q = { what, CPS_OP_STATE, NULL, NULL, SUP_HELLO_MS };
	int rc;

	(void)snprintf(what, sizeof(what), "state %.64s", c->id);
	rc = sup_client_open(client, rootfd, c->id, err);
	if (rc == 0)
		rc = sup_ask(ctx, &q, c, client, &state, err);
	if (rc == 0)
		rc = sup_jobs_get(ctx, what, c, client, &jobs, err);
	if (rc < 0)
		return rc;
	ooms = cps_json_get(state, "oom_kills");
	node_write(w, "shim", cps_json_get(state, "shim"));
	node_write(w, "exit", cps_json_get(state, "exit"));
	node_write(w, "log", cps_json_get(state, "log"));
	cps_jsonw_node(w, "jobs", jobs);
	if (ooms)
		cps_jsonw_node(w, "oom_kills", ooms);
	if (cps_json_get(state, "health"))
		cps_jsonw_node(w, "health", cps_json_get(state, "health"));
	return 0;
}

static int state_print(const struct sup_ctx *ctx, const char *id, bool detail, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_fd int rootfd = -1;
	char name[SUP_NAME_SIZE];
	struct sup_container c;
	struct cps_jsonw w;
	int rc = sup_container_open(ctx->root, id, &client.arena, &rootfd, &c, err);

	if (rc < 0)
		return rc;
	sup_revive(ctx, rootfd, &client.arena, &c);
	if (c.status == SUP_STATUS_BROKEN)
		return cps_failx(err, EBADMSG, "its state is damaged: %s; delete it with -f",
				 c.broken ? c.broken : "?");
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	oci_write(&c, &w);
	if (sup_name_of(ctx, id, name))
		cps_jsonw_str(&w, "name", name);
	if (detail) {
		cps_jsonw_str(&w, "created", c.created);
		namespaces_write(&c, &w);
		cgroups_write(&c, &w);
		rc = c.shim_alive ? shim_write(ctx, &client, rootfd, &c, &w, err)
				  : files_write(rootfd, &c, &client.arena, &w, err);
		if (rc < 0)
			return rc;
	} else if (c.status == SUP_STATUS_STOPPED) {
		exit_write(&c, &w);
	}
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "print the state");
	puts(buf.data);
	return 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	bool detail = false;
	const struct cps_opt table[] = {
		{ "detail", 'd', CPS_OPT_FLAG, &detail, NULL,
		  "also namespaces, cgroups, shim, exit, log, jobs" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	return cps_wrap(err, state_print(ctx, sup_name_id(ctx, args.v[0]), detail, err),
			"state %.64s", args.v[0]);
}

const struct sup_command sup_cmd_state = {
	.name = "state",
	.usage = "[-d] ID",
	.summary = "Prints a container's state as JSON",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
