/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts of all members of a network, when one joins or leaves.
 *
 * What the members have in common is made once, and kept in the network's directory, so that of the
 * members only the one that has changed is read. For 500 of them that is one section of 20 kB, and
 * 500 writes of it.
 */
#include <config.h>
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint.h"
#include "file.h"
#include "hosts.h"
#include "network.h"
#include "own.h"

#define CONTAINERS  "../containers"
#define SECTION_MAX (16 * 1024 * 1024)
#define BASE_MAX    (512 * 1024)

struct others { /* networks that a container may be on, too */
	const char **names;
	size_t n;
};

/* -- the section --------------------------------------------------------------------- */

static void word_add(struct cps_buf *out, const char *id, const char *word)
{
	if (strcmp(word, id) != 0)
		cps_buf_printf(out, " %s", word);
}

/* A line for each address. */
static void member_write(const struct net_endpoint *e, struct cps_buf *out)
{
	for (unsigned i = 0; i < e->naddresses; i++) {
		char address[NET_ADDR_SIZE];

		net_addr_format(&e->addresses[i], address);
		cps_buf_printf(out, "%s\t%s", address, e->id);
		if (e->name)
			word_add(out, e->id, e->name);
		word_add(out, e->id, e->hostname);
		for (const char *const *alias = e->aliases; *alias; alias++)
			word_add(out, e->id, *alias);
		cps_buf_puts(out, "\n");
	}
}

/* The lines that a member had, or those that it has now. */
static void member_add(const struct net_dir *d, const struct net_section *old, const char *id,
		       bool fresh, struct cps_buf *out)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct net_hosts_line *l;
	struct net_endpoint e;
	struct cps_err ignored;
	size_t n;

	l = fresh ? NULL : net_section_find(old, id, strlen(id), &n);
	for (; l && n; n--, l++)
		cps_buf_add(out, l->text, l->len);
	if (!l && net_endpoint_load(d, id, &a, &e, &ignored) == 0)
		member_write(&e, out);
}

static int section_load(int dir, struct cps_arena *a, struct net_section *ret, struct cps_err *err)
{
	cleanup_free char *text = NULL;
	char *copy;
	size_t len;
	int rc = cps_file_read(dir, NET_HOSTS_FILE, SECTION_MAX, &text, &len, err);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	copy = cps_arena_strndup(a, rc < 0 ? "" : text, rc < 0 ? 0 : len);
	if (!copy || net_section_parse(copy, rc < 0 ? 0 : len, a, ret) < 0)
		return cps_fail(err, ENOMEM, "names");
	return 0;
}

static int section_make(const struct net_dir *d, const struct net_network *network,
			const char *const *ids, size_t nids, const char *changed,
			struct cps_buf *out, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct net_section old;
	int rc = section_load(d->fd, &a, &old, err);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < network->nsubnets; i++) {
		char address[NET_ADDR_SIZE];

		net_addr_format(&network->gateways[i], address);
		cps_buf_printf(out, "# gateway %s\n", address);
	}
	for (size_t i = 0; i < nids; i++)
		member_add(d, &old, ids[i], strcmp(ids[i], changed) == 0, out);
	if (out->failed)
		return cps_fail(err, ENOMEM, "names");
	return cps_file_replace(d->fd, NET_HOSTS_FILE, out->data ? out->data : "", out->len, 0600,
				err);
}

/* -- the files ----------------------------------------------------------------------- */

/* In place, since the file is mounted: first the new content over the old one, then the length. Who
 * reads in between finds every line that stays. */
