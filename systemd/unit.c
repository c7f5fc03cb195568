/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See unit.h.
 */
#include <config.h>

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "own.h"

#define SERVICE	  "org.freedesktop.systemd1"
#define MANAGER	  "/org/freedesktop/systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"
#define WAIT_US	  ((int64_t)SYSD_WAIT_S * 1000000)

static bool is_error(const sd_bus_error *e, const char *name)
{
	return e->name && strcmp(e->name, name) == 0;
}

/* Takes what is in *e. */
static int complain(const struct sysd *s, sd_bus_error *e, int rc, struct cps_err *err,
		    const char *what)
{
	if (e->message)
		rc = cps_failx(err, -rc, "systemd: %s: %s", what, e->message);
	else
		rc = cps_fail(err, -rc, "systemd: %s", what);
	s->f.bus_error_free(e);
	return rc;
}

static int on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sysd *s = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)e;
	if (s->job && s->f.bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 &&
	    strcmp(path, s->job) == 0)
		(void)snprintf(s->result, sizeof(s->result), "%s", result);
	return 0;
}

/* The match is there before any job is: what comes while we wait for a reply stays in the
 * connection's queue until it is processed, so that nothing is missed. */
int sysd_open(struct sysd *s, int user, struct cps_err *err)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int rc;

	memset(s, 0, sizeof(*s));
	rc = sysd_load(&s->f, err);
	if (rc == 0)
		rc = sysd_connect(&s->f, user, &s->bus, err);
	if (rc < 0)
		return rc;
	rc = s->f.bus_match_signal(s->bus, NULL, SERVICE, MANAGER, INTERFACE, "JobRemoved",
				   on_job_removed, s);
	if (rc >= 0)
		rc = s->f.bus_call_method(s->bus, SERVICE, MANAGER, INTERFACE, "Subscribe", &e,
					  NULL, "");
	return rc < 0 ? complain(s, &e, rc, err, "ask to be told of its jobs") : 0;
}

void sysd_close(struct sysd *s)
{
	if (s->bus)
		(void)s->f.bus_flush_close_unref(s->bus);
	s->bus = NULL;
}

/* -- calls ---------------------------------------------------------------------------------- */

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int wait_for_job(struct sysd *s, const char *path, struct cps_err *err)
{
	int64_t end = now_us() + WAIT_US;

	s->job = path;
	s->result[0] = '\0';
	while (!s->result[0]) {
		int64_t left = end - now_us();
		int rc = s->f.bus_process(s->bus, NULL);

		if (rc == 0 && left > 0)
			rc = s->f.bus_wait(s->bus, (uint64_t)left);
		if (rc < 0 && rc != -EINTR)
			return cps_fail(err, -rc, "systemd: wait for its job");
		if (left <= 0)
			return cps_failx(err, ETIMEDOUT,
					 "systemd: its job has not ended after %d s", SYSD_WAIT_S);
	}
	s->job = NULL;
	return strcmp(s->result, "done") == 0
		       ? 0
		       : cps_failx(err, EIO, "systemd: its job ended with '%s'", s->result);
}

/* Sends call, whose answer is a job, and waits for that. A refusal is left in *e, and err does not
 * say it. */
static int run_job(struct sysd *s, sd_bus_message *call, sd_bus_error *e, struct cps_err *err)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int rc;

	rc = s->f.bus_call(s->bus, call, (uint64_t)WAIT_US, e, &reply);
	if (rc < 0)
		return cps_fail(err, -rc, "systemd: start a job");
	rc = s->f.bus_message_read(reply, "o", &path);
	rc = rc < 0 ? cps_fail(err, -rc, "systemd: read the job") : wait_for_job(s, path, err);
	(void)s->f.bus_message_unref(reply);
	return rc;
}

/* -- properties ----------------------------------------------------------------------------- */

static int bad_value(const struct cps_json *value, const char *type, struct cps_err *err)
{
	return cps_json_fail(value, EINVAL, err, "is nothing of D-Bus type '%s'", type);
}

