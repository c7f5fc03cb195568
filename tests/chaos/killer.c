/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The killers: of a container's shim, of the runtimes that work for it, of its first process, at
 * random moments; the disk that is full now and then; the watch that dies and comes again.
 */
#include <config.h>
#include "chaos.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STALL_TICK_US 5000
#define STALL_NS      UINT64_C(20000000)

/* ---- who is there ---- */

static ssize_t proc_read(const char *pid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

/* Is it `capsule-shim … --id ID …`? */
static bool is_shim_of(const char *pid, const char *id)
{
	char line[4096];
	ssize_t n = proc_read(pid, "cmdline", line, sizeof(line));
	const char *base;

	if (n <= 0)
		return false;
	base = strrchr(line, '/');
	if (strcmp(base ? base + 1 : line, "capsule-shim") != 0)
		return false;
	for (const char *w = line; w < line + n; w += strlen(w) + 1)
		if (strcmp(w, "--id") == 0 && w + 5 < line + n && strcmp(w + 5, id) == 0)
			return true;
	return false;
}

static bool is_runtime_of(const char *pid, pid_t shim)
{
	char text[512];
	ssize_t n;
	int parent;
	const char *at;

	if (proc_read(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	if (!at || sscanf(at, ") %*c %d", &parent) != 1 || parent != shim)
		return false;
	n = proc_read(pid, "cmdline", text, sizeof(text));
	for (const char *w = text; n > 0 && w < text + n; w += strlen(w) + 1)
		if (strcmp(w, "serve") == 0)
			return true;
	return false;
}

pid_t shim_find(const char *id, pid_t *runtimes, unsigned max, unsigned *ret_n)
{
	struct dirent *entry;
	pid_t shim = 0;

	if (ret_n)
		*ret_n = 0;
	for (int pass = 0; pass < (max > 0 ? 2 : 1); pass++) {
		DIR *d = opendir("/proc");

		while (d && (entry = readdir(d))) {
			if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
				continue;
			if (pass == 0 && is_shim_of(entry->d_name, id))
				shim = atoi(entry->d_name);
			if (pass == 1 && *ret_n < max && is_runtime_of(entry->d_name, shim))
				runtimes[(*ret_n)++] = atoi(entry->d_name);
		}
		if (d)
			closedir(d);
		if (!shim)
			break;
	}
	return shim;
}

bool shim_measure(pid_t shim, unsigned *ret_kb, unsigned *ret_fds)
{
	char name[32], text[4096], path[64];
	const char *at;
	DIR *d;

	(void)snprintf(name, sizeof(name), "%d", (int)shim);
	if (proc_read(name, "smaps_rollup", text, sizeof(text)) <= 0)
		return false;
	at = strstr(text, "\nAnonymous:");
	if (!at || sscanf(at, "\nAnonymous: %u", ret_kb) != 1)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)shim);
	d = opendir(path);
	*ret_fds = 0;
	while (d && readdir(d))
		(*ret_fds)++;
	if (d)
		closedir(d);
	return d != NULL;
}

/* ---- against one container ---- */

static void killed(struct episode *e, enum kind k)
{
	e->killed_ns[k] = now_ns();
	e->kills[k]++;
	e->w->kills[k]++;
}

static uint64_t shim_age(pid_t shim)
{
	char name[32], text[1024];
	unsigned long long ticks;
	const char *at;

	(void)snprintf(name, sizeof(name), "%d", (int)shim);
	if (proc_read(name, "stat", text, sizeof(text)) <= 0 || !(at = strrchr(text, ')')) ||
	    sscanf(at,
		   ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &ticks) != 1)
		return 0;
	return now_ns() - ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

struct killer {
	struct episode *e;
	struct rng rng;
	uint64_t next_ns[KIND_COUNT];
	pid_t last_shim; /* that we have killed */
};

static void kill_shim(struct killer *k)
{
	pid_t shim = shim_find(k->e->id, NULL, 0, NULL);
	uint64_t age;

	if (!shim)
		return;
	if (shim == k->last_shim)
		return; /* not even dead yet */
	if (k->last_shim)
		k->e->w->count[COUNT_ADOPTED]++;
	age = shim_age(shim);
	k->e->killed_ns[KIND_SHIM] = now_ns();
	if (kill(shim, SIGKILL) == 0) {
		uint64_t n = k->e->kills[KIND_SHIM];

		k->e->shim_kills[n < SHIM_KILLS_MAX ? n : SHIM_KILLS_MAX - 1] =
			(struct shim_kill){ now_ns(), age };
		killed(k->e, KIND_SHIM);
	}
	k->last_shim = shim;
}

static void kill_runtime(struct killer *k)
{
	pid_t runtimes[8];
	unsigned n;

	/* a container that is never made tells nothing */
	if (k->e->attempt > 15 || !shim_find(k->e->id, runtimes, 8, &n) || n == 0)
		return;
	k->e->runtime_kills[k->e->kills[KIND_RUNTIME] % SHIM_KILLS_MAX] = now_ns();
	k->e->killed_ns[KIND_RUNTIME] = now_ns();
	if (kill(runtimes[rng_below(&k->rng, n)], SIGKILL) == 0)
		killed(k->e, KIND_RUNTIME);
}

/* The shim may open next to nothing for a while. */
static void starve(struct killer *k)
{
	pid_t shim = shim_find(k->e->id, NULL, 0, NULL);
	struct rlimit was, low;
	unsigned kb, fds;

	if (!shim || !shim_measure(shim, &kb, &fds) || prlimit(shim, RLIMIT_NOFILE, NULL, &was) < 0)
		return;
	low = was;
	low.rlim_cur = fds - 4 + rng_below(&k->rng, 6);
	if (prlimit(shim, RLIMIT_NOFILE, &low, NULL) < 0)
		return;
	killed(k->e, KIND_FDS);
	nap_us(1000 * rng_below(&k->rng, 200));
	(void)prlimit(shim, RLIMIT_NOFILE, &was, NULL);
	k->e->killed_ns[KIND_FDS] = now_ns();
}

static void kill_init(struct killer *k)
{
	char path[200], text[4096];
	const char *at;
	int pid, fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s/state.json", k->e->root, k->e->id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "\"pid\":");
	if (!at || sscanf(at, "\"pid\": %d", &pid) != 1 || pid <= 1)
		return;
	k->e->killed_ns[KIND_INIT] = now_ns();
	if (kill(pid, SIGKILL) == 0)
		killed(k->e, KIND_INIT);
}

static void plan_next(struct killer *k, enum kind kind)
{
	unsigned mean = k->e->plan.kill_mean_ms[kind];

	k->next_ns[kind] = mean ? now_ns() + 1000 + UINT64_C(2000) * rng_below(&k->rng, 1000 * mean)
				: UINT64_MAX;
}

void killer_run(struct episode *e)
{
	struct killer k = { .e = e, .rng = rng_make(e->w->seed, 200, e->number) };
	uint64_t init_ns = 0;

	plan_next(&k, KIND_SHIM);
	plan_next(&k, KIND_RUNTIME);
	plan_next(&k, KIND_FDS);
	while (!e->killers_stop) {
		uint64_t now = now_ns();

		if (now >= k.next_ns[KIND_SHIM]) {
			kill_shim(&k);
			plan_next(&k, KIND_SHIM);
		}
		if (now >= k.next_ns[KIND_RUNTIME]) {
			kill_runtime(&k);
			plan_next(&k, KIND_RUNTIME);
		}
		if (now >= k.next_ns[KIND_FDS]) {
			starve(&k);
			plan_next(&k, KIND_FDS);
		}
		if (e->started && e->plan.init_after_ms && !init_ns)
			init_ns = now + UINT64_C(1000000) * e->plan.init_after_ms;
		if (init_ns && now >= init_ns && !e->kills[KIND_INIT] && !e->ended)
			kill_init(&k);
		nap_us(700);
	}
	_exit(0);
}

/* ---- against all ---- */

void disk_run(struct world *w)
{
	static char zeros[65536];
	struct rng rng = rng_make(w->seed, 201, 0);

	while (!w->disk_stop) {
		struct span *span;
		int fd;

		nap_us(1000 * (100 + rng_below(&rng, 1200)));
		fd = open(DISK "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			continue;
		w->full_ns = now_ns();
		span = &w->full[w->nfull < FULL_MAX ? w->nfull : FULL_MAX - 1];
		*span = (struct span){ .from_ns = now_ns() };
		w->nfull += w->nfull < FULL_MAX;
		for (size_t size = sizeof(zeros); size >= 512; size /= 2)
			while (write(fd, zeros, size) == (ssize_t)size)
				;
		w->count[COUNT_FULL]++;
		for (unsigned ms = 20 + rng_below(&rng, 700); ms > 0 && !w->disk_stop; ms -= 10) {
			w->full_ns = now_ns();
			nap_us(10000);
			if (ms < 10)
				break;
		}
		w->full_ns = now_ns();
		close(fd);
		(void)unlink(DISK "/filler");
		w->full_ns = span->to_ns = now_ns();
	}
	_exit(0);
}

/* A process that wants a processor for next to nothing and gets none: nor does the watch. */
void stalls_run(struct world *w)
{
	while (!w->disk_stop) {
		uint64_t from = now_ns(), to;

		nap_us(STALL_TICK_US);
		to = now_ns();
		if (to - from < STALL_NS || w->nstalls == STALLS_MAX)
			continue;
		w->stalls[w->nstalls] = (struct span){ .from_ns = from, .to_ns = to };
		w->nstalls++;
	}
	_exit(0);
}

void watch_run(struct world *w, int which)
{
	const char *root = which ? ROOT_DISK : ROOT_MAIN;
	struct rng rng = rng_make(w->seed, 202, (uint64_t)which);

	for (;;) {
		pid_t pid = fork();
		uint64_t until = now_ns() + UINT64_C(1000000) * (1500 + rng_below(&rng, 8000));

		if (pid == 0) {
			execl(w->capsule, w->capsule, "--root", root, "shim", "watch",
			      (char *)NULL);
			_exit(124);
		}
		nap_us(300000);
		w->watch_down_ns[which] = now_ns();
		while (waitpid(pid, NULL, WNOHANG) == 0) {
			if (w->disk_stop || (has_kind(w, KIND_WATCH) && now_ns() > until)) {
				w->watch_down_ns[which] = UINT64_MAX;
				(void)kill(pid, SIGKILL);
				(void)waitpid(pid, NULL, 0);
				w->kills[KIND_WATCH] += !w->disk_stop;
				break;
			}
			nap_us(5000);
		}
		w->watch_down_ns[which] = UINT64_MAX;
		if (w->disk_stop)
			_exit(0);
		nap_us(1000 * rng_below(&rng, 500));
	}
}
