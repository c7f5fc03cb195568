/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WWW-Authenticate (RFC 9110, section 11.6.1): how a registry wants to be told who asks. Of several
 * challenges Bearer is preferred to Basic, and others are passed over. Hostile input, of any length
 * up to what http.c lets in.
 */
#ifndef IMG_CHALLENGE_H
#define IMG_CHALLENGE_H

#include "arena.h"

enum img_auth {
	IMG_AUTH_NONE, /* nothing that we speak */
	IMG_AUTH_BASIC,
	IMG_AUTH_BEARER, /* of the OCI distribution specification: a token from `realm` */
};

struct img_challenge {
	enum img_auth auth;
	const char *realm;   /* never NULL if auth is IMG_AUTH_BEARER */
	const char *service; /* or NULL */
	const char *scope;   /* or NULL */
};

/* The values of all such headers, joined by commas. What is malformed ends the reading; challenges
 * before it count. Strings are the arena's. */
void img_challenge_parse(struct cps_arena *a, const char *text, struct img_challenge *ret);

#endif
