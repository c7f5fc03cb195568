/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message with one descriptor, to a socket that a caller listens on.
 */
#include <config.h>
#include "fd-send.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "own.h"

static int socket_address(const char *path, const char *what, int *ret_dir, struct sockaddr_un *ret,
			  struct cps_err *err)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(ret->sun_path)) {
		memcpy(ret->sun_path, path, strlen(path) + 1);
		return 0;
	}
	/* Longer than an address may be: by its directory's descriptor. */
	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(dir))
		return cps_fail(err, ENAMETOOLONG, "%s '%s'", what, path);
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	*ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return cps_fail(err, errno, "%s '%s'", what, path);
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d%s", *ret_dir, slash);
	if (n < 0 || (size_t)n >= sizeof(ret->sun_path))
		return cps_fail(err, ENAMETOOLONG, "%s '%s'", what, path);
	return 0;
}

int rt_fd_send(const char *path, const char *what, const char *text, int fd, struct cps_err *err)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec data = { (char *)text, strlen(text) };
	struct msghdr msg = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	cleanup_fd int dir = -1;
	cleanup_fd int sock = -1;
	struct sockaddr_un address;
	int rc = socket_address(path, what, &dir, &address, err);

	if (rc < 0)
		return rc;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return cps_fail(err, errno, "%s '%s'", what, path);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) != (ssize_t)data.iov_len)
		return cps_fail(err, errno, "send to %s '%s'", what, path);
	return 0;
}
