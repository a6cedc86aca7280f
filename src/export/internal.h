/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export/internal.h - one writer a format, each in a file of its own. */
#ifndef EXPORT_INTERNAL_H
#define EXPORT_INTERNAL_H

#include "export/export.h"
#include "util/strbuf.h"

int export_text(FILE *f, const struct profile *p, const struct export_opts *opts);
int export_json(FILE *f, const struct profile *p, const struct export_opts *opts);
int export_folded(FILE *f, const struct profile *p, const struct export_opts *opts);
int export_pprof(FILE *f, const struct profile *p, const struct export_opts *opts);
int export_speedscope(FILE *f, const struct profile *p, const struct export_opts *opts);
int export_html(FILE *f, const struct profile *p, const struct export_opts *opts);

/* export_add_events - crashes and other events, the last ones, a line each; nothing if there are none. Safe for a terminal. */
void export_add_events(struct strbuf *b, const struct profile *p);

/* export_add_label - the name of a frame for people, on one line: "Class::method", "malloc", "[php8.2+0x33cfe1]", "[heap]". Untrusted
 * text is valid UTF-8 then, and nothing else is done about it. */
void export_add_label(struct strbuf *b, const struct profile_frame *f);

#endif
