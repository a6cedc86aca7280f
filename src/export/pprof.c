// SPDX-License-Identifier: GPL-2.0-or-later
/* export/pprof.c - a profile as a pprof message (pprof.proto), packed by gzip.
 *
 * What is live and what was allocated, by stack, with what is known of its process as labels. A location is an address with all
 * functions that are inlined there; a PHP frame is a location without an address. Everything the message is made of lives in the
 * writer's own memory, in pieces, until it is written. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "export/internal.h"
#include "pprof.pb-c.h"
#include "util/format.h"

#define PIECE_BYTES 65536
#define MAX_LABELS  8 /* of a sample */

struct piece {
	struct piece *next;
	size_t used, size;
	max_align_t data[];
};

/* A text, or a list of numbers that stands for something: its place in the message, plus one for all but texts. */
struct known {
	const char *text; /* NULL: a list */
	const uint32_t *key;
	size_t n;
	uint32_t place;
};

struct writer {
	const struct profile *p;
	Pprof__Profile out;
	struct piece *pieces;
	void *texts, *functions, *mappings, *locations; /* trees of known */
	int failed;
};

static void *take(struct writer *w, size_t bytes)
{
	size_t size = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	struct piece *one = w->pieces;
	void *at;

	if (!one || one->size - one->used < size) {
		size_t room = size > PIECE_BYTES ? size : PIECE_BYTES;

		one = calloc(1, sizeof(*one) + room);
		if (!one) {
			w->failed = 1;
			return NULL;
		}
		one->size = room;
		one->next = w->pieces;
		w->pieces = one;
	}
	at = (char *)one->data + one->used;
	one->used += size;
	return at;
}

/* append - to a list of pointers. It doubles whenever its length is a power of two.  Return: 0, or -1: failed is set. */
static int append(struct writer *w, void *list, size_t *n, void *one)
{
	void **at, **grown;

	memcpy(&at, list, sizeof(at)); /* lists are of several types */
	if (one && !(*n & (*n - 1))) {
		grown = reallocarray(at, *n ? 2 * *n : 1, sizeof(*at));
		one = grown ? one : NULL;
		at = grown;
	}
	if (!one) {
		w->failed = 1;
		return -1;
	}
	memcpy(list, &at, sizeof(at));
	at[(*n)++] = one;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->text)
		return strcmp(x->text, y->text);
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->key, y->key, x->n * sizeof(*x->key));
}

/* find - what is known by that text, or by that list; a new one, its place 0, if that is not known.  Return: NULL: failed is set. */
static struct known *find(struct writer *w, void **tree, const struct known *wanted)
{
	struct known **node = tfind(wanted, tree, by_key), *one;
	size_t bytes = wanted->text ? strlen(wanted->text) + 1 : wanted->n * sizeof(*wanted->key);
	void *copy;

	if (node)
		return *node;
	one = take(w, sizeof(*one));
	copy = take(w, bytes);
	if (!one || !copy)
		return NULL;
	*one = *wanted;
	if (wanted->text)
		one->text = memcpy(copy, wanted->text, bytes);
	else
		one->key = memcpy(copy, wanted->key, bytes);
	if (!tsearch(one, tree, by_key)) {
		w->failed = 1;
		return NULL;
	}
	return one;
}

/* text - its place among the texts. Untrusted ones are made valid UTF-8, and harmless to a terminal: tools print them as they are. */
static uint32_t text(struct writer *w, const char *s)
{
	struct strbuf clean = { 0 };
	struct known *k;

	strbuf_add_safe(&clean, s, "");
	w->failed |= clean.failed;
	k = find(w, &w->texts, &(struct known){ .text = clean.data ? clean.data : "" });
	strbuf_free(&clean);
	/* Of the texts alone the first has place 0: it is "", and is there from the start. */
	if (!k || k->place || !*k->text)
		return k ? k->place : 0;
	if (append(w, &w->out.string_table, &w->out.n_string_table, (char *)k->text))
		return 0;
	k->place = (uint32_t)w->out.n_string_table - 1;
	return k->place;
}

static uint32_t function(struct writer *w, const char *name, const char *file)
{
	uint32_t key[2] = { text(w, name), text(w, file) };
	struct known *k = find(w, &w->functions, &(struct known){ .key = key, .n = 2 });
	Pprof__Function *f;

	if (!k || k->place)
		return k ? k->place : 0;
	f = take(w, sizeof(*f));
	if (!f || append(w, &w->out.function, &w->out.n_function, f))
		return 0;
	pprof__function__init(f);
	k->place = (uint32_t)w->out.n_function;
	f->id = k->place;
	f->name = f->system_name = key[0];
	f->filename = key[1];
	return k->place;
}

