/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file execve will run. The words of the errors are what podman, Docker and containerd make
 * their exit codes of (127: not found, 126: cannot be executed).
 */
#include <config.h>
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* 0, or the errno that tells why that is no program. */
static int program_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return errno;
	/* root may execute all but what nobody may */
	return st.st_mode & 0111 ? 0 : EACCES;
}

static const char *words(int num)
{
	switch (num) {
	case ENOENT:
		return "no such file or directory";
	case EACCES:
		return "permission denied";
	case EISDIR:
		return "is a directory";
	case ENOTDIR:
		return "not a directory";
	case ELOOP:
		return "too many levels of symbolic links";
	case ENAMETOOLONG:
		return "file name too long";
	default:
		return "cannot be executed";
	}
}

static const char *path_of(const struct rt_strs *env)
{
	const char *found = DEFAULT_PATH;

	for (size_t i = 0; i < env->n; i++) /* of several the last one counts, as in the process */
		if (strncmp(env->v[i], "PATH=", 5) == 0)
			found = env->v[i] + 5;
	return found;
}

/* A directory of PATH that is not absolute is passed over: what "." is, the image decides. */
static int search(const char *name, const char *path, char *ret_path, size_t size,
		  struct cps_err *err)
{
	int why = ENOENT;

	while (*path) {
		size_t len = strcspn(path, ":");
		char file[4096];
		int n = snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, name);

		if (path[0] == '/' && n > 0 && (size_t)n < sizeof(file) && (size_t)n < size) {
			int num = program_check(file);

			if (num == 0) {
				memcpy(ret_path, file, (size_t)n + 1);
				return 0;
			}
			if (num == EACCES)
				why = EACCES;
		}
		path += len;
		path += *path == ':';
	}
	if (why == EACCES)
		return cps_failx(err, EACCES, "exec: \"%s\": permission denied", name);
	return cps_failx(err, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

int rt_exec_find(const struct rt_process *p, char *ret_path, size_t size, struct cps_err *err)
{
	const char *name = p->args.n > 0 ? p->args.v[0] : "";
	int num;

	if (!*name)
		return cps_failx(err, ENOENT, "exec: \"\": executable file not found in $PATH");
	if (!strchr(name, '/'))
		return search(name, path_of(&p->env), ret_path, size, err);
	if (strlen(name) >= size)
		return cps_failx(err, ENAMETOOLONG, "exec: \"%.64s…\": %s", name,
				 words(ENAMETOOLONG));
	num = program_check(name);
	if (num == ENOENT)
		return cps_failx(err, num, "exec: \"%s\": stat %s: %s", name, name, words(num));
	if (num != 0)
		return cps_failx(err, num, "exec: \"%s\": %s", name, words(num));
	memcpy(ret_path, name, strlen(name) + 1);
	return 0;
}
