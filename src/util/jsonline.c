// SPDX-License-Identifier: GPL-2.0-or-later
/* util/jsonline.c - JSON as a line of printable ASCII. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "util/jsonline.h"

#define DEL 0x7f

/* Where the pieces go. */
struct to {
	void (*put)(struct to *to, const char *s, size_t n);
	struct strbuf *b;
	FILE *f;
	int err;
};

static void put_to_buffer(struct to *to, const char *s, size_t n)
{
	strbuf_add_bytes(to->b, s, n);
	to->err = to->b->failed ? -ENOMEM : 0;
}

static void put_to_file(struct to *to, const char *s, size_t n)
{
	errno = 0;
	if (!to->err && fwrite(s, 1, n, to->f) != n)
		to->err = errno ? -errno : -EIO;
}

/* put_escaped - DEL can be in strings alone. */
static int put_escaped(const char *s, size_t n, void *ctx)
{
	struct to *to = ctx;
	const char *del;

	for (; (del = memchr(s, DEL, n)); s = del + 1) {
		to->put(to, s, (size_t)(del - s));
		to->put(to, "\\u007f", 6);
		n -= (size_t)(del - s) + 1;
	}
	to->put(to, s, n);
	return to->err ? -1 : 0;
}

static int dump(struct to *to, const json_t *o)
{
	if (!o || json_dump_callback(o, put_escaped, to, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(10)))
		return to->err ? to->err : -ENOMEM;
	to->put(to, "\n", 1);
	return to->err;
}

void jsonline_add(struct strbuf *b, const json_t *o)
{
	struct to to = { .put = put_to_buffer, .b = b };

	if (dump(&to, o))
		b->failed = 1;
}

int jsonline_write(FILE *f, const json_t *o)
{
	struct to to = { .put = put_to_file, .f = f };

	return dump(&to, o);
}
