// SPDX-License-Identifier: GPL-2.0-or-later
/* output/markdown_parts.c - what texts for a bug tracker are put together of. */
#include <inttypes.h>
#include <string.h>

#include "output/markdown.h"

void markdown_span(struct strbuf *b, const char *s)
{
	strbuf_add(b, "`");
	strbuf_add_safe(b, s, "`");
	strbuf_add(b, "`");
}

void markdown_item(struct strbuf *b, const char *name, const char *text)
{
	if (!*text)
		return;
	strbuf_addf(b, "- **%s:** ", name);
	markdown_span(b, text);
	strbuf_add(b, "\n");
}

void markdown_made(struct strbuf *b, const char *name, struct strbuf *text)
{
	markdown_item(b, name, text->data ? text->data : "");
	b->failed |= text->failed;
	strbuf_free(text);
}

void markdown_place(struct strbuf *b, const json_t *f)
{
	const char *function = text_of(f, "function"), *file = text_of(f, "file"), *slash = strrchr(file, '/');
	int is_php = !strcmp(text_of(f, "kind"), "php");

	strbuf_add_safe(b,
		*function		  ? function
		: has(f, "module_offset") ? text_of(f, "module")
					  : text_of(f, "addr"),
		"");
	if (*file && has(f, "line")) {
		/* Where a PHP file lies says nothing to a maintainer, and much of whoever runs it. */
		strbuf_add(b, " ");
		strbuf_add_safe(b, slash ? slash + 1 : file, "");
		strbuf_addf(b, ":%s%" JSON_INTEGER_FORMAT, json_is_false(json_object_get(f, "line_exact")) ? "~" : "",
			number_of(f, "line"));
	} else if (has(f, "function_offset")) {
		strbuf_addf(b, "+0x%" PRIx64, (uint64_t)number_of(f, "function_offset"));
	} else if (!*function && has(f, "module_offset")) {
		strbuf_add(b, "+");
		strbuf_add_safe(b, text_of(f, "module_offset"), "");
	}
	if (*function && !is_php && has(f, "module")) {
		strbuf_add(b, " (");
		strbuf_add_safe(b, text_of(f, "module"), "");
		strbuf_add(b, json_is_true(json_object_get(f, "inlined")) ? ", inlined)" : ")");
	} else if (is_php && !*file) {
		strbuf_add(b, " (PHP)");
	}
}

/* A part of the stack that repeats, told once. */
struct round {
	size_t first;
	size_t len; /* 0 = nothing repeats */
	size_t times;
};

/* round_of - by what the line says of recursion; none where that does not lie within its frames. */
static struct round round_of(const json_t *stack, size_t n)
{
	const json_t *o = json_object_get(stack, "recursion");
	json_int_t first = number_of(o, "first"), len = number_of(o, "frames"), times = number_of(o, "times"),
		   max = (json_int_t)n;

	if (first < 0 || len < 1 || times < 2 || first > max || len > max || times > (max - first) / len)
		return (struct round){ 0 };
	return (struct round){ (size_t)first, (size_t)len, (size_t)times };
}

void markdown_frames(struct strbuf *b, const json_t *stack, size_t max, const char *indent)
{
	const json_t *frames = json_object_get(stack, "frames");
	const char *walk = text_of(stack, "walk");
	size_t n = json_array_size(frames), i = 0;
	struct round r = round_of(stack, n);

	for (size_t shown = 0; i < n && shown < max; i++, shown++) {
		if (r.len && i == r.first + r.len) {
			strbuf_addf(b, "%s(%s %zu more time%s, as far as the stack is recorded)\n", indent,
				r.len == 1 ? "this frame" : "these frames", r.times - 1, r.times == 2 ? "" : "s");
			i += r.len * (r.times - 1);
			if (i == n)
				break;
		}
		strbuf_addf(b, "%s#%-2zu ", indent, i);
		markdown_place(b, json_array_get(frames, i));
		strbuf_add(b, "\n");
	}
	if (i < n)
		strbuf_addf(b, "%s... and %zu more\n", indent, n - i);
	else if (*walk && strcmp(walk, "complete")) {
		strbuf_addf(b, "%s(the stack ends here: ", indent);
		strbuf_add_safe(b, walk, "");
		strbuf_add(b, ")\n");
	}
}

void markdown_blame(struct strbuf *b, const json_t *block)
{
	static const char *const who[][2] = { { "allocated_by", "allocated by" }, { "freed_by", "freed by" } };

	for (size_t i = 0; i < 2; i++) {
		const json_t *stack = json_object_get(block, who[i][0]);

		if (!json_array_size(json_object_get(stack, "frames")))
			continue;
		strbuf_addf(b, "      %s\n", who[i][1]);
		markdown_frames(b, stack, SIDE_FRAMES, "        ");
	}
}
