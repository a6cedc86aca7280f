// SPDX-License-Identifier: GPL-2.0-or-later
/* util/format.c - numbers and times as people read them. */
#include <stdio.h>
#include <time.h>

#include "util/format.h"

const char *format_time(int64_t utc_ns, char *buf)
{
	time_t seconds = utc_ns / 1000000000;
	char date[24];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, FORMAT_TIME_BYTES, "%s.%03uZ", date, (unsigned)(utc_ns / 1000000 % 1000) % 1000);
	return buf;
}

const char *format_bytes(uint64_t bytes, char *buf)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	size_t unit = 0;

	/* 1023.95 would print as 1024.0 */
	while (value >= 1023.95 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		value /= 1024;
		unit++;
	}
	if (unit)
		snprintf(buf, FORMAT_BYTES_BYTES - 1, "%.1f %s", value, units[unit]);
	else
		snprintf(buf, FORMAT_BYTES_BYTES - 1, "%llu B", (unsigned long long)bytes);
	return buf;
}

const char *format_gain(int64_t bytes, char *buf)
{
	*buf = bytes < 0 ? '-' : '+';
	format_bytes(bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes, buf + 1);
	return buf;
}

const char *format_count(uint64_t n, char *buf)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = 0;
	return buf;
}
