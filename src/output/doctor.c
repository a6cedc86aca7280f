// SPDX-License-Identifier: GPL-2.0-or-later
/* output/doctor.c - what swtrace doctor has looked at: a line each, and what to do below it. */
#include <jansson.h>

#include "output/internal.h"

static const char *const words[OUTPUT_RESULTS] = { "ok", "warn", "fail" };

int output_text_check(FILE *f, const struct output_check *c)
{
	static const char *const shown[OUTPUT_RESULTS] = { "ok  ", "warn", "FAIL" };
	struct strbuf b = { 0 };

	if (c->is_first && c->pid) {
		text_add_who(&b, c->comm, c->pid);
		strbuf_add(&b, ":\n");
	} else if (c->is_first) {
		strbuf_add(&b, "this machine:\n");
	}
	strbuf_addf(&b, "  %s  ", shown[c->result]);
	strbuf_add_safe(&b, c->text, "");
	if (c->try) {
		strbuf_add(&b, "\n        try: ");
		strbuf_add_safe(&b, c->try, "");
	}
	strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}

int output_json_check(FILE *f, int64_t utc_ns, const struct output_check *c)
{
	json_t *o = json_begin("check", utc_ns);
	struct strbuf b = { 0 };

	json_object_set_new(o, "check", json_text(c->check));
	json_object_set_new(o, "result", json_string(words[c->result]));
	json_object_set_new(o, "pid", c->pid ? json_integer(c->pid) : json_null());
	json_object_set_new(o, "comm", c->pid ? json_text(c->comm) : json_null());
	json_object_set_new(o, "text", json_text(c->text));
	json_object_set_new(o, "try", c->try ? json_text(c->try) : json_null());
	json_end(&b, o);
	return strbuf_write(&b, f);
}

void output_add_identity(struct strbuf *b, const struct model_identity *id)
{
	text_add_identity(b, id);
}

int output_text_doctor(FILE *f, const unsigned n[OUTPUT_RESULTS])
{
	struct strbuf b = { 0 };

	strbuf_addf(&b, "tracing %s: %u ok, %u to be warned of, %u failed\n",
		n[OUTPUT_FAIL] ? "will not work" : "will work", n[OUTPUT_OK], n[OUTPUT_WARN], n[OUTPUT_FAIL]);
	return strbuf_write(&b, f);
}

int output_json_doctor(FILE *f, int64_t utc_ns, const unsigned n[OUTPUT_RESULTS])
{
	json_t *o = json_begin("doctor", utc_ns);
	struct strbuf b = { 0 };

	json_object_set_new(o, "works", json_boolean(!n[OUTPUT_FAIL]));
	for (int i = 0; i < OUTPUT_RESULTS; i++)
		json_object_set_new(o, words[i], json_integer(n[i]));
	json_end(&b, o);
	return strbuf_write(&b, f);
}
