/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/format.h - numbers and times as people read them. Each writes into the caller's buffer, and returns it. */
#ifndef UTIL_FORMAT_H
#define UTIL_FORMAT_H

#include <stdint.h>

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

#endif
