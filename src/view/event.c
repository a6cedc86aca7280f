// SPDX-License-Identifier: GPL-2.0-or-later
/* view/event.c - what has happened: an event in one line, of which the begin tells most, and all of them in full. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "view/internal.h"

#define DATE_BYTES 27
#define INDENT	   4 /* of what goes on in the next line */

static int is_new(const struct view *v, const struct view_event *e)
{
	return e->until_ms > v->now_ms;
}

static enum view_attr attr_of(const struct view *v, const struct view_event *e)
{
	if (is_new(v, e))
		return e->tone == VIEW_SAID ? VIEW_BOLD : VIEW_FLASH;
	return e->tone == VIEW_TROUBLE ? VIEW_BAD : e->tone == VIEW_HAPPENED ? VIEW_PLAIN : VIEW_DIM;
}

/* is_date - does it begin with "[2026-11-29T02:34:00.765Z] "? */
static int is_date(const char *s)
{
	static const char form[] = "[0000-00-00T00:00:00.000Z] ";

	for (size_t i = 0; form[i]; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return 0;
	return 1;
}

/* take_line - the first line of a text.  Return: where the next begins, or NULL: there is none. */
static const char *take_line(struct strbuf *b, const char *text)
{
	size_t n = strcspn(text, "\n");

	strbuf_add_bytes(b, text, n);
	return text[n] && text[n + 1] ? text + n + 1 : NULL;
}

/* ---- in one line ---- */

/* find_signal - ": SIGSEGV (signal 11), ", which is there once; where a name looks like it, it is not known which it is.
 * Return: it, or NULL.  @code  out: what follows it */
static char *find_signal(char *s, char **code)
{
	char *found = NULL;

	for (s = strstr(s, ": SIG"); s; s = strstr(s + 1, ": SIG")) {
		size_t name = strcspn(s + 2, " ");
		char *end = s + 2 + name;

		if (strncmp(end, " (signal ", 9) || !isdigit((unsigned char)end[9]))
			continue;
		end += 9 + strspn(end + 9, "0123456789");
		if (strncmp(end, "), ", 3))
			continue;
		if (found)
			return NULL;
		found = s;
		*code = end + 3;
	}
	return found;
}

/* find_pid - behind the last "(42)" that a comma or a thread follows: a name may hold another.  Return: that, or NULL: there is none. */
static char *find_pid(char *s)
{
	char *found = NULL;

	for (; *s; s++) {
		char *behind = s + 1 + strspn(s + 1, "0123456789");

		if (*s == '(' && *behind == ')' && behind > s + 1 &&
			(!strncmp(behind + 1, " thread ", 8) || behind[1] == ','))
			found = behind + 1;
	}
	return found;
}

/* drop_thread - of ", worker 3, thread 42" where it is the first, whose number is that of the process. */
static void drop_thread(char *more)
{
	const char *pid = more - 1;
	char *thread = strrchr(more, ' ');

	while (pid[-1] != '(')
		pid--;
	if (!thread || thread - more < 7 || strncmp(thread - 7, " thread", 7) ||
		strtoul(thread, NULL, 10) != strtoul(pid, NULL, 10))
		return;
	thread -= 7;
	if (thread > more && thread[-1] == ',')
		thread--;
	*thread = 0;
}

/* add_crash - of "php(42), worker 3, thread 43: SIGSEGV (signal 11), SEGV_MAPERR: address not mapped to object, fault address 0x10, in
 * strlen+0x3 (libc.so.6)" what matters first, since its end may be cut off: "php(42) SIGSEGV at 0x10 in strlen+0x3 (libc.so.6),
 * worker 3, thread 43; SEGV_MAPERR: address not mapped to object".  @s  is changed
 * Return: 0: it does not read like that. */
static int add_crash(struct strbuf *b, char *s)
{
	char *code = NULL, *end = find_signal(s, &code), *more, *place, *address;

	if (!end)
		return 0;
	*end = 0;
	more = find_pid(s);
	if (!more)
		return 0;
	place = strstr(code, ", in ");
	if (place)
		*place = 0;
	address = strstr(code, ", fault address ");
	if (address)
		*address = 0;
	strbuf_add_bytes(b, s, (size_t)(more - s));
	strbuf_add(b, " ");
	strbuf_add_bytes(b, end + 2, strcspn(end + 2, " "));
	if (address) {
		strbuf_add(b, " at ");
		strbuf_add_bytes(b, address + 16, strcspn(address + 16, ","));
	}
	if (place)
		strbuf_addf(b, " in %s", place + 5);
	drop_thread(more);
	strbuf_addf(b, "%s%s; %s", *more == ' ' ? "," : "", more, code);
	if (address)
		strbuf_add(b, address + 16 + strcspn(address + 16, ","));
	return 1;
}

/* add_brief - the first line of an event: the time alone of its date, and what matters first. */
static void add_brief(struct strbuf *b, const char *text)
{
	struct strbuf line = { 0 }, copy = { 0 }, crash = { 0 };

	if (is_date(text)) {
		strbuf_add_bytes(b, text + 12, 8);
		strbuf_add(b, " ");
		text += DATE_BYTES;
	}
	take_line(&line, text);
	if (line.data && !strncmp(line.data, "CRASH ", 6)) {
		strbuf_add(&copy, line.data + 6);
		if (copy.data && add_crash(&crash, copy.data))
			strbuf_addf(b, "CRASH %s", crash.data ? crash.data : "");
	}
	if (!crash.data)
		strbuf_add(b, line.data ? line.data : "");
	b->failed |= line.failed | copy.failed | crash.failed;
	strbuf_free(&crash);
	strbuf_free(&copy);
	strbuf_free(&line);
}

void event_brief(struct view *v, size_t i, struct line *l)
{
	struct view_event *e = &v->event[i];
	struct strbuf b = { 0 };

	add_brief(&b, e->text);
	if (is_new(v, e))
		line_fit(l, attr_of(v, e), b.data ? b.data : "", line_left(l), 0);
	else
		line_add(l, attr_of(v, e), b.data ? b.data : "");
	e->is_seen = 1;
	l->text.failed |= b.failed;
	strbuf_free(&b);
}

int event_unseen(const struct view *v)
{
	int found = -1;

	for (size_t i = 0; i < v->n_events; i++)
		if (is_new(v, &v->event[i]) && !v->event[i].is_seen &&
			(found < 0 || v->event[i].tone >= v->event[found].tone))
			found = (int)i;
	return found;
}

/* ---- in full ---- */

/* rest_cols - of the lines after the first: they are indented by more than that is. */
static int rest_cols(const char *text, int cols)
{
	int indent = (int)strspn(text, " ") + INDENT;

	return indent < cols / 2 ? cols - indent : cols / 2;
}

void event_measure(struct view *v)
{
	for (size_t i = 0; i < v->n_events; i++) {
		struct view_event *e = &v->event[i];

		if (e->cols == v->cols)
			continue;
		e->cols = v->cols;
		e->rows = 0;
		for (const char *at = e->text; at;) {
			struct strbuf b = { 0 };

			at = take_line(&b, at);
			e->rows += b.data ? line_rows(b.data, v->cols, rest_cols(b.data, v->cols), v->is_utf8) : 1;
			strbuf_free(&b);
		}
	}
}

size_t event_count(const struct view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_events; i++)
		n += v->event[i].rows;
	return n;
}

/* add_row - a line of the screen of one event. */
static void add_row(const struct view *v, struct view_event *e, size_t row, struct line *l)
{
	enum view_attr attr = attr_of(v, e);

	e->is_seen |= !row;
	for (const char *at = e->text; at; attr = VIEW_PLAIN) {
		struct strbuf b = { 0 };
		const char *text;
		size_t rows;

		at = take_line(&b, at);
		text = b.data ? b.data : "";
		rows = line_rows(text, v->cols, rest_cols(text, v->cols), v->is_utf8);
		if (row < rows) {
			line_add_row(l, attr, text, row, v->cols, rest_cols(text, v->cols));
			at = NULL;
		}
		row -= rows;
		l->text.failed |= b.failed;
		strbuf_free(&b);
	}
}

void event_line(struct view *v, size_t i, struct line *l)
{
	for (size_t k = v->n_events; k--; i -= v->event[k].rows) {
		if (i < v->event[k].rows) {
			add_row(v, &v->event[k], i, l);
			return;
		}
	}
}
