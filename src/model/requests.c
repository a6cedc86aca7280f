// SPDX-License-Identifier: GPL-2.0-or-later
/* model/requests.c - keep how memory grows with requests, in bounded room. */
#include <errno.h>
#include <stdlib.h>

#include "model/history.h"
#include "model/requests.h"

_Static_assert((int)MODEL_REQUEST_RSS == (int)MODEL_CURVE_RSS, "curves have the same names");

uint64_t model_milestone(size_t section)
{
	uint64_t n = MODEL_REQUEST_FIRST_MILESTONE;

	if (section + 1 >= MODEL_REQUEST_SECTIONS)
		return UINT64_MAX;
	while (section--)
		n *= 10;
	return n;
}

/* lower - of two neighbours the earlier one stays, with the lows of both. */
static void lower(struct model_request_point *to, const struct model_request_point *from)
{
	for (int l = 0; l < MODEL_REQUEST_CURVES; l++)
		if (from->bytes[l] < to->bytes[l])
			to->bytes[l] = from->bytes[l];
}

static void halve(struct model_request_section *s)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < s->n; i += 2) {
		s->point[n] = s->point[i];
		lower(&s->point[n++], &s->point[i + 1]);
	}
	s->n = n;
	s->per_point *= 2;
}

static void section_add(struct model_request_section *s, const struct model_request_point *p)
{
	if (!s->per_point)
		s->per_point = 1;
	if (s->n && (s->in_last < s->per_point || s->point[s->n - 1].n_requests == p->n_requests)) {
		lower(&s->point[s->n - 1], p);
		s->in_last += s->in_last < s->per_point;
		return;
	}
	if (s->n == MODEL_REQUEST_POINTS)
		halve(s);
	s->point[s->n++] = *p;
	s->in_last = 1;
}

static void add_point(struct model_request_history *h, const struct model_request_point *p)
{
	size_t i = 0;

	while (i + 1 < MODEL_REQUEST_SECTIONS && p->n_requests >= model_milestone(i))
		i++;
	section_add(&h->section[i], p);
}

/* point_of - what a snapshot tells of the process. */
static struct model_request_point point_of(
	const struct model_process *p, const struct model_process_history *k, uint64_t time_ns)
{
	struct model_request_point at = { .time_ns = time_ns, .n_requests = p->n_requests };

	at.bytes[MODEL_ZEND] = p->zend.is_known ? (int64_t)p->zend.size_bytes : 0;
	at.bytes[MODEL_LIBC] = model_net_bytes(k, p, MODEL_LIBC);
	at.bytes[MODEL_MMAP] = model_net_bytes(k, p, MODEL_MMAP);
	at.bytes[MODEL_REQUEST_RSS] = (int64_t)p->vitals.rss_bytes;
	return at;
}

/* begin - the point at which counting began. The books of libc and mmap were empty then; of PHP's heap it is known what was in it
 * before, unless PHP has dropped it since: what it holds then is the request at hand. In windows nothing is known of that time. */
static void begin(struct model_request_history *h, const struct model_process *p, const struct model_request_point *now,
	uint64_t begin_ns, int is_windowed)
{
	struct model_request_point first = *now;

	*h = (struct model_request_history){ .pid = p->pid, .life = p->life, .by = p->requests_by };
	h->curves = is_windowed ? 0 : 1U << MODEL_LIBC | 1U << MODEL_MMAP;
	if (p->zend.is_known)
		h->curves |= 1U << MODEL_ZEND;
	if (!is_windowed) {
		first = (struct model_request_point){ .time_ns = begin_ns };
		if (p->zend.is_known)
			first.bytes[MODEL_ZEND] =
				p->zend.n_drops ? now->bytes[MODEL_ZEND] : (int64_t)p->zend.before_bytes;
	}
	h->section[0].per_point = 1;
	h->section[0].in_last = 1;
	h->section[0].point[0] = first;
	h->section[0].n = 1;
	h->n_before = first.n_requests;
	h->n_last = first.n_requests;
}

