// SPDX-License-Identifier: GPL-2.0-or-later
/* view/data.c - one update: a copy of the profile, and its stacks as rows: those of the same names are one, since they would look
 * the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/internal.h"

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return h;
}

static uint64_t hash_string(uint64_t h, const char *s)
{
	return hash_bytes(h, s, strlen(s) + 1);
}

/* hash_frame - of what is shown of it: an address is not, unless there is nothing else. */
static uint64_t hash_frame(const struct profile_frame *f)
{
	uint64_t h = hash_bytes(0xcbf29ce484222325ULL, &f->kind, sizeof(f->kind));

	h = hash_string(hash_string(hash_string(h, f->function), f->module), f->file);
	if (!*f->function)
		h = hash_bytes(h, &f->offset, sizeof(f->offset));
	return hash_bytes(h, &f->line, sizeof(f->line));
}

static uint64_t hash_stack(const struct profile *p, const struct profile_stack *s, const uint64_t *frame)
{
	uint64_t h = hash_bytes(0xcbf29ce484222325ULL, &p->process[s->process].pid, sizeof(p->process[s->process].pid));

	h = hash_bytes(h, &s->layer, sizeof(s->layer));
	for (uint32_t i = 0; i < s->n_frames; i++)
		h = hash_bytes(h, &frame[s->frame[i]], sizeof(*frame));
	return hash_bytes(h, &s->is_whole, sizeof(s->is_whole));
}

/* is_wrapper - a function that allocates on behalf of its caller, and says nothing of it. */
static int is_wrapper(const char *function)
{
	static const char *const begin[] = { "operator new", "std::", "__gnu_cxx::", "void std::", "xmalloc", "xcalloc",
		"xrealloc", "xstrdup", "g_malloc", "g_realloc", "g_strdup", "g_slice_", "strdup", "__strdup", "strndup",
		"__strndup" };

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (!strncmp(function, begin[i], strlen(begin[i])))
			return 1;
	return 0;
}

/* telling - the frame that tells most: the innermost of PHP code; else of a function of PHP's; else the innermost named one; else any. */
static const struct profile_frame *telling(const struct profile *p, const struct profile_stack *s)
{
	const struct profile_frame *best = NULL;
	int rank = 0;

	for (uint32_t i = 0; i < s->n_frames; i++) {
		const struct profile_frame *f = &p->frame[s->frame[i]];
		int is_php = f->kind == PROFILE_PHP;
		int r = is_php && *f->file ? 5 : is_php ? 4 : !*f->function ? 1 : is_wrapper(f->function) ? 2 : 3;

		if (r > rank) {
			best = f;
			rank = r;
		}
	}
	return best;
}

static int copy_profile(struct profile *to, const struct profile *from)
{
	profile_begin(to);
	to->version = profile_string(to, from->version);
	to->host = profile_string(to, from->host);
	to->start_utc_ns = from->start_utc_ns;
	to->utc_ns = from->utc_ns;
	to->basis = from->basis;
	for (size_t i = 0; i < from->n_processes; i++) {
		profile_add_process(to, &from->process[i]);
		for (size_t k = 0; k < from->process[i].n_curves; k++)
			profile_add_curve(to, &from->process[i].curve[k]);
	}
	/* They are all different, and so get the places that they had. */
	for (size_t i = 0; i < from->n_frames; i++)
		profile_add_frame(to, &from->frame[i]);
	for (size_t i = 0; i < from->n_stacks; i++)
		if (from->stack[i].process < from->n_processes && from->stack[i].value[PROFILE_LIVE_BLOCKS])
			profile_add_stack(to, &from->stack[i]);
	for (size_t i = 0; i < from->n_losses; i++)
		profile_add_loss(to, from->loss[i].key, from->loss[i].text, from->loss[i].count);
	return to->failed ? -ENOMEM : 0;
}

static int by_key(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	/* The one with the most stands for all. */
	return (x->value[PROFILE_LIVE_BYTES] < y->value[PROFILE_LIVE_BYTES]) -
	       (x->value[PROFILE_LIVE_BYTES] > y->value[PROFILE_LIVE_BYTES]);
}

