/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: read, written, replaced; memfds; path sockets.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

START_TEST(read_at_the_bound)
{
	cleanup_fd int dir = unit_dir();
	cleanup_free char *data = NULL;
	struct cps_err err = { 0 };
	size_t len = 77;

	unit_put(dir, "five", "12345");
	ck_assert_err(cps_file_read(dir, "five", 4, &data, &len, &err), EFBIG, err,
		      "'five' is larger");
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(len, 77);
	ck_assert_int_eq(cps_file_read(dir, "five", 5, &data, &len, &err), 0);
	ck_assert_str_eq(data, "12345");
	ck_assert_uint_eq(len, 5);
	ck_assert_err(cps_file_read(dir, "five", 0, &data, &len, &err), EFBIG, err, "five");
}
END_TEST

START_TEST(read_every_size)
{
	static const size_t sizes[] = { 0, 1, 32766, 32767, 32768, 32769, 65536, 100000 };
	cleanup_fd int dir = unit_dir();
	cleanup_free char *text = malloc(100000);
	struct cps_err err = { 0 };

	memset(text, 'x', 100000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cleanup_free char *data = NULL;
		size_t len;

		ck_assert_int_eq(cps_file_replace(dir, "f", text, sizes[i], 0600, &err), 0);
		ck_assert_int_eq(cps_file_read(dir, "f", 100000, &data, &len, &err), 0);
		ck_assert_uint_eq(len, sizes[i]);
		ck_assert_uint_eq(strlen(data), sizes[i]);
		free(take_ptr(&data));
		ck_assert_int_eq(cps_file_read(dir, "f", SIZE_MAX, &data, &len, &err), 0);
	}
}
END_TEST

START_TEST(read_what_has_no_size)
{
	cleanup_free char *data = NULL;
	cleanup_free char *piped = NULL;
	struct cps_err err = { 0 };
	size_t len;
	int p[2];

	ck_assert_int_eq(cps_file_read(AT_FDCWD, "/proc/self/status", 65536, &data, &len, &err), 0);
	ck_assert_ptr_nonnull(strstr(data, "Name:"));
	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(cps_write_all(p[1], "abc", 3), 0);
	(void)close(p[1]);
	ck_assert_int_eq(cps_fd_read(p[0], "pipe", 10, &piped, &len, &err), 0);
	ck_assert_str_eq(piped, "abc");
}
END_TEST

START_TEST(read_errors)
{
	cleanup_fd int dir = unit_dir();
	char *data = NULL;
	struct cps_err err = { 0 };
	size_t len;

	ck_assert_err(cps_file_read(dir, "none", 9, &data, &len, &err), ENOENT, err, "open 'none'");
	ck_assert_err(cps_file_read(AT_FDCWD, "/proc", 9, &data, &len, &err), EISDIR, err,
		      "read '/proc'");
	ck_assert_err(cps_file_read(AT_FDCWD, "/dev/zero", 100000, &data, &len, &err), EFBIG, err,
		      "/dev/zero");
	ck_assert_err(cps_fd_read(-1, "x", 9, &data, &len, &err), EBADF, err, "read 'x'");
	ck_assert_ptr_null(data);
}
END_TEST

START_TEST(read_does_not_wait_for_a_fifo)
{
	cleanup_fd int dir = unit_dir();
	cleanup_free char *data = NULL;
	struct cps_err err = { 0 };
	size_t len = 9;

	ck_assert_int_eq(mkfifoat(dir, "fifo", 0600), 0);
	ck_assert_int_eq(cps_file_read(dir, "fifo", 9, &data, &len, &err), 0);
	ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(put_is_one_write)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };

	ck_assert_err(cps_file_put(dir, "none", "x", &err), ENOENT, err, "open 'none'");
	ck_assert(!unit_is_there(dir, "none"));
	unit_put(dir, "f", "abc");
	ck_assert_int_eq(cps_file_put(dir, "f", "x", &err), 0);
	unit_check_content(dir, "f", "xbc");
	ck_assert_err(cps_file_put(AT_FDCWD, "/dev/full", "abc\n", &err), ENOSPC, err,
		      "write 'abc' to '/dev/full'");
}
END_TEST

