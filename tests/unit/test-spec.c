/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json: what each member becomes, and what real engines' files become. Refusals are in
 * test-spec-bad.c.
 */
#include <config.h>

#include "spec.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "file.h"
#include "own.h"
#include "unit.h"

static struct cps_arena arena;
static struct rt_warn warn;

static const struct rt_spec *parse(const char *text)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };

	ck_assert_msg(rt_spec_parse(&arena, text, strlen(text), "/b", &warn, &spec, &err) == 0,
		      "%s", err.msg);
	return spec;
}

/* The members given, in a config that is whole otherwise. */
static const struct rt_spec *parse_with(const char *process, const char *linux_members,
					const char *top)
{
	char text[8192];

	(void)snprintf(text, sizeof(text),
		       "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"}%s,"
		       "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"%s},"
		       "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"},"
		       "{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"ipc\"}]%s}}",
		       top, process, linux_members);
	return parse(text);
}

START_TEST(smallest)
{
	const struct rt_spec *s = parse("{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"/r\"}}");

	ck_assert_str_eq(s->oci_version, "1.3.0");
	ck_assert_str_eq(s->root_path, "/r");
	ck_assert(!s->has_process && !s->resources.set && !s->seccomp.set);
	ck_assert_ptr_null(s->cgroups_path);
	ck_assert_uint_eq(s->propagation, 0);
}
END_TEST

START_TEST(top_members)
{
	const struct rt_spec *s =
		parse_with("", "",
			   ",\"hostname\":\"h\",\"domainname\":\"d\",\"annotations\":{\"k\":\"v\"},"
			   "\"mounts\":[{\"destination\":\"/d\",\"source\":\"src\",\"options\":"
			   "[\"rbind\",\"ro\"]},{\"destination\":\"/t\",\"type\":\"tmpfs\","
			   "\"source\":\"t\"},{\"destination\":\"x\",\"type\":\"tmpfs\"}]");
	uint32_t pos = 0;

	ck_assert_str_eq(s->root_path, "/b/rootfs");
	ck_assert_str_eq(s->hostname, "h");
	ck_assert_str_eq(s->domainname, "d");
	ck_assert_uint_eq(s->nannotations, 1);
	ck_assert_str_eq(s->annotations[0].key, "k");
	ck_assert_str_eq(s->annotations[0].value, "v");
	ck_assert_uint_eq(s->nmounts, 3);
	ck_assert_ptr_null(s->mounts[0].type);
	ck_assert_str_eq(s->mounts[0].source, "/b/src");
	ck_assert_uint_eq(s->mounts[0].options.n, 2);
	ck_assert_str_eq(s->mounts[0].options.v[1], "ro");
	ck_assert_ptr_null(s->mounts[0].options.v[2]);
	ck_assert_str_eq(s->mounts[1].source, "t");
	ck_assert(!s->has_idmaps);
	ck_assert_str_eq(s->mounts[2].destination, "/x");
	ck_assert_str_eq(rt_warn_next(&warn, &pos), "mounts[2].destination: 'x' is not absolute, "
						    "taking it as below /");
}
END_TEST

