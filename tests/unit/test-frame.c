/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: what goes through whole, what is refused, and that a refused frame leaves no descriptor
 * behind.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frame.h"
#include "own.h"

struct link {
	int a;
	int b;
};

static struct link link_open(void)
{
	int s[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	return (struct link){ s[0], s[1] };
}

static void link_close(struct link *l)
{
	cps_close(&l->a);
	cps_close(&l->b);
}

#define cleanup_link __attribute__((cleanup(link_close)))

static void header_put(unsigned char *p, const char *magic, unsigned kind, unsigned nfds,
		       unsigned id, unsigned length)
{
	const unsigned char rest[12] = {
		(unsigned char)kind,
		(unsigned char)(kind >> 8),
		(unsigned char)nfds,
		(unsigned char)(nfds >> 8),
		(unsigned char)id,
		(unsigned char)(id >> 8),
		(unsigned char)(id >> 16),
		(unsigned char)(id >> 24),
		(unsigned char)length,
		(unsigned char)(length >> 8),
		(unsigned char)(length >> 16),
		(unsigned char)(length >> 24),
	};

	memcpy(p, magic, 4);
	memcpy(p + 4, rest, sizeof(rest));
}

/* A packet as anybody may send it: nothing is checked. */
static void raw_send(int sock, const void *data, size_t len, const int *fds, unsigned nfds)
{
	char control[CMSG_SPACE(64 * sizeof(int))] = { 0 };
	struct iovec part = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(sock, &msg, MSG_NOSIGNAL), (ssize_t)len);
}

static void frame_send_raw(int sock, unsigned kind, unsigned nfds_said, const char *json,
			   unsigned nfds_sent)
{
	unsigned char packet[1024];
	int fds[64];

	for (unsigned i = 0; i < nfds_sent; i++)
		fds[i] = sock;
	header_put(packet, "CPS1", kind, nfds_said, 5, (unsigned)strlen(json));
	memcpy(packet + 16, json, strlen(json));
	raw_send(sock, packet, 16 + strlen(json), fds, nfds_sent);
}

START_TEST(the_bytes_of_a_frame)
{
	static const unsigned char wanted[] =
		"CPS1\x02\0\0\0\x04\x03\x02\x01\x0a\0\0\0{\"ok\":{ }}";
	cleanup_link struct link l = link_open();
	struct cps_err err = { 0 };
	unsigned char packet[64];

	ck_assert_int_eq(cps_frame_send(l.a, CPS_FRAME_REPLY, 0x01020304, "{\"ok\":{ }}", 10, NULL,
					0, 0, &err),
			 0);
	ck_assert_int_eq(recv(l.b, packet, sizeof(packet), 0), 26);
	ck_assert_mem_eq(packet, wanted, 26);
}
END_TEST

START_TEST(a_request_with_descriptors)
{
	static const char json[] = "{\"op\":\"exec\",\"fds\":[\"stdin\",\"process\"]}";
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	cleanup_frame struct cps_frame f = { 0 };
	cleanup_fd int null = open("/dev/null", O_RDONLY);
	cleanup_fd int zero = open("/dev/zero", O_RDONLY);
	cleanup_fd int got = -1;
	struct cps_err err = { 0 };
	struct stat st;
	struct stat wanted;
	const char *op;

	ck_assert_int_eq(cps_frame_send(l.a, CPS_FRAME_REQUEST, 7, json, strlen(json),
					(int[]){ null, zero }, 2, 0, &err),
			 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
	ck_assert_int_eq(f.kind, CPS_FRAME_REQUEST);
	ck_assert_uint_eq(f.id, 7);
	ck_assert_uint_eq(f.nfds, 2);
	ck_assert_int_eq(cps_json_str(cps_json_get(f.body, "op"), &op, &err), 0);
	ck_assert_str_eq(op, "exec");

	ck_assert_int_eq(cps_frame_take_fd(&f, "stdout"), -1);
	got = cps_frame_take_fd(&f, "process");
	ck_assert_int_eq(fcntl(got, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fstat(got, &st), 0);
	ck_assert_int_eq(fstat(zero, &wanted), 0);
	ck_assert_int_eq(st.st_rdev == wanted.st_rdev, 1);
	ck_assert_int_eq(cps_frame_take_fd(&f, "process"), -1);
}
END_TEST

START_TEST(a_reply_names_its_descriptors_inside_ok)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	cleanup_frame struct cps_frame f = { 0 };
	const struct cps_json *ok = NULL;
	struct cps_err err = { 0 };
	unsigned before = unit_fd_count();

	ck_assert_int_eq(
		cps_reply_ok(l.a, 9, "{\"pid\":1,\"fds\":[\"console\"]}", &l.a, 1, 0, &err), 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
	ck_assert_uint_eq(f.id, 9);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), 0);
	ck_assert_str_eq(cps_json_get(ok, "pid")->text, "1");
	ck_assert_uint_eq(unit_fd_count(), before + 1);
	cps_frame_done(&f);
	cps_frame_done(&f);
	ck_assert_uint_eq(unit_fd_count(), before);
}
END_TEST

