// SPDX-License-Identifier: GPL-2.0-or-later
/* export/events.c - crashes and other events of a profile in a line each, for people. They are JSON objects of a file: anything. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/internal.h"

#define MAX_SHOWN 10
#define MAX_WORDS 200 /* bytes of a text in it */

static const char *string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void add_words(struct strbuf *b, const char *before, const char *words)
{
	char some[MAX_WORDS + 1];

	if (!*words)
		return;
	snprintf(some, sizeof(some), "%s", words);
	strbuf_add(b, before);
	strbuf_add_safe(b, some, "");
}

static void add_number(struct strbuf *b, const char *before, const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);

	if (json_is_integer(n))
		strbuf_addf(b, "%s%" JSON_INTEGER_FORMAT, before, json_integer_value(n));
}

/* is_minor - what happens without anything being wrong: it is shown where there is room. */
static int is_minor(const json_t *o)
{
	return !strcmp(string_of(o, "type"), "lifecycle") && !*string_of(o, "reason");
}

static int is_crash(const json_t *o)
{
	return !strcmp(string_of(o, "type"), "crash");
}

/* add_event - "[2026-11-23T21:40:19.000Z] crash, php8.2(3021), SIGSEGV, address not mapped, at 0x10, ..." */
static void add_event(struct strbuf *b, const json_t *o)
{
	const char *what = string_of(o, "event");

	strbuf_add(b, "   ");
	add_words(b, " [", string_of(o, "time"));
	strbuf_add(b, *string_of(o, "time") ? "]" : "");
	add_words(b, " ", *what ? what : string_of(o, "type"));
	add_words(b, ", ", string_of(o, "comm"));
	if (json_is_integer(json_object_get(o, "pid"))) {
		add_number(b, *string_of(o, "comm") ? "(" : ", (", o, "pid");
		strbuf_add(b, ")");
	}
	add_words(b, ", ", string_of(o, "signal_name"));
	add_words(b, ", ", string_of(o, "code_text"));
	add_words(b, ", at ", string_of(o, "fault_addr"));
	add_words(b, ": ", string_of(o, "summary"));
	add_words(b, ", ", string_of(o, "reason"));
	add_number(b, ", status ", o, "exit_status");
	if (!is_crash(o)) /* which has its name */
		add_number(b, ", by signal ", o, "signal");
	add_number(b, ", child ", o, "child_pid");
	strbuf_add(b, "\n");
}

/* choose - the last ones, those that are not minor first.  @is_shown  out: of each event, n of them      Return: how many are shown. */
static size_t choose(const json_t *events, unsigned char *is_shown)
{
	size_t n_shown = 0;

	for (int minor = 0; minor <= 1; minor++)
		for (size_t i = json_array_size(events); i-- > 0 && n_shown < MAX_SHOWN;)
			if (is_minor(json_array_get(events, i)) == minor) {
				is_shown[i] = 1;
				n_shown++;
			}
	return n_shown;
}

void export_add_events(struct strbuf *b, const struct profile *p)
{
	json_t *events = json_array();
	unsigned char *is_shown = NULL;
	size_t n = 0, n_shown, n_crashes = 0;

	for (size_t i = 0; i < p->n_events; i++) {
		json_t *o = json_loads(p->event[i], 0, NULL);

		n_crashes += json_is_object(o) && is_crash(o);
		if (json_is_object(o))
			json_array_append(events, o);
		json_decref(o);
	}
	n = json_array_size(events);
	is_shown = calloc(n ? n : 1, 1);
	if (!is_shown) {
		b->failed = 1;
	} else if (n) {
		n_shown = choose(events, is_shown);
		strbuf_addf(b, "  crashes and other events: %zu%s\n", n,
			n_crashes ? " (swtrace report --crash FILE shows the last crash in full)" : "");
		for (size_t i = 0; i < n; i++)
			if (is_shown[i])
				add_event(b, json_array_get(events, i));
		if (n_shown < n)
			strbuf_addf(b, "    %zu more %s not shown (--format json tells all of them)\n", n - n_shown,
				n - n_shown == 1 ? "is" : "are");
	}
	free(is_shown);
	json_decref(events);
}
