// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics/values.c - from findings to a bounded number of plain values. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "metrics/internal.h"

_Static_assert(METRICS_CURVES == MODEL_CURVE_RSS_SWAP + 1, "the curves that are told are the first ones");

static const int signals[METRICS_SIGNALS - 1] = { SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };

const char *metrics_signal_name(size_t i, char *buf, size_t len)
{
	return i < METRICS_SIGNALS - 1 ? crash_signal_name(signals[i], buf, len) : "other";
}

static size_t signal_place(int signal)
{
	size_t i = 0;

	while (i < METRICS_SIGNALS - 1 && signals[i] != signal)
		i++;
	return i;
}

static enum metrics_exit exit_of(const struct model_event *e)
{
	switch (e->end.reason) {
	case MODEL_REASON_FATAL:
		return METRICS_EXIT_FATAL;
	case MODEL_REASON_LIMIT:
		return METRICS_EXIT_LIMIT;
	case MODEL_REASON_CORRUPT:
		return METRICS_EXIT_CORRUPT;
	case MODEL_REASON_OOM:
		return METRICS_EXIT_OOM;
	default:
		if (WIFSIGNALED(e->wait_status))
			return METRICS_EXIT_SIGNAL;
		return WEXITSTATUS(e->wait_status) ? METRICS_EXIT_STATUS : METRICS_EXIT_DONE;
	}
}

void metrics_count(struct metrics_counts *c, const struct model_event *e)
{
	switch (e->type) {
	case MODEL_SIGNAL:
		c->crash[signal_place(e->signal)]++;
		break;
	case MODEL_LIMIT:
		c->failure[METRICS_FAILED_LIMIT]++;
		break;
	case MODEL_MEMORY:
		c->failure[METRICS_FAILED_MEMORY]++;
		break;
	case MODEL_CORRUPT:
		c->failure[METRICS_FAILED_CORRUPT]++;
		break;
	case MODEL_EXIT:
		c->exit[exit_of(e)]++;
		break;
	default:
		break;
	}
}

/* take_standing - what is thought of it. */
static void take_standing(struct metrics_process *to, const struct analyze_standing *from)
{
	for (int l = 0; l < LIMITS; l++)
		to->limit_s[l] =
			from && from->limits.limit[l].is_near ? from->limits.limit[l].seconds : METRICS_UNKNOWN;
	to->has_growth = from != NULL;
	for (int c = 0; from && c < METRICS_CURVES; c++) {
		to->verdict[c] = from->growth[c].verdict;
		to->bytes_per_s[c] = from->growth[c].bytes_per_s;
	}
}

static void take_process(struct metrics_process *to, const struct model_process *from, int has_live)
{
	const struct model_identity *id = from->identity;
	uint64_t live = 0;

	*to = (struct metrics_process){ .pid = from->pid, .worker = -1 };
	memcpy(to->comm, from->comm, sizeof(to->comm));
	if (id) {
		to->role = model_role_name(id->role);
		to->worker = id->worker;
		memcpy(to->container, id->container_id, sizeof(to->container));
	}
	to->has_resident = from->vitals.time_ns != 0;
	to->resident_bytes = from->vitals.rss_bytes;
	to->has_live = has_live;
	for (int l = 0; l < MODEL_LAYERS && has_live; l++) {
		to->live_bytes[l] = from->layer[l].live_bytes;
		to->live_blocks[l] = from->layer[l].live_blocks;
		live += from->layer[l].live_bytes;
	}
	to->size_bytes = to->resident_bytes > live ? to->resident_bytes : live;
	to->has_php = from->vitals.heap.is_known;
	to->php_size_bytes = from->vitals.heap.size_bytes;
	to->php_real_bytes = from->vitals.heap.real_bytes;
	to->php_limit_bytes = from->vitals.heap.limit_bytes;
	to->has_requests = from->has_requests;
	to->n_requests = from->n_requests;
	to->leak_bytes_per_s = has_live ? 0 : METRICS_UNKNOWN;
}

/* take_leaks - what the stacks of each process leak.  @list  beside s->process */
static void take_leaks(struct metrics_process *list, const struct model_snapshot *s, const struct analyze_verdicts *v)
{
	for (size_t i = 0; v && !s->is_outside && i < s->n_stacks; i++) {
		const struct analyze_leak *l = analyze_verdict_of(v, &s->stack[i]);
		const struct model_process *p;

		if (!l || l->verdict != LEAK_YES)
			continue;
		p = model_process_of(s, &s->stack[i]);
		if (p)
			list[p - s->process].leak_bytes_per_s += l->bytes_per_s;
	}
}

