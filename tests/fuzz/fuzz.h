/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target defines: libFuzzer's entry. It must cope with any bytes, keep nothing between
 * calls, and free all that it takes.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
