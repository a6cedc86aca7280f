/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view/internal.h - the parts of the view: what it knows (data.c), which of it is in the table (order.c), what keys change (keys.c), and
 * how it looks (line.c, head.c, table.c, pane.c, layout.c). None of these knows a terminal. */
#ifndef VIEW_INTERNAL_H
#define VIEW_INTERNAL_H

#include "util/strbuf.h"
#include "view/view.h"

/* ---- data.c: one update, kept ---- */

/* A row of the table: stacks that have the same names, in one process and layer. */
struct view_row {
	uint64_t key;			   /* the same in every update; the first member, as in a mark */
	const struct profile_stack *stack; /* that of them with the most live bytes: its frames are shown */
	int64_t value[PROFILE_VALUES];	   /* of all of them */
	enum profile_verdict verdict;	   /* the worst */
	uint64_t oldest_age_ms;
	double alloc_per_s;		   /* since the update before; below 0: not known */
	int64_t gained[2];		   /* live bytes and blocks, since the mark; as they are without one */
	const struct profile_frame *frame; /* the most telling one; NULL: it has none */
};

struct view_data {
	struct profile profile;
	struct view_row *row; /* by key */
	size_t n;
	struct view_facts facts; /* how: a string of the profile's */
	struct view_limit *limit;
};

/* What rows had when a mark was set. */
struct view_mark {
	uint64_t key;
	int64_t value[2];
};

/* data_make - @before  the update before; NULL: there is none      Return: 0 or -ENOMEM. */
int data_make(
	struct view_data **out, const struct profile *p, const struct view_facts *f, const struct view_data *before);
void data_free(struct view_data *d);

/* data_compare_key - for bsearch(3): a key and what begins with one. */
int data_compare_key(const void *key, const void *element);

/* data_row - the row with that key, or NULL. */
struct view_row *data_row(const struct view_data *d, uint64_t key);

/* data_process - by pid, or NULL. data_since_ms - how long tracing has gone on. */
const struct profile_process *data_process(const struct view_data *d, uint32_t pid);
uint64_t data_since_ms(const struct view_data *d);

/* ---- the state ---- */

enum view_sort { SORT_LEAK, SORT_LIVE, SORT_BLOCKS, SORT_ALLOC, SORT_AGE, SORTS };

enum view_pane { PANE_NONE, PANE_STACK, PANE_EVENTS, PANE_OUTPUT };

struct view_event {
	char *text; /* as it was told; untrusted */
	enum view_tone tone;
	uint64_t until_ms; /* it stands out until then */
	int is_seen;	   /* on the screen as it is laid out */
	size_t rows;	   /* that it takes in full, */
	int cols;	   /* where there are so many; 0: not known yet */
};

#define VIEW_EVENTS	  100	/* kept */
#define VIEW_OUTPUT_BYTES 65536 /* kept of it */
#define VIEW_FILTER_BYTES 128
#define VIEW_NOTICE_MS	  6000

struct view {
	int is_utf8;
	struct view_data *now;
	struct view_data *frozen; /* what is shown instead; NULL: now is */
	/* what is in the table */
	enum view_sort sort;
	int is_reversed;
	char filter[VIEW_FILTER_BYTES];
	int is_typing;		/* the filter */
	uint32_t pid;		/* 0: all */
	int layer;		/* -1: all */
	struct view_mark *mark; /* by key */
	size_t n_marks;
	int has_mark;
	uint64_t mark_ms; /* since tracing began */
	size_t *order;	  /* places in row[] */
	size_t n_order;
	/* where one looks */
	size_t at;	   /* place in order[] */
	size_t top;	   /* of the first row that is seen */
	uint64_t selected; /* key of the row at which the cursor stays; */
	int has_moved;	   /* 0: it stays at the first one */
	int is_choosing;   /* a process, of a list instead of the table */
	size_t choice;
	size_t choice_top;
	int is_help;
	size_t help_top;
	enum view_pane pane;
	int in_pane; /* arrows move in it */
	size_t pane_top;
	int is_at_end; /* of what a command writes, and stays there */
	/* what has happened */
	struct view_event event[VIEW_EVENTS]; /* oldest first */
	size_t n_events;
	struct strbuf busy;
	struct strbuf output; /* of a started command: its last lines; untrusted */
	/* as it was last laid out */
	size_t page; /* rows of the table, */
	size_t pane_page;
	size_t pane_lines; /* and lines that the pane could show */
	size_t help_lines;
	int cols;
	uint64_t now_ms;
	int is_small; /* the screen is: only the end of it can be asked for */
	struct line *line;
	struct view_line *shown_line;
	size_t n_lines;
};

/* view_data_of - what is shown; NULL: nothing is known yet. */
const struct view_data *view_data_of(const struct view *v);

/* ---- order.c ---- */

