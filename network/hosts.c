/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading sections, composing files.
 */
#include <config.h>
#include "hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char gateway_mark[] = "# gateway ";

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int by_id(const void *a, const void *b)
{
	const struct net_hosts_line *l = a, *r = b;
	int order = compare(l->id, l->id_len, r->id, r->id_len);

	/* in the order of the text where ids are the same */
	return order ? order : (l->text > r->text) - (l->text < r->text);
}

static void line_take(struct net_section *s, const char *line, size_t len)
{
	const char *tab = memchr(line, '\t', len);
	struct net_hosts_line *l = &s->lines[s->nlines];

	if (len > strlen(gateway_mark) && !s->gateway &&
	    strncmp(line, gateway_mark, strlen(gateway_mark)) == 0) {
		s->gateway = line + strlen(gateway_mark);
		s->gateway_len = len - strlen(gateway_mark);
	}
	if (line[0] == '#' || !tab || tab == line)
		return;
	l->text = line;
	l->len = len + 1;
	l->id = tab + 1;
	for (l->id_len = 0; l->id + l->id_len < line + len && l->id[l->id_len] != ' ';)
		l->id_len++;
	s->nlines++;
}

int net_section_parse(const char *text, size_t len, struct cps_arena *a, struct net_section *ret)
{
	struct net_section s = { .text = text, .len = len };
	size_t room = 1;

	for (const char *p = text; (p = memchr(p, '\n', len - (size_t)(p - text))); p++)
		room++;
	s.lines = cps_arena_array(a, room, sizeof(*s.lines));
	if (!s.lines)
		return -ENOMEM;
	for (const char *p = text, *end; p < text + len; p = end + 1) {
		end = memchr(p, '\n', len - (size_t)(p - text));
		if (!end)
			break; /* torn: not a line */
		if (end > p)
			line_take(&s, p, (size_t)(end - p));
	}
	qsort(s.lines, s.nlines, sizeof(*s.lines), by_id);
	*ret = s;
	return 0;
}

const struct net_hosts_line *net_section_find(const struct net_section *s, const char *id,
					      size_t id_len, size_t *ret_n)
{
	size_t low = 0, high = s->nlines, n = 0;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct net_hosts_line *l = &s->lines[mid];

		if (compare(l->id, l->id_len, id, id_len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	while (low + n < s->nlines &&
	       compare(s->lines[low + n].id, s->lines[low + n].id_len, id, id_len) == 0)
		n++;
	*ret_n = n;
	return n ? &s->lines[low] : NULL;
}

/* A link: the addresses of an id, under another name. */
static void link_add(const char *id, size_t id_len, const char *alias, size_t alias_len,
		     const struct net_section *sections, size_t n, struct cps_buf *ret)
{
	for (size_t i = 0; i < n; i++) {
		size_t count;
		const struct net_hosts_line *l = net_section_find(&sections[i], id, id_len, &count);

		for (; count; count--, l++) {
			cps_buf_add(ret, l->text, (size_t)(l->id - l->text));
			cps_buf_add(ret, alias, alias_len);
			cps_buf_puts(ret, "\n");
		}
	}
}

static void gateway_add(const char *name, size_t len, const struct net_section *sections, size_t n,
			struct cps_buf *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (!sections[i].gateway)
			continue;
		cps_buf_add(ret, sections[i].gateway, sections[i].gateway_len);
		cps_buf_puts(ret, "\t");
		cps_buf_add(ret, name, len);
		cps_buf_puts(ret, "\n");
		return;
	}
}

/* Lines of a base that are to be filled in, or those that are not. */
static void base_add(const char *base, bool fill, const struct net_section *sections, size_t n,
		     struct cps_buf *ret)
{
	size_t len;

	for (; *base; base += len + (base[len] == '\n')) {
		const char *space;

		len = strcspn(base, "\n");
		if ((base[0] == '@') != fill)
			continue;
		space = memchr(base, ' ', len);
		if (!fill) {
			cps_buf_add(ret, base, len);
			cps_buf_puts(ret, "\n");
		} else if (space == base + 1) {
			gateway_add(space + 1, len - 2, sections, n, ret);
		} else if (space) {
			link_add(base + 1, (size_t)(space - base) - 1, space + 1,
				 len - (size_t)(space - base) - 1, sections, n, ret);
		}
	}
}

/* A section but for the lines of one id. */
static void others_add(const struct net_section *s, const char *id, struct cps_buf *ret)
{
	const char *at = s->text;
	size_t count;
	const struct net_hosts_line *l = net_section_find(s, id, strlen(id), &count);

	for (; count; count--, l++) {
		cps_buf_add(ret, at, (size_t)(l->text - at));
		at = l->text + l->len;
	}
	cps_buf_add(ret, at, (size_t)(s->text + s->len - at));
}

void net_hosts_compose(const char *base, const char *id, const struct net_section *sections,
		       size_t n, struct cps_buf *ret)
{
	base_add(base, false, sections, n, ret);
	/* first of all names that could be somebody else's, too */
	for (size_t i = 0; i < n; i++) {
		size_t count;
		const struct net_hosts_line *l =
			net_section_find(&sections[i], id, strlen(id), &count);

		for (; count; count--, l++)
			cps_buf_add(ret, l->text, l->len);
	}
	base_add(base, true, sections, n, ret);
	for (size_t i = 0; i < n; i++)
		others_add(&sections[i], id, ret);
}
