/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view/view.h - the live view: a screen of what tracing finds, and keys to look around in it.
 *
 * In: profiles (profile/profile.h) as they are made, facts about the session, events and messages as lines of text, keys. Out:
 * lines with attributes; and, by a thin part of its own (view_screen_*), a terminal that shows them. It sees nothing of BPF or of
 * the traced processes.
 * All text may come from a traced process: here it is made safe for a terminal, and of known width.
 * Owner: a view copies all that it is given. Thread: one. */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "profile/profile.h"

#define VIEW_LEAST_ROWS 24 /* on a smaller terminal it says so, and how things stand */
#define VIEW_LEAST_COLS 80

/* When a process meets a limit; beside profile.process[]. */
struct view_limit {
	const char *text; /* "in 3.2 min (2.9 to 3.5): memory_limit (128.0 MiB)"; NULL or "": it meets none */
	double seconds;
};

/* What a profile does not know of the session. */
struct view_facts {
	const char *how;  /* how probes are placed: "uprobe session" */
	int is_system;	  /* all processes, or a selection of them */
	uint64_t step_ms; /* time between two updates */
	double own_cpu;	  /* of one CPU, what swtrace took since the last update: 0 to 1 and more; below 0: not known */
	uint64_t own_bytes;  /* resident; 0: not known */
	double probes_cpu;   /* of one CPU, what probes took of the traced processes, estimated; below 0: not known */
	uint64_t n_blocks;   /* in the table of live blocks, */
	uint64_t cap_blocks; /* which has room for so many; 0: not known */
	const struct view_limit *limit; /* NULL: nothing is known */
};

enum view_tone {
	VIEW_SAID,     /* of interest later */
	VIEW_HAPPENED, /* a process has ended, executed, ... */
	VIEW_TROUBLE,  /* a crash, an error */
};

/* Keys: characters are Unicode code points; the others: */
enum view_key {
	VIEW_KEY_UP = 0x110000,
	VIEW_KEY_DOWN,
	VIEW_KEY_LEFT,
	VIEW_KEY_RIGHT,
	VIEW_KEY_PAGE_UP,
	VIEW_KEY_PAGE_DOWN,
	VIEW_KEY_HOME,
	VIEW_KEY_END,
	VIEW_KEY_ENTER,
	VIEW_KEY_ESCAPE,
	VIEW_KEY_BACKSPACE,
};

/* What a key asks of who runs the session. */
enum view_wish { VIEW_WISH_NONE, VIEW_WISH_QUIT, VIEW_WISH_EXPORT, VIEW_WISH_REDRAW };

/* How a piece of a line is shown. */
enum view_attr {
	VIEW_PLAIN,
	VIEW_DIM,
	VIEW_BOLD,
	VIEW_GOOD,
	VIEW_WARN,
	VIEW_BAD,
	VIEW_BAR,      /* a heading across the screen */
	VIEW_SORTED,   /* the column in it that the table is sorted by */
	VIEW_SELECTED, /* the row under the cursor */
	VIEW_FLASH,    /* what has just happened */
	VIEW_ATTRS
};

struct view_span {
	enum view_attr attr;
	size_t at; /* bytes in text */
	size_t len;
};

#define VIEW_SPANS 64 /* of a line; more are not told apart */

/* One line of the screen: printable, never wider than the screen. */
struct view_line {
	const char *text; /* UTF-8, or ASCII alone; "" */
	struct view_span span[VIEW_SPANS];
	size_t n_spans;
};

struct view;

/* view_new - @is_utf8  may lines hold UTF-8? Then the locale must be one of it, for the width of characters.
 * Return: 0 or -ENOMEM. */
int view_new(struct view **out, int is_utf8);
void view_free(struct view *v);

/* view_update - what is known by now.  Return: 0, or -ENOMEM: what was shown stays. */
int view_update(struct view *v, const struct profile *p, const struct view_facts *f);

/* view_tell - something has happened, or was said: the last ones are listed, and this one is shown at once.
 * @text  one line or several      @now_ms  of any clock that runs steadily, the same for all calls */
void view_tell(struct view *v, const char *text, enum view_tone tone, uint64_t now_ms);

/* view_output - a traced program has written this: its last lines can be looked at. */
void view_output(struct view *v, const char *text);

/* view_busy - a line about work under way, until the next update; NULL: it is done. */
void view_busy(struct view *v, const char *text);

/* view_press - a key.  Return: what is to be done about it beyond drawing. */
enum view_wish view_press(struct view *v, int key);

/* view_lay_out - the lines of a screen of this size: rows of them. Valid until the next call of this view; NULL: no memory. */
const struct view_line *view_lay_out(struct view *v, int rows, int cols, uint64_t now_ms);

/* view_next_ms - when a line that was shown is to go away by itself: ms from now_ms; -1: none is. */
int view_next_ms(const struct view *v, uint64_t now_ms);

/* ---- the terminal ---- */

struct view_screen;

/* view_screen_open - take the terminal of standard input and output over. However the process ends, but by SIGKILL, it is given
 * back: by view_screen_close(), or by a handler for the signals that kill a program that has gone wrong.
 * Return: 0; -ENOTTY: no such terminal is known; -errno. */
int view_screen_open(struct view_screen **out);
void view_screen_close(struct view_screen *s);

/* view_screen_is_utf8 - does the terminal take UTF-8, by the locale? After view_screen_open(). */
int view_screen_is_utf8(const struct view_screen *s);

/* view_screen_draw - show the view as it is; only what has changed is sent. */
void view_screen_draw(struct view_screen *s, struct view *v, uint64_t now_ms);

/* view_screen_is_ready - has the terminal taken what was drawn last? As long as it has not, drawing may wait for it. */
int view_screen_is_ready(const struct view_screen *s);

/* view_screen_key - the next key that waits.  Return: it, or -1: there is none. */
int view_screen_key(struct view_screen *s);

/* view_screen_resize - the terminal has another size (SIGWINCH). view_screen_redraw - it may show anything by now: all is to be sent.
 * view_screen_leave - give the terminal back for a while (SIGTSTP), until view_screen_redraw(). */
void view_screen_resize(struct view_screen *s);
void view_screen_redraw(struct view_screen *s);
void view_screen_leave(struct view_screen *s);

#endif