START_TEST(replace_is_whole_or_not_at_all)
{
	cleanup_fd int dir = unit_dir();
	struct cps_err err = { 0 };
	struct stat st;

	unit_put(dir, "f", "old");
	unit_put(dir, "f", "new");
	unit_check_content(dir, "f", "new");
	ck_assert(!unit_is_there(dir, ".f.tmp"));

	unit_make_dir(dir, "d");
	unit_put(dir, "d/x", "1");
	ck_assert_int_lt(cps_file_replace(dir, "d", "x", 1, 0600, &err), 0);
	ck_assert(!unit_is_there(dir, ".d.tmp"));
	ck_assert_err(cps_file_replace(dir, "none/x", "x", 1, 0600, &err), ENOENT, err,
		      "create 'none/.x.tmp'");

	ck_assert_int_eq(cps_file_replace(dir, "d/y", "2", 1, 0600, &err), 0);
	unit_check_content(dir, "d/y", "2");
	ck_assert_int_eq(fstatat(dir, "d/y", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);

	ck_assert_ok(cps_file_replace_durably(dir, "f", "newest", 6, 0600, &err), err);
	unit_check_content(dir, "f", "newest");
	ck_assert(!unit_is_there(dir, ".f.tmp"));
	ck_assert_int_lt(cps_file_replace_durably(dir, "d", "x", 1, 0600, &err), 0);
	ck_assert_err(cps_dir_sync(dir, "none", &err), ENOENT, err, "sync directory 'none'");

	ck_assert(cps_file_is_temp(".f.tmp") && cps_file_is_temp(".c1.json.tmp"));
	ck_assert(!cps_file_is_temp("f.tmp") && !cps_file_is_temp(".f") &&
		  !cps_file_is_temp(".tmp") && !cps_file_is_temp("f") && !cps_file_is_temp(""));
}
END_TEST

START_TEST(replace_after_a_crash_or_a_trap)
{
	cleanup_fd int dir = unit_dir();

	unit_put(dir, "victim", "untouched");
	unit_put(dir, ".f.tmp", "left by a crash");
	unit_put(dir, "f", "1");
	unit_check_content(dir, "f", "1");
	unit_make_link(dir, "victim", ".f.tmp");
	unit_put(dir, "f", "2");
	unit_check_content(dir, "f", "2");
	unit_check_content(dir, "victim", "untouched");
	unit_make_link(dir, "victim", "link");
	unit_put(dir, "link", "3");
	unit_check_content(dir, "victim", "untouched");
	unit_check_content(dir, "link", "3");
}
END_TEST

START_TEST(full_reads_and_writes)
{
	char data[8];
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	ck_assert_int_eq(cps_write_all(p[1], "12345", 5), 0);
	ck_assert_int_eq(cps_read_full(p[0], data, 3), 3);
	(void)close(p[1]);
	ck_assert_int_eq(cps_read_full(p[0], data, 8), 2);
	ck_assert_int_eq(cps_read_full(p[0], data, 8), 0);
	ck_assert_int_eq(cps_read_full(-1, data, 8), -EBADF);
	ck_assert_int_eq(cps_write_all(-1, data, 8), -EBADF);
	ck_assert_int_eq(cps_write_all(-1, data, 0), 0);
}
END_TEST

START_TEST(memfds_are_sealed)
{
	struct cps_err err = { 0 };
	cleanup_fd int fd = cps_memfd_sealed("config", "12345", 5, &err);
	char data[8];

	ck_assert_ok(fd, err);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	ck_assert_int_eq(read(fd, data, 8), 5);
	ck_assert_mem_eq(data, "12345", 5);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
}
END_TEST

START_TEST(sockets_by_directory)
{
	cleanup_fd int dir = unit_dir();
	cleanup_fd int listener = -1;
	cleanup_fd int client = -1;
	cleanup_fd int server = -1;
	char name[128];
	char data[8];
	struct stat st;

	listener = cps_sock_listen(dir, "shim.sock", SOCK_NONBLOCK, 5);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(fstatat(dir, "shim.sock", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0600);
	ck_assert_int_eq(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	client = cps_sock_connect(dir, "shim.sock", 0);
	ck_assert_int_ge(client, 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(server, 0);
	ck_assert_int_eq(send(client, "abc", 3, 0), 3);
	ck_assert_int_eq(send(client, "de", 2, 0), 2);
	ck_assert_int_eq(recv(server, data, sizeof(data), 0), 3);

	ck_assert_int_eq(cps_sock_listen(dir, "shim.sock", 0, 5), -EADDRINUSE);
	ck_assert_int_eq(cps_sock_connect(dir, "none", 0), -ENOENT);
	ck_assert_int_eq(cps_sock_listen(AT_FDCWD, "", 0, 5), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(cps_sock_listen(dir, name, 0, 5), -ENAMETOOLONG);
	ck_assert_int_eq(cps_sock_connect(dir, name, 0), -ENAMETOOLONG);
	ck_assert(cps_sock_is_listening(dir, "shim.sock"));
	cps_close(&listener);
	ck_assert_int_eq(cps_sock_connect(dir, "shim.sock", 0), -ECONNREFUSED);
	ck_assert(!cps_sock_is_listening(dir, "shim.sock"));
	ck_assert(!cps_sock_is_listening(dir, "none"));
}
END_TEST

START_TEST(a_full_queue_is_somebody_s)
{
	cleanup_fd int dir = unit_dir();
	cleanup_fd int listener = cps_sock_listen(dir, "s", 0, 0);
	int first = cps_sock_connect(dir, "s", SOCK_NONBLOCK);

	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(cps_sock_connect(dir, "s", SOCK_NONBLOCK), -EAGAIN);
	ck_assert(cps_sock_is_listening(dir, "s"));
	close(first);
}
END_TEST

START_TEST(locks_of_others)
{
	cleanup_fd int dir = unit_dir();
	int lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(cps_lock_is_held(dir, "none", LOCK_SH), -ENOENT);
	ck_assert_int_eq(cps_lock_is_held(dir, "lock", LOCK_EX), 0);
	ck_assert_int_eq(flock(lock, LOCK_SH), 0);
	ck_assert_int_eq(cps_lock_is_held(dir, "lock", LOCK_SH), 0);
	ck_assert_int_eq(cps_lock_is_held(dir, "lock", LOCK_EX), 1);
	ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(cps_lock_is_held(dir, "lock", LOCK_SH), 1);
	close(lock);
	ck_assert_int_eq(cps_lock_is_held(dir, "lock", LOCK_EX), 0);
}
END_TEST

START_TEST(programs_in_the_path)
{
	char path[64];

	ck_assert_int_eq(setenv("PATH", "bin:/none::/proc/self:/proc", 1), 0);
	ck_assert(cps_path_find("exe", path, sizeof(path)));
	ck_assert_str_eq(path, "/proc/self/exe");
	ck_assert(!cps_path_find("exe", path, sizeof("/proc/self/exe") - 1));
	ck_assert(!cps_path_find("status", path, sizeof(path))); /* is no program */
	ck_assert(!cps_path_find("nobody", path, sizeof(path)));
	/* what is in the working directory is none that was chosen */
	ck_assert_int_eq(chdir("/proc/self"), 0);
	ck_assert_int_eq(setenv("PATH", ".:", 1), 0);
	ck_assert(!cps_path_find("exe", path, sizeof(path)));
	ck_assert_int_eq(unsetenv("PATH"), 0);
	ck_assert(!cps_path_find("exe", path, sizeof(path)));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		read_at_the_bound,
		read_every_size,
		read_what_has_no_size,
		read_errors,
		read_does_not_wait_for_a_fifo,
		put_is_one_write,
		replace_is_whole_or_not_at_all,
		replace_after_a_crash_or_a_trap,
		full_reads_and_writes,
		memfds_are_sealed,
		sockets_by_directory,
		a_full_queue_is_somebody_s,
		locks_of_others,
		programs_in_the_path,
		NULL,
	};

	return unit_main("file", tests);
}
