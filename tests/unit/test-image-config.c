/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's configuration, as builders write it and as an attacker may; a container's record.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "container-record.h"
#include "image-config.h"
#include "unit.h"

static int parse(struct cps_arena *a, const char *text, struct sto_image_config *ret,
		 struct cps_err *err)
{
	return sto_image_config_parse(a, text, strlen(text), ret, err);
}

static void check_refused(const char *config, const char *what)
{
	struct cps_arena a = CPS_ARENA_INIT;
	struct sto_image_config c = { .user = "untouched" };
	struct cps_buf b = CPS_BUF_INIT;
	struct cps_err err = { 0 };

	cps_buf_printf(&b, "{\"config\":%s}", config);
	ck_assert_err(parse(&a, b.data, &c, &err), EINVAL, err, what);
	ck_assert_str_eq(c.user, "untouched");
	cps_buf_done(&b);
	cps_arena_done(&a);
}

START_TEST(everything)
{
	static const char text[] =
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{"
		"\"Entrypoint\":[\"/entry.sh\"],\"Cmd\":[\"redis-server\",\"\"],"
		"\"Env\":[\"PATH=/bin\",\"EMPTY=\",\"A=b=c\"],\"User\":\"redis:1000\","
		"\"WorkingDir\":\"/data\",\"Volumes\":{\"/data\":{},\"/logs/\":null},"
		"\"ExposedPorts\":{\"6379/tcp\":{},\"53/udp\":{},\"7000-7009\":{}},"
		"\"Labels\":{\"a\":\"b\",\"c\":\"\"},\"StopSignal\":\"SIGQUIT\","
		"\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"redis-cli ping\"],"
		"\"Interval\":1500000000,\"Timeout\":1,\"Retries\":3}}}";
	struct cps_arena a = CPS_ARENA_INIT;
	struct sto_image_config c;
	struct cps_err err = { 0 };

	ck_assert_ok(parse(&a, text, &c, &err), err);
	ck_assert_uint_eq(c.entrypoint.n, 1);
	ck_assert_str_eq(c.entrypoint.v[0], "/entry.sh");
	ck_assert_uint_eq(c.cmd.n, 2);
	ck_assert_ptr_null(c.cmd.v[2]);
	ck_assert_uint_eq(c.env.n, 3);
	ck_assert_str_eq(c.user, "redis:1000");
	ck_assert_str_eq(c.cwd, "/data");
	ck_assert_uint_eq(c.volumes.n, 2);
	ck_assert_uint_eq(c.ports.n, 3);
	ck_assert_uint_eq(c.labels.n, 2);
	ck_assert_str_eq(c.labels.v[1].value, "");
	ck_assert_str_eq(c.stop_signal, "SIGQUIT");
	ck_assert(c.health.set && c.health.shell && !c.health.off);
	ck_assert_str_eq(c.health.test.v[0], "redis-cli ping");
	ck_assert_int_eq(c.health.interval_ms, 1500);
	ck_assert_int_eq(c.health.timeout_ms, 1);
	ck_assert_int_eq(c.health.retries, 3);
	ck_assert_str_eq(c.os, "linux");
	cps_arena_done(&a);
}
END_TEST

START_TEST(nothing)
{
	static const char *const texts[] = {
		"{}",
		"{\"config\":null}",
		"{\"config\":{}}",
		"{\"config\":{\"Entrypoint\":null,\"Cmd\":null,\"Env\":null,\"User\":\"\","
		"\"WorkingDir\":\"\",\"Volumes\":null,\"Labels\":null,\"Healthcheck\":null,"
		"\"StopSignal\":\"\",\"Unknown\":7}}",
		"{\"config\":{\"Healthcheck\":{}}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cps_arena a = CPS_ARENA_INIT;
		struct sto_image_config c;
		struct cps_err err = { 0 };

		ck_assert_ok(parse(&a, texts[i], &c, &err), err);
		ck_assert(!c.entrypoint.v && !c.cmd.v && !c.user && !c.cwd && !c.health.set);
		cps_arena_done(&a);
	}
}
END_TEST

START_TEST(health_off)
{
	struct cps_arena a = CPS_ARENA_INIT;
	struct sto_image_config c;
	struct cps_err err = { 0 };

	ck_assert_ok(parse(&a, "{\"config\":{\"Healthcheck\":{\"Test\":[\"NONE\"]}}}", &c, &err),
		     err);
	ck_assert(c.health.set && c.health.off);
	cps_arena_done(&a);
}
END_TEST

START_TEST(refused)
{
	check_refused("[]", "config: expected an object");
	check_refused("{\"Cmd\":\"sh\"}", "config.Cmd: expected an array");
	check_refused("{\"Cmd\":[\"a\\u0000b\"]}", "config.Cmd[0]: a NUL");
	check_refused("{\"Entrypoint\":[1]}", "config.Entrypoint[0]: expected a string");
	check_refused("{\"Env\":[\"A=1\",\"B\"]}", "config.Env[1]: not NAME=VALUE");
	check_refused("{\"Env\":[\"=1\"]}", "config.Env[0]");
	check_refused("{\"User\":\"a\\nroot\"}", "config.User: a blank or control");
	check_refused("{\"User\":\"a b\"}", "config.User");
	check_refused("{\"User\":7}", "config.User: expected a string");
	check_refused("{\"WorkingDir\":\"data\"}", "not absolute");
	check_refused("{\"Volumes\":[\"/a\"]}", "config.Volumes: expected an object");
	check_refused("{\"Volumes\":{\"data\":{}}}", "'data' is none");
	check_refused("{\"Volumes\":{\"/\":{}}}", "'/' is none");
	check_refused("{\"Volumes\":{\"/a/../../b\":{}}}", "is none");
	check_refused("{\"Volumes\":{\"/a/..\":{}}}", "is none");
	check_refused("{\"ExposedPorts\":{\"0\":{}}}", "config.ExposedPorts: '0' is none");
	check_refused("{\"ExposedPorts\":{\"80/icmp\":{}}}", "is none");
	check_refused("{\"ExposedPorts\":{\"90-80\":{}}}", "is none");
	check_refused("{\"ExposedPorts\":{\"65536\":{}}}", "is none");
	check_refused("{\"Labels\":{\"a\":1}}", "config.Labels.a: expected a string");
	check_refused("{\"StopSignal\":\"SIGNOPE\"}", "no such signal");
	check_refused("{\"Healthcheck\":{\"Test\":[\"SHELL\",\"x\"]}}", "no kind of test");
	check_refused("{\"Healthcheck\":{\"Test\":[\"CMD\"]}}", "no command for CMD");
	check_refused("{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\",\"b\"]}}", "CMD-SHELL");
	check_refused("{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":-1}}", "Interval");
	check_refused("{\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Retries\":1e3}}", "Retries");
}
END_TEST