static int by_size(const void *a, const void *b)
{
	const struct metrics_process *x = a, *y = b;

	if (x->size_bytes != y->size_bytes)
		return x->size_bytes < y->size_bytes ? 1 : -1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void add_known(double *to, double more)
{
	if (more >= 0)
		*to = *to >= 0 ? *to + more : more;
}

/* add_rest - one more of those that are told together. */
static void add_rest(struct metrics_process *rest, const struct metrics_process *p)
{
	rest->has_resident |= p->has_resident;
	rest->resident_bytes += p->resident_bytes;
	rest->has_live |= p->has_live;
	for (int l = 0; l < MODEL_LAYERS; l++) {
		rest->live_bytes[l] += p->live_bytes[l];
		rest->live_blocks[l] += p->live_blocks[l];
	}
	rest->has_growth |= p->has_growth;
	for (int c = 0; c < METRICS_CURVES; c++) {
		rest->bytes_per_s[c] += p->bytes_per_s[c];
		if (p->verdict[c] > rest->verdict[c])
			rest->verdict[c] = p->verdict[c];
	}
	add_known(&rest->leak_bytes_per_s, p->leak_bytes_per_s);
	rest->has_php |= p->has_php;
	rest->php_size_bytes += p->php_size_bytes;
	rest->php_real_bytes += p->php_real_bytes;
	for (int l = 0; l < LIMITS; l++)
		if (p->limit_s[l] >= 0 && (rest->limit_s[l] < 0 || p->limit_s[l] < rest->limit_s[l]))
			rest->limit_s[l] = p->limit_s[l];
}

/* keep_largest - n processes, the largest one by one. */
static void keep_largest(struct metrics *m, struct metrics_process *list, size_t n)
{
	struct metrics_process *rest = &m->process[METRICS_PROCESSES];

	qsort(list, n, sizeof(*list), by_size);
	m->n_processes = n < METRICS_PROCESSES ? n : METRICS_PROCESSES;
	memcpy(m->process, list, m->n_processes * sizeof(*list));
	if (n <= METRICS_PROCESSES)
		return;
	*rest = (struct metrics_process){ .worker = -1, .leak_bytes_per_s = METRICS_UNKNOWN };
	for (int l = 0; l < LIMITS; l++)
		rest->limit_s[l] = METRICS_UNKNOWN;
	for (size_t i = METRICS_PROCESSES; i < n; i++)
		add_rest(rest, &list[i]);
	m->n_processes++;
}

void metrics_take_losses(struct metrics *m, const struct model_snapshot *s)
{
	m->utc_ns = s->utc_ns;
	m->n_losses = s->n_losses < METRICS_LOSSES ? s->n_losses : METRICS_LOSSES;
	if (m->n_losses)
		memcpy(m->loss, s->loss, m->n_losses * sizeof(*m->loss));
}

int metrics_take(struct metrics *m, const struct model_snapshot *s, const struct analyze_verdicts *v)
{
	struct metrics_process *list = calloc(s->n_processes ? s->n_processes : 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_processes; i++) {
		take_process(&list[i], &s->process[i], !s->is_outside);
		take_standing(&list[i], v ? analyze_standing_of(v, &s->process[i]) : NULL);
	}
	take_leaks(list, s, v);
	for (size_t i = 0; i < s->n_processes; i++)
		if (s->process[i].alive)
			list[n++] = list[i];
	m->n_alive = n;
	keep_largest(m, list, n);
	free(list);
	m->n_sites = 0;
	m->has_books = !s->is_outside;
	m->is_estimate = model_is_estimate(s);
	m->probed_ratio = METRICS_UNKNOWN;
	m->probes_cpu_ratio = METRICS_UNKNOWN;
	/* A stack that is forgotten is not counted any more: what was, stays. */
	if (s->freed.n_twice > m->n_double_frees)
		m->n_double_frees = s->freed.n_twice;
	if (s->freed.n_stray > m->n_invalid_frees)
		m->n_invalid_frees = s->freed.n_stray;
	m->n_freed_lookups = s->freed.lookups;
	m->n_freed_found = s->freed.found;
	metrics_take_losses(m, s);
	return 0;
}

void metrics_take_windows(struct metrics *m, const struct analyze_estimate *e)
{
	struct metrics_process *to;

	m->probed_ratio = e->windows->elapsed_ns ? (double)e->windows->probed_ns / (double)e->windows->elapsed_ns : 0;
	for (size_t i = 0; i < m->n_processes; i++)
		m->process[i].leak_bytes_per_s = 0;
	for (size_t i = 0; i < e->n_rows; i++) {
		to = m->process;
		while (to < m->process + m->n_processes && to->pid && to->pid != e->row[i].stack->pid)
			to++;
		if (to < m->process + m->n_processes)
			to->leak_bytes_per_s += e->row[i].rate.rate;
	}
}

void metrics_add_site(struct metrics *m, const char *site, enum model_layer layer, const char *comm,
	const uint64_t *live_bytes, double leak_bytes_per_s)
{
	struct metrics_site *to = m->site;

	while (to < m->site + m->n_sites && (to->layer != layer || strcmp(to->site, site) != 0))
		to++;
	if (to == m->site + METRICS_SITES)
		return;
	if (to == m->site + m->n_sites) {
		*to = (struct metrics_site){ .layer = layer };
		strncat(to->site, site, sizeof(to->site) - 1);
		strncat(to->comm, comm, sizeof(to->comm) - 1);
		m->n_sites++;
	}
	to->has_live |= live_bytes != NULL;
	to->live_bytes += live_bytes ? *live_bytes : 0;
	to->leak_bytes_per_s += leak_bytes_per_s;
}
