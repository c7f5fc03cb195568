/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of a container's interfaces.
 */
#include <config.h>

#include "counters.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "inside.h"
#include "own.h"
#include "proc.h"

#define FILE_MAX ((size_t)1 << 20)

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop …" */
static bool line_parse(const char *line, struct net_counters *ret)
{
	struct net_counters c = { 0 };

	_Static_assert(IFNAMSIZ == 16, "the width in the format below");
	if (sscanf(line,
		   " %15[^: \n]: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %*u %*u %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   c.interface, &c.rx_bytes, &c.rx_packets, &c.rx_errors, &c.rx_dropped,
		   &c.tx_bytes, &c.tx_packets, &c.tx_errors, &c.tx_dropped) != 9)
		return false;
	*ret = c;
	return strcmp(c.interface, "lo") != 0;
}

int net_counters_parse(const char *text, struct cps_arena *a, const struct net_counters **ret,
		       size_t *ret_n)
{
	struct net_counters *v;
	size_t room = 1, n = 0;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		room++;
	v = cps_arena_array(a, room, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (const char *line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0)
		n += line_parse(line, &v[n]);
	*ret = v;
	*ret_n = n;
	return 0;
}

/* Is it in the namespace that we are in? 1, 0, or -errno. */
static int is_in_ours(pid_t pid, struct cps_err *err)
{
	struct stat theirs;
	char path[40];
	int rc;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	rc = stat(path, &theirs) < 0 ? -errno : net_inside_is_ours(&theirs);
	return rc < 0 ? cps_fail(err, rc == -ENOENT ? ESRCH : -rc, "look at '%s'", path) : rc;
}

int net_counters_read(const struct net_process *init, struct cps_arena *a,
		      const struct net_counters **ret, size_t *ret_n, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char path[40];
	size_t len;
	int rc = is_in_ours(init->pid, err);

	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)init->pid);
	if (rc == 0)
		rc = cps_file_read(AT_FDCWD, path, FILE_MAX, &text, &len, err);
	/* last: what we have looked at was the same process all the time */
	if (!cps_proc_is_alive(init->pid, init->start_time))
		return cps_fail(err, ESRCH, "the container's process %d", (int)init->pid);
	if (rc >= 0 && net_counters_parse(text ? text : "", a, ret, ret_n) < 0)
		rc = cps_fail(err, ENOMEM, "counters");
	return rc < 0 ? rc : 0;
}
