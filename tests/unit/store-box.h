/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data root of a test's own, with layers that are made by hand. Needs root.
 */
#ifndef STORE_BOX_H
#define STORE_BOX_H

#include <stdbool.h>

#include "data-root.h"

struct store_box {
	struct sto s;
	int dir; /* the data root, and what a test wants beside it */
};

/* May we mount? Else tests are skipped. */
bool store_box_possible(void);
void store_box_init(struct store_box *b);
/* fs directory of a new layer, O_PATH; its digest is 64 times the digit. */
int store_box_layer(struct store_box *b, unsigned n, char ret_digest[72]);

#endif
