/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges two names, again and again, until it is killed: what a hostile container does to a
 * volume that it shares with one that is being started.
 */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2 /* RENAME_EXCHANGE */

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	while (getppid() != 1)
		if (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], EXCHANGE) < 0) {
			perror("renameat2");
			return 1;
		}
	return 0;
}
