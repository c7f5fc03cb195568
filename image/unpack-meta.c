/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner, mode, extended attributes and times of what was unpacked.
 */
#include <config.h>
#include "unpack.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acl.h"
#include "idrange.h"
#include "own.h"

#define XATTRS_MAX 64

int img_owner(const struct img_unpack *u, struct archive_entry *entry, uid_t *ret_uid,
	      gid_t *ret_gid, struct cps_err *err)
{
	int64_t uid = archive_entry_uid(entry);
	int64_t gid = archive_entry_gid(entry);

	if (u->tree && !u->tree->archive) {
		*ret_uid = u->tree->uid;
		*ret_gid = u->tree->gid;
		return 0;
	}
	if (u->tree && u->tree->uid &&
	    (uid < 0 || uid >= STO_IDRANGE_COUNT || gid < 0 || gid >= STO_IDRANGE_COUNT))
		return cps_failx(err, EINVAL, "its owner %lld:%lld is none in the container",
				 (long long)uid, (long long)gid);
	if (u->tree) {
		uid += u->tree->uid;
		gid += u->tree->gid;
	}
	/* -1 would mean "leave it" to chown(2) */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return cps_failx(err, EINVAL, "its owner %lld:%lld is out of range", (long long)uid,
				 (long long)gid);
	*ret_uid = (uid_t)uid;
	*ret_gid = (gid_t)gid;
	return 0;
}

mode_t img_mode(const struct img_unpack *u, struct archive_entry *entry)
{
	return archive_entry_perm(entry) & (u->tree && !u->tree->archive ? 0777 : 07777);
}

void img_times(struct archive_entry *entry, struct timespec ret[2])
{
	struct timespec t = { 0 };

	if (archive_entry_mtime_is_set(entry)) {
		t.tv_sec = archive_entry_mtime(entry);
		t.tv_nsec = archive_entry_mtime_nsec(entry);
	}
	if (t.tv_nsec < 0 || t.tv_nsec > 999999999)
		t.tv_nsec = 0;
	ret[0] = ret[1] = t;
}

/* Not "trusted.": those are overlayfs's own, and would be taken for its work. */
static bool is_wanted(const struct img_unpack *u, const char *name)
{
	const char user[] = "user.";
	const char overlay[] = "user.overlay.";

	return (strcmp(name, "security.capability") == 0 && (!u->tree || u->tree->archive)) ||
	       (strncmp(name, user, strlen(user)) == 0 &&
		strncmp(name, overlay, strlen(overlay)) != 0);
}

static int xattrs_set(const struct img_unpack *u, int fd, struct archive_entry *entry,
		      struct cps_err *err)
{
	int n = archive_entry_xattr_reset(entry);
	const char *name;
	const void *value;
	size_t size;

	if (n > XATTRS_MAX)
		return cps_failx(err, E2BIG, "%d extended attributes", n);
	while (n-- > 0 && archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		if (!name || !is_wanted(u, name))
			continue;
		if (fsetxattr(fd, name, value, size, 0) == 0)
			continue;
		if (errno == EOPNOTSUPP && name[0] == 'u')
			continue; /* file systems without them are common, and programs live */
		return cps_fail(err, errno, "set %.60s", name);
	}
	return 0;
}

/* Not left out where the file system has none: the mode alone would give the group more. */
static int acl_set(int fd, struct archive_entry *entry, struct cps_err *err)
{
	cleanup_free void *value = NULL;
	size_t size;
	int rc = img_acl_read(entry, IMG_ACL_ACCESS, &value, &size, err);

	if (rc == 0 && value && fsetxattr(fd, IMG_ACL_ACCESS, value, size, 0) < 0)
		rc = cps_fail(err, errno, "set its ACL");
	return rc;
}

int img_meta(const struct img_unpack *u, int fd, struct archive_entry *entry, struct cps_err *err)
{
	struct timespec times[2];
	uid_t uid;
	gid_t gid;
	int rc = img_owner(u, entry, &uid, &gid, err);

	if (rc < 0)
		return rc;
	/* in this order: a new owner takes setuid and capabilities away */
	if (fchown(fd, uid, gid) < 0)
		return cps_fail(err, errno, "set its owner");
	if (fchmod(fd, img_mode(u, entry)) < 0)
		return cps_fail(err, errno, "set its mode");
	rc = xattrs_set(u, fd, entry, err);
	if (rc == 0 && !u->tree) /* after the mode, which would change it */
		rc = acl_set(fd, entry, err);
	if (rc < 0)
		return rc;
	img_times(entry, times);
	if (futimens(fd, times) < 0)
		return cps_fail(err, errno, "set its time");
	return 0;
}
