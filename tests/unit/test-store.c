/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's directory says of it, whole or damaged.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "proc.h"
#include "store.h"

static void put(int root, const char *id, const char *name, const char *text)
{
	struct cps_err err = { 0 };
	int dir;

	(void)mkdirat(root, id, 0700);
	dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	ck_assert_ok(cps_file_replace(dir, name, text, strlen(text), 0600, &err), err);
	close(dir);
}

/* state.json of a process that lives: this one. */
static void put_alive(int root, const char *id, int64_t start_offset, const char *boot)
{
	struct cps_err err = { 0 };
	char text[512], id_now[37];
	uint64_t ticks;

	ck_assert_int_eq(cps_proc_start_time(getpid(), &ticks), 0);
	ck_assert_ok(cps_boot_id(id_now, &err), err);
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.2.0\",\"id\":\"%s\",\"pid\":%d,\"startTime\":%" PRIu64
		 ",\"bootId\":\"%s\",\"bundle\":\"/b\",\"created\":\"2026-11-21T20:45:35Z\"}",
		 id, getpid(), ticks + (uint64_t)start_offset, boot ? boot : id_now);
	put(root, id, "state.json", text);
}

static struct sup_container load(int root, const char *id, struct cps_arena *a)
{
	struct sup_container c;
	struct cps_err err = { 0 };

	ck_assert_ok(sup_container_load(root, id, a, &c, &err), err);
	return c;
}

START_TEST(status)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	int root = unit_dir(), dir, gate;
	struct sup_container c;

	put_alive(root, "c1", 0, NULL);
	c = load(root, "c1", &a);
	ck_assert_int_eq(c.status, SUP_STATUS_RUNNING);
	ck_assert_int_eq(c.init.pid, getpid());
	ck_assert_str_eq(c.bundle, "/b");
	ck_assert_str_eq(c.created, "2026-11-21T20:45:35Z");

	/* somebody waits at the gate */
	dir = openat(root, "c1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gate = cps_sock_listen(dir, "gate.sock", 0, 4);
	ck_assert_int_ge(gate, 0);
	ck_assert_int_eq(load(root, "c1", &a).status, SUP_STATUS_CREATED);
	close(gate);
	ck_assert_int_eq(load(root, "c1", &a).status, SUP_STATUS_RUNNING);

	put(root, "c1", "exit.json", "{\"code\":3,\"signal\":0}");
	c = load(root, "c1", &a);
	ck_assert_int_eq(c.status, SUP_STATUS_STOPPED);
	ck_assert_ptr_nonnull(c.exit_json);
	close(dir);
	close(root);
}
END_TEST

START_TEST(pid_reuse)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	int root = unit_dir();

	put_alive(root, "later", 1, NULL); /* the pid is there, but not since then */
	ck_assert_int_eq(load(root, "later", &a).status, SUP_STATUS_STOPPED);
	put_alive(root, "reboot", 0, "00000000-0000-0000-0000-000000000000");
	ck_assert_int_eq(load(root, "reboot", &a).status, SUP_STATUS_STOPPED);
	close(root);
}
END_TEST

START_TEST(shim_facts)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	int root = unit_dir(), dir, sock;
	char text[128];
	uint64_t ticks;
	struct sup_container c;

	ck_assert_int_eq(cps_proc_start_time(getpid(), &ticks), 0);
	snprintf(text, sizeof(text), "{\"pid\":%d,\"start_time\":%" PRIu64 ",\"bundle\":\"/s\"}",
		 getpid(), ticks);
	put(root, "c1", "shim.json", text);
	c = load(root, "c1", &a);
	ck_assert(c.shim_alive);
	ck_assert_int_eq(c.status, SUP_STATUS_CREATING);
	ck_assert_str_eq(c.bundle, "/s");

	/* too early for shim.json, but its socket answers */
	put(root, "c2", "lock", "");
	ck_assert_int_eq(load(root, "c2", &a).status, SUP_STATUS_BROKEN);
	dir = openat(root, "c2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sock = cps_sock_listen(dir, "shim.sock", 0, 4);
	ck_assert_int_eq(load(root, "c2", &a).status, SUP_STATUS_CREATING);
	close(sock);
	close(dir);
	close(root);
}
END_TEST

