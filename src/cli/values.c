// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/values.c - what the values of options are, for completions. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "model/model.h"

static const char *layer_word(size_t n)
{
	return n < MODEL_LAYERS ? model_layer_name((int)n) : NULL;
}

static const char *format_word(size_t n)
{
	return n < EXPORT_FORMATS ? export_format_name((enum export_format)n) : NULL;
}

/* What the words for arguments stand for. One that is not here is free: a number, for instance. */
static const struct meaning {
	const char *word;
	enum cli_value kind;
	const char *(*choice)(size_t n);
} meanings[] = {
	{ "PID", CLI_VALUE_PID, NULL },
	{ "NAME", CLI_VALUE_COMM, NULL },
	{ "PATH", CLI_VALUE_FILE, NULL },
	{ "FILE", CLI_VALUE_FILE, NULL },
	{ "OLD", CLI_VALUE_FILE, NULL },
	{ "DIRECTORY", CLI_VALUE_DIRECTORY, NULL },
	{ "LAYER", CLI_VALUE_WORD, layer_word },
	{ "FORMAT", CLI_VALUE_WORD, format_word },
};

static const struct meaning *meaning_of(const char *arg)
{
	size_t len = 0;

	while (isupper((unsigned char)arg[len]))
		len++;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strlen(meanings[i].word) == len && !strncmp(meanings[i].word, arg, len))
			return &meanings[i];
	return NULL;
}

enum cli_value value_kind(const struct cli_option *o)
{
	const struct meaning *m = o->arg ? meaning_of(o->arg) : NULL;

	if (!o->arg)
		return CLI_VALUE_NONE;
	if (islower((unsigned char)*o->arg))
		return CLI_VALUE_WORD;
	return m ? m->kind : CLI_VALUE_TEXT;
}

int value_is_list(const struct cli_option *o)
{
	return o->arg && strchr(o->arg, ',');
}

const char *value_word(const struct cli_option *o, size_t n, char *buf)
{
	const struct meaning *m = o->arg ? meaning_of(o->arg) : NULL;
	const char *word = o->arg;

	if (m)
		return m->choice ? m->choice(n) : NULL;
	if (!word || !islower((unsigned char)*word))
		return NULL;
	while (n-- && word)
		word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL;
	if (!word)
		return NULL;
	snprintf(buf, CLI_WORD_BYTES, "%.*s", (int)strcspn(word, "|"), word);
	return buf;
}
