/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: bounded reads, atomic replacement, resolution below a root that may be hostile.
 * Paths are (directory fd, name): fd first, path second; AT_FDCWD where there is none.
 */
#ifndef CPS_FILE_H
#define CPS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/* Reads a whole regular or virtual file of at most max bytes (more: EFBIG). *ret_data is
 * NUL-terminated (the NUL not counted in *ret_len) and the caller's to free. */
int cps_file_read(int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len,
		  struct cps_err *err);
int cps_fd_read(int fd, const char *name_for_errors, size_t max, char **ret_data, size_t *ret_len,
		struct cps_err *err);

/* One write(2) to an existing file, for cgroupfs and procfs, where a short write is an error. */
int cps_file_put(int dirfd, const char *path, const char *text, struct cps_err *err);

/* Replaces `name` atomically: temporary file in the same directory, write, rename(2). No fsync: the
 * state lives on tmpfs. A crash leaves at most ".<name>.tmp", which the next call replaces. Two
 * writers of one name at once are the callers' to prevent. */
int cps_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		     struct cps_err *err);
/* Is it the name of such a file? For who clears up where the next call may be of other names. */
bool cps_file_is_temp(const char *name);
/* The same for what is to outlive a power failure: the file is on its disk before the name leads to
 * it, and the name when this returns. A name with "/" is none for it. */
int cps_file_replace_durably(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
			     struct cps_err *err);
/* What was made, renamed and removed in this directory so far is on its disk when this returns.
 * dirfd may be O_PATH. */
int cps_dir_sync(int dirfd, const char *path, struct cps_err *err);

int cps_write_all(int fd, const void *data, size_t len); /* 0 or -errno; retries EINTR and shorts */
ssize_t cps_read_full(int fd, void *data, size_t len);	 /* bytes (short only at EOF) or -errno */

/* openat2(2) below root_fd with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS; always O_CLOEXEC. Returns
 * the fd or -errno; fills no err, since the caller knows the object's role. */
int cps_open_in_root(int root_fd, const char *path, int flags, mode_t mode);

/* The same where not even a symlink may lie on the way, and nothing mounted (RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV): -ELOOP, -EXDEV. */
int cps_open_beneath(int root_fd, const char *path, int flags, mode_t mode);
/* What both are, for other sets of RESOLVE_* flags. A rename anywhere on the system may make the
 * kernel say EAGAIN where a path has `..`: it is asked again. */
int cps_open_resolved(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve);

/* mkdir -p below root_fd, component by component, symlinks resolved inside the root. Returns an
 * O_PATH fd of the last directory. */
int cps_mkdir_in_root(int root_fd, const char *path, mode_t mode, struct cps_err *err);

/* mkdir -p on the host, for our own directories. */
int cps_mkdir_all(const char *path, mode_t mode, struct cps_err *err);

/* Removes a tree below dirfd without following symlinks or crossing mounts' roots. ENOENT is no
 * error. Any depth: what is nested deep is renamed to the tree's top first. */
int cps_remove_tree(int dirfd, const char *name, struct cps_err *err);

/* The same of a directory that the caller has open for reading, and its name last. Needs no more
 * descriptors than the directories in it do: none where there are only files. */
int cps_remove_open_tree(int dirfd, const char *path, struct cps_err *err);

/* The absolute path of a program that $PATH has; false: none. */
bool cps_path_find(const char *name, char *buf, size_t size);

/* A memfd with data, sealed against change, positioned at 0. Returns the fd. */
int cps_memfd_sealed(const char *name, const void *data, size_t len, struct cps_err *err);

/* Path sockets by directory fd (through /proc/self/fd, so that no path is too long for sun_path).
 * SOCK_SEQPACKET, close-on-exec; flags may add SOCK_NONBLOCK. Return the fd, or -errno. */
int cps_sock_listen(int dirfd, const char *name, int flags, int backlog);
int cps_sock_connect(int dirfd, const char *name, int flags);
/* Does somebody hold the socket, be it that others wait in line? Found out by connecting. */
bool cps_sock_is_listening(int dirfd, const char *name);

/* Does anybody's flock(2) on this file or directory stand against ours? how: LOCK_SH finds who has
 * it for himself, LOCK_EX also who shares it. Ours is taken for a moment where it can be. 1, 0, or
 * -errno: it cannot be told (-ENOENT: no such file). */
int cps_lock_is_held(int dirfd, const char *name, int how);

#endif
