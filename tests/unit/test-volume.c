/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: their life, their first use, and the ranges of ids.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "container-record.h"
#include "container.h"
#include "copy.h"
#include "file.h"
#include "idrange.h"
#include "own.h"
#include "store-box.h"
#include "trash.h"
#include "volume.h"

static int open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void volume_make(struct store_box *b, const char *name)
{
	struct cps_err err = { 0 };
	char made[STO_VOLUME_NAME];

	ck_assert_ok(sto_volume_create(&b->s, name, NULL, made, &err), err);
}

/* A container of this name that uses the volume. */
static void user_make(struct store_box *b, const char *id, const char *volume)
{
	const struct sto_record_mount mount = {
		.type = "volume", .name = volume, .source = "/x", .destination = "/data"
	};
	const struct sto_record r = { .id = id,
				      .image = "i",
				      .created = "2026-01-01T00:00:00Z",
				      .network = "none",
				      .nmounts = 1,
				      .mounts = &mount };
	struct cps_err err = { 0 };
	cleanup_fd int dir = sto_container_create(&b->s, id, &err);

	ck_assert_ok(dir, err);
	ck_assert_ok(sto_record_write(dir, &r, &err), err);
}

START_TEST(volume_life)
{
	static const struct sto_pair pairs[] = { { "a", "1" }, { "b", "two\nlines" } };
	const struct sto_pairs labels = { .n = 2, .v = pairs };
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	char name[STO_VOLUME_NAME], anonymous[STO_VOLUME_NAME];
	struct store_box b;
	struct cps_err err = { 0 };
	struct sto_volume v;
	const struct sto_volume_ref *refs;
	const char **names;
	size_t n;

	store_box_init(&b);
	ck_assert_int_eq(sto_volume_list(&b.s, &a, &names, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_ok(sto_volume_create(&b.s, "db", &labels, name, &err), err);
	ck_assert_str_eq(name, "db");
	ck_assert_err(sto_volume_create(&b.s, "db", NULL, name, &err), EEXIST, err, "'db' exists");
	ck_assert_err(sto_volume_create(&b.s, "../x", NULL, name, &err), EINVAL, err, "'../x'");
	ck_assert_err(sto_volume_create(&b.s, ".x", NULL, name, &err), EINVAL, err, "'.x'");
	ck_assert_ok(sto_volume_create(&b.s, NULL, NULL, anonymous, &err), err);
	ck_assert_uint_eq(strlen(anonymous), 64);
	ck_assert_ok(sto_volume_load(&b.s, "db", &a, &v, &err), err);
	ck_assert(!v.anonymous);
	ck_assert_uint_eq(v.labels.n, 2);
	ck_assert_str_eq(v.labels.v[1].value, "two\nlines");
	ck_assert_str_eq(v.path + strlen(b.s.path), "/volumes/db/data");
	ck_assert_ok(sto_volume_load(&b.s, anonymous, &a, &v, &err), err);
	ck_assert(v.anonymous);
	ck_assert_err(sto_volume_load(&b.s, "none", &a, &v, &err), ENOENT, err, "'none'");
	user_make(&b, "web", "db");
	ck_assert_ok(sto_volume_refs(&b.s, &a, &refs, &n, &err), err);
	ck_assert_str_eq(sto_volume_user(refs, n, "db"), "web");
	ck_assert_ptr_null(sto_volume_user(refs, n, anonymous));
	ck_assert_err(sto_volume_delete(&b.s, "db", &err), EBUSY, err, "used by container 'web'");
	ck_assert_ok(sto_volume_delete(&b.s, anonymous, &err), err);
	ck_assert_err(sto_volume_delete(&b.s, anonymous, &err), ENOENT, err, anonymous);
	ck_assert_ok(sto_container_remove(&b.s, "web", &err), err);
	ck_assert_ok(sto_volume_delete(&b.s, "db", &err), err);
	ck_assert_int_eq(sto_volume_list(&b.s, &a, &names, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
}
END_TEST

static void count(void *arg, const char *name)
{
	(void)name;
	++*(unsigned *)arg;
}

START_TEST(volume_prune)
{
	char name[STO_VOLUME_NAME];
	struct store_box b;
	struct cps_err err = { 0 };
	unsigned n = 0;

	store_box_init(&b);
	volume_make(&b, "used");
	volume_make(&b, "unused");
	for (int i = 0; i < 2; i++)
		ck_assert_ok(sto_volume_create(&b.s, NULL, NULL, name, &err), err);
	user_make(&b, "web", "used");
	user_make(&b, "other", name);
	unit_make_dir(b.s.fd, "volumes/.new-x");
	unit_put(b.s.fd, "volumes/.new-x/y", "");
	ck_assert_ok(sto_volume_prune(&b.s, STO_VOLUME_LEFTOVERS, count, &n, &err), err);
	ck_assert_uint_eq(n, 0);
	ck_assert_ok(sto_volume_prune(&b.s, STO_VOLUME_ANONYMOUS, count, &n, &err), err);
	ck_assert_uint_eq(n, 1);
	ck_assert(!unit_is_there(b.s.fd, "volumes/.new-x"));
	ck_assert(unit_is_there(b.s.fd, "volumes/unused"));
	ck_assert_ok(sto_volume_prune(&b.s, STO_VOLUME_ALL, count, &n, &err), err);
	ck_assert_uint_eq(n, 2);
	ck_assert(!unit_is_there(b.s.fd, "volumes/unused"));
	ck_assert(unit_is_there(b.s.fd, "volumes/used"));
}
END_TEST

/* Nobody knows whose a volume is if a record cannot be read. */
START_TEST(volume_stays_if_a_record_is_broken)
{
	struct store_box b;
	struct cps_err err = { 0 };

	store_box_init(&b);
	volume_make(&b, "db");
	user_make(&b, "web", "other");
	unit_put(b.s.fd, "containers/web/container.json", "{");
	ck_assert_int_lt(sto_volume_delete(&b.s, "db", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "container 'web'"));
	ck_assert(unit_is_there(b.s.fd, "volumes/db/volume.json"));
}
END_TEST

/* An image with everything in it, and a symlink that means to lead out. */
static int image_make(struct store_box *b)
{
	int root, data, fd;

	unit_make_dir(b->dir, "outside");
	unit_put(b->dir, "outside/secret", "canary");
	unit_make_dir(b->dir, "image");
	root = open_dir(b->dir, "image");
	unit_make_link(root, "../outside", "out");
	unit_make_dir(root, "data");
	data = open_dir(root, "data");
	ck_assert_int_eq(fchownat(root, "data", 999, 998, 0), 0);
	ck_assert_int_eq(fchmodat(root, "data", 02750, 0), 0);
	unit_put(data, "plain", "text");
	ck_assert_int_eq(fchownat(data, "plain", 1000, 100, 0), 0);
	ck_assert_int_eq(fchmodat(data, "plain", 04711, 0), 0);
	ck_assert_int_eq(linkat(data, "plain", data, "second", 0), 0);
	unit_make_dir(data, "d");
	ck_assert_int_eq(linkat(data, "plain", data, "d/third", 0), 0);
	unit_make_link(data, "/etc/shadow", "link");
	ck_assert_int_eq(fchownat(data, "link", 7, 8, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_int_eq(mkfifoat(data, "fifo", 0600), 0);
	ck_assert_int_eq(mknodat(data, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	fd = openat(data, "holes", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(pwrite(fd, "x", 1, 64L << 20), 1);
	ck_assert_int_eq(ftruncate(fd, 128L << 20), 0);
	ck_assert_int_eq(fsetxattr(fd, "user.colour", "red", 3, 0), 0);
	(void)close(fd);
	(void)close(data);
	return root;
}

START_TEST(first_use_copies_what_the_image_has)
{
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int root = -1, v = -1;
	struct stat st, other;
	char text[64];

	store_box_init(&b);
	root = image_make(&b);
	volume_make(&b, "v");
	ck_assert_ok(sto_volume_use(&b.s, "v", root, "/data", &err), err);
	v = open_dir(b.s.fd, "volumes/v/data");
	ck_assert_int_eq(fstat(v, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 02750);
	ck_assert(st.st_uid == 999 && st.st_gid == 998);
	unit_check_content(v, "plain", "text");
	ck_assert_int_eq(fstatat(v, "plain", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 04711);
	ck_assert(st.st_uid == 1000 && st.st_gid == 100 && st.st_nlink == 3);
	ck_assert_int_eq(fstatat(v, "d/third", &other, 0), 0);
	ck_assert_uint_eq(st.st_ino, other.st_ino);
	ck_assert_int_eq(readlinkat(v, "link", text, sizeof(text)), 11);
	ck_assert_int_eq(fstatat(v, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(st.st_uid == 7 && st.st_gid == 8);
	ck_assert_int_eq(fstatat(v, "fifo", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode, S_IFIFO | 0600);
	ck_assert_int_eq(fstatat(v, "null", &st, 0), 0);
	ck_assert(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	ck_assert_int_eq(fstatat(v, "holes", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 128L << 20);
	ck_assert_int_lt(st.st_blocks, 1024);
	/* not twice */
	ck_assert_int_eq(unlinkat(v, "plain", 0), 0);
	ck_assert_ok(sto_volume_use(&b.s, "v", root, "/data", &err), err);
	ck_assert(!unit_is_there(v, "plain"));
}
END_TEST

START_TEST(first_use_stays_in_the_image)
{
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int root = -1;

	store_box_init(&b);
	root = image_make(&b);
	volume_make(&b, "v");
	ck_assert_ok(sto_volume_use(&b.s, "v", -1, "/data", &err), err);
	ck_assert_ok(sto_volume_use(&b.s, "v", root, "/out", &err), err);
	ck_assert_ok(sto_volume_use(&b.s, "v", root, "/../outside", &err), err);
	ck_assert_ok(sto_volume_use(&b.s, "v", root, "/data/plain", &err), err);
	ck_assert(!unit_is_there(b.s.fd, "volumes/v/data/secret"));
	ck_assert_err(sto_volume_use(&b.s, "none", root, "/data", &err), ENOENT, err, "'none'");
}
END_TEST

/* As if it had been killed halfway: what is there is half of something. */
START_TEST(first_use_cut_short_starts_over)
{
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int root = -1;

	store_box_init(&b);
	root = image_make(&b);
	volume_make(&b, "v");
	unit_put(b.s.fd, "volumes/v/filling", "");
	unit_put(b.s.fd, "volumes/v/data/half", "x");
	ck_assert_ok(sto_volume_use(&b.s, "v", root, "/data", &err), err);
	ck_assert(!unit_is_there(b.s.fd, "volumes/v/data/half"));
	ck_assert(unit_is_there(b.s.fd, "volumes/v/data/plain"));
	ck_assert(!unit_is_there(b.s.fd, "volumes/v/filling"));
}
END_TEST

/* Without `archive`: nothing that gives rights, nothing that is a device. */
START_TEST(copy_for_people)
{
	const struct sto_copy how = { .uid = 42, .gid = 43 };
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int root = -1, from = -1, to = -1;
	struct stat st;

	store_box_init(&b);
	root = image_make(&b);
	from = openat(root, "data", O_PATH | O_DIRECTORY | O_CLOEXEC);
	unit_make_dir(b.dir, "to");
	to = open_dir(b.dir, "to");
	unit_put(to, "plain", "old");
	for (int i = 0; i < 2; i++) /* the second one meets all that the first one made */
		ck_assert_ok(sto_copy_object(from, to, "new", &how, &err), err);
	ck_assert_int_eq(fstatat(to, "new/plain", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_assert(st.st_uid == 42 && st.st_gid == 43 && st.st_nlink == 3);
	ck_assert(!unit_is_there(to, "new/null"));
	ck_assert(unit_is_there(to, "new/fifo"));
	ck_assert_int_eq(sto_copy_object(from, to, "plain", &how, &err), -ENOTDIR);
	unit_check_content(to, "plain", "old");
}
END_TEST

START_TEST(ranges_of_ids)
{
	struct store_box b;
	struct cps_err err = { 0 };
	uint32_t one, two, again;
	unsigned n;

	store_box_init(&b);
	user_make(&b, "a", "x");
	user_make(&b, "b", "x");
	ck_assert_int_eq(sto_idrange_find(&b.s, "a", &one, &err), -ENOENT);
	ck_assert_ok(sto_idrange_take(&b.s, "a", &one, &err), err);
	ck_assert_ok(sto_idrange_take(&b.s, "b", &two, &err), err);
	ck_assert_ok(sto_idrange_take(&b.s, "a", &again, &err), err);
	ck_assert_uint_eq(one, again);
	ck_assert_uint_eq(two, one + STO_IDRANGE_COUNT);
	ck_assert_ok(sto_idrange_find(&b.s, "b", &again, &err), err);
	ck_assert_uint_eq(again, two);
	ck_assert_ok(sto_container_remove(&b.s, "a", &err), err);
	ck_assert_int_eq(sto_idrange_find(&b.s, "a", &again, &err), -ENOENT);
	ck_assert_ok(sto_trash_put(&b.s, STO_CONTAINERS, "b", &err), err); /* not as it should */
	ck_assert_ok(sto_idrange_sweep(&b.s, &n, &err), err);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(sto_idrange_find(&b.s, "b", &again, &err), -ENOENT);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		volume_life,
		volume_prune,
		volume_stays_if_a_record_is_broken,
		first_use_copies_what_the_image_has,
		first_use_stays_in_the_image,
		first_use_cut_short_starts_over,
		copy_for_people,
		ranges_of_ids,
		NULL,
	};

	if (!store_box_possible()) {
		puts("1..0 # SKIP needs root and overlayfs");
		return 77;
	}
	return unit_main("volume", tests);
}
