/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/strbuf.h - a string that grows; never truncates silently. */
#ifndef UTIL_STRBUF_H
#define UTIL_STRBUF_H

#include <stddef.h>
#include <stdio.h>

/* A zeroed struct is an empty buffer. data is NUL-terminated once anything was added, else NULL. When memory runs out
 * failed is set and further additions do nothing: check it once, at the end. */
struct strbuf {
	char *data;
	size_t len;
	size_t cap;
	int failed;
};

void strbuf_add(struct strbuf *b, const char *s);
void strbuf_add_bytes(struct strbuf *b, const char *s, size_t n);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_free(struct strbuf *b);

/* strbuf_write - write it to f, flush, free it.  Return: 0, -ENOMEM if it could not be built, or -errno. */
int strbuf_write(struct strbuf *b, FILE *f);

/* strbuf_add_safe - add untrusted text so that a terminal, or a page of Markdown, only shows it.
 * Control characters (C0, DEL, C1), bytes that are not UTF-8, and characters that cannot be seen but change what is (line separators,
 * directions, joiners, variants, tags, fillers) become \xNN, byte by byte; the characters of also, which are ASCII, are written the same
 * way; everything else stays. */
void strbuf_add_safe(struct strbuf *b, const char *s, const char *also);

/* strbuf_unsafe - is the character at s, which is not the end, one that strbuf_add_safe would not leave as it is, whatever also is?
 * Return: how many bytes it has, 1 where there is no UTF-8; 0: it is harmless. */
size_t strbuf_unsafe(const char *s);

/* strbuf_add_utf8 - add untrusted text as valid UTF-8: each byte that is not becomes U+FFFD. For JSON. */
void strbuf_add_utf8(struct strbuf *b, const char *s);

#endif
