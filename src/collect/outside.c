// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/outside.c - a snapshot of processes of which nothing is probed: what the kernel and PHP themselves count. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collect/internal.h"

static void fill(struct model_snapshot *s, struct model_process *to, struct target_process *from)
{
	to->pid = from->pid;
	to->life = (uint32_t)from->start_ticks; /* so that a process that has the pid of an earlier one is another */
	memcpy(to->comm, from->comm, sizeof(to->comm));
	to->alive = from->alive;
	to->is_outside = 1;
	identity_copy(s, from, to);
	vitals_read_one(from, s->time_ns, &to->vitals);
	to->zend.is_known = to->vitals.heap.is_known;
	to->zend.size_bytes = to->vitals.heap.size_bytes;
}

int collect_outside(struct target *t, uint64_t start_ns, struct model_snapshot **out)
{
	struct model_snapshot *s = calloc(1, sizeof(*s));
	struct target_process *p;
	struct timespec now;
	size_t n = 0;

	if (!s)
		return -ENOMEM;
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->time_ns = s->counted_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	s->utc_ns = collect_utc_ns(s->time_ns);
	s->start_ns = start_ns;
	while (target_at(t, n))
		n++;
	s->process = calloc(n ? n : 1, sizeof(*s->process));
	s->identities = calloc(n ? n : 1, sizeof(*s->identities));
	if (!s->process || !s->identities) {
		model_snapshot_free(s);
		return -ENOMEM;
	}
	for (s->n_processes = 0; s->n_processes < n && (p = target_at(t, s->n_processes)); s->n_processes++)
		fill(s, &s->process[s->n_processes], p);
	*out = s;
	return 0;
}
