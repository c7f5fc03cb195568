/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a shim to life, and burying one that never got to hold a container.
 */
#ifndef SUP_SHIM_START_H
#define SUP_SHIM_START_H

#include <stdbool.h>
#include <sys/types.h>

#include "client.h"
#include "command.h"
#include "err.h"

struct sup_shim {
	pid_t pid; /* our child; 0: none */
	int pidfd;
};

#define SUP_SHIM_INIT \
	{             \
		0, -1 \
	}

/* Runs capsule-shim for id and gives *client its socket, on which nothing has been said yet. adopt:
 * the container is there, and the shim is to take it over. The shim is our child. */
int sup_shim_spawn(const struct sup_ctx *ctx, const char *id, bool adopt, struct sup_shim *shim,
		   struct sup_client *client, struct cps_err *err);
/* Says hello; -ECHILD and how it ended if it has ended without a word. */
int sup_shim_greet(const struct sup_ctx *ctx, struct sup_shim *shim, struct sup_client *client,
		   struct cps_err *err);

/* Both for the new container id and says hello on a socketpair. The shim is in a
 * session of its own with none of our descriptors, so it survives us. On failure nothing is left:
 * neither process nor directory. */
int sup_shim_start(const struct sup_ctx *ctx, const char *id, struct sup_shim *shim,
		   struct sup_client *client, struct cps_err *err);

/* After a create that failed: closes the connection, which makes a shim without a container leave,
 * and waits for that; a shim that stays is killed and its directory removed. */
void sup_shim_discard(const struct sup_ctx *ctx, const char *id, struct sup_shim *shim,
		      struct sup_client *client);

/* Waits a while for a shim that is about to leave. */
void sup_shim_wait(struct sup_shim *shim);
/* Reaps the shim if it has ended already; a running one is left to live on. */
void sup_shim_done(struct sup_shim *shim);

#define cleanup_shim __attribute__((cleanup(sup_shim_done)))

/* A program of ours: `given`, or NAME in the directory of our own binary. */
int sup_program_find(const char *given, const char *name, char *buf, size_t size,
		     struct cps_err *err);

#endif
