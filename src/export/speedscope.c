// SPDX-License-Identifier: GPL-2.0-or-later
/* export/speedscope.c - the file format of speedscope.app ("sampled" profiles; file-format-spec.ts of speedscope 1.x).
 *
 * A profile is a list of stacks with a weight each; there is one of live bytes and one of live blocks for each process. */
#include <inttypes.h>
#include <jansson.h>

#include "export/internal.h"
#include "util/jsonline.h"

static json_t *text(const struct strbuf *b)
{
	json_t *o = b->failed ? NULL : json_string(b->data ? b->data : "");

	return o ? o : json_null();
}

static json_t *frame(const struct profile_frame *f)
{
	struct strbuf label = { 0 }, file = { 0 };
	json_t *o = json_object();

	export_add_label(&label, f);
	json_object_set_new(o, "name", text(&label));
	strbuf_add_utf8(&file, *f->file ? f->file : f->module);
	if (file.len)
		json_object_set_new(o, "file", text(&file));
	if (f->line)
		json_object_set_new(o, "line", json_integer(f->line));
	strbuf_free(&label);
	strbuf_free(&file);
	return o;
}

/* add_profile - what a process has of one value. Layers are the root's children: a frame each, after those of the profile. */
static void add_profile(json_t *list, const struct profile *p, uint32_t process, enum profile_value v)
{
	const struct profile_process *x = &p->process[process];
	json_t *o = json_object(), *samples = json_array(), *weights = json_array();
	struct strbuf name = { 0 };
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_stacks; i++) {
		const struct profile_stack *s = &p->stack[i];
		json_t *stack;

		if (s->process != process || s->value[v] <= 0)
			continue;
		stack = json_array();
		json_array_append_new(stack, json_integer((json_int_t)p->n_frames + (json_int_t)s->layer));
		for (uint32_t k = s->n_frames; k-- > 0;)
			json_array_append_new(stack, json_integer(s->frame[k]));
		json_array_append_new(samples, stack);
		json_array_append_new(weights, json_integer(s->value[v]));
		sum += (uint64_t)s->value[v];
	}
	strbuf_add_utf8(&name, x->comm);
	strbuf_addf(&name, "(%" PRIu32 "): %s", x->pid, v == PROFILE_LIVE_BYTES ? "live bytes" : "live blocks");
	json_object_set_new(o, "type", json_string("sampled"));
	json_object_set_new(o, "name", text(&name));
	json_object_set_new(o, "unit", json_string(v == PROFILE_LIVE_BYTES ? "bytes" : "none"));
	json_object_set_new(o, "startValue", json_integer(0));
	json_object_set_new(o, "endValue", json_integer((json_int_t)sum));
	json_object_set_new(o, "samples", samples);
	json_object_set_new(o, "weights", weights);
	json_array_append_new(list, o);
	strbuf_free(&name);
}

static json_t *frames(const struct profile *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n_frames; i++)
		json_array_append_new(list, frame(&p->frame[i]));
	for (int l = 0; l < PROFILE_LAYERS; l++) {
		json_t *layer = json_object();

		json_object_set_new(layer, "name", json_sprintf("[%s]", profile_layer_name(l)));
		json_array_append_new(list, layer);
	}
	return list;
}

int export_speedscope(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	json_t *o = json_object(), *shared = json_object(), *profiles = json_array();
	int err;

	(void)opts;
	json_object_set_new(o, "$schema", json_string("https://www.speedscope.app/file-format-schema.json"));
	json_object_set_new(o, "exporter", json_sprintf("swtrace@%s", p->version));
	if (p->fault)
		json_object_set_new(o, "name", json_sprintf("damaged file: %s", profile_fault_text(p->fault)));
	json_object_set_new(shared, "frames", frames(p));
	json_object_set_new(o, "shared", shared);
	for (uint32_t i = 0; i < p->n_processes; i++) {
		add_profile(profiles, p, i, PROFILE_LIVE_BYTES);
		add_profile(profiles, p, i, PROFILE_LIVE_BLOCKS);
	}
	json_object_set_new(o, "profiles", profiles);
	err = jsonline_write(f, o);
	json_decref(o);
	return err;
}
