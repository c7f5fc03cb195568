/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new network namespace needs before anything can use it.
 */
#ifndef RT_NET_H
#define RT_NET_H

#include "err.h"

int rt_loopback_up(struct cps_err *err);

#endif
