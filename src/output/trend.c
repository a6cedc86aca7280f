// SPDX-License-Identifier: GPL-2.0-or-later
/* output/trend.c - a process that is watched: one line. */
#include <jansson.h>

#include "output/internal.h"

int output_text_trend(
	FILE *f, const struct model_snapshot *s, const struct model_process *p, const struct analyze_standing *standing)
{
	char time[FORMAT_TIME_BYTES], size[FORMAT_BYTES_BYTES];
	struct strbuf b = { 0 };

	strbuf_addf(&b, "[%s] ", format_time(s->utc_ns, time));
	text_add_who(&b, p->comm, p->pid);
	text_add_role(&b, p->identity);
	strbuf_add(&b, ": ");
	if (!text_add_growth(&b, standing))
		strbuf_add(&b, "not enough data yet");
	strbuf_addf(&b, "; %s resident", format_bytes(p->vitals.rss_bytes, size));
	if (p->vitals.heap.is_known)
		strbuf_addf(&b, ", %s in PHP's heap", format_bytes(p->vitals.heap.size_bytes, size));
	strbuf_add(&b, "\n");
	text_add_outlook(&b, &p->vitals, standing);
	return strbuf_write(&b, f);
}

int output_json_trend(
	FILE *f, const struct model_snapshot *s, const struct model_process *p, const struct analyze_standing *standing)
{
	json_t *o = json_begin("trend", s->utc_ns);
	struct strbuf b = { 0 };

	json_object_set_new(o, "pid", json_integer(p->pid));
	json_object_set_new(o, "comm", json_text(p->comm));
	json_object_set_new(o, "identity", json_identity(p->identity));
	json_object_set_new(o, "watched_ms", json_integer((json_int_t)((s->time_ns - s->start_ns) / 1000000)));
	json_object_set_new(o, "vitals", json_vitals(s, &p->vitals));
	json_object_set_new(o, "growth", json_growths(standing));
	json_set_outlook(o, standing);
	json_end(&b, o);
	return strbuf_write(&b, f);
}
