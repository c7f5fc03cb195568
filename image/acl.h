/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX ACLs of a layer's members. In an archive they are text ("SCHILY.acl.access", as tar --acls
 * writes it) or the kernel's own form as an extended attribute; written by us they are the latter.
 * Kernel interface: acl(5), linux/posix_acl_xattr.h; what an ACL may say is the kernel's to judge.
 */
#ifndef IMG_ACL_H
#define IMG_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "stream.h"

#define IMG_ACL_ACCESS	"system.posix_acl_access"
#define IMG_ACL_DEFAULT "system.posix_acl_default" /* of directories */

bool img_acl_is_there(struct archive_entry *entry);
/* Which of the two: `name`. *ret_value: the caller's to free; NULL: there is none. */
int img_acl_read(struct archive_entry *entry, const char *name, void **ret_value, size_t *ret_size,
		 struct cps_err *err);

bool img_acl_is_name(const char *xattr);
/* Ids from `first` on, `count` of them, count from 0 then. */
void img_acl_ids_from(void *value, size_t size, uint32_t first, uint32_t count);

#endif
