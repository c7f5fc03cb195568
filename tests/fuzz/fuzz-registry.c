/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of a registry, one a line: each is read as a challenge and as a Location. What must hold:
 * a token service is named if one is to be asked, nothing has a character that could end a header,
 * and nothing leads from https to http, or to another protocol.
 */
#include <config.h>
#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "challenge.h"
#include "registry-url.h"

static void check(bool right)
{
	if (!right)
		abort();
}

static void check_text(const char *text)
{
	for (; text && *text; text++)
		check((unsigned char)*text >= ' ' && *text != 127);
}

static void use_challenge(const char *line)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct img_challenge c;

	img_challenge_parse(&a, line, &c);
	check(c.auth != IMG_AUTH_BEARER || c.realm);
	check_text(c.realm);
	check_text(c.service);
	check_text(c.scope);
}

static void use_location(const char *base, const char *line)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_err err = { 0 };
	const char *url = NULL, *longer = NULL;

	if (img_url_resolve(&a, base, line, false, &url, &err) < 0) {
		check(err.num > 0 && err.msg[0]);
		return;
	}
	check_text(url);
	check(strlen(url) <= IMG_URL_MAX);
	check(strncmp(url, "https://", 8) == 0 ||
	      (strncmp(base, "http:", 5) == 0 && strncmp(url, "http://", 7) == 0));
	/* what is accepted stays what it is */
	check(img_url_check(url, false, &err) == 0);
	check(img_url_same_origin(url, url));
	if (img_url_add_query(&a, url, "digest", "sha256:00", &longer, &err) == 0)
		check(img_url_same_origin(url, longer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, *line;

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		use_challenge(line);
		use_location("https://registry.example/v2/a/blobs/uploads/", line);
		use_location("http://localhost:5000/v2/a/blobs/uploads/", line);
	}
	free(text);
	return 0;
}