/* order_make - which rows are in the table, and in which order; the cursor stays at its row.  Return: 0 or -ENOMEM. */
int order_make(struct view *v);

/* order_set_mark, order_clear_mark - begin to count what rows gain.  Return: 0 or -ENOMEM. */
int order_set_mark(struct view *v);
void order_clear_mark(struct view *v);

/* order_selected - the row under the cursor, or NULL. */
const struct view_row *order_selected(const struct view *v);

/* ---- line.c: a line under construction ---- */

struct line {
	struct strbuf text;
	struct view_span span[VIEW_SPANS];
	size_t n_spans;
	int cols;    /* of the screen */
	int columns; /* taken so far */
	int is_utf8;
	int attr; /* enum view_attr of the whole line; -1: each piece has its own */
};

void line_begin(struct line *l, int cols, int is_utf8);

/* line_add - untrusted text, as much of it as has room. line_addf - likewise. line_pad - spaces up to a column.
 * line_fit - text in a field of exactly so many columns: cut, with a sign of that, or padded at its end, or (is_right) at its begin. */
void line_add(struct line *l, enum view_attr attr, const char *text);
void line_addf(struct line *l, enum view_attr attr, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void line_pad(struct line *l, enum view_attr attr, int column);
void line_fit(struct line *l, enum view_attr attr, const char *text, int width, int is_right);

/* line_clip - text of at most so many columns: its end is cut off, with a sign of that; line_clip_begin - its begin. */
void line_clip(struct line *l, enum view_attr attr, const char *text, int width);
void line_clip_begin(struct line *l, enum view_attr attr, const char *text, int width);

/* line_rows - lines that all of a text takes, of which the first has room for so many columns, and each of the rest for so many.
 * line_add_row - that of them, from 0 on, to the right end of the screen's line. */
size_t line_rows(const char *text, int first, int rest, int is_utf8);
void line_add_row(struct line *l, enum view_attr attr, const char *text, size_t row, int first, int rest);

/* line_left - columns that are left. */
int line_left(const struct line *l);

/* line_width - columns that a text takes when it is made safe. */
int line_width(const char *text, int is_utf8);

/* number.c: short numbers for columns, into the caller's buffer, which they return.
 * number_size - "5.1M", "999B", at most 5 columns, and a sign if is_gain. number_count - "78200", "1.2M", likewise.
 * number_age - "12s", "3m05", "12h", "9d": at most 5. number_clock - "00:12:34", "3d 04:05:06". */
#define NUMBER_BYTES 32
const char *number_size(int64_t bytes, int is_gain, char *buf);
const char *number_count(int64_t n, int is_gain, char *buf);
const char *number_age(uint64_t ms, char *buf);
const char *number_clock(uint64_t ms, char *buf);

/* ---- parts of the screen: each writes one line ---- */

/* head.c - the lines at the top. */
enum { HEAD_WHO, HEAD_VERDICT, HEAD_CURVES, HEAD_CURVES_2, HEAD_TRUST, HEAD_LINES };
void head_line(const struct view *v, int which, struct line *l);

/* head_who - "php8.2(42), worker 3". head_process - the process that alone is looked at, or NULL. */
void head_who(struct strbuf *b, const struct profile_process *p);

/* table.c - what the table shows; its heading; one row. The list of processes to choose from. */
void table_about(const struct view *v, struct line *l);
void table_heading(const struct view *v, struct line *l);
void table_row(const struct view *v, size_t place, struct line *l);
void table_choice_heading(struct line *l);
void table_choice(const struct view *v, size_t place, struct line *l);

/* frame.c - a frame: all that is known of it; or in a field of exactly so many columns, where a long name loses its begin: the file and
 * the line stay.  @with_module  tell the file of native code, too */
void frame_text(struct strbuf *b, const struct profile_frame *f);
void frame_fit(struct line *l, enum view_attr attr, const struct profile_frame *f, int width, int with_module);

/* pane.c - the heading and the lines of the lower part. pane_count - their number. */
void pane_heading(const struct view *v, struct line *l);
void pane_line(struct view *v, size_t i, struct line *l);
size_t pane_count(const struct view *v);

/* pane_output - the last line that a started command has written. */
void pane_output(const struct view *v, struct line *l);

/* event.c - event_brief: one in a line, which stands out if it is new. event_unseen - the worst new one that is nowhere on the screen as
 * laid out so far, or -1. All of them in full, the last one first: event_count - how many lines they take, after
 * event_measure() on screens of v->cols; event_line - one of these. */
void event_brief(struct view *v, size_t i, struct line *l);
int event_unseen(const struct view *v);
void event_measure(struct view *v);
size_t event_count(const struct view *v);
void event_line(struct view *v, size_t i, struct line *l);

/* help.c - the lines of the help, and the keys at the bottom of the screen. */
size_t help_count(void);
void help_line(size_t i, struct line *l);
void help_keys(const struct view *v, struct line *l);

#endif
