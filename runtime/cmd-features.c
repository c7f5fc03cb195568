/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features: what this runtime honours, as the runtime-spec's features document says it. Every list
 * is read from the table that the parser itself uses, and tests/integ/49-features.bats asks a
 * container for each word of it, so that it cannot promise too much.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>

#include "caps.h"
#include "hooks.h"
#include "json.h"
#include "mount-opts.h"
#include "own.h"
#include "plan.h"
#include "scheduling-words.h"
#include "seccomp-words.h"
#include "systemd.h"

static const char *hook_word(size_t i)
{
	return i < RT_HOOK_COUNT ? rt_hook_names[i] : NULL;
}

static const char *ns_word(size_t i)
{
	return i < RT_NS_COUNT ? rt_ns_names[i] : NULL;
}

static const char *cap_word(size_t i)
{
	return rt_cap_name((unsigned)i);
}

static const char *action_word(size_t i)
{
	return rt_seccomp_word(RT_SECCOMP_ACTIONS, i);
}

static const char *op_word(size_t i)
{
	return rt_seccomp_word(RT_SECCOMP_OPERATORS, i);
}

static const char *arch_word(size_t i)
{
	return rt_seccomp_word(RT_SECCOMP_ARCHES, i);
}

static const char *flag_word(size_t i)
{
	return rt_seccomp_word(RT_SECCOMP_FLAGS, i);
}

static void write_list(struct cps_jsonw *w, const char *key, const char *(*word)(size_t i))
{
	const char *text;

	cps_jsonw_open(w, key, '[');
	for (size_t i = 0; (text = word(i)); i++)
		cps_jsonw_str(w, NULL, text);
	cps_jsonw_close(w, ']');
}

static void write_flag(struct cps_jsonw *w, const char *key, bool enabled)
{
	cps_jsonw_open(w, key, '{');
	cps_jsonw_bool(w, "enabled", enabled);
	cps_jsonw_close(w, '}');
}

static void write_linux(struct cps_jsonw *w)
{
	cps_jsonw_open(w, "linux", '{');
	write_list(w, "namespaces", ns_word);
	write_list(w, "capabilities", cap_word);
	cps_jsonw_open(w, "cgroup", '{');
	cps_jsonw_bool(w, "v1", true);
	cps_jsonw_bool(w, "v2", true);
	cps_jsonw_bool(w, "systemd", true);
	cps_jsonw_bool(w, "systemdUser", true);
	cps_jsonw_bool(w, "rdma", true);
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "seccomp", '{');
	cps_jsonw_bool(w, "enabled", true);
	write_list(w, "actions", action_word);
	write_list(w, "operators", op_word);
	write_list(w, "archs", arch_word);
	write_list(w, "knownFlags", flag_word);
	write_list(w, "supportedFlags", flag_word);
	cps_jsonw_close(w, '}');
	write_flag(w, "apparmor", true);
	write_flag(w, "selinux", true);
	cps_jsonw_open(w, "intelRdt", '{');
	cps_jsonw_bool(w, "enabled", true);
	cps_jsonw_bool(w, "schemata", true);
	cps_jsonw_bool(w, "monitoring", true);
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "memoryPolicy", '{');
	write_list(w, "modes", rt_memory_policy_mode);
	write_list(w, "flags", rt_memory_policy_flag);
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "mountExtensions", '{');
	write_flag(w, "idmap", true);
	cps_jsonw_close(w, '}');
	write_flag(w, "netDevices", true);
	cps_jsonw_close(w, '}');
}

/* What else tells one build from another; and what in a configuration's annotations we act on. */
static void write_annotations(struct cps_jsonw *w)
{
	const struct scmp_version *v = seccomp_version();
	char version[40];

	(void)snprintf(version, sizeof(version), "%u.%u.%u", v->major, v->minor, v->micro);
	cps_jsonw_open(w, "annotations", '{');
	cps_jsonw_str(w, "io.github.seccomp.libseccomp.version", version);
	cps_jsonw_close(w, '}');
	cps_jsonw_open(w, "potentiallyUnsafeConfigAnnotations", '[');
	cps_jsonw_str(w, NULL, RT_SYSTEMD_ANNOTATION);
	cps_jsonw_str(w, NULL, RT_ANNOTATION_KEEP_GROUPS);
	cps_jsonw_str(w, NULL, RT_ANNOTATION_STRICT_SECCOMP);
	cps_jsonw_close(w, ']');
}

static int cmd_features(const struct rt_globals *g, int argc, char **argv, int *ret_status,
			struct cps_err *err)
{
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_free char **args = NULL;
	const struct cps_opt table[] = { { 0 } };
	struct cps_jsonw w;
	int count, rc;

	(void)g;
	rc = rt_command_parse(&rt_cmd_features, table, argc, argv, 0, 0, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	cps_jsonw_init(&w, &buf, true);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "ociVersionMin", "1.0.0");
	cps_jsonw_str(&w, "ociVersionMax", RT_SPEC_VERSION);
	write_list(&w, "hooks", hook_word);
	write_list(&w, "mountOptions", rt_mount_opt_name);
	write_linux(&w);
	write_annotations(&w);
	cps_jsonw_close(&w, '}');
	if (buf.failed)
		return cps_fail(err, ENOMEM, "features");
	puts(buf.data);
	*ret_status = 0;
	return 0;
}

const struct rt_command rt_cmd_features = {
	"features", "", "Print what this runtime can do, as JSON.", false, 1, cmd_features,
};
