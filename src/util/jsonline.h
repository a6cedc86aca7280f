/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/jsonline.h - JSON as a line that may be shown on any terminal: printable ASCII. All other characters, and DEL, which jansson takes
 * for a harmless one, are written as \uXXXX. */
#ifndef UTIL_JSONLINE_H
#define UTIL_JSONLINE_H

#include <stdio.h>

#include "util/strbuf.h"

struct json_t;

/* jsonline_add - append it, with the end of the line. NULL, or no memory: failed is set. */
void jsonline_add(struct strbuf *b, const struct json_t *o);

/* jsonline_write - likewise, into a file, piece by piece.  Return: 0, -ENOMEM, or -errno of the first failed write. */
int jsonline_write(FILE *f, const struct json_t *o);

#endif
