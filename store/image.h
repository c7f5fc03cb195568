/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images: names that point to manifests. images/names/<name> is JSON {name, manifest, created}, the
 * name's "/" written "+", which is in no name. It appears by rename(2), after all that it points
 * to.
 */
#ifndef STO_IMAGE_H
#define STO_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "data-root.h"
#include "err.h"
#include "manifest.h"
#include "reference.h"

struct sto_image {
	const char *name;	   /* short spelling, see reference.h */
	const char *id;		   /* digest of the config */
	const char *manifest;	   /* digest */
	const char *const *layers; /* diff ids, bottom first; the same one may occur twice */
	unsigned nlayers;
	const char *config; /* its text, not yet judged beyond rootfs: image-config.h does */
	size_t config_len;
	const char *created; /* of the image, as its config says, else when it got this name */
	uint64_t size_bytes; /* of its layers, unpacked */
	struct sto_manifest content;
};

/* By name, id ("sha256:…" or its hexadecimal digits) or a prefix of an id that is unique (four
 * digits at least). All strings are in the arena. -ENOENT: there is none. */
int sto_image_find(const struct sto *s, const char *text, struct cps_arena *a,
		   struct sto_image *ret, struct cps_err *err);
/* The names there are, sorted. *ret_names is in the arena. */
int sto_image_names(const struct sto *s, struct cps_arena *a, const char *const **ret_names,
		    size_t *ret_n, struct cps_err *err);
/* One of them. */
int sto_image_load(const struct sto *s, const char *name, struct cps_arena *a,
		   struct sto_image *ret, struct cps_err *err);
/* Reads what is in the store under a manifest's digest; name and created are NULL. */
int sto_image_of_manifest(const struct sto *s, const char *manifest, struct cps_arena *a,
			  struct sto_image *ret, struct cps_err *err);

/* Gives an image a name (short spelling), or gives the name to another image. All that the manifest
 * names must be there. Everything in the store's file system is on its disk before the name is, and
 * the name when this returns. */
int sto_image_name(const struct sto *s, const char *name, const char *manifest,
		   struct cps_err *err);
int sto_image_unname(const struct sto *s, const char *name, struct cps_err *err);

/* flock(2) of images/lock: LOCK_SH while images are used, LOCK_EX while something is deleted;
 * | LOCK_NB: -EWOULDBLOCK. Held until the descriptor that it returns is closed. Makes images/. Who
 * makes or fetches images takes it by img_maker_lock(). */
int sto_images_lock(const struct sto *s, int how, struct cps_err *err);
/* sto_open() and that. */
int sto_images_open(const char *data_root, bool make, int how, struct sto *ret,
		    struct cps_err *err);

#endif