static int content_put(int fd, const struct cps_buf *content)
{
	size_t done = 0;
	struct stat st;

	while (done < content->len) {
		ssize_t n = pwrite(fd, content->data + done, content->len - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	/* only where it is to become shorter: it costs as much as the rest together */
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_size > (off_t)content->len && ftruncate(fd, (off_t)content->len) < 0 ? -errno
											  : 0;
}

/* The sections of the other networks that it is on. */
static int others_load(const struct net *n, const struct others *others, const char *id,
		       struct cps_arena *a, struct net_section *sections, size_t *count,
		       struct cps_err *err)
{
	for (size_t i = 0; i < others->n; i++) {
		struct net_dir d cleanup_net_dir = NET_DIR_INIT;
		int rc;

		if (net_dir_open(n, others->names[i], false, &d, err) < 0 ||
		    !net_endpoint_is_there(&d, id))
			continue;
		rc = section_load(d.fd, a, &sections[*count], err);
		if (rc < 0)
			return rc;
		*count += 1;
	}
	return 0;
}

/*
 * One container's file. A container of several networks has several that write it, each under its
 * own network's lock: the base is locked, and the other sections are read only then, so that who
 * comes last has seen everything. -ENOENT: it has no such files, it was made of a bundle.
 */
static int hosts_write(const struct net *n, int containers, const char *id,
		       const struct net_section *section, const struct others *others,
		       struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf content = CPS_BUF_INIT;
	cleanup_free char *base = NULL;
	cleanup_fd int dir = openat(containers, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int base_fd = -1;
	cleanup_fd int fd = -1;
	struct net_section *sections;
	size_t count = section ? 1 : 0, len;
	int rc;

	if (dir < 0)
		return cps_fail(err, errno, "open the directory of container %s", id);
	base_fd = openat(dir, NET_HOSTS_BASE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	fd = openat(dir, NET_HOSTS_FILE, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (base_fd < 0 || fd < 0)
		return cps_fail(err, errno, "open the hosts of container %s", id);
	sections = cps_arena_array(&a, others->n + 1, sizeof(*sections));
	if (!sections)
		return cps_fail(err, ENOMEM, "names");
	if (section)
		sections[0] = *section;
	if (others->n)
		while (flock(base_fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return cps_fail(err, errno, "lock the hosts of container %s", id);
	rc = others_load(n, others, id, &a, sections, &count, err);
	if (rc == 0)
		rc = cps_fd_read(base_fd, NET_HOSTS_BASE, BASE_MAX, &base, &len, err);
	if (rc < 0)
		return rc;
	net_hosts_compose(base, id, sections, count, &content);
	rc = content.failed ? -ENOMEM : content_put(fd, &content);
	return rc < 0 ? cps_fail(err, -rc, "write the hosts of container %s", id) : 0;
}

/* All networks but this one. */
static int others_list(const struct net *n, const char *network, struct cps_arena *a,
		       struct others *ret, struct cps_err *err)
{
	const char **names;
	size_t count, kept = 0;
	int rc = net_network_list(n, a, &names, &count, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], network) != 0)
			names[kept++] = names[i];
	*ret = (struct others){ names, kept };
	return 0;
}

int net_names_update(const struct net *n, const struct net_dir *d,
		     const struct net_network *network, const char *changed, struct cps_err *err)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf text = CPS_BUF_INIT;
	cleanup_fd int containers = openat(n->fd, CONTAINERS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct net_section section;
	struct others others = { NULL, 0 };
	const char **ids;
	size_t nids;
	bool member = false;
	int rc = net_endpoint_list(d, &a, &ids, &nids, err);

	if (rc == 0)
		rc = section_make(d, network, ids, nids, changed, &text, err);
	if (rc == 0)
		rc = others_list(n, network->name, &a, &others, err);
	if (rc < 0 || containers < 0)
		return rc; /* nobody has files */
	if (net_section_parse(text.data ? text.data : "", text.len, &a, &section) < 0)
		return cps_fail(err, ENOMEM, "names");
	for (size_t i = 0; i < nids; i++) {
		struct cps_err one;
		bool is_changed = strcmp(ids[i], changed) == 0;

		member |= is_changed;
		if (hosts_write(n, containers, ids[i], &section, &others, &one) < 0 && is_changed &&
		    one.num != ENOENT) {
			*err = one;
			rc = -one.num;
		}
	}
	/* it has left, and may live on with its other networks */
	if (!member) {
		struct cps_err ignored;

		(void)hosts_write(n, containers, changed, NULL, &others, &ignored);
	}
	return rc;
}
