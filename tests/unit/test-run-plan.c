/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of `image run`: where options may stand, what comes out with an image's wishes, and
 * what is written into config.json.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "run-plan.h"
#include "unit.h"

#define ARGS_MAX 24

/* A command line, taken apart; argv[0] is the verb. */
struct line {
	struct sup_run run;
	struct cps_arena arena;
	struct cps_opt rows[SUP_RUN_OPTIONS];
	char *argv[ARGS_MAX + 1];
	struct cps_err err;
};

/* words: separated by '|' */
static int line_parse(struct line *l, const char *words)
{
	char *rest = cps_arena_strdup(&l->arena, words);
	char **args = NULL;
	int argc = 0, n = 0, rc;

	l->argv[argc++] = cps_arena_strdup(&l->arena, "run");
	while (rest && argc < ARGS_MAX)
		l->argv[argc++] = strsep(&rest, "|");
	sup_run_rows(&l->run, l->rows);
	rc = cps_opt_parse(l->rows, CPS_OPT_FIRST_ONLY, argc, l->argv, &args, &n, &l->err);
	free(args);
	if (rc < 0)
		return rc;
	return sup_run_arguments(&l->run, l->rows, &l->arena, l->argv + argc - n, n, &l->err);
}

static void line_done(struct line *l)
{
	sup_run_done(&l->run);
	cps_arena_done(&l->arena);
}

static void check_line(const char *words, const char *image, const char *command, const char *id,
		       bool detach)
{
	struct line l = { 0 };
	char joined[256] = "";

	ck_assert_ok(line_parse(&l, words), l.err);
	for (size_t i = 0; i < l.run.nwords; i++) {
		if (i)
			strcat(joined, "|");
		strcat(joined, l.run.words[i]);
	}
	ck_assert_str_eq(l.run.image, image);
	ck_assert_str_eq(joined, command);
	ck_assert_str_eq(l.run.id ? l.run.id : "", id);
	ck_assert_int_eq(l.run.detach, detach);
	line_done(&l);
}

START_TEST(placement)
{
	check_line("redis", "redis", "", "", false);
	check_line("-d|-id|r|redis|sh|-c|x -d", "redis", "sh|-c|x -d", "r", true);
	check_line("redis|a|b|-id|r|-d", "redis", "a|b", "r", true);
	check_line("redis|a b 'c d'|--id=r|-d", "redis", "a|b|c d", "r", true);
	check_line("redis|a b|-d|-id|r", "redis", "a|b", "r", true);
	check_line("redis|a|--name|r|-d|false", "redis", "a", "r", false);
	check_line("redis|a|-id|r|-d|true", "redis", "a", "r", true);
	check_line("redis|-id|r", "redis", "", "r", false);
	/* the program's own */
	check_line("redis|find|/|-name|x", "redis", "find|/|-name|x", "", false);
	check_line("--name|r|redis|prog|-id|s", "redis", "prog|-id|s", "r", false);
	check_line("-id=r|redis|one word", "redis", "one|word", "r", false);
}
END_TEST

START_TEST(placement_refused)
{
	static const char *const lines[][2] = {
		{ "redis|a|-id|r|stray", "'stray' stands among the options" },
		{ "redis|a|-id|r|--nope", "unknown option --nope" },
		{ "redis|a|-id", "option -id needs a value" },
		{ "redis|a 'b|-id|r", "the quote ' is not closed" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct line l = { 0 };

		ck_assert_err(line_parse(&l, lines[i][0]), EINVAL, l.err, lines[i][1]);
		line_done(&l);
	}
}
END_TEST

static const char image_text[] =
	"{\"config\":{\"Entrypoint\":[\"entry\"],\"Cmd\":[\"cmd\",\"arg\"],\"User\":\"app\","
	"\"Env\":[\"A=image\",\"B=image\"],\"WorkingDir\":\"/data\",\"Volumes\":{\"/data\":{}},"
	"\"Labels\":{\"a\":\"image\",\"b\":\"image\"}}}";

static int plan(struct line *l, const char *words, struct sup_plan *ret)
{
	static struct sto_image_config image;
	int rc = line_parse(l, words);

	if (rc == 0)
		rc = sto_image_config_parse(&l->arena, image_text, strlen(image_text), &image,
					    &l->err);
	return rc < 0 ? rc : sup_plan_make(&l->arena, &l->run, &image, "c1", ret, &l->err);
}

static void check_args(const char *words, const char *command)
{
	struct line l = { 0 };
	struct sup_plan p;
	char joined[256] = "";

	ck_assert_ok(plan(&l, words, &p), l.err);
	for (size_t i = 0; i < p.args.n; i++) {
		if (i)
			strcat(joined, " ");
		strcat(joined, p.args.v[i]);
	}
	ck_assert_str_eq(joined, command);
	line_done(&l);
}

START_TEST(commands)
{
	check_args("x", "entry cmd arg");
	check_args("x|mine", "entry mine");
	check_args("--entrypoint|other|x", "other");
	check_args("--entrypoint|other|x|mine", "other mine");
	check_args("--entrypoint=|x|mine", "mine");
	check_args("--init|x", "/sbin/capsule-init -- entry cmd arg");
}
END_TEST

static bool has(const struct sto_strs *s, const char *text)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], text) == 0)
			return true;
	return false;
}

