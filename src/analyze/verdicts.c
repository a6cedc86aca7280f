// SPDX-License-Identifier: GPL-2.0-or-later
/* analyze/verdicts.c - judge all stacks, and let the curves of their processes have a say. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "analyze/verdicts.h"
#include "util/grow.h"

static int judge_processes(struct analyze_verdicts *v, const struct model_snapshot *s, const struct model_history *h)
{
	struct analyze_standing *list = calloc(s->n_processes ? s->n_processes : 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct model_process *p = &s->process[i];
		const struct model_process_history *k = model_history_process(h, p);

		list[i].pid = p->pid;
		list[i].life = p->life;
		for (int c = 0; k && c < MODEL_CURVES; c++)
			analyze_growth_make(&k->curve[c], &list[i].growth[c]);
		analyze_rest_make(list[i].growth, &list[i].rest);
		list[i].garbage = analyze_garbage_make(&p->vitals.gc, k ? &k->gc : NULL, list[i].growth);
	}
	free(v->process);
	v->process = list;
	v->n_processes = s->n_processes;
	return 0;
}

/* Of a curve with fewer points nothing is said. */
#define LEAST_POINTS 4

/* A process while its stacks are judged. They stand anywhere among the others': what they leak is added up first. */
struct watched {
	const struct model_process_history *history; /* NULL: there is none yet */
	double leaking[MODEL_LAYERS];		     /* bytes a second */
};

_Static_assert((int)MODEL_CURVE_ZEND == (int)MODEL_ZEND && (int)MODEL_CURVE_LIBC == (int)MODEL_LIBC &&
		       (int)MODEL_CURVE_MMAP == (int)MODEL_MMAP,
	"a layer has the number of its curve");

/* gains - bytes a second from the least of a curve's earlier half to the least of its later half: for as long as it has too
 * few points to be judged. */
static double gains(const struct model_curve *c)
{
	int64_t least[2] = { INT64_MAX, INT64_MAX };
	double seconds;

	if (c->n < LEAST_POINTS)
		return INFINITY;
	for (size_t i = 0; i < c->n; i++) {
		size_t half = i >= c->n / 2;

		if (c->point[i].value < least[half])
			least[half] = c->point[i].value;
	}
	seconds = (double)(c->point[c->n - 1].time_ns - c->point[0].time_ns) / 1e9;
	return (double)(least[1] - least[0]) / (seconds / 2);
}

/* is_denied - does the layer as a whole grow by too little for what its stacks seem to leak? */
static int is_denied(const struct watched *w, const struct analyze_standing *p, enum model_layer layer)
{
	const struct analyze_growth *g = &p->growth[layer];
	double high = g->verdict == GROWTH_UNKNOWN ? gains(&w->history->curve[layer]) : g->high;

	return high < LEAK_GATE * w->leaking[layer];
}

/* deny - stacks whose layer does not grow by what they seem to leak do not leak. */
static void deny(struct analyze_verdicts *v, const struct model_snapshot *s, const struct watched *of)
{
	for (size_t i = 0; i < s->n_stacks; i++) {
		const struct model_stack *stack = &s->stack[i];
		struct analyze_leak *l = &v->stack[stack->id].leak;
		size_t at;

		if (l->verdict != LEAK_YES)
			continue;
		at = model_process_of(s, stack) - s->process; /* as in v->process: it was just judged */
		if (of[at].history && is_denied(&of[at], &v->process[at], stack->layer))
			l->verdict = LEAK_FLAT;
	}
}

