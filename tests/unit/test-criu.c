/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to CRIU, what it answers, and directories of images that mean ill. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "images.h"
#include "message.h"
#include "mountinfo.h"
#include "mounts.h"
#include "options.h"
#include "own.h"
#include "swrk.h"
#include "unit.h"

/* -- messages ------------------------------------------------------------------------------- */

static Criu__Request *packed(const struct criu_message *m)
{
	const uint8_t *data = NULL;
	struct cps_err err = { 0 };
	Criu__Request *r;
	size_t len;

	ck_assert_ok(criu_message_pack(m, &data, &len, &err), err);
	r = criu__request__unpack(NULL, len, data);
	ck_assert_ptr_nonnull(r);
	return r;
}

START_TEST(test_request)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct criu_message m;
	Criu__Request *r;

	criu_message_init(&m, CRIU__KIND__RESTORE, &a);
	m.options.images_fd = 5;
	for (int i = 0; i < 9; i++) {
		char key[8] = { '/', (char)('a' + i) };

		criu_message_mount(&m, key, "/host");
	}
	criu_message_mount(&m, "/c", "/other");
	criu_message_external(&m, "net[7]:extRootNetNS");
	criu_message_external(&m, "file[1:2]");
	criu_message_inherit(&m, "pipe:[17]", 1);
	criu_message_join(&m, "ipc", "/proc/1/ns/ipc");
	criu_message_cgroup_root(&m, "", "/c1");
	r = packed(&m);
	ck_assert_int_eq(r->kind, 2);
	ck_assert_ptr_nonnull(r->options);
	ck_assert_ptr_null(r->features);
	ck_assert_int_eq(r->options->images_fd, 5);
	/* a key that is there counts */
	ck_assert_uint_eq(r->options->n_external_mounts, 9);
	ck_assert_str_eq(r->options->external_mounts[2]->key, "/c");
	ck_assert_str_eq(r->options->external_mounts[2]->value, "/host");
	ck_assert_str_eq(r->options->external_mounts[8]->key, "/i");
	ck_assert_uint_eq(r->options->n_external, 2);
	ck_assert_str_eq(r->options->external[1], "file[1:2]");
	ck_assert_str_eq(r->options->inherited[0]->key, "pipe:[17]");
	ck_assert_int_eq(r->options->inherited[0]->fd, 1);
	ck_assert_str_eq(r->options->join_namespaces[0]->kind, "ipc");
	ck_assert_str_eq(r->options->cgroup_roots[0]->path, "/c1");
	ck_assert_ptr_null(r->options->page_server);
	criu__request__free_unpacked(r, NULL);
}
END_TEST

/* The bytes are CRIU's, not ours: field numbers and wire types, once by hand. */
START_TEST(test_wire)
{
	static const uint8_t version[] = { 0x08, 10, 0x20, 1 };	     /* type, keep_open */
	static const uint8_t dump[] = { 0x08, 1, 0x12, 2, 0x08, 7 }; /* type, opts.images_dir_fd */
	static const uint8_t yes[] = { 0x08, 6, 0x18, 1 }, no[] = { 0x08, 6, 0x18, 0 };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	const uint8_t *data = NULL;
	struct criu_message m;
	uint8_t buf[16];
	size_t len;

	criu_message_init(&m, CRIU__KIND__VERSION, &a);
	m.request.has_keep_open = m.request.keep_open = true;
	ck_assert_ok(criu_message_pack(&m, &data, &len, &err), err);
	ck_assert_uint_eq(len, sizeof(version));
	ck_assert_mem_eq(data, version, len);
	criu_message_init(&m, CRIU__KIND__DUMP, &a);
	m.options.images_fd = 7;
	ck_assert_ok(criu_message_pack(&m, &data, &len, &err), err);
	ck_assert_uint_eq(len, sizeof(dump));
	ck_assert_mem_eq(data, dump, len);
	ck_assert_uint_eq(criu_message_pack_reply(true, buf, sizeof(buf)), sizeof(yes));
	ck_assert_mem_eq(buf, yes, sizeof(yes));
	ck_assert_uint_eq(criu_message_pack_reply(false, buf, sizeof(buf)), sizeof(no));
	ck_assert_mem_eq(buf, no, sizeof(no));
	ck_assert_uint_eq(criu_message_pack_reply(true, buf, 2), 0);
}
END_TEST

