/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export/export.h - a profile in the forms that other tools and people read. Formats only: what is in a file is in the profile.
 *
 * In: profile/profile.h. Out: a stream. All that came from a traced process is made safe for the form.
 * Errors: writers return 0, -ENOMEM, or -errno of the first failed write; they print no message. */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdio.h>

#include "profile/profile.h"

enum export_format {
	EXPORT_TEXT, /* for people, as swtrace prints it */
	EXPORT_JSON, /* JSON lines: "profile" and what belongs to it, and events: docs/json.md */
	EXPORT_FOLDED, /* "process(pid);[layer];root;...;leaf bytes": one stack a line, live bytes; for flame graph tools */
	EXPORT_PPROF,	   /* for go tool pprof, Pyroscope, Parca: binary, packed by gzip; docs/pprof.md */
	EXPORT_SPEEDSCOPE, /* JSON for speedscope.app: live bytes, and live blocks */
	EXPORT_HTML,	   /* a page for a browser, with a flame graph and all the rest: docs/flamegraph.md */
	EXPORT_FORMATS
};

struct export_opts {
	size_t top;	   /* EXPORT_TEXT: stacks at most; 0 = all */
	int is_difference; /* the values are differences */
	const struct profile
		*before; /* EXPORT_HTML: compared with this one; NULL: with none. The profile is no difference then */
};

/* export_write - the profile in that form. */
int export_write(enum export_format format, FILE *f, const struct profile *p, const struct export_opts *opts);

/* export_format_named - "folded", ...; -1: there is none of that name. export_format_name - of a format.
 * export_format_suffix - of file names: ".folded", ... Static. */
int export_format_named(const char *name);
const char *export_format_name(enum export_format format);
const char *export_format_suffix(enum export_format format);

#endif
