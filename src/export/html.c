// SPDX-License-Identifier: GPL-2.0-or-later
/* export/html.c - a profile, or the difference of two, as one page to look at in a browser: a flame graph, the curves, the figures.
 *
 * The page is that of page/, which the build puts together in two pieces (Makefile); the data stands between them, as JSON in a
 * script element that is not run. Its script reads it, and shows names as text alone. page/data.js tells what is in the data. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "export/internal.h"
#include "util/format.h"

__asm__(".pushsection .rodata\n"
	"page_head: .incbin \"page/head.html\"\n"
	"1: .balign 8\n"
	"page_head_bytes: .quad 1b - page_head\n"
	"page_tail: .incbin \"page/tail.html\"\n"
	"2: .balign 8\n"
	"page_tail_bytes: .quad 2b - page_tail\n"
	".popsection\n");
extern const char page_head[], page_tail[];
extern const uint64_t page_head_bytes, page_tail_bytes;

/* Strings of both profiles, each once, sorted. */
struct table {
	const char **string;
	size_t n;
};

struct page {
	FILE *f;
	struct table strings;
	struct profile_places places; /* of a comparison */
	int err;		      /* -errno of the first failed write; -ENOMEM */
};

static void put(struct page *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *o, const char *fmt, ...)
{
	va_list ap;

	if (o->err)
		return;
	va_start(ap, fmt);
	errno = 0;
	if (vfprintf(o->f, fmt, ap) < 0)
		o->err = errno ? -errno : -EIO;
	va_end(ap);
}

static void put_bytes(struct page *o, const char *s, size_t n)
{
	errno = 0;
	if (!o->err && fwrite(s, 1, n, o->f) != n)
		o->err = errno ? -errno : -EIO;
}

/* put_escaped - JSON, which is ASCII, without a character that could end the script element, and without DEL, which a terminal would not
 * show. Those can be in strings alone. */
static int put_escaped(const char *s, size_t n, void *ctx)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '<' && s[i] != '>' && s[i] != '&' && s[i] != 0x7f)
			continue;
		put_bytes(ctx, s + from, i - from);
		put(ctx, "\\u%04x", (unsigned)s[i]);
		from = i + 1;
	}
	put_bytes(ctx, s + from, n - from);
	return ((struct page *)ctx)->err ? -1 : 0;
}

/* put_json - and drop it. */
static void put_json(struct page *o, json_t *value)
{
	if (json_dump_callback(value, put_escaped, o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) && !o->err)
		o->err = -ENOMEM;
	json_decref(value);
}

