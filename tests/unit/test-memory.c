/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena, buffer, ownership.
 */
#include <config.h>
#include "unit.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "buf.h"
#include "own.h"

static bool is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

START_TEST(arena_zeroes_and_aligns)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;

	for (size_t size = 0; size < 5000; size += 13) {
		unsigned char *p = cps_arena_alloc(&a, size);
		char *s = cps_arena_strndup(&a, "abc", size % 4); /* puts the next one askew */

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		ck_assert(is_zero(p, size));
		memset(p, 0xaa, size);
		ck_assert_uint_eq(strlen(s), size % 4);
	}
}
END_TEST

START_TEST(arena_big_pieces_stand_apart)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	char *before = cps_arena_strdup(&a, "before");
	unsigned char *big = cps_arena_alloc(&a, 1000000);
	char *after = cps_arena_strdup(&a, "after");

	ck_assert(is_zero(big, 1000000));
	memset(big, 1, 1000000);
	ck_assert_ptr_eq(after, before + sizeof("before"));
	ck_assert_str_eq(before, "before");
}
END_TEST

START_TEST(arena_first_piece_may_be_big)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	unsigned char *p = cps_arena_alloc(&a, 300000);

	ck_assert(is_zero(p, 300000));
	ck_assert_str_eq(cps_arena_strdup(&a, "x"), "x");
}
END_TEST

START_TEST(arena_refuses_the_impossible)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;

	ck_assert_ptr_null(cps_arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(cps_arena_alloc(&a, PTRDIFF_MAX));
	ck_assert_ptr_null(cps_arena_array(&a, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(cps_arena_strndup(&a, "", SIZE_MAX));
	ck_assert_ptr_nonnull(cps_arena_array(&a, 10, 10));
	ck_assert_ptr_null(cps_arena_alloc(&a, SIZE_MAX - 15));
	ck_assert_ptr_nonnull(cps_arena_array(&a, 0, 10));
}
END_TEST

START_TEST(arena_text)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	char *s;

	ck_assert_str_eq(cps_arena_strdup(&a, ""), "");
	ck_assert_str_eq(cps_arena_printf(&a, "%d-%s", 5, "x"), "5-x");
	for (int n = 505; n < 520; n++) {
		s = cps_arena_printf(&a, "%*d", n, 7);
		ck_assert_uint_eq(strlen(s), (size_t)n);
		ck_assert_int_eq(s[n - 1], '7');
	}
	s = cps_arena_printf(&a, "%*d", 100000, 7);
	ck_assert_uint_eq(strlen(s), 100000);
}
END_TEST

START_TEST(arena_again)
{
	struct cps_arena a = CPS_ARENA_INIT;

	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(cps_arena_strdup(&a, "x"), "x");
		cps_arena_done(&a);
		cps_arena_done(&a);
		ck_assert_ptr_null(a.chunks);
	}
}
END_TEST

START_TEST(buf_grows)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	for (int i = 0; i < 10000; i++) {
		cps_buf_add(&b, "0123456789", (size_t)(i % 11));
		ck_assert_int_eq(b.data[b.len], '\0');
	}
	ck_assert_uint_eq(b.len, 909 * 55 + 0);
	ck_assert(!b.failed);
}
END_TEST

START_TEST(buf_printf_at_every_fill)
{
	for (int fill = 0; fill < 600; fill++) {
		cleanup_buf struct cps_buf b = CPS_BUF_INIT;

		for (int i = 0; i < fill; i++)
			cps_buf_puts(&b, "x");
		cps_buf_printf(&b, "%s:%0100d", "abc", 1);
		ck_assert_uint_eq(b.len, (size_t)fill + 104);
		ck_assert_int_eq(b.data[b.len - 1], '1');
		ck_assert_int_eq(b.data[fill], 'a');
	}
}
END_TEST

START_TEST(buf_failure_sticks)
{
	cleanup_buf struct cps_buf b = CPS_BUF_INIT;

	cps_buf_puts(&b, "abc");
	cps_buf_add(&b, "x", SIZE_MAX / 2);
	ck_assert(b.failed);
	cps_buf_puts(&b, "def");
	cps_buf_printf(&b, "%d", 5);
	ck_assert_str_eq(b.data, "abc");
	ck_assert_uint_eq(b.len, 3);
	cps_buf_done(&b);
	ck_assert(!b.failed);
	cps_buf_puts(&b, "");
	ck_assert_str_eq(b.data, "");
}
END_TEST

START_TEST(own_closes_and_takes)
{
	unsigned before = unit_fd_count();
	int taken;

	{
		cleanup_fd int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cleanup_fd int b = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cleanup_fd int none = -1;
		cleanup_free char *text = strdup("x");
		char *kept = take_ptr(&text);

		ck_assert_ptr_null(text);
		free(kept);
		ck_assert_int_ge(a, 0);
		taken = take_fd(&b);
		ck_assert_int_eq(b, -1);
		ck_assert_int_eq(none, -1);
		ck_assert_uint_eq(unit_fd_count(), before + 2);
	}
	ck_assert_uint_eq(unit_fd_count(), before + 1);
	cps_close(&taken);
	cps_close(&taken);
	ck_assert_uint_eq(unit_fd_count(), before);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		arena_zeroes_and_aligns,
		arena_big_pieces_stand_apart,
		arena_first_piece_may_be_big,
		arena_refuses_the_impossible,
		arena_text,
		arena_again,
		buf_grows,
		buf_printf_at_every_fill,
		buf_failure_sticks,
		own_closes_and_takes,
		NULL,
	};

	return unit_main("memory", tests);
}