/* `one`, so often that it is too much */
static void check_too_many(const char *open, const char *format, const char *close, unsigned n)
{
	struct cps_buf b = CPS_BUF_INIT;

	cps_buf_puts(&b, open);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			cps_buf_puts(&b, ",");
		if (format[0] == '/')
			cps_buf_printf(&b, "\"/v%u\":{}", i);
		else
			cps_buf_puts(&b, format);
	}
	cps_buf_puts(&b, close);
	check_refused(b.data, "more than");
	cps_buf_done(&b);
}

START_TEST(too_much)
{
	struct cps_buf b = CPS_BUF_INIT;

	check_too_many("{\"Cmd\":[", "\"a\"", "]}", 4097);
	check_too_many("{\"Env\":[", "\"a=b\"", "]}", 4097);
	check_too_many("{\"Volumes\":{", "/", "}}", 257);
	cps_buf_puts(&b, "{\"Cmd\":[\"");
	for (int i = 0; i < 131072; i++)
		cps_buf_puts(&b, "a");
	cps_buf_puts(&b, "\"]}");
	check_refused(b.data, "config.Cmd[0]: longer");
	cps_buf_done(&b);
	cps_buf_puts(&b, "{\"User\":\"");
	for (int i = 0; i < 257; i++)
		cps_buf_puts(&b, "9");
	cps_buf_puts(&b, "\"}");
	check_refused(b.data, "config.User: longer");
	cps_buf_done(&b);
}
END_TEST

START_TEST(destinations)
{
	ck_assert(sto_is_destination("/data"));
	ck_assert(sto_is_destination("/a/b.c/..d/e.."));
	ck_assert(!sto_is_destination(""));
	ck_assert(!sto_is_destination("/"));
	ck_assert(!sto_is_destination("//./"));
	ck_assert(!sto_is_destination("data"));
	ck_assert(!sto_is_destination("/../etc"));
	ck_assert(!sto_is_destination("/a/.."));
	ck_assert(!sto_is_destination("/a\nb"));
}
END_TEST

START_TEST(record_there_and_back)
{
	static const char *words[] = { "sh", "-c", "echo \"x\"\n", NULL };
	static const char *none[] = { NULL };
	const struct sto_pair label = { "k", "v" };
	const struct sto_record_mount mounts[] = {
		{ "bind", NULL, "/host", "/data", true, false },
		{ "volume", "v1", NULL, "/logs", false, true },
	};
	const struct sto_record_link link = { "mysql", "db" };
	const struct sto_record r = {
		.id = "web",
		.image = "demo:latest",
		.layers = { 0, none },
		.created = "2026-01-01T00:00:00Z",
		.command = { 3, words },
		.labels = { 1, &label },
		.nmounts = 2,
		.mounts = mounts,
		.network = "capsule_bridge0",
		.nlinks = 1,
		.links = &link,
		.rm = true,
	};
	struct cps_arena a = CPS_ARENA_INIT;
	struct sto_record back = { 0 };
	struct cps_err err = { 0 };
	int dir = unit_dir();

	ck_assert_int_eq(sto_record_read(dir, &a, &back, &err), -ENOENT);
	ck_assert_ok(sto_record_write(dir, &r, &err), err);
	ck_assert_ok(sto_record_read(dir, &a, &back, &err), err);
	ck_assert_str_eq(back.id, "web");
	ck_assert_ptr_null(back.image_id);
	ck_assert_uint_eq(back.command.n, 3);
	ck_assert_str_eq(back.command.v[2], "echo \"x\"\n");
	ck_assert_str_eq(back.labels.v[0].key, "k");
	ck_assert_uint_eq(back.nmounts, 2);
	ck_assert(back.mounts[0].readonly && !back.mounts[0].anonymous && !back.mounts[0].name);
	ck_assert(!back.mounts[1].readonly && back.mounts[1].anonymous);
	ck_assert_str_eq(back.mounts[1].name, "v1");
	ck_assert_str_eq(back.links[0].alias, "db");
	ck_assert(back.rm && !back.privileged);
	unit_put(dir, STO_RECORD_FILE, "{\"volumes\":[{}]}");
	ck_assert_err(sto_record_read(dir, &a, &back, &err), EINVAL, err, "volumes[0]");
	cps_arena_done(&a);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { everything,
				       nothing,
				       health_off,
				       refused,
				       too_much,
				       destinations,
				       record_there_and_back,
				       NULL };

	return unit_main("image-config", tests);
}
