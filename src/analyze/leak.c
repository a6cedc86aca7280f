// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/leak.c - from the survivors of generations to a verdict on a stack. Generations are independent samples: what was born in
 * one says nothing of the next. */
#include <math.h>
#include <string.h>

#include "analyze/leak.h"

#define THIRDS 3

/* Survivors come from at least so many generations, and are so many: fewer are an incident, not a leak. */
#define MIN_WITH   4
#define MIN_BLOCKS 4

/* Where the youngest generations are left out, each that is one more is one more chance to be wrong: more survivors are asked for. */
#define MIN_BLOCKS_OF_OLD 16

/* A stack fades out if each third of the time leaves less than so much of what the one before it has. */
#define FADES 0.7

/* A stack with so few blocks may be one of buffers that grow. */
#define FEW_BLOCKS 8

/* A buffer has grown if it takes so much more than at the half of the time, and had then than at a quarter: by doubling it does so
 * in steps. */
#define BUFFER_GROWS 1.3

/* The generations of one stack. */
struct record {
	size_t n;
	double start_s[MODEL_GENERATIONS]; /* before the snapshot */
	double length_s[MODEL_GENERATIONS];
	double born[MODEL_GENERATIONS]; /* blocks */
	double live[MODEL_GENERATIONS];
	double bytes[MODEL_GENERATIONS]; /* live */
	double requests[MODEL_GENERATIONS];
};

/* surplus - a birth just behind a bound may stand before it: more live then than were born. They are of the next. */
static void surplus(struct record *r)
{
	for (size_t g = 0; g + 1 < r->n; g++) {
		double more = r->live[g] - r->born[g], bytes;

		if (more <= 0)
			continue;
		bytes = r->bytes[g] * more / r->live[g];
		r->live[g] -= more;
		r->bytes[g] -= bytes;
		r->live[g + 1] += more;
		r->bytes[g + 1] += bytes;
	}
}

/* record_make - the closed generations since the process is watched, oldest first. */
static void record_make(struct record *r, const struct model_snapshot *s, const struct model_stack *stack,
	const struct model_stack_history *h, const struct model_process_history *watched)
{
	const struct model_generations *live = stack->generations;
	uint64_t from = s->start_ns, begin_ns = watched->begin_ns;
	uint64_t born_before = 0, served_before = 0;

	memset(r, 0, sizeof(*r));
	for (size_t g = 0; g < s->bounds.n; g++) {
		uint64_t to = s->bounds.time_ns[g];

		if (to > begin_ns) {
			from = from < begin_ns ? begin_ns : from;
			r->start_s[r->n] = (double)(s->time_ns - from) / 1e9;
			r->length_s[r->n] = (double)(to - from) / 1e9;
			r->born[r->n] = (double)(h->mark[g].n_allocs - born_before);
			r->requests[r->n] = (double)watched->n_requests[g] - (double)served_before;
			served_before = watched->n_requests[g];
			r->live[r->n] = live ? live->blocks[g] : 0;
			r->bytes[r->n++] = live ? (double)live->bytes[g] : 0;
		}
		born_before = h->mark[g].n_allocs;
		from = to;
	}
	surplus(r);
}

/* What a part of the generations has left. */
struct part {
	double seconds;
	double born;
	double live;
	double bytes;
	double requests;
};

static struct part part_of(const struct record *r, size_t from, size_t to)
{
	struct part p = { 0 };

	for (size_t g = from; g < to; g++) {
		p.seconds += r->length_s[g];
		p.born += r->born[g];
		p.live += r->live[g];
		p.bytes += r->bytes[g];
		p.requests += r->requests[g];
	}
	return p;
}

/* less - are the blocks that later has left in its time fewer than so large a share of what before has, by more than chance? By its
 * requests, if they are counted: that there are fewer of them is no warm-up. */
static int less(const struct part *before, const struct part *later, double share)
{
	int by_requests = before->requests >= 1 && later->requests >= 1;
	double took = by_requests ? later->requests / before->requests : later->seconds / before->seconds;
	double ratio = later->live / before->live / took;

	return ratio < share && ratio + 2 * ratio * sqrt(1 / before->live + 1 / later->live) < 1;
}

/* dies - have fewer of the older third's blocks been spared than of the later's, by more than chance does? */
static int dies(const struct part *older, const struct part *later)
{
	double spared = older->live / older->born, share = later->live / later->born;
	double error = spared / share * sqrt(1 / older->live + 1 / later->live);

	return spared / share + 2 * error < 1 || (spared / share < LEAK_DIES && spared / share + error < 1);
}

/* judge - the first n generations.  Return: its verdict on them. */
static enum analyze_leak_verdict judge(const struct record *r, size_t n)
{
	struct part third[THIRDS], all = part_of(r, 0, n);
	size_t n_with = 0;