static int append_number(const struct sysd *s, sd_bus_message *m, const struct cps_json *value,
			 char type, struct cps_err *err)
{
	static const struct {
		char type;
		uint64_t max;
	} kinds[] = { { 'y', UINT8_MAX },  { 'q', UINT16_MAX }, { 'u', UINT32_MAX },
		      { 't', UINT64_MAX }, { 'n', INT16_MAX },	{ 'i', INT32_MAX },
		      { 'x', INT64_MAX } };
	union { /* libsystemd reads the member of the type */
		uint8_t y;
		uint16_t q;
		uint32_t u;
		uint64_t t;
	} v = { .t = 0 };
	uint64_t number = 0;
	int64_t negative = 0;
	int rc;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type != type)
			continue;
		if (strchr("nix", type) && value->text && value->text[0] == '-') {
			rc = cps_json_i64(value, -(int64_t)kinds[i].max - 1, 0, &negative, err);
			number = (uint64_t)negative;
		} else {
			rc = cps_json_u64(value, kinds[i].max, &number, err);
		}
		if (rc < 0)
			return rc;
		if (type == 'y')
			v.y = (uint8_t)number;
		else if (type == 'q' || type == 'n')
			v.q = (uint16_t)number;
		else if (type == 'u' || type == 'i')
			v.u = (uint32_t)number;
		else
			v.t = number;
		return s->f.bus_message_append_basic(m, type, &v);
	}
	return bad_value(value, (char[]){ type, '\0' }, err);
}

static int append_basic(const struct sysd *s, sd_bus_message *m, const struct cps_json *value,
			char type, struct cps_err *err)
{
	const char *text;
	bool flag = false;
	int number, rc;

	switch (type) {
	case 'b':
		rc = cps_json_bool(value, &flag, err);
		number = flag;
		return rc < 0 ? rc : s->f.bus_message_append_basic(m, 'b', &number);
	case 's':
	case 'o':
		rc = cps_json_str(value, &text, err);
		return rc < 0 ? rc : s->f.bus_message_append_basic(m, type, text);
	default:
		return append_number(s, m, value, type, err);
	}
}

/* A basic type, or an array of one. */
static int append_value(const struct sysd *s, sd_bus_message *m, const struct cps_json *value,
			const char *type, struct cps_err *err)
{
	int rc;

	if (type[0] != 'a')
		return type[1] ? bad_value(value, type, err)
			       : append_basic(s, m, value, type[0], err);
	if (!type[1] || type[2])
		return bad_value(value, type, err);
	rc = cps_json_want(value, CPS_JSON_ARRAY, err);
	if (rc == 0)
		rc = s->f.bus_message_open_container(m, 'a', type + 1);
	for (const struct cps_json *n = value->first; n && rc >= 0; n = n->next)
		rc = append_basic(s, m, n, type[1], err);
	return rc < 0 ? rc : s->f.bus_message_close_container(m);
}

static int append_property(const struct sysd *s, sd_bus_message *m, const struct cps_json *p,
			   struct cps_err *err)
{
	const char *name, *type;
	int rc;

	rc = cps_json_want(p, CPS_JSON_ARRAY, err);
	if (rc == 0 && p->count != 3)
		rc = cps_json_fail(p, EINVAL, err, "is not [name, type, value]");
	if (rc == 0)
		rc = cps_json_str(p->first, &name, err);
	if (rc == 0)
		rc = cps_json_str(p->first->next, &type, err);
	if (rc != 0)
		return rc;
	rc = s->f.bus_message_open_container(m, 'r', "sv");
	if (rc >= 0)
		rc = s->f.bus_message_append_basic(m, 's', name);
	if (rc >= 0)
		rc = s->f.bus_message_open_container(m, 'v', type);
	if (rc >= 0)
		rc = append_value(s, m, p->first->next->next, type, err);
	if (rc >= 0)
		rc = s->f.bus_message_close_container(m);
	return rc < 0 ? rc : s->f.bus_message_close_container(m);
}

static int append_properties(const struct sysd *s, sd_bus_message *m, const struct cps_json *list,
			     struct cps_err *err)
{
	int rc = s->f.bus_message_open_container(m, 'a', "(sv)");

	err->num = 0;
	for (const struct cps_json *p = list ? list->first : NULL; p && rc >= 0; p = p->next)
		rc = append_property(s, m, p, err);
	if (rc >= 0)
		rc = s->f.bus_message_close_container(m);
	if (rc < 0 && err->num == 0)
		return cps_fail(err, -rc, "systemd: compose the properties");
	return rc < 0 ? rc : 0;
}

