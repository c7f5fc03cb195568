/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json: the top level, root, mounts, annotations, and the entry points of spec.h. Pure: no
 * system call that changes anything.
 */
#include <config.h>

#include "spec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "spec-parse.h"

/* "1.0.2-dev", "1.3.0+x": three numbers, then what semver allows behind them. */
static bool is_version_1(const char *text)
{
	int part;

	for (part = 0; part < 3; part++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || digits > 9)
			return false;
		if (part == 0 && (digits != 1 || text[0] != '1'))
			return false;
		text += digits;
		if (part < 2 && *text++ != '.')
			return false;
	}
	return *text == '\0' || *text == '-' || *text == '+';
}

static int parse_version(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	const char **version = field;
	int rc;

	rc = rt_spec_str(in, node, field, err);
	if (rc < 0)
		return rc;
	if (!is_version_1(*version))
		return cps_json_fail(node, EINVAL, err, "version '%s' is not supported, 1.x is",
				     *version);
	return 0;
}

/* A path that may be relative to the bundle, made absolute. */
static const char *bundle_path(const struct rt_spec_in *in, const char *path)
{
	if (path[0] == '/' || !in->bundle)
		return path;
	return cps_arena_printf(in->arena, "%s/%s", in->bundle, path);
}

static int parse_root_path(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err)
{
	const char *path, **ret = field;
	int rc;

	rc = cps_json_str(node, &path, err);
	if (rc < 0)
		return rc;
	if (!path[0])
		return cps_json_fail(node, EINVAL, err, "the path is empty");
	*ret = bundle_path(in, path);
	return *ret ? 0 : rt_spec_no_memory(node, err);
}

static const struct rt_spec_member root_members[] = {
	{ "path", parse_root_path, offsetof(struct rt_spec, root_path) },
	{ "readonly", rt_spec_bool, offsetof(struct rt_spec, root_readonly) },
	{ NULL, NULL, 0 },
};

static int parse_root(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		      struct cps_err *err)
{
	struct rt_spec *spec = field;
	int rc;

	rc = rt_spec_object(in, node, root_members, spec, err);
	if (rc < 0)
		return rc;
	if (!spec->root_path)
		return cps_json_fail(node, EINVAL, err, "'path' is missing");
	return 0;
}

static int parse_mount_uids(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	struct rt_mount *m = field;

	return rt_spec_id_maps(in, node, &m->maps.nuid, &m->maps.uid, err);
}

static int parse_mount_gids(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			    struct cps_err *err)
{
	struct rt_mount *m = field;

	return rt_spec_id_maps(in, node, &m->maps.ngid, &m->maps.gid, err);
}

static const struct rt_spec_member mount_members[] = {
	{ "destination", rt_spec_str, offsetof(struct rt_mount, destination) },
	{ "type", rt_spec_str_some, offsetof(struct rt_mount, type) },
	{ "source", rt_spec_str_some, offsetof(struct rt_mount, source) },
	{ "options", rt_spec_strs, offsetof(struct rt_mount, options) },
	{ "uidMappings", parse_mount_uids, 0 },
	{ "gidMappings", parse_mount_gids, 0 },
	{ NULL, NULL, 0 },
};

static bool is_bind(const struct rt_mount *m)
{
	size_t i;

	if (m->type && strcmp(m->type, "bind") == 0)
		return true;
	for (i = 0; i < m->options.n; i++)
		if (strcmp(m->options.v[i], "bind") == 0 || strcmp(m->options.v[i], "rbind") == 0)
			return true;
	return false;
}

static bool has_option(const struct rt_mount *m, const char *option)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (strcmp(m->options.v[i], option) == 0)
			return true;
	return false;
}

static int parse_mount(const struct rt_spec_in *in, const struct cps_json *node, void *field,
		       struct cps_err *err)
{
	struct rt_mount *m = field;
	char path[RT_SPEC_PATH_SIZE];
	int rc;

