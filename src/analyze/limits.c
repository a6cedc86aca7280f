// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/limits.c - room, divided by the rate at which it is taken. */
#include "analyze/limits.h"

/* real_size grows so much faster than what is in it that its own rate is the one that counts: holes grow, too. */
#define HOLES_GROW 1.5

/* Room at the least and at the most, in bytes. */
struct room {
	double least;
	double most;
};

static double room_to(uint64_t limit, uint64_t used)
{
	return limit > used ? (double)(limit - used) : 0;
}

static void add(struct analyze_taking *t, const struct analyze_growth *g)
{
	if (g->verdict != GROWTH_GROWING || g->low <= 0)
		return;
	t->n++;
	t->bytes_per_s += g->bytes_per_s;
	t->low += g->low;
	t->high += g->high;
}

void analyze_taking_add(struct analyze_taking *t, const struct analyze_growth *growth)
{
	add(t, &growth[MODEL_CURVE_RSS_SWAP]);
}

static void meet(
	const struct analyze_taking *t, uint64_t limit_bytes, const struct room *room, struct analyze_limit *out)
{
	*out = (struct analyze_limit){ .limit_bytes = limit_bytes };
	if (!limit_bytes || !t->n)
		return;
	out->n_taking = t->n;
	out->least_s = room->least / t->high;
	out->most_s = room->most / t->low;
	out->seconds = (room->least + room->most) / 2 / t->bytes_per_s;
	out->is_near = out->seconds < LIMIT_LONGEST_S;
}

static void meet_php(const struct model_php_heap *h, const struct analyze_growth *growth, struct analyze_limit *out)
{
	const struct analyze_growth *size = &growth[MODEL_CURVE_ZEND], *real = &growth[MODEL_CURVE_REAL];
	struct room room = { room_to(h->limit_bytes, h->real_bytes), room_to(h->limit_bytes, h->size_bytes) };
	struct analyze_taking taking = { 0 };
	int by_real = real->verdict == GROWTH_GROWING &&
		      (size->verdict != GROWTH_GROWING || real->low > HOLES_GROW * size->high);

	if (by_real)
		room.most = room.least;
	add(&taking, by_real ? real : size);
	meet(&taking, h->is_known ? h->limit_bytes : 0, &room, out);
}

/* is_php_unclear - which limit is the first cannot be told while PHP's own heap, which has one, is not judged; nor when one that has grown
 * is empty, or cannot be read any more: the request whose it was has ended, as it does when it meets the limit. */
static int is_php_unclear(const struct model_php_heap *h, enum analyze_growth_verdict v)
{
	if (!h->is_known)
		return v == GROWTH_GROWING;
	return h->limit_bytes && (v == GROWTH_UNKNOWN || (v == GROWTH_GROWING && !h->size_bytes));
}

void analyze_limits_make(const struct model_vitals *v, const struct analyze_growth *growth,
	const struct analyze_taking *cgroup_by, const struct analyze_taking *machine_by, struct analyze_limits *out)
{
	static const struct analyze_taking nobody;
	/* What is swapped out is in neither: there has to be room for what grows, wherever the kernel keeps it. */
	double cgroup = room_to(v->cgroup_bytes, v->cgroup_used_bytes) + (double)v->cgroup_swap_bytes;
	double machine = (double)v->machine_available_bytes + (double)v->machine_swap_bytes;
	struct analyze_taking own = { 0 };

	analyze_taking_add(&own, growth);
	meet_php(&v->heap, growth, &out->limit[LIMIT_PHP]);
	meet(own.n ? cgroup_by : &nobody, v->cgroup_bytes, &(struct room){ cgroup, cgroup }, &out->limit[LIMIT_CGROUP]);
	meet(own.n ? machine_by : &nobody, v->machine_bytes, &(struct room){ machine, machine },
		&out->limit[LIMIT_MACHINE]);
	out->soonest = LIMIT_NONE;
	if (is_php_unclear(&v->heap, growth[MODEL_CURVE_ZEND].verdict))
		return;
	for (int k = LIMIT_PHP; k < LIMITS; k++)
		if (out->limit[k].is_near &&
			(out->soonest == LIMIT_NONE || out->limit[k].seconds < out->limit[out->soonest].seconds))
			out->soonest = k;
}

static const struct {
	const char *name;
	const char *text;
} limits[LIMITS] = {
	[LIMIT_PHP] = { "memory_limit", "PHP's memory_limit" },
	[LIMIT_CGROUP] = { "cgroup", "the cgroup's limit" },
	[LIMIT_MACHINE] = { "machine", "the end of the machine's memory" },
};

const char *analyze_limit_name(enum analyze_limit_kind kind)
{
	return (unsigned)kind < LIMITS ? limits[kind].name : "unknown";
}

const char *analyze_limit_text(enum analyze_limit_kind kind)
{
	return (unsigned)kind < LIMITS ? limits[kind].text : "an unknown limit";
}
