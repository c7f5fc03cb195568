/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of compiled filters: hits, and everything that must be a miss.
 */
#include <config.h>
#include "seccomp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter.h"
#include "own.h"
#include "unit.h"

static struct filter_case under;
static char cache[64];

/* Not there yet: it is made when it is needed. */
static void cache_name(void)
{
	(void)snprintf(cache, sizeof(cache), "/proc/self/fd/%d/cache", unit_dir());
}

static unsigned cache_entries(char *ret_path, size_t size)
{
	cleanup_dir DIR *d = opendir(cache);
	const struct dirent *entry;
	unsigned n = 0;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		(void)snprintf(ret_path, size, "%s/%s", cache, entry->d_name);
	}
	return n;
}

#define CACHED DENY "\"syscalls\":[" RULE("\"read\"", "ALLOW", "") "]"

START_TEST(cache_hit)
{
	char path[512];
	struct stat st;

	cache_name();
	filter_compile(&under, CACHED, cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 1);
	ck_assert_int_eq(stat(cache, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	filter_compile(&under, CACHED, cache);
	ck_assert_uint_eq(filter_ask_name(&under, "read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(under.filter.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	/* another profile is another entry; white space is none */
	filter_compile(&under, CACHED ",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"]", cache);
	ck_assert_uint_eq(under.filter.flags, SECCOMP_FILTER_FLAG_LOG);
	filter_compile(&under, " " CACHED " ", cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 2);
}
END_TEST

/* The program's first instruction becomes "allow everything". */
static void entry_spoil(const char *path)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pwrite(fd, &allow, sizeof(allow),
				st.st_size - (off_t)(under.filter.count * sizeof(allow))),
			 sizeof(allow));
}

static void expect_compiled_anew(void)
{
	filter_compile(&under, CACHED, cache);
	ck_assert_uint_eq(filter_ask_name(&under, "read", 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(filter_ask(&under, AUDIT_ARCH_X86_64, 1, 0, 0), ERRNO(ENOSYS));
}

START_TEST(cache_damaged)
{
	char path[512];
	struct stat before, after;

	cache_name();
	filter_compile(&under, CACHED, cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 1);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(stat(path, &before), 0);
		if (i == 0)
			entry_spoil(path);
		else if (i == 1)
			ck_assert_int_eq(truncate(path, before.st_size - 8), 0);
		else if (i == 2)
			ck_assert_int_eq(truncate(path, 0), 0);
		else
			ck_assert_int_eq(truncate(path, before.st_size + 8), 0);
		expect_compiled_anew();
		ck_assert_int_eq(stat(path, &after), 0);
		ck_assert_uint_ne(before.st_ino, after.st_ino);
		ck_assert_int_eq(before.st_size, after.st_size);
	}
}
END_TEST

/* What others can write is not believed, not even when it is whole. */
START_TEST(cache_of_strangers)
{
	char path[512], moved[600];
	struct stat before, after;

	cache_name();
	filter_compile(&under, CACHED, cache);
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 1);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(chmod(path, 0620), 0);
	expect_compiled_anew();
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);

	/* a symlink is replaced, its target left alone */
	(void)snprintf(moved, sizeof(moved), "%s/moved", cache);
	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(symlink("moved", path), 0);
	expect_compiled_anew();
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert(S_ISREG(after.st_mode));

	/* a FIFO does not hang us; it goes as well */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_compiled_anew();
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert(S_ISREG(after.st_mode));

	ck_assert_int_eq(chmod(cache, 0777), 0);
	under.warn.debug = true;
	expect_compiled_anew();
	ck_assert_msg(strstr(under.warn.text, "seccomp cache: ") == under.warn.text, "%s",
		      under.warn.text);
}
END_TEST

/* An entry under another profile's name is not taken: the key is compared, not only its hash. */
START_TEST(cache_collision)
{
	char path[512], other[512], list[2][512];
	unsigned n = 0;
	const struct dirent *entry;
	cleanup_dir DIR *d = NULL;

	cache_name();
	filter_compile(&under, "\"defaultAction\":\"SCMP_ACT_ALLOW\"", cache);
	cache_entries(other, sizeof(other));
	filter_compile(&under, CACHED, cache);
	d = opendir(cache);
	while (n < 2 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			(void)snprintf(list[n++], sizeof(list[0]), "%.60s/%s", cache,
				       entry->d_name);
	ck_assert_uint_eq(n, 2);
	(void)snprintf(path, sizeof(path), "%s", strcmp(list[0], other) ? list[0] : list[1]);
	ck_assert_int_eq(rename(other, path), 0);
	expect_compiled_anew();
}
END_TEST

START_TEST(cache_bounded)
{
	char text[256], path[512];

	cache_name();
	for (int i = 0; i < 80; i++) {
		(void)snprintf(text, sizeof(text),
			       DENY "\"syscalls\":[" RULE("\"read\"", "ALLOW",
							  ",\"args\":[{\"index\":0,\"op\":"
							  "\"SCMP_CMP_EQ\",\"value\":%d}]") "]",
			       i);
		filter_compile(&under, text, cache);
	}
	ck_assert_uint_eq(cache_entries(path, sizeof(path)), 64);
}
END_TEST

/* A cache that cannot be made is no reason to fail. */
START_TEST(cache_impossible)
{
	under.warn.debug = true;
	filter_compile(&under, CACHED, "/proc/no/such/place");
	ck_assert_uint_eq(filter_ask_name(&under, "read", 0), SECCOMP_RET_ALLOW);
	ck_assert_msg(strstr(under.warn.text, "seccomp cache: ") == under.warn.text, "%s",
		      under.warn.text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		cache_hit,	  cache_damaged, cache_of_strangers, cache_collision, cache_bounded,
		cache_impossible, NULL,
	};

	return unit_main("seccomp-cache", tests);
}
