/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership: every local that owns something carries a cleanup attribute; take_fd() and
 * take_ptr() mark the one place where ownership leaves. close(2) is never retried: on Linux the
 * descriptor is gone even when close says EINTR, and a second close could hit a stranger's.
 */
#ifndef CPS_OWN_H
#define CPS_OWN_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cps_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing to be done about a failure, see above */
	*fd = -1;
}

static inline void cps_free_at(void *p)
{
	void **at = p;

	free(*at);
	*at = NULL;
}

static inline void cps_fclose_at(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void cps_closedir_at(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

#define cleanup_fd   __attribute__((cleanup(cps_close)))
#define cleanup_free __attribute__((cleanup(cps_free_at)))
#define cleanup_file __attribute__((cleanup(cps_fclose_at)))
#define cleanup_dir  __attribute__((cleanup(cps_closedir_at)))

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(p)                                 \
	({                                          \
		__typeof__(*(p)) taken_ptr_ = *(p); \
		*(p) = NULL;                        \
		taken_ptr_;                         \
	})

#endif
