/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document that makes the table: it is JSON, it touches no other table, and it makes what the
 * rest of nft.c counts on. Whether nft takes it, and what the rules do, tests/integ/77-ports.bats
 * shows.
 */
#include <config.h>

#include <string.h>

#include "arena.h"
#include "json.h"
#include "nft-table.h"
#include "unit.h"

static const struct cps_json *commands(struct cps_arena *a)
{
	cleanup_buf struct cps_buf text = CPS_BUF_INIT;
	const struct cps_json *root, *list;
	struct cps_err err;

	net_nft_ruleset(&text);
	ck_assert(!text.failed);
	ck_assert_ok(cps_json_parse(a, text.data, text.len, &root, &err), err);
	list = cps_json_get(root, "nftables");
	ck_assert_ptr_nonnull(list);
	return list;
}

/* Objects of this kind that are added, of this chain or of all; the last of this name. */
static unsigned count(const struct cps_json *list, const char *kind, const char *chain,
		      const char *name)
{
	unsigned n = 0;

	for (const struct cps_json *c = list->first; c; c = c->next) {
		const struct cps_json *o = cps_json_get(cps_json_get(c, "add"), kind);
		const struct cps_json *in = cps_json_get(o, "chain");
		const struct cps_json *called = cps_json_get(o, "name");

		n += o && (!chain || strcmp(in->text, chain) == 0) &&
		     (!name || strcmp(called->text, name) == 0);
	}
	return n;
}

START_TEST(only_our_table)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;

	for (const struct cps_json *c = commands(&a)->first; c; c = c->next) {
		const struct cps_json *what = c->first->first;
		const char *member = strcmp(what->key, "table") == 0 ? "name" : "table";

		ck_assert_str_eq(cps_json_get(what, member)->text, "capsule");
		ck_assert_str_eq(cps_json_get(what, "family")->text, "inet");
	}
}
END_TEST

START_TEST(made_anew)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *first = commands(&a)->first;

	ck_assert_str_eq(first->first->key, "add");
	ck_assert_str_eq(first->next->first->key, "delete");
	ck_assert_str_eq(first->next->first->first->key, "table");
	ck_assert_str_eq(first->next->next->first->key, "add");
}
END_TEST

START_TEST(chains_and_their_rules)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *list = commands(&a);
	unsigned rules = 0;

	for (unsigned i = 0; i < NET_NFT_CHAINS; i++) {
		const struct net_nft_chain *chain = &net_nft_chains[i];

		ck_assert_uint_eq(count(list, "chain", NULL, chain->name), 1);
		ck_assert_msg(count(list, "rule", chain->name, NULL) == chain->rules, "%s",
			      chain->name);
		rules += chain->rules;
	}
	ck_assert_uint_eq(count(list, "chain", NULL, NULL), NET_NFT_CHAINS);
	ck_assert_uint_eq(count(list, "rule", NULL, NULL), rules);
}
END_TEST

START_TEST(sets_and_maps)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	const struct cps_json *list = commands(&a);
	unsigned n = 0;

	for (const char *const *name = net_nft_sets; *name; name++, n++)
		ck_assert_uint_eq(count(list, "set", NULL, *name) + count(list, "map", NULL, *name),
				  1);
	ck_assert_uint_eq(count(list, "set", NULL, NULL) + count(list, "map", NULL, NULL), n);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { only_our_table, made_anew, chains_and_their_rules,
				       sets_and_maps, NULL };

	return unit_main("nft-json", tests);
}
