/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Main of the unit tests, and helpers.
 */
#include <config.h>
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

unsigned unit_fd_count(void)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	return count - 3; /* ".", "..", and dir's own */
}

#define DIRS_MAX 32

static char dirs[DIRS_MAX][32];
static unsigned dir_count;
static pid_t dirs_of;

/* By rm, so that a bug in what is tested cannot remove more than this. */
static void dirs_remove(void)
{
	char command[128];

	if (getpid() != dirs_of) /* a child of the test, which left by exit(3) */
		return;
	while (dir_count > 0) {
		const char *dir = dirs[--dir_count];

		(void)snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", dir, dir);
		if (system(command) != 0)
			fprintf(stderr, "%s is left behind\n", dir);
	}
}

int unit_dir(void)
{
	char *dir = dirs[dir_count];
	int fd;

	ck_assert_uint_lt(dir_count, DIRS_MAX);
	if (dir_count == 0) {
		dirs_of = getpid();
		ck_assert_int_eq(atexit(dirs_remove), 0);
	}
	(void)snprintf(dir, sizeof(dirs[0]), "/tmp/capsule-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_count++;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

void unit_put(int dir, const char *name, const char *text)
{
	struct cps_err err = { 0 };

	ck_assert_ok(cps_file_replace(dir, name, text, strlen(text), 0644, &err), err);
}

bool unit_is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

void unit_check_content(int dir, const char *name, const char *text)
{
	cleanup_free char *data = NULL;
	struct cps_err err = { 0 };
	size_t len;

	ck_assert_ok(cps_file_read(dir, name, 1 << 20, &data, &len, &err), err);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert_str_eq(data, text);
}

void unit_make_dir(int dir, const char *name)
{
	ck_assert_int_eq(mkdirat(dir, name, 0755), 0);
}

void unit_make_link(int dir, const char *target, const char *name)
{
	ck_assert_int_eq(symlinkat(target, dir, name), 0);
}

int unit_main(const char *topic, const TTest *const tests[])
{
	Suite *suite = suite_create(topic);
	TCase *group = tcase_create(topic);
	SRunner *runner;
	int failed;

	tcase_set_timeout(group, 60);
	for (; *tests; tests++)
		tcase_add_test(group, *tests);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