START_TEST(errors_cross_unchanged)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	const struct cps_json *ok = NULL;
	struct cps_err err = { 0 };
	struct cps_err why = { 0 };
	struct cps_frame f = { 0 };
	const char *step;

	(void)cps_fail(&why, EPERM, "mounts: /\"data\n\": bind '%s'", "ä");
	ck_assert_int_eq(cps_reply_error(l.a, 3, &why, "mounts", 0, &err), 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
	ck_assert_int_eq(
		cps_json_str(cps_json_get(cps_json_get(f.body, "error"), "step"), &step, &err), 0);
	ck_assert_str_eq(step, "mounts");
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), -EPERM);
	ck_assert_int_eq(err.num, why.num);
	ck_assert_str_eq(err.msg, why.msg);
	ck_assert_ptr_null(ok);

	memset(why.msg, 1, sizeof(why.msg) - 1); /* the longest there is, each byte escaped */
	ck_assert_int_eq(cps_reply_error(l.a, 3, &why, NULL, 0, &err), 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
	ck_assert_int_eq(cps_reply_check(&f, &ok, &err), -EPERM);
	ck_assert_str_eq(err.msg, why.msg);
}
END_TEST

START_TEST(what_is_no_reply)
{
	static const char *const bodies[] = {
		"{}",
		"{\"ok\":null}",
		"{\"ok\":1}",
		"{\"ok\":{},\"error\":{\"errno\":1,\"message\":\"x\"}}",
		"{\"error\":{}}",
		"{\"error\":1}",
		"{\"error\":{\"errno\":0,\"message\":\"x\"}}",
		"{\"error\":{\"errno\":-1,\"message\":\"x\"}}",
		"{\"error\":{\"errno\":5000,\"message\":\"x\"}}",
		"{\"error\":{\"errno\":1}}",
		"{\"error\":{\"errno\":1,\"message\":2}}",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
		cleanup_link struct link l = link_open();
		const struct cps_json *ok = NULL;
		struct cps_frame f = { 0 };
		struct cps_err err = { 0 };

		frame_send_raw(l.a, CPS_FRAME_REPLY, 0, bodies[i], 0);
		ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
		ck_assert_err(cps_reply_check(&f, &ok, &err), EBADMSG, err, "reply");
		f.kind = CPS_FRAME_EVENT;
		ck_assert_err(cps_reply_check(&f, &ok, &err), EBADMSG, err, "reply");
	}
}
END_TEST

START_TEST(end_and_nothing_yet)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };

	ck_assert_int_eq(cps_frame_recv(l.b, MSG_DONTWAIT, &a, &f, &err), -EAGAIN);
	ck_assert_int_eq(err.num, EAGAIN);
	cps_close(&l.a);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 0);
	ck_assert_err(cps_frame_send(l.b, CPS_FRAME_EVENT, 0, "{}", 2, NULL, 0, 0, &err), EPIPE,
		      err, "send a frame");
}
END_TEST

START_TEST(a_full_socket_says_again)
{
	cleanup_link struct link l = link_open();
	struct cps_err err = { 0 };
	int sent = 0;
	int rc;

	do {
		rc = cps_frame_send(l.a, CPS_FRAME_EVENT, 0, "{}", 2, NULL, 0, MSG_DONTWAIT, &err);
		sent++;
	} while (rc == 0 && sent < 100000);
	ck_assert_err(rc, EAGAIN, err, "send a frame");
}
END_TEST

