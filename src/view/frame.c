// SPDX-License-Identifier: GPL-2.0-or-later
/* view/frame.c - a frame as text: in full, or in as many columns as there are. Of its parts the file's name and the line go last. */
#include <inttypes.h>
#include <string.h>

#include "view/internal.h"

#define LEAST_COLS 4 /* of a function's name; fewer say nothing */

static void add_function(struct strbuf *b, const struct profile_frame *f)
{
	if (*f->function)
		strbuf_add(b, f->function);
	else if (f->kind == PROFILE_MODULE)
		strbuf_addf(b, "[%s+0x%" PRIx64 "]", f->module, f->offset);
	else
		strbuf_addf(b, "[%s]", *f->module ? f->module : "unmapped");
}

static void add_place(struct strbuf *b, const struct profile_frame *f, const char *file)
{
	if (*file && f->line)
		strbuf_addf(b, " %s:%s%" PRIu32, file, f->is_approximate ? "~" : "", f->line);
}

static void add_module(struct strbuf *b, const struct profile_frame *f)
{
	if (f->kind == PROFILE_NATIVE)
		strbuf_addf(b, " (%s%s)", f->module, f->is_inlined ? ", inlined" : "");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void frame_text(struct strbuf *b, const struct profile_frame *f)
{
	add_function(b, f);
	add_place(b, f, f->kind == PROFILE_PHP ? f->file : base_name(f->file));
	if (f->kind == PROFILE_PHP && !(*f->file && f->line))
		strbuf_add(b, " (PHP)");
	add_module(b, f);
}

/* bare_name - a function's name without the namespace: what is before the last backslash. One within a closure's name, which is in
 * braces, is part of it. */
static const char *bare_name(const char *function)
{
	size_t n = strcspn(function, "{(<@");

	while (n && function[n - 1] != '\\')
		n--;
	return function + n;
}

/* fit_function - the class loses its begin, which the file's name often has, before the method loses its end. */
static void fit_function(
	struct line *l, enum view_attr attr, const struct profile_frame *f, const char *name, int width)
{
	const char *method;

	if (f->kind == PROFILE_PHP && line_width(name, l->is_utf8) > width)
		name = bare_name(name);
	method = f->kind == PROFILE_PHP ? strstr(name, "::") : NULL;
	if (!method || line_width(name, l->is_utf8) <= width)
		line_clip(l, attr, name, width);
	else if (line_width(method + 2, l->is_utf8) < width)
		line_clip_begin(l, attr, name, width);
	else
		line_clip(l, attr, method + 2, width);
}

void frame_fit(struct line *l, enum view_attr attr, const struct profile_frame *f, int width, int with_module)
{
	struct strbuf function = { 0 }, place = { 0 };
	int end = l->columns + width, left;

	add_function(&function, f);
	add_place(&place, f, base_name(f->file));
	if (with_module)
		add_module(&place, f);
	left = width - (place.data ? line_width(place.data, l->is_utf8) : 0);
	if (left >= LEAST_COLS || !place.data) {
		fit_function(l, attr, f, function.data ? function.data : "", left);
		line_add(l, attr, place.data ? place.data : "");
	} else {
		line_clip_begin(l, attr, place.data + 1, width);
	}
	line_pad(l, attr, end);
	l->text.failed |= function.failed | place.failed;
	strbuf_free(&function);
	strbuf_free(&place);
}
