/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded conversations on link A, replayed: transcripts/README says what they look like, and that
 * they are never changed.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "harness.h"

#define TAGS_MAX  64
#define NAMES_MAX 16
#define KEPT_MAX  64
#define FDS_MAX	  4

static const char *const files[] = { "life", "job", "refusals", "checkpoint", "restored" };

struct word {
	char name[32];
	char value[256];
};

struct play {
	struct h h;
	struct cps_arena arena;
	const char *file;
	unsigned line;
	struct word tags[TAGS_MAX]; /* value: the request's id */
	unsigned ntags;
	struct word names[NAMES_MAX];
	unsigned nnames;
	struct cps_frame kept[KEPT_MAX]; /* came before they were asked for */
	unsigned nkept;
	int fds[FDS_MAX];
	unsigned nfds;
};

static struct play p;

static void teardown(void)
{
	h_end(&p.h);
	cps_arena_done(&p.arena);
}

#define wanted(is, ...)                                                          \
	do {                                                                     \
		char said_[512];                                                 \
		(void)snprintf(said_, sizeof(said_), __VA_ARGS__);               \
		ck_assert_msg(is, "%s.txt, line %u: %s", p.file, p.line, said_); \
	} while (0)

static void name_set(const char *name, const char *value)
{
	for (unsigned i = 0; i < p.nnames; i++) {
		if (strcmp(p.names[i].name, name) == 0)
			p.names[i].name[0] = '\0';
	}
	ck_assert_uint_lt(p.nnames, NAMES_MAX);
	(void)snprintf(p.names[p.nnames].name, sizeof(p.names[0].name), "%s", name);
	(void)snprintf(p.names[p.nnames++].value, sizeof(p.names[0].value), "%s", value);
}

/* $name -> value, in place of a copy. */
static const char *expand(const char *text)
{
	struct cps_buf b = CPS_BUF_INIT;
	char *copy;

	while (*text) {
		size_t len = *text == '$' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
		unsigned i = 0;

		for (; len > 0 && i < p.nnames; i++) {
			if (strlen(p.names[i].name) == len &&
			    strncmp(p.names[i].name, text + 1, len) == 0)
				break;
		}
		if (len > 0) {
			wanted(i < p.nnames, "nothing is named %.*s", (int)len, text + 1);
			cps_buf_puts(&b, p.names[i].value);
			text += len + 1;
		} else {
			cps_buf_add(&b, text++, 1);
		}
	}
	copy = cps_arena_strdup(&p.arena, b.data ? b.data : "");
	cps_buf_done(&b);
	return copy;
}

static const struct cps_json *parse(const char *text)
{
	const struct cps_json *root = NULL;
	struct cps_err err;

	wanted(cps_json_parse(&p.arena, text, strlen(text), &root, &err) == 0, "%s", err.msg);
	return root;
}

/* ---- shapes ---- */

static bool is_of_type(const struct cps_json *got, const char *type)
{
	static const char *const types[] = {
		[CPS_JSON_NULL] = "null",     [CPS_JSON_BOOL] = "bool",
		[CPS_JSON_NUMBER] = "number", [CPS_JSON_STRING] = "string",
		[CPS_JSON_ARRAY] = "array",   [CPS_JSON_OBJECT] = "object",
	};

	return strcmp(type, "any") == 0 || strcmp(type, types[got->type]) == 0;
}

/* Unlike cps_json_get: null is a member, too. */
static const struct cps_json *member(const struct cps_json *o, const char *key)
{
	for (const struct cps_json *m = o->first; m; m = m->next) {
		if (strcmp(m->key, key) == 0)
			return m;
	}
	return NULL;
}

static void shape_check(const struct cps_json *want, const struct cps_json *got, const char *where)
{
	if (want->type == CPS_JSON_STRING && want->text[0] == '?') {
		char type[32];
		char *name;

		(void)snprintf(type, sizeof(type), "%s", want->text + 1);
		name = strchr(type, ':');
		if (name)
			*name++ = '\0';
		wanted(is_of_type(got, type), "%s is no %s", where, type);
		if (name)
			name_set(name, got->text);
		return;
	}
	wanted(want->type == got->type, "%s is of another type", where);
	if (want->type == CPS_JSON_BOOL)
		wanted(want->boolean == got->boolean, "%s is %d", where, got->boolean);
	if (want->type == CPS_JSON_STRING || want->type == CPS_JSON_NUMBER)
		wanted(strcmp(want->text, got->text) == 0, "%s is %s, not %s", where, got->text,
		       want->text);
	if (want->type == CPS_JSON_ARRAY) {
		const struct cps_json *g = got->first;

		wanted(want->count == got->count, "%s has %u items", where, got->count);
		for (const struct cps_json *w = want->first; w; w = w->next, g = g->next)
			shape_check(w, g, where);
	}
	for (const struct cps_json *w = want->first; want->type == CPS_JSON_OBJECT && w;
	     w = w->next) {
		const struct cps_json *g = member(got, w->key);

		wanted(g != NULL, "%s has no member %s", where, w->key);
		shape_check(w, g, w->key);
	}
}

