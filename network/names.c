/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of one container, and what is refused to stand in them.
 */
#include <config.h>
#include "names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "file.h"
#include "hosts.h"
#include "opt.h"
#include "own.h"

#define HOST_FILE_MAX (256 * 1024)
#define WORDS_MAX     256
#define DNS_MAX	      8
#define GATEWAY_WORD  "host-gateway"

static const char localhost[] = "127.0.0.1\tlocalhost\n"
				"::1\tlocalhost ip6-localhost ip6-loopback\n"
				"ff02::1\tip6-allnodes\n"
				"ff02::2\tip6-allrouters\n";

/* -- what is a name ------------------------------------------------------------------ */

static bool is_label(const char *text, size_t len)
{
	if (len < 1 || len > 63 || text[0] == '-' || text[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-')
			return false;
	return true;
}

bool net_is_hostname(const char *text, size_t max)
{
	size_t len;

	if (strlen(text) > max)
		return false;
	for (;; text += len + 1) {
		len = strcspn(text, ".");
		if (!is_label(text, len))
			return false;
		if (!text[len])
			return true;
	}
}

static bool is_address(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1 || inet_pton(AF_INET6, text, &addr) == 1;
}

/* As the message shows what it refuses: one line, whatever is in it. */
static int refuse(struct cps_err *err, const char *option, const char *value, const char *why)
{
	cleanup_buf struct cps_buf plain = CPS_BUF_INIT;

	cps_buf_add_plain(&plain, value, strnlen(value, 80));
	return cps_failx(err, EINVAL, "%s '%s': %s", option, plain.data ? plain.data : "", why);
}

/* NAME:ADDRESS; the name ends at the first colon. */
static int add_host_split(const char *text, char name[NET_HOST_MAX + 1], const char **ret_address)
{
	size_t len = strcspn(text, ":");

	if (!text[len] || len > NET_HOST_MAX)
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	*ret_address = text + len + 1;
	if (!net_is_hostname(name, NET_HOST_MAX) && !cps_is_name(name))
		return -EINVAL;
	return strcmp(*ret_address, GATEWAY_WORD) == 0 || is_address(*ret_address) ? 0 : -EINVAL;
}

int net_names_check(const struct net_options *o, struct cps_err *err)
{
	if (o->naliases > WORDS_MAX || o->nlinks > WORDS_MAX || o->nadd_hosts > WORDS_MAX ||
	    o->ndns > DNS_MAX)
		return cps_failx(err, EINVAL,
				 "at most %d aliases, links and hosts each, and %d name servers",
				 WORDS_MAX, DNS_MAX);
	if (o->hostname && !net_is_hostname(o->hostname, NET_HOSTNAME_MAX))
		return refuse(err, "hostname", o->hostname,
			      "not a name of letters, digits, '-' and '.' (RFC 1123, at most 64)");
	for (unsigned i = 0; i < o->naliases; i++)
		if (!net_is_hostname(o->aliases[i], NET_HOST_MAX) && !cps_is_name(o->aliases[i]))
			return refuse(err, "alias", o->aliases[i], "not a name");
	for (unsigned i = 0; i < o->nlinks; i++)
		if (!cps_is_name(o->links[i].id) ||
		    (!cps_is_name(o->links[i].alias) &&
		     !net_is_hostname(o->links[i].alias, NET_HOST_MAX)))
			return refuse(err, "link", o->links[i].alias, "not a name");
	for (unsigned i = 0; i < o->ndns; i++)
		if (!is_address(o->dns[i]))
			return refuse(err, "name server", o->dns[i], "not an address");
	for (unsigned i = 0; i < o->nadd_hosts; i++) {
		char name[NET_HOST_MAX + 1];
		const char *address;

		if (add_host_split(o->add_hosts[i], name, &address) < 0)
			return refuse(err, "host", o->add_hosts[i], "not NAME:ADDRESS");
	}
	return 0;
}

/* -- the files ----------------------------------------------------------------------- */

/* The mask of whoever calls is not to keep the container's users from reading it. */
static int file_make(int dir, const char *name, const struct cps_buf *content, struct cps_err *err)
{
	int rc;

	if (content->failed)
		return cps_fail(err, ENOMEM, "%s", name);
	rc = cps_file_replace(dir, name, content->data ? content->data : "", content->len, 0644,
			      err);
	if (rc == 0 && fchmodat(dir, name, 0644, 0) < 0)
		rc = cps_fail(err, errno, "mode of '%s'", name);
	return rc;
}

/* A file of the host; one that is missing or cannot be used is empty. */
static char *host_file(const char *path)
{
	struct cps_err ignored;
	char *text = NULL;
	size_t len;

	if (cps_file_read(AT_FDCWD, path, HOST_FILE_MAX, &text, &len, &ignored) < 0)
		return NULL;
	if (strlen(text) != len)
		cps_free_at(&text);
	return text;
}

static int resolv_make(int dir, const struct net_options *o, bool host, struct cps_err *err)
{
	cleanup_free char *text = host_file("/etc/resolv.conf");
	cleanup_free char *upstream = NULL;
	cleanup_buf struct cps_buf out = CPS_BUF_INIT;
	unsigned left_out;

	net_resolv_write(text ? text : "", o->dns, o->ndns, host, &out, &left_out);
	/* the stub of systemd-resolved listens on loopback, and says elsewhere whom it asks */
	if (left_out && !o->ndns)
		upstream = host_file("/run/systemd/resolve/resolv.conf");
	if (upstream) {
		cps_buf_done(&out);
		net_resolv_write(upstream, o->dns, o->ndns, host, &out, &left_out);
	}
	return file_make(dir, "resolv.conf", &out, err);
}

static void base_write(const struct net_options *o, bool host, struct cps_buf *out)
{
	cleanup_free char *hosts = host ? host_file("/etc/hosts") : NULL;

	cps_buf_puts(out, hosts && hosts[0] ? hosts : localhost);
	if (out->len && out->data[out->len - 1] != '\n')
		cps_buf_puts(out, "\n");
	for (unsigned i = 0; i < o->nadd_hosts; i++) {
		char name[NET_HOST_MAX + 1];
		const char *address;

		if (add_host_split(o->add_hosts[i], name, &address) < 0)
			continue; /* checked before */
		if (strcmp(address, GATEWAY_WORD) != 0)
			cps_buf_printf(out, "%s\t%s\n", address, name);
		else if (host)
			cps_buf_printf(out, "127.0.0.1\t%s\n", name);
		else
			cps_buf_printf(out, "@ %s\n", name);
	}
	for (unsigned i = 0; i < o->nlinks; i++)
		cps_buf_printf(out, "@%s %s\n", o->links[i].id, o->links[i].alias);
}

static int hostname_make(int dir, const char *id, const struct net_options *o, bool host,
			 struct cps_err *err)
{
	cleanup_buf struct cps_buf out = CPS_BUF_INIT;
	char name[NET_HOSTNAME_MAX + 1] = "";

	if (o->hostname || !host)
		(void)snprintf(name, sizeof(name), "%s", o->hostname ? o->hostname : id);
	else if (gethostname(name, sizeof(name) - 1) < 0)
		return cps_fail(err, errno, "the host's name");
	cps_buf_printf(&out, "%s\n", name);
	return file_make(dir, "hostname", &out, err);
}

int net_names_prepare(int container_dir, const char *id, const struct net_options *o,
		      struct cps_err *err)
{
	cleanup_buf struct cps_buf base = CPS_BUF_INIT;
	cleanup_buf struct cps_buf hosts = CPS_BUF_INIT;
	bool host = o->network && strcmp(o->network, "host") == 0;
	int rc = net_names_check(o, err);

	if (rc < 0)
		return rc;
	base_write(o, host, &base);
	if (base.failed)
		return cps_fail(err, ENOMEM, "hosts");
	net_hosts_compose(base.data, id, NULL, 0, &hosts);
	/* nobody else will tell it who it is */
	if (o->network && strcmp(o->network, "none") == 0)
		cps_buf_printf(&hosts, "127.0.0.1\t%s%s%s\n", id, o->hostname ? " " : "",
			       o->hostname ? o->hostname : "");
	rc = file_make(container_dir, NET_HOSTS_BASE, &base, err);
	if (rc == 0)
		rc = file_make(container_dir, NET_HOSTS_FILE, &hosts, err);
	if (rc == 0)
		rc = hostname_make(container_dir, id, o, host, err);
	return rc < 0 ? rc : resolv_make(container_dir, o, host, err);
}
