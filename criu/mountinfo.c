/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mountinfo.h.
 */
#include <config.h>

#include "mountinfo.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "file.h"
#include "own.h"

#define MOUNT_POINT 4 /* words before it in a line */

static int octal(const char *at)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		if (at[i] < '0' || at[i] > '7')
			return -1;
		value = 8 * value + (at[i] - '0');
	}
	return value;
}

/* "\040" is a space: in place, as it gets shorter. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at; to++) {
		int value = *at == '\\' ? octal(at + 1) : -1;

		*to = value > 0 ? (char)value : *at;
		at += value > 0 ? 4 : 1;
	}
	*to = '\0';
}

static char *mount_point(char *line)
{
	char *word, *save = NULL;
	int i = 0;

	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (i++ == MOUNT_POINT)
			return word;
	return NULL;
}

void criu_mountinfo_scan(char *text, const char *dir, criu_mountinfo_found *found, void *arg)
{
	size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *path = mount_point(line);

		if (!path)
			continue;
		unescape(path);
		if (strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1])
			found(arg, path);
	}
}

int criu_mountinfo_below(const char *file, const char *dir, criu_mountinfo_found *found, void *arg,
			 struct cps_err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int rc = cps_file_read(AT_FDCWD, file, CRIU_MOUNTINFO_MAX, &text, &len, err);

	if (rc == 0)
		criu_mountinfo_scan(text, dir, found, arg);
	return rc;
}
