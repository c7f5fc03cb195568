/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task is asked for, see options.h.
 */
#include <config.h>
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "buf.h"
#include "file.h"
#include "message.h"
#include "own.h"
#include "runtime-link.h"

#define ROOT_FILE    "capsule.root"
#define RUNTIME_NAME "capsule-runtime"
#define CONFIG_MAX   (4u << 20)

Task__Options *task_options_of(const Wire__Any *any)
{
	if (!task_any_is(any, "containerd.runc.v1.Options"))
		return task_unpack(&task__options__descriptor, NULL, 0);
	return task_unpack(&task__options__descriptor, any->value.data, any->value.len);
}

/* ---- programs ---- */

bool task_program_find(const char *name, char *buf, size_t size)
{
	char real[PATH_MAX];

	if (!strchr(name, '/'))
		return cps_path_find(name, buf, size);
	return realpath(name, real) && (size_t)snprintf(buf, size, "%s", real) < size &&
	       access(buf, X_OK) == 0;
}

int task_runtime_open(const char *binary, char *ret_foreign, size_t size, int *ret_fd,
		      struct cps_err *err)
{
	char path[PATH_MAX];
	char real[PATH_MAX];

	ret_foreign[0] = '\0';
	if (!binary[0])
		return shim_runtime_open(NULL, ret_fd, err);
	if (!task_program_find(binary, path, sizeof(path)) || !realpath(path, real))
		return cps_failx(err, ENOENT, "OCI runtime '%s': not found%s", binary,
				 strchr(binary, '/') ? "" : " in PATH");
	if (strcmp(strrchr(real, '/') + 1, RUNTIME_NAME) == 0)
		return shim_runtime_open(real, ret_fd, err);
	if ((size_t)snprintf(ret_foreign, size, "%s", real) >= size)
		return cps_fail(err, ENAMETOOLONG, "OCI runtime '%s'", real);
	/* We are what drives it. */
	if (!realpath("/proc/self/exe", real))
		return cps_fail(err, errno, "our own program");
	return shim_runtime_open(real, ret_fd, err);
}

const char *task_beside(const char *name, char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	buf[n > 0 ? n : 0] = '\0';
	slash = strrchr(buf, '/');
	if (slash)
		(void)snprintf(slash + 1, size - (size_t)(slash + 1 - buf), "%s", name);
	return buf;
}

/* ---- the bundle ---- */

static int config_load(const char *bundle, struct cps_arena *a, const struct cps_json **ret,
		       struct cps_err *err)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dir < 0)
		return cps_fail(err, errno, "open bundle '%s'", bundle);
	rc = cps_json_load(a, dir, "config.json", CONFIG_MAX, ret, err);
	return rc == -ENOENT ? cps_failx(err, ENOENT, "bundle '%s': no config.json", bundle) : rc;
}

int task_bundle_look(const char *bundle, bool *ret_own_pids, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *config = NULL;
	const struct cps_json *list;
	struct cps_err ignored;
	const char *type;
	int rc = config_load(bundle, &arena, &config, err);

	if (rc < 0)
		return rc;
	list = cps_json_get(cps_json_get(config, "linux"), "namespaces");
	for (const struct cps_json *n = list ? list->first : NULL; n; n = n->next) {
		if (cps_json_str(cps_json_get(n, "type"), &type, &ignored) == 0 &&
		    strcmp(type, "pid") == 0 && !cps_json_get(n, "path"))
			*ret_own_pids = true;
	}
	return 0;
}

char *task_bundle_group(const char *bundle)
{
	static const char *const keys[] = { "io.containerd.runc.v2.group",
					    "io.kubernetes.cri.sandbox-id" };
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *config = NULL;
	struct cps_err ignored;
	const char *group;

	if (config_load(bundle, &arena, &config, &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct cps_json *node =
			cps_json_get(cps_json_get(config, "annotations"), keys[i]);

		if (node && cps_json_str(node, &group, &ignored) == 0 && group[0])
			return strdup(group);
	}
	return NULL;
}

int task_root_save(const char *bundle, const char *root, struct cps_err *err)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return cps_fail(err, errno, "open bundle '%s'", bundle);
	return cps_file_replace(dir, ROOT_FILE, root, strlen(root), 0600, err);
}

char *task_root_load(const char *bundle)
{
	cleanup_fd int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct cps_err ignored;
	char *text = NULL;
	size_t len;

	if (dir < 0 || cps_file_read(dir, ROOT_FILE, PATH_MAX, &text, &len, &ignored) < 0)
		return NULL;
	return text;
}

/* ---- processes ---- */

int task_process_spec(const Task__ExecRequest *r, char **ret, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	const struct cps_json *process = NULL;
	struct cps_jsonw w;
	int rc = cps_json_parse(&arena, (const char *)r->spec->value.data, r->spec->value.len,
				&process, err);

	if (rc == 0)
		rc = cps_json_want(process, CPS_JSON_OBJECT, err);
	if (rc < 0)
		return cps_wrap(err, rc, "exec: process");
	cps_jsonw_init(&w, &b, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_bool(&w, "terminal", r->terminal);
	for (const struct cps_json *m = process->first; m; m = m->next) {
		if (strcmp(m->key, "terminal") != 0)
			cps_jsonw_node(&w, m->key, m);
	}
	cps_jsonw_close(&w, '}');
	if (b.failed)
		return cps_fail(err, ENOMEM, "exec");
	*ret = take_ptr(&b.data);
	return 0;
}

void task_fds_name(struct cps_jsonw *w, int fds[3], unsigned *ret_count)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	unsigned n = 0;

	for (int i = 0; i < 3; i++) {
		if (fds[i] < 0)
			continue;
		cps_jsonw_str(w, NULL, names[i]);
		fds[n++] = fds[i];
	}
	*ret_count = n;
}