	rc = rt_spec_object(in, node, mount_members, m, err);
	if (rc < 0)
		return rc;
	if (!m->destination || !m->destination[0])
		return cps_json_fail(node, EINVAL, err, "'destination' is missing");
	if (m->destination[0] != '/') {
		cps_json_path(node, path, sizeof(path));
		rt_warn(in->warn, "%s.destination: '%s' is not absolute, taking it as below /",
			path, m->destination);
		m->destination = cps_arena_printf(in->arena, "/%s", m->destination);
		if (!m->destination)
			return rt_spec_no_memory(node, err);
	}
	if ((m->maps.nuid > 0) != (m->maps.ngid > 0))
		return cps_json_fail(node, EINVAL, err,
				     "uidMappings and gidMappings are given together");
	if (!is_bind(m))
		return 0;
	if (!m->source)
		return cps_json_fail(node, EINVAL, err, "a bind mount needs a 'source'");
	m->source = bundle_path(in, m->source);
	return m->source ? 0 : rt_spec_no_memory(node, err);
}

/* Id mappings need a user namespace to be taken from, or maps of the mount's own; and only binds
 * are mapped: what a file system is mounted with belongs to the container already. */
static int check_idmaps(struct rt_spec *spec, const struct cps_json *top, struct cps_err *err)
{
	const struct cps_json *node = cps_json_get(top, "mounts");
	const struct rt_mount *m = spec->mounts;

	for (node = node ? node->first : NULL; node; node = node->next, m++) {
		if (m->maps.nuid == 0 && !has_option(m, "idmap") && !has_option(m, "ridmap"))
			continue;
		if (!is_bind(m))
			return cps_json_fail(node, EOPNOTSUPP, err,
					     "only bind mounts take id mappings");
		if (m->maps.nuid == 0 && !spec->ns[RT_NS_USER].wanted)
			return cps_json_fail(node, EINVAL, err,
					     "idmap needs uidMappings and gidMappings here, or a "
					     "user namespace in linux.namespaces");
		spec->has_idmaps = true;
	}
	return 0;
}

static int parse_mounts(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			struct cps_err *err)
{
	struct rt_spec *spec = field;
	void *mounts;
	int rc;

	rc = rt_spec_array(in, node, sizeof(struct rt_mount), parse_mount, &spec->nmounts, &mounts,
			   err);
	if (rc < 0)
		return rc;
	spec->mounts = mounts;
	return 0;
}

static int parse_annotations(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			     struct cps_err *err)
{
	struct rt_spec *spec = field;
	int rc;

	rc = rt_spec_map(in, node, &spec->nannotations, &spec->annotations, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < spec->nannotations; i++) {
		const struct rt_key_value *a = &spec->annotations[i];
		bool yes = strcmp(a->value, "0") != 0;

		if (strcmp(a->key, RT_ANNOTATION_KEEP_GROUPS) == 0)
			spec->keep_groups = yes;
		else if (strcmp(a->key, RT_ANNOTATION_STRICT_SECCOMP) == 0)
			spec->strict_seccomp = yes;
	}
	return 0;
}

#define UTS_NAME_MAX 64 /* the kernel's __NEW_UTS_LEN */

static int parse_uts_name(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			  struct cps_err *err)
{
	const char **name = field;
	int rc;

	rc = rt_spec_str_some(in, node, field, err);
	if (rc < 0)
		return rc;
	if (*name && strlen(*name) > UTS_NAME_MAX)
		return cps_json_fail(node, EINVAL, err, "longer than %d bytes", UTS_NAME_MAX);
	return 0;
}

static int parse_process(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			 struct cps_err *err)
{
	struct rt_spec *spec = field;

	spec->has_process = true;
	return rt_spec_process(in, node, &spec->process, err);
}

