/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled filters on disk. An entry is named by a hash of its key and holds the whole key, so
 * that a collision, made by chance or on purpose, is a miss and never another profile's filter.
 *
 * File: struct entry_head, the key, the program. Entries that are short, foreign or damaged are
 * misses too, and are replaced.
 */
#include <config.h>

#include "seccomp-compile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "file.h"
#include "own.h"

#define ENTRY_MAGIC 0x32465343u /* "CSF2"; a change of what we compile makes it CSF3 */
#define ENTRIES_MAX 64
#define NAME_SIZE   24

struct entry_head {
	uint32_t magic;
	uint32_t count; /* instructions */
	uint64_t key_len;
	uint64_t sum; /* of the program */
};

/* Eight bytes at a time; neither a secret nor a proof, see above. */
static uint64_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *at = data;
	uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ len, word;

	for (; len; at += 8, len -= len < 8 ? len : 8) {
		word = 0;
		memcpy(&word, at, len < 8 ? len : 8);
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return h;
}

/* The profile's tree as bytes that no other tree has: type, name, value or children and an end. */
static size_t tree_size(const struct cps_json *node)
{
	size_t size = 2 + (node->key ? strlen(node->key) : 0);
	const struct cps_json *child;

	switch (node->type) {
	case CPS_JSON_NULL:
	case CPS_JSON_BOOL:
		return size + 1;
	case CPS_JSON_NUMBER:
	case CPS_JSON_STRING:
		return size + sizeof(node->len) + node->len;
	case CPS_JSON_ARRAY:
	case CPS_JSON_OBJECT:
		for (child = node->first; child; child = child->next)
			size += tree_size(child);
		return size + 1;
	}
	return size;
}

static char *tree_put(char *at, const struct cps_json *node)
{
	const char *key = node->key ? node->key : "";
	const struct cps_json *child;
	size_t len = strlen(key) + 1;

	*at++ = (char)('A' + node->type);
	memcpy(at, key, len);
	at += len;
	switch (node->type) {
	case CPS_JSON_NULL:
	case CPS_JSON_BOOL:
		*at++ = node->boolean ? '1' : '0';
		break;
	case CPS_JSON_NUMBER:
	case CPS_JSON_STRING:
		memcpy(at, &node->len, sizeof(node->len));
		at += sizeof(node->len);
		memcpy(at, node->text, node->len);
		at += node->len;
		break;
	case CPS_JSON_ARRAY:
	case CPS_JSON_OBJECT:
		for (child = node->first; child; child = child->next)
			at = tree_put(at, child);
		*at++ = 'Z';
		break;
	}
	return at;
}

char *rt_seccomp_key(const struct rt_seccomp *sc, size_t *ret_len)
{
	const struct scmp_version *version = seccomp_version();
	struct utsname uts;
	char head[256], *key;
	int len;

	/* libseccomp asks the kernel which actions and flags it has */
	if (uname(&uts) < 0)
		memset(&uts, 0, sizeof(uts));
	len = snprintf(head, sizeof(head), "libseccomp %u.%u.%u tree arch %" PRIx32 " linux %s\n",
		       version ? version->major : 0, version ? version->minor : 0,
		       version ? version->micro : 0, seccomp_arch_native(), uts.release);
	key = malloc((size_t)len + tree_size(sc->node));
	if (!key)
		return NULL;
	memcpy(key, head, (size_t)len);
	*ret_len = (size_t)(tree_put(key + len, sc->node) - key);
	return key;
}

static void entry_name(const char *key, size_t key_len, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%016" PRIx64 ".bpf", hash_bytes(key, key_len));
}

/* Whoever can write here decides what containers may call: it must be ours alone. */
static bool is_ours(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       (st.st_mode & 022) == 0;
}

