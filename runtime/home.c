/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See home.h. Callers expect it of a runtime (runc does it), and programs break without.
 */
#include <config.h>

#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "opt.h"
#include "own.h"

#define PASSWD_MAX (1u << 20)
#define HOME_MAX   4096u

static bool is_uid(const char *field, size_t len, uid_t uid)
{
	char text[16];
	int64_t value;

	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, field, len);
	text[len] = '\0';
	return cps_num_parse(text, 0, UINT32_MAX, &value) == 0 && value == (int64_t)uid;
}

/* name:password:uid:gid:comment:home:shell */
const char *rt_home_parse(const char *passwd, uid_t uid, size_t *ret_len)
{
	for (const char *line = passwd; *line;) {
		size_t len = strcspn(line, "\n");
		const char *field[7] = { line };
		size_t n = 1;

		for (const char *p = line; p < line + len && n < 7; p++)
			if (*p == ':')
				field[n++] = p + 1;
		if (n == 7 && is_uid(field[2], (size_t)(field[3] - field[2] - 1), uid)) {
			*ret_len = (size_t)(field[6] - field[5] - 1);
			return field[5];
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}

int rt_home_find(uid_t uid, struct cps_arena *a, const char **ret_home, struct cps_err *err)
{
	/* Not by way of /proc's links to what we have open; O_NONBLOCK: a FIFO of that name must
	 * not hold us up. */
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd =
		cps_open_in_root(root, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	const char *home = NULL;
	struct stat st;
	size_t len = 0;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    cps_fd_read(fd, "/etc/passwd", PASSWD_MAX, &text, &len, &ignored) == 0)
		home = rt_home_parse(text, uid, &len);
	if (!home || len == 0 || len > HOME_MAX || home[0] != '/')
		home = "/", len = 1;
	*ret_home = cps_arena_printf(a, "HOME=%.*s", (int)len, home);
	return *ret_home ? 0 : cps_fail(err, ENOMEM, "HOME");
}