static int parse(const char *bytes, size_t len, struct criu_answer *ret, struct cps_err *err)
{
	return criu_answer_parse(bytes, len, ret, err);
}

#define PARSE(text) parse(text, sizeof(text) - 1, &answer, &err)

START_TEST(test_answers)
{
	struct criu_answer answer;
	struct cps_err err = { 0 };

	ck_assert_ok(PARSE("\x08\x02\x10\x01\x22\x03\x08\xd2\x09"), err);
	ck_assert_int_eq(answer.kind, CRIU__KIND__RESTORE);
	ck_assert(answer.success);
	ck_assert_int_eq(answer.pid, 1234);
	ck_assert_ok(PARSE("\x08\x01\x10\x00\x38\x16\x4a\x04no\x1b\n"), err);
	ck_assert(!answer.success);
	ck_assert_int_eq(answer.error_number, 22);
	ck_assert_str_eq(answer.error_text, "no??");
	ck_assert_ok(PARSE("\x08\x06\x10\x01\x2a\x0d\x0a\x09post-dump\x10\x07"), err);
	ck_assert_str_eq(answer.script, "post-dump");
	ck_assert_int_eq(answer.pid, 7);
	ck_assert_ok(PARSE("\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01"), err);
	ck_assert_uint_eq(answer.version, 31701);
	ck_assert_ok(PARSE("\x08\x09\x10\x01\x42\x04\x08\x01\x10\x00"), err);
	ck_assert(answer.memory_tracking);
	ck_assert(!answer.lazy_pages);
	/* none at all, half of one, without what it must have */
	ck_assert_err(PARSE(""), EPROTO, err, "cannot be read");
	ck_assert_err(PARSE("\x08"), EPROTO, err, "cannot be read");
	ck_assert_err(PARSE("\x08\x02\x10\x01\x22\x7f\x08"), EPROTO, err, "cannot be read");
	ck_assert_err(PARSE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), EPROTO, err,
		      "cannot be read");
	ck_assert_err(PARSE("\x08\x02\x10\x01"), EPROTO, err, "which process");
	ck_assert_err(PARSE("\x08\x02\x10\x01\x22\x02\x08\x00"), EPROTO, err, "which process");
	ck_assert_err(PARSE("\x08\x02\x10\x01\x22\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		      EPROTO, err, "which process");
	ck_assert_err(PARSE("\x08\x06\x10\x01"), EPROTO, err, "tells of nothing");
	ck_assert_err(PARSE("\x08\x0a\x10\x01"), EPROTO, err, "which version");
	ck_assert_str_eq(criu_kind_name(CRIU__KIND__PRE_DUMP), "PRE_DUMP");
	ck_assert_str_eq(criu_kind_name((Criu__Kind)99), "?");
}
END_TEST

/* Whatever comes, it is an answer or an error. */
START_TEST(test_noise)
{
	static const char good[] = "\x08\x06\x10\x01\x2a\x0d\x0a\x09post-dump\x10\x07\x4a\x02no";
	unsigned seed = 5;

	for (int round = 0; round < 20000; round++) {
		char bytes[sizeof(good)];
		struct criu_answer answer;
		struct cps_err err = { 0 };
		size_t len = (size_t)rand_r(&seed) % sizeof(bytes);
		int rc;

		memcpy(bytes, good, sizeof(bytes));
		for (int i = 0; i < 3; i++)
			bytes[(size_t)rand_r(&seed) % sizeof(bytes)] = (char)rand_r(&seed);
		rc = criu_answer_parse(bytes, len, &answer, &err);
		ck_assert_int_eq(rc, rc < 0 ? -EPROTO : 0);
		if (rc == 0)
			ck_assert_uint_lt(strlen(answer.script), sizeof(answer.script));
	}
}
END_TEST

/* -- the conversation ----------------------------------------------------------------------- */

struct script {
	const char *const *answers;
	const size_t *lens;
	int notified;
	int refuse; /* the one that is refused, from 1 */
};

static int on_notify(void *arg, const struct criu_answer *told, int *fd, struct cps_err *err)
{
	struct script *s = arg;

	(void)told;
	ck_assert_int_eq(*fd, -1);
	return ++s->notified == s->refuse ? cps_failx(err, EBUSY, "not now") : 0;
}

static void say(int sock, const char *bytes, size_t len)
{
	ck_assert_int_eq(send(sock, bytes, len, 0), (ssize_t)len);
}

#define SAY(text) say(pair[1], text, sizeof(text) - 1)

static void hear(int sock, char last)
{
	char buf[256];
	ssize_t n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(buf[n - 1], last);
}

START_TEST(test_conversation)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct criu_answer answer;
	struct cps_err err = { 0 };
	struct criu_message m;
	struct script s = { 0 };
	int pair[2];
	struct criu_swrk w = CRIU_SWRK_INIT;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	w.sock = pair[0];
	criu_message_init(&m, CRIU__KIND__DUMP, &a);
	m.options.images_fd = 7;
	SAY("\x08\x06\x10\x01\x2a\x03\x0a\x01x");
	SAY("\x08\x06\x10\x01\x2a\x03\x0a\x01y");
	SAY("\x08\x01\x10\x01");
	ck_assert_ok(criu_swrk_call(&w, &m, on_notify, &s, &answer, &err), err);
	ck_assert_int_eq(s.notified, 2);
	ck_assert(answer.success);
	hear(pair[1], 7);
	hear(pair[1], 1);
	hear(pair[1], 1);
	/* one is refused: CRIU tidies up with our blessing, and the error is that one's */
	s = (struct script){ .refuse = 1 };
	SAY("\x08\x06\x10\x01\x2a\x03\x0a\x01x");
	SAY("\x08\x06\x10\x01\x2a\x03\x0a\x01y");
	SAY("\x08\x01\x10\x00");
	ck_assert_err(criu_swrk_call(&w, &m, on_notify, &s, &answer, &err), EBUSY, err, "not now");
	ck_assert_int_eq(s.notified, 1);
	hear(pair[1], 7);
	hear(pair[1], 0);
	hear(pair[1], 1);
	/* an answer to something else; a no to nothing in particular; the end */
	SAY("\x08\x04\x10\x01");
	ck_assert_err(criu_swrk_call(&w, &m, on_notify, &s, &answer, &err), EPROTO, err,
		      "PRE_DUMP to DUMP");
	SAY("\x08\x00\x10\x00");
	ck_assert_ok(criu_swrk_call(&w, &m, on_notify, &s, &answer, &err), err);
	ck_assert(!answer.success);
	ck_assert_int_eq(shutdown(pair[1], SHUT_WR), 0);
	ck_assert_err(criu_swrk_call(&w, &m, on_notify, &s, &answer, &err), EPIPE, err,
		      "without an answer");
	close(pair[1]);
	criu_swrk_stop(&w);
	criu_swrk_stop(&w);
}
END_TEST