	for (size_t g = 0; g < n; g++)
		n_with += r->live[g] > 0;
	for (size_t t = 0; t < THIRDS; t++)
		third[t] = part_of(r, n * t / THIRDS, n * (t + 1) / THIRDS);
	if (third[0].live < 1)
		return LEAK_NONE;
	if (third[2].live < 1 || third[2].bytes / third[2].seconds < LEAK_GOES_ON * third[0].bytes / third[0].seconds)
		return LEAK_STOPPED;
	if (third[1].live < 1 || n_with < MIN_WITH || all.live < MIN_BLOCKS)
		return LEAK_NONE;
	if (less(&third[0], &third[1], FADES) && less(&third[1], &third[2], FADES))
		return LEAK_STOPPED;
	return dies(&third[0], &third[2]) ? LEAK_NONE : LEAK_YES;
}

/* ratio_error - the standard error of bytes per unit of what the first n generations took (Cochran, Sampling Techniques, 2.11). */
static double ratio_error(const struct record *r, size_t n, const double *took, double per_unit, double all)
{
	double squares = 0;

	for (size_t g = 0; g < n; g++) {
		double left = r->bytes[g] - per_unit * took[g];

		squares += left * left;
	}
	return sqrt((double)n / (double)(n - 1) * squares) / all;
}

/* rate - bytes a second, and a request, that the first n generations have left for good, with their bounds. */
static void rate(const struct record *r, size_t n, uint64_t now_ns, int has_requests, struct analyze_leak *out)
{
	struct part all = part_of(r, 0, n);
	double error;

	out->bytes_per_s = all.bytes / all.seconds;
	out->from_ns = now_ns - (uint64_t)(r->start_s[0] * 1e9);
	out->to_ns = now_ns - (uint64_t)((r->start_s[n - 1] - r->length_s[n - 1]) * 1e9);
	error = ratio_error(r, n, r->length_s, out->bytes_per_s, all.seconds);
	out->low = out->bytes_per_s - 2 * error;
	out->high = out->bytes_per_s + 2 * error;
	if (!has_requests || all.requests < 1)
		return;
	out->per_request = all.bytes / all.requests;
	error = ratio_error(r, n, r->requests, out->per_request, all.requests);
	out->request_low = out->per_request - 2 * error;
	out->request_high = out->per_request + 2 * error;
}

/* old - what is told of old blocks: those of the first n generations. */
static void old(const struct record *r, size_t n, const struct model_stack *stack, struct analyze_leak *out)
{
	struct part all = part_of(r, 0, n);

	out->old_ns = (uint64_t)((r->start_s[n - 1] - r->length_s[n - 1]) * 1e9);
	out->n_old = (uint64_t)all.born;
	out->n_old_freed = (uint64_t)(all.born - all.live);
	/* A few are born just beside a bound, on the other side of it than they are counted. */
	if (out->n_old_freed > stack->n_frees)
		out->n_old_freed = stack->n_frees;
}

/* age_of - the age by which so large a share of the blocks is freed: the youngest generation of which so many are, if all older ones
 * say the same; 0: there is none. */
static uint64_t age_of(const struct record *r, double share)
{
	uint64_t age = 0;

	for (size_t g = 0; g < r->n; g++) {
		if (r->born[g] < 1)
			continue;
		if (r->live[g] > (1 - share) * r->born[g])
			break;
		age = (uint64_t)((r->start_s[g] - r->length_s[g]) * 1e9);
	}
	return age;
}

/* live_bytes_at - at the last bound up to then at which there were any: a block that is just being moved is in no book, and a
 * process that waits for a processor may be long about it. */
static double live_bytes_at(const struct model_snapshot *s, const struct model_stack_history *h, uint64_t time_ns)
{
	for (size_t g = model_generation_of(&s->bounds, time_ns); g; g--) {
		const struct model_mark *m = &h->mark[g - 1];

		if (m->alloc_bytes > m->freed_bytes)
			return (double)(m->alloc_bytes - m->freed_bytes);
	}
	return 0;
}

/* shrinks - has the stack held less at a bound than at the one before, since then? What is filled and emptied by turns does,
 * though a few looks at it may all find more than the one before. */
static int shrinks(const struct model_snapshot *s, const struct model_stack_history *h, uint64_t since_ns)
{
	double before = 0;

	for (size_t g = 0; g < s->bounds.n; g++) {
		double now = live_bytes_at(s, h, s->bounds.time_ns[g]);

		if (s->bounds.time_ns[g] < since_ns)
			continue;
		if (now < before)
			return 1;
		before = now;
	}
	return 0;
}

