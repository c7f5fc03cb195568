/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of containerd's shim that can be had alone: names of sockets, what a bundle says, a
 * process to be executed, stdio.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint.h"
#include "file.h"
#include "bundle-log.h"
#include "message.h"
#include "metrics.pb-c.h"
#include "options.h"
#include "own.h"
#include "sha256.h"
#include "stats.h"
#include "streams.h"

START_TEST(sha256_of_the_standard_s_examples)
{
	static const char million[] =
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	cleanup_free char *text = malloc(1000000);
	char got[TASK_SHA256_SIZE];

	task_sha256("", 0, got);
	ck_assert_str_eq(got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	task_sha256("abc", 3, got);
	ck_assert_str_eq(got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	task_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, got);
	ck_assert_str_eq(got, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	ck_assert_ptr_nonnull(text);
	memset(text, 'a', 1000000);
	task_sha256(text, 1000000, got);
	ck_assert_str_eq(got, million);
}
END_TEST

static void dir_path(int dir, char buf[64])
{
	(void)snprintf(buf, 64, "/proc/self/fd/%d", dir);
}

START_TEST(what_a_bundle_says)
{
	int dir = unit_dir();
	char path[64];
	bool own = false;
	struct cps_err err;
	char *text;

	dir_path(dir, path);
	ck_assert_err(task_bundle_look(path, &own, &err), ENOENT, err, "no config.json");
	unit_put(dir, "config.json",
		 "{\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"}]}}");
	ck_assert_ok(task_bundle_look(path, &own, &err), err);
	ck_assert(own);
	ck_assert_ptr_null(task_bundle_group(path));
	own = false;
	unit_put(dir, "config.json",
		 "{\"linux\":{\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"}]},"
		 "\"annotations\":{\"io.kubernetes.cri.sandbox-id\":\"pod1\"}}");
	ck_assert_ok(task_bundle_look(path, &own, &err), err);
	ck_assert(!own);
	text = task_bundle_group(path);
	ck_assert_str_eq(text, "pod1");
	free(text);

	ck_assert_ptr_null(task_root_load(path));
	ck_assert_ok(task_root_save(path, "/run/somewhere", &err), err);
	text = task_root_load(path);
	ck_assert_str_eq(text, "/run/somewhere");
	free(text);
	cps_close(&dir);
}
END_TEST

static int spec_of(const char *json, bool terminal, char **ret, struct cps_err *err)
{
	Task__ExecRequest r = TASK__EXEC_REQUEST__INIT;
	Wire__Any any = WIRE__ANY__INIT;

	any.value.data = (uint8_t *)(uintptr_t)json;
	any.value.len = strlen(json);
	r.spec = &any;
	r.terminal = terminal;
	return task_process_spec(&r, ret, err);
}

START_TEST(the_request_says_whether_there_is_a_terminal)
{
	struct cps_err err;
	char *text = NULL;

	ck_assert_ok(
		spec_of("{\"terminal\":true,\"args\":[\"a\"],\"cwd\":\"/\"}", false, &text, &err),
		err);
	ck_assert_str_eq(text, "{\"terminal\":false,\"args\":[\"a\"],\"cwd\":\"/\"}");
	free(text);
	ck_assert_ok(spec_of("{}", true, &text, &err), err);
	ck_assert_str_eq(text, "{\"terminal\":true}");
	free(text);
	ck_assert_err(spec_of("[]", true, &text, &err), EINVAL, err, "exec: process");
	ck_assert_err(spec_of("", true, &text, &err), EINVAL, err, "exec: process");
}
END_TEST

START_TEST(other_runtimes_are_driven_by_ourselves)
{
	struct cps_err err;
	char foreign[256];
	struct stat st[2];
	char self[64];
	int fd = -1;

	ck_assert_err(task_runtime_open("no-such-runtime", foreign, sizeof(foreign), &fd, &err),
		      ENOENT, err, "not found in PATH");
	ck_assert_err(task_runtime_open("/no/such/runtime", foreign, sizeof(foreign), &fd, &err),
		      ENOENT, err, "not found");
	ck_assert_int_eq(fd, -1);
	ck_assert_ok(task_runtime_open("/bin/sh", foreign, sizeof(foreign), &fd, &err), err);
	ck_assert_ptr_nonnull(strstr(foreign, "/bin/"));
	/* by a clone of its mount, or a copy */
	(void)snprintf(self, sizeof(self), "/proc/%d/exe", (int)getpid());
	ck_assert_int_eq(fstat(fd, &st[0]), 0);
	ck_assert_int_eq(stat(self, &st[1]), 0);
	ck_assert_int_eq(st[0].st_size, st[1].st_size);
	cps_close(&fd);
}
END_TEST

/* Nobody has a logger here. */
static const struct task_streams_host host;

