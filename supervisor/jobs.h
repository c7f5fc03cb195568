/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a container, as its shim tells them.
 */
#ifndef SUP_JOBS_H
#define SUP_JOBS_H

#include "client.h"

/* *ret: an array of exec objects (docs/protocol.md), as long-lived as the client. */
int sup_jobs_get(struct sup_client *client, const struct cps_json **ret, struct cps_err *err);

#endif
