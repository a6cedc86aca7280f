// SPDX-License-Identifier: GPL-2.0-or-later
/* export/export.c - formats by name, and what they share. */
#include <inttypes.h>
#include <string.h>

#include "export/internal.h"

static const struct {
	const char *name;
	const char *suffix;
	int (*write)(FILE *f, const struct profile *p, const struct export_opts *opts);
} formats[EXPORT_FORMATS] = {
	[EXPORT_TEXT] = { "text", ".txt", export_text },
	[EXPORT_JSON] = { "json", ".jsonl", export_json },
	[EXPORT_FOLDED] = { "folded", ".folded", export_folded },
	[EXPORT_PPROF] = { "pprof", ".pb.gz", export_pprof },
	[EXPORT_SPEEDSCOPE] = { "speedscope", ".speedscope.json", export_speedscope },
	[EXPORT_HTML] = { "html", ".html", export_html },
};

int export_write(enum export_format format, FILE *f, const struct profile *p, const struct export_opts *opts)
{
	return formats[format].write(f, p, opts);
}

int export_format_named(const char *name)
{
	for (int i = 0; i < EXPORT_FORMATS; i++)
		if (!strcmp(formats[i].name, name))
			return i;
	return -1;
}

const char *export_format_name(enum export_format format)
{
	return formats[format].name;
}

const char *export_format_suffix(enum export_format format)
{
	return formats[format].suffix;
}

void export_add_label(struct strbuf *b, const struct profile_frame *f)
{
	const char *name = *f->function ? f->function : f->module;

	if (*f->function || *name == '[') { /* a region has its brackets already */
		strbuf_add_utf8(b, name);
		return;
	}
	strbuf_add(b, "[");
	strbuf_add_utf8(b, *f->module ? f->module : "unmapped");
	if (f->kind == PROFILE_MODULE)
		strbuf_addf(b, "+0x%" PRIx64, f->offset);
	strbuf_add(b, "]");
}
