/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How spec*.c read JSON: one table of known members for each object, and parsers that all have
 * the same shape, so that a table can name them. Private to spec*.c.
 *
 * A member with a parser is honoured. One without is known to the spec but not honoured here: it
 * is refused by its path, unless its value asks for nothing ("", 0, false, {}, []). A member that
 * no table knows is ignored, with a note. null is the same as absent everywhere.
 */
#ifndef RT_SPEC_PARSE_H
#define RT_SPEC_PARSE_H

#include "spec.h"

struct rt_spec_in {
	struct cps_arena *arena;
	struct rt_warn *warn;
	const char *bundle; /* what relative paths start at; NULL: there is none */
	bool patch;	    /* a process object that is a patch (docs/protocol.md, "process") */
};

/* Reads node into *field, whose type each parser states. */
typedef int rt_spec_parser(const struct rt_spec_in *in, const struct cps_json *node, void *field,
			   struct cps_err *err);

struct rt_spec_member {
	const char *name; /* NULL ends the table */
	rt_spec_parser *parse;
	size_t offset; /* of the parser's field in the object's struct */
};

/* An object by its table; `object` is the struct that the offsets count from. */
int rt_spec_object(const struct rt_spec_in *in, const struct cps_json *node,
		   const struct rt_spec_member *table, void *object, struct cps_err *err);
/* An array: memory for all elements (size bytes each), `parse` for each of them. */
int rt_spec_array(const struct rt_spec_in *in, const struct cps_json *node, size_t size,
		  rt_spec_parser *parse, size_t *ret_count, void **ret_elements,
		  struct cps_err *err);

/* Scalars. */
rt_spec_parser rt_spec_str;	 /* const char *; may be empty */
rt_spec_parser rt_spec_str_some; /* const char *; an empty one counts as absent */
rt_spec_parser rt_spec_bool;	 /* bool */
rt_spec_parser rt_spec_strs;	 /* struct rt_strs */
rt_spec_parser rt_spec_env;	 /* struct rt_strs of KEY=VALUE; the last one of a key wins */
rt_spec_parser rt_spec_i64;	 /* struct rt_i64, any value */
rt_spec_parser rt_spec_limit;	 /* struct rt_i64, -1 (unlimited) or more */
rt_spec_parser rt_spec_u64;	 /* struct rt_u64, any value */
rt_spec_parser rt_spec_id;	 /* uint32_t that is a uid or gid: not (uint32_t)-1 */
rt_spec_parser rt_spec_u32;	 /* uint32_t */

/* Parts of the configuration; each reads into the struct that is named. */
rt_spec_parser rt_spec_process;	    /* struct rt_process */
rt_spec_parser rt_spec_hooks;	    /* struct rt_hooks */
rt_spec_parser rt_spec_linux;	    /* struct rt_spec */
rt_spec_parser rt_spec_devices;	    /* struct rt_spec: linux.devices */
rt_spec_parser rt_spec_resources;   /* struct rt_resources */
rt_spec_parser rt_spec_network;	    /* struct rt_resources: network */
rt_spec_parser rt_spec_rdma;	    /* struct rt_resources: rdma */
rt_spec_parser rt_spec_net_devices; /* struct rt_spec: linux.netDevices */
rt_spec_parser rt_spec_seccomp;	    /* struct rt_seccomp */
rt_spec_parser rt_spec_sysctl;	    /* struct rt_spec: linux.sysctl */
rt_spec_parser rt_spec_intel_rdt;   /* struct rt_intel_rdt */

/* spec-scheduling.c */
rt_spec_parser rt_spec_scheduler;     /* struct rt_scheduler */
rt_spec_parser rt_spec_io_priority;   /* struct rt_io_priority */
rt_spec_parser rt_spec_affinity;      /* struct rt_process */
rt_spec_parser rt_spec_memory_policy; /* struct rt_memory_policy */
rt_spec_parser rt_spec_personality;   /* struct rt_u64 */

/* A map of strings to strings. Keys are not empty. */
int rt_spec_map(const struct rt_spec_in *in, const struct cps_json *node, size_t *ret_count,
		const struct rt_key_value **ret_pairs, struct cps_err *err);
/* uidMappings or gidMappings: ranges that the kernel would take. */
int rt_spec_id_maps(const struct rt_spec_in *in, const struct cps_json *node, size_t *ret_count,
		    const struct rt_id_map **ret_maps, struct cps_err *err);
/* KEY=VALUE lists joined: later ones replace earlier ones of the same key, in their place. */
int rt_spec_env_join(const struct rt_spec_in *in, const struct rt_strs *first,
		     const struct rt_strs *second, struct rt_strs *ret, struct cps_err *err);

/* A word of a table, and its number. what: "memory policy", for the error. */
struct rt_spec_word {
	const char *name; /* NULL ends the table */
	uint64_t number;
};
int rt_spec_word(const struct cps_json *node, const struct rt_spec_word *words, const char *what,
		 uint64_t *ret, struct cps_err *err);
/* An array of such words, their numbers joined by "or". */
int rt_spec_words(const struct cps_json *node, const struct rt_spec_word *words, const char *what,
		  uint64_t *ret, struct cps_err *err);

/* A new user namespace that names no ids: root in it is the caller, and nobody else is there. */
int rt_spec_default_maps(const struct rt_spec_in *in, struct rt_spec *spec, struct cps_err *err);
/* What only the whole tells: namespaces that other members need. top: the config's object. */
int rt_spec_check_linux(const struct rt_spec *spec, const struct cps_json *top,
			struct rt_warn *warn, struct cps_err *err);
int rt_spec_check_sysctl(const struct rt_spec *spec, const struct cps_json *top,
			 struct cps_err *err);

int rt_spec_no_memory(const struct cps_json *node, struct cps_err *err);
/* "linux.x.y" of a node, for warnings; lives in the caller's buffer. */
#define RT_SPEC_PATH_SIZE 256

#endif
