// SPDX-License-Identifier: GPL-2.0-or-later
/* util/msg.c - messages for people, one line each, to stderr. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/msg.h"
#include "util/strbuf.h"

#define PROGRESS_COLS 78 /* a line that wraps could not be taken away */

static int verbose_level;
static void (*sink)(void *ctx, enum msg_kind kind, const char *line);
static void *sink_ctx;
static int has_progress;   /* it may be shown */
static int is_in_progress; /* it is shown */

void msg_set_verbose(int verbose)
{
	verbose_level = verbose;
}

void msg_set_sink(void (*to)(void *ctx, enum msg_kind kind, const char *line), void *ctx)
{
	sink = to;
	sink_ctx = ctx;
}

static void clear_progress(void)
{
	if (is_in_progress)
		fputs("\r\x1b[K", stderr);
	is_in_progress = 0;
}

/* put - one safe line to where it goes. */
static void put(enum msg_kind kind, const char *line)
{
	int n = PROGRESS_COLS;

	if (sink) {
		sink(sink_ctx, kind, line);
		return;
	}
	clear_progress();
	while (n && (line[strnlen(line, n)] & 0xc0) == 0x80) /* not within a character */
		n--;
	if (kind == MSG_PROGRESS)
		fprintf(stderr, "%.*s", n, line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	is_in_progress = kind == MSG_PROGRESS;
}

/* say - one line. A message is lost without a word when stderr itself cannot be written: there is nobody to tell. */
static void __attribute__((format(printf, 3, 0)))
say(enum msg_kind kind, const char *prefix, const char *fmt, va_list args)
{
	struct strbuf line = { 0 };
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	strbuf_add(&line, prefix);
	strbuf_add_safe(&line, text, "");
	if (line.data)
		put(kind, line.data);
	strbuf_free(&line);
	free(text);
}

void msg_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_ERROR, "swtrace: ", fmt, args);
	va_end(args);
}

void msg_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_WARN, "swtrace: warning: ", fmt, args);
	va_end(args);
}

void msg_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_NOTE, "swtrace: ", fmt, args);
	va_end(args);
}

void msg_try(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(MSG_TRY, "  try: ", fmt, args);
	va_end(args);
}

void msg_debug(const char *fmt, ...)
{
	va_list args;

	if (!verbose_level)
		return;
	va_start(args, fmt);
	say(MSG_DEBUG, "swtrace: debug: ", fmt, args);
	va_end(args);
}

void msg_begin_progress(void)
{
	has_progress = 1;
}

void msg_end_progress(void)
{
	clear_progress();
	fflush(stderr);
	has_progress = 0;
}

void msg_progress(const char *fmt, ...)
{
	va_list args;

	if (!has_progress && !sink)
		return;
	va_start(args, fmt);
	say(MSG_PROGRESS, "swtrace: ", fmt, args);
	va_end(args);
}