START_TEST(process_members)
{
	const struct rt_process *p =
		&parse_with(",\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
			    "\"env\":[\"A=1\",\"B=2\",\"A=3\"],\"noNewPrivileges\":true,"
			    "\"oomScoreAdj\":-1000,\"user\":{\"uid\":1,\"gid\":4294967294,"
			    "\"umask\":18,\"additionalGids\":[5,6]},"
			    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,"
			    "\"hard\":18446744073709551615}],"
			    "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"cap_bpf\"],"
			    "\"ambient\":[\"CAP_NEW_IN_2040\"]}",
			    "", "")
			 ->process;
	uint32_t pos = 0;

	ck_assert(p->terminal && p->no_new_privs && p->has_user);
	ck_assert_uint_eq(p->rows, 24);
	ck_assert_uint_eq(p->cols, 80);
	ck_assert_uint_eq(p->env.n, 2);
	ck_assert_str_eq(p->env.v[0], "A=3");
	ck_assert_str_eq(p->env.v[1], "B=2");
	ck_assert_ptr_null(p->env.v[2]);
	ck_assert_int_eq(p->oom_score_adj.v, -1000);
	ck_assert_uint_eq(p->user.uid, 1);
	ck_assert_uint_eq(p->user.gid, 4294967294u);
	ck_assert(p->user.has_umask && p->user.umask == 022);
	ck_assert_uint_eq(p->user.ngids, 2);
	ck_assert_uint_eq(p->user.gids[1], 6);
	ck_assert_uint_eq(p->nrlimits, 1);
	ck_assert_int_eq(p->rlimits[0].resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(p->rlimits[0].hard, UINT64_MAX);
	ck_assert(p->caps.set);
	ck_assert_uint_eq(p->caps.bounding, 1u << CAP_CHOWN | UINT64_C(1) << CAP_BPF);
	ck_assert_uint_eq(p->caps.ambient, 0);
	ck_assert_str_eq(rt_warn_next(&warn, &pos),
			 "process.capabilities.ambient[0]: capability 'CAP_NEW_IN_2040' is "
			 "unknown, ignoring");
}
END_TEST

START_TEST(linux_members)
{
	const struct rt_spec *s = parse_with(
		"",
		",\"cgroupsPath\":\"/c\",\"rootfsPropagation\":\"slave\",\"maskedPaths\":[\"/m\"],"
		"\"readonlyPaths\":[\"/r\"],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\","
		"\"net/ipv4/conf/eth0.1/forwarding\":\"0\",\"kernel.shmmax\":\"5\"},"
		"\"devices\":[{\"type\":\"u\",\"path\":\"/dev/x\",\"major\":1,\"minor\":7,"
		"\"fileMode\":8612,\"uid\":3,\"gid\":4},{\"type\":\"p\",\"path\":\"/dev/f\"}],"
		"\"timeOffsets\":{},\"mountLabel\":\"\",\"intelRdt\":{\"closID\":\"gold\","
		"\"schemata\":[\"L3:0=f\"],\"enableMonitoring\":true},"
		"\"netDevices\":{\"eth0\":{},\"eth1\":{\"name\":\"net%d\"}}",
		"");

	ck_assert_str_eq(s->cgroups_path, "/c");
	ck_assert_uint_eq(s->propagation, MS_SLAVE | MS_REC);
	ck_assert_str_eq(s->masked_paths.v[0], "/m");
	ck_assert_str_eq(s->readonly_paths.v[0], "/r");
	ck_assert_uint_eq(s->nsysctl, 3);
	ck_assert_str_eq(s->sysctl[1].key, "net.ipv4.conf.eth0/1.forwarding");
	ck_assert_uint_eq(s->ndevices, 2);
	ck_assert_int_eq(s->devices[0].type, 'c');
	ck_assert_uint_eq(s->devices[0].mode, 0644);
	ck_assert_uint_eq(s->devices[0].gid, 4);
	ck_assert_int_eq(s->devices[1].type, 'p');
	ck_assert_uint_eq(s->devices[1].mode, 0666);
	ck_assert(s->ns[RT_NS_NET].wanted && s->ns[RT_NS_UTS].wanted && !s->ns[RT_NS_PID].wanted);
	ck_assert_str_eq(s->ns[RT_NS_NET].path, "/n");
	ck_assert_ptr_null(s->ns[RT_NS_UTS].path);
	ck_assert(s->intel_rdt.set && s->intel_rdt.monitoring && !s->intel_rdt.l3_cache);
	ck_assert_str_eq(s->intel_rdt.clos_id, "gold");
	ck_assert_uint_eq(s->intel_rdt.schemata.n, 1);
	ck_assert_uint_eq(s->nnet_devices, 2);
	ck_assert_str_eq(s->net_devices[0].name, "eth0");
	ck_assert_str_eq(s->net_devices[1].host, "eth1");
	ck_assert_str_eq(s->net_devices[1].name, "net%d");
}
END_TEST

START_TEST(scheduling)
{
	const struct rt_spec *s = parse_with(
		",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"flags\":["
		"\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_DL_OVERRUN\"],\"runtime\":1,"
		"\"deadline\":2,\"period\":3},"
		"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":7},"
		"\"execCPUAffinity\":{\"initial\":\"0-1,64\",\"final\":\"\"}",
		",\"memoryPolicy\":{\"mode\":\"MPOL_PREFERRED_MANY\",\"nodes\":\"0,3\",\"flags\":["
		"\"MPOL_F_RELATIVE_NODES\"]},\"personality\":{\"domain\":\"LINUX32\"}",
		"");
	const struct rt_process *p = &s->process;

	ck_assert(p->scheduler.set && p->io_priority.set);
	ck_assert_uint_eq(p->scheduler.policy, 6);
	ck_assert_uint_eq(p->scheduler.flags, 5);
	ck_assert(p->scheduler.runtime == 1 && p->scheduler.period == 3);
	ck_assert(p->io_priority.klass == 3 && p->io_priority.priority == 7);
	ck_assert_uint_eq(p->affinity.initial.count, 65);
	ck_assert_uint_eq(p->affinity.initial.v[0], 3);
	ck_assert_uint_eq(p->affinity.initial.v[1], 1);
	ck_assert_uint_eq(p->affinity.final.count, 0);
	ck_assert(s->memory_policy.set && s->memory_policy.mode == (5 | 1 << 14));
	ck_assert_uint_eq(s->memory_policy.nodes.v[0], 9);
	ck_assert(s->personality.set && s->personality.v == 8);
	s = parse_with(",\"scheduler\":{},\"ioPriority\":{}", ",\"personality\":{}", "");
	ck_assert(!s->process.scheduler.set && !s->process.io_priority.set);
	ck_assert(!s->memory_policy.set && !s->personality.set);
}
END_TEST

