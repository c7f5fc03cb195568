/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry or an archive says of an image: manifest, index, config's layers, and names. What
 * must hold: what is accepted has digests and names in their grammar and stays within the bounds;
 * nothing is an index and a manifest at once; the short spelling of a name means the same name.
 */
#include <config.h>
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "manifest.h"
#include "reference.h"

static void check(bool right)
{
	if (!right)
		abort();
}

static void check_failure(int rc, const struct cps_err *err)
{
	check(rc < 0 && err->num == -rc && err->msg[0]);
}

static void documents(const char *text, size_t len)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct sto_platform host;
	struct sto_manifest m;
	struct sto_index index;
	struct sto_rootfs rootfs;
	struct cps_err err = { 0 };
	int is_manifest = sto_manifest_parse(&a, text, len, NULL, &m, &err);
	int is_index;

	if (is_manifest < 0)
		check_failure(is_manifest, &err);
	else
		check(m.nlayers > 0 && m.nlayers <= STO_LAYERS_MAX &&
		      sto_is_digest(m.config.digest));
	for (unsigned i = 0; is_manifest == 0 && i < m.nlayers; i++)
		check(sto_is_digest(m.layers[i].digest) && m.layers[i].media_type);
	is_index = sto_index_parse(&a, text, len, NULL, &index, &err);
	if (is_index < 0)
		check_failure(is_index, &err);
	else
		check(is_manifest < 0 && index.n <= STO_INDEX_MAX);
	sto_platform_host(&host);
	if (is_index == 0 && sto_index_choose(&index, &host))
		check(sto_is_digest(sto_index_choose(&index, &host)->digest));
	if (sto_rootfs_parse(&a, text, len, &rootfs, &err) == 0)
		for (unsigned i = 0; i < rootfs.n; i++)
			check(sto_is_digest(rootfs.diff_ids[i]));
}

static void names(const char *text)
{
	char name[STO_NAME_SIZE], again[STO_NAME_SIZE];
	struct cps_err err = { 0 };
	int rc = sto_name_normalise(text, name, &err);

	if (rc < 0) {
		check_failure(rc, &err);
		return;
	}
	check(name[0] && name[0] != '.' && !strchr(name, '+') && !strstr(name, "//") &&
	      !strstr(name, ".."));
	check(sto_name_normalise(name, again, &err) == 0 && strcmp(name, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	documents(text, size);
	names(text);
	free(text);
	return 0;
}