/* -- options -------------------------------------------------------------------------------- */

static int apply(struct criu_options *o, struct criu_message *m, struct cps_err *err)
{
	static struct cps_arena a;

	criu_message_init(m, CRIU__KIND__DUMP, &a);
	return criu_options_apply(o, m, err);
}

START_TEST(test_options)
{
	struct cps_opt rows[CRIU_OPTION_ROWS];
	const char *names[] = { "network", NULL };
	struct criu_options o;
	struct criu_message m;
	struct cps_err err = { 0 };

	ck_assert_uint_eq(criu_options_rows(&o, rows), CRIU_OPTION_ROWS);
	o.tcp_established = o.leave_running = true;
	o.cgroups_mode = "strict";
	o.parent_path = "../pre";
	o.page_server = "[::1]:27";
	o.empty_ns.count = 1;
	o.empty_ns.values = names;
	ck_assert_ok(apply(&o, &m, &err), err);
	ck_assert(m.options.has_tcp_established && m.options.tcp_established);
	ck_assert(m.options.leave_running && !m.options.file_locks);
	ck_assert_int_eq(m.options.cgroup_mode, 5);
	ck_assert_str_eq(m.options.parent_images, "../pre");
	ck_assert(m.options.track_memory);
	ck_assert_str_eq(m.page_server.address, "::1");
	ck_assert_int_eq(m.page_server.port, 27);
	ck_assert_uint_eq(m.options.empty_namespaces, CLONE_NEWNET);
	names[0] = "pid";
	ck_assert_err(apply(&o, &m, &err), EINVAL, err, "namespace \"pid\" is not supported");
	names[0] = "network";
	o.cgroups_mode = "hard";
	ck_assert_err(apply(&o, &m, &err), EINVAL, err, "Invalid manage cgroups mode: 'hard'");
	o.cgroups_mode = NULL;
	o.page_server = "127.0.0.1";
	ck_assert_err(apply(&o, &m, &err), EINVAL, err, "--page-server");
	o.page_server = "127.0.0.1:0";
	ck_assert_err(apply(&o, &m, &err), EINVAL, err, "--page-server");
	o.page_server = NULL;
	o.lazy_pages = true;
	o.status_fd = "1000";
	ck_assert_err(apply(&o, &m, &err), EBADF, err, "invalid --status-fd argument 1000");
	o.status_fd = "no";
	ck_assert_err(apply(&o, &m, &err), EINVAL, err, "--status-fd 'no'");
}
END_TEST