/* Where there is a lock, it alone decides whether the shim lives. */
START_TEST(shim_lock)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	int root = unit_dir(), lock;
	char text[128];
	uint64_t ticks;

	ck_assert_int_eq(cps_proc_start_time(getpid(), &ticks), 0);
	snprintf(text, sizeof(text), "{\"pid\":%d,\"start_time\":%" PRIu64 "}", getpid(), ticks);
	put(root, "c1", "shim.json", text);
	put(root, "c1", "shim.lock", "");
	ck_assert(!load(root, "c1", &a).shim_alive);
	lock = openat(root, "c1/shim.lock", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	ck_assert(load(root, "c1", &a).shim_alive);
	put(root, "c1", "shim.json", "{\"pid\":4000000,\"start_time\":1}");
	ck_assert(load(root, "c1", &a).shim_alive);
	close(lock);
	ck_assert(!load(root, "c1", &a).shim_alive);
	close(root);
}
END_TEST

START_TEST(unknown_exit)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	int root = unit_dir();
	struct sup_container c;

	put(root, "c1", "state.json", "{\"pid\":4000000,\"startTime\":1}");
	c = load(root, "c1", &a);
	ck_assert_int_eq(c.status, SUP_STATUS_STOPPED);
	ck_assert(sup_exit_is_unknown(&c));
	put(root, "c1", "exit.json", "{\"code\":255,\"signal\":0,\"known\":false}");
	c = load(root, "c1", &a);
	ck_assert(sup_exit_is_unknown(&c));
	put(root, "c1", "exit.json", "{\"code\":255,\"signal\":0,\"known\":true}");
	c = load(root, "c1", &a);
	ck_assert(!sup_exit_is_unknown(&c));

	/* the shim died before the runtime had answered: nobody can go on with that */
	put(root, "c2", "state.json", "{\"pid\":4000000,\"startTime\":1}");
	put(root, "c2", "shim.json", "{\"pid\":4000000,\"start_time\":1,\"phase\":\"creating\"}");
	ck_assert_int_eq(load(root, "c2", &a).status, SUP_STATUS_BROKEN);
	close(root);
}
END_TEST

START_TEST(damage)
{
	static const char *const noise[] = {
		"",
		"{",
		"{\"pid\":12",
		"[]",
		"null",
		"\x7f\x45\x4c\x46",
		"{\"pid\":-1}",
		"{\"pid\":1e3,\"startTime\":1}",
		"{\"pid\":4294967297,\"startTime\":1}",
		"{\"pid\":1}",
		"{\"pid\":1,\"startTime\":\"x\"}",
		"{\"pid\":1,\"startTime\":1,\"bundle\":7}",
		"{\"pid\":1,\"startTime\":1,\"bootId\":[]}",
	};
	int root = unit_dir();

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		struct sup_container c;

		put(root, "c1", "state.json", noise[i]);
		c = load(root, "c1", &a);
		ck_assert_msg(c.status == SUP_STATUS_BROKEN, "'%s' is taken", noise[i]);
		ck_assert_ptr_nonnull(strstr(c.broken, "state.json"));
	}
	close(root);
}
END_TEST

START_TEST(listing)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	const char **ids;
	int root = unit_dir();
	size_t n;
	unsigned fds;

	put(root, "b", "lock", "");
	put(root, "a", "lock", "");
	put(root, "data", "something", ""); /* --data-root below --root */
	put(root, ".seccomp", "x", "");
	close(openat(root, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(symlinkat("a", root, "link"), 0);
	fds = unit_fd_count();
	for (int again = 0; again < 2; again++) { /* the same descriptor can be read twice */
		ck_assert_ok(sup_store_list(root, &a, &ids, &n, &err), err);
		ck_assert_uint_eq(n, 2);
		ck_assert_str_eq(ids[0], "a");
		ck_assert_str_eq(ids[1], "b");
	}
	ck_assert_uint_eq(unit_fd_count(), fds);
	put(root, "data", "shim.json", "{}"); /* a container may have the name */
	ck_assert_ok(sup_store_list(root, &a, &ids, &n, &err), err);
	ck_assert_uint_eq(n, 3);
	close(root);
}
END_TEST

START_TEST(absent)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sup_container c;
	struct cps_err err = { 0 };
	int root = unit_dir(), fd;

	ck_assert_err(sup_container_load(root, "no", &a, &c, &err), ENOENT, err,
		      "no such container");
	ck_assert_err(sup_container_open("/nonexistent", "no", &a, &fd, &c, &err), ENOENT, err,
		      "no such container: 'no'");
	ck_assert_err(sup_container_open("/nonexistent", "../x", &a, &fd, &c, &err), EINVAL, err,
		      "'../x' is no container's name");
	close(root);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { status, pid_reuse, shim_facts, shim_lock, unknown_exit,
				       damage, listing,	  absent,     NULL };

	return unit_main("store", tests);
}