/* What seccomp(2) takes together: flags of listeners with one only; TSYNC is for threads. */
START_TEST(seccomp_flags)
{
	static const char flags[] = "\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
				    "\"SECCOMP_FILTER_FLAG_LOG\","
				    "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]";
	const struct rt_seccomp *sc;
	char text[1024];

	(void)snprintf(text, sizeof(text), ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",%s}",
		       flags);
	sc = &parse_with("", text, "")->seccomp;
	ck_assert(!sc->notifies);
	ck_assert_uint_eq(sc->flags, 2);
	(void)snprintf(text, sizeof(text),
		       ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",%s,\"listenerPath\":"
		       "\"/a\",\"listenerMetadata\":\"m\",\"syscalls\":[{\"names\":[\"mkdir\"],"
		       "\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		       flags);
	sc = &parse_with("", text, "")->seccomp;
	ck_assert(sc->notifies);
	ck_assert_uint_eq(sc->flags, 2 | 8 | 32);
	ck_assert_str_eq(sc->listener_path, "/a");
	ck_assert_str_eq(sc->listener_metadata, "m");
}
END_TEST

START_TEST(idmapped_mounts)
{
	const struct rt_spec *s = parse_with(
		"", "",
		",\"mounts\":[{\"destination\":\"/d\",\"source\":\"s\",\"options\":[\"bind\"],"
		"\"uidMappings\":[{\"containerID\":1,\"hostID\":2,\"size\":3}],"
		"\"gidMappings\":[{\"containerID\":4,\"hostID\":5,\"size\":6}]}]");

	ck_assert(s->has_idmaps);
	ck_assert(s->mounts[0].maps.nuid == 1 && s->mounts[0].maps.uid[0].host == 2);
	ck_assert(s->mounts[0].maps.ngid == 1 && s->mounts[0].maps.gid[0].size == 6);
}
END_TEST

START_TEST(id_maps)
{
	const struct rt_spec *s =
		parse("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/r\"},\"linux\":{"
		      "\"namespaces\":[{\"type\":\"user\"}],"
		      "\"uidMappings\":[{\"containerID\":0,\"hostID\":100,\"size\":10},"
		      "{\"containerID\":10,\"hostID\":4294967294,\"size\":1}],"
		      "\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":4294967295}]}}");

	ck_assert_uint_eq(s->nuid_maps, 2);
	ck_assert_uint_eq(s->uid_maps[1].host, 4294967294u);
	ck_assert_uint_eq(s->ngid_maps, 1);
	ck_assert_uint_eq(s->gid_maps[0].size, 4294967295u);
}
END_TEST

