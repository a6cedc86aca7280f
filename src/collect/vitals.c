// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/vitals.c - the vitals of processes, from target/ into the model. */
#include <stdlib.h>

#include "collect/internal.h"
#include "util/clock.h"

struct kept_vitals {
	int pid;
	uint32_t life;
	struct model_vitals vitals;
};

void vitals_read_one(struct target_process *p, uint64_t now_ns, struct model_vitals *out)
{
	struct model_vitals fresh;

	if (target_vitals_read(p, &fresh))
		return;
	target_limits_read("", p->pid, &fresh);
	fresh.time_ns = now_ns;
	*out = fresh;
}

/* read_all - anew. A process that has just ended keeps what was known of it. */
static void read_all(struct last_vitals *l, struct model_snapshot *s, struct target *t)
{
	uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (size_t i = 0; i < s->n_processes; i++) {
		struct model_process *p = &s->process[i];
		struct target_process *tp = p->alive ? target_find(t, p->pid) : NULL;

		if (tp)
			vitals_read_one(tp, s->time_ns, &p->vitals);
	}
	pace_note(&l->pace, s->time_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
}

/* recall - what is kept of a process. Most often the lists are in the same order. */
static const struct kept_vitals *recall(const struct last_vitals *l, const struct model_process *p, size_t at)
{
	for (size_t k = 0; k < l->n; k++) {
		const struct kept_vitals *one = &l->of_process[(at + k) % l->n];

		if (one->pid == p->pid && one->life == p->life)
			return one;
	}
	return NULL;
}

void vitals_read(struct collect *c, struct model_snapshot *s, struct target *t, int must)
{
	struct last_vitals *l = &c->vitals;
	struct kept_vitals *kept = calloc(s->n_processes ? s->n_processes : 1, sizeof(*kept));

	if (!kept)
		return;
	if (must || pace_is_due(&l->pace, s->time_ns))
		read_all(l, s, t);
	for (size_t i = 0; i < s->n_processes; i++) {
		struct model_process *p = &s->process[i];
		const struct kept_vitals *was = p->vitals.time_ns ? NULL : recall(l, p, i);

		if (was)
			p->vitals = was->vitals;
		kept[i] = (struct kept_vitals){ p->pid, p->life, p->vitals };
	}
	free(l->of_process);
	l->of_process = kept;
	l->n = s->n_processes;
}

void vitals_clear(struct last_vitals *l)
{
	free(l->of_process);
	*l = (struct last_vitals){ 0 };
}
