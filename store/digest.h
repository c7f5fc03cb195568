/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests as text, "sha256:" and 64 hexadecimal digits (OCI image-spec, descriptor.md). It is the
 * only algorithm that is accepted, and lower case the only spelling, so that equal digests are
 * equal strings and one can be a file's name.
 */
#ifndef STO_DIGEST_H
#define STO_DIGEST_H

#include <stdbool.h>

#define STO_DIGEST_SIZE 72 /* with the NUL */
#define STO_HEX_SIZE	65

/* Of what comes out of a manifest too: anything but that grammar is refused. */
bool sto_is_digest(const char *text);
/* The part behind the colon, which names files. */
const char *sto_digest_hex(const char *digest);

#endif