/* -- units ---------------------------------------------------------------------------------- */

static int new_call(const struct sysd *s, sd_bus_message **ret, const char *method,
		    struct cps_err *err)
{
	int rc = s->f.bus_message_new_method_call(s->bus, ret, SERVICE, MANAGER, INTERFACE, method);

	return rc < 0 ? cps_fail(err, -rc, "systemd: compose a call") : 0;
}

static void forget(const struct sysd *s, const char *unit)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;

	/* one that has not failed is not there any more, which is an error of no interest */
	(void)s->f.bus_call_method(s->bus, SERVICE, MANAGER, INTERFACE, "ResetFailedUnit", &e, NULL,
				   "s", unit);
	s->f.bus_error_free(&e);
}

/* *ret_exists: there is a unit of this name. */
static int start(struct sysd *s, const char *unit, const struct cps_json *properties,
		 bool *ret_exists, struct cps_err *err)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int rc;

	*ret_exists = false;
	rc = new_call(s, &m, "StartTransientUnit", err);
	if (rc < 0)
		return rc;
	rc = s->f.bus_message_append(m, "ss", unit, "fail");
	rc = rc < 0 ? cps_fail(err, -rc, "systemd: unit '%s'", unit)
		    : append_properties(s, m, properties, err);
	if (rc == 0) /* auxiliary units: none */
		rc = s->f.bus_message_append(m, "a(sa(sv))", 0);
	if (rc >= 0)
		rc = run_job(s, m, &e, err);
	if (rc < 0) {
		*ret_exists = is_error(&e, "org.freedesktop.systemd1.UnitExists");
		if (e.message)
			rc = complain(s, &e, rc, err, unit);
	}
	(void)s->f.bus_message_unref(m);
	return rc;
}

int sysd_start(struct sysd *s, const char *unit, const struct cps_json *properties,
	       char **ret_group, struct cps_err *err)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	const char *dot = strrchr(unit, '.');
	char *path = NULL;
	bool exists;
	int rc;

	rc = start(s, unit, properties, &exists, err);
	if (exists) {
		forget(s, unit);
		rc = start(s, unit, properties, &exists, err);
	}
	if (rc < 0)
		return rc;
	rc = s->f.bus_path_encode(MANAGER "/unit", unit, &path);
	if (rc >= 0)
		rc = s->f.bus_get_property_string(
			s->bus, SERVICE, path,
			dot && strcmp(dot, ".slice") == 0 ? SERVICE ".Slice" : SERVICE ".Scope",
			"ControlGroup", &e, ret_group);
	free(path);
	return rc < 0 ? complain(s, &e, rc, err, "find the unit's cgroup") : 0;
}

int sysd_stop(struct sysd *s, const char *unit, struct cps_err *err)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int rc;

	rc = new_call(s, &m, "StopUnit", err);
	if (rc < 0)
		return rc;
	rc = s->f.bus_message_append(m, "ss", unit, "replace");
	rc = rc < 0 ? cps_fail(err, -rc, "systemd: unit '%s'", unit) : run_job(s, m, &e, err);
	if (rc < 0 && is_error(&e, "org.freedesktop.systemd1.NoSuchUnit")) {
		s->f.bus_error_free(&e);
		rc = 0;
	} else if (rc < 0 && e.message) {
		rc = complain(s, &e, rc, err, unit);
	}
	(void)s->f.bus_message_unref(m);
	forget(s, unit);
	return rc;
}

int sysd_set(struct sysd *s, const char *unit, const struct cps_json *properties,
	     struct cps_err *err)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int rc;

	rc = new_call(s, &m, "SetUnitProperties", err);
	if (rc < 0)
		return rc;
	rc = s->f.bus_message_append(m, "sb", unit, 1); /* until the machine's next start */
	rc = rc < 0 ? cps_fail(err, -rc, "systemd: unit '%s'", unit)
		    : append_properties(s, m, properties, err);
	if (rc == 0) {
		rc = s->f.bus_call(s->bus, m, (uint64_t)WAIT_US, &e, NULL);
		rc = rc < 0 ? complain(s, &e, rc, err, unit) : 0;
	}
	(void)s->f.bus_message_unref(m);
	return rc;
}
