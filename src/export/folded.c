// SPDX-License-Identifier: GPL-2.0-or-later
/* export/folded.c - folded stacks of live bytes: "process;[layer];root;...;leaf bytes", one stack a line, the input of flame
 * graph tools. */
#include <inttypes.h>
#include <string.h>

#include "export/internal.h"

/* add_name - a name without the characters that mean something in a folded line: ';' parts frames, white space parts
 * the count, a control character could end the line; and without any that are not safe on a terminal. */
static void add_name(struct strbuf *b, const char *name)
{
	size_t from = b->len;

	strbuf_add_utf8(b, name);
	for (size_t i = from; i < b->len; i++) {
		int is_within = (b->data[i] & 0xc0) == 0x80; /* a character that was let through */

		if (b->data[i] == ';')
			b->data[i] = ':';
		else if (b->data[i] == ' ')
			b->data[i] = '_';
		else if (!is_within)
			memset(b->data + i, '_', strbuf_unsafe(b->data + i));
	}
}

static void add_frame(struct strbuf *b, const struct profile_frame *f)
{
	const char *slash = strrchr(f->file, '/');
	struct strbuf label = { 0 };

	strbuf_add(b, ";");
	export_add_label(&label, f);
	add_name(b, label.data ? label.data : "");
	if (f->kind == PROFILE_PHP && *f->file) {
		strbuf_add(b, "@");
		add_name(b, slash ? slash + 1 : f->file);
		strbuf_addf(b, ":%" PRIu32, f->line);
	}
	b->failed |= label.failed;
	strbuf_free(&label);
}

static void add_line(struct strbuf *b, const struct profile *p, const struct profile_stack *s)
{
	add_name(b, p->process[s->process].comm);
	strbuf_addf(b, "(%" PRIu32 ");[%s]", p->process[s->process].pid, profile_layer_name(s->layer));
	if (!s->is_whole)
		strbuf_add(b, ";[incomplete]");
	for (uint32_t i = s->n_frames; i-- > 0;)
		add_frame(b, &p->frame[s->frame[i]]);
	strbuf_addf(b, " %" PRId64 "\n", s->value[PROFILE_LIVE_BYTES]);
}

int export_folded(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	struct strbuf b = { 0 };

	(void)opts;
	for (size_t i = 0; i < p->n_stacks; i++)
		if (p->stack[i].value[PROFILE_LIVE_BYTES] > 0) /* there are no others in a folded file */
			add_line(&b, p, &p->stack[i]);
	return strbuf_write(&b, f);
}
