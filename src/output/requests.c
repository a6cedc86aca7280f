// SPDX-License-Identifier: GPL-2.0-or-later
/* output/requests.c - requests of a process, and how its memory grows with them, for people and as JSON (docs/json.md). */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>

#include "output/internal.h"

/* What any terminal can show; the height of the ink. */
static const char spark_ink[ANALYZE_SPARK_LEVELS + 1] = "_.-~=+*#";

static int is_known(const struct analyze_requests *q, int layer)
{
	return q->history->curves >> layer & 1;
}

/* is_worth_it - did the layer hold anything? */
static int is_worth_it(const struct analyze_requests *q, int layer)
{
	return is_known(q, layer) && q->n_growth &&
	       (q->spark[layer].low_bytes != q->spark[layer].high_bytes || q->spark[layer].high_bytes);
}

static const char *format_per_request(double bytes, char *buf)
{
	if (fabs(bytes) < 100)
		snprintf(buf, FORMAT_BYTES_BYTES, "%+.1f B", bytes);
	else
		format_gain(llround(bytes), buf);
	return buf;
}

/* add_bounds - ", +4.9 B to +5.1 B": within these. */
static void add_bounds(struct strbuf *b, const struct analyze_request_growth *g, int layer)
{
	char low[FORMAT_BYTES_BYTES], high[FORMAT_BYTES_BYTES];

	if (g->has_bounds)
		strbuf_addf(b, ", %s to %s", format_per_request(g->low[layer], low),
			format_per_request(g->high[layer], high));
}

/* add_growth - "by 1,000 +1.2 MiB (+1.2 KiB a request, +1.1 KiB to +1.3 KiB), so far, by 4,120 +1.3 MiB (+5.0 B a request)". */
static void add_growth(struct strbuf *b, const struct analyze_requests *q, int layer)
{
	char gain[FORMAT_BYTES_BYTES], each[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];

	for (size_t i = 0; i < q->n_growth; i++) {
		const struct analyze_request_growth *g = &q->growth[i];

		strbuf_addf(b, "%s%s ", i ? ", " : "", g->milestone ? "by" : "so far, by");
		strbuf_addf(b, "%s %s (%s a request", format_count(g->to, count),
			format_gain(g->gained_bytes[layer], gain), format_per_request(g->per_request[layer], each));
		add_bounds(b, g, layer);
		strbuf_add(b, ")");
	}
}

static void add_spark(struct strbuf *b, const struct analyze_requests *q, int layer)
{
	const struct analyze_spark *s = &q->spark[layer];
	char line[ANALYZE_SPARK_COLUMNS + 1], low[FORMAT_BYTES_BYTES], high[FORMAT_BYTES_BYTES];

	if (!q->has_spark)
		return;
	for (int i = 0; i < ANALYZE_SPARK_COLUMNS; i++)
		line[i] = spark_ink[s->level[i] < ANALYZE_SPARK_LEVELS ? s->level[i] : 0];
	line[ANALYZE_SPARK_COLUMNS] = 0;
	/* Live bytes may be fewer than when tracing began. */
	strbuf_addf(b, "      curve [%s] %s to %s\n", line,
		s->low_bytes < 0 ? format_gain(s->low_bytes, low) : format_bytes((uint64_t)s->low_bytes, low),
		s->high_bytes < 0 ? format_gain(s->high_bytes, high) : format_bytes((uint64_t)s->high_bytes, high));
}

void text_add_requests(struct strbuf *b, const struct analyze_requests *q, const struct model_process *p, int is_final)
{
	char count[FORMAT_COUNT_BYTES];

	if (!p->has_requests)
		return;
	strbuf_addf(b, "    requests: %s so far", format_count(p->n_requests, count));
	if (q && q->per_s > 0)
		strbuf_addf(b, ", %.1f/s", q->per_s);
	strbuf_add(b, "\n");
	for (int l = 0; q && q->history && (is_final || q->has_news) && l < MODEL_REQUEST_CURVES; l++) {
		if (!is_worth_it(q, l))
			continue;
		strbuf_addf(b, "    %s by requests: ", model_curve_name(l));
		add_growth(b, q, l);
		strbuf_add(b, "\n");
		add_spark(b, q, l);
	}
}

static json_t *since_ms(const struct model_snapshot *s, uint64_t time_ns)
{
	return json_number(time_ns > s->start_ns ? (time_ns - s->start_ns) / 1000000 : 0);
}

static json_t *hundredths(double x)
{
	return json_real(round(x * 100) / 100);
}

static json_t *growth_of(const struct analyze_request_growth *g, int layer)
{
	json_t *o = json_object();

	json_object_set_new(o, "gained_bytes", json_integer(g->gained_bytes[layer]));
	json_object_set_new(o, "bytes_per_request", hundredths(g->per_request[layer]));
	json_object_set_new(o, "low_bytes_per_request", g->has_bounds ? hundredths(g->low[layer]) : json_null());
	json_object_set_new(o, "high_bytes_per_request", g->has_bounds ? hundredths(g->high[layer]) : json_null());
	return o;
}

static json_t *growths(const struct analyze_requests *q, const struct model_snapshot *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < q->n_growth; i++) {
		const struct analyze_request_growth *g = &q->growth[i];
		json_t *o = json_object();

		json_object_set_new(o, "milestone", g->milestone ? json_number(g->milestone) : json_null());
		json_object_set_new(o, "from_requests", json_number(g->from));
		json_object_set_new(o, "to_requests", json_number(g->to));
		json_object_set_new(o, "to_ms", since_ms(s, g->to_ns));
		for (int l = 0; l < MODEL_REQUEST_CURVES; l++)
			json_object_set_new(o, model_curve_name(l), is_known(q, l) ? growth_of(g, l) : json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *curve(const struct analyze_requests *q, const struct model_snapshot *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < MODEL_REQUEST_SECTIONS; i++) {
		const struct model_request_section *section = &q->history->section[i];

		for (size_t k = 0; k < section->n; k++) {
			json_t *o = json_object();

			json_object_set_new(o, "requests", json_number(section->point[k].n_requests));
			json_object_set_new(o, "time_ms", since_ms(s, section->point[k].time_ns));
			for (int l = 0; l < MODEL_REQUEST_CURVES; l++)
				json_object_set_new(o, model_curve_name(l),
					is_known(q, l) ? json_integer(section->point[k].bytes[l]) : json_null());
			json_array_append_new(list, o);
		}
	}
	return list;
}

void json_set_requests(
	json_t *o, const struct analyze_requests *q, const struct model_process *p, const struct model_snapshot *s)
{
	int is_judged = p->has_requests && q && q->history;

	json_object_set_new(o, "n_requests", p->has_requests ? json_number(p->n_requests) : json_null());
	json_object_set_new(
		o, "requests_by", p->has_requests ? json_string(model_requests_name(p->requests_by)) : json_null());
	json_object_set_new(o, "requests_per_s", is_judged && q->per_s > 0 ? hundredths(q->per_s) : json_null());
	json_object_set_new(o, "request_growth", is_judged ? growths(q, s) : json_array());
	json_object_set_new(o, "request_curve", is_judged ? curve(q, s) : json_array());
}
