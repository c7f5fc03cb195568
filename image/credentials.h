/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to a registry: what the user says, or the files in which `podman login` and `docker
 * login` have kept it, read in podman's order:
 *
 *   $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, /run/containers/<uid>/auth.json,
 *   $DOCKER_CONFIG/config.json, $HOME/.docker/config.json
 *
 * Of these only entries under "auths" count. Helper programs that such a file names are not run.
 */
#ifndef IMG_CREDENTIALS_H
#define IMG_CREDENTIALS_H

#include "arena.h"
#include "err.h"
#include "reference.h"

/* creds: "USER:PASS", or NULL: from the files. *ret_basic is the value of an Authorization header
 * ("Basic …"), NULL if there is nothing for this registry; both are the arena's. */
int img_credentials(struct cps_arena *a, const struct sto_ref *ref, const char *creds,
		    const char **ret_user, const char **ret_basic, struct cps_err *err);

#endif
