// SPDX-License-Identifier: GPL-2.0-or-later
/* export/json.c - a profile as JSON lines: "profile", a "profile_process" each, the causes of losses, a "profile_stack" each, then the
 * events as they were told. */
#include <jansson.h>
#include <string.h>

#include "export/internal.h"
#include "util/format.h"
#include "util/jsonline.h"

#define SCHEMA 1

static json_t *text(const char *s)
{
	struct strbuf b = { 0 };
	json_t *o;

	strbuf_add_utf8(&b, s);
	o = json_string(b.data ? b.data : "");
	strbuf_free(&b);
	return o ? o : json_null();
}

static json_t *begin(const struct profile *p, const char *type)
{
	char time[FORMAT_TIME_BYTES];
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_integer(SCHEMA));
	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "time", json_string(format_time(p->utc_ns, time)));
	return o;
}

/* end - write the line.  Return: 0 or -errno. */
static int end(FILE *f, json_t *o)
{
	int err = jsonline_write(f, o);

	json_decref(o);
	return err;
}

static const char *damage_name(enum profile_fault f)
{
	return f == PROFILE_TRUNCATED ? "truncated" : "corrupt";
}

static int write_profile(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	char time[FORMAT_TIME_BYTES];
	json_t *o = begin(p, "profile");

	json_object_set_new(o, "version", text(p->version));
	json_object_set_new(o, "host", text(p->host));
	json_object_set_new(o, "start", json_string(format_time(p->start_utc_ns, time)));
	json_object_set_new(o, "difference", json_boolean(opts->is_difference));
	json_object_set_new(o, "estimate", json_boolean(p->basis != PROFILE_COUNTED));
	json_object_set_new(o, "basis", json_string(profile_basis_name(p->basis)));
	json_object_set_new(o, "damage", p->fault ? json_string(damage_name(p->fault)) : json_null());
	json_object_set_new(o, "processes", json_integer((json_int_t)p->n_processes));
	json_object_set_new(o, "stacks", json_integer((json_int_t)p->n_stacks));
	json_object_set_new(o, "events", json_integer((json_int_t)p->n_events));
	return end(f, o);
}

static json_t *curves(const struct profile_process *x)
{
	json_t *o = json_object();

	for (size_t i = 0; i < x->n_curves; i++) {
		const struct profile_curve *c = &x->curve[i];
		json_t *curve = json_object(), *points = json_array();

		json_object_set_new(curve, "verdict", text(c->verdict));
		json_object_set_new(curve, "bytes_per_s", json_integer(c->bytes_per_s));
		for (size_t k = 0; k < c->n; k++)
			json_array_append_new(points,
				json_pack("[I,I]", (json_int_t)c->point[k].time_ms, (json_int_t)c->point[k].value));
		json_object_set_new(curve, "points", points);
		if (json_object_set_new(o, c->name, curve)) /* a name that is no UTF-8 is none of swtrace's */
			continue;
	}
	return o;
}

static int write_process(FILE *f, const struct profile *p, const struct profile_process *x)
{
	json_t *o = begin(p, "profile_process"), *layers = json_object();

	json_object_set_new(o, "pid", json_integer(x->pid));
	json_object_set_new(o, "comm", text(x->comm));
	json_object_set_new(o, "alive", json_boolean(x->is_alive));
	json_object_set_new(o, "role", *x->role ? text(x->role) : json_null());
	json_object_set_new(o, "worker", x->worker >= 0 ? json_integer(x->worker) : json_null());
	json_object_set_new(o, "what", text(x->what));
	json_object_set_new(o, "container", *x->container ? text(x->container) : json_null());
	json_object_set_new(
		o, "n_requests", x->n_requests != UINT64_MAX ? json_integer((json_int_t)x->n_requests) : json_null());
	for (int l = 0; l < PROFILE_LAYERS; l++)
		json_object_set_new(layers, profile_layer_name(l),
			json_pack("{s:I,s:I}", "live_bytes", (json_int_t)x->live_bytes[l], "live_blocks",
				(json_int_t)x->live_blocks[l]));
	json_object_set_new(o, "layers", layers);
	json_object_set_new(o, "curves", curves(x));
	return end(f, o);
}