START_TEST(wishes)
{
	struct line l = { 0 };
	struct sup_plan p;

	ck_assert_ok(plan(&l, "-e|A=ours|-l|a=ours|-v|/host:/data/:ro|-v|name:/x|x", &p), l.err);
	ck_assert(has(&p.env, "A=ours") && has(&p.env, "B=image") && has(&p.env, "HOSTNAME=c1"));
	ck_assert(!has(&p.env, "A=image") && !has(&p.env, "TERM=xterm"));
	ck_assert_str_eq(p.cwd, "/data");
	ck_assert_str_eq(p.user, "app");
	ck_assert(!p.is_root);
	ck_assert_uint_eq(p.labels.n, 2);
	ck_assert_str_eq(p.labels.v[0].value, "ours");
	/* in the place of the image's volume stands what was given */
	ck_assert_uint_eq(p.nmounts, 2);
	ck_assert_str_eq(p.mounts[0].destination, "/data");
	ck_assert(p.mounts[0].type == SUP_MOUNT_BIND && p.mounts[0].readonly);
	ck_assert(p.mounts[1].type == SUP_MOUNT_VOLUME && !p.mounts[1].anonymous);
	ck_assert_str_eq(p.mounts[1].name, "name");
	line_done(&l);
}
END_TEST

START_TEST(users)
{
	static const struct {
		const char *user;
		bool is_root;
	} all[] = {
		{ "root", true }, { "0", true },       { "000:5", true }, { "root:app", true },
		{ "app", false }, { "rooted", false }, { "1", false },	  { "01", false },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct line l = { 0 };
		struct sup_plan p;
		char words[64];

		(void)snprintf(words, sizeof(words), "-u|%s|x", all[i].user);
		ck_assert_ok(plan(&l, words, &p), l.err);
		ck_assert_int_eq(p.is_root, all[i].is_root);
		line_done(&l);
	}
}
END_TEST

/* The value at a path of config.json, as text. */
static const struct cps_json *at(const struct cps_json *node, const char *path)
{
	char copy[128], *rest = copy, *key;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	while (node && (key = strsep(&rest, ".")))
		node = cps_json_get(node, key);
	return node;
}

static void check_spec(const char *words, const char *path, const char *value)
{
	struct line l = { 0 };
	struct sup_plan p;
	struct cps_buf buf = CPS_BUF_INIT;
	const struct cps_json *root, *node;

	ck_assert_ok(plan(&l, words, &p), l.err);
	ck_assert_ok(sup_spec_write(&p, &buf, &l.err), l.err);
	ck_assert_ok(cps_json_parse(&l.arena, buf.data, buf.len, &root, &l.err), l.err);
	node = at(root, path);
	if (value)
		ck_assert_msg(node && node->text && strcmp(node->text, value) == 0,
			      "%s: %s is %s, not %s", words, path,
			      node && node->text ? node->text : "nothing", value);
	else
		ck_assert_msg(!node, "%s: %s is there", words, path);
	cps_buf_done(&buf);
	line_done(&l);
}

START_TEST(spec)
{
	check_spec("x", "hostname", "c1");
	check_spec("-h|box|x", "hostname", "box");
	check_spec("-net|host|x", "hostname", NULL);
	check_spec("x", "process.cwd", "/data");
	check_spec("x", "linux.resources.cpu.shares", "1024");
	check_spec("-c|512|x", "linux.resources.cpu.shares", "512");
	check_spec("--cpus|0.5|x", "linux.resources.cpu.quota", "50000");
	check_spec("--cpus|2|x", "linux.resources.cpu.quota", "200000");
	check_spec("--cpus|.25|x", "linux.resources.cpu.quota", "25000");
	check_spec("--cpu|10000|x", "linux.resources.cpu.quota", "10000");
	check_spec("x", "linux.resources.cpu.quota", NULL);
	check_spec("-m|100m|x", "linux.resources.memory.limit", "104857600");
	check_spec("-m|0|x", "linux.resources.memory", NULL);
	check_spec("-m|1g|--memory-swap|-1|x", "linux.resources.memory.swap", "-1");
	check_spec("--pids-limit|7|x", "linux.resources.pids.limit", "7");
	check_spec("--pids-limit|-1|x", "linux.resources.pids", NULL);
	check_spec("-m|1g|--memory-reservation|512m|x", "linux.resources.memory.reservation",
		   "536870912");
	check_spec("--memory-reservation|8m|x", "linux.resources.memory.limit", NULL);
	check_spec("--memory-reservation|0|x", "linux.resources.memory", NULL);
	check_spec("--cpu-quota|30000|x", "linux.resources.cpu.quota", "30000");
	check_spec("--cpu-quota|30000|x", "linux.resources.cpu.period", NULL);
	check_spec("--cpu-quota|-1|--cpu-period|50000|x", "linux.resources.cpu.quota", "-1");
	check_spec("--cpu-quota|-1|--cpu-period|50000|x", "linux.resources.cpu.period", "50000");
	check_spec("--cpus|0.5|x", "linux.resources.cpu.period", "100000");
	check_spec("--cpu-rt-runtime|900|x", "linux.resources.cpu.realtimeRuntime", "900");
	check_spec("--cpu-rt-period|9000|x", "linux.resources.cpu.realtimePeriod", "9000");
	check_spec("--cpuset-mems|0-1|x", "linux.resources.cpu.mems", "0-1");
	check_spec("--blkio-weight|300|x", "linux.resources.blockIO.weight", "300");
	check_spec("--blkio-weight|0|x", "linux.resources.blockIO", NULL);
	check_spec("--sysctl|net.ipv4.ip_forward=1|x", "linux.seccomp.defaultAction",
		   "SCMP_ACT_ERRNO");
	check_spec("x", "linux.seccomp.defaultErrnoRet", "38");
	check_spec("--security-opt|seccomp=unconfined|x", "linux.seccomp", NULL);
	check_spec("--privileged|x", "linux.maskedPaths", NULL);
	check_spec("-u|app|x", "process.capabilities.effective", NULL);
}
END_TEST

