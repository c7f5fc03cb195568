/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints on disk.
 */
#include <config.h>

#include "endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "file.h"
#include "own.h"
#include "proc.h"

#define DIRECTORY     "endpoints"
#define SUFFIX	      ".json"
#define PATH_SIZE     96
#define ENDPOINT_MAX  ((size_t)1 << 20)
#define ENDPOINTS_MAX 1048576

static void endpoint_path(const char *id, char buf[PATH_SIZE])
{
	(void)snprintf(buf, PATH_SIZE, DIRECTORY "/%.64s" SUFFIX, id);
}

int net_endpoint_load(const struct net_dir *d, const char *id, struct cps_arena *a,
		      struct net_endpoint *ret, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_SIZE];
	size_t len;
	int rc;

	endpoint_path(id, path);
	rc = cps_file_read(d->fd, path, ENDPOINT_MAX, &text, &len, err);
	if (rc == 0)
		rc = net_endpoint_parse(a, text, len, ret, err);
	if (rc == 0 && strcmp(ret->id, id) != 0)
		rc = cps_failx(err, EINVAL, "it is of another container");
	return cps_wrap(err, rc, "endpoint of %.64s", id);
}

int net_endpoint_save(const struct net_dir *d, const struct net_endpoint *e, struct cps_err *err)
{
	cleanup_fd int dir = openat(d->fd, DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct cps_jsonw w;
	char path[PATH_SIZE];
	int rc;

	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	net_endpoint_write(e, &w);
	cps_jsonw_close(&w, '}');
	cps_buf_puts(&buf, "\n");
	if (dir < 0)
		return cps_fail(err, errno, "open the directory of endpoints");
	if (buf.failed)
		return cps_fail(err, ENOMEM, "endpoint of %s", e->id);
	endpoint_path(e->id, path);
	rc = cps_file_replace(dir, path + sizeof(DIRECTORY), buf.data, buf.len, 0600, err);
	return cps_wrap(err, rc, "endpoint of %s", e->id);
}

void net_endpoint_remove(const struct net_dir *d, const char *id)
{
	char path[PATH_SIZE];

	endpoint_path(id, path);
	/* what stays is found by net_sweep() */
	(void)unlinkat(d->fd, path, 0);
}

bool net_endpoint_is_there(const struct net_dir *d, const char *id)
{
	char path[PATH_SIZE];

	endpoint_path(id, path);
	return faccessat(d->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int net_endpoint_list(const struct net_dir *d, struct cps_arena *a, const char ***ret_ids,
		      size_t *ret_n, struct cps_err *err)
{
	return net_names_in(d->fd, DIRECTORY, SUFFIX, ENDPOINTS_MAX, a, ret_ids, ret_n, err);
}

int net_endpoint_temps_remove(const struct net_dir *d, bool dry, unsigned *count,
			      struct cps_err *err)
{
	cleanup_fd int fd = openat(d->fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir)
		return cps_fail(err, errno, "read the directory of endpoints");
	(void)take_fd(&fd);
	while ((e = readdir(dir))) {
		if (!cps_file_is_temp(e->d_name))
			continue;
		*count += 1;
		if (!dry && unlinkat(dirfd(dir), e->d_name, 0) < 0)
			return cps_fail(err, errno, "remove '" DIRECTORY "/%s'", e->d_name);
	}
	return 0;
}

bool net_endpoint_is_alive(const struct net_endpoint *e)
{
	struct cps_err ignored;
	char boot_id[37], state;
	uint64_t start;

	if (cps_proc_start_time(e->init.pid, &start) < 0 || start != e->init.start_time)
		return false;
	state = cps_proc_state(e->init.pid);
	/* a zombie's namespaces are gone */
	return state && state != 'Z' && state != 'X' && cps_boot_id(boot_id, &ignored) == 0 &&
	       strcmp(boot_id, e->boot_id) == 0;
}
