/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACLs: from libarchive's entries to the kernel's form.
 */
#include <config.h>
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

#define ENTRIES_MAX 8191 /* what fits into an extended attribute */

static int type_of(const char *name)
{
	return strcmp(name, IMG_ACL_ACCESS) == 0 ? ARCHIVE_ENTRY_ACL_TYPE_ACCESS
						 : ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
}

bool img_acl_is_name(const char *xattr)
{
	return strcmp(xattr, IMG_ACL_ACCESS) == 0 || strcmp(xattr, IMG_ACL_DEFAULT) == 0;
}

/* The attribute of this name; false: there is none. */
static bool xattr_find(struct archive_entry *entry, const char *wanted, const void **ret_value,
		       size_t *ret_size)
{
	const char *name;

	(void)archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, ret_value, ret_size) == ARCHIVE_OK)
		if (name && strcmp(name, wanted) == 0)
			return true;
	return false;
}

bool img_acl_is_there(struct archive_entry *entry)
{
	const void *value;
	size_t size;

	return (archive_entry_acl_types(entry) &
		(ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)) ||
	       xattr_find(entry, IMG_ACL_ACCESS, &value, &size) ||
	       xattr_find(entry, IMG_ACL_DEFAULT, &value, &size);
}

/* Tags are numbered in the order in which the kernel wants them. */
static int compare(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *x = a, *y = b;
	uint16_t s = le16toh(x->e_tag), t = le16toh(y->e_tag);

	return s != t ? (s > t) - (s < t)
		      : (le32toh(x->e_id) > le32toh(y->e_id)) -
				(le32toh(x->e_id) < le32toh(y->e_id));
}

static int entry_convert(int tag, int permissions, int id, const char *name,
			 struct posix_acl_xattr_entry *ret, struct cps_err *err)
{
	static const struct {
		int theirs;
		uint16_t ours;
	} tags[] = {
		{ ARCHIVE_ENTRY_ACL_USER_OBJ, ACL_USER_OBJ },
		{ ARCHIVE_ENTRY_ACL_USER, ACL_USER },
		{ ARCHIVE_ENTRY_ACL_GROUP_OBJ, ACL_GROUP_OBJ },
		{ ARCHIVE_ENTRY_ACL_GROUP, ACL_GROUP },
		{ ARCHIVE_ENTRY_ACL_MASK, ACL_MASK },
		{ ARCHIVE_ENTRY_ACL_OTHER, ACL_OTHER },
	};
	bool named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;

	/* whose names these are nobody can say */
	if (named && id < 0)
		return cps_failx(err, EINVAL, "its ACL names '%.40s' without a number",
				 name ? name : "");
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].theirs == tag) {
			ret->e_tag = htole16(tags[i].ours);
			ret->e_perm = htole16((uint16_t)(permissions & 7));
			ret->e_id = htole32(named ? (uint32_t)id : UINT32_MAX);
			return 0;
		}
	return cps_failx(err, EINVAL, "its ACL has an entry of kind %d", tag);
}

static int from_text(struct archive_entry *entry, int wanted, void **ret_value, size_t *ret_size,
		     struct cps_err *err)
{
	int room = archive_entry_acl_reset(entry, wanted), n = 0, rc = 0;
	cleanup_free struct posix_acl_xattr_header *acl = NULL;
	struct posix_acl_xattr_entry *entries;
	int type, permissions, tag, id;
	const char *name;

	if (room <= 0)
		return 0;
	if (room > ENTRIES_MAX)
		return cps_failx(err, E2BIG, "its ACL has %d entries", room);
	acl = calloc(1, sizeof(*acl) + (size_t)room * sizeof(*entries));
	if (!acl)
		return cps_fail(err, ENOMEM, "ACL");
	acl->a_version = htole32(POSIX_ACL_XATTR_VERSION);
	entries = (struct posix_acl_xattr_entry *)(acl + 1);
	while (rc == 0 && n < room &&
	       archive_entry_acl_next(entry, wanted, &type, &permissions, &tag, &id, &name) ==
		       ARCHIVE_OK)
		rc = entry_convert(tag, permissions, id, name, &entries[n++], err);
	if (rc < 0)
		return rc;
	qsort(entries, (size_t)n, sizeof(*entries), compare);
	*ret_size = sizeof(*acl) + (size_t)n * sizeof(*entries);
	*ret_value = take_ptr(&acl);
	return 0;
}

int img_acl_read(struct archive_entry *entry, const char *name, void **ret_value, size_t *ret_size,
		 struct cps_err *err)
{
	const void *value;
	size_t size;

	*ret_value = NULL;
	*ret_size = 0;
	if (!xattr_find(entry, name, &value, &size))
		return archive_entry_acl_types(entry) & type_of(name)
			       ? from_text(entry, type_of(name), ret_value, ret_size, err)
			       : 0;
	*ret_value = malloc(size ? size : 1);
	if (!*ret_value)
		return cps_fail(err, ENOMEM, "ACL");
	memcpy(*ret_value, value, size);
	*ret_size = size;
	return 0;
}

void img_acl_ids_from(void *value, size_t size, uint32_t first, uint32_t count)
{
	struct posix_acl_xattr_entry *e =
		(struct posix_acl_xattr_entry *)((char *)value +
						 sizeof(struct posix_acl_xattr_header));
	size_t n = size < sizeof(struct posix_acl_xattr_header)
			   ? 0
			   : (size - sizeof(struct posix_acl_xattr_header)) / sizeof(*e);

	for (size_t i = 0; i < n; i++) {
		uint32_t id = le32toh(e[i].e_id);
		bool named = e[i].e_tag == htole16(ACL_USER) || e[i].e_tag == htole16(ACL_GROUP);

		if (named && id >= first && id - first < count)
			e[i].e_id = htole32(id - first);
	}
}