/* requests_at - how many had begun by then; between two bounds as if they came evenly. */
static double requests_at(const struct model_snapshot *s, const struct model_process_history *h,
	const struct model_process *p, uint64_t time_ns)
{
	uint64_t before_ns = h->begin_ns, after_ns = s->time_ns;
	double before = 0, after = (double)p->n_requests;

	if (time_ns <= before_ns)
		return 0;
	for (size_t g = 0; g < s->bounds.n; g++) {
		if (s->bounds.time_ns[g] <= before_ns)
			continue;
		if (s->bounds.time_ns[g] >= time_ns) {
			after_ns = s->bounds.time_ns[g];
			after = (double)h->n_requests[g];
			break;
		}
		before_ns = s->bounds.time_ns[g];
		before = (double)h->n_requests[g];
	}
	if (after_ns <= before_ns || time_ns >= after_ns)
		return after;
	return before + (after - before) * (double)(time_ns - before_ns) / (double)(after_ns - before_ns);
}

/* growing_requests - bytes a request of a block that grows, with the bounds of its bytes a second. */
static void growing_requests(const struct model_snapshot *s, const struct model_process *p,
	const struct model_process_history *watched, struct analyze_leak *out)
{
	double n =
		p->has_requests ? requests_at(s, watched, p, out->to_ns) - requests_at(s, watched, p, out->from_ns) : 0;

	if (n < 1)
		return;
	out->per_request = out->bytes_per_s * (double)(out->to_ns - out->from_ns) / 1e9 / n;
	out->request_low = out->per_request / 2;
	out->request_high = out->per_request;
}

/* is_growing_block - few blocks, and they take ever more. */
static int is_growing_block(const struct model_snapshot *s, const struct model_stack *stack,
	const struct model_stack_history *h, uint64_t begin_ns, struct analyze_leak *out)
{
	uint64_t watched = s->time_ns - begin_ns;
	double quarter = live_bytes_at(s, h, begin_ns + watched / 4),
	       half = live_bytes_at(s, h, begin_ns + watched / 2);
	double three = live_bytes_at(s, h, begin_ns + watched * 3 / 4),
	       now = stack->live_blocks ? (double)stack->live_bytes : live_bytes_at(s, h, s->time_ns);

	if (stack->live_blocks > FEW_BLOCKS || quarter <= 0 || three < half || now < three ||
		now < BUFFER_GROWS * half || half < BUFFER_GROWS * quarter || shrinks(s, h, begin_ns + watched / 4))
		return 0;
	out->is_growing_block = 1;
	out->bytes_per_s = (now - quarter) / ((double)watched * 0.75 / 1e9);
	out->low = out->bytes_per_s / 2; /* by doubling it has between a half and all of that in use */
	out->high = out->bytes_per_s;
	out->from_ns = begin_ns + watched / 4;
	out->to_ns = s->time_ns;
	return 1;
}

/* judged - how many generations the verdict is on. The last of them may hold what is still in use. */
static size_t judged(const struct record *r, enum analyze_leak_verdict *v)
{
	size_t all = r->n - 1, n = all;

	*v = judge(r, all);
	if (*v != LEAK_NONE)
		return all;
	while (--n >= LEAK_GENERATIONS)
		if (part_of(r, 0, n).live >= MIN_BLOCKS_OF_OLD && judge(r, n) == LEAK_YES) {
			*v = LEAK_YES;
			return n;
		}
	return all;
}

void analyze_leak_make(const struct model_snapshot *s, const struct model_history *h, const struct model_stack *stack,
	const struct model_process *p, const struct model_process_history *watched, struct analyze_leak *out)
{
	const struct model_stack_history *k = model_history_stack(h, stack);
	uint64_t begin_ns = watched->begin_ns;
	struct record r;
	size_t n;

	*out = (struct analyze_leak){ .verdict = LEAK_EARLY };
	if (!k || s->bounds.n <= LEAK_GENERATIONS)
		return;
	record_make(&r, s, stack, k, watched);
	if (r.n <= LEAK_GENERATIONS || r.start_s[0] < LEAK_LEAST_S)
		return;
	n = judged(&r, &out->verdict);
	old(&r, n, stack, out);
	out->p50_ns = age_of(&r, 0.5);
	out->p90_ns = age_of(&r, 0.9);
	out->p99_ns = age_of(&r, 0.99);
	if (out->verdict == LEAK_YES) {
		rate(&r, n, s->time_ns, p->has_requests, out);
	} else if (is_growing_block(s, stack, k, begin_ns, out)) {
		out->verdict = LEAK_YES;
		growing_requests(s, p, watched, out);
	}
}

const char *analyze_leak_name(enum analyze_leak_verdict v)
{
	static const char *const names[LEAK_VERDICTS] = {
		[LEAK_EARLY] = "not_enough_data",
		[LEAK_NONE] = "turns_over",
		[LEAK_STOPPED] = "stopped",
		[LEAK_FLAT] = "layer_is_flat",
		[LEAK_YES] = "leak",
	};

	return (unsigned)v < LEAK_VERDICTS ? names[v] : "unknown";
}
