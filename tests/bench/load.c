/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs in the containers that are measured: a service that says that it is there, a command
 * that answers, a program that writes as fast as it is read.
 *
 *	load serve		writes a line, then sleeps for ever
 *	load answer		writes a line and ends
 *	load flood MEGABYTES	writes so many MB of lines of 100 bytes, 64 KiB a write
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE  100
#define BLOCK 65536

static int say(const char *text)
{
	return write(1, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : 1;
}

static int flood(unsigned long megabytes)
{
	static char block[BLOCK + LINE];
	unsigned long left = megabytes * 1000000;
	unsigned phase = 0; /* how far into a line the next block begins */
	unsigned i;

	for (i = 0; i < sizeof(block); i++)
		block[i] = i % LINE == LINE - 1 ? '\n' : (char)('a' + i % 26);
	while (left) {
		const unsigned long want = left < BLOCK ? left : BLOCK;
		const ssize_t n = write(1, block + phase, want);

		if (n <= 0)
			return 1;
		left -= (unsigned long)n;
		phase = (unsigned)((phase + (unsigned long)n) % LINE);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "answer"))
		return say("here\n");
	if (argc == 2 && !strcmp(argv[1], "serve")) {
		if (say("ready\n") != 0)
			return 1;
		for (;;)
			pause();
	}
	if (argc == 3 && !strcmp(argv[1], "flood"))
		return flood(strtoul(argv[2], NULL, 10));
	return 2;
}
