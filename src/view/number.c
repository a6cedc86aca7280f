// SPDX-License-Identifier: GPL-2.0-or-later
/* view/number.c - numbers short enough for a column. */
#include <inttypes.h>
#include <stdio.h>

#include "view/internal.h"

/* scaled - three digits and a unit. */
static void scaled(char *buf, double value, double step, const char *const *unit, size_t n)
{
	size_t i = 0;

	/* 999.5 would print as 1000 */
	while (value >= 999.5 && i + 1 < n) {
		value /= step;
		i++;
	}
	snprintf(buf, NUMBER_BYTES - 1, i && value < 99.95 ? "%.1f%s" : "%.0f%s", value, unit[i]);
}

static double absolute(int64_t n)
{
	return n < 0 ? -(double)n : (double)n;
}

const char *number_size(int64_t bytes, int is_gain, char *buf)
{
	static const char *const units[] = { "B", "K", "M", "G", "T", "P", "E" };
	int has_sign = is_gain || bytes < 0;

	buf[0] = bytes < 0 ? '-' : '+';
	scaled(buf + has_sign, absolute(bytes), 1024, units, sizeof(units) / sizeof(units[0]));
	return buf;
}

const char *number_count(int64_t n, int is_gain, char *buf)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	int has_sign = is_gain || n < 0;

	buf[0] = n < 0 ? '-' : '+';
	if (absolute(n) < 100000)
		snprintf(buf + has_sign, NUMBER_BYTES - 1, "%.0f", absolute(n));
	else
		scaled(buf + has_sign, absolute(n), 1000, units, sizeof(units) / sizeof(units[0]));
	return buf;
}

const char *number_age(uint64_t ms, char *buf)
{
	uint64_t s = ms / 1000;

	if (s < 100)
		snprintf(buf, NUMBER_BYTES, "%" PRIu64 "s", s);
	else if (s < 6000)
		snprintf(buf, NUMBER_BYTES, "%" PRIu64 "m%02" PRIu64, s / 60, s % 60);
	else if (s < 360000)
		snprintf(buf, NUMBER_BYTES, "%" PRIu64 "h%02" PRIu64, s / 3600, s % 3600 / 60);
	else
		snprintf(buf, NUMBER_BYTES, "%" PRIu64 "d", s / 86400);
	return buf;
}

const char *number_clock(uint64_t ms, char *buf)
{
	uint64_t s = ms / 1000, days = s / 86400;
	int n = days ? snprintf(buf, NUMBER_BYTES, "%" PRIu64 "d ", days) : 0;

	snprintf(buf + n, NUMBER_BYTES - (size_t)n, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600 % 24,
		s / 60 % 60, s % 60);
	return buf;
}