START_TEST(the_largest_frame)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	cleanup_free char *json = malloc(CPS_FRAME_JSON_MAX + 2);
	cleanup_frame struct cps_frame f = { 0 };
	struct cps_err err = { 0 };
	int fds[CPS_FRAME_FDS_MAX + 1];
	int n;

	memset(json, ' ', CPS_FRAME_JSON_MAX + 2);
	n = sprintf(json, "{\"fds\":[\"0\"");
	for (int i = 1; i < CPS_FRAME_FDS_MAX; i++)
		n += sprintf(json + n, ",\"%d\"", i);
	memcpy(json + n, "]}", 2);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fds[i] = l.a;
	ck_assert_int_eq(cps_frame_send(l.a, CPS_FRAME_EVENT, 0, json, CPS_FRAME_JSON_MAX, fds,
					CPS_FRAME_FDS_MAX, 0, &err),
			 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
	ck_assert_uint_eq(f.nfds, CPS_FRAME_FDS_MAX);

	ck_assert_err(cps_frame_send(l.a, CPS_FRAME_EVENT, 0, json, CPS_FRAME_JSON_MAX + 1, NULL, 0,
				     0, &err),
		      EMSGSIZE, err, "65537 bytes");
	ck_assert_err(cps_frame_send(l.a, CPS_FRAME_EVENT, 0, json, 100, fds, CPS_FRAME_FDS_MAX + 1,
				     0, &err),
		      EMSGSIZE, err, "17 descriptors");
}
END_TEST

/* Whatever is wrong with it: EBADMSG, no descriptor stays, and the next frame is read as ever. */
static void check_rejected(const char *what, unsigned kind, unsigned nfds_said, const char *json,
			   unsigned nfds_sent)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };
	unsigned before = unit_fd_count();

	frame_send_raw(l.a, kind, nfds_said, json, nfds_sent);
	ck_assert_err(cps_frame_recv(l.b, 0, &a, &f, &err), EBADMSG, err, what);
	ck_assert_uint_eq(unit_fd_count(), before);
	ck_assert_ptr_null(f.body);
	frame_send_raw(l.a, CPS_FRAME_EVENT, 0, "{}", 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 1);
}

START_TEST(rejected_frames_leak_nothing)
{
	check_rejected("count of descriptors", 1, 1, "{\"fds\":[\"a\"]}", 2);
	check_rejected("count of descriptors", 1, 2, "{\"fds\":[\"a\",\"b\"]}", 1);
	check_rejected("count of descriptors", 1, 1, "{\"fds\":[\"a\"]}", 0);
	check_rejected("does not name", 1, 2, "{\"fds\":[\"a\"]}", 2);
	check_rejected("does not name", 1, 1, "{\"fds\":[\"a\",\"b\"]}", 1);
	check_rejected("does not name", 1, 1, "{}", 1);
	check_rejected("does not name", 1, 1, "{\"fds\":null}", 1);
	check_rejected("does not name", 1, 0, "{\"fds\":[\"a\"]}", 0);
	check_rejected("does not name", 2, 1, "{\"fds\":[\"a\"]}", 1);
	check_rejected("does not name", 1, 1, "{\"ok\":{\"fds\":[\"a\"]}}", 1);
	check_rejected("does not name", 1, 1, "{\"fds\":\"a\"}", 1);
	check_rejected("no array", 1, 1, "{\"fds\":{\"a\":1}}", 1);
	check_rejected("no array", 1, 0, "{\"fds\":true}", 0);
	check_rejected("no string", 1, 1, "{\"fds\":[1]}", 1);
	check_rejected("a name twice", 1, 2, "{\"fds\":[\"a\",\"a\"]}", 2);
	check_rejected("too many descriptors", 1, 17, "{\"fds\":[]}", 17);
	check_rejected("too many descriptors", 1, 16, "{\"fds\":[]}", 50);
	check_rejected("too many descriptors", 1, 65535, "{\"fds\":[]}", 64);
	check_rejected("unknown kind", 0, 1, "{\"fds\":[\"a\"]}", 1);
	check_rejected("unknown kind", 4, 1, "{\"fds\":[\"a\"]}", 1);
	check_rejected("unknown kind", 65535, 1, "{\"fds\":[\"a\"]}", 1);
	check_rejected("malformed frame: line 1, column 9", 1, 1, "{\"fds\":[a]}", 1);
	check_rejected("line 1, column 1", 1, 1, "", 1);
	check_rejected("no object", 1, 1, "[\"a\"]", 1);
	check_rejected("no object", 1, 0, "null", 0);
}
END_TEST

