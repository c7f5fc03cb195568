/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsystemd's sd-bus, loaded when it is asked for, so that nothing of ours depends on it: on a
 * machine without it there is an error message, and elsewhere only who asks for systemd pays.
 */
#ifndef SYSD_BUS_H
#define SYSD_BUS_H

#include <systemd/sd-bus.h>

#include "err.h"

/* What we call. Each member is called like its function, without the prefix. */
#define SYSD_FUNCTIONS(X)              \
	X(bus_new)                     \
	X(bus_set_address)             \
	X(bus_set_bus_client)          \
	X(bus_start)                   \
	X(bus_open_system)             \
	X(bus_flush_close_unref)       \
	X(bus_match_signal)            \
	X(bus_process)                 \
	X(bus_wait)                    \
	X(bus_call)                    \
	X(bus_call_method)             \
	X(bus_get_property_string)     \
	X(bus_path_encode)             \
	X(bus_message_new_method_call) \
	X(bus_message_append)          \
	X(bus_message_append_basic)    \
	X(bus_message_open_container)  \
	X(bus_message_close_container) \
	X(bus_message_read)            \
	X(bus_message_unref)           \
	X(bus_error_free)

/* The types are those of the header, so that the compiler checks our calls. */
#define SYSD_MEMBER(name) __typeof__(sd_##name) *name;
struct sysd_functions {
	SYSD_FUNCTIONS(SYSD_MEMBER)
};
#undef SYSD_MEMBER

/* Loads the library. ENOENT: it is not here, or too old. It stays loaded. */
int sysd_load(struct sysd_functions *ret, struct cps_err *err);

/* Connects to the system's bus or, user set, to that of the user whom this process belongs to,
 * looked up through the user namespace that it may be in. *ret is the caller's. */
int sysd_connect(const struct sysd_functions *f, int user, sd_bus **ret, struct cps_err *err);

#endif
