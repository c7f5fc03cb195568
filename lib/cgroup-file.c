/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See cgroup-file.h. cgroup v1 gives notice of OOM through an eventfd registered in
 * cgroup.event_control; v2 touches memory.events, which inotify sees.
 */
#include <config.h>

#include "cgroup-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

uint64_t cps_cgroup_oom_kills(int file)
{
	static const char key[] = "oom_kill ";
	char buf[1024];
	const char *at = buf;
	ssize_t n;

	n = file < 0 ? -1 : pread(file, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	while (at) {
		if (strncmp(at, key, strlen(key)) == 0)
			return strtoull(at + strlen(key), NULL, 10);
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

/* "<eventfd> <fd of memory.oom_control>" into cgroup.event_control of the directory, whose name has
 * so many characters. */
static int watch_v1(const char *path, size_t dir_len, int file)
{
	cleanup_fd int notice = -1;
	cleanup_fd int control = -1;
	char control_path[PATH_MAX], line[32];
	int n = snprintf(control_path, sizeof(control_path), "%.*s/cgroup.event_control",
			 (int)dir_len, path);

	if (n < 0 || (size_t)n >= sizeof(control_path))
		return -ENAMETOOLONG;
	if (file < 0)
		return -EBADF;
	control = open(control_path, O_WRONLY | O_CLOEXEC);
	if (control < 0)
		return -errno;
	notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (notice < 0)
		return -errno;
	n = snprintf(line, sizeof(line), "%d %d", notice, file);
	if (write(control, line, (size_t)n) != n)
		return -errno;
	return take_fd(&notice);
}

static int watch_v2(const char *path)
{
	cleanup_fd int notice = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (notice < 0 || inotify_add_watch(notice, path, IN_MODIFY) < 0)
		return -errno;
	return take_fd(&notice);
}

int cps_cgroup_oom_watch(const char *path, int file)
{
	const char *name = strrchr(path, '/');

	if (name && strcmp(name, "/memory.oom_control") == 0)
		return watch_v1(path, (size_t)(name - path), file);
	return watch_v2(path);
}

const char *cps_cgroup_freezer(bool v2)
{
	return v2 ? "cgroup.freeze" : "freezer.state";
}

bool cps_cgroup_is_frozen(const char *path)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;

	if (cps_file_read(AT_FDCWD, path, 64, &text, &len, &ignored) < 0)
		return false;
	return text[0] == 'F' || text[0] == '1'; /* FROZEN, FREEZING; v2: 1 */
}
