/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of digests.
 */
#include <config.h>
#include "digest.h"

#include <string.h>

#define PREFIX	   "sha256:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

bool sto_is_digest(const char *text)
{
	return strncmp(text, PREFIX, PREFIX_LEN) == 0 &&
	       strspn(text + PREFIX_LEN, "0123456789abcdef") == STO_HEX_SIZE - 1 &&
	       text[PREFIX_LEN + STO_HEX_SIZE - 1] == '\0';
}

const char *sto_digest_hex(const char *digest)
{
	return digest + PREFIX_LEN;
}
