// SPDX-License-Identifier: GPL-2.0-or-later
/* view/line.c - a line of the screen under construction: safe for a terminal, and never wider than the screen.
 *
 * How wide a character is, a terminal and this program must agree on, or all that stands behind it is in the wrong column. So
 * what terminals treat differently is written as its number: what has no width by itself but changes that of others, or the order in
 * which they are shown. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "view/internal.h"

#define COMBINED 2 /* marks on one character; more of them climb into other lines */

/* is_tint - it colours the picture before it, or is one itself. All others that change what they stand beside are not safe anyway. */
static int is_tint(uint32_t c)
{
	return c >= 0x1f3fb && c <= 0x1f3ff;
}

/* decode - the character at s, which is valid UTF-8.  @len  out: its bytes */
static uint32_t decode(const char *s, size_t *len)
{
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c = *u;

	*len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*len > 1)
		c &= 0x7f >> *len;
	for (size_t i = 1; i < *len; i++)
		c = c << 6 | (u[i] & 0x3f);
	return c;
}

/* clean - text of which each character is printable, and its width known. */
static void clean(struct strbuf *out, const char *text, int is_utf8)
{
	struct strbuf safe = { 0 };
	int n_marks = COMBINED; /* nothing to stand on yet */
	size_t len;

	strbuf_add_safe(&safe, text, "");
	for (const char *s = safe.data ? safe.data : ""; *s; s += len) {
		uint32_t c = decode(s, &len);
		int columns = c < 0x80 ? 1 : is_utf8 ? wcwidth((wchar_t)c) : 1;

		if (c >= 0x80 && !is_utf8)
			strbuf_add(out, "?");
		else if (columns < 0 || is_tint(c) || (!columns && n_marks >= COMBINED))
			strbuf_addf(out, "\\u{%x}", c);
		else
			strbuf_add_bytes(out, s, len);
		n_marks = columns ? 0 : n_marks + 1;
	}
	out->failed |= safe.failed;
	strbuf_free(&safe);
}

/* measure_one - columns of the character at s.  @len  out: its bytes */
static int measure_one(const char *s, size_t *len)
{
	uint32_t c = decode(s, len);
	int columns = c < 0x80 ? 1 : wcwidth((wchar_t)c);

	return columns < 0 ? 1 : columns;
}

/* measure - columns of clean text. measure_to - bytes of it that take at most so many, and how many those take. */
static size_t measure_to(const char *s, int width, int *columns)
{
	const char *begin = s;
	size_t len;

	for (*columns = 0; *s; s += len) {
		int w = measure_one(s, &len);

		if (*columns + w > width)
			break;
		*columns += w;
	}
	return (size_t)(s - begin);
}

static int measure(const char *s)
{
	int columns;

	measure_to(s, INT32_MAX, &columns);
	return columns;
}

int line_width(const char *text, int is_utf8)
{
	struct strbuf b = { 0 };
	int n;

	clean(&b, text, is_utf8);
	n = measure(b.data ? b.data : "");
	strbuf_free(&b);
	return n;
}

void line_begin(struct line *l, int cols, int is_utf8)
{
	l->text.len = 0;
	if (l->text.data)
		l->text.data[0] = 0;
	l->n_spans = 0;
	l->cols = cols;
	l->columns = 0;
	l->is_utf8 = is_utf8;
	l->attr = -1;
}

int line_left(const struct line *l)
{
	return l->cols - l->columns;
}

/* append - clean bytes of known width. */
static void append(struct line *l, enum view_attr attr, const char *bytes, size_t len, int columns)
{
	struct view_span *last = l->n_spans ? &l->span[l->n_spans - 1] : NULL;

	if (!len)
		return;
	if (l->attr >= 0)
		attr = (enum view_attr)l->attr;
	if (last && (last->attr == attr || l->n_spans == VIEW_SPANS))
		last->len += len;
	else
		l->span[l->n_spans++] = (struct view_span){ attr, l->text.len, len };
	strbuf_add_bytes(&l->text, bytes, len);
	l->columns += columns;
}

static void spaces(struct line *l, enum view_attr attr, int n)
{
	for (; n > 0 && line_left(l) > 0; n--)
		append(l, attr, " ", 1, 1);
}

void line_pad(struct line *l, enum view_attr attr, int column)
{
	spaces(l, attr, column - l->columns);
}

/* add_cut - at most width columns of it; what is cut off leaves a sign.  Return: columns. */
static int add_cut(struct line *l, enum view_attr attr, const char *text, int width)
{
	int columns, all = measure(text);
	size_t len;

	if (width <= 0)
		return 0;
	len = measure_to(text, all <= width ? width : width - 1, &columns);
	append(l, attr, text, len, columns);
	if (all > width) {
		append(l, attr, l->is_utf8 ? "\xe2\x80\xa6" : "~", l->is_utf8 ? 3 : 1, 1);
		columns++;
	}
	return columns;
}

