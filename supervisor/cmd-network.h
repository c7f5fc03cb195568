/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the group `network` that are about its members; the others are cmd-network.c's.
 */
#ifndef SUP_CMD_NETWORK_H
#define SUP_CMD_NETWORK_H

#include "command.h"

extern const struct sup_command sup_cmd_network_connect;
extern const struct sup_command sup_cmd_network_disconnect;
extern const struct sup_command sup_cmd_network_release;
extern const struct sup_command sup_cmd_network_repair;
extern const struct sup_command sup_cmd_network_prune;
extern const struct sup_command sup_cmd_network_stats;

#endif
