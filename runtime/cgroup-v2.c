/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v2: one directory, whose controllers have to be switched on in every group above it.
 */
#include <config.h>

#include "cgroup-impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup-values.h"
#include "file.h"
#include "own.h"

#define WORDS_MAX 512 /* a line of controllers; there are about ten in all */

/* Reads a line of controllers into " a b c ", so that a word can be looked up with its spaces. */
static int words_read(const char *dir, const char *file, char ret[WORDS_MAX], struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char path[RT_CGROUP_FILE + NAME_MAX];
	size_t len;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = cps_file_read(AT_FDCWD, path, WORDS_MAX - 3, &text, &len, err);
	if (rc < 0)
		return rc;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(ret, WORDS_MAX, " %.*s ", WORDS_MAX - 3, text);
	return 0;
}

static bool words_have(const char *words, const char *word)
{
	char spaced[64];

	(void)snprintf(spaced, sizeof(spaced), " %.60s ", word);
	return strstr(words, spaced) != NULL;
}

/* Switches on, for the children of dir, what it has itself. A controller that refuses (processes in
 * the group; real-time processes, for cpu) is left off: only a limit that needs it is an error, and
 * rt_cgroup_limits names it. */
static int enable(const char *dir, struct cps_err *err)
{
	char have[WORDS_MAX], on[WORDS_MAX], all[WORDS_MAX + 64] = "";
	char path[RT_CGROUP_FILE + 32];
	char *word, *save = NULL;
	struct cps_err ignored;
	size_t len = 0;
	int rc;

	rc = words_read(dir, "cgroup.controllers", have, err);
	if (rc == 0)
		rc = words_read(dir, "cgroup.subtree_control", on, err);
	if (rc < 0)
		return rc;
	for (word = strtok_r(have, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!words_have(on, word) && len + strlen(word) + 3 < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len, "+%s ", word);
	if (len == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	if (cps_file_put(AT_FDCWD, path, all, &ignored) == 0)
		return 0;
	for (word = strtok_r(all, " ", &save); word; word = strtok_r(NULL, " ", &save))
		(void)cps_file_put(AT_FDCWD, path, word, &ignored);
	return 0;
}

/* Is everything on that this container needs? The first four are for its statistics and events. */
static bool has_all(const char *words, const struct rt_resources *res)
{
	if (!words_have(words, "memory") || !words_have(words, "pids") ||
	    !words_have(words, "cpu") || !words_have(words, "io"))
		return false;
	if ((res->cpu.cpus || res->cpu.mems) && !words_have(words, "cpuset"))
		return false;
	if (res->nhugepages && !words_have(words, "hugetlb"))
		return false;
	for (size_t i = 0; i < res->nunified; i++) {
		const char *key = res->unified[i].key;
		char name[64];

		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(key, "."), key);
		if (strcmp(name, "cgroup") != 0 && !words_have(words, name))
			return false;
	}
	return true;
}

static int v2_create(struct rt_cgroup *cg, const struct rt_resources *res, struct cps_err *err)
{
	struct rt_cgroup_dir *dir = &cg->dirs[0];
	char words[WORDS_MAX];
	char path[RT_CGROUP_FILE];
	char *p;
	int rc;

	rc = rt_cgroup_mkdir(dir, NULL, err);
	if (rc < 0)
		return rc;
	rc = words_read(rt_cgroup_file(dir, NULL, path), "cgroup.controllers", words, err);
	if (rc < 0 || has_all(words, res))
		return rc;
	/* from the top down, the container's own group excepted */
	for (p = path + strlen(dir->mount); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		rc = enable(path, err);
		if (rc < 0)
			return rc;
		*p = '/';
	}
	return 0;
}

/* The first number of one of the group's own files. */
static int read_number(const struct rt_cgroup *cg, const char *file, uint64_t *ret,
		       struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char path[RT_CGROUP_FILE];
	size_t len;
	int rc;

	rc = cps_file_read(AT_FDCWD, rt_cgroup_file(&cg->dirs[0], file, path), 4096, &text, &len,
			   err);
	if (rc == 0)
		*ret = strtoull(text, NULL, 10);
	return rc;
}

/* v1 refuses a limit that memory in use exceeds; v2 takes it and kills, unless asked first. */
static int check_before_update(const struct rt_cgroup *cg, const struct rt_resources *res,
			       struct cps_err *err)
{
	uint64_t usage = 0;
	int rc;

	if (!res->memory.check_before_update || !res->memory.limit.set || res->memory.limit.v <= 0)
		return 0;
	rc = read_number(cg, "memory.current", &usage, err);
	if (rc < 0)
		return cps_wrap(err, rc, "linux.resources.memory.checkBeforeUpdate");
	if (usage > (uint64_t)res->memory.limit.v)
		return cps_failx(err, EBUSY,
				 "linux.resources.memory.limit: %" PRIu64
				 " bytes are in use, more than %" PRId64,
				 usage, res->memory.limit.v);
	return 0;
}

static int v2_values(const struct rt_cgroup *cg, struct cps_arena *a,
		     const struct rt_resources *res, struct rt_cgroup_writes *ret,
		     struct rt_warn *warn, struct cps_err *err)
{
	cleanup_free char *cpu_max = NULL;
	char path[RT_CGROUP_FILE];
	size_t len;
	int rc;

	rc = check_before_update(cg, res, err);
	if (rc < 0)
		return rc;
	if (res->cpu.period.set && !res->cpu.quota.set) {
		rc = cps_file_read(AT_FDCWD, rt_cgroup_file(&cg->dirs[0], "cpu.max", path), 4096,
				   &cpu_max, &len, err);
		if (rc < 0 && rc != -ENOENT) /* no controller: said when it is written */
			return rc;
	}
	return rt_cgroup_values_v2(a, res, cpu_max, ret, warn, err);
}

const struct rt_cgroup_ops rt_cgroup_v2_ops = {
	.create = v2_create,
	.values = v2_values,
	.devices = rt_cgroup_v2_devices,
	.kill = rt_cgroup_v2_kill,
};
