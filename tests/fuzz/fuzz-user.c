/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/passwd and /etc/group of a hostile image. Input: what is looked up, a newline, the passwd
 * file, a NUL, the group file. What must hold: digits mean that number, and an answer is in range.
 */
#include <config.h>
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "rootfs.h"

static char dir[] = "/tmp/capsule-fuzz-XXXXXX";

static void check(bool right)
{
	if (!right)
		abort();
}

static void dir_remove(void)
{
	struct cps_err err;

	(void)cps_remove_tree(AT_FDCWD, dir, &err); /* nothing to be told at exit */
}

static int root_open(void)
{
	static int root = -1;

	if (root < 0) {
		check(mkdtemp(dir) && atexit(dir_remove) == 0);
		root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		check(root >= 0 && mkdirat(root, "etc", 0755) == 0);
	}
	return root;
}

static void put(int root, const char *path, const uint8_t *data, size_t size)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	check(fd >= 0 && cps_write_all(fd, data, size) == 0);
	check(close(fd) == 0);
}

static void look(int root, const char *text)
{
	struct cps_arena a = CPS_ARENA_INIT;
	struct rt_user user = { .uid = 1 };
	struct cps_err err = { 0 };
	size_t digits = strspn(text, "0123456789");
	int rc = rt_user_lookup(root, text, &a, &user, &err);

	if (rc < 0) {
		check(err.num == -rc && err.msg[0]);
	} else {
		check(user.uid <= INT32_MAX && user.gid <= INT32_MAX && user.ngids <= 1024);
		if (digits > 0 && (text[digits] == '\0' || text[digits] == ':'))
			check(user.uid == strtoul(text, NULL, 10));
		for (size_t i = 0; i < user.ngids; i++)
			check(user.gids[i] <= INT32_MAX);
	}
	cps_arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t len = line ? (size_t)(line - data) : size;
	const uint8_t *passwd = data + len + (line ? 1 : 0);
	size_t rest = size - (size_t)(passwd - data);
	const uint8_t *nul = memchr(passwd, '\0', rest);
	size_t passwd_len = nul ? (size_t)(nul - passwd) : rest;
	int root = root_open();
	char text[512];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	put(root, "etc/passwd", passwd, passwd_len);
	put(root, "etc/group", nul ? nul + 1 : passwd, nul ? rest - passwd_len - 1 : rest);
	look(root, text);
	return 0;
}
