/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule-systemd: what capsule-runtime --systemd-cgroup has systemd do. A program of its own,
 * because a static one cannot load a library, and so that nobody else has D-Bus in his address
 * space. It is told on stdin what to do:
 *
 *	{"do":"start"|"stop"|"set","unit":NAME,"user":bool,"properties":[[NAME,TYPE,VALUE],…]}
 *
 * and says on stdout where the unit's cgroup is (start), or on stderr what went wrong.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "file.h"
#include "json.h"
#include "own.h"
#include "unit.h"

#define REQUEST_MAX (256u << 10)

struct request {
	const char *what, *unit;
	bool user;
	const struct cps_json *properties; /* NULL: none */
};

static int read_request(struct cps_arena *a, struct request *ret, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	const struct cps_json *o = NULL;
	size_t len;
	int rc;

	rc = cps_fd_read(STDIN_FILENO, "stdin", REQUEST_MAX, &text, &len, err);
	if (rc == 0)
		rc = cps_json_parse(a, text, len, &o, err);
	if (rc == 0)
		rc = cps_json_want(o, CPS_JSON_OBJECT, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(o, "do"), &ret->what, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(o, "unit"), &ret->unit, err);
	if (rc == 0 && cps_json_get(o, "user"))
		rc = cps_json_bool(cps_json_get(o, "user"), &ret->user, err);
	if (rc == 0) {
		ret->properties = cps_json_get(o, "properties");
		if (ret->properties)
			rc = cps_json_want(ret->properties, CPS_JSON_ARRAY, err);
	}
	return rc;
}

static int obey(struct sysd *s, const struct request *r, struct cps_err *err)
{
	cleanup_free char *group = NULL;
	int rc;

	if (strcmp(r->what, "stop") == 0)
		return sysd_stop(s, r->unit, err);
	if (strcmp(r->what, "set") == 0)
		return sysd_set(s, r->unit, r->properties, err);
	if (strcmp(r->what, "start") != 0)
		return cps_failx(err, EINVAL, "'%s' is nothing that can be done", r->what);
	rc = sysd_start(s, r->unit, r->properties, &group, err);
	if (rc < 0)
		return rc;
	if (printf("%s", group) < 0 || fflush(stdout) != 0)
		return cps_fail(err, errno, "tell where the cgroup is");
	return 0;
}

int main(void)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	struct request r = { 0 };
	struct cps_err err = { 0 };
	struct sysd s = { 0 };
	int rc;

	rc = read_request(&arena, &r, &err);
	if (rc == 0)
		rc = sysd_open(&s, r.user, &err);
	if (rc == 0)
		rc = obey(&s, &r, &err);
	sysd_close(&s);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.msg);
	return rc < 0 ? 1 : 0;
}