static void check_packet(const char *what, const void *packet, size_t len)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };
	unsigned before = unit_fd_count();

	raw_send(l.a, packet, len, &l.a, 1);
	ck_assert_err(cps_frame_recv(l.b, 0, &a, &f, &err), EBADMSG, err, what);
	ck_assert_uint_eq(unit_fd_count(), before);
}

START_TEST(packets_that_are_no_frames)
{
	static unsigned char packet[CPS_FRAME_HEADER + CPS_FRAME_JSON_MAX + 1];

	memset(packet, ' ', sizeof(packet));
	header_put(packet, "CPS1", 1, 1, 0, 13);
	memcpy(packet + 16, "{\"fds\":[\"a\"]}", 13);
	for (size_t len = 0; len < 16; len++)
		check_packet("shorter than its header", packet, len);
	check_packet("wrong length", packet, 16);
	check_packet("wrong length", packet, 28);
	check_packet("wrong length", packet, 30);
	header_put(packet, "CPS1", 1, 1, 0, 0xffffffff);
	check_packet("wrong length", packet, 29);
	header_put(packet, "CPS1", 1, 1, 0, CPS_FRAME_JSON_MAX + 1);
	check_packet("too long", packet, sizeof(packet));
	header_put(packet, "CPS2", 1, 1, 0, 13);
	check_packet("no magic", packet, 29);
	header_put(packet, "1SPC", 1, 1, 0, 13);
	check_packet("no magic", packet, 29);
}
END_TEST

START_TEST(an_empty_packet_without_descriptors_is_an_end)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };

	raw_send(l.a, "", 0, NULL, 0);
	ck_assert_int_eq(cps_frame_recv(l.b, 0, &a, &f, &err), 0);
}
END_TEST

/* With the table full the kernel drops what it cannot install: no frame, and none leaks. */
START_TEST(no_descriptor_free)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	cleanup_link struct link l = link_open();
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };
	int fds[4096];
	unsigned n = 0;

	frame_send_raw(l.a, 1, 2, "{\"fds\":[\"a\",\"b\"]}", 2);
	while (n < 4096 && (fds[n] = dup(l.a)) >= 0)
		n++;
	if (n == 4096)
		return; /* more are allowed here than it is worth to open */
	cps_close(&fds[--n]);
	ck_assert_err(cps_frame_recv(l.b, 0, &a, &f, &err), EBADMSG, err, "malformed frame");
	fds[n] = dup(l.a);
	ck_assert_int_ge(fds[n], 0);
	ck_assert_int_lt(dup(l.a), 0);
}
END_TEST

START_TEST(no_socket)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct cps_frame f = { 0 };
	struct cps_err err = { 0 };

	ck_assert_err(cps_frame_recv(-1, 0, &a, &f, &err), EBADF, err, "receive a frame");
	ck_assert_err(cps_frame_send(-1, CPS_FRAME_EVENT, 0, "{}", 2, NULL, 0, 0, &err), EBADF, err,
		      "send a frame");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_bytes_of_a_frame,
		a_request_with_descriptors,
		a_reply_names_its_descriptors_inside_ok,
		errors_cross_unchanged,
		what_is_no_reply,
		end_and_nothing_yet,
		a_full_socket_says_again,
		the_largest_frame,
		rejected_frames_leak_nothing,
		packets_that_are_no_frames,
		an_empty_packet_without_descriptors_is_an_end,
		no_descriptor_free,
		no_socket,
		NULL,
	};

	return unit_main("frame", tests);
}