/* goes_on - is this what the history is about? A heap that is found later begins it anew: before, its bytes were not known. */
static int goes_on(const struct model_request_history *h, const struct model_process *p)
{
	return h && h->pid == p->pid && h->life == p->life && h->by == p->requests_by && h->n_last <= p->n_requests &&
	       (!p->zend.is_known || h->curves & 1U << MODEL_ZEND);
}

/* know_resident - it is read for the first time, which may be after counting began: all before is taken to be the same. */
static void know_resident(struct model_request_history *h, int64_t bytes)
{
	h->curves |= 1U << MODEL_REQUEST_RSS;
	for (size_t i = 0; i < MODEL_REQUEST_SECTIONS; i++)
		for (size_t k = 0; k < h->section[i].n; k++)
			h->section[i].point[k].bytes[MODEL_REQUEST_RSS] = bytes;
}

static int is_of(const struct model_request_history *h, const struct model_process *p)
{
	return h && h->pid == p->pid && h->life == p->life;
}

/* take - the history of the process in the list of before, taken out of it; NULL: none.  @at  where it was in the snapshot */
static struct model_request_history *take(struct model_request_histories *h, const struct model_process *p, size_t at)
{
	for (size_t k = 0; k < h->n_processes; k++) {
		struct model_request_history **was = &h->process[(at + k) % h->n_processes], *found = *was;

		if (!is_of(found, p))
			continue;
		*was = NULL;
		return found;
	}
	return NULL;
}

static void add_process(struct model_request_history *h, const struct model_process *p, const struct model_snapshot *s,
	uint64_t begin_ns, const struct model_history *k)
{
	struct model_request_point now = point_of(p, k ? model_history_process(k, p) : NULL, s->time_ns);

	h->n_before = h->n_last;
	if (!p->alive) { /* its memory is gone, but not what is known of it */
		h->n_last = p->n_requests > h->n_last ? p->n_requests : h->n_last;
		return;
	}
	/* A heap that cannot be read at the moment has the value of before. */
	if (!p->zend.is_known)
		now.bytes[MODEL_ZEND] = h->now.bytes[MODEL_ZEND];
	if (!goes_on(h, p))
		begin(h, p, &now, begin_ns, !k);
	if (p->vitals.time_ns && !(h->curves >> MODEL_REQUEST_RSS & 1))
		know_resident(h, now.bytes[MODEL_REQUEST_RSS]);
	add_point(h, &now);
	h->n_last = p->n_requests;
	h->now = now;
}

int model_request_histories_add(
	struct model_request_histories *h, const struct model_snapshot *s, const struct model_history *k)
{
	struct model_request_history **list = calloc(s->n_processes ? s->n_processes : 1, sizeof(*list));
	uint64_t begin_ns = h->last_ns ? h->last_ns : s->start_ns;
	int err = list ? 0 : -ENOMEM;

	for (size_t i = 0; list && i < s->n_processes; i++) {
		const struct model_process *p = &s->process[i];

		if (!p->has_requests)
			continue;
		list[i] = take(h, p, i);
		if (!list[i] && !p->alive)
			continue;
		if (!list[i] && !(list[i] = calloc(1, sizeof(**list)))) {
			err = -ENOMEM;
			continue;
		}
		add_process(list[i], p, s, begin_ns, k);
	}
	if (!list)
		return err;
	for (size_t k = 0; k < h->n_processes; k++)
		free(h->process[k]);
	free(h->process);
	h->process = list;
	h->n_processes = s->n_processes;
	h->last_ns = s->time_ns;
	return err;
}

void model_request_histories_clear(struct model_request_histories *h)
{
	for (size_t i = 0; i < h->n_processes; i++)
		free(h->process[i]);
	free(h->process);
	*h = (struct model_request_histories){ 0 };
}