/* add_cut_begin - likewise; what is cut off is its begin. */
static void add_cut_begin(struct line *l, enum view_attr attr, const char *text, int width)
{
	int columns, all = measure(text);
	size_t len;

	if (width <= 0)
		return;
	if (all > width) {
		append(l, attr, l->is_utf8 ? "\xe2\x80\xa6" : "~", l->is_utf8 ? 3 : 1, 1);
		width--;
	}
	/* A mark whose character is gone would stand on the sign. */
	for (; *text && (all > width || !measure_one(text, &len)); text += len)
		all -= measure_one(text, &len);
	len = measure_to(text, width, &columns);
	append(l, attr, text, len, columns);
}

void line_add(struct line *l, enum view_attr attr, const char *text)
{
	line_clip(l, attr, text, line_left(l));
}

/* clip - add_cut or add_cut_begin of untrusted text. */
static void clip(struct line *l, enum view_attr attr, const char *text, int width, int of_begin)
{
	struct strbuf b = { 0 };

	clean(&b, text, l->is_utf8);
	width = width < line_left(l) ? width : line_left(l);
	if (b.data && of_begin)
		add_cut_begin(l, attr, b.data, width);
	else if (b.data)
		add_cut(l, attr, b.data, width);
	l->text.failed |= b.failed;
	strbuf_free(&b);
}

void line_clip(struct line *l, enum view_attr attr, const char *text, int width)
{
	clip(l, attr, text, width, 0);
}

void line_clip_begin(struct line *l, enum view_attr attr, const char *text, int width)
{
	clip(l, attr, text, width, 1);
}

/* ---- text of several lines ---- */

/* row_bytes - of clean text, those that go into one line: up to a space in its second half, or to what parts a name or path. */
static size_t row_bytes(const char *s, int width)
{
	size_t space = 0, part = 0, len, all;
	int columns = 0;

	all = measure_to(s, width, &columns);
	if (!s[all] || !all)
		return strlen(s);
	for (size_t i = 0; i < all; i += len) {
		columns = measure_one(s + i, &len);
		if (i + len < all / 2)
			continue;
		if (s[i + len] == ' ')
			space = i + len;
		if (strchr("\\/,", s[i]))
			part = i + len;
	}
	return space ? space : part ? part : all;
}

/* row_at - the row with that number, of clean text.  @n  out: bytes of it      Return: it, or NULL: there are less. */
static const char *row_at(const char *s, size_t row, int first, int rest, size_t *n)
{
	for (size_t i = 0;; i++) {
		*n = row_bytes(s, i ? rest : first);
		if (i == row)
			return s;
		s += *n;
		s += strspn(s, " ");
		if (!*s)
			return NULL;
	}
}

size_t line_rows(const char *text, int first, int rest, int is_utf8)
{
	struct strbuf b = { 0 };
	size_t rows = 1, n;

	/* Most are short, and need no look at each character; none takes more than ten columns for a byte. */
	if (strlen(text) * 10 <= (size_t)first)
		return 1;
	clean(&b, text, is_utf8);
	while (b.data && row_at(b.data, rows, first, rest, &n))
		rows++;
	strbuf_free(&b);
	return rows;
}

void line_add_row(struct line *l, enum view_attr attr, const char *text, size_t row, int first, int rest)
{
	struct strbuf b = { 0 }, part = { 0 };
	const char *at;
	size_t n;

	clean(&b, text, l->is_utf8);
	at = b.data ? row_at(b.data, row, first, rest, &n) : NULL;
	if (at) {
		line_pad(l, VIEW_PLAIN, l->cols - (row ? rest : first));
		strbuf_add_bytes(&part, at, n);
		add_cut(l, attr, part.data ? part.data : "", line_left(l));
	}
	l->text.failed |= b.failed | part.failed;
	strbuf_free(&b);
	strbuf_free(&part);
}

void line_addf(struct line *l, enum view_attr attr, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		line_add(l, attr, text);
	else
		l->text.failed = 1;
	free(text);
}

void line_fit(struct line *l, enum view_attr attr, const char *text, int width, int is_right)
{
	struct strbuf b = { 0 };
	const char *s;
	int columns;

	if (width > line_left(l))
		width = line_left(l);
	clean(&b, text, l->is_utf8);
	s = b.data ? b.data : "";
	columns = measure(s);
	if (is_right)
		spaces(l, attr, width - columns);
	columns = add_cut(l, attr, s, width);
	if (!is_right)
		spaces(l, attr, width - columns);
	l->text.failed |= b.failed;
	strbuf_free(&b);
}