static void fifos_make(const char *path, char names[3][96])
{
	static const char *const ends[] = { "in", "out", "err" };

	for (int i = 0; i < 3; i++) {
		(void)snprintf(names[i], 96, "%s/%s", path, ends[i]);
		ck_assert_int_eq(mkfifo(names[i], 0600), 0);
	}
}

/* A client opens one FIFO after the other. What was opened meanwhile must not end for it. */
START_TEST(fifos_that_are_opened_one_by_one)
{
	int dir = unit_dir();
	unsigned before = unit_fd_count();
	struct task_streams io;
	char names[3][96];
	char path[64];
	int fds[3];
	int client[2];
	struct cps_err err;
	char byte;

	dir_path(dir, path);
	fifos_make(path, names);
	ck_assert_ok(task_streams_init(&io, &host, names[0], names[1], names[2], false, &err), err);
	ck_assert_err(task_streams_open(&io, fds, &err), EAGAIN, err, "nobody has opened");
	client[0] = open(names[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_err(task_streams_open(&io, fds, &err), EAGAIN, err, "nobody has opened");
	ck_assert_int_eq(read(client[0], &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN); /* no end */
	client[1] = open(names[2], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_ok(task_streams_open(&io, fds, &err), err);
	ck_assert_int_eq(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);

	/* The client leaves; nothing breaks. The process leaves: an end for the client. */
	cps_close(&client[1]);
	ck_assert_int_eq(write(fds[2], "x", 1), 1);
	cps_close(&fds[1]);
	ck_assert_int_eq(read(client[0], &byte, 1), 0);
	/* stdin has no end before it is closed */
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(read(fds[0], &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	task_streams_close_stdin(&io);
	ck_assert_int_eq(read(fds[0], &byte, 1), 0);
	task_streams_done(&io);
	for (int i = 0; i < 3; i++)
		cps_close(&fds[i]);
	cps_close(&client[0]);
	ck_assert_uint_eq(unit_fd_count(), before);
	cps_close(&dir);
}
END_TEST

START_TEST(files_and_nothing)
{
	int dir = unit_dir();
	struct task_streams io;
	struct cps_err err;
	char path[64];
	char uri[96];
	int fds[3];

	dir_path(dir, path);
	(void)snprintf(uri, sizeof(uri), "file://%s/new/a%%20log?max=1", path);
	/* stderr goes where stdout does */
	ck_assert_ok(task_streams_init(&io, &host, "", uri, "file:///other", false, &err), err);
	ck_assert_ok(task_streams_open(&io, fds, &err), err);
	ck_assert_int_eq(write(fds[1], "one ", 4), 4);
	ck_assert_int_eq(write(fds[2], "two", 3), 3);
	unit_check_content(dir, "new/a log", "one two");
	ck_assert_int_eq(read(fds[0], uri, 1), 0); /* /dev/null */
	for (int i = 0; i < 3; i++)
		cps_close(&fds[i]);
	task_streams_done(&io);

	ck_assert_ok(task_streams_init(&io, &host, "", "", "", true, &err), err);
	ck_assert_ok(task_streams_open(&io, fds, &err), err);
	ck_assert_int_eq(fds[0], -1);
	ck_assert_int_eq(fds[1], -1);
	task_streams_done(&io);
	ck_assert_err(task_streams_init(&io, &host, "", "ttrpc+unix:///run/s", "", false, &err),
		      ENOSYS, err, "not supported");
	ck_assert_err(task_streams_init(&io, &host, "file:///in", "", "", false, &err), ENOSYS, err,
		      "not supported");
	ck_assert_err(task_streams_init(&io, &host, "", "", "binary:///bin/log", false, &err),
		      ENOSYS, err, "not supported");
	cps_close(&dir);
}
END_TEST

static const char *stats_of(const char *json, struct cps_buf *b)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	const struct cps_json *cgroups = NULL;
	struct cps_err err;

	ck_assert_ok(cps_json_parse(&arena, json, strlen(json), &cgroups, &err), err);
	return task_stats_put(cgroups, b);
}

START_TEST(a_checkpoint_in_the_shim_s_words)
{
	Task__CheckpointRequest r = TASK__CHECKPOINT_REQUEST__INIT;
	Task__CheckpointOptions o = TASK__CHECKPOINT_OPTIONS__INIT;
	cleanup_buf struct cps_buf none = CPS_BUF_INIT;
	cleanup_buf struct cps_buf all = CPS_BUF_INIT;
	cleanup_buf struct cps_buf bad = CPS_BUF_INIT;
	cleanup_buf struct cps_buf bytes = CPS_BUF_INIT;
	char name[] = "containerd.runc.v1.CheckpointOptions", network[] = "network",
	     path[] = "/images", mode[] = "strict";
	char *names[] = { network };
	Wire__Any any = WIRE__ANY__INIT;
	const char *why;

	ck_assert_int_eq(task_checkpoint_put(&r, "/b", "", &bad, &why), -EINVAL);
	ck_assert_str_eq(why, "the path is not absolute");
	/* without options it goes on, as with runc's shim */
	r.path = path;
	ck_assert_int_eq(task_checkpoint_put(&r, "/b", "", &none, &why), 0);
	ck_assert_ptr_nonnull(strstr(none.data, "{\"op\":\"checkpoint\",\"program\":\"/"));
	ck_assert_ptr_nonnull(strstr(none.data,
				     "/capsule-criu\",\"options\":{\"image-path\":\"/images\","
				     "\"work-path\":\"/b/criu-work\",\"leave-running\":true}}"));
	o.exit = o.open_tcp = o.file_locks = true;
	o.cgroups_mode = mode;
	o.n_empty_namespaces = 1;
	o.empty_namespaces = names;
	task_pack(&o.base, &bytes);
	any.type_url = name;
	any.value.data = (uint8_t *)bytes.data;
	any.value.len = bytes.len;
	r.options = &any;
	ck_assert_int_eq(task_checkpoint_put(&r, "/b", "/my/criu", &all, &why), 0);
	ck_assert_ptr_nonnull(
		strstr(all.data, "\"criu\":\"/my/criu\",\"options\":{\"image-path\":\"/images\","
				 "\"work-path\":\"/b/criu-work\",\"tcp-established\":true,"
				 "\"file-locks\":true,\"manage-cgroups-mode\":\"strict\","
				 "\"empty-ns\":[\"network\"]}}"));
}
END_TEST

START_TEST(metrics_of_cgroup_v2)
{
	int dir = unit_dir();
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	cleanup_message Metrics__V2Metrics *m = NULL;
	char json[128];
	char path[64];

	dir_path(dir, path);
	unit_put(dir, "pids.current", "3\n");
	unit_put(dir, "pids.max", "max\n");
	unit_put(dir, "cpu.stat",
		 "usage_usec 12\nuser_usec 7\nsystem_usec 5\nnr_bursts 2\nnew 9\n");
	unit_put(dir, "memory.stat",
		 "anon 4096\nfile 8192\ninactive_file 100\nworkingset_refault 1\n");
	unit_put(dir, "memory.current", "123456\n");
	unit_put(dir, "memory.max", "67108864\n");
	unit_put(dir, "memory.events", "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n");
	unit_put(dir, "io.stat",
		 "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n\n253:16 rbytes=7\n");
	unit_put(dir, "hugetlb.2MB.current", "2097152\n");
	unit_put(dir, "hugetlb.2MB.max", "max\n");
	(void)snprintf(json, sizeof(json), "{\"unified\":\"%s\"}", path);
	ck_assert_str_eq(stats_of(json, &b), "io.containerd.cgroups.v2.Metrics");
	m = task_unpack(&metrics__v2_metrics__descriptor, b.data, b.len);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->pids->current, 3);
	ck_assert_uint_eq(m->pids->limit, UINT64_MAX);
	ck_assert_uint_eq(m->cpu->usage_usec, 12);
	ck_assert_uint_eq(m->cpu->system_usec, 5);
	ck_assert_uint_eq(m->cpu->nr_bursts, 2);
	ck_assert_uint_eq(m->memory->file, 8192);
	ck_assert_uint_eq(m->memory->inactive_file, 100);
	ck_assert_uint_eq(m->memory->usage, 123456);
	ck_assert_uint_eq(m->memory->usage_limit, 67108864);
	ck_assert_uint_eq(m->memory_events->oom_kill, 4);
	ck_assert_uint_eq(m->io->n_usage, 2);
	ck_assert_uint_eq(m->io->usage[0]->major, 8);
	ck_assert_uint_eq(m->io->usage[0]->wios, 4);
	ck_assert_uint_eq(m->io->usage[1]->minor, 16);
	ck_assert_uint_eq(m->io->usage[1]->rbytes, 7);
	ck_assert_uint_eq(m->n_hugetlb, 1);
	ck_assert_str_eq(m->hugetlb[0]->pagesize, "2MB");
	ck_assert_uint_eq(m->hugetlb[0]->current, 2097152);
	cps_close(&dir);
}
END_TEST

START_TEST(metrics_of_cgroup_v1)
{
	int dir = unit_dir();
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	cleanup_message Metrics__V1Metrics *m = NULL;
	uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	char json[512];
	char p[64];

	dir_path(dir, p);
	unit_put(dir, "pids.current", "3\n");
	unit_put(dir, "pids.max", "max\n");
	unit_put(dir, "cpuacct.usage", "1808009\n");
	unit_put(dir, "cpuacct.usage_percpu", "8 1808001 \n");
	unit_put(dir, "cpuacct.stat", "user 2\nsystem 3\n");
	unit_put(dir, "cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 77\n");
	unit_put(dir, "memory.stat", "cache 1\nrss 2\ntotal_unevictable 32\nother 5\n");
	unit_put(dir, "memory.limit_in_bytes", "67108864\n");
	unit_put(dir, "memory.memsw.failcnt", "6\n");
	unit_put(dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 2\n");
	unit_put(dir, "blkio.throttle.io_serviced_recursive",
		 "8:16 Read 5\n8:16 Write 6\nTotal 11\n");
	unit_put(dir, "blkio.throttle.time_recursive", "8:16 9\n");
	(void)snprintf(json, sizeof(json),
		       "{\"pids\":\"%s\",\"cpu\":\"%s\",\"cpuacct\":\"%s\",\"memory\":\"%s\","
		       "\"blkio\":\"%s\",\"unified\":\"%s\"}",
		       p, p, p, p, p, p);
	ck_assert_str_eq(stats_of(json, &b), "io.containerd.cgroups.v1.Metrics");
	m = task_unpack(&metrics__v1_metrics__descriptor, b.data, b.len);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->pids->current, 3);
	ck_assert_uint_eq(m->pids->limit, 0);
	ck_assert_uint_eq(m->cpu->usage->total, 1808009);
	ck_assert_uint_eq(m->cpu->usage->user, 2 * tick);
	ck_assert_uint_eq(m->cpu->usage->system, 3 * tick);
	ck_assert_uint_eq(m->cpu->usage->n_per_cpu, 2);
	ck_assert_uint_eq(m->cpu->usage->per_cpu[1], 1808001);
	ck_assert_uint_eq(m->cpu->throttling->nr_throttled, 4);
	ck_assert_uint_eq(m->memory->rss, 2);
	ck_assert_uint_eq(m->memory->total_unevictable, 32);
	ck_assert_uint_eq(m->memory->usage->limit, 67108864);
	ck_assert_uint_eq(m->memory->swap->failcnt, 6);
	ck_assert_uint_eq(m->oom_control->oom_kill, 2);
	ck_assert_uint_eq(m->blkio->n_serviced, 2);
	ck_assert_str_eq(m->blkio->serviced[1]->op, "Write");
	ck_assert_uint_eq(m->blkio->serviced[1]->minor, 16);
	ck_assert_uint_eq(m->blkio->serviced[1]->value, 6);
	ck_assert_uint_eq(m->blkio->n_time, 1);
	ck_assert_str_eq(m->blkio->time[0]->op, "");
	ck_assert_uint_eq(m->blkio->time[0]->value, 9);
	cps_close(&dir);
}
END_TEST

START_TEST(the_log_of_a_bundle)
{
	static const struct timespec at = { .tv_sec = 1, .tv_nsec = 5 };
	int dir = unit_dir();
	unsigned before;
	char path[64];
	char text[256] = "";
	int fifo;

	dir_path(dir, path);
	before = unit_fd_count();
	/* there is none; it is a file */
	task_log(path, "space", "c1", &at, "nothing");
	ck_assert(!unit_is_there(dir, "log"));
	unit_put(dir, "log", "");
	task_log(path, "space", "c1", &at, "nothing");
	unit_check_content(dir, "log", "");
	ck_assert_int_eq(unlinkat(dir, "log", 0), 0);
	ck_assert_int_eq(mkfifoat(dir, "log", 0700), 0);
	task_log(path, "space", "c1", &at, "nobody reads: it does not wait");
	fifo = openat(dir, "log", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	task_log(path, "space", "c1", &at, "a \"b\"\\\n\x01 \xc3\xa4");
	ck_assert_int_gt(read(fifo, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "time=\"1970-01-01T00:00:01.000000005Z\" level=warning "
			       "msg=\"a \\\"b\\\"\\\\\\n\\x01 \xc3\xa4\" id=\"c1\" "
			       "namespace=\"space\"\n");
	/* full: nor does it wait then */
	for (int i = 0; i < 2000; i++)
		task_log(path, "space", "c1", &at, "the same");
	cps_close(&fifo);
	ck_assert_uint_eq(unit_fd_count(), before);
	cps_close(&dir);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		sha256_of_the_standard_s_examples,
		what_a_bundle_says,
		the_request_says_whether_there_is_a_terminal,
		other_runtimes_are_driven_by_ourselves,
		fifos_that_are_opened_one_by_one,
		files_and_nothing,
		a_checkpoint_in_the_shim_s_words,
		metrics_of_cgroup_v2,
		metrics_of_cgroup_v1,
		the_log_of_a_bundle,
		NULL,
	};

	return unit_main("task", tests);
}
