// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/outside.c - a snapshot of processes of which nothing is probed: what the kernel and PHP themselves count. */
#include <errno.h>
#include <stdlib.h>

#include "collect/internal.h"
#include "util/clock.h"

static void add(struct model_snapshot *s, struct target_process *from)
{
	struct model_process *to = processes_add(s, from);

	to->life = (uint32_t)from->start_ticks; /* so that a process that has the pid of an earlier one is another */
	vitals_read_one(from, s->time_ns, &to->vitals);
	to->zend.is_known = to->vitals.heap.is_known;
	to->zend.size_bytes = to->vitals.heap.size_bytes;
}

int collect_outside(struct target *t, uint64_t start_ns, struct model_snapshot **out)
{
	struct model_snapshot *s = calloc(1, sizeof(*s));
	struct target_process *p;

	if (!s || processes_begin(s, t)) {
		model_snapshot_free(s);
		return -ENOMEM;
	}
	s->time_ns = s->counted_ns = clock_ns(CLOCK_MONOTONIC);
	s->utc_ns = collect_utc_ns(s->time_ns);
	s->start_ns = start_ns;
	s->is_outside = 1;
	for (size_t i = 0; (p = target_at(t, i)); i++)
		add(s, p);
	*out = s;
	return 0;
}
