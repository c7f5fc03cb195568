/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices a container may use (D14: none but those that are named), and cgroup v1's way to
 * say it: devices.deny and devices.allow.
 */
#include <config.h>

#include "cgroup-devices.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup-impl.h"
#include "own.h"

#define ANY (-1)

/* What the spec lets every container have. mknod of any device is harmless without the right to
 * open it, and what unpacks an image needs it. The console is a pty, 136:N; 5:1 would be the
 * machine's own. */
static const struct rt_device_rule default_rules[] = {
	{ .allow = true, .type = 'c', .major = ANY, .minor = ANY, .mknod = true },
	{ .allow = true, .type = 'b', .major = ANY, .minor = ANY, .mknod = true },
	{ true, 'c', 1, 3, true, true, true },	   /* null */
	{ true, 'c', 1, 5, true, true, true },	   /* zero */
	{ true, 'c', 1, 7, true, true, true },	   /* full */
	{ true, 'c', 1, 8, true, true, true },	   /* random */
	{ true, 'c', 1, 9, true, true, true },	   /* urandom */
	{ true, 'c', 5, 0, true, true, true },	   /* tty */
	{ true, 'c', 5, 2, true, true, true },	   /* ptmx */
	{ true, 'c', 136, ANY, true, true, true }, /* pts */
};
#define NDEFAULTS (sizeof(default_rules) / sizeof(default_rules[0]))

static bool is_everything(const struct rt_device_rule *r)
{
	return r->type == 'a' && r->major == ANY && r->minor == ANY && r->read && r->write &&
	       r->mknod;
}

/* A rule for all devices makes what was said before it void. */
static void list_add(struct rt_device_list *l, const struct rt_device_rule *r)
{
	if (is_everything(r)) {
		l->allow_rest = r->allow;
		l->n = 0;
		return;
	}
	l->v[l->n] = *r;
	if (r->type == 'a') {
		l->v[l->n++].type = 'b';
		l->v[l->n] = *r;
		l->v[l->n].type = 'c';
	}
	l->n++;
}

int rt_device_list_build(struct cps_arena *a, const struct rt_resources *res,
			 struct rt_device_list *ret, struct cps_err *err)
{
	struct rt_device_list l = { .allow_rest = false };

	l.v = cps_arena_array(a, 2 * res->ndevices + NDEFAULTS, sizeof(*l.v));
	if (!l.v)
		return cps_fail(err, ENOMEM, "linux.resources.devices");
	for (size_t i = 0; i < res->ndevices; i++)
		list_add(&l, &res->devices[i]);
	for (size_t i = 0; i < NDEFAULTS; i++)
		list_add(&l, &default_rules[i]);
	*ret = l;
	return 0;
}

static void number_format(int64_t n, char buf[16])
{
	if (n == ANY)
		(void)snprintf(buf, 16, "*");
	else
		(void)snprintf(buf, 16, "%" PRIu32, (uint32_t)n);
}

void rt_device_rule_format(const struct rt_device_rule *rule, char buf[RT_DEVICE_TEXT])
{
	char major[16], minor[16];

	number_format(rule->major, major);
	number_format(rule->minor, minor);
	(void)snprintf(buf, RT_DEVICE_TEXT, "%c %s:%s %s%s%s", rule->type, major, minor,
		       rule->read ? "r" : "", rule->write ? "w" : "", rule->mknod ? "m" : "");
}

/* -- v1's model ----------------------------------------------------------------------------- */

static bool overlap(int64_t a, int64_t b)
{
	return a == b || a == ANY || b == ANY;
}

static bool covers(int64_t wide, int64_t narrow)
{
	return wide == ANY || wide == narrow;
}

static bool share_access(const struct rt_device_rule *a, const struct rt_device_rule *b)
{
	return (a->read && b->read) || (a->write && b->write) || (a->mknod && b->mknod);
}

/* An exception from allow_rest: joined with the one for the same device, if there is one. */
static void reduce_add(struct rt_device_list *l, const struct rt_device_rule *r)
{
	for (size_t i = 0; i < l->n; i++) {
		struct rt_device_rule *e = &l->v[i];

		if (e->type != r->type || e->major != r->major || e->minor != r->minor)
			continue;
		e->read |= r->read;
		e->write |= r->write;
		e->mknod |= r->mknod;
		return;
	}
	l->v[l->n++] = *r;
}

