/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See labels.h.
 */
#include <config.h>

#include "labels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define FILE_SYSTEMS_MAX (64u << 10)

/* Switched on at boot, not just built in. */
static bool has_apparmor(void)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;

	return cps_file_read(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", 16, &text, &len,
			     &ignored) == 0 &&
	       text[0] == 'Y';
}

/* Its file system is known to a kernel that has it switched on, mounted or not. */
static bool has_selinux(void)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	size_t len;

	return cps_file_read(AT_FDCWD, "/proc/filesystems", FILE_SYSTEMS_MAX, &text, &len,
			     &ignored) == 0 &&
	       strstr(text, "\tselinuxfs\n");
}

static bool is_unconfined(const char *profile)
{
	return strcmp(profile, "unconfined") == 0;
}

int rt_labels_check(const struct rt_process *p, const char *mount_label, struct cps_err *err)
{
	const char *selinux = p->selinux_label ? p->selinux_label : mount_label;

	if (p->apparmor_profile && !is_unconfined(p->apparmor_profile) && !has_apparmor())
		return cps_failx(err, EOPNOTSUPP,
				 "process.apparmorProfile: '%s': this kernel has no AppArmor, or "
				 "it is switched off",
				 p->apparmor_profile);
	if (selinux && !has_selinux())
		return cps_failx(err, EOPNOTSUPP,
				 "%s: '%s': this kernel has no SELinux, or it is switched off",
				 p->selinux_label ? "process.selinuxLabel" : "linux.mountLabel",
				 selinux);
	return 0;
}

static int set_apparmor(const char *profile, struct cps_err *err)
{
	static const char own[] = "/proc/self/attr/apparmor/exec"; /* since Linux 5.1 */
	char text[1024];

	if (is_unconfined(profile) && !has_apparmor())
		return 0;
	if ((size_t)snprintf(text, sizeof(text), "exec %s", profile) >= sizeof(text))
		return cps_fail(err, ENAMETOOLONG, "the profile");
	return cps_file_put(AT_FDCWD, access(own, F_OK) == 0 ? own : "/proc/self/attr/exec", text,
			    err);
}

int rt_labels_set(const struct rt_process *p, struct cps_err *err)
{
	int rc = 0;

	if (p->apparmor_profile) {
		rc = set_apparmor(p->apparmor_profile, err);
		rc = cps_wrap(err, rc, "process.apparmorProfile: '%s'", p->apparmor_profile);
	}
	if (rc == 0 && p->selinux_label) {
		rc = cps_file_put(AT_FDCWD, "/proc/self/attr/exec", p->selinux_label, err);
		rc = cps_wrap(err, rc, "process.selinuxLabel: '%s'", p->selinux_label);
	}
	return rc;
}
