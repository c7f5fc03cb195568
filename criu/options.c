/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See options.h.
 */
#include <config.h>

#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "own.h"

#define LOG_LEVEL 4

unsigned criu_options_rows(struct criu_options *o, struct cps_opt *rows)
{
	const struct cps_opt shared[CRIU_OPTION_ROWS] = {
		{ "image-path", 0, CPS_OPT_STR, &o->image_path, "DIR",
		  "where the images are (default: ./checkpoint)" },
		{ "work-path", 0, CPS_OPT_STR, &o->work_path, "DIR",
		  "where CRIU writes its log (default: the images' directory)" },
		{ "tcp-established", 0, CPS_OPT_FLAG, &o->tcp_established, NULL,
		  "with open TCP connections" },
		{ "ext-unix-sk", 0, CPS_OPT_FLAG, &o->ext_unix_sk, NULL,
		  "with Unix sockets whose other end is outside" },
		{ "shell-job", 0, CPS_OPT_FLAG, &o->shell_job, NULL,
		  "with a terminal that is the caller's" },
		{ "file-locks", 0, CPS_OPT_FLAG, &o->file_locks, NULL, "with file locks" },
		{ "manage-cgroups-mode", 0, CPS_OPT_STR, &o->cgroups_mode, "MODE",
		  "what CRIU does with groups in the container's: soft (default), full, strict, "
		  "ignore" },
		{ "empty-ns", 0, CPS_OPT_LIST, &o->empty_ns, "NAME",
		  "make this namespace, without what is in it (network)" },
		{ "auto-dedup", 0, CPS_OPT_FLAG, &o->auto_dedup, NULL,
		  "pages that a later image has again are taken out of the earlier ones" },
		{ "lazy-pages", 0, CPS_OPT_FLAG, &o->lazy_pages, NULL,
		  "memory comes when it is touched, by way of `criu lazy-pages`" },
	};

	memset(o, 0, sizeof(*o));
	o->status = -1;
	memcpy(rows, shared, sizeof(shared));
	return CRIU_OPTION_ROWS;
}

void criu_options_done(struct criu_options *o)
{
	cps_free_at(&o->empty_ns.values);
}

static int apply_cgroups_mode(const char *mode, Criu__Options *to, struct cps_err *err)
{
	static const struct {
		const char *name;
		Criu__CgroupMode mode;
	} modes[] = { { "soft", CRIU__CGROUP_MODE__SOFT },
		      { "full", CRIU__CGROUP_MODE__FULL },
		      { "strict", CRIU__CGROUP_MODE__STRICT },
		      { "ignore", CRIU__CGROUP_MODE__IGNORE } };

	if (!mode || !mode[0])
		return 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, mode) == 0) {
			to->has_cgroup_mode = true;
			to->cgroup_mode = modes[i].mode;
			return 0;
		}
	return cps_failx(err, EINVAL, "Invalid manage cgroups mode: '%s'", mode);
}

static int apply_empty_ns(const struct cps_opt_list *names, Criu__Options *to, struct cps_err *err)
{
	for (unsigned i = 0; i < names->count; i++) {
		if (strcmp(names->values[i], "network") != 0)
			return cps_failx(err, EINVAL, "namespace \"%s\" is not supported",
					 names->values[i]);
		to->has_empty_namespaces = true;
		to->empty_namespaces |= CLONE_NEWNET;
	}
	return 0;
}

/* "ADDRESS:PORT", "[v6]:PORT"; CRIU itself looks no names up. */
static int apply_page_server(const char *text, struct criu_message *m, struct cps_err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *colon = text ? strrchr(text, ':') : NULL;
	struct addrinfo *found = NULL;
	char host[256], address[NI_MAXHOST];
	int64_t port;
	size_t n;
	int rc;

	if (!text || !text[0])
		return 0;
	n = colon ? (size_t)(colon - text) : 0;
	if (n == 0 || n >= sizeof(host) || cps_num_parse(colon + 1, 1, 65535, &port) < 0)
		return cps_failx(err, EINVAL,
				 "Use --page-server ADDRESS:PORT to specify page server: '%.64s'",
				 text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		memmove(host, host + 1, n - 1);
	}
	rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc == 0)
		rc = getnameinfo(found->ai_addr, found->ai_addrlen, address, sizeof(address), NULL,
				 0, NI_NUMERICHOST);
	if (found)
		freeaddrinfo(found);
	if (rc != 0)
		return cps_failx(err, EINVAL, "--page-server '%s': %s", host, gai_strerror(rc));
	m->page_server.address = cps_arena_strdup(m->arena, address);
	m->failed = m->failed || !m->page_server.address;
	m->page_server.has_port = true;
	m->page_server.port = (int32_t)port;
	return 0;
}

