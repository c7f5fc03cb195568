/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bus.h.
 */
#include <config.h>

#include "bus.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "own.h"

#define LIBRARY "libsystemd.so.0"

static int find(void *library, const char *name, void *to, struct cps_err *err)
{
	void *at = dlsym(library, name);

	if (!at)
		return cps_failx(err, ENOENT, "%s has no %s", LIBRARY, name);
	memcpy(to, &at, sizeof(at)); /* C has no conversion from data to functions */
	return 0;
}

int sysd_load(struct sysd_functions *ret, struct cps_err *err)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	int rc = 0;

	if (!library)
		return cps_failx(err, ENOENT, "%s", dlerror());
#define SYSD_FIND(name) \
	if (rc == 0)    \
		rc = find(library, "sd_" #name, (void *)&ret->name, err);
	SYSD_FUNCTIONS(SYSD_FIND)
#undef SYSD_FIND
	return rc;
}

/* What our user is called outside of our user namespace, one level up: rootless callers run us as
 * root of one, but the bus's place has their own number in its name. */
static unsigned owner(void)
{
	cleanup_free char *text = NULL;
	unsigned inside, outside, size, uid = geteuid();
	struct cps_err ignored;
	char *line, *save = NULL;
	size_t len;

	if (cps_file_read(AT_FDCWD, "/proc/self/uid_map", 65536, &text, &len, &ignored) < 0)
		return uid;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%u %u %u", &inside, &outside, &size) == 3 && uid >= inside &&
		    uid - inside < size)
			return outside + (uid - inside);
	return uid;
}

/* Callers clear XDG_RUNTIME_DIR, so the place where logind puts it is looked at too. */
static void user_address(char *ret, size_t size)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (address && address[0])
		(void)snprintf(ret, size, "%s", address);
	else if (dir && dir[0])
		(void)snprintf(ret, size, "unix:path=%s/bus", dir);
	else
		(void)snprintf(ret, size, "unix:path=/run/user/%u/bus", owner());
}

static int connect_user(const struct sysd_functions *f, sd_bus **ret, struct cps_err *err)
{
	char address[PATH_MAX];
	sd_bus *bus = NULL;
	int rc;

	user_address(address, sizeof(address));
	rc = f->bus_new(&bus);
	if (rc >= 0)
		rc = f->bus_set_address(bus, address);
	if (rc >= 0)
		rc = f->bus_set_bus_client(bus, 1);
	if (rc >= 0)
		rc = f->bus_start(bus);
	if (rc < 0) {
		(void)f->bus_flush_close_unref(bus);
		return cps_fail(err, -rc, "no systemd of the user answers: connect to '%s'",
				address);
	}
	*ret = bus;
	return 0;
}

int sysd_connect(const struct sysd_functions *f, int user, sd_bus **ret, struct cps_err *err)
{
	int rc;

	if (user)
		return connect_user(f, ret, err);
	rc = f->bus_open_system(ret);
	return rc < 0 ? cps_fail(err, -rc, "no systemd answers: connect to the system's bus") : 0;
}