START_TEST(resources)
{
	const struct rt_resources *r =
		&parse_with("",
			    ",\"resources\":{\"memory\":{\"limit\":-1,\"swap\":0,\"swappiness\":60,"
			    "\"disableOOMKiller\":true,\"useHierarchy\":false},"
			    "\"cpu\":{\"shares\":2,\"quota\":-1,\"period\":100000,\"burst\":5,"
			    "\"cpus\":\"0-1,3\",\"mems\":\"\",\"idle\":1},\"pids\":{\"limit\":0},"
			    "\"blockIO\":{\"weight\":0,\"weightDevice\":[{\"major\":8,\"minor\":1,"
			    "\"weight\":500,\"leafWeight\":10}],\"throttleReadBpsDevice\":"
			    "[{\"major\":8,\"minor\":2,\"rate\":18446744073709551615}]},"
			    "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9}],"
			    "\"unified\":{\"memory.high\":\"5\"},"
			    "\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\","
			    "\"major\":1,\"minor\":3,\"access\":\"rm\"}],"
			    "\"network\":{\"priorities\":[]},\"rdma\":{}}",
			    "")
			 ->resources;

	ck_assert(r->set);
	ck_assert(r->memory.limit.set && r->memory.limit.v == -1);
	ck_assert(r->memory.swap.set && r->memory.swap.v == 0 && !r->memory.kernel.set);
	ck_assert_uint_eq(r->memory.swappiness.v, 60);
	ck_assert(r->memory.disable_oom_killer);
	ck_assert(r->memory.use_hierarchy_set && !r->memory.use_hierarchy);
	ck_assert_int_eq(r->cpu.quota.v, -1);
	ck_assert_str_eq(r->cpu.cpus, "0-1,3");
	ck_assert_ptr_null(r->cpu.mems);
	ck_assert(r->pids_limit.set && r->pids_limit.v == 0);
	ck_assert_uint_eq(r->blkio.weight_dev.v[0].value, 500);
	ck_assert_uint_eq(r->blkio.weight_dev.v[0].leaf.v, 10);
	ck_assert_uint_eq(r->blkio.read_bps.v[0].value, UINT64_MAX);
	ck_assert_str_eq(r->hugepages[0].size, "2MB");
	ck_assert_str_eq(r->unified[0].key, "memory.high");
	ck_assert_uint_eq(r->ndevices, 2);
	ck_assert(!r->devices[0].allow && r->devices[0].type == 'a' && r->devices[0].write);
	ck_assert_int_eq(r->devices[0].major, -1);
	ck_assert(r->devices[1].allow && r->devices[1].read && r->devices[1].mknod);
	ck_assert(!r->devices[1].write);
}
END_TEST

START_TEST(resources_alone)
{
	static const char text[] = "{\"pids\":{\"limit\":7}}";
	const struct cps_json *node = NULL;
	struct rt_resources res;
	struct cps_err err;

	ck_assert_int_eq(cps_json_parse(&arena, text, strlen(text), &node, &err), 0);
	ck_assert_int_eq(rt_resources_parse(&arena, node, NULL, &res, &err), 0);
	ck_assert(res.set && res.pids_limit.v == 7);
}
END_TEST

