/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.devices: the nodes to be made in the container's /dev. (Access to devices is a matter of
 * linux.resources.devices, spec-resources.c.)
 */
#include <config.h>

#include "spec-parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define MAJOR_MAX 4095u /* the kernel's dev_t has 12 and 20 bits */
#define MINOR_MAX 1048575u

static int parse_type(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	const char *type;
	int rc;

	(void)in;
	rc = cps_json_str(node, &type, err);
	if (rc < 0)
		return rc;
	if (strlen(type) != 1 || !strchr("cubp", type[0]))
		return cps_json_fail(node, EINVAL, err, "'%s' is none of c, b, u, p", type);
	*(char *)field = type[0] == 'u' ? 'c' : type[0];
	return 0;
}

static int parse_path(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	const char **path = field;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	if ((*path)[0] != '/')
		return cps_json_fail(node, EINVAL, err, "'%s' is not an absolute path", *path);
	return 0;
}

static int parse_number(const struct cps_json *node, uint32_t max, uint32_t *ret,
			struct cps_err *err)
{
	uint64_t value;
	int rc;

	rc = cps_json_u64(node, max, &value, err);
	if (rc < 0)
		return rc;
	*ret = (uint32_t)value;
	return 0;
}

static int parse_major(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	(void)in;
	return parse_number(node, MAJOR_MAX, field, err);
}

static int parse_minor(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	(void)in;
	return parse_number(node, MINOR_MAX, field, err);
}

static int parse_mode(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	uint32_t mode;
	int rc;

	(void)in;
	/* containerd and podman send st_mode whole, with the type's bits */
	rc = parse_number(node, UINT32_MAX, &mode, err);
	if (rc < 0)
		return rc;
	*(mode_t *)field = (mode_t)(mode & 07777);
	return 0;
}

static const struct rt_spec_member device_members[] = {
	{ "type", parse_type, offsetof(struct rt_device, type) },
	{ "path", parse_path, offsetof(struct rt_device, path) },
	{ "major", parse_major, offsetof(struct rt_device, major) },
	{ "minor", parse_minor, offsetof(struct rt_device, minor) },
	{ "fileMode", parse_mode, offsetof(struct rt_device, mode) },
	{ "uid", rt_spec_id, offsetof(struct rt_device, uid) },
	{ "gid", rt_spec_id, offsetof(struct rt_device, gid) },
	{ NULL, NULL, 0 },
};

static int parse_device(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_device *device = field;
	int rc;

	device->mode = 0666;
	rc = rt_spec_object(in, node, device_members, device, err);
	if (rc < 0)
		return rc;
	if (!device->type)
		return cps_json_fail(node, EINVAL, err, "'type' is missing");
	if (!device->path)
		return cps_json_fail(node, EINVAL, err, "'path' is missing");
	if (device->type == 'p')
		return 0;
	/* minor 0 is left out by encoders that omit zeros; major 0 is no device at all */
	if (!device->major)
		return cps_json_fail(node, EINVAL, err, "'major' is missing or 0");
	return 0;
}

int rt_spec_devices(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		    struct cps_err *err)
{
	struct rt_spec *spec = field;
	void *v;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_device), parse_device, &spec->ndevices, &v,
			   err);
	if (rc < 0)
		return rc;
	spec->devices = v;
	return 0;
}