/* frame - as in a stack (output/json.c), but for the addresses of the process, which a profile does not have. */
static json_t *frame(const struct profile_frame *f)
{
	int in_file = f->kind == PROFILE_NATIVE || f->kind == PROFILE_MODULE;
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(f->kind == PROFILE_PHP ? "php" : "native"));
	json_object_set_new(o, "function", *f->function ? text(f->function) : json_null());
	json_object_set_new(o, "file", *f->file ? text(f->file) : json_null());
	json_object_set_new(o, "line", f->line ? json_integer(f->line) : json_null());
	json_object_set_new(o, "line_exact", f->line ? json_boolean(!f->is_approximate) : json_null());
	json_object_set_new(o, "module", text(f->module));
	json_object_set_new(o, "build_id", text(f->build_id));
	json_object_set_new(
		o, "module_offset", in_file ? json_sprintf("0x%llx", (unsigned long long)f->offset) : json_null());
	json_object_set_new(o, "inlined", json_boolean(f->is_inlined));
	return o;
}

static int write_stack(FILE *f, const struct profile *p, size_t i)
{
	const struct profile_stack *s = &p->stack[i];
	json_t *o = begin(p, "profile_stack"), *frames = json_array();
	char site[PROFILE_SITE_BYTES];

	json_object_set_new(o, "rank", json_integer((json_int_t)i + 1));
	json_object_set_new(o, "pid", json_integer(p->process[s->process].pid));
	json_object_set_new(o, "comm", text(p->process[s->process].comm));
	json_object_set_new(o, "layer", json_string(profile_layer_name(s->layer)));
	json_object_set_new(o, "site", json_string(profile_site_of(p, s, site)));
	for (int v = 0; v < PROFILE_VALUES; v++)
		json_object_set_new(o, profile_value_name(v), json_integer(s->value[v]));
	json_object_set_new(o, "oldest_age_ms", json_integer((json_int_t)s->oldest_age_ms));
	json_object_set_new(o, "verdict", json_string(profile_verdict_name(s->verdict)));
	json_object_set_new(o, "why", *s->why ? text(s->why) : json_null());
	json_object_set_new(o, "complete", json_boolean(s->is_whole));
	for (uint32_t k = 0; k < s->n_frames; k++)
		json_array_append_new(frames, frame(&p->frame[s->frame[k]]));
	json_object_set_new(o, "frames", frames);
	return end(f, o);
}

/* write_losses - of a damaged file that has none, nothing is known of them. */
static int write_losses(FILE *f, const struct profile *p)
{
	json_t *o, *causes;

	if (p->fault && !p->n_losses)
		return 0;
	o = begin(p, "profile_loss");
	causes = json_object();
	for (size_t i = 0; i < p->n_losses; i++)
		json_object_set_new(causes, p->loss[i].key, json_integer((json_int_t)p->loss[i].count));
	json_object_set_new(o, "causes", causes);
	return end(f, o);
}

/* write_event - as it was told, if it is JSON: a file may hold anything. */
static int write_event(FILE *f, const char *json)
{
	json_t *o = json_loads(json, 0, NULL);

	return o ? end(f, o) : 0;
}

int export_json(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	int err = write_profile(f, p, opts);

	for (size_t i = 0; i < p->n_processes && !err; i++)
		err = write_process(f, p, &p->process[i]);
	if (!err)
		err = write_losses(f, p);
	for (size_t i = 0; i < p->n_stacks && !err; i++)
		err = write_stack(f, p, i);
	for (size_t i = 0; i < p->n_events && !err; i++)
		err = write_event(f, p->event[i]);
	return err;
}
