// SPDX-License-Identifier: GPL-2.0-or-later
/* view/help.c - what the keys do. */
#include "view/internal.h"

static const char *const text[] = {
	"arrows, PgUp, PgDn, Home, End  move; the cursor stays at its stack",
	"Enter, Right   all frames of the selected stack; once more: in full, to scroll",
	"Left, Esc      back",
	"1 2 3 4 5      sort by leak rate, live bytes, blocks, allocation rate, age",
	"s S  r         sort by the next or previous of these; the least first",
	"/              only stacks with a frame of that name, file or module",
	"p  l           only one process, of a list; only one layer",
	"m  M           mark: LIVE and BLOCKS show what was gained since; no mark",
	"f              freeze what is shown, or go on; tracing always goes on",
	"v              what has happened, in full: crashes, ends, messages",
	"o              what a command that was started (swtrace -- ...) has written",
	"e              export into this directory: folded stacks, .swt, HTML",
	"Ctrl-L         draw the screen anew",
	"q, Ctrl-C      quit, with a last report as text",
	"",
	"LEAK/h  bytes an hour that leak; - no leak so far; ? not enough data yet",
	"LIVE    bytes, allocated since tracing began, that live;  BLOCKS  their number",
	"ALLOC/s bytes allocated a second lately, freed or not;  OLDEST  block's age",
	"LAYER   zend: PHP's heap;  libc: malloc;  mmap: mappings",
	"WHERE   innermost frame of PHP code, else innermost native one with a name",
	"K, M, G are 1024, 1024 * 1024, ... bytes; \"probes ~\" is an estimate",
};

size_t help_count(void)
{
	return sizeof(text) / sizeof(text[0]);
}

void help_line(size_t i, struct line *l)
{
	line_add(l, VIEW_PLAIN, text[i]);
}

void help_keys(const struct view *v, struct line *l)
{
	/* Up to "export" they fit into 80 columns. */
	static const char *const keys[][2] = { { "?", "help" }, { "q", "quit" }, { "s", "sort" }, { "/", "filter" },
		{ "p", "process" }, { "l", "layer" }, { "f", "freeze" }, { "m", "mark" }, { "e", "export" },
		{ "Enter", "stack" }, { "v", "events" } };

	if (v->is_typing) {
		line_add(l, VIEW_BOLD, "/");
		line_add(l, VIEW_PLAIN, v->filter);
		line_add(l, VIEW_SELECTED, " ");
		line_add(l, VIEW_DIM, "  part of a frame's name; Enter keeps it, Esc drops it");
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (line_left(l) < line_width(keys[i][0], 0) + line_width(keys[i][1], 0) + 2)
			break;
		line_add(l, VIEW_BOLD, keys[i][0]);
		line_addf(l, VIEW_DIM, " %s ", keys[i][1]);
	}
}
