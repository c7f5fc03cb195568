/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OOM kills, see oom.h. cgroup v1 gives notice through an eventfd registered in
 * cgroup.event_control, when memory runs out and thus before the kill; v2 touches memory.events,
 * which inotify sees.
 */
#include <config.h>
#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include "own.h"

#define LOOK_MS	  10
#define LOOKS_MAX 20

void shim_oom_init(struct shim_oom *o)
{
	memset(o, 0, sizeof(*o));
	o->count_fd = o->fd = -1;
}

/* The number behind "oom_kill " in the file; 0 if it cannot be had (the cgroup is gone). */
static uint64_t count_read(int fd)
{
	char buf[1024];
	const char *at = buf;
	ssize_t n;

	n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf) - 1, 0);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	while (at) {
		if (strncmp(at, "oom_kill ", strlen("oom_kill ")) == 0)
			return strtoull(at + strlen("oom_kill "), NULL, 10);
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

uint64_t shim_oom_count(const struct shim_oom *o)
{
	cleanup_fd int late = o->count_fd < 0 && o->path ? open(o->path, O_RDONLY | O_CLOEXEC) : -1;
	uint64_t now = count_read(late >= 0 ? late : o->count_fd);

	return now > o->first ? now - o->first : 0;
}

static void look(struct shim_oom *o)
{
	uint64_t count = shim_oom_count(o);

	if (count > o->told) {
		o->told = count;
		o->looks = 0;
		o->killed(o->owner);
	}
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct shim_oom *o = arg;
	struct timeval tv = { .tv_usec = LOOK_MS * 1000 };

	(void)fd;
	(void)what;
	look(o);
	if (o->looks > 0 && o->looks-- > 1)
		(void)event_add(&o->look_event, &tv);
}

static void on_notice(evutil_socket_t fd, short what, void *arg)
{
	struct shim_oom *o = arg;
	struct timeval tv = { .tv_usec = LOOK_MS * 1000 };
	char buf[512];

	(void)what;
	if (read(fd, buf, sizeof(buf)) <= 0)
		return;
	o->looks = LOOKS_MAX;
	look(o);
	if (o->looks > 0)
		(void)event_add(&o->look_event, &tv);
}

/* "<eventfd> <fd of memory.oom_control>" into cgroup.event_control of the same directory. */
static int watch_v1(const char *path, int file)
{
	cleanup_fd int notice = -1;
	cleanup_fd int control = -1;
	cleanup_free char *control_path = NULL;
	char line[32];
	int n;

	if (asprintf(&control_path, "%.*s/cgroup.event_control", (int)(strrchr(path, '/') - path),
		     path) < 0) {
		control_path = NULL;
		return -ENOMEM;
	}
	control = open(control_path, O_WRONLY | O_CLOEXEC);
	notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (control < 0 || file < 0 || notice < 0)
		return -errno;
	n = snprintf(line, sizeof(line), "%d %d", notice, file);
	if (write(control, line, (size_t)n) != n)
		return -errno;
	return take_fd(&notice);
}

static int watch_v2(const char *path)
{
	cleanup_fd int notice = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (notice < 0 || inotify_add_watch(notice, path, IN_MODIFY) < 0)
		return -errno;
	return take_fd(&notice);
}

void shim_oom_start(struct shim_oom *o, struct event_base *base, const char *path,
		    void (*killed)(void *owner), void *owner)
{
	const char *name = strrchr(path, '/');

	o->path = name ? strdup(path) : NULL;
	if (!o->path)
		return;
	o->count_fd = open(path, O_RDONLY | O_CLOEXEC);
	o->first = count_read(o->count_fd);
	o->killed = killed;
	o->owner = owner;
	o->fd = strcmp(name, "/memory.oom_control") == 0 ? watch_v1(path, o->count_fd)
							 : watch_v2(path);
	if (o->fd < 0) {
		o->fd = -1;
		return;
	}
	o->watching = true;
	(void)event_assign(&o->look_event, base, -1, 0, on_look, o);
	(void)event_assign(&o->event, base, o->fd, EV_READ | EV_PERSIST, on_notice, o);
	(void)event_add(&o->event, NULL);
}

void shim_oom_resume(struct shim_oom *o, uint64_t first)
{
	o->first = first;
	o->told = shim_oom_count(o);
}

void shim_oom_stop(struct shim_oom *o)
{
	if (!o->watching)
		return;
	o->watching = false;
	(void)event_del(&o->event);
	(void)event_del(&o->look_event);
	cps_close(&o->fd);
}

void shim_oom_done(struct shim_oom *o)
{
	shim_oom_stop(o);
	cps_close(&o->count_fd);
	cps_free_at(&o->path);
}