/* ---- the lines ---- */

static void fd_line(const char *text)
{
	const char *json = strchr(text, ' ');

	ck_assert_uint_lt(p.nfds, FDS_MAX);
	p.fds[p.nfds++] = json ? h_process_memfd(json + 1) : open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void request_line(const char *tag, const char *json)
{
	char members[4096];
	uint32_t id;
	int n = snprintf(members, sizeof(members), "%s", expand(json) + 1);

	members[n - 1] = '\0'; /* h_send puts the brackets */
	id = h_send(&p.h, p.h.sock, members, p.fds, p.nfds);
	while (p.nfds > 0)
		(void)close(p.fds[--p.nfds]);
	ck_assert_uint_lt(p.ntags, TAGS_MAX);
	(void)snprintf(p.tags[p.ntags].name, sizeof(p.tags[0].name), "%s", tag);
	(void)snprintf(p.tags[p.ntags++].value, sizeof(p.tags[0].value), "%u", id);
}

static uint32_t id_of(const char *tag)
{
	for (unsigned i = p.ntags; i-- > 0;) {
		if (strcmp(p.tags[i].name, tag) == 0)
			return (uint32_t)strtoul(p.tags[i].value, NULL, 10);
	}
	wanted(false, "no request %s", tag);
	return 0;
}

/* The frame of that kind and id, kept or yet to come. */
static const struct cps_json *frame_wait(enum cps_frame_kind kind, uint32_t id)
{
	for (unsigned i = 0;; i++) {
		if (i == p.nkept) {
			ck_assert_uint_lt(p.nkept, KEPT_MAX);
			wanted(h_recv(&p.h, p.h.sock, &p.kept[p.nkept]), "the shim is gone");
			p.nkept++;
		}
		if (p.kept[i].kind == kind && p.kept[i].id == id) {
			p.kept[i].kind = 0;
			return p.kept[i].body;
		}
	}
}

static void gone_line(void)
{
	struct cps_frame f;

	while (h_recv(&p.h, p.h.sock, &f))
		;
	h_shim_gone(&p.h, 0);
}

/* "TAG JSON" -> both. */
static char *tag_split(char *text)
{
	char *json = strchr(text, ' ');

	wanted(json != NULL, "no object");
	*json++ = '\0';
	return json;
}

static void line_play(char *text)
{
	if (text[0] == '\0' || text[0] == '#')
		return;
	if (strncmp(text, "process ", 8) == 0) {
		h_start_silent(&p.h, text + 8, NULL);
		name_set("bundle", p.h.bundle);
	} else if (strncmp(text, "fd ", 3) == 0) {
		fd_line(text + 3);
	} else if (strncmp(text, "> ", 2) == 0) {
		char *json = tag_split(text + 2);

		request_line(text + 2, json);
	} else if (strncmp(text, "< ", 2) == 0) {
		char *json = tag_split(text + 2);

		shape_check(parse(expand(json)), frame_wait(CPS_FRAME_REPLY, id_of(text + 2)),
			    "the reply");
	} else if (strncmp(text, "! ", 2) == 0) {
		shape_check(parse(expand(text + 2)), frame_wait(CPS_FRAME_EVENT, 0), "the event");
	} else if (strcmp(text, "gone") == 0) {
		gone_line();
	} else {
		wanted(false, "no line of a transcript: %s", text);
	}
}

START_TEST(replayed)
{
	const char *top = getenv("TOP_SRCDIR");
	struct cps_err err;
	char path[512];
	char *text = NULL;
	size_t len;

	p.file = files[_i];
	(void)snprintf(path, sizeof(path), "%s/tests/shim/transcripts/%s.txt", top ? top : ".",
		       p.file);
	ck_assert_msg(cps_file_read(AT_FDCWD, path, 1 << 16, &text, &len, &err) == 0, "%s",
		      err.msg);
	for (char *line = text; line && *line;) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		p.line++;
		line_play(line);
		line = next;
	}
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("transcripts");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, replayed, 0, sizeof(files) / sizeof(files[0]));
	return h_main("shim-transcripts", tc);
}