static int cache_open(const char *cache_dir)
{
	cleanup_fd int dir = open(cache_dir, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	if (!is_ours(dir, S_IFDIR))
		return -EPERM;
	return take_fd(&dir);
}

static bool entry_read(int fd, const char *key, size_t key_len, struct rt_filter *ret)
{
	cleanup_free struct sock_filter *code = NULL;
	cleanup_free char *stored = NULL;
	struct entry_head head;
	struct iovec iov[3];
	size_t code_size;
	struct stat st;

	if (!is_ours(fd, S_IFREG) || fstat(fd, &st) < 0)
		return false;
	if ((uint64_t)st.st_size <= sizeof(head) + key_len)
		return false;
	code_size = (size_t)st.st_size - sizeof(head) - key_len;
	if (code_size % sizeof(*code) || code_size / sizeof(*code) > RT_FILTER_MAX)
		return false;
	code = malloc(code_size);
	stored = malloc(key_len);
	if (!code || !stored)
		return false;
	iov[0] = (struct iovec){ &head, sizeof(head) };
	iov[1] = (struct iovec){ stored, key_len };
	iov[2] = (struct iovec){ code, code_size };
	if (readv(fd, iov, 3) != (ssize_t)st.st_size)
		return false;
	if (head.magic != ENTRY_MAGIC || head.key_len != key_len ||
	    head.count != code_size / sizeof(*code) || memcmp(stored, key, key_len) != 0 ||
	    head.sum != hash_bytes(code, code_size))
		return false;
	ret->count = (unsigned short)head.count;
	ret->code = take_ptr(&code);
	return true;
}

bool rt_seccomp_cache_get(const char *cache_dir, const char *key, size_t key_len,
			  struct rt_filter *ret)
{
	cleanup_fd int dir = cache_open(cache_dir);
	cleanup_fd int fd = -1;
	char name[NAME_SIZE];

	if (dir < 0)
		return false;
	entry_name(key, key_len, name);
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && entry_read(fd, key, key_len, ret);
}

/* Makes room: above the bound the oldest entry goes. Failures leave a cache that is too large. */
static void cache_trim(int dir)
{
	struct timespec oldest_time = { 0, 0 };
	char oldest[NAME_SIZE] = "";
	cleanup_dir DIR *d = NULL;
	const struct dirent *entry;
	unsigned count = 0;
	struct stat st;
	int copy;

	copy = openat(dir, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (copy < 0)
		return;
	d = fdopendir(copy);
	if (!d) {
		(void)close(copy);
		return;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= NAME_SIZE)
			continue;
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		count++;
		if (oldest[0] && (st.st_mtim.tv_sec > oldest_time.tv_sec ||
				  (st.st_mtim.tv_sec == oldest_time.tv_sec &&
				   st.st_mtim.tv_nsec >= oldest_time.tv_nsec)))
			continue;
		oldest_time = st.st_mtim;
		memcpy(oldest, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (count >= ENTRIES_MAX)
		(void)unlinkat(dir, oldest, 0);
}

int rt_seccomp_cache_put(const char *cache_dir, const char *key, size_t key_len,
			 const struct rt_filter *f, struct cps_err *err)
{
	size_t code_size = f->count * sizeof(*f->code);
	struct entry_head head = { ENTRY_MAGIC, f->count, key_len, 0 };
	cleanup_free char *data = NULL;
	cleanup_fd int dir = -1;
	char name[NAME_SIZE];
	int rc;

	rc = cps_mkdir_all(cache_dir, 0700, err);
	if (rc < 0)
		return rc;
	dir = cache_open(cache_dir);
	if (dir < 0)
		return cps_fail(err, -dir, "'%s'", cache_dir);
	data = malloc(sizeof(head) + key_len + code_size);
	if (!data)
		return cps_fail(err, ENOMEM, "'%s'", cache_dir);
	head.sum = hash_bytes(f->code, code_size);
	memcpy(data, &head, sizeof(head));
	memcpy(data + sizeof(head), key, key_len);
	memcpy(data + sizeof(head) + key_len, f->code, code_size);
	cache_trim(dir);
	entry_name(key, key_len, name);
	return cps_file_replace(dir, name, data, sizeof(head) + key_len + code_size, 0600, err);
}
