/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data roots for tests.
 */
#include <config.h>
#include "store-box.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"
#include "unit.h"

bool store_box_possible(void)
{
	cleanup_fd int fs = geteuid() == 0 ? fsopen("overlay", FSOPEN_CLOEXEC) : -1;

	return fs >= 0;
}

void store_box_init(struct store_box *b)
{
	struct cps_err err = { 0 };
	static char path[PATH_MAX]; /* one test is one process */
	char link[64];
	ssize_t n;

	b->dir = unit_dir();
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", b->dir);
	n = readlink(link, path, sizeof(path) - 8);
	ck_assert_int_gt(n, 0);
	memcpy(path + n, "/data", 6);
	ck_assert_ok(sto_open(path, true, &b->s, &err), err);
}

int store_box_layer(struct store_box *b, unsigned n, char ret_digest[72])
{
	char path[PATH_MAX];
	struct cps_err err = { 0 };
	int fd = sto_topic(&b->s, STO_LAYERS, true, &err);

	ck_assert_ok(fd, err);
	cps_close(&fd);
	(void)snprintf(ret_digest, 72, "sha256:%064x", n);
	(void)snprintf(path, sizeof(path), STO_LAYERS "/%s", ret_digest + 7);
	ck_assert_int_eq(mkdirat(b->s.fd, path, 0700), 0);
	(void)snprintf(path, sizeof(path), STO_LAYERS "/%s/fs", ret_digest + 7);
	ck_assert_int_eq(mkdirat(b->s.fd, path, 0755), 0);
	fd = openat(b->s.fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}
