/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts behind nft.h: the table's shape (nft-ruleset.c), the program (nft-run.c), and messages
 * of NETLINK_NETFILTER for elements (nft-wire.c).
 */
#ifndef NET_NFT_TABLE_H
#define NET_NFT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "nft.h"

#define NET_NFT_CHAINS 6

struct net_nft_chain {
	const char *name;
	uint32_t rules;
};

/* What the document of net_nft_ruleset() makes; sets end with NULL. */
extern const struct net_nft_chain net_nft_chains[NET_NFT_CHAINS];
extern const char *const net_nft_sets[];

/* Runs `nft -j -f -` with this document on its standard input. -ENOENT: it is not installed; what
 * it complains of is in the message. */
int net_nft_run(const char *document, size_t len, struct cps_err *err);

/* A socket to the kernel's nf_tables. Returns the fd. */
int net_nft_connect(struct cps_err *err);

/* 0: the table is as it was made. -ENOENT: there is none; -ESTALE: rules or chains are missing, or
 * are too many. No message in either case. Other errors have one. */
int net_nft_check(int fd, struct cps_err *err);

/* Adds the number of elements of a set or map to *count. */
int net_nft_count(int fd, const char *set, unsigned *count, struct cps_err *err);

/* A transaction in the making: changes of elements, in order. */
struct net_nft_batch {
	struct cps_buf buf;
	uint32_t seq;
};

/* One element of a set (value NULL) or map; bytes as the kernel keeps them: each part of a key
 * padded to 4, network byte order. */
struct net_nft_element {
	const char *set;
	const void *key;
	const void *key_end; /* of a set of ranges: the last one; or NULL */
	size_t key_len;
	const void *value;
	size_t value_len;
};

void net_nft_batch_begin(struct net_nft_batch *b);
void net_nft_batch_add(struct net_nft_batch *b, const struct net_nft_element *e);
void net_nft_batch_del(struct net_nft_batch *b, const struct net_nft_element *e);
void net_nft_batch_flush(struct net_nft_batch *b, const char *set); /* all its elements */
void net_nft_batch_del_table(struct net_nft_batch *b);		    /* with all that is in it */
/* All or nothing. -ESTALE, without a message: something to take away was not there, the key to add
 * has another value, or there is no such set. */
int net_nft_batch_commit(struct net_nft_batch *b, int fd, struct cps_err *err);

static inline void net_nft_batch_done(struct net_nft_batch *b)
{
	cps_buf_done(&b->buf);
}

#define cleanup_nft_batch __attribute__((cleanup(net_nft_batch_done)))

#endif