START_TEST(hooks)
{
	const struct rt_hooks *h =
		&parse_with("", "",
			    ",\"hooks\":{\"prestart\":[{\"path\":\"/a\"},{\"path\":\"/b\","
			    "\"args\":[\"b\",\"x\"],\"env\":[\"K=V\"],\"timeout\":5}],"
			    "\"poststop\":[{\"path\":\"/c\"}],\"poststart\":[]}")
			 ->hooks;

	ck_assert_uint_eq(h->n[RT_HOOK_PRESTART], 2);
	ck_assert_str_eq(h->v[RT_HOOK_PRESTART][1].args.v[1], "x");
	ck_assert_int_eq(h->v[RT_HOOK_PRESTART][0].timeout_ms, 0);
	ck_assert_int_eq(h->v[RT_HOOK_PRESTART][1].timeout_ms, 5000);
	ck_assert_uint_eq(h->n[RT_HOOK_POSTSTOP], 1);
	ck_assert_uint_eq(h->n[RT_HOOK_POSTSTART] + h->n[RT_HOOK_CREATE_RUNTIME], 0);
}
END_TEST

/* The runtime-spec demands that what it does not know is ignored; --debug names it. */
START_TEST(unknown_members)
{
	static const char extra[] = ",\"zos\":{\"a\":1},\"mounts\":[{\"destination\":\"/d\","
				    "\"type\":\"tmpfs\",\"newIn2040\":1}]";
	uint32_t pos = 0;

	parse_with("", "", extra);
	ck_assert_ptr_null(rt_warn_next(&warn, &pos));
	warn.debug = true;
	parse_with("", "", extra);
	ck_assert_str_eq(rt_warn_next(&warn, &pos), "zos: not known to the runtime-spec, ignoring");
	ck_assert_str_eq(rt_warn_next(&warn, &pos),
			 "mounts[0].newIn2040: not known to the runtime-spec, ignoring");
	ck_assert_ptr_null(rt_warn_next(&warn, &pos));
}
END_TEST

/* As runc takes it: what is known counts. */
START_TEST(device_access)
{
	const struct rt_device_rule *r =
		parse_with("", ",\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwa\"}]}",
			   "")
			->resources.devices;
	uint32_t pos = 0;

	ck_assert(r[0].allow && r[0].read && r[0].write && !r[0].mknod);
	ck_assert_str_eq(rt_warn_next(&warn, &pos),
			 "linux.resources.devices[0].access: 'rwa' has more than r, w, m, ignoring "
			 "that");
}
END_TEST

START_TEST(warnings_are_bounded)
{
	char text[700];
	uint32_t pos = 0;
	unsigned n = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 10; i++)
		rt_warn(&warn, "%s", text);
	ck_assert_uint_eq(warn.lost, 6);
	while (rt_warn_next(&warn, &pos))
		n++;
	ck_assert_uint_eq(n, 4);
	rt_warn(NULL, "nobody listens");
	/* numbers that the other side of the shared page has spoilt */
	warn.used = UINT32_MAX;
	pos = 0;
	ck_assert_ptr_null(rt_warn_next(&warn, &pos));
}
END_TEST

/* Kubernetes writes an entry for every service: joining must not be quadratic, nor lose one. */
START_TEST(large_environment)
{
	static char text[1 << 20];
	const struct rt_process *p = NULL;
	struct cps_err err;
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "{\"args\":[\"a\"],\"cwd\":\"/\",\"env\":[");
	for (int i = 0; i < 20000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"SERVICE_%d=%d\"",
					i ? "," : "", i % 15000, i);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "]}");
	ck_assert_int_eq(rt_process_parse(&arena, text, len, NULL, &warn, &p, &err), 0);
	ck_assert_uint_eq(p->env.n, 15000);
	ck_assert_str_eq(p->env.v[4999], "SERVICE_4999=19999");
	ck_assert_str_eq(p->env.v[14999], "SERVICE_14999=14999");
}
END_TEST

