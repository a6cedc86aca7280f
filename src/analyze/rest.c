// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/rest.c - growth of resident memory, shared out among what is known to grow. */
#include "analyze/rest.h"

static double positive(double x)
{
	return x > 0 ? x : 0;
}

static double rate(const struct analyze_growth *growth, enum model_curve_kind c)
{
	return growth[c].verdict == GROWTH_UNKNOWN ? 0 : growth[c].bytes_per_s;
}

/* share_out - each part takes what it grows by, as long as there is something left. */
static void share_out(const struct analyze_growth *growth, double left, struct analyze_rest *out)
{
	const double grows[REST_PARTS] = {
		[REST_FILES] = rate(growth, MODEL_CURVE_FILES),
		[REST_CACHED] = rate(growth, MODEL_CURVE_CACHED),
		[REST_HOLES] = rate(growth, MODEL_CURVE_REAL) - positive(rate(growth, MODEL_CURVE_CACHED)) -
			       positive(rate(growth, MODEL_CURVE_ZEND)),
		[REST_MALLOC] = rate(growth, MODEL_CURVE_HEAP_MAP) - positive(rate(growth, MODEL_CURVE_LIBC)),
		[REST_STACKS] = rate(growth, MODEL_CURVE_STACKS),
	};

	for (int i = 0; i < REST_UNKNOWN; i++) {
		double takes = positive(grows[i]);

		out->part_per_s[i] = takes < left ? takes : left;
		left -= out->part_per_s[i];
	}
	out->part_per_s[REST_UNKNOWN] = left;
}

void analyze_rest_make(const struct analyze_growth *growth, struct analyze_rest *out)
{
	static const enum model_curve_kind books[] = { MODEL_CURVE_ZEND, MODEL_CURVE_LIBC, MODEL_CURVE_MMAP };
	const struct analyze_growth *rss = &growth[MODEL_CURVE_RSS];
	double most = 0;

	*out = (struct analyze_rest){ .rss_per_s = rss->bytes_per_s };
	if (rss->verdict != GROWTH_GROWING || growth[MODEL_CURVE_LIBC].verdict == GROWTH_UNKNOWN)
		return;
	for (int i = 0; i < 3; i++) {
		out->explained_per_s += positive(rate(growth, books[i]));
		most += growth[books[i]].verdict == GROWTH_UNKNOWN ? 0 : positive(growth[books[i]].high);
	}
	if (rss->low <= most || rss->bytes_per_s - out->explained_per_s < REST_LEAST * rss->bytes_per_s)
		return;
	out->is_there = 1;
	share_out(growth, rss->bytes_per_s - out->explained_per_s, out);
}

enum analyze_garbage analyze_garbage_make(
	const struct model_php_gc *gc, const struct model_gc_history *h, const struct analyze_growth *growth)
{
	const struct analyze_growth *size = &growth[MODEL_CURVE_ZEND], *roots = &growth[MODEL_CURVE_ROOTS];

	if (!gc->is_known || !h || !h->is_known || roots->verdict == GROWTH_UNKNOWN ||
		(size->verdict != GROWTH_GROWING && size->verdict != GROWTH_WARMING))
		return GARBAGE_UNKNOWN;
	if (gc->is_protected)
		return GARBAGE_OVERFLOW;
	if (gc->runs != h->first_runs)
		return GARBAGE_RETAINED;
	if (roots->low <= 0 || !gc->roots)
		return GARBAGE_RETAINED;
	return gc->is_enabled ? GARBAGE_PENDING : GARBAGE_OFF;
}

static const struct {
	const char *name;
	const char *text;
} parts[REST_PARTS] = {
	[REST_FILES] = { "files", "mapped files" },
	[REST_CACHED] = { "zend_cached", "chunks that PHP keeps for later" },
	[REST_HOLES] = { "zend_fragmentation", "fragmentation of PHP's heap" },
	[REST_MALLOC] = { "malloc_fragmentation", "overhead and fragmentation of malloc's heap" },
	[REST_STACKS] = { "stacks", "stacks of threads or coroutines" },
	[REST_UNKNOWN] = { "unknown", "unknown, touched for the first time or not traced" },
};

const char *analyze_rest_name(enum analyze_rest_part part)
{
	return (unsigned)part < REST_PARTS ? parts[part].name : "unknown";
}

const char *analyze_rest_text(enum analyze_rest_part part)
{
	return (unsigned)part < REST_PARTS ? parts[part].text : "unknown";
}

const char *analyze_garbage_name(enum analyze_garbage g)
{
	static const char *const names[GARBAGE_VERDICTS] = { "unknown", "pending", "off", "overflow", "retained" };

	return (unsigned)g < GARBAGE_VERDICTS ? names[g] : "unknown";
}