static const struct rt_spec_member top_members[] = {
	{ "ociVersion", parse_version, offsetof(struct rt_spec, oci_version) },
	{ "root", parse_root, 0 },
	{ "hostname", parse_uts_name, offsetof(struct rt_spec, hostname) },
	{ "domainname", parse_uts_name, offsetof(struct rt_spec, domainname) },
	{ "mounts", parse_mounts, 0 },
	{ "process", parse_process, 0 },
	{ "hooks", rt_spec_hooks, offsetof(struct rt_spec, hooks) },
	{ "annotations", parse_annotations, 0 },
	{ "linux", rt_spec_linux, 0 },
	{ NULL, NULL, 0 },
};

static int spec_parse(const struct rt_spec_in *in, const char *text, size_t len,
		      struct rt_spec *spec, struct cps_err *err)
{
	const struct cps_json *top;
	int rc;

	if (len > RT_SPEC_MAX)
		return cps_failx(err, EFBIG, "larger than %u bytes", RT_SPEC_MAX);
	rc = cps_json_parse(in->arena, text, len, &top, err);
	if (rc < 0)
		return rc;
	rc = rt_spec_object(in, top, top_members, spec, err);
	if (rc < 0)
		return rc;
	if (!spec->oci_version)
		return cps_failx(err, EINVAL, "ociVersion: missing");
	if (!spec->root_path)
		return cps_failx(err, EINVAL, "root: missing");
	if (!spec->has_process)
		spec->process.cwd = "/"; /* of those that exec adds */
	rc = rt_spec_default_maps(in, spec, err);
	if (rc < 0)
		return rc;
	rc = rt_spec_check_linux(spec, top, in->warn, err);
	if (rc == 0)
		rc = check_idmaps(spec, top, err);
	if (rc < 0)
		return rc;
	return rt_spec_check_sysctl(spec, top, err);
}

int rt_spec_parse(struct cps_arena *a, const char *text, size_t len, const char *bundle,
		  struct rt_warn *warn, const struct rt_spec **ret_spec, struct cps_err *err)
{
	const struct rt_spec_in in = { .arena = a, .warn = warn, .bundle = bundle };
	struct rt_spec *spec;
	int rc;

	spec = cps_arena_alloc(a, sizeof(*spec));
	if (!spec)
		return cps_failx(err, ENOMEM, "config.json: out of memory");
	rc = spec_parse(&in, text, len, spec, err);
	if (rc < 0)
		return cps_wrap(err, rc, "config.json");
	*ret_spec = spec;
	return 0;
}

static int process_parse(const struct rt_spec_in *in, const char *text, size_t len,
			 const struct rt_process *base, struct rt_process *p, struct cps_err *err)
{
	const struct rt_strs none = { 0, NULL };
	const struct cps_json *node;
	int rc;

	if (len > RT_SPEC_MAX)
		return cps_failx(err, EFBIG, "larger than %u bytes", RT_SPEC_MAX);
	rc = cps_json_parse(in->arena, text, len, &node, err);
	if (rc < 0)
		return rc;
	if (base) {
		/* what the patch must bring or adds to is not the base's */
		*p = *base;
		p->args = none;
		p->env = none;
	}
	rc = rt_spec_process(in, node, p, err);
	if (rc < 0)
		return rc;
	if (base)
		return rt_spec_env_join(in, &base->env, &p->env, &p->env, err);
	return 0;
}

int rt_process_parse(struct cps_arena *a, const char *text, size_t len,
		     const struct rt_process *base, struct rt_warn *warn,
		     const struct rt_process **ret_process, struct cps_err *err)
{
	const struct rt_spec_in in = { .arena = a, .warn = warn, .patch = base != NULL };
	struct rt_process *p;
	int rc;

	p = cps_arena_alloc(a, sizeof(*p));
	if (!p)
		return cps_failx(err, ENOMEM, "process: out of memory");
	rc = process_parse(&in, text, len, base, p, err);
	if (rc < 0)
		return cps_wrap(err, rc, "process");
	*ret_process = p;
	return 0;
}
