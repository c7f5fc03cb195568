/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock, see claim.h. Older shims have none; whether one of those lives is told by pid and start
 * time in its shim.json.
 */
#include <config.h>
#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own.h"
#include "record.h"
#include "shim.h"

#define TRIES  10
#define TRY_US 2000

static int lock(struct shim *s, int flags, struct cps_err *err)
{
	cleanup_fd int fd =
		openat(s->dir, SHIM_LOCK, flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return cps_fail(err, errno, "open '%s/%s'", s->dir_path, SHIM_LOCK);
	/* Commands that only ask whether it is held, hold it themselves for a moment. */
	for (int i = 0; (rc = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK; i++) {
		if (i == TRIES)
			break;
		(void)usleep(TRY_US);
	}
	if (rc < 0) {
		if (errno == EWOULDBLOCK)
			return cps_failx(err, EALREADY, "container '%s' has a shim already", s->id);
		return cps_fail(err, errno, "lock '%s/%s'", s->dir_path, SHIM_LOCK);
	}
	s->lock_fd = take_fd(&fd);
	return 0;
}

int shim_claim_new(struct shim *s, struct cps_err *err)
{
	return lock(s, O_CREAT | O_EXCL, err);
}

/* There is no lock: is it an older shim's container, and does that one live? */
static int older_check(struct shim *s, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct shim_past past;
	int rc = shim_past_load(s->dir, &arena, &past, err);

	if (rc == -ENOENT)
		return cps_failx(err, ENOENT,
				 "container '%s' has no record of a shim: its creation "
				 "was cut short",
				 s->id);
	if (rc < 0)
		return rc;
	if (!past.other_boot && shim_identity_is_alive(&past.shim))
		return cps_failx(err, EALREADY, "container '%s' has a shim already", s->id);
	return 0;
}

int shim_claim_dead(struct shim *s, struct cps_err *err)
{
	struct stat st;
	int rc = lock(s, 0, err);

	if (rc == -ENOENT) {
		rc = older_check(s, err);
		if (rc == 0)
			rc = lock(s, O_CREAT, err);
	}
	if (rc < 0)
		return rc;
	/* Its last owner may have removed everything just before it let go. */
	if (fstat(s->lock_fd, &st) < 0 || st.st_nlink == 0)
		return cps_failx(err, ENOENT, "no such container: '%s'", s->id);
	return 0;
}
