/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON object as text for people: a member a line, indented; whatever its members are.
 */
#ifndef SUP_DEBUG_TEXT_H
#define SUP_DEBUG_TEXT_H

#include "buf.h"
#include "json.h"

void sup_debug_text(const struct cps_json *object, struct cps_buf *out);

#endif