static int judge_stacks(struct analyze_verdicts *v, const struct model_snapshot *s, const struct model_history *h)
{
	struct watched *of = calloc(s->n_processes ? s->n_processes : 1, sizeof(*of));
	int err = of ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < s->n_processes; i++)
		of[i].history = model_history_process(h, &s->process[i]);
	for (size_t i = 0; !err && i < s->n_stacks; i++) {
		const struct model_stack *stack = &s->stack[i];
		const struct model_process *p = model_process_of(s, stack);
		struct watched *w = p ? &of[p - s->process] : NULL;
		struct analyze_verdict *to = grow_to(v->stack, &v->n_stacks, stack->id, sizeof(*to));

		if (!to) {
			err = -ENOMEM;
			break;
		}
		v->stack = to;
		to += stack->id;
		*to = (struct analyze_verdict){ .pid = stack->pid, .life = stack->life };
		if (!w || !w->history)
			continue;
		analyze_leak_make(s, h, stack, p, w->history, &to->leak);
		if (to->leak.verdict == LEAK_YES)
			w->leaking[stack->layer] += to->leak.bytes_per_s;
	}
	if (!err)
		deny(v, s, of);
	free(of);
	return err;
}

/* standing_at - of the i-th process of a snapshot. Most often the lists are in the same order. */
static struct analyze_standing *standing_at(struct analyze_verdicts *v, const struct model_snapshot *s, size_t i)
{
	const struct model_process *p = &s->process[i];

	for (size_t k = 0; k < v->n_processes; k++) {
		struct analyze_standing *one = &v->process[(i + k) % v->n_processes];

		if (one->pid == p->pid && one->life == p->life)
			return one;
	}
	return NULL;
}

/* taken_of - what all processes that live and are bounded by that cgroup take of it together; 0: what all take of the machine. */
static struct analyze_taking taken_of(struct analyze_verdicts *v, const struct model_snapshot *s, uint64_t cgroup_id)
{
	struct analyze_taking t = { 0 };

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct analyze_standing *one = NULL;

		if (s->process[i].alive && (!cgroup_id || s->process[i].vitals.cgroup_id == cgroup_id))
			one = standing_at(v, s, i);
		if (one)
			analyze_taking_add(&t, one->growth);
	}
	return t;
}

/* meet_limits - by the growth that was judged, which may be a while ago, from what is taken now. Who has ended meets none. */
static void meet_limits(struct analyze_verdicts *v, const struct model_snapshot *s)
{
	struct analyze_taking machine = taken_of(v, s, 0);

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct model_process *p = &s->process[i];
		struct analyze_standing *one = standing_at(v, s, i);
		struct analyze_taking own = { 0 }, cgroup;

		if (!one)
			continue;
		one->limits = (struct analyze_limits){ .soonest = LIMIT_NONE };
		if (!p->alive)
			continue;
		analyze_taking_add(&own, one->growth);
		cgroup = own.n && p->vitals.cgroup_id ? taken_of(v, s, p->vitals.cgroup_id) : own;
		analyze_limits_make(&p->vitals, one->growth, &cgroup, &machine, &one->limits);
	}
}

int analyze_verdicts_update(
	struct analyze_verdicts *v, const struct model_snapshot *s, const struct model_history *h, int must)
{
	uint64_t bound_ns = s->bounds.n ? s->bounds.time_ns[s->bounds.n - 1] : 0;
	int err;

	if (must || bound_ns != v->bound_ns) {
		err = judge_processes(v, s, h);
		if (!err && !s->is_outside)
			err = judge_stacks(v, s, h);
		if (err)
			return err;
		v->bound_ns = bound_ns;
	}
	meet_limits(v, s);
	return 0;
}

void analyze_verdicts_clear(struct analyze_verdicts *v)
{
	free(v->stack);
	free(v->process);
	*v = (struct analyze_verdicts){ 0 };
}

const struct analyze_leak *analyze_verdict_of(const struct analyze_verdicts *v, const struct model_stack *s)
{
	const struct analyze_verdict *k = s->id < v->n_stacks ? &v->stack[s->id] : NULL;

	return k && k->pid == s->pid && k->life == s->life ? &k->leak : NULL;
}

const struct analyze_standing *analyze_standing_of(const struct analyze_verdicts *v, const struct model_process *p)
{
	for (size_t i = 0; i < v->n_processes; i++)
		if (v->process[i].pid == p->pid && v->process[i].life == p->life)
			return &v->process[i];
	return NULL;
}
