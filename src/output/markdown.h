/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output/markdown.h - what texts for a bug tracker are put together of. In: parts of JSON lines, which may be anything. */
#ifndef OUTPUT_MARKDOWN_H
#define OUTPUT_MARKDOWN_H

#include <jansson.h>

#include "output/internal.h"

#define MAX_FRAMES  128
#define MAX_LIVE    5  /* stacks that held most */
#define SIDE_FRAMES 12 /* of a stack beside the one that matters: of a leak, an allocation, a free */

/* What means something outside of code: HTML, links, emphasis, names of people and issues, and escapes. */
#define MARKS "`<>[]()!*_~@#&|\\/"

/* text_of - a string of o, "" when there is none. */
static inline const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static inline json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static inline int has(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return v && !json_is_null(v) && !(json_is_string(v) && !*json_string_value(v));
}

/* markdown_span - untrusted text as a code span: a backtick in it would end it. markdown_item - a line of the list at the top, if there
 * is something to say; markdown_made - of a text that was put together, and is freed. markdown_place - the place of a frame, in code. */
void markdown_span(struct strbuf *b, const char *s);
void markdown_item(struct strbuf *b, const char *name, const char *text);
void markdown_made(struct strbuf *b, const char *name, struct strbuf *text);
void markdown_place(struct strbuf *b, const json_t *frame);

/* markdown_frames - lines of code; what repeats of them once, as text reports do.
 * @stack  an object with walk and frames, and perhaps recursion      @max  lines of frames */
void markdown_frames(struct strbuf *b, const json_t *stack, size_t max, const char *indent);

/* markdown_blame - who has allocated and freed a block.  @block  an object with allocated_by and freed_by */
void markdown_blame(struct strbuf *b, const json_t *block);

/* markdown_ends.c - of the events beside crashes. markdown_end_title - what it is, in plain words; NULL: it is none of them. markdown_end_place - the frame in which it was, or NULL. markdown_end_summary - the line that says what it is.
 * markdown_end_evidence - the sections behind the stack: the block that was freed, and what lived then. */
const char *markdown_end_title(const json_t *event);
const json_t *markdown_end_place(const json_t *event);
void markdown_end_summary(struct strbuf *b, const json_t *event);
void markdown_end_evidence(struct strbuf *b, const json_t *event);

#endif
