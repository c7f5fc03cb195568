/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a fuzz target built without libFuzzer: runs the target over its corpus,
 * tests/fuzz/corpus/NAME/ for fuzz-NAME, and over a fixed number of damaged copies of each file,
 * the same ones every time. TAP on stdout. A target that crashes takes the program with it; the
 * last "#" line then names the input.
 */
#include <config.h>
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own.h"

enum { INPUT_MAX = 1 << 20, DAMAGES = 200 };

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* The target sees exactly `size` bytes of heap, so that a sanitizer sees it read further. */
static void run_once(const uint8_t *data, size_t size)
{
	cleanup_free uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
}

static void run_damaged(uint8_t *data, size_t size)
{
	uint32_t seed = (uint32_t)size;

	run_once(data, 0);
	for (int i = 0; size && i < DAMAGES; i++) {
		size_t at = next_random(&seed) % size;
		uint8_t old = data[at];

		if (i % 4 == 0) {
			run_once(data, at);
			continue;
		}
		data[at] = (uint8_t)(i % 4 == 1 ? next_random(&seed) : old ^ (1u << (i % 8)));
		run_once(data, size);
		data[at] = old;
	}
}

static int run_file(const char *dir, const char *name, uint8_t *buffer)
{
	char path[4096];
	cleanup_file FILE *f = NULL;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f) {
		printf("# %s: %s\n", path, strerror(errno));
		return -1;
	}
	size = fread(buffer, 1, INPUT_MAX, f);
	printf("# %s\n", name);
	(void)fflush(stdout);
	run_once(buffer, size);
	run_damaged(buffer, size);
	return 0;
}

/* argv[0] is …/fuzz-NAME */
static const char *target_name(const char *program)
{
	const char *base = strrchr(program, '/');

	base = base ? base + 1 : program;
	return strncmp(base, "fuzz-", 5) == 0 ? base + 5 : base;
}

int main(int argc, char **argv)
{
	const char *top = getenv("TOP_SRCDIR");
	const char *name = argc > 0 ? target_name(argv[0]) : "";
	cleanup_free uint8_t *buffer = malloc(INPUT_MAX);
	cleanup_dir DIR *d = NULL;
	char dir[2048];
	const struct dirent *entry;
	int inputs = 0;
	int failed = 0;

	if (!top || !buffer) {
		printf("Bail out! TOP_SRCDIR is not set\n");
		return 1;
	}
	printf("1..1\n");
	(void)snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", top, name);
	d = opendir(dir);
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		inputs++;
		failed += run_file(dir, entry->d_name, buffer) < 0;
	}
	printf("%sok 1 - %s: %d inputs, each with %d damaged copies\n",
	       failed || !inputs ? "not " : "", name, inputs, DAMAGES);
	return 0;
}