/* A rule that says again what allow_rest says: takes back earlier exceptions. */
static int reduce_remove(struct rt_device_list *l, const struct rt_device_rule *r,
			 struct cps_err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct rt_device_rule e = l->v[i];
		bool hit = e.type == r->type && overlap(e.major, r->major) &&
			   overlap(e.minor, r->minor) && share_access(&e, r);

		if (hit && !(covers(r->major, e.major) && covers(r->minor, e.minor))) {
			char hole[RT_DEVICE_TEXT], wide[RT_DEVICE_TEXT];

			rt_device_rule_format(r, hole);
			rt_device_rule_format(&e, wide);
			return cps_failx(
				err, EOPNOTSUPP,
				"linux.resources.devices: cgroup v1 cannot %s '%s' after '%s'",
				r->allow ? "allow" : "deny", hole, wide);
		}
		if (hit) {
			e.read = e.read && !r->read;
			e.write = e.write && !r->write;
			e.mknod = e.mknod && !r->mknod;
		}
		if (e.read || e.write || e.mknod)
			l->v[kept++] = e;
	}
	l->n = kept;
	return 0;
}

int rt_device_list_reduce(struct cps_arena *a, const struct rt_device_list *list,
			  struct rt_device_list *ret, struct cps_err *err)
{
	struct rt_device_list l = { .allow_rest = list->allow_rest };

	l.v = cps_arena_array(a, list->n ? list->n : 1, sizeof(*l.v));
	if (!l.v)
		return cps_fail(err, ENOMEM, "linux.resources.devices");
	for (size_t i = 0; i < list->n; i++) {
		const struct rt_device_rule *r = &list->v[i];
		int rc = 0;

		if (r->allow != l.allow_rest)
			reduce_add(&l, r);
		else
			rc = reduce_remove(&l, r, err);
		if (rc < 0)
			return rc;
	}
	*ret = l;
	return 0;
}

/* -- v1's files ----------------------------------------------------------------------------- */

static int put(int fd, const char *file, const char *text, struct cps_err *err)
{
	if (write(fd, text, strlen(text)) >= 0)
		return 0;
	if (errno == EINVAL && text[0] == 'a')
		return cps_failx(err, EBUSY, "write '%s' to '%s': the cgroup has child groups",
				 text, file);
	return cps_fail(err, errno, "write '%s' to '%s'", text, file);
}

static int open_file(const struct rt_cgroup_dir *dir, bool allow, char path[RT_CGROUP_FILE],
		     struct cps_err *err)
{
	int fd = open(rt_cgroup_file(dir, allow ? "devices.allow" : "devices.deny", path),
		      O_WRONLY | O_CLOEXEC);

	return fd < 0 ? cps_fail(err, errno, "open '%s'", path) : fd;
}

int rt_cgroup_v1_devices(const struct rt_cgroup *cg, const struct rt_resources *res,
			 struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct rt_cgroup_dir *dir = rt_cgroup_find(cg, "devices");
	cleanup_fd int rest = -1, exceptions = -1;
	char path[RT_CGROUP_FILE];
	struct rt_device_list list = { 0 };
	int rc;

	rc = rt_device_list_build(&arena, res, &list, err);
	if (rc == 0)
		rc = rt_device_list_reduce(&arena, &list, &list, err);
	if (rc < 0)
		return rc;
	if (!dir)
		return cps_failx(err, EOPNOTSUPP,
				 "linux.resources.devices: this machine has no devices controller");
	rest = open_file(dir, list.allow_rest, path, err);
	if (rest < 0)
		return rest;
	rc = put(rest, path, "a", err);
	if (rc < 0 || list.n == 0)
		return rc;
	exceptions = open_file(dir, !list.allow_rest, path, err);
	if (exceptions < 0)
		return exceptions;
	for (size_t i = 0; i < list.n; i++) { /* the kernel takes one rule a write */
		char text[RT_DEVICE_TEXT];

		rt_device_rule_format(&list.v[i], text);
		rc = put(exceptions, path, text, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
