/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule exec: one more process in a running container, in the foreground or as a job.
 *
 * Options stand before the command; what follows its first word is the command's own. The older
 * tool took the command as one quoted argument and options behind it: an argument with blanks in
 * it is split into words, and then options may follow. Behind "--" nothing is split.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "adopt.h"
#include "client.h"
#include "command.h"
#include "create.h"
#include "file.h"
#include "foreground.h"
#include "name.h"
#include "own.h"
#include "proc.h"
#include "processes.h"
#include "proto.h"
#include "terminal.h"
#include "words.h"

#define EXEC_OPTIONS (10 + SUP_LOG_OPTIONS)

struct exec {
	bool detach;
	bool terminal;
	struct cps_opt_list env;
	const char *cwd;
	const char *user;
	struct sup_log_options log;
	const char *id;
	const char *const *words; /* of the command */
	size_t nwords;
};

static void exec_rows(struct exec *x, struct cps_opt *rows)
{
	const struct cps_opt mine[] = {
		{ "detach", 'd', CPS_OPT_FLAG, &x->detach, NULL,
		  "run it as a job and print the job's id" },
		{ "tty", 't', CPS_OPT_FLAG, &x->terminal, NULL, "give it a terminal" },
		{ "env", 'e', CPS_OPT_LIST, &x->env, "K=V", "add to its environment" },
		{ "cwd", 0, CPS_OPT_STR, &x->cwd, "DIR", "its current directory" },
		{ "workdir", 'w', CPS_OPT_STR, &x->cwd, "DIR", NULL },
		{ "user", 'u', CPS_OPT_STR, &x->user, "USER",
		  "name, uid, uid:gid or name:group, as the container knows them" },
	};

	memcpy(rows, mine, sizeof(mine));
	(void)sup_log_options_rows(&x->log, rows + sizeof(mine) / sizeof(mine[0]));
}

/* Was "--" right before the command? */
static bool is_literal(int argc, char **argv, const char *command)
{
	for (int i = 2; i < argc; i++)
		if (argv[i] == command)
			return strcmp(argv[i - 1], "--") == 0;
	return false;
}

/* The command's words, and the options behind one that was quoted. */
static int words_find(const struct sup_command *self, struct cps_arena *a, int argc, char **argv,
		      const struct sup_args *args, const struct cps_opt *table, struct exec *x,
		      struct cps_err *err)
{
	cleanup_free char **rest = NULL;
	const char **words = NULL;
	int n = 0;
	int rc;

	x->id = args->v[0];
	x->words = (const char *const *)args->v + 1;
	x->nwords = (size_t)args->n - 1;
	if (!sup_words_wanted(args->v[1]) || is_literal(argc, argv, args->v[1]))
		return 0;
	rc = sup_words_split(a, args->v[1], &words, &x->nwords, err);
	if (rc == 0)
		/* args->v[1] stands where a program's name would */
		rc = cps_opt_parse(table, CPS_OPT_ANYWHERE, args->n - 1, args->v + 1, &rest, &n,
				   err);
	if (rc < 0)
		return rc;
	if (n)
		return cps_failx(
			err, EINVAL,
			"'%.40s' follows a quoted command: quote all of it or none, or put -- "
			"before a program whose name has blanks; usage: capsule %s %s",
			rest[0], self->name, self->usage);
	x->words = words;
	return 0;
}

