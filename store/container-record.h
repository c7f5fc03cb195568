/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containers/<id>/container.json: what was decided when a container was made of an image, for
 * `inspect`, for `delete`, and for whoever has to know what an image, a layer or a volume is
 * needed by. It is written before the container exists and does not change.
 */
#ifndef STO_CONTAINER_RECORD_H
#define STO_CONTAINER_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "err.h"
#include "image-config.h"

#define STO_RECORD_FILE "container.json"

struct sto_record_mount {
	const char *type; /* "bind", "volume", "tmpfs" */
	const char *name; /* of a volume; NULL */
	const char *source, *destination;
	bool readonly;
	bool anonymous; /* a volume that goes with the container */
};

struct sto_record_link {
	const char *id, *alias;
};

struct sto_record {
	const char *id;
	const char *image;	/* as it was named; a directory's path */
	const char *image_id;	/* digest of its configuration; NULL: a directory */
	const char *manifest;	/* its digest; NULL: a directory, or an older record */
	struct sto_strs layers; /* diff ids, the lowest first */
	const char *created;	/* RFC 3339 */
	struct sto_strs command;
	struct sto_pairs labels; /* the image's and those that were given */
	size_t nmounts;
	const struct sto_record_mount *mounts;
	const char *network;   /* its name, "host", "none", "container:ID" */
	struct sto_strs ports; /* as net_port_parse() reads them */
	size_t nlinks;
	const struct sto_record_link *links;
	const char *hostname;	 /* NULL: the host's */
	const char *stop_signal; /* NULL: the default */
	struct sto_strs exposed; /* the image's ExposedPorts */
	bool rm;		 /* it is deleted when it ends */
	bool privileged, read_only;
};

/* "links": they are shown as they are written down. */
void sto_record_links_write(struct cps_jsonw *w, const struct sto_record *r);
/* Replaces it atomically. */
int sto_record_write(int container_dir, const struct sto_record *r, struct cps_err *err);
/* -ENOENT: there is none (a bundle's, or cut short). */
int sto_record_read(int container_dir, struct cps_arena *a, struct sto_record *ret,
		    struct cps_err *err);
/* Pure part, for tests. */
int sto_record_parse(struct cps_arena *a, const char *text, size_t len, struct sto_record *ret,
		     struct cps_err *err);

#endif
