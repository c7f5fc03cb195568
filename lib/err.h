/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values: an errno and a message, no heap. One struct crosses from the container's
 * init to the user's terminal unchanged, so it must stay plain data of a fixed size.
 *
 * Rules: a function that can fail for more than one reason returns int, < 0 is -errno and then,
 * and only then, *err is filled. `return cps_fail(...)` is how an error is born, `if (rc < 0)
 * return rc;` how it passes, cps_wrap() adds the context that only the caller knows.
 */
#ifndef CPS_ERR_H
#define CPS_ERR_H

struct cps_err {
	int num;       /* errno, positive; 0 while nothing went wrong */
	char msg[496]; /* outermost context first: "create web1: mounts: /data: bind '/srv': No such
			  …" */
};

/* Fills *err with the formatted text, ": " and strerror(num); returns -num (num 0 becomes EIO). */
int cps_fail(struct cps_err *err, int num, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same without strerror: the text says it all. */
int cps_failx(struct cps_err *err, int num, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* If rc < 0: puts the formatted text and ": " before what *err says. Returns rc unchanged. A
 * message that grows too long loses the end of its outer context, never its cause. */
int cps_wrap(struct cps_err *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