/* -- directories of images ------------------------------------------------------------------ */

static int check(int dir, const char *name, struct cps_err *err)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return criu_images_check(fd, "images", err);
}

START_TEST(test_images)
{
	int dir = unit_dir();
	struct cps_err err = { 0 };

	unit_make_dir(dir, "im");
	unit_put(dir, "im/core-1.img", "x");
	ck_assert_ok(check(dir, "im", &err), err);
	/* a chain of parents beside each other is what pre-dumps make */
	unit_make_dir(dir, "pre");
	unit_make_dir(dir, "pre0");
	unit_make_link(dir, "../pre", "im/parent");
	unit_make_link(dir, "../pre0", "pre/parent");
	ck_assert_ok(check(dir, "im", &err), err);
	unit_make_link(dir, "/etc/shadow", "pre0/pages-1.img");
	ck_assert_err(check(dir, "im", &err), ELOOP, err, "'pages-1.img' is a symlink");
	ck_assert_int_eq(unlinkat(dir, "pre0/pages-1.img", 0), 0);
	ck_assert_int_eq(mkfifoat(dir, "pre0/fifo", 0600), 0);
	ck_assert_err(check(dir, "im", &err), EINVAL, err, "'fifo' is no file");
	ck_assert_int_eq(unlinkat(dir, "pre0/fifo", 0), 0);
	unit_make_link(dir, "../im", "pre0/parent");
	ck_assert_err(check(dir, "im", &err), ELOOP, err, "chain of more than");
}
END_TEST

