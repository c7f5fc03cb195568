/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name is synced with all that it leads to; what nothing leads to yet is not, and might be torn
 * by the end of the machine. So the first in each boot who wants to make something removes that.
 * Which boot it was is what images/lock has in it.
 */
#include <config.h>
#include "maker-lock.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "command.h"
#include "gc.h"
#include "image.h"
#include "own.h"
#include "proc.h"

#define BOOT_ID_SIZE 37

static bool is_swept(int lock, const char boot[BOOT_ID_SIZE])
{
	char text[BOOT_ID_SIZE] = "";

	return pread(lock, text, sizeof(text) - 1, 0) == sizeof(text) - 1 &&
	       strcmp(text, boot) == 0;
}

/* Where it cannot be told what is needed nothing is removed, and the next one tries again. */
static void sweep(const struct sto *s, int lock, const char boot[BOOT_ID_SIZE])
{
	struct img_gc gc = { 0 };
	struct cps_err err = { 0 };

	if (img_gc(s, &gc, &err) < 0)
		img_print_line(stderr, "capsule: what the machine's last run has left stays",
			       err.msg);
	else if (pwrite(lock, boot, BOOT_ID_SIZE - 1, 0) < 0) /* it will be swept once more */
		img_print_line(stderr, "capsule: write images/lock", strerror(errno));
}

static int change(int lock, int how, struct cps_err *err)
{
	while (flock(lock, how) < 0)
		if (errno != EINTR)
			return cps_fail(err, errno, "lock the images");
	return 0;
}

int img_maker_lock(const struct sto *s, struct cps_err *err)
{
	cleanup_fd int lock = sto_images_lock(s, LOCK_SH, err);
	char boot[BOOT_ID_SIZE];
	int rc = lock < 0 ? lock : cps_boot_id(boot, err);

	if (rc < 0)
		return rc;
	if (is_swept(lock, boot))
		return take_fd(&lock);
	rc = change(lock, LOCK_EX, err);
	if (rc == 0 && !is_swept(lock, boot)) /* it was free for a moment */
		sweep(s, lock, boot);
	if (rc == 0)
		rc = change(lock, LOCK_SH, err);
	return rc < 0 ? rc : take_fd(&lock);
}
