/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of security modules: process.apparmorProfile, process.selinuxLabel, linux.mountLabel, by
 * the kernel's own interfaces (/proc/self/attr; the mount option "context", mount-fd.c).
 */
#ifndef RT_LABELS_H
#define RT_LABELS_H

#include "err.h"
#include "spec.h"

/* Refuses, by the field's name, a label that this kernel has no module for (EOPNOTSUPP).
 * mount_label may be NULL. */
int rt_labels_check(const struct rt_process *p, const char *mount_label, struct cps_err *err);
/* What the caller's next execve changes to. Takes the host's procfs at /proc. */
int rt_labels_set(const struct rt_process *p, struct cps_err *err);

#endif
