/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd-shim-capsule-v2: its command line, which is Go's.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "commands.h"
#include "file.h"
#include "message.h"
#include "task.pb-c.h"

#define NAME "containerd-shim-capsule-v2"

static const struct flag {
	const char *name;
	bool valued;
	const char *help;
} flags[] = {
	{ "namespace", true, "the namespace that containers are in" },
	{ "address", true, "containerd's socket" },
	{ "id", true, "the container" },
	{ "bundle", true, "its directory (default: the working directory)" },
	{ "publish-binary", true, "takes events, if there is no TTRPC_ADDRESS" },
	{ "socket", true, "ignored" },
	{ "debug-socket", true, "ignored" },
	{ "debug", false, "ignored" },
	{ "v", false, "print the version" },
	{ "version", false, "the same" },
	{ "info", false, "print what this shim is, as containerd 2 wants it" },
	{ "help", false, "print this" },
};

static void flag_set(struct task_flags *f, const char *name, const char *value)
{
	if (strcmp(name, "namespace") == 0)
		f->ns = value;
	else if (strcmp(name, "address") == 0)
		f->address = value;
	else if (strcmp(name, "publish-binary") == 0)
		f->publish = value;
	else if (strcmp(name, "id") == 0)
		f->id = value;
	else if (strcmp(name, "bundle") == 0)
		f->bundle = value;
	else if (strcmp(name, "v") == 0 || strcmp(name, "version") == 0)
		f->version = true;
	else if (strcmp(name, "info") == 0)
		f->info = true;
	else if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0)
		f->help = true;
}

/* -x v, --x v, -x=v. Unknown ones are of a later version, and go without a value. The first word
 * is the action. */
static void flags_parse(struct task_flags *f, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i];
		const char *value = "";
		char word[64];
		size_t len;

		if (name[0] != '-') {
			f->action = name;
			return;
		}
		name += name[1] == '-' ? 2 : 1;
		len = strcspn(name, "=");
		if (len >= sizeof(word))
			continue;
		memcpy(word, name, len);
		word[len] = '\0';
		if (name[len] == '=')
			value = name + len + 1;
		for (size_t k = 0; name[len] != '=' && k < sizeof(flags) / sizeof(flags[0]); k++) {
			if (flags[k].valued && strcmp(flags[k].name, word) == 0 && i + 1 < argc)
				value = argv[++i];
		}
		flag_set(f, word, value);
	}
}

static void help(void)
{
	(void)printf("usage: " NAME " [flags] start|delete\n\n"
		     "Keeps containers for containerd, which runs this program.\n\nflags:\n");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		(void)printf("  -%-16s %s\n", flags[i].name, flags[i].help);
}

static int info(struct cps_err *err)
{
	Task__RuntimeInfo r = TASK__RUNTIME_INFO__INIT;
	Task__RuntimeVersion v = TASK__RUNTIME_VERSION__INIT;
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;
	int rc;

	r.name = (char *)"io.containerd.capsule.v2";
	v.version = (char *)PACKAGE_VERSION;
	r.version = &v;
	task_pack(&r.base, &b);
	rc = b.failed ? -1 : cps_write_all(STDOUT_FILENO, b.data, b.len);
	return rc < 0 ? cps_failx(err, EIO, "cannot write") : 0;
}

int main(int argc, char **argv)
{
	struct task_flags f = {
		.ns = "", .address = "", .publish = "", .id = "", .bundle = "", .action = ""
	};
	bool server = false;
	struct cps_err err;
	int rc = 0;

	flags_parse(&f, argc, argv);
	if (f.help)
		help();
	else if (f.version)
		(void)printf(NAME ":\n  Version: %s\n", PACKAGE_VERSION);
	else if (f.info)
		rc = info(&err);
	else if (strcmp(f.action, "start") == 0)
		rc = task_cmd_start(&f, &server, &err);
	else if (strcmp(f.action, "delete") == 0)
		rc = task_cmd_delete(&f, &err);
	else if (strcmp(f.action, "serve") == 0)
		rc = task_cmd_serve(&err);
	else
		rc = cps_failx(&err, EINVAL, "expected `start` or `delete`; containerd runs this");
	if (rc < 0 && !server)
		(void)fprintf(stderr, NAME ": %s\n", err.msg);
	return rc < 0 ? 1 : 0;
}
