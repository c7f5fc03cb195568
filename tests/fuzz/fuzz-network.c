/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of networks and their members, as anybody may have written them: what is taken is
 * written as it was read.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "network.h"

static void network_check(const char *text, size_t len)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net_network network, again;
	struct cps_err err = { 0 };
	struct cps_jsonw w;
	int rc = net_network_parse(&a, text, len, &network, &err);

	if (rc < 0 && (err.num != -rc || err.msg[0] == '\0'))
		abort();
	if (rc < 0)
		return;
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	net_network_write(&network, &w);
	cps_jsonw_close(&w, '}');
	if (net_network_parse(&a, buf.data, buf.len, &again, &err) < 0 ||
	    strcmp(network.name, again.name) != 0 || network.nsubnets != again.nsubnets)
		abort();
}

static void endpoint_check(const char *text, size_t len)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	struct net_endpoint e, again;
	struct cps_err err = { 0 };
	struct cps_jsonw w;
	int rc = net_endpoint_parse(&a, text, len, &e, &err);

	if (rc < 0 && (err.num != -rc || err.msg[0] == '\0'))
		abort();
	if (rc < 0)
		return;
	cps_jsonw_init(&w, &buf, false);
	cps_jsonw_open(&w, NULL, '{');
	net_endpoint_write(&e, &w);
	cps_jsonw_close(&w, '}');
	if (net_endpoint_parse(&a, buf.data, buf.len, &again, &err) < 0 ||
	    e.naddresses != again.naddresses || e.nports != again.nports)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	network_check((const char *)data, size);
	endpoint_check((const char *)data, size);
	return 0;
}