static void check_refused(const char *words, const char *what)
{
	struct line l = { 0 };
	struct sup_plan p;
	struct cps_buf buf = CPS_BUF_INIT;
	int rc = plan(&l, words, &p);

	if (rc == 0)
		rc = sup_spec_write(&p, &buf, &l.err);
	ck_assert_err(rc, EINVAL, l.err, what);
	cps_buf_done(&buf);
	line_done(&l);
}

START_TEST(refused)
{
	check_refused("-v|relative|x", "-v: 'relative'");
	check_refused("-v|/a:/b/../c|x", "no directory of a container");
	check_refused("-v|/a:/|x", "no directory of a container");
	check_refused("-v|/a:/b:nope|x", "unknown option 'nope'");
	check_refused("-v|a b:/c|x", "neither a path nor a volume's name");
	check_refused("-v|/a:/b|-v|/c:/b/|x", "mounted twice");
	check_refused("--mount|type=bind,dst=/x|x", "--mount");
	check_refused("--cpus|0.001|x", "--cpus");
	check_refused("--cpus|1e3|x", "--cpus");
	check_refused("--cpu|1|x", "--cpu:");
	check_refused("--cpus|1|--cpu-quota|5000|x", "--cpu, --cpus, and --cpu-quota");
	check_refused("--cpu|20000|--cpus|1|x", "--cpu, --cpus, and --cpu-quota");
	check_refused("--cpu-quota|x|x", "--cpu-quota: 'x'");
	check_refused("--cpu-period|2000000|x", "--cpu-period: '2000000'");
	check_refused("--cpu-rt-runtime|-1|x", "--cpu-rt-runtime: '-1'");
	check_refused("--cpu-rt-period|1s|x", "--cpu-rt-period: '1s'");
	check_refused("--cpuset-mems|a|x", "--cpuset-mems: 'a'");
	check_refused("--blkio-weight|5|x", "--blkio-weight: '5' is not a number from 10 to 1000");
	check_refused("--memory-reservation|1q|x", "--memory-reservation: '1q'");
	check_refused("-m|8m|--memory-reservation|9m|x", "is more than --memory");
	check_refused("-m|100k|x", "--memory");
	check_refused("-p|80:80|-p|80:81|x", "published twice");
	check_refused("-net|none|-p|80:80|x", "--port: not without a network");
	check_refused("-net|host|--link|a:b|x", "--link: not without a network");
	check_refused("--link|a b:c|x", "--link");
	check_refused("-h|a\nb|x", "--hostname");
	check_refused("-e|A|x", "-e: 'A' is not NAME=VALUE");
	check_refused("--cap-add|nope|x", "--cap-add: no such capability");
	check_refused("--ulimit|nofile=2:1|x", "--ulimit");
	check_refused("--health-retries|0|x", "--health-retries");
}
END_TEST

START_TEST(capabilities)
{
	static const struct {
		const char *words;
		uint64_t caps;
	} all[] = {
		{ "x", 0xa80425fb },
		{ "--cap-drop|ALL|x", 0 },
		{ "--cap-drop|all|--cap-add|kill|x", 1 << 5 },
		{ "--cap-add|ALL|--cap-drop|CAP_CHOWN|x", 0x1fffffffffe },
		{ "--privileged|x", 0x1ffffffffff },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct line l = { 0 };
		struct sup_plan p;

		ck_assert_ok(plan(&l, all[i].words, &p), l.err);
		ck_assert_uint_eq(p.caps, all[i].caps);
		line_done(&l);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { placement, placement_refused, commands,	   wishes, users,
				       spec,	  refused,	     capabilities, NULL };

	return unit_main("run-plan", tests);
}
