// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/window.c - probes of allocator functions for a moment: placed in all processes, removed again.
 * Allocations are recorded from when the last probe is in place until the first is removed, so that each block in the books was
 * born when its free would have been seen. */
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/clock.h"
#include "util/msg.h"

void window_join(struct attach *a)
{
	closing_end(a->closing);
	a->closing = NULL;
}

int attach_is_closing(const struct attach *a)
{
	return a->closing && !closing_is_done(a->closing);
}

void window_locate(struct attach *a, const struct target_process *p)
{
	for (size_t i = 0; i < a->n_sets; i++) {
		struct probe_set *s = &a->set[i];
		const struct known_sites *k =
			s->pid == p->pid && s->what < PROBE_SET_THROW ? probes_known(a, s->module, s->what) : NULL;

		if (!k)
			continue;
		free(s->at);
		s->n_at = 0;
		s->at = calloc(k->n > 0 ? (size_t)k->n : 1, sizeof(*s->at));
		for (size_t m = 0; s->at && m < p->n_maps; m++) {
			const struct target_map *map = &p->map[m];

			for (int j = 0; map->module == s->module && j < k->n && s->n_at < (size_t)k->n; j++)
				if (k->site[j].offset - map->file_offset < map->end - map->start)
					s->at[s->n_at++] = map->start + (k->site[j].offset - map->file_offset);
		}
	}
}

#define BREAKPOINT   0xcc
#define READ_AT_ONCE 64

/* has_breakpoints - is one of the set's places not as it was? */
static int has_breakpoints(const struct probe_set *s)
{
	struct iovec remote[READ_AT_ONCE], local;
	uint8_t byte[READ_AT_ONCE] = { 0 };

	for (size_t from = 0; from < s->n_at; from += READ_AT_ONCE) {
		size_t n = s->n_at - from < READ_AT_ONCE ? s->n_at - from : READ_AT_ONCE;
		ssize_t n_read;

		for (size_t i = 0; i < n; i++)
			remote[i] = (struct iovec){ .iov_base = (void *)s->at[from + i], .iov_len = 1 };
		local = (struct iovec){ .iov_base = byte, .iov_len = n };
		n_read = process_vm_readv(s->pid, &local, 1, remote, n, 0);
		for (ssize_t i = 0; i < n_read; i++)
			if (byte[i] == BREAKPOINT)
				return 1;
	}
	return 0;
}

/* await_removal - until the processes are as they were, or, where another tool has breakpoints at the same places, the links
 * are closed. */
static void await_removal(const struct attach *a)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	for (size_t i = 0; i < a->n_sets && attach_is_closing(a); i++)
		while (attach_is_closing(a) && has_breakpoints(&a->set[i]))
			nanosleep(&ms, NULL);
}

/* take_links - have the links closed that do not last. */
static void take_links(struct probe_set *s, struct closing *c)
{
	size_t n_left = 0;

	for (size_t i = 0; i < s->n_links; i++) {
		if (s->link[i].is_lasting)
			s->link[n_left++] = s->link[i];
		else
			closing_add(c, &s->link[i]);
	}
	s->n_links = n_left;
}

/* close_here - when there is no memory for more: one link after the other. */
static void close_here(struct probe_set *s)
{
	size_t n_left = 0;

	for (size_t i = 0; i < s->n_links; i++) {
		if (s->link[i].is_lasting)
			s->link[n_left++] = s->link[i];
		else
			probes_close_link(&s->link[i]);
	}
	s->n_links = n_left;
}

/* remove_links - begin to close all links that do not last. */
static void remove_links(struct attach *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_sets; i++)
		n += a->set[i].n_links;
	if (closing_new(&a->closing, n)) {
		for (size_t i = 0; i < a->n_sets; i++)
			close_here(&a->set[i]);
		return;
	}
	for (size_t i = 0; i < a->n_sets; i++)
		take_links(&a->set[i], a->closing);
	closing_begin(a->closing, n);
}

static int is_refused(const struct probe_set *s, uint64_t offset)
{
	for (size_t i = 0; i < s->n_refused; i++)
		if (s->refused[i] == offset)
			return 1;
	return 0;
}

/* forget_refused - what the kernel does not take is not tried again. */
static void forget_refused(struct attach *a, struct probe_set *s)
{
	struct known_sites *k = probes_known(a, s->module, s->what);
	int n = 0;

	for (int i = 0; k && i < k->n; i++)
		if (!is_refused(s, k->site[i].offset))
			k->site[n++] = k->site[i];
	if (k)
		k->n = n;
	s->n_refused = 0;
}

/* set_state - from now on the kernel side is in a window, or between two. */
static void set_state(struct attach *a, uint32_t state)
{
	__atomic_store_n(&a->skel->bss->window_state, state, __ATOMIC_RELEASE);
}

int attach_open_window(struct attach *a, uint32_t judged_slots, struct attach_window *w)
{
	int n_functions = 0, n;

	window_join(a);
	w->begin_ns = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < a->n_sets; i++) {
		if (a->set[i].what >= TARGET_SITES) /* lasts */
			continue;
		n = probes_place(a, &a->set[i]);
		n_functions += n > 0 ? n : 0; /* one that fails is of a process that has ended */
		if (a->set[i].n_refused)
			forget_refused(a, &a->set[i]);
	}
	w->number = a->skel->bss->window_state / 2 + 1;
	w->open_ns = clock_ns(CLOCK_MONOTONIC);
	a->skel->bss->window_open_ns = w->open_ns;
	a->skel->bss->window_judged_slots = judged_slots;
	set_state(a, 2 * w->number - 1);
	return n_functions;
}

void attach_close_window(struct attach *a, struct attach_window *w)
{
	w->close_ns = clock_ns(CLOCK_MONOTONIC);
	set_state(a, 2 * w->number);
	remove_links(a);
	await_removal(a);
	w->end_ns = clock_ns(CLOCK_MONOTONIC);
	a->probed_ns += w->end_ns - w->begin_ns;
	msg_debug("window %u: placing %.1f ms, recording %.1f ms, removing %.1f ms", w->number,
		(double)(w->open_ns - w->begin_ns) / 1e6, (double)(w->close_ns - w->open_ns) / 1e6,
		(double)(w->end_ns - w->close_ns) / 1e6);
}

uint64_t attach_probed_ns(const struct attach *a)
{
	return a->probed_ns;
}

void attach_window_effects(const struct attach *a, uint64_t *cut, uint64_t *cleared)
{
	*cut = __atomic_load_n(&a->skel->bss->window_cut, __ATOMIC_RELAXED);
	*cleared = __atomic_load_n(&a->skel->bss->window_cleared, __ATOMIC_RELAXED);
}
