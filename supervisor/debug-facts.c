/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about a container from outside, see debug-facts.h.
 */
#include <config.h>

#include "debug-facts.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "own.h"
#include "proc.h"

#define SHIM_LOG_LINES 20
#define SHIM_LOG_BYTES 262144
#define TEXT_MAX       4096

/* The file's text without blanks at its end; false if there is nothing. */
static bool text_read(int dirfd, const char *name, char **ret)
{
	struct cps_err ignored;
	size_t len;

	if (cps_file_read(dirfd, name, TEXT_MAX, ret, &len, &ignored) < 0)
		return false;
	while (len > 0 && isspace((unsigned char)(*ret)[len - 1]))
		(*ret)[--len] = '\0';
	return len > 0;
}

/* ---- processes ---- */

static void status_write(int proc, struct cps_jsonw *w)
{
	static const char *const wanted[][2] = {
		{ "State:", "state" },	      { "VmRSS:", "rss" },
		{ "RssAnon:", "rss_anon" },   { "Threads:", "threads" },
		{ "SigPnd:", "sig_pending" }, { "ShdPnd:", "shared_sig_pending" },
		{ "SigBlk:", "sig_blocked" },
	};
	cleanup_free char *text = NULL;

	if (!text_read(proc, "status", &text))
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const char *at = strstr(text, wanted[i][0]);

		if (!at)
			continue;
		at += strlen(wanted[i][0]);
		at += strspn(at, " \t");
		cps_jsonw_strn(w, wanted[i][1], at, strcspn(at, "\n"));
	}
}

static void fds_write(int proc, struct cps_jsonw *w)
{
	int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned n = 0;

	if (!dir) {
		cps_close(&fd);
		return;
	}
	while (readdir(dir))
		n++;
	cps_jsonw_u64(w, "fds", n - 2); /* . and .. */
}

static void stack_write(int proc, struct cps_jsonw *w)
{
	cleanup_free char *text = NULL;

	if (!text_read(proc, "stack", &text))
		return;
	cps_jsonw_open(w, "stack", '[');
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		/* "[<0>] do_epoll_wait+0x7d/0x130" */
		const char *name = strchr(line, ' ');

		cps_jsonw_str(w, NULL, name ? name + 1 : line);
	}
	cps_jsonw_close(w, ']');
}

void sup_facts_process(const struct sup_identity *who, const char *key, struct cps_jsonw *w)
{
	cleanup_free char *wchan = NULL;
	cleanup_fd int proc = -1;
	char path[32];

	cps_jsonw_open(w, key, '{');
	cps_jsonw_i64(w, "pid", who->pid);
	cps_jsonw_bool(w, "alive", who->pid > 0 && sup_identity_is_alive(who));
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)who->pid);
	/* a zombie is not alive, and still worth to be shown */
	if (who->pid > 0) {
		uint64_t start = 0;

		if (cps_proc_start_time(who->pid, &start) == 0 && start == who->start_time)
			proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (proc >= 0) {
		status_write(proc, w);
		fds_write(proc, w);
		if (text_read(proc, "wchan", &wchan))
			cps_jsonw_str(w, "wchan", wchan);
		stack_write(proc, w);
	}
	cps_jsonw_close(w, '}');
}

/* ---- files ---- */

void sup_facts_files(const struct sup_container *c, struct cps_jsonw *w)
{
	cps_jsonw_open(w, "files", '{');
	if (c->shim_json)
		cps_jsonw_node(w, "shim.json", c->shim_json);
	if (c->state_json)
		cps_jsonw_node(w, "state.json", c->state_json);
	if (c->exit_json)
		cps_jsonw_node(w, "exit.json", c->exit_json);
	cps_jsonw_close(w, '}');
}

void sup_facts_fifos(int dirfd, struct cps_jsonw *w)
{
	static const char *const names[] = { "stdout", "stderr" };

	cps_jsonw_open(w, "fifos", '{');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_fd int fd =
			openat(dirfd, names[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
		struct stat st;
		int waiting = 0;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
		    ioctl(fd, FIONREAD, &waiting) == 0)
			cps_jsonw_i64(w, names[i], waiting);
	}
	cps_jsonw_close(w, '}');
}

static void cgroup_write(const char *path, struct cps_jsonw *w)
{
	static const char *const names[] = {
		"memory.usage_in_bytes",
		"memory.max_usage_in_bytes",
		"memory.limit_in_bytes",
		"memory.failcnt",
		"memory.oom_control",
		"memory.current",
		"memory.peak",
		"memory.max",
		"memory.events",
		"pids.current",
		"pids.max",
		"freezer.state",
		"cgroup.freeze",
		"cgroup.events",
		"cgroup.procs",
		"cpu.stat",
	};
	cleanup_fd int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	cps_jsonw_open(w, path, '{');
	for (size_t i = 0; dir >= 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_free char *text = NULL;

		if (!text_read(dir, names[i], &text))
			continue;
		for (char *c = text; *c; c++)
			*c = *c == '\n' ? ' ' : *c;
		cps_jsonw_str(w, names[i], text);
	}
	cps_jsonw_close(w, '}');
}

void sup_facts_cgroups(const struct sup_container *c, struct cps_jsonw *w)
{
	const struct cps_json *dirs = cps_json_get(cps_json_get(c->state_json, "cgroup"), "dirs");

	cps_jsonw_open(w, "cgroups", '{');
	for (const struct cps_json *d = dirs ? dirs->first : NULL; d; d = d->next) {
		const char *mount, *path;
		char full[PATH_MAX];
		struct cps_err ignored;

		if (cps_json_str(cps_json_get(d, "mount"), &mount, &ignored) < 0 ||
		    cps_json_str(cps_json_get(d, "path"), &path, &ignored) < 0)
			continue;
		(void)snprintf(full, sizeof(full), "%s%s", mount, path);
		cgroup_write(full, w);
	}
	cps_jsonw_close(w, '}');
}

void sup_facts_shim_log(int dirfd, struct cps_jsonw *w)
{
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	unsigned lines = 0;
	size_t from, len;

	cps_jsonw_open(w, "shim_log", '[');
	if (cps_file_read(dirfd, "shim.log", SHIM_LOG_BYTES, &text, &len, &ignored) == 0) {
		for (from = len; from > 0; from--) {
			if (text[from - 1] == '\n' && lines++ == SHIM_LOG_LINES)
				break;
		}
		for (char *line = strtok(text + from, "\n"); line; line = strtok(NULL, "\n"))
			cps_jsonw_str(w, NULL, line);
	}
	cps_jsonw_close(w, ']');
}
