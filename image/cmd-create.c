/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capsule image create: an image of one layer, from the archive of a root file system as
 * `docker export` makes it.
 */
#include <config.h>

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "image-write.h"
#include "image.h"
#include "json.h"
#include "maker-lock.h"
#include "own.h"

struct options {
	struct cps_opt_list entrypoint, cmd, env, label, expose, volume;
	const char *workdir, *user, *stop_signal;
};

static void options_done(struct options *o)
{
	free(o->entrypoint.values);
	free(o->cmd.values);
	free(o->env.values);
	free(o->label.values);
	free(o->expose.values);
	free(o->volume.values);
}

static void write_list(struct cps_jsonw *w, const char *key, const struct cps_opt_list *list)
{
	if (list->count > 0)
		cps_jsonw_nstrs(w, key, list->values, list->count);
}

/* Go's map[string]struct{}. */
static void write_set(struct cps_jsonw *w, const char *key, const struct cps_opt_list *list)
{
	if (list->count == 0)
		return;
	cps_jsonw_open(w, key, '{');
	for (unsigned i = 0; i < list->count; i++)
		cps_jsonw_raw(w, list->values[i], "{}");
	cps_jsonw_close(w, '}');
}

static void write_labels(struct cps_jsonw *w, const struct cps_opt_list *list)
{
	if (list->count == 0)
		return;
	cps_jsonw_open(w, "Labels", '{');
	for (unsigned i = 0; i < list->count; i++) {
		const char *eq = strchr(list->values[i], '=');
		char *key = eq ? strndup(list->values[i], (size_t)(eq - list->values[i])) : NULL;

		cps_jsonw_str(w, key ? key : list->values[i], key ? eq + 1 : "");
		free(key);
	}
	cps_jsonw_close(w, '}');
}

/* OCI image-spec, config.md. */
static void write_config(struct cps_buf *buf, const struct options *o, const char *diff_id)
{
	struct sto_platform platform;
	char now[CPS_TIME_SIZE];
	struct timespec t;
	struct cps_jsonw w;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	cps_time_format(&t, true, now);
	sto_platform_host(&platform);
	cps_jsonw_init(&w, buf, false);
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "created", now);
	cps_jsonw_str(&w, "architecture", platform.architecture);
	cps_jsonw_str(&w, "os", platform.os);
	cps_jsonw_open(&w, "config", '{');
	write_list(&w, "Entrypoint", &o->entrypoint);
	write_list(&w, "Cmd", &o->cmd);
	write_list(&w, "Env", &o->env);
	if (o->workdir)
		cps_jsonw_str(&w, "WorkingDir", o->workdir);
	if (o->user)
		cps_jsonw_str(&w, "User", o->user);
	if (o->stop_signal)
		cps_jsonw_str(&w, "StopSignal", o->stop_signal);
	write_set(&w, "ExposedPorts", &o->expose);
	write_set(&w, "Volumes", &o->volume);
	write_labels(&w, &o->label);
	cps_jsonw_close(&w, '}');
	cps_jsonw_open(&w, "rootfs", '{');
	cps_jsonw_str(&w, "type", "layers");
	cps_jsonw_open(&w, "diff_ids", '[');
	cps_jsonw_str(&w, NULL, diff_id);
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
	cps_jsonw_open(&w, "history", '[');
	cps_jsonw_open(&w, NULL, '{');
	cps_jsonw_str(&w, "created", now);
	cps_jsonw_str(&w, "created_by", "capsule image create");
	cps_jsonw_close(&w, '}');
	cps_jsonw_close(&w, ']');
	cps_jsonw_close(&w, '}');
}

static int create(const struct img_ctx *ctx, const char *name, const char *tar,
		  const struct options *o, struct cps_err *err)
{
	cleanup_buf struct cps_buf config = CPS_BUF_INIT;
	cleanup_progress struct img_progress progress = { 0 };
	cleanup_sto struct sto s = STO_INIT;
	cleanup_fd int lock = -1;
	cleanup_fd int fd = -1;
	char manifest[STO_DIGEST_SIZE];
	struct img_reader reader;
	struct img_layer layer;
	struct stat st;
	int rc;

	fd = strcmp(tar, "-") == 0 ? dup(STDIN_FILENO) : open(tar, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cps_fail(err, errno, "open '%s'", tar);
	if (S_ISDIR(st.st_mode))
		return cps_failx(err, EISDIR, "'%s' is a directory, not an archive", tar);
	rc = sto_open(ctx->data_root, true, &s, err);
	if (rc < 0)
		return rc;
	lock = img_maker_lock(&s, err);
	if (lock < 0)
		return lock;
	img_progress_begin(&progress, name, S_ISREG(st.st_mode) ? 2 * (uint64_t)st.st_size : 0);
	reader = img_reader_of_fd(&fd);
	rc = img_layer_add(&s, &reader, IMG_SIZE_UNKNOWN, NULL, &progress, &layer, err);
	if (rc < 0)
		return cps_wrap(err, rc, "%s", strcmp(tar, "-") == 0 ? "standard input" : tar);
	write_config(&config, o, layer.diff_id);
	if (config.failed)
		return cps_fail(err, ENOMEM, "write a config");
	rc = img_image_write(&s, config.data, config.len, &layer, 1, manifest, err);
	if (rc == 0)
		rc = sto_image_name(&s, name, manifest, err);
	img_progress_end(&progress);
	if (rc == 0)
		puts(name);
	return rc;
}

static int run(struct img_ctx *ctx, const struct img_command *self, int argc, char **argv,
	       struct cps_err *err)
{
	__attribute__((cleanup(options_done))) struct options o = { 0 };
	cleanup_args struct img_args args = { 0 };
	char name[STO_NAME_SIZE];
	const struct cps_opt table[] = {
		{ "entrypoint", 0, CPS_OPT_LIST, &o.entrypoint, "WORD",
		  "what always runs; a word each" },
		{ "cmd", 0, CPS_OPT_LIST, &o.cmd, "WORD",
		  "what runs if nothing else is said; a word each" },
		{ "env", 'e', CPS_OPT_LIST, &o.env, "NAME=VALUE", "an environment variable" },
		{ "workdir", 0, CPS_OPT_STR, &o.workdir, "DIR", "where it runs" },
		{ "cwd", 0, CPS_OPT_STR, &o.workdir, "DIR", NULL },
		{ "user", 'u', CPS_OPT_STR, &o.user, "USER[:GROUP]", "as whom it runs" },
		{ "expose", 0, CPS_OPT_LIST, &o.expose, "PORT[/udp]", "a port that it listens on" },
		{ "volume", 0, CPS_OPT_LIST, &o.volume, "DIR",
		  "a directory that is to be a volume" },
		{ "label", 'l', CPS_OPT_LIST, &o.label, "KEY=VALUE", "a label" },
		{ "stop-signal", 0, CPS_OPT_STR, &o.stop_signal, "SIGNAL", "what `stop` sends" },
		{ 0 },
	};
	int rc = img_args_parse(ctx, self, table, argc, argv, 2, 2, &args, err);

	if (rc < 0 || args.done)
		return rc;
	rc = sto_name_normalise(args.v[0], name, err);
	if (rc == 0)
		rc = create(ctx, name, args.v[1], &o, err);
	return cps_wrap(err, rc, "create");
}

const struct img_command img_cmd_create = {
	.name = "create",
	.usage = "[OPTION]... NAME TAR|-",
	.summary = "Makes an image of a root file system's archive",
	.run = run,
};
