/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding unpacked layers.
 */
#include <config.h>
#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "digest.h"
#include "file.h"
#include "opt.h"
#include "own.h"

static int layer_path(const char *diff_id, const char *part, char *buf, size_t size,
		      struct cps_err *err)
{
	int n;

	if (!sto_is_digest(diff_id))
		return cps_failx(err, EINVAL, "'%.80s' is no layer's digest", diff_id);
	n = snprintf(buf, size, STO_LAYERS "/%s/%s", sto_digest_hex(diff_id), part);
	return n < 0 || (size_t)n >= size ? cps_fail(err, ENAMETOOLONG, "layer") : 0;
}

int sto_layer_open(const struct sto *s, const char *diff_id, struct cps_err *err)
{
	char path[STO_HEX_SIZE + 16];
	int fd, rc = layer_path(diff_id, STO_LAYER_FS, path, sizeof(path), err);

	if (rc < 0)
		return rc;
	fd = openat(s->fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? cps_fail(err, errno, "layer %s", diff_id) : fd;
}

bool sto_layer_is_there(const struct sto *s, const char *diff_id)
{
	char path[STO_HEX_SIZE + 16];
	struct cps_err ignored;

	return layer_path(diff_id, STO_LAYER_FS, path, sizeof(path), &ignored) == 0 &&
	       faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

uint64_t sto_layer_size(const struct sto *s, const char *diff_id)
{
	char path[STO_HEX_SIZE + 16];
	cleanup_free char *text = NULL;
	struct cps_err ignored;
	int64_t bytes;
	size_t len;

	if (layer_path(diff_id, STO_LAYER_SIZE, path, sizeof(path), &ignored) < 0 ||
	    cps_file_read(s->fd, path, 64, &text, &len, &ignored) < 0 ||
	    cps_num_parse(text, 0, INT64_MAX, &bytes) < 0)
		return 0;
	return (uint64_t)bytes;
}