static int apply_status_fd(struct criu_options *o, struct cps_err *err)
{
	int64_t fd;
	int flags;

	if (!o->status_fd || !o->lazy_pages)
		return 0;
	if (cps_num_parse(o->status_fd, 0, 1 << 20, &fd) < 0)
		return cps_failx(err, EINVAL, "--status-fd '%s' is no descriptor", o->status_fd);
	flags = fcntl((int)fd, F_GETFL);
	if (flags < 0)
		return cps_fail(err, errno, "invalid --status-fd argument %lld", (long long)fd);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return cps_failx(err, EBADF, "invalid --status-fd argument %lld: not writable",
				 (long long)fd);
	o->status = (int)fd;
	return 0;
}

#define SET(field, value) (to->has_##field = to->field = (value))

int criu_options_apply(struct criu_options *o, struct criu_message *m, struct cps_err *err)
{
	Criu__Options *to = &m->options;
	int rc;

	SET(leave_running, o->leave_running);
	SET(link_remap, o->link_remap);
	SET(tcp_skip_in_flight, o->tcp_skip_in_flight);
	SET(tcp_established, o->tcp_established);
	SET(ext_unix_sk, o->ext_unix_sk);
	SET(shell_job, o->shell_job);
	SET(file_locks, o->file_locks);
	SET(auto_dedup, o->auto_dedup);
	SET(lazy_pages, o->lazy_pages);
	if (o->parent_path && o->parent_path[0]) {
		to->parent_images = cps_arena_strdup(m->arena, o->parent_path);
		m->failed = m->failed || !to->parent_images;
		SET(track_memory, true);
	}
	rc = apply_cgroups_mode(o->cgroups_mode, to, err);
	if (rc == 0)
		rc = apply_empty_ns(&o->empty_ns, to, err);
	if (rc == 0)
		rc = apply_page_server(o->page_server, m, err);
	return rc < 0 ? rc : apply_status_fd(o, err);
}

static const char *config_file(const struct rt_spec *spec)
{
	for (size_t i = 0; i < spec->nannotations; i++)
		if (strcmp(spec->annotations[i].key, "org.criu.config") == 0)
			return spec->annotations[i].value;
	return "/etc/criu/runc.conf";
}

void criu_request_begin(struct criu_message *m, const struct criu_images *im, const char *log_name,
			const struct rt_spec *spec)
{
	Criu__Options *to = &m->options;
	const char *config = config_file(spec);

	to->images_fd = im->fd;
	to->has_work_fd = true;
	to->work_fd = im->work_fd;
	to->log_file = cps_arena_strdup(m->arena, log_name);
	m->failed = m->failed || !to->log_file;
	to->has_log_level = true;
	to->log_level = LOG_LEVEL;
	SET(notify_scripts, true);
	SET(manage_cgroups, true);
	SET(orphan_pts_master, true);
	if (config[0]) {
		to->config_file = cps_arena_strdup(m->arena, config);
		m->failed = m->failed || !to->config_file;
	}
}

const char *criu_external_name(enum rt_ns ns)
{
	return ns == RT_NS_NET ? "extRootNetNS" : ns == RT_NS_PID ? "extRootPidNS" : NULL;
}

int criu_refused(const struct criu_answer *answer, Criu__Kind kind, const struct criu_images *im,
		 const char *log_name, struct cps_err *err)
{
	int num = answer->error_number > 0 ? answer->error_number : EIO;
	char text[280];

	criu_log_error(im->work_fd, log_name, text, sizeof(text));
	if (!text[0])
		(void)snprintf(text, sizeof(text), "%s", answer->error_text);
	return cps_failx(err, num, "criu failed: type %s errno %d: %s (log file: %s/%s)",
			 criu_kind_name(kind), answer->error_number,
			 text[0] ? text : "it does not say why", im->work_path, log_name);
}
