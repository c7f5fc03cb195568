/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a container as an orchestrator does, over link A: starts a shim, says hello, and sends a
 * `create` with members, and a root file system by descriptor, that `capsule create` does not know.
 *
 *	maker SHIM ROOT ID MEMBERS [overlay LOWER UPPER WORK | clone DIR | open PATH]
 *
 * MEMBERS: JSON, as "\"bundle\":\"/b\"". Prints the reply's object; 0: it was "ok".
 */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "json.h"
#include "own.h"

static int die(const char *what)
{
	perror(what);
	exit(3);
}

static void set(int fs, const char *key, const char *value)
{
	if (fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) < 0)
		(void)die(key);
}

/* Mounted nowhere: that is the point. */
static int overlay(char **dirs)
{
	int fs = fsopen("overlay", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return die("fsopen");
	set(fs, "lowerdir", dirs[0]);
	set(fs, "upperdir", dirs[1]);
	set(fs, "workdir", dirs[2]);
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return die("overlay");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	(void)close(fs);
	return fd < 0 ? die("fsmount") : fd;
}

static int root_make(int argc, char **argv)
{
	int fd = -1;

	if (argc == 4 && strcmp(argv[0], "overlay") == 0)
		return overlay(argv + 1);
	if (argc == 2 && strcmp(argv[0], "clone") == 0)
		fd = open_tree(AT_FDCWD, argv[1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	else if (argc == 2 && strcmp(argv[0], "open") == 0)
		fd = open(argv[1], O_PATH | O_CLOEXEC);
	return fd < 0 ? die(argv[0]) : fd;
}

static int shim_start(char **argv)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return die("socketpair");
	if (fork() == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)setsid();
		for (int i = 0; i < 3; i++)
			(void)dup2(null, i);
		(void)dup2(pair[1], 9);
		(void)execl(argv[0], argv[0], "--root", argv[1], "--id", argv[2], "--client-fd",
			    "9", (char *)NULL);
		_exit(126);
	}
	(void)close(pair[1]);
	return pair[0];
}

static int ask(int sock, uint32_t id, const char *json, const int *fds, unsigned nfds)
{
	cleanup_arena struct cps_arena arena = CPS_ARENA_INIT;
	cleanup_frame struct cps_frame f = { 0 };
	cleanup_free char *text = NULL;
	struct cps_err err = { 0 };

	if (cps_frame_send(sock, CPS_FRAME_REQUEST, id, json, strlen(json), fds, nfds, 0, &err) <
		    0 ||
	    cps_frame_recv(sock, 0, &arena, &f, &err) != 1) {
		fprintf(stderr, "maker: %s\n", err.msg);
		return 3;
	}
	text = cps_json_text(f.body);
	if (id > 1)
		puts(text ? text : "");
	return cps_json_get(f.body, "ok") ? 0 : 1;
}

int main(int argc, char **argv)
{
	cleanup_free char *create = NULL;
	int root = -1;
	int sock;

	if (argc < 5)
		return 2;
	if (argc > 5)
		root = root_make(argc - 5, argv + 5);
	sock = shim_start(argv + 1);
	if (asprintf(&create, "{\"op\":\"create\",%s%s}", argv[4],
		     root >= 0 ? ",\"fds\":[\"rootfs\"]" : "") < 0)
		return 3;
	if (ask(sock, 1, "{\"op\":\"hello\",\"protocol\":1,\"version\":\"maker\"}", NULL, 0) != 0)
		return 3;
	return ask(sock, 2, create, &root, root >= 0);
}
