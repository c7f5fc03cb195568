/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers' directories, their overlays in every way of mounting, and the trash.
 */
#include <config.h>
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "buf.h"
#include "container.h"
#include "diff.h"
#include "file.h"
#include "idrange.h"
#include "overlay.h"
#include "own.h"
#include "store-box.h"
#include "trash.h"

typedef int join_fn(const struct sto_overlay *o, int *ret_mount_fd, struct cps_err *err);

static int container_make(struct store_box *b, const char *id)
{
	struct cps_err err = { 0 };
	int fd = sto_container_create(&b->s, id, &err);

	ck_assert_ok(fd, err);
	return fd;
}

/* What the host can see of mounts. */
static char *mounts(void)
{
	struct cps_err err = { 0 };
	char *text;
	size_t len;

	ck_assert_ok(cps_file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &text, &len, &err),
		     err);
	return text;
}

static void check_join(join_fn *join)
{
	char digest[72];
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_free char *before = NULL;
	cleanup_free char *after = NULL;
	cleanup_fd int dir = -1, fd = -1;
	int lower[2];
	struct sto_overlay o = { .lower = lower, .nlower = 2 };

	store_box_init(&b);
	for (unsigned i = 0; i < 2; i++)
		lower[i] = store_box_layer(&b, i, digest);
	unit_put(lower[0], "both", "bottom");
	unit_put(lower[0], "gone", "bottom");
	unit_put(lower[0], "bottom", "bottom");
	unit_put(lower[1], "both", "top");
	ck_assert_int_eq(mknodat(lower[1], "gone", S_IFCHR, makedev(0, 0)), 0);
	o.top = dir = container_make(&b, "c");
	before = mounts();
	ck_assert_ok(join(&o, &fd, &err), err);
	after = mounts();
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	unit_check_content(fd, "both", "top");
	unit_check_content(fd, "bottom", "bottom");
	ck_assert(!unit_is_there(fd, "gone"));
	unit_put(fd, "new", "mine");
	ck_assert_int_eq(unlinkat(fd, "bottom", 0), 0);
	unit_check_content(dir, "upper/new", "mine");
	unit_check_content(lower[0], "bottom", "bottom");
	ck_assert(unit_is_there(dir, "upper/bottom")); /* a whiteout */
	cps_close(&lower[0]);
	cps_close(&lower[1]);
}

START_TEST(overlay_by_descriptors)
{
	check_join(sto_overlay_join);
}
END_TEST

START_TEST(overlay_the_old_way)
{
	check_join(sto_overlay_join_old);
}
END_TEST

/* One more than fits is refused by us, not by the kernel. */
START_TEST(overlay_of_many_layers)
{
	enum { N = STO_OVERLAY_LAYERS };
	static char digests[N + 1][72];
	const char *names[N + 1];
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int dir = -1, fd = -1, old = -1;
	int lower[300];
	const struct sto_overlay o = { .lower = lower, .nlower = 300, .top = 0 };
	struct sto_overlay with_top = o;
	unsigned before;

	store_box_init(&b);
	for (unsigned i = 0; i <= N; i++) {
		cleanup_fd int layer = store_box_layer(&b, i, digests[i]);
		char name[16];

		(void)snprintf(name, sizeof(name), "f%u", i);
		unit_put(layer, name, name);
		unit_put(layer, "last", name);
		names[i] = digests[i];
		if (i < 300)
			lower[i] = dup(layer);
	}
	dir = container_make(&b, "c");
	before = unit_fd_count();
	ck_assert_ok(sto_overlay_mount(&b.s, dir, names, N, -1, &fd, &err), err);
	ck_assert_uint_eq(unit_fd_count(), before + 1);
	unit_check_content(fd, "f0", "f0");
	unit_check_content(fd, "last", "f499");
	ck_assert_err(sto_overlay_mount(&b.s, dir, names, N + 1, -1, &fd, &err), E2BIG, err,
		      "501 layers");
	cps_close(&fd);
	with_top.top = dir;
	ck_assert_ok(sto_overlay_join_old(&with_top, &old, &err), err);
	unit_check_content(old, "last", "f299");
}
END_TEST

