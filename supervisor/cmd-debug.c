/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule debug: enough to explain a container that is stuck. Its shim is asked and has two seconds
 * to answer; whether it does or not, nothing is changed, and no other shim is started.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"
#include "command.h"
#include "debug-facts.h"
#include "debug-text.h"
#include "file.h"
#include "name.h"
#include "own.h"
#include "proto.h"
#include "store.h"

#define ANSWER_MS 2000

/* Hello and the question are sent at once. *ret is in the client's arena. */
static int shim_ask(struct sup_client *c, int dirfd, const struct cps_json **ret,
		    struct cps_err *err)
{
	cleanup_request struct sup_request hello = { 0 };
	cleanup_request struct sup_request debug = { 0 };
	uint32_t ids[2] = { 0, 0 };
	int rc;

	c->sock = cps_sock_connect(dirfd, "shim.sock", SOCK_NONBLOCK);
	if (c->sock < 0) {
		rc = c->sock;
		c->sock = -1;
		return cps_fail(err, -rc, "connect to it");
	}
	sup_request_hello(&hello);
	sup_request_open(&debug, CPS_OP_DEBUG);
	rc = sup_client_send(c, &hello, &ids[0], err);
	if (rc == 0)
		rc = sup_client_send(c, &debug, &ids[1], err);
	if (rc == 0)
		rc = sup_client_reply(c, ids[0], ANSWER_MS, NULL, NULL, err);
	if (rc == 0)
		rc = sup_client_reply(c, ids[1], ANSWER_MS, NULL, ret, err);
	if (rc == -ENOSYS)
		return cps_failx(err, ENOSYS, "it is of a version that does not know the question");
	return rc;
}

static void all_write(struct sup_client *client, const struct sup_container *c, int dirfd,
		      struct cps_jsonw *w)
{
	const struct cps_json *answer = NULL;
	struct cps_err why;
	int rc = shim_ask(client, dirfd, &answer, &why);

	cps_jsonw_open(w, NULL, '{');
	cps_jsonw_str(w, "id", c->id);
	cps_jsonw_str(w, "status", sup_status_name(c->status));
	if (c->broken)
		cps_jsonw_str(w, "broken", c->broken);
	cps_jsonw_str(w, "no_answer", rc < 0 ? why.msg : NULL);
	sup_facts_process(&c->shim, "shim_process", w);
	sup_facts_process(&c->init, "init_process", w);
	if (answer) {
		for (const struct cps_json *m = answer->first; m; m = m->next)
			cps_jsonw_node(w, m->key, m);
	} else {
		sup_facts_fifos(dirfd, w);
		sup_facts_files(c, w);
	}
	sup_facts_cgroups(c, w);
	sup_facts_shim_log(dirfd, w);
	cps_jsonw_close(w, '}');
}

static int text_print(const struct cps_buf *json, struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_buf struct cps_buf text = CPS_BUF_INIT;
	const struct cps_json *root = NULL;
	int rc = cps_json_parse(&arena, json->data, json->len, &root, err);

	if (rc < 0)
		return rc;
	sup_debug_text(root, &text);
	if (text.failed)
		return cps_fail(err, ENOMEM, "print");
	(void)fputs(text.data, stdout);
	return 0;
}

static int show(const char *root, const char *id, bool json, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_buf struct cps_buf buf = CPS_BUF_INIT;
	cleanup_fd int rootfd = -1;
	cleanup_fd int dirfd = -1;
	struct sup_container c;
	struct cps_jsonw w;
	int rc = sup_container_open(root, id, &client.arena, &rootfd, &c, err);

	if (rc < 0)
		return rc;
	dirfd = openat(rootfd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dirfd < 0)
		return cps_fail(err, errno, "open its directory");
	client.id = id;
	client.shim_pid = c.shim.pid;
	cps_jsonw_init(&w, &buf, json);
	all_write(&client, &c, dirfd, &w);
	if (buf.failed)
		return cps_fail(err, ENOMEM, "print");
	if (!json)
		return text_print(&buf, err);
	puts(buf.data);
	return 0;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_args struct sup_args args = { 0 };
	const char *format = NULL;
	bool json = false;
	const struct cps_opt table[] = {
		{ "format", 0, CPS_OPT_STR, &format, "FORMAT", "text (default) or json" },
		{ 0 },
	};
	int rc = sup_args_parse(self, table, argc, argv, 1, 1, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sup_format_parse(format, &json, err);
	if (rc == 0)
		rc = show(ctx->root, sup_name_id(ctx, args.v[0]), json, err);
	return cps_wrap(err, rc, "debug %.64s", args.v[0]);
}

const struct sup_command sup_cmd_debug = {
	.name = "debug",
	.usage = "[--format text|json] ID",
	.summary = "Tells what a container and its shim are doing",
	.order = CPS_OPT_ANYWHERE,
	.run = run,
};
