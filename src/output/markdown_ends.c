// SPDX-License-Identifier: GPL-2.0-or-later
/* output/markdown_ends.c - what ends a process beside a crash, and frees that are errors, as parts of a text for a bug tracker. */
#include <string.h>

#include "output/markdown.h"

static void say_limit(struct strbuf *b, const json_t *e)
{
	char limit[FORMAT_BYTES_BYTES], asked[FORMAT_BYTES_BYTES];

	strbuf_addf(b, "memory_limit of %s exhausted: %s more were asked for",
		format_bytes((uint64_t)number_of(e, "limit_bytes"), limit),
		format_bytes((uint64_t)number_of(e, "asked_bytes"), asked));
}

static void say_no_memory(struct strbuf *b, const json_t *e)
{
	char asked[FORMAT_BYTES_BYTES];

	strbuf_addf(b, "the system gave PHP no memory: %s more were asked for",
		format_bytes((uint64_t)number_of(e, "asked_bytes"), asked));
}

static void say_corrupted(struct strbuf *b, const json_t *e)
{
	(void)e;
	strbuf_add(b,
		"PHP found its heap corrupted (zend_mm_heap corrupted): the damage was done before, and mostly elsewhere");
}

static void say_oom(struct strbuf *b, const json_t *e)
{
	char peak[FORMAT_BYTES_BYTES];

	strbuf_add(b, "the kernel killed it: memory had run out, its cgroup's or the machine's");
	if (has(e, "peak_rss_bytes"))
		strbuf_addf(b, "; it had at most %s resident",
			format_bytes((uint64_t)number_of(e, "peak_rss_bytes"), peak));
}

/* add_block - "56 bytes (libc) at 0x7f0010"; the lines may lack each of them. */
static void add_block(struct strbuf *b, const json_t *block, const char *layer)
{
	strbuf_addf(b, "%" JSON_INTEGER_FORMAT " bytes (%s) at %s", number_of(block, "size_bytes"), layer,
		text_of(block, "addr"));
}

/* is_realloc - was it given to realloc? Older lines do not say: those of free. */
static int is_realloc(const json_t *e)
{
	return !strcmp(text_of(e, "op"), "realloc");
}

static void say_double_free(struct strbuf *b, const json_t *e)
{
	strbuf_add(b, is_realloc(e) ? "gave a freed block to realloc: " : "freed a block again: ");
	add_block(b, e, text_of(e, "layer"));
	strbuf_addf(b, ", was freed %.2f s before by thread %" JSON_INTEGER_FORMAT,
		(double)number_of(e, "freed_ms") / 1e3, number_of(e, "freed_tid"));
}

static void say_invalid_free(struct strbuf *b, const json_t *e)
{
	const json_t *block = json_object_get(e, "block");

	strbuf_addf(b, is_realloc(e) ? "gave %s to realloc, " : "freed %s, ", text_of(e, "addr"));
	if (json_is_object(block)) {
		strbuf_addf(b, "%" JSON_INTEGER_FORMAT " bytes into a live block of ", number_of(block, "offset"));
		add_block(b, block, text_of(e, "layer"));
	} else {
		strbuf_add(b, !strcmp(text_of(e, "what"), "never_allocated")
				      ? "which was never allocated"
				      : "where no block lives: it was never allocated, or was freed before");
	}
}

static const struct end {
	const char *type;
	const char *title;
	void (*say)(struct strbuf *b, const json_t *e);
} ends[] = {
	{ "memory_limit", "PHP's memory limit exhausted", say_limit },
	{ "out_of_memory", "No memory for PHP", say_no_memory },
	{ "heap_corrupted", "PHP's heap corrupted", say_corrupted },
	{ "oom_kill", "Killed for lack of memory", say_oom },
	{ "double_free", "Double free", say_double_free },
	{ "invalid_free", "Invalid free", say_invalid_free },
};

static const struct end *end_of(const json_t *event)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (!strcmp(text_of(event, "type"), ends[i].type))
			return &ends[i];
	return NULL;
}

int output_markdown_tells(const json_t *event)
{
	/* What happens again and again is told in full once: later lines only count. */
	return !strcmp(text_of(event, "type"), "crash") ||
	       (end_of(event) && !json_is_true(json_object_get(event, "again")));
}

const char *markdown_end_title(const json_t *event)
{
	const struct end *end = end_of(event);

	return end ? end->title : NULL;
}

const json_t *markdown_end_place(const json_t *event)
{
	const json_t *frames = json_object_get(event, "frames");

	for (size_t i = 0; i < json_array_size(frames); i++) {
		const json_t *f = json_array_get(frames, i);

		if (!strcmp(text_of(f, "kind"), "php") && *text_of(f, "file"))
			return f;
	}
	return json_array_get(frames, 0);
}

void markdown_end_summary(struct strbuf *b, const json_t *event)
{
	const struct end *end = end_of(event);
	struct strbuf said = { 0 };

	if (!end)
		return;
	end->say(&said, event);
	markdown_made(b, "What it is", &said);
}

/* add_freed - the block of a faulty free. */
static void add_freed(struct strbuf *b, const json_t *event, const json_t *block)
{
	struct strbuf said = { 0 };

	add_block(&said, block, text_of(event, "layer"));
	strbuf_add(b, "\n### Block\n\n    ");
	strbuf_add_safe(b, said.data ? said.data : "", "");
	strbuf_addf(b, ", allocated %.2f s before\n", (double)number_of(block, "age_ms") / 1e3);
	markdown_blame(b, block);
	if (block == event && !json_is_object(json_object_get(event, "freed_by")))
		strbuf_add(b, "      freed first by: --free-stacks tells\n");
	b->failed |= said.failed;
	strbuf_free(&said);
}

static void add_live(struct strbuf *b, const json_t *event)
{
	const json_t *live = json_object_get(event, "live");
	char bytes[FORMAT_BYTES_BYTES], n[FORMAT_COUNT_BYTES];

	if (!json_array_size(live))
		return;
	strbuf_addf(b, "\n### What lived then, of what was allocated since tracing began\n\n    %s in ",
		format_bytes((uint64_t)number_of(event, "live_bytes"), bytes));
	strbuf_addf(b, "%s blocks; most of it:\n", format_count((uint64_t)number_of(event, "live_blocks"), n));
	for (size_t i = 0; i < json_array_size(live) && i < MAX_LIVE; i++) {
		const json_t *stack = json_array_get(live, i);

		strbuf_addf(b, "\n    %s live in ", format_bytes((uint64_t)number_of(stack, "live_bytes"), bytes));
		strbuf_addf(b, "%s blocks, ", format_count((uint64_t)number_of(stack, "live_blocks"), n));
		strbuf_add_safe(b, text_of(stack, "layer"), "");
		strbuf_add(b, "\n");
		markdown_frames(b, stack, SIDE_FRAMES, "      ");
	}
}

void markdown_end_evidence(struct strbuf *b, const json_t *event)
{
	const json_t *block = json_object_get(event, "block");

	if (!strcmp(text_of(event, "type"), "double_free"))
		add_freed(b, event, event);
	else if (!strcmp(text_of(event, "type"), "invalid_free") && json_is_object(block))
		add_freed(b, event, block);
	add_live(b, event);
}