static int has_address(const struct profile_frame *f)
{
	return (f->kind == PROFILE_NATIVE || f->kind == PROFILE_MODULE) && f->offset;
}

/* mapping - that of a frame. Addresses are those that the linker gave: a mapping of all addresses, from 0 on, says so to pprof.
 * Return: NULL: there is none. */
static Pprof__Mapping *mapping(struct writer *w, const struct profile_frame *f)
{
	const char *name = f->kind == PROFILE_PHP ? "php" : f->module;
	uint32_t key[3] = { text(w, name), text(w, f->build_id), f->kind == PROFILE_PHP };
	struct known *k;
	Pprof__Mapping *m;

	if (!*name)
		return NULL;
	k = find(w, &w->mappings, &(struct known){ .key = key, .n = 3 });
	if (!k || k->place)
		return k ? w->out.mapping[k->place - 1] : NULL;
	m = take(w, sizeof(*m));
	if (!m || append(w, &w->out.mapping, &w->out.n_mapping, m))
		return NULL;
	pprof__mapping__init(m);
	k->place = (uint32_t)w->out.n_mapping;
	m->id = k->place;
	m->filename = key[0];
	m->build_id = key[1];
	m->memory_limit = f->kind == PROFILE_NATIVE || f->kind == PROFILE_MODULE ? UINT64_MAX : 0;
	/* Until there is a location that says otherwise. */
	m->has_functions = m->has_filenames = m->has_line_numbers = m->has_inline_frames = 1;
	return m;
}

/* know - what the mapping has of a frame. Of PHP's own functions there is no file to be looked up. */
static void know(Pprof__Mapping *m, const struct profile_frame *f)
{
	if (f->kind == PROFILE_PHP)
		return;
	m->has_functions &= f->kind != PROFILE_MODULE;
	m->has_filenames &= *f->file != 0;
	m->has_line_numbers &= f->line != 0;
	m->has_inline_frames = m->has_line_numbers; /* debug information tells of both */
}

/* fill_line - the function of a frame.  Return: 0, or -1: it is not known. */
static int fill_line(struct writer *w, const struct profile_frame *f, Pprof__Line *line)
{
	struct strbuf label = { 0 };

	if (f->kind == PROFILE_MODULE && !*f->function)
		return -1; /* tools find out for themselves, or show the module */
	pprof__line__init(line);
	export_add_label(&label, f);
	w->failed |= label.failed;
	line->function_id = function(w, label.data ? label.data : "", f->file);
	line->line = f->line;
	strbuf_free(&label);
	return 0;
}

/* location - of frames that are one place in code: all but the last are inlined.  Return: its id; 0: failed is set. */
static uint64_t location(struct writer *w, const uint32_t *frame, size_t n)
{
	struct known *k = find(w, &w->locations, &(struct known){ .key = frame, .n = n });
	Pprof__Mapping *m;
	Pprof__Line *line;
	Pprof__Location *l;

	if (!k || k->place)
		return k ? k->place : 0;
	l = take(w, sizeof(*l));
	line = take(w, n * sizeof(*line));
	if (!l || !line || append(w, &w->out.location, &w->out.n_location, l))
		return 0;
	pprof__location__init(l);
	k->place = (uint32_t)w->out.n_location;
	l->id = k->place;
	m = mapping(w, &w->p->frame[frame[n - 1]]);
	l->mapping_id = m ? m->id : 0;
	/* Of a call its return address is known: one less is in the call, where symbolizers look. */
	l->address = has_address(&w->p->frame[frame[n - 1]]) ? w->p->frame[frame[n - 1]].offset - 1 : 0;
	for (size_t i = 0; i < n; i++) {
		if (m)
			know(m, &w->p->frame[frame[i]]);
		if (!fill_line(w, &w->p->frame[frame[i]], &line[i]))
			append(w, &l->line, &l->n_line, &line[i]);
	}
	return l->id;
}

/* n_at_one_place - how many of the frames are one place in code: inlined ones, and that which they are inlined into. */
static size_t n_at_one_place(const struct profile *p, const uint32_t *frame, size_t n)
{
	size_t k = 1;

	while (k < n && p->frame[frame[k - 1]].is_inlined && p->frame[frame[k]].kind == PROFILE_NATIVE &&
		!strcmp(p->frame[frame[k]].module, p->frame[frame[k - 1]].module))
		k++;
	return k;
}