static json_t *text(const char *s)
{
	struct strbuf b = { 0 };
	json_t *o;

	strbuf_add_utf8(&b, s);
	o = b.failed ? NULL : json_string(b.data ? b.data : "");
	strbuf_free(&b);
	return o;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t string_at(const struct page *o, const char *s)
{
	const char **at = bsearch(&s, o->strings.string, o->strings.n, sizeof(s), by_text);

	return at ? (size_t)(at - o->strings.string) : 0;
}

static void collect(struct table *t, const struct profile *p)
{
	for (size_t i = 0; i < p->n_frames; i++) {
		t->string[t->n++] = p->frame[i].function;
		t->string[t->n++] = p->frame[i].file;
		t->string[t->n++] = p->frame[i].module;
	}
	for (size_t i = 0; i < p->n_stacks; i++)
		t->string[t->n++] = p->stack[i].why;
}

/* make_table - of the strings of both.  @before  or NULL      Return: 0 or -ENOMEM. */
static int make_table(struct table *t, const struct profile *now, const struct profile *before)
{
	size_t room = 1 + 3 * now->n_frames + now->n_stacks, n = 0;

	room += before ? 3 * before->n_frames + before->n_stacks : 0;
	t->string = reallocarray(NULL, room, sizeof(*t->string));
	if (!t->string)
		return -ENOMEM;
	t->string[t->n++] = "";
	collect(t, now);
	if (before)
		collect(t, before);
	qsort(t->string, t->n, sizeof(*t->string), by_text);
	for (size_t i = 0; i < t->n; i++)
		if (!n || strcmp(t->string[n - 1], t->string[i]))
			t->string[n++] = t->string[i];
	t->n = n;
	return 0;
}

static void put_strings(struct page *o)
{
	put(o, "\"strings\":[");
	for (size_t i = 0; i < o->strings.n && !o->err; i++) {
		put(o, i ? ",\n" : "\n");
		put_json(o, text(o->strings.string[i]));
	}
	put(o, "],\n");
}

/* put_frames - kind, function, file, module, line, flags, and of a module without names the address, in hex. */
static void put_frames(struct page *o, const struct profile *p, const char *comma)
{
	for (size_t i = 0; i < p->n_frames && !o->err; i++) {
		struct profile_frame named = profile_places_name(&o->places, &p->frame[i]), *f = &named;

		put(o, "%s\n[%d,%zu,%zu,%zu,%" PRIu32 ",%d", i ? "," : comma, f->kind, string_at(o, f->function),
			string_at(o, f->file), string_at(o, f->module), f->line,
			f->is_inlined | f->is_approximate << 1);
		put(o, f->kind == PROFILE_MODULE ? ",\"%" PRIx64 "\"]" : "]", f->offset);
	}
}

static json_t *curves(const struct profile_process *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->n_curves; i++) {
		const struct profile_curve *c = &x->curve[i];
		json_t *o = json_object(), *points = json_array();

		json_object_set_new(o, "name", text(c->name));
		json_object_set_new(o, "verdict", text(c->verdict));
		json_object_set_new(o, "rate", json_integer((json_int_t)c->bytes_per_s));
		for (size_t k = 0; k < c->n; k++) {
			json_array_append_new(points, json_integer((json_int_t)c->point[k].time_ms));
			json_array_append_new(points, json_integer((json_int_t)c->point[k].value));
		}
		json_object_set_new(o, "points", points);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *process(const struct profile_process *x)
{
	json_t *o = json_object(), *live = json_array();

	json_object_set_new(o, "pid", json_integer(x->pid));
	json_object_set_new(o, "comm", text(x->comm));
	json_object_set_new(o, "role", text(x->role));
	json_object_set_new(o, "worker", x->worker >= 0 ? json_integer(x->worker) : json_null());
	json_object_set_new(o, "what", text(x->what));
	json_object_set_new(o, "container", text(x->container));
	json_object_set_new(o, "alive", json_boolean(x->is_alive));
	json_object_set_new(
		o, "requests", x->n_requests != UINT64_MAX ? json_integer((json_int_t)x->n_requests) : json_null());
	for (int l = 0; l < PROFILE_LAYERS; l++)
		json_array_append_new(
			live, json_pack("[I,I]", (json_int_t)x->live_bytes[l], (json_int_t)x->live_blocks[l]));
	json_object_set_new(o, "live", live);
	json_object_set_new(o, "curves", curves(x));
	return o;
}

/* event - what the page shows of a crash or the like. A file may hold anything.  Return: NULL: it is no JSON object. */
static json_t *event(const char *json)
{
	static const char *const shown[] = { "type", "event", "time", "pid", "comm", "signal_name", "code_text",
		"fault_addr", "reason" };
	json_t *all = json_loads(json, 0, NULL), *o = json_is_object(all) ? json_object() : NULL;

	for (size_t i = 0; o && i < sizeof(shown) / sizeof(shown[0]); i++) {
		json_t *value = json_object_get(all, shown[i]);

		if (json_is_string(value) || json_is_integer(value))
			json_object_set(o, shown[i], value);
	}
	json_decref(all);
	return o;
}

static void put_lists(struct page *o, const struct profile *p)
{
	json_t *losses = p->fault && !p->n_losses ? json_null() : json_array(), *events = json_array();

	for (size_t i = 0; i < p->n_losses; i++)
		if (p->loss[i].count) {
			json_t *one = json_array();

			json_array_append_new(one, text(p->loss[i].text));
			json_array_append_new(one, json_integer((json_int_t)p->loss[i].count));
			json_array_append_new(losses, one);
		}
	for (size_t i = 0; i < p->n_events; i++) {
		json_t *one = event(p->event[i]);

		if (one)
			json_array_append_new(events, one);
	}
	put(o, ",\n\"losses\":");
	put_json(o, losses);
	put(o, ",\n\"events\":");
	put_json(o, events);
}

/* put_stacks - process, layer, verdict, whole, four values, age in ms, why, site, and the frames.  @first_frame  of this profile in the list */
static void put_stacks(struct page *o, const struct profile *p, size_t first_frame)
{
	char site[PROFILE_SITE_BYTES];

	put(o, ",\n\"stacks\":[");
	for (size_t i = 0; i < p->n_stacks && !o->err; i++) {
		const struct profile_stack *s = &p->stack[i];

		put(o,
			"%s\n[%" PRIu32 ",%d,%d,%d,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64
			",%zu,\"%s\"",
			i ? "," : "", s->process, s->layer, s->verdict, s->is_whole, s->value[PROFILE_LIVE_BYTES],
			s->value[PROFILE_LIVE_BLOCKS], s->value[PROFILE_LEAK_RATE], s->value[PROFILE_ALLOC_BYTES],
			s->oldest_age_ms, string_at(o, s->why), profile_site_of(p, s, site));
		for (uint32_t k = 0; k < s->n_frames; k++)
			put(o, ",%zu", first_frame + s->frame[k]);
		put(o, "]");
	}
	put(o, "]");
}

static void put_profile(struct page *o, const char *name, const struct profile *p, size_t first_frame)
{
	char time[FORMAT_TIME_BYTES], start[FORMAT_TIME_BYTES];

	put(o, ",\n\"%s\":{\"version\":", name);
	put_json(o, text(p->version));
	put(o, ",\"host\":");
	put_json(o, text(p->host));
	put(o, ",\"damage\":");
	put_json(o, p->fault ? text(profile_fault_text(p->fault)) : json_null());
	put(o, ",\"start\":\"%s\",\"time\":\"%s\",\"ms\":%" PRId64 ",\"basis\":\"%s\",\n\"processes\":[",
		format_time(p->start_utc_ns, start), format_time(p->utc_ns, time),
		(int64_t)((uint64_t)p->utc_ns - (uint64_t)p->start_utc_ns) / 1000000, profile_basis_name(p->basis));
	for (size_t i = 0; i < p->n_processes; i++) {
		put(o, i ? ",\n" : "\n");
		put_json(o, process(&p->process[i]));
	}
	put(o, "]");
	put_lists(o, p);
	put_stacks(o, p, first_frame);
	put(o, "}");
}

int export_html(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	const struct profile *before = opts->before;
	struct page o = { .f = f };

	o.err = make_table(&o.strings, p, before);
	if (!o.err && before)
		o.err = profile_places_make(&o.places, p, before);
	put_bytes(&o, page_head, page_head_bytes);
	put(&o, "{");
	put_strings(&o);
	put(&o, "\"frames\":[");
	put_frames(&o, p, "");
	if (before)
		put_frames(&o, before, p->n_frames ? "," : "");
	put(&o, "]");
	put_profile(&o, "now", p, 0);
	if (before)
		put_profile(&o, "before", before, p->n_frames);
	put(&o, "}");
	put_bytes(&o, page_tail, page_tail_bytes);
	free(o.strings.string);
	profile_places_free(&o.places);
	errno = 0;
	if (!o.err && fflush(f))
		o.err = errno ? -errno : -EIO;
	return o.err;
}