static void parent_is(int dir, const char *target, int num, const char *what)
{
	struct cps_err err = { 0 };
	struct criu_images im = { .path = "im" };

	(void)unlinkat(dir, "top/im/parent", 0);
	unit_make_link(dir, target, "top/im/parent");
	ck_assert_err(check(dir, "top/im", &err), num, err, what);
	im.fd = openat(dir, "top/im", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_lt(criu_images_check_parent(&im, target, &err), 0);
	close(im.fd);
}

START_TEST(test_parents)
{
	int dir = unit_dir();

	unit_make_dir(dir, "out");
	unit_make_dir(dir, "top");
	unit_make_dir(dir, "top/im");
	unit_put(dir, "top/file", "");
	unit_make_link(dir, "../out", "top/away");
	parent_is(dir, "/etc", EINVAL, "leads out of");
	parent_is(dir, "../../out", EINVAL, "leads out of");
	parent_is(dir, "../away", EINVAL, "leads out of");
	parent_is(dir, "../im/../../out", EINVAL, "leads out of");
	parent_is(dir, "../none", ENOENT, "'parent'");
	parent_is(dir, "../file", ENOTDIR, "'parent'");
	parent_is(dir, "parent", EINVAL, "'parent'");
}
END_TEST

static int descriptors(int dir, const char *text, const char *ret[CRIU_STDIO], struct cps_err *err)
{
	static struct cps_arena a;

	if (text)
		unit_put(dir, CRIU_DESCRIPTORS, text);
	return criu_descriptors_read(dir, &a, ret, err);
}

START_TEST(test_descriptors)
{
	static const char *const some[CRIU_STDIO] = { "pipe:[1]", "file[1f:a]", "" };
	int dir = unit_dir();
	struct cps_err err = { 0 };
	const char *is[CRIU_STDIO];
	char *big = calloc(1, 70000);

	ck_assert_err(descriptors(dir, NULL, is, &err), ENOENT, err, "whole checkpoint");
	ck_assert_ok(criu_descriptors_write(dir, some, &err), err);
	ck_assert_ok(descriptors(dir, NULL, is, &err), err);
	ck_assert_str_eq(is[0], "pipe:[1]");
	ck_assert_str_eq(is[1], "file[1f:a]");
	ck_assert_ptr_null(is[2]);
	/* what runc writes; what nobody writes is not handed on */
	ck_assert_ok(descriptors(dir, "[\"/dev/null\",\"pipe:[24]\",\"pipe:[24]\"]\n", is, &err),
		     err);
	ck_assert_ptr_null(is[0]);
	ck_assert_str_eq(is[2], "pipe:[24]");
	ck_assert_ok(descriptors(dir, "[\"pipe:[x]\",\"pipe:[1]y\",\"extRootNetNS\",\"pipe:[1]\"]",
				 is, &err),
		     err);
	for (int i = 0; i < CRIU_STDIO; i++)
		ck_assert_ptr_null(is[i]);
	ck_assert_ok(
		descriptors(dir, "[\"file[1:]\",\"file[:1]\",\"file[123456789:1]\"]", is, &err),
		err);
	for (int i = 0; i < CRIU_STDIO; i++)
		ck_assert_ptr_null(is[i]);
	ck_assert_err(descriptors(dir, "{}", is, &err), EINVAL, err, CRIU_DESCRIPTORS);
	ck_assert_err(descriptors(dir, "[1]", is, &err), EINVAL, err, CRIU_DESCRIPTORS);
	ck_assert_err(descriptors(dir, "[\"a", is, &err), EINVAL, err, CRIU_DESCRIPTORS);
	memset(big, '[', 69999);
	ck_assert_err(descriptors(dir, big, is, &err), EFBIG, err, CRIU_DESCRIPTORS);
	free(big);
	ck_assert_int_eq(unlinkat(dir, CRIU_DESCRIPTORS, 0), 0);
	unit_put(dir, "elsewhere", "[]");
	unit_make_link(dir, "elsewhere", CRIU_DESCRIPTORS);
	ck_assert_int_eq(descriptors(dir, NULL, is, &err), -ELOOP);
	ck_assert_int_eq(unlinkat(dir, CRIU_DESCRIPTORS, 0), 0);
	ck_assert_int_eq(mkfifoat(dir, CRIU_DESCRIPTORS, 0600), 0);
	ck_assert_err(descriptors(dir, NULL, is, &err), EINVAL, err, "is no file");
}
END_TEST

START_TEST(test_log)
{
	int dir = unit_dir();
	char text[64];

	criu_log_error(dir, "dump.log", text, sizeof(text));
	ck_assert_str_eq(text, "");
	unit_put(
		dir, "dump.log",
		"(00.1) tun: not an Error of CRIU's\n(00.1) Error (criu/tun.c:1): tun: nothing\n"
		"(00.2) Error (criu/util.c:6): exited, status=1\n"
		"(00.2) Error (criu/mount.c:3): mnt: a \x1b[1m b\n(00.3) Error (criu/x.c:1): next\n"
		"(00.4) Error (criu/x.c:1): much too long for the rest of the place that there "
		"is\n");
	criu_log_error(dir, "dump.log", text, sizeof(text));
	ck_assert_str_eq(text, "mnt: a ?[1m b; next");
	ck_assert_int_eq(unlinkat(dir, "dump.log", 0), 0);
	unit_make_link(dir, "/etc/passwd", "dump.log");
	criu_log_error(dir, "dump.log", text, sizeof(text));
	ck_assert_str_eq(text, "");
}
END_TEST

/* -- mounts --------------------------------------------------------------------------------- */

static const struct rt_spec *spec_of(struct cps_arena *a, const char *text)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0 };

	ck_assert_ok(rt_spec_parse(a, text, strlen(text), "/", NULL, &spec, &err), err);
	return spec;
}

