// SPDX-License-Identifier: GPL-2.0-or-later
/* util/strbuf.c - a growing string, and the two ways to put untrusted text into one. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/strbuf.h"

void strbuf_add_bytes(struct strbuf *b, const char *s, size_t n)
{
	size_t cap = b->cap;
	char *grown;

	if (b->failed)
		return;
	while (cap < b->len + n + 1)
		cap = cap ? 2 * cap : 64;
	if (cap != b->cap) {
		grown = realloc(b->data, cap);
		if (!grown) {
			b->failed = 1;
			return;
		}
		b->data = grown;
		b->cap = cap;
	}
	memcpy(b->data + b->len, s, n);
	b->len += n;
	b->data[b->len] = 0;
}

void strbuf_add(struct strbuf *b, const char *s)
{
	strbuf_add_bytes(b, s, strlen(s));
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		b->failed = 1;
		return;
	}
	strbuf_add_bytes(b, text, n);
	free(text);
}

void strbuf_free(struct strbuf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

/* utf8_length - bytes of the UTF-8 character at s, 0 when it is none: overlong forms, surrogates and values above
 * U+10FFFF are none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0	 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void strbuf_add_safe(struct strbuf *b, const char *text, const char *also)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_length(s);
		/* C1 controls are two bytes in UTF-8: c2 80 to c2 9f. */
		int control = *s < 0x20 || *s == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);

		if (n && !control && !strchr(also, *s)) {
			strbuf_add_bytes(b, (const char *)s, n);
			s += n;
			continue;
		}
		for (n = n ? n : 1; n; n--)
			strbuf_addf(b, "\\x%02x", *s++);
	}
}

void strbuf_add_utf8(struct strbuf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_length(s);

		if (n)
			strbuf_add_bytes(b, (const char *)s, n);
		else
			strbuf_add(b, "\xef\xbf\xbd");
		s += n ? n : 1;
	}
}

int strbuf_write(struct strbuf *b, FILE *f)
{
	int err = 0;

	if (b->failed)
		err = -ENOMEM;
	else if (b->len && (fwrite(b->data, 1, b->len, f) != b->len || fflush(f)))
		err = errno ? -errno : -EIO;
	if (err)
		clearerr(f);
	strbuf_free(b);
	return err;
}
