/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OOM kills, see oom.h. cgroup v1 gives notice when memory runs out and thus before the kill: after
 * a notice the count is looked at for a while.
 */
#include <config.h>
#include "oom.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "cgroup-file.h"
#include "own.h"

#define LOOK_MS	  10
#define LOOKS_MAX 20

void shim_oom_init(struct shim_oom *o)
{
	memset(o, 0, sizeof(*o));
	o->count_fd = o->fd = -1;
}

uint64_t shim_oom_count(const struct shim_oom *o)
{
	cleanup_fd int late = o->count_fd < 0 && o->path ? open(o->path, O_RDONLY | O_CLOEXEC) : -1;
	uint64_t now = cps_cgroup_oom_kills(late >= 0 ? late : o->count_fd);

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

void shim_oom_start(struct shim_oom *o, struct event_base *base, const char *path,
		    void (*killed)(void *owner), void *owner)
{
	o->path = strchr(path, '/') ? strdup(path) : NULL;
	if (!o->path)
		return;
	o->count_fd = open(path, O_RDONLY | O_CLOEXEC);
	o->first = cps_cgroup_oom_kills(o->count_fd);
	o->killed = killed;
	o->owner = owner;
	o->fd = cps_cgroup_oom_watch(path, o->count_fd);
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
