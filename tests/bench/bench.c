/* SPDX-License-Identifier: Apache-2.0 */
/* The stopwatch of the benchmarks; run.sh and rows/ say what it is pointed at. */
#include <config.h>

#include "bench.h"

#include <string.h>

/* bench peer SOCKET: the pid of the shim that listens there. */
static int peer(int argc, char **argv)
{
	pid_t pid = argc == 2 ? bench_peer(argv[1]) : -1;

	printf("%d\n", pid);
	return pid > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} verbs[] = {
		{ "plan", bench_plan },
		{ "parallel", bench_parallel },
		{ "grow", bench_grow },
		{ "peer", peer },
	};
	unsigned i;

	for (i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "usage: bench plan|parallel|grow|peer ARGUMENT...\n");
	return 2;
}
