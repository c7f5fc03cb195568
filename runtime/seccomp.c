/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's seccomp filter: from the cache if it has been compiled before, else by
 * libseccomp; and its loading, which allocates nothing, because it happens after privileges and
 * memory may be gone.
 */
#include <config.h>

#include "seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "own.h"
#include "seccomp-compile.h"

int rt_seccomp_compile(const struct rt_seccomp *sc, const char *cache_dir, struct rt_filter *ret,
		       struct rt_warn *warn, struct cps_err *err)
{
	struct cps_err cache_err = { 0, "" };
	struct rt_filter filter = { NULL, 0, sc->flags };
	cleanup_free char *key = NULL;
	size_t key_len;
	int rc;

	if (!sc->set) {
		filter.flags = 0;
		*ret = filter;
		return 0;
	}
	if (cache_dir && sc->node) {
		key = rt_seccomp_key(sc, &key_len);
		if (!key)
			return cps_failx(err, ENOMEM, "linux.seccomp: out of memory");
		if (rt_seccomp_cache_get(cache_dir, key, key_len, &filter)) {
			*ret = filter;
			return 0;
		}
	}
	rc = rt_seccomp_translate(sc, &filter, warn, err);
	if (rc < 0)
		return cps_wrap(err, rc, "linux.seccomp");
	if (key && rt_seccomp_cache_put(cache_dir, key, key_len, &filter, &cache_err) < 0)
		rt_note(warn, "seccomp cache: %s, ignoring", cache_err.msg);
	*ret = filter;
	return 0;
}

int rt_seccomp_load(const struct rt_filter *f, struct cps_err *err)
{
	struct sock_fprog program = { .len = f->count, .filter = f->code };
	long rc;

	if (!f->code)
		return 0;
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)f->flags, &program);
	if (rc < 0)
		return cps_fail(err, errno, "load the seccomp filter (flags 0x%x)",
				(unsigned)f->flags);
	return 0;
}

void rt_filter_done(struct rt_filter *f)
{
	free(f->code);
	memset(f, 0, sizeof(*f));
}