START_TEST(overlay_without_layers_and_of_a_directory)
{
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int dir = -1, fd = -1, other = -1, second = -1;
	char path[64];
	struct stat st;

	store_box_init(&b);
	dir = container_make(&b, "c");
	ck_assert_ok(sto_overlay_mount(&b.s, dir, NULL, 0, -1, &fd, &err), err);
	unit_put(fd, "x", "y");
	unit_make_dir(b.dir, "image");
	ck_assert_int_eq(fchmodat(b.dir, "image", 01751, 0), 0);
	unit_put(b.dir, "image/file", "text");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/image", b.dir);
	other = container_make(&b, "d");
	ck_assert_ok(sto_overlay_mount_dir(other, path, -1, &second, &err), err);
	unit_check_content(second, "file", "text");
	ck_assert_int_eq(fstat(second, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 01751);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/none", b.dir);
	ck_assert_err(sto_overlay_mount_dir(other, path, -1, &second, &err), ENOENT, err, "none");
}
END_TEST

/* A layer whose root is opaque hides all below it, which overlayfs itself does not see there. */
START_TEST(overlay_of_a_root_that_hides)
{
	char low[72], high[72], highest[72];
	const char *const names[] = { low, high, highest };
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int dir = -1, fd = -1, bottom = -1, top = -1, hiding = -1, last = -1;

	store_box_init(&b);
	bottom = store_box_layer(&b, 1, low);
	top = store_box_layer(&b, 2, high);
	last = store_box_layer(&b, 3, highest);
	unit_put(bottom, "old", "hidden");
	unit_put(top, "new", "seen");
	unit_put(last, "newer", "seen");
	hiding = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(fsetxattr(hiding, "trusted.overlay.opaque", "y", 1, 0), 0);
	dir = container_make(&b, "c");
	ck_assert_ok(sto_overlay_mount(&b.s, dir, names, 3, -1, &fd, &err), err);
	unit_check_content(fd, "new", "seen");
	unit_check_content(fd, "newer", "seen");
	ck_assert(!unit_is_there(fd, "old"));
}
END_TEST

/* An image cannot lead the overlay elsewhere by a redirect, wherever it got the attribute. */
START_TEST(overlay_follows_no_redirect)
{
	char low[72], high[72];
	const char *const names[] = { low, high };
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int dir = -1, fd = -1, bottom = -1, top = -1, sub = -1;

	store_box_init(&b);
	bottom = store_box_layer(&b, 1, low);
	top = store_box_layer(&b, 2, high);
	unit_make_dir(bottom, "secret");
	unit_put(bottom, "secret/key", "hidden");
	unit_make_dir(top, "open");
	sub = openat(top, "open", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(fsetxattr(sub, "trusted.overlay.redirect", "/secret", 7, 0), 0);
	dir = container_make(&b, "c");
	ck_assert_ok(sto_overlay_mount(&b.s, dir, names, 2, -1, &fd, &err), err);
	ck_assert(!unit_is_there(fd, "open/key"));
}
END_TEST

/* What is the image's root's is the container's root's. */
START_TEST(overlay_with_mapped_ids)
{
	char digest[72];
	const char *const names[] = { digest };
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int dir = -1, fd = -1, layer = -1;
	cleanup_fd int ns = sto_userns_make(0, 1000000000, &err);
	struct stat st;

	ck_assert_ok(ns, err);
	store_box_init(&b);
	layer = store_box_layer(&b, 1, digest);
	unit_put(layer, "roots", "x");
	unit_put(layer, "apps", "x");
	ck_assert_int_eq(fchownat(layer, "apps", 1000, 100, 0), 0);
	dir = container_make(&b, "c");
	ck_assert_ok(sto_overlay_mount(&b.s, dir, names, 1, ns, &fd, &err), err);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_uid, 1000000000);
	ck_assert_int_eq(fstatat(fd, "roots", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 1000000000);
	ck_assert_int_eq(fstatat(fd, "apps", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 1000001000);
	ck_assert_uint_eq(st.st_gid, 1000000100);
	/* written by the container's root, and copied up */
	ck_assert_int_eq(fchownat(fd, "apps", 1000000000, 1000000000, 0), 0);
	ck_assert_int_eq(fstatat(dir, "upper/apps", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 1000000000);
	ck_assert_int_eq(fstatat(layer, "apps", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 1000);
}
END_TEST

static int add_change(void *arg, enum sto_change change, const char *path, struct cps_err *err)
{
	(void)err;
	cps_buf_printf(arg, "%c%s ", (char)change, path);
	return 0;
}

static void check_diff(struct store_box *b, int dir, const char *const *names, unsigned n,
		       const char *wanted)
{
	cleanup_buf struct cps_buf changes = CPS_BUF_INIT;
	struct cps_err err = { 0 };
	cleanup_fd int image = sto_overlay_lower(&b->s, dir, names, n, &err);
	cleanup_fd int upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_ok(image, err);
	cps_buf_puts(&changes, "");
	ck_assert_ok(sto_diff(upper, image, add_change, &changes, &err), err);
	ck_assert_str_eq(changes.data ? changes.data : "", wanted);
}

START_TEST(diff_of_all_kinds)
{
	char low[72], high[72];
	const char *const names[] = { low, high };
	struct store_box b;
	struct cps_err err = { 0 };
	cleanup_fd int dir = -1, fd = -1, bottom = -1, top = -1;

	store_box_init(&b);
	bottom = store_box_layer(&b, 1, low);
	top = store_box_layer(&b, 2, high);
	unit_make_dir(bottom, "d");
	unit_make_dir(bottom, "d/sub");
	unit_put(bottom, "d/one", "1");
	unit_put(bottom, "d/sub/two", "2");
	unit_put(bottom, "file", "x");
	unit_put(bottom, "was", "x");
	unit_put(bottom, "same", "x");
	ck_assert_int_eq(mknodat(top, "was", S_IFCHR, makedev(0, 0)), 0);
	dir = container_make(&b, "c");
	ck_assert_ok(sto_overlay_mount(&b.s, dir, names, 2, -1, &fd, &err), err);
	check_diff(&b, dir, names, 2, "");
	unit_put(fd, "file", "changed");
	unit_put(fd, "new", "x");
	unit_put(fd, "was", "again");
	unit_put(fd, "fleeting", "x");
	ck_assert_int_eq(unlinkat(fd, "fleeting", 0), 0);
	ck_assert_int_eq(unlinkat(fd, "d/sub/two", 0), 0);
	unit_make_dir(fd, "e");
	unit_put(fd, "e/f", "x");
	check_diff(&b, dir, names, 2, "C/d C/d/sub D/d/sub/two A/e A/e/f C/file A/new A/was ");
	/* a directory made anew hides what the image has in it */
	ck_assert_ok(cps_remove_tree(fd, "d", &err), err);
	unit_make_dir(fd, "d");
	unit_put(fd, "d/three", "3");
	check_diff(&b, dir, names, 2,
		   "C/d D/d/one D/d/sub A/d/three A/e A/e/f C/file A/new A/was ");
	ck_assert_ok(cps_remove_tree(fd, "d", &err), err);
	check_diff(&b, dir, names, 2, "D/d A/e A/e/f C/file A/new A/was ");
	/* an image of one layer, and one of none */
	check_diff(&b, dir, names, 1, "D/d A/e A/e/f C/file A/new C/was ");
	check_diff(&b, dir, NULL, 0, "A/e A/e/f A/file A/new A/was ");
}
END_TEST

START_TEST(container_life)
{
	cleanup_arena struct cps_arena a = CPS_ARENA_INIT;
	struct store_box b;
	struct cps_err err = { 0 };
	const char **ids;
	unsigned left;
	size_t n;
	int fd, held;

	store_box_init(&b);
	ck_assert_err(sto_container_open(&b.s, "web", &err), ENOENT, err, "containers");
	ck_assert_int_eq(sto_container_list(&b.s, &a, &ids, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_err(sto_container_create(&b.s, "../x", &err), EINVAL, err, "'../x'");
	fd = container_make(&b, "web");
	ck_assert_err(sto_container_create(&b.s, "web", &err), EEXIST, err, "'web' exists");
	ck_assert_err(sto_container_claim(&b.s, "web", &err), EBUSY, err, "another command");
	(void)close(fd);
	held = sto_container_claim(&b.s, "web", &err);
	ck_assert_ok(held, err);
	ck_assert_int_eq(sto_container_list(&b.s, &a, &ids, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(ids[0], "web");
	ck_assert_int_eq(sto_container_remove(&b.s, "web", &err), 0);
	ck_assert_int_eq(sto_container_remove(&b.s, "web", &err), 0);
	(void)close(held);
	ck_assert_err(sto_container_claim(&b.s, "web", &err), ENOENT, err, "'web'");
	/* what a crash leaves */
	unit_make_dir(b.s.fd, "trash/containers-web.0");
	unit_put(b.s.fd, "trash/containers-web.0/x", "x");
	(void)close(container_make(&b, "web"));
	ck_assert_int_eq(sto_container_remove(&b.s, "web", &err), 0);
	ck_assert(unit_is_there(b.s.fd, "trash/containers-web.0/x"));
	ck_assert_int_eq(sto_trash_sweep(&b.s, &left, &err), 0);
	ck_assert_uint_eq(left, 1);
	ck_assert(!unit_is_there(b.s.fd, "trash/containers-web.0"));
	ck_assert_int_eq(sto_trash_sweep(&b.s, &left, &err), 0);
	ck_assert_uint_eq(left, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		overlay_by_descriptors,
		overlay_the_old_way,
		overlay_of_many_layers,
		overlay_without_layers_and_of_a_directory,
		overlay_of_a_root_that_hides,
		overlay_follows_no_redirect,
		overlay_with_mapped_ids,
		diff_of_all_kinds,
		container_life,
		NULL,
	};

	if (!store_box_possible()) {
		puts("1..0 # SKIP needs root and overlayfs");
		return 77;
	}
	return unit_main("overlay", tests);
}
