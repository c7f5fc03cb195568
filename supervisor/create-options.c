/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that `create` and `run` share, as text and as members of a request.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "create.h"
#include "log-files.h"
#include "proc.h"

unsigned sup_log_options_rows(struct sup_log_options *log, struct cps_opt *rows)
{
	const struct cps_opt mine[SUP_LOG_OPTIONS] = {
		{ "log-driver", 0, CPS_OPT_STR, &log->driver, "DRIVER",
		  "how output is kept: cri (default), json-file, none" },
		{ "log-max-size", 0, CPS_OPT_STR, &log->max_size, "BYTES",
		  "rotate a log of this size (10m; 0: never)" },
		{ "log-max-files", 0, CPS_OPT_STR, &log->max_files, "N",
		  "how many log files are kept (5)" },
		{ "log-mode", 0, CPS_OPT_STR, &log->mode, "MODE",
		  "if the disk cannot follow: block (default) or drop" },
	};

	memcpy(rows, mine, sizeof(mine));
	return SUP_LOG_OPTIONS;
}

unsigned sup_create_rows(struct sup_create *create, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "bundle", 'b', CPS_OPT_STR, &create->bundle, "DIR",
		  "directory of config.json (the current one)" },
		{ "pid-file", 0, CPS_OPT_STR, &create->pid_file, "FILE",
		  "write the pid of the container's first process there" },
		{ "stop-signal", 0, CPS_OPT_STR, &create->stop_signal, "SIGNAL",
		  "what `stop` sends first (SIGTERM)" },
		{ "stop-timeout", 0, CPS_OPT_STR, &create->stop_timeout, "SECONDS",
		  "how long `stop` waits before SIGKILL (10)" },
		{ "jobs-max", 0, CPS_OPT_STR, &create->jobs_max, "N",
		  "how many finished jobs are remembered (100)" },
		{ "systemd-cgroup", 0, CPS_OPT_FLAG, &create->systemd_cgroup, NULL,
		  "have systemd make its cgroup (linux.cgroupsPath: slice:prefix:name)" },
		{ "net", 0, CPS_OPT_STR, &create->network, "NAME", NULL },
		{ "network", 0, CPS_OPT_STR, &create->network, "NAME",
		  "network to join; none, host (capsule_bridge0 if config.json asks for a network "
		  "namespace)" },
		{ "port", 'p', CPS_OPT_LIST, &create->ports, "[IP:]HOST:CONTAINER[/udp]",
		  "publish a port, or a range, of the container" },
	};
	unsigned n = sizeof(mine) / sizeof(mine[0]);

	memcpy(rows, mine, sizeof(mine));
	return n + sup_log_options_rows(&create->log, rows + n);
}

void sup_create_done(struct sup_create *create)
{
	sup_opt_list_done(&create->ports);
}

static int word_check(const char *option, const char *given, const char *const *words,
		      struct cps_err *err)
{
	for (size_t i = 0; given && words[i]; i++)
		if (strcmp(given, words[i]) == 0)
			return 0;
	return given ? cps_failx(err, EINVAL, "--%s: '%.40s' is none", option, given) : 0;
}

int sup_log_options_write(const struct sup_log_options *log, struct cps_jsonw *w,
			  struct cps_err *err)
{
	static const char *const drivers[] = { "cri", "json-file", "none", NULL };
	static const char *const modes[] = { "block", "drop", NULL };
	uint64_t size;
	int64_t files;
	int rc;

	if (!log->path && !log->driver && !log->mode && !log->max_size && !log->max_files)
		return 0;
	rc = word_check("log-driver", log->driver, drivers, err);
	if (rc == 0)
		rc = word_check("log-mode", log->mode, modes, err);
	if (rc < 0)
		return rc;
	if (log->max_size && cps_size_parse(log->max_size, &size) < 0)
		return cps_failx(err, EINVAL, "--log-max-size: '%.40s' is no size", log->max_size);
	if (log->max_files && cps_num_parse(log->max_files, 1, SUP_LOG_FILES_MAX, &files) < 0)
		return cps_failx(err, EINVAL, "--log-max-files: '%.40s' is not from 1 to %d",
				 log->max_files, SUP_LOG_FILES_MAX);
	cps_jsonw_open(w, "log", '{');
	if (log->path)
		cps_jsonw_str(w, "path", log->path);
	if (log->driver)
		cps_jsonw_str(w, "driver", log->driver);
	if (log->mode)
		cps_jsonw_str(w, "mode", log->mode);
	if (log->max_size)
		cps_jsonw_u64(w, "max_size", size);
	if (log->max_files)
		cps_jsonw_i64(w, "max_files", files);
	cps_jsonw_close(w, '}');
	return 0;
}

int sup_stop_options_write(const struct sup_create *create, struct cps_jsonw *w,
			   struct cps_err *err)
{
	int64_t ms, jobs;
	int signal;

	if (create->stop_signal) {
		if (cps_signal_parse(create->stop_signal, &signal) < 0)
			return cps_failx(err, EINVAL, "--stop-signal: no such signal: '%.40s'",
					 create->stop_signal);
		cps_jsonw_i64(w, "stop_signal", signal);
	}
	if (create->stop_timeout) {
		if (cps_duration_parse(create->stop_timeout, &ms) < 0)
			return cps_failx(err, EINVAL, "--stop-timeout: '%.40s' is no time",
					 create->stop_timeout);
		cps_jsonw_i64(w, "stop_timeout_ms", ms);
	}
	if (create->jobs_max) {
		if (cps_num_parse(create->jobs_max, 0, 1000000, &jobs) < 0)
			return cps_failx(err, EINVAL, "--jobs-max: '%.40s' is no such number",
					 create->jobs_max);
		cps_jsonw_i64(w, "jobs_max", jobs);
	}
	return 0;
}
