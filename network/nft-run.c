/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program nft. It reads a sealed memfd as its standard input: no pipe that either side could
 * wait for, no shell, and nothing of the caller's environment.
 */
#include <config.h>
#include "nft-table.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child-program.h"
#include "file.h"
#include "own.h"

#define COMPLAINT_MAX 300

static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft" };

static const char *program_find(void)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

static int spawn(const char *file, int in, int errors, pid_t *ret_pid)
{
	static const char *const argv[] = { "nft", "-j", "-f", "-", NULL };
	static const char *const env[] = { "LC_ALL=C", NULL };
	const int fds[] = { in, -1, errors };

	return cps_program_spawn(&(struct cps_program){ .file = file,
							.argv = argv,
							.env = env,
							.fds = fds,
							.nfds = 3,
							.own_signals = true },
				 ret_pid);
}

/* Its first line, of which "internal:0:0-0: Error: " says nothing. */
static void complaint_read(int fd, char *buf, size_t size)
{
	static const char noise[] = "Error: ";
	ssize_t n = pread(fd, buf, size - 1, 0);
	char *start;

	buf[n > 0 ? n : 0] = '\0';
	start = strstr(buf, noise);
	if (start)
		memmove(buf, start + strlen(noise), strlen(start + strlen(noise)) + 1);
	buf[strcspn(buf, "\n")] = '\0';
}

int net_nft_run(const char *document, size_t len, struct cps_err *err)
{
	const char *file = program_find();
	cleanup_fd int in = -1;
	cleanup_fd int errors = -1;
	char said[COMPLAINT_MAX];
	int rc, status;
	pid_t pid = -1;

	if (!file)
		return cps_failx(
			err, ENOENT,
			"there is no program nft in /usr/sbin, /sbin or /usr/bin: networks need "
			"the package nftables");
	in = cps_memfd_sealed("nft", document, len, err);
	if (in < 0)
		return in;
	errors = memfd_create("nft-errors", MFD_CLOEXEC);
	if (errors < 0)
		return cps_fail(err, errno, "make a memory file");
	rc = spawn(file, in, errors, &pid);
	if (rc < 0)
		return cps_fail(err, -rc, "run '%s'", file);
	rc = cps_program_wait(pid, &status);
	if (rc < 0)
		return cps_fail(err, -rc, "wait for '%s'", file);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	complaint_read(errors, said, sizeof(said));
	if (WIFSIGNALED(status))
		return cps_failx(err, EIO, "'%s' was ended by signal %d", file, WTERMSIG(status));
	return cps_failx(err, EIO, "'%s': %s", file, said[0] ? said : "failed without a word");
}
