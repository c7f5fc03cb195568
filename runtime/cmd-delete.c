/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete: remove what is left of containers.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <regex.h>

#include "container.h"
#include "log.h"
#include "names.h"
#include "own.h"

/* One of them; what there is to warn of is said even if it fails. */
static int delete_one(const struct rt_globals *g, const char *id, bool force, struct cps_err *err)
{
	struct rt_warn warn = { .debug = g->debug };
	const char *text;
	uint32_t pos = 0;
	int rc;

	rc = rt_container_delete_by_id(g->root, id, force, &warn, err);
	while ((text = rt_warn_next(&warn, &pos)))
		cps_log(CPS_LOG_WARN, "%s", text);
	return rc;
}

/* Those whose ids match. One that fails is reported and keeps none of the others. */
static int delete_matching(const struct rt_globals *g, const char *pattern, bool force,
			   struct cps_err *err)
{
	cleanup_names struct rt_names names = { 0 };
	struct cps_err one;
	size_t failed = 0;
	char why[128];
	regex_t re;
	int rc;

	rc = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		(void)regerror(rc, &re, why, sizeof(why));
		return cps_failx(err, EINVAL, "delete: --regex '%s': %s", pattern, why);
	}
	rc = rt_names_read(g->root, &names, err);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		if (regexec(&re, names.v[i], 0, NULL, 0) != 0 ||
		    delete_one(g, names.v[i], force, &one) >= 0)
			continue;
		failed++;
		cps_log(CPS_LOG_ERROR, "%s", one.msg);
	}
	regfree(&re);
	if (rc == 0 && failed)
		rc = cps_failx(err, EBUSY, "delete: %zu of the containers that match are left",
			       failed);
	return rc;
}

static int cmd_delete(const struct rt_globals *g, int argc, char **argv, int *ret_status,
		      struct cps_err *err)
{
	cleanup_free char **args = NULL;
	bool force = false, regex = false;
	const struct cps_opt table[] = {
		{ "force", 'f', CPS_OPT_FLAG, &force, NULL,
		  "kill it if it lives; no error if there is none" },
		{ "regex", 0, CPS_OPT_FLAG, &regex, NULL,
		  "ID is a regular expression: delete all whose ids match" },
		{ 0 },
	};
	int count, rc;

	rc = rt_command_parse(&rt_cmd_delete, table, argc, argv, 1, 1, &args, &count, err);
	if (rc < 0 || !args)
		return rc;
	*ret_status = 0;
	return regex ? delete_matching(g, args[0], force, err) : delete_one(g, args[0], force, err);
}

const struct rt_command rt_cmd_delete = {
	"delete", "ID", "Delete a container that has stopped, or (--force) any.",
	false,	  1,	cmd_delete,
};