static void merge(struct view_row *into, const struct view_row *from)
{
	for (int i = 0; i < PROFILE_VALUES; i++)
		into->value[i] += from->value[i];
	if (from->verdict == PROFILE_LEAK)
		into->verdict = PROFILE_LEAK;
	if (from->oldest_age_ms > into->oldest_age_ms)
		into->oldest_age_ms = from->oldest_age_ms;
}

static int make_rows(struct view_data *d)
{
	struct profile *p = &d->profile;
	uint64_t *frame = calloc(p->n_frames + 1, sizeof(*frame));
	size_t n = 0;

	d->row = calloc(p->n_stacks + 1, sizeof(*d->row));
	if (!frame || !d->row) {
		free(frame);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->n_frames; i++)
		frame[i] = hash_frame(&p->frame[i]);
	for (size_t i = 0; i < p->n_stacks; i++) {
		const struct profile_stack *s = &p->stack[i];

		d->row[i] = (struct view_row){ .key = hash_stack(p, s, frame),
			.stack = s,
			.verdict = s->verdict,
			.oldest_age_ms = s->oldest_age_ms };
		memcpy(d->row[i].value, s->value, sizeof(s->value));
	}
	free(frame);
	qsort(d->row, p->n_stacks, sizeof(*d->row), by_key);
	for (size_t i = 0; i < p->n_stacks; i++) {
		if (n && d->row[n - 1].key == d->row[i].key)
			merge(&d->row[n - 1], &d->row[i]);
		else
			d->row[n++] = d->row[i];
	}
	d->n = n;
	for (size_t i = 0; i < n; i++)
		d->row[i].frame = telling(p, d->row[i].stack);
	return 0;
}

/* add_rates - how fast each has allocated since the update before; since tracing began, in the first one. Of a stack that had nothing
 * live then it is not known how much it had allocated. */
static void add_rates(struct view_data *d, const struct view_data *before)
{
	uint64_t ms = data_since_ms(d) - (before ? data_since_ms(before) : 0);

	for (size_t i = 0; i < d->n; i++) {
		struct view_row *row = &d->row[i];
		const struct view_row *then = before ? data_row(before, row->key) : NULL;
		int64_t bytes = row->value[PROFILE_ALLOC_BYTES] - (then ? then->value[PROFILE_ALLOC_BYTES] : 0);

		row->alloc_per_s = (before && !then) || !ms || bytes < 0 ? -1 : (double)bytes * 1000 / (double)ms;
	}
}

static int copy_limits(struct view_data *d, const struct view_facts *f)
{
	size_t n = d->profile.n_processes;

	d->facts = *f;
	d->facts.how = profile_string(&d->profile, f->how);
	d->limit = calloc(n + 1, sizeof(*d->limit));
	if (!d->limit)
		return -ENOMEM;
	for (size_t i = 0; f->limit && i < n; i++)
		d->limit[i] = (struct view_limit){ profile_string(&d->profile, f->limit[i].text), f->limit[i].seconds };
	d->facts.limit = d->limit;
	return d->profile.failed ? -ENOMEM : 0;
}

int data_make(
	struct view_data **out, const struct profile *p, const struct view_facts *f, const struct view_data *before)
{
	struct view_data *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	err = copy_profile(&d->profile, p);
	if (!err)
		err = make_rows(d);
	if (!err)
		err = copy_limits(d, f);
	if (err) {
		data_free(d);
		return err;
	}
	add_rates(d, before);
	*out = d;
	return 0;
}

void data_free(struct view_data *d)
{
	if (!d)
		return;
	profile_free(&d->profile);
	free(d->row);
	free(d->limit);
	free(d);
}

int data_compare_key(const void *key, const void *element)
{
	uint64_t a = *(const uint64_t *)key, b = *(const uint64_t *)element;

	return (a > b) - (a < b);
}

struct view_row *data_row(const struct view_data *d, uint64_t key)
{
	return bsearch(&key, d->row, d->n, sizeof(*d->row), data_compare_key);
}

const struct profile_process *data_process(const struct view_data *d, uint32_t pid)
{
	for (size_t i = 0; i < d->profile.n_processes; i++)
		if (d->profile.process[i].pid == pid)
			return &d->profile.process[i];
	return NULL;
}

uint64_t data_since_ms(const struct view_data *d)
{
	int64_t ns = d->profile.utc_ns - d->profile.start_utc_ns;

	return ns > 0 ? (uint64_t)ns / 1000000 : 0;
}
