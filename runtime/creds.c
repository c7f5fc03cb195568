/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See creds.h. The kernel's own calls rather than libcap's: between clone and exec nothing may
 * allocate, and five calls say it all.
 */
#include <config.h>

#include "creds.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"

#define BIT(n) (UINT64_C(1) << (n))

static int get_permitted(uint64_t *ret, struct cps_err *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return cps_fail(err, errno, "read our capabilities");
	*ret = d[0].permitted | (uint64_t)d[1].permitted << 32;
	return 0;
}

int rt_caps_available(const struct rt_caps *wanted, struct rt_caps *ret, struct rt_warn *warn,
		      struct cps_err *err)
{
	uint64_t all = wanted->bounding | wanted->permitted | wanted->effective |
		       wanted->inheritable | wanted->ambient;
	uint64_t have = 0;
	int rc;

	rc = get_permitted(&have, err);
	if (rc < 0)
		return rc;
	for (unsigned c = 0; c < 64; c++) {
		if (!(all & BIT(c)))
			continue;
		if ((have & BIT(c)) && prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
			continue;
		have &= ~BIT(c);
		rt_warn(warn, "capability %s is not ours to give, ignoring",
			rt_cap_name(c) ? rt_cap_name(c) : "(unnamed)");
	}
	ret->set = wanted->set;
	ret->bounding = wanted->bounding & have;
	ret->permitted = wanted->permitted & have;
	ret->effective = wanted->effective & ret->permitted;
	ret->inheritable = wanted->inheritable & have;
	/* The kernel takes an ambient capability only if it is permitted and inheritable. Callers
	 * that have stopped to ask for inheritable ones (buildah) go on asking for these: nobody
	 * is to be told of it every time. */
	ret->ambient = wanted->ambient & ret->permitted & ret->inheritable;
	for (unsigned c = 0; wanted->inheritable && c < 64; c++)
		if (wanted->ambient & have & ~ret->ambient & BIT(c))
			rt_warn(warn,
				"can't raise ambient capability %s: it is not among the permitted "
				"and inheritable ones, ignoring",
				rt_cap_name(c) ? rt_cap_name(c) : "(unnamed)");
	return 0;
}

int rt_caps_bound(const struct rt_caps *c, struct cps_err *err)
{
	for (unsigned i = 0; i < 64; i++) {
		if (c->bounding & BIT(i))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break; /* beyond the kernel's last */
		return cps_fail(err, errno, "drop capability %u from the bounding set", i);
	}
	return 0;
}

int rt_user_become(const struct rt_user *u, bool keep_groups, struct cps_err *err)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return cps_fail(err, errno, "keep capabilities across the change of user");
	/* An empty list too: the caller's groups are not the container's. A user namespace that
	 * forbids setgroups has none of ours either. */
	if (!keep_groups && setgroups(u->ngids, u->gids) < 0 && !(errno == EPERM && u->ngids == 0))
		return cps_fail(err, errno, "set %zu supplementary groups", u->ngids);
	if (setresgid(u->gid, u->gid, u->gid) < 0)
		return cps_fail(err, errno, "become group %u", u->gid);
	if (setresuid(u->uid, u->uid, u->uid) < 0)
		return cps_fail(err, errno, "become user %u", u->uid);
	(void)umask(u->has_umask ? u->umask : 0022);
	return 0;
}

static int set_sets(uint64_t permitted, uint64_t effective, uint64_t inheritable,
		    struct cps_err *err)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		  (uint32_t)(inheritable >> 32) },
	};

	if (syscall(SYS_capset, &h, d) < 0)
		return cps_fail(err, errno, "set capabilities");
	return 0;
}

int rt_caps_apply(const struct rt_caps *c, bool keep_admin, struct cps_err *err)
{
	uint64_t extra = keep_admin ? BIT(CAP_SYS_ADMIN) : 0;
	int rc;

	rc = set_sets(c->permitted | extra, c->effective | extra, c->inheritable, err);
	if (rc < 0)
		return rc;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return cps_fail(err, errno, "clear the ambient set");
	for (unsigned i = 0; i < 64; i++)
		if ((c->ambient & BIT(i)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return cps_fail(err, errno, "raise ambient capability %u", i);
	return 0;
}

int rt_caps_drop_admin(const struct rt_caps *c, struct cps_err *err)
{
	return set_sets(c->permitted, c->effective, c->inheritable, err);
}

int rt_no_new_privs(struct cps_err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return cps_fail(err, errno, "set no_new_privs");
	return 0;
}

void rt_stdio_own(const int stdio[3], uid_t uid)
{
	struct stat st;

	for (int i = 0; i < 3; i++) {
		int fd = stdio[i] >= 0 ? stdio[i] : i;

		if (fstat(fd, &st) == 0 && st.st_uid != uid &&
		    (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd))))
			(void)!fchown(fd, uid, (gid_t)-1); /* EPERM, EROFS */
	}
}
