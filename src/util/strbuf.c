// SPDX-License-Identifier: GPL-2.0-or-later
/* util/strbuf.c - a growing string, and the two ways to put untrusted text into one. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
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

/* is_unseen - a character that shows nothing itself: it ends a line, turns the text around it (Unicode's Bidi_Control), joins, splits or
 * alters others, or is not there to be seen at all (its Default_Ignorable_Code_Point). With these one name can look like another. */
static int is_unseen(uint32_t c)
{
	static const uint32_t range[][2] = { { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff } };

	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (c >= range[i][0] && c <= range[i][1])
			return 1;
	return 0;
}

/* decode - the character of n bytes at s, which is valid UTF-8. */
static uint32_t decode(const unsigned char *s, size_t n)
{
	uint32_t c = n > 1 ? *s & (0x7fU >> n) : *s;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

size_t strbuf_unsafe(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = utf8_length(s);
	uint32_t c = decode(s, n);

	if (!n)
		return 1;
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || is_unseen(c) ? n : 0;
}

void strbuf_add_safe(struct strbuf *b, const char *text, const char *also)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = strbuf_unsafe((const char *)s);

		if (!n && !strchr(also, *s)) {
			n = utf8_length(s);
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
