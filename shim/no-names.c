/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libevent keeps its resolver in the same object as the few helpers that an event loop needs, and a
 * static link then takes all of libc's name services along: half of the program, and a warning that
 * they want their shared libraries. The shim resolves no names, so these are the ones it has.
 */
#include <config.h>

#ifdef CAPSULE_STATIC

#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)ret;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	(void)name;
	(void)protocol;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void)number;
	return NULL;
}

#endif
