/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The working directory of the container's process (D9): entered by descriptor, and then asked of
 * the kernel whether it is inside, since a directory that was reached by a leaked descriptor of the
 * host's tree would be a way out (CVE-2024-21626).
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

int rt_cwd_enter(const char *cwd, bool make, struct cps_err *err)
{
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = -1;
	char now[PATH_MAX];
	long len;

	if (root < 0)
		return cps_fail(err, errno, "open '/'");
	if (cwd[0] != '/')
		return cps_failx(err, EINVAL, "working directory '%s' is not an absolute path",
				 cwd);
	fd = cps_open_in_root(root, cwd, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT && make) {
		struct cps_err why = { 0 };

		fd = cps_mkdir_in_root(root, cwd, 0755, &why);
	}
	if (fd < 0)
		return cps_fail(err, -fd, "working directory '%s'", cwd);
	if (fchdir(fd) < 0)
		return cps_fail(err, errno, "working directory '%s'", cwd);
	/* The system call, not the library's: that would make up an answer by walking upwards. */
	len = syscall(SYS_getcwd, now, sizeof(now));
	if (len < 0)
		return cps_fail(err, errno, "working directory '%s'", cwd);
	if (now[0] != '/')
		return cps_failx(err, EPERM, "working directory '%s' is outside of the container",
				 cwd);
	return 0;
}
