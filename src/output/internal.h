/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output/internal.h - what the formats share. */
#ifndef OUTPUT_INTERNAL_H
#define OUTPUT_INTERNAL_H

#include "output/output.h"
#include "util/strbuf.h"

/* format_time - RFC 3339, UTC, milliseconds: "2026-11-23T21:40:05.123Z". */
#define FORMAT_TIME_BYTES 32
const char *format_time(int64_t utc_ns, char *buf);

/* format_bytes - "512 B", "3.9 MiB": one decimal, powers of 1024. format_gain - the same with a sign always. */
#define FORMAT_BYTES_BYTES 32 /* the sign included */
const char *format_bytes(uint64_t bytes, char *buf);
const char *format_gain(int64_t bytes, char *buf);

/* format_count - "52,113". */
#define FORMAT_COUNT_BYTES 32
const char *format_count(uint64_t n, char *buf);

/* write_out - write b to f, flush, free b.  Return: 0, -ENOMEM if b could not be built, or -errno. */
int write_out(FILE *f, struct strbuf *b);

#endif