/* The OCI process object, as little of it as was asked for. */
static int process_write(const struct exec *x, struct cps_buf *buf, struct cps_err *err)
{
	struct winsize size;
	struct cps_jsonw w;

	cps_jsonw_init(&w, buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_nstrs(&w, "args", (const char *const *)x->words, x->nwords);
	if (x->env.count) {
		cps_jsonw_open(&w, "env", '[');
		for (unsigned i = 0; i < x->env.count; i++) {
			const char *equals = strchr(x->env.values[i], '=');

			if (!equals || equals == x->env.values[i])
				return cps_failx(err, EINVAL, "-e: '%.60s' is not NAME=VALUE",
						 x->env.values[i]);
			cps_jsonw_str(&w, NULL, x->env.values[i]);
		}
		cps_jsonw_close(&w, ']');
	}
	if (x->cwd)
		cps_jsonw_str(&w, "cwd", x->cwd);
	if (x->user)
		cps_jsonw_str(&w, "user", x->user);
	if (x->terminal) {
		cps_jsonw_bool(&w, "terminal", true);
		if (sup_terminal_size(&size)) {
			cps_jsonw_open(&w, "consoleSize", '{');
			cps_jsonw_u64(&w, "height", size.ws_row);
			cps_jsonw_u64(&w, "width", size.ws_col);
			cps_jsonw_close(&w, '}');
		}
	}
	cps_jsonw_close(&w, '}');
	return buf->failed ? cps_fail(err, ENOMEM, "write the process") : 0;
}

/* The `exec` request; *ret_exec is the job's id, *ret_frame may bring the terminal. */
static int exec_call(const struct exec *x, struct sup_client *client, struct cps_frame *ret_frame,
		     const char **ret_exec, pid_t *ret_pid, struct cps_err *err)
{
	int64_t pid = 0;
	cleanup_request struct sup_request r = { 0 };
	cleanup_buf struct cps_buf process = CPS_BUF_INIT;
	cleanup_fd int memfd = -1;
	const struct cps_json *ok = NULL;
	int rc = process_write(x, &process, err);

	sup_request_open(&r, CPS_OP_EXEC);
	if (rc == 0)
		rc = memfd = cps_memfd_sealed("process", process.data, process.len, err);
	if (rc < 0)
		return rc;
	cps_jsonw_bool(&r.w, "detach", x->detach);
	cps_jsonw_bool(&r.w, "terminal", x->terminal);
	if (!x->detach) /* so that we learn its end by ourselves, should the shim die */
		cps_jsonw_bool(&r.w, "pidfd", true);
	rc = sup_log_options_write(&x->log, &r.w, err);
	if (rc < 0)
		return rc;
	sup_request_fd(&r, "process", memfd);
	if (!x->detach && !x->terminal) {
		sup_request_fd(&r, "stdin", 0);
		sup_request_fd(&r, "stdout", 1);
		sup_request_fd(&r, "stderr", 2);
	}
	rc = sup_client_call(client, &r, SUP_REPLY_MS, ret_frame, &ok, err);
	if (rc == 0)
		rc = cps_json_str(cps_json_get(ok, "exec"), ret_exec, err);
	if (rc == 0)
		rc = cps_json_i64(cps_json_get(ok, "pid"), 0, INT32_MAX, &pid, err);
	if (rc == 0)
		*ret_pid = (pid_t)pid;
	if (sup_client_is_gone(client, rc)) /* not asked twice: it might run twice */
		return cps_failx(err, -rc,
				 "its shim has died: whether the command has begun is not known");
	return rc;
}

/* The terminal is ours alone: its other end is in the container. */
static int terminal_take(struct sup_foreground *fg, struct cps_frame *frame, struct cps_err *err)
{
	fg->terminal = true;
	fg->out = cps_frame_take_fd(frame, "console");
	if (fg->out < 0)
		return cps_failx(err, EPROTO, "the shim sent no terminal");
	if (fcntl(fg->out, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return cps_fail(err, errno, "set up the terminal");
	fg->in = fcntl(fg->out, F_DUPFD_CLOEXEC, 0);
	return fg->in < 0 ? cps_fail(err, errno, "set up the terminal") : 0;
}

/* Where the shim, an older one, has sent no pidfd. The pid is believed only if it is that of a
 * child of the shim's: by now it may be somebody else's. */
static int session_open(const struct sup_foreground *fg)
{
	cleanup_fd int pidfd = cps_pidfd_open(fg->pid);
	struct sup_process p;

	if (pidfd < 0 || sup_process_describe(fg->pid, &fg->client->arena, &p) < 0 ||
	    p.ppid != fg->client->shim_pid)
		return -1;
	return take_fd(&pidfd);
}

static int exec_run(struct sup_ctx *ctx, const struct exec *x, int *ret_code, struct cps_err *err)
{
	cleanup_client struct sup_client client = SUP_CLIENT_INIT;
	cleanup_foreground struct sup_foreground fg = SUP_FOREGROUND_INIT;
	cleanup_fd int signal_fd = -1;
	cleanup_frame struct cps_frame frame = { 0 };
	struct sup_container c;
	int rc = sup_connect(ctx, x->id, &c, &client, err);

	if (rc < 0)
		return rc;
	fg.ctx = ctx;
	fg.client = &client;
	fg.signal_fd = signal_fd = x->detach ? -1 : sup_signals_block(err);
	if (!x->detach && signal_fd < 0)
		return signal_fd;
	rc = exec_call(x, &client, &frame, &fg.exec, &fg.pid, err);
	if (rc < 0) {
		ctx->exit_code = sup_client_exit_code(&client, err);
		return rc;
	}
	if (x->detach) {
		printf("%s\n", fg.exec);
		return 0;
	}
	fg.pidfd = cps_frame_take_fd(&frame, "pidfd");
	if (fg.pidfd < 0)
		fg.pidfd = session_open(&fg);
	if (x->terminal)
		rc = terminal_take(&fg, &frame, err);
	if (rc == 0)
		rc = sup_foreground_run(&fg, ret_code, err);
	return rc == 0 && *ret_code < 0 ? sup_exit_unknown(ctx, err) : rc;
}

static int run(struct sup_ctx *ctx, const struct sup_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_args struct sup_args args = { 0 };
	struct cps_opt table[EXEC_OPTIONS + 1] = { 0 };
	struct exec x = { 0 };
	int rc, code = 0;

	exec_rows(&x, table);
	rc = sup_args_parse(self, table, argc, argv, 2, -1, &args, err);
	if (rc == 0 && !args.done) {
		rc = words_find(self, &arena, argc, argv, &args, table, &x, err);
		if (rc == 0)
			x.id = sup_name_id(ctx, x.id);
		if (rc == 0)
			rc = exec_run(ctx, &x, &code, err);
		rc = cps_wrap(err, rc, "exec %.64s", args.v[0]);
	}
	sup_opt_list_done(&x.env);
	return rc < 0 ? rc : code;
}

const struct sup_command sup_cmd_exec = {
	.name = "exec",
	.usage = "[-d] [-t] [-e K=V]... [-cwd DIR] [-u USER] ID COMMAND...",
	.summary = "Runs a command in a running container",
	.order = CPS_OPT_THEN_ONE,
	.run = run,
};
