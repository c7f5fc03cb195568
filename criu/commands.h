/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of capsule-criu, which are capsule-runtime's.
 */
#ifndef CRIU_COMMANDS_H
#define CRIU_COMMANDS_H

#include "command.h"

extern const struct rt_command criu_cmd_checkpoint, criu_cmd_restore;

#endif
