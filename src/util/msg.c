// SPDX-License-Identifier: GPL-2.0-or-later
/* util/msg.c - messages for people, one line each, to stderr. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/msg.h"
#include "util/strbuf.h"

static int verbose_level;

void msg_set_verbose(int verbose)
{
	verbose_level = verbose;
}

/* say - one line. A message is lost without a word when stderr itself cannot be written: there is nobody to tell. */
static void __attribute__((format(printf, 2, 0))) say(const char *prefix, const char *fmt, va_list args)
{
	struct strbuf line = { 0 };
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return;
	strbuf_add(&line, prefix);
	strbuf_add_safe(&line, text, "");
	strbuf_add(&line, "\n");
	if (line.data)
		fputs(line.data, stderr);
	strbuf_free(&line);
	free(text);
}

void msg_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("swtrace: ", fmt, args);
	va_end(args);
}

void msg_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("swtrace: warning: ", fmt, args);
	va_end(args);
}

void msg_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("swtrace: ", fmt, args);
	va_end(args);
}

void msg_try(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("  try: ", fmt, args);
	va_end(args);
}

void msg_debug(const char *fmt, ...)
{
	va_list args;

	if (!verbose_level)
		return;
	va_start(args, fmt);
	say("swtrace: debug: ", fmt, args);
	va_end(args);
}