START_TEST(test_mounts)
{
	static const struct rt_cgroup cg = { .layout = RT_CGROUP_V1,
					     .ndirs = 2,
					     .dirs = { { "memory", "/cg/memory", "/c1" },
						       { "name=systemd", "/cg/systemd", "/c1" } } };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct rt_spec *spec = spec_of(
		&a, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/"
		    "\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},\"mounts\":["
		    "{\"destination\":\"//data/./x/\",\"source\":\"/usr/../etc\",\"options\":["
		    "\"rbind\"]},"
		    "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
		    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\"}]}");
	struct cps_err err = { 0 };
	struct criu_message m;
	Criu__Mount **is;

	criu_message_init(&m, CRIU__KIND__RESTORE, &a);
	ck_assert_ok(criu_mounts_restore(&m, spec, &cg, &err), err);
	is = m.options.external_mounts;
	ck_assert_uint_eq(m.options.n_external_mounts, 4);
	ck_assert_str_eq(is[0]->key, "/data/x");
	ck_assert_str_eq(is[0]->value, "/etc");
	ck_assert_str_eq(is[1]->key, "/sys/fs/cgroup/memory");
	ck_assert_str_eq(is[1]->value, "/cg/memory/c1");
	ck_assert_str_eq(is[2]->key, "/sys/fs/cgroup/systemd");
	ck_assert_str_eq(is[3]->key, "/dev/null");
	spec = spec_of(&a, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/"
			   "\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},\"mounts\":[{"
			   "\"destination\":\"/d\",\"source\":\"/none\",\"options\":[\"bind\"]}]}");
	criu_message_init(&m, CRIU__KIND__RESTORE, &a);
	ck_assert_err(criu_mounts_restore(&m, spec, &cg, &err), ENOENT, err, "mounts: /d: bind");
}
END_TEST

struct found {
	char text[256];
};

static void on_found(void *arg, const char *path)
{
	struct found *f = arg;

	(void)strncat(f->text, path, sizeof(f->text) - strlen(f->text) - 1);
	(void)strncat(f->text, ";", sizeof(f->text) - strlen(f->text) - 1);
}

START_TEST(test_mountinfo)
{
	static const char text[] = "1 0 0:1 / / rw - ext4 x rw\n"
				   "2 1 0:2 / /a rw - tmpfs x rw\n"
				   "3 2 0:3 / /a/b\\040c rw - tmpfs x rw\n"
				   "4 1 0:4 / /ab rw - tmpfs x rw\n"
				   "5 3 0:5 / /a/b\\040c/\\134\\9 rw - tmpfs x rw\n"
				   "short line\n";
	struct found f = { "" };
	char copy[sizeof(text)];

	memcpy(copy, text, sizeof(text));
	criu_mountinfo_scan(copy, "/a", on_found, &f);
	ck_assert_str_eq(f.text, "/a/b c;/a/b c/\\\\9;");
	memcpy(copy, text, sizeof(text));
	f.text[0] = '\0';
	criu_mountinfo_scan(copy, "/", on_found, &f);
	ck_assert_str_eq(f.text, "/a;/a/b c;/ab;/a/b c/\\\\9;");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		test_request, test_wire,      test_answers, test_noise,	      test_conversation,
		test_options, test_images,    test_parents, test_descriptors, test_log,
		test_mounts,  test_mountinfo, NULL,
	};

	return unit_main("criu", tests);
}