static void add_label(struct writer *w, Pprof__Sample *to, const char *key, const char *value)
{
	Pprof__Label *l = *value ? take(w, sizeof(*l)) : NULL;

	if (!l)
		return;
	pprof__label__init(l);
	l->key = text(w, key);
	l->str = text(w, value);
	append(w, &to->label, &to->n_label, l);
}

/* add_labels - a number that is 0 would be taken for no label, so that of a worker is a text. */
static void add_labels(struct writer *w, Pprof__Sample *to, const struct profile_stack *s)
{
	const struct profile_process *x = &w->p->process[s->process];
	Pprof__Label *pid = take(w, sizeof(*pid));
	char worker[16] = "";

	if (!pid)
		return;
	pprof__label__init(pid);
	pid->key = text(w, "pid");
	pid->num = x->pid;
	append(w, &to->label, &to->n_label, pid);
	if (x->worker >= 0)
		snprintf(worker, sizeof(worker), "%" PRId32, x->worker);
	add_label(w, to, "comm", x->comm);
	add_label(w, to, "layer", profile_layer_name(s->layer));
	add_label(w, to, "role", x->role);
	add_label(w, to, "worker", worker);
	add_label(w, to, "container", x->container);
	add_label(w, to, "verdict", s->verdict == PROFILE_LEAK ? "leak" : "");
	add_label(w, to, "stack", s->is_whole ? "" : "incomplete");
}

static void add_sample(struct writer *w, const struct profile_stack *s)
{
	static const enum profile_value values[] = { PROFILE_ALLOC_BLOCKS, PROFILE_ALLOC_BYTES, PROFILE_LIVE_BLOCKS,
		PROFILE_LIVE_BYTES };
	const size_t n_values = sizeof(values) / sizeof(values[0]);
	Pprof__Sample *to = take(w, sizeof(*to));
	size_t n;

	if (!to || append(w, &w->out.sample, &w->out.n_sample, to))
		return;
	pprof__sample__init(to);
	to->value = take(w, n_values * sizeof(*to->value));
	to->location_id = take(w, (s->n_frames + 1) * sizeof(*to->location_id));
	if (!to->value || !to->location_id)
		return;
	to->n_value = n_values;
	for (size_t v = 0; v < n_values; v++)
		to->value[v] = s->value[values[v]];
	for (size_t i = 0; i < s->n_frames; i += n) {
		n = n_at_one_place(w->p, s->frame + i, s->n_frames - i);
		to->location_id[to->n_location_id++] = location(w, s->frame + i, n);
	}
	add_labels(w, to, s);
}

/* main_frame - a frame of the program's own file: where a stack begins that begins with the program; or one of a file that is called as
 * the process is.  Return: NULL: not known. */
static const struct profile_frame *main_frame(const struct profile *p)
{
	const struct profile_frame *by_name = NULL;

	for (size_t i = 0; i < p->n_stacks; i++) {
		const struct profile_stack *s = &p->stack[i];
		const struct profile_frame *f = s->n_frames ? &p->frame[s->frame[s->n_frames - 1]] : NULL;

		if (f && s->is_whole && f->kind == PROFILE_NATIVE && !strcmp(f->function, "_start") &&
			strncmp(f->module, "ld-", 3) != 0)
			return f;
		for (uint32_t k = 0; k < s->n_frames && !by_name; k++)
			if (has_address(&p->frame[s->frame[k]]) && *p->process[s->process].comm &&
				!strncmp(p->frame[s->frame[k]].module, p->process[s->process].comm, 15))
				by_name = &p->frame[s->frame[k]];
	}
	return by_name;
}

static Pprof__ValueType *value_type(struct writer *w, const char *type, const char *unit)
{
	Pprof__ValueType *v = take(w, sizeof(*v));

	if (v) {
		pprof__value_type__init(v);
		v->type = text(w, type);
		v->unit = text(w, unit);
	}
	return v;
}