static void check_engine_file(int dir, const char *name)
{
	const struct rt_spec *spec = NULL;
	struct cps_err err = { 0, "" };
	cleanup_free char *text = NULL;
	size_t len;
	uint32_t pos = 0;

	ck_assert_msg(cps_file_read(dir, name, RT_SPEC_MAX, &text, &len, &err) == 0, "%s", err.msg);
	ck_assert_msg(rt_spec_parse(&arena, text, len, "/b", &warn, &spec, &err) == 0, "%s: %s",
		      name, err.msg);
	ck_assert_msg(!rt_warn_next(&warn, &pos), "%s: %s", name, warn.text);
	ck_assert(spec->has_process && spec->root_path[0] == '/' && spec->nmounts > 0);
}

/* As docker, podman, containerd, buildah and buildkit wrote them: all must be taken, and nothing
 * in them may be unknown to us. */
START_TEST(engine_files)
{
	const char *top = getenv("TOP_SRCDIR");
	cleanup_dir DIR *d = NULL;
	const struct dirent *entry;
	char path[4096];
	unsigned n = 0;

	ck_assert_ptr_nonnull(top);
	(void)snprintf(path, sizeof(path), "%s/tests/data/configs", top);
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	warn.debug = true;
	while ((entry = readdir(d))) {
		if (!strstr(entry->d_name, ".json"))
			continue;
		check_engine_file(dirfd(d), entry->d_name);
		n++;
	}
	ck_assert_uint_eq(n, 73);
}
END_TEST

static const char base_text[] = "{\"args\":[\"sleep\"],\"cwd\":\"/w\",\"env\":[\"A=1\",\"B=2\"],"
				"\"user\":{\"uid\":7,\"gid\":8},\"capabilities\":{\"bounding\":"
				"[\"CAP_KILL\"]},\"noNewPrivileges\":true}";

static const struct rt_process *patch(const char *text)
{
	const struct rt_process *base = NULL, *p = NULL;
	struct cps_err err = { 0, "" };

	ck_assert_int_eq(
		rt_process_parse(&arena, base_text, strlen(base_text), NULL, &warn, &base, &err),
		0);
	ck_assert_msg(rt_process_parse(&arena, text, strlen(text), base, &warn, &p, &err) == 0,
		      "%s", err.msg);
	return p;
}

START_TEST(patch_takes_the_rest)
{
	const struct rt_process *p = patch("{\"args\":[\"true\",\"x\"]}");

	ck_assert_uint_eq(p->args.n, 2);
	ck_assert_str_eq(p->cwd, "/w");
	ck_assert_uint_eq(p->env.n, 2);
	ck_assert_uint_eq(p->user.uid, 7);
	ck_assert_uint_eq(p->caps.bounding, 1u << CAP_KILL);
	ck_assert(p->no_new_privs);
}
END_TEST

START_TEST(patch_changes)
{
	const struct rt_process *p = patch("{\"args\":[\"a\"],\"cwd\":\"/\",\"env\":[\"B=3\","
					   "\"C=4\"],\"user\":\"web:staff\",\"capabilities\":{},"
					   "\"noNewPrivileges\":false}");

	ck_assert_str_eq(p->cwd, "/");
	ck_assert_uint_eq(p->env.n, 3);
	ck_assert_str_eq(p->env.v[0], "A=1");
	ck_assert_str_eq(p->env.v[1], "B=3");
	ck_assert_str_eq(p->env.v[2], "C=4");
	ck_assert_str_eq(p->user.name, "web:staff");
	ck_assert(p->caps.set && p->caps.bounding == 0);
	ck_assert(!p->no_new_privs);
	p = patch("{\"args\":[\"a\"],\"user\":{\"uid\":1}}");
	ck_assert(p->user.uid == 1 && p->user.gid == 0 && !p->user.name);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		smallest,
		top_members,
		process_members,
		linux_members,
		scheduling,
		seccomp_flags,
		idmapped_mounts,
		id_maps,
		resources,
		resources_alone,
		hooks,
		unknown_members,
		device_access,
		warnings_are_bounded,
		large_environment,
		engine_files,
		patch_takes_the_rest,
		patch_changes,
		NULL,
	};

	return unit_main("spec", tests);
}
