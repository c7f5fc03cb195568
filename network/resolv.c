/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolv.conf(5) of a container.
 */
#include <config.h>
#include "names.h"

#include <arpa/inet.h>
#include <string.h>

#define SERVERS_MAX 3 /* what resolvers look at */
#define LINE_MAX_   512

/* Used where the host has no name server that a container could reach. */
static const char *const fallback[] = { "1.1.1.1", "8.8.8.8" };

static bool is_loopback(const char *text)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_address(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1 || inet_pton(AF_INET6, text, &addr) == 1;
}

/* The rest of a line whose first word is this; NULL if it is another. */
static char *rest_of(char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0 || (line[len] != ' ' && line[len] != '\t'))
		return NULL;
	return line + len + strspn(line + len, " \t");
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' && *text != '\t')
			return false;
	return true;
}

static void line_take(char *line, bool servers_wanted, bool host, struct cps_buf *ret,
		      unsigned *servers, unsigned *left_out)
{
	static const char *const kept[] = { "search", "domain", "options", "sortlist" };
	char *server = rest_of(line, "nameserver");

	if (server) {
		server[strcspn(server, " \t")] = '\0';
		if (!servers_wanted)
			return;
		if (!is_address(server) || (is_loopback(server) && !host))
			*left_out += 1;
		else if ((*servers)++ < SERVERS_MAX)
			cps_buf_printf(ret, "nameserver %s\n", server);
		return;
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (rest_of(line, kept[i]) && is_plain(line))
			cps_buf_printf(ret, "%s\n", line);
}

void net_resolv_write(const char *text, const char *const *dns, unsigned ndns, bool host,
		      struct cps_buf *ret, unsigned *ret_left_out)
{
	unsigned servers = 0, left_out = 0;

	for (unsigned i = 0; i < ndns; i++)
		cps_buf_printf(ret, "nameserver %s\n", dns[i]);
	while (*text) {
		size_t len = strcspn(text, "\n");
		char line[LINE_MAX_];

		if (len < sizeof(line)) {
			memcpy(line, text, len);
			line[len] = '\0';
			line_take(line, !ndns, host, ret, &servers, &left_out);
		}
		text += len + (text[len] == '\n');
	}
	/* of the host's own network, no name server may well be meant */
	for (size_t i = 0; !ndns && !servers && !host && i < sizeof(fallback) / sizeof(fallback[0]);
	     i++)
		cps_buf_printf(ret, "nameserver %s\n", fallback[i]);
	*ret_left_out = left_out;
}