/* add_comments - what the numbers do not tell: who has written them, and what they do not contain. */
static void add_comments(struct writer *w, const struct export_opts *opts)
{
	static const char *const basis_text[PROFILE_BASES] = {
		[PROFILE_SAMPLED] = "what is in use is estimated from a sample of the blocks",
		[PROFILE_WINDOWS] =
			"what is in use is what has leaked since tracing began, estimated from windows of tracing",
	};
	const struct profile *p = w->p;
	char time[FORMAT_TIME_BYTES], count[FORMAT_COUNT_BYTES];
	struct strbuf b = { 0 };

	w->out.comment = take(w, (p->n_losses + 3) * sizeof(*w->out.comment));
	if (!w->out.comment)
		return;
	strbuf_addf(&b, "swtrace %s on %s, %s %s", p->version, p->host, opts->is_difference ? "against" : "since",
		format_time(p->start_utc_ns, time));
	w->out.comment[w->out.n_comment++] = text(w, b.data ? b.data : "");
	if (basis_text[p->basis])
		w->out.comment[w->out.n_comment++] = text(w, basis_text[p->basis]);
	w->failed |= b.failed;
	strbuf_free(&b);
	if (p->fault) {
		strbuf_addf(&b, "damaged file: %s; %s stacks could be read, %s", profile_fault_text(p->fault),
			format_count(p->n_stacks, count),
			p->n_losses ? "what else was in it is not known"
				    : "what else was in it and what was lost is not known");
		w->out.comment[w->out.n_comment++] = text(w, b.data ? b.data : "");
		w->failed |= b.failed;
		strbuf_free(&b);
	}
	for (size_t i = 0; i < p->n_losses; i++) {
		if (!p->loss[i].count)
			continue;
		strbuf_addf(&b, "lost: %s %s", format_count(p->loss[i].count, count), p->loss[i].text);
		w->out.comment[w->out.n_comment++] = text(w, b.data ? b.data : "");
		w->failed |= b.failed;
		strbuf_free(&b);
	}
}

static void build(struct writer *w, const struct export_opts *opts)
{
	static const char *const types[][2] = { { "alloc_objects", "count" }, { "alloc_space", "bytes" },
		{ "inuse_objects", "count" }, { "inuse_space", "bytes" } };
	const struct profile *p = w->p;
	const struct profile_frame *first = main_frame(p);

	pprof__profile__init(&w->out);
	append(w, &w->out.string_table, &w->out.n_string_table, "");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		append(w, &w->out.sample_type, &w->out.n_sample_type, value_type(w, types[i][0], types[i][1]));
	w->out.default_sample_type = text(w, "inuse_space");
	w->out.period_type = value_type(w, "space", "bytes");
	w->out.period = 1;
	w->out.time_nanos = p->utc_ns;
	w->out.duration_nanos = p->utc_ns > p->start_utc_ns ? p->utc_ns - p->start_utc_ns : 0;
	if (first)
		mapping(w, first);
	for (size_t i = 0; i < p->n_stacks && !w->failed; i++)
		add_sample(w, &p->stack[i]);
	add_comments(w, opts);
}

static void nothing(void *node)
{
	(void)node;
}

static void clear(struct writer *w)
{
	void *trees[] = { w->texts, w->functions, w->mappings, w->locations };
	struct piece *next;

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		if (trees[i])
			tdestroy(trees[i], nothing);
	for (size_t i = 0; i < w->out.n_sample; i++)
		free(w->out.sample[i]->label);
	for (size_t i = 0; i < w->out.n_location; i++)
		free(w->out.location[i]->line);
	free(w->out.sample_type);
	free(w->out.sample);
	free(w->out.mapping);
	free(w->out.location);
	free(w->out.function);
	free(w->out.string_table);
	for (struct piece *one = w->pieces; one; one = next) {
		next = one->next;
		free(one);
	}
}

/* write_gzip - nothing in its head tells of the time or the machine: equal profiles are equal files. */
static int write_gzip(FILE *f, uint8_t *data, size_t n)
{
	z_stream z = { .next_in = data, .avail_in = (uInt)n };
	unsigned char *packed;
	size_t bound;
	int err = 0;

	if (n > UINT_MAX)
		return -EFBIG;
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY))
		return -ENOMEM;
	bound = deflateBound(&z, n);
	packed = bound <= UINT_MAX ? malloc(bound) : NULL;
	z.next_out = packed;
	z.avail_out = (uInt)bound;
	if (!packed || deflate(&z, Z_FINISH) != Z_STREAM_END)
		err = -ENOMEM;
	errno = 0;
	if (!err && (fwrite(packed, 1, z.total_out, f) != z.total_out || fflush(f)))
		err = errno ? -errno : -EIO;
	deflateEnd(&z);
	free(packed);
	return err;
}

int export_pprof(FILE *f, const struct profile *p, const struct export_opts *opts)
{
	struct writer w = { .p = p };
	uint8_t *packed = NULL;
	size_t n = 0;
	int err = -ENOMEM;

	build(&w, opts);
	if (!w.failed) {
		n = pprof__profile__get_packed_size(&w.out);
		packed = malloc(n ? n : 1);
	}
	if (packed) {
		pprof__profile__pack(&w.out, packed);
		err = write_gzip(f, packed, n);
	}
	free(packed);
	clear(&w);
	return err;
}
