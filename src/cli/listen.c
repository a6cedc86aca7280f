// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/listen.c - --listen: what reports and events tell, as metrics. The main loop makes the text; a thread of the server's gives it away. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/own.h"

/* Between two texts of events: of hundreds of processes one takes some milliseconds to make. */
#define LEAST_NS 100000000ULL

static void tell_refused(const struct metrics_address *a, int err)
{
	char text[METRICS_ADDRESS_BYTES];

	msg_error("--listen %s: cannot listen there: %s", metrics_address_text(a, text), strerror(-err));
	if (err == -EADDRINUSE)
		msg_try("another port; or end what listens there (ss -ltnp shows it)");
	else if (err == -EACCES || err == -EPERM)
		msg_try("a port from 1024 on");
	else if (err == -EADDRNOTAVAIL)
		msg_try("an address of this machine (ip -brief address shows them)");
	else
		msg_try("swtrace -v may show more");
}

int listen_open(struct listener *l, const struct cli_settings *s, int has_events)
{
	char text[METRICS_ADDRESS_BYTES];
	struct metrics_address at = s->listen;
	int err;

	if (!at.len)
		return 0;
	l->values = calloc(1, sizeof(*l->values));
	err = l->values ? metrics_serve(&l->server, &at) : -ENOMEM;
	if (err) {
		tell_refused(&at, err);
		return err == -ENOMEM ? EXIT_UNSUPPORTED : EXIT_USAGE;
	}
	l->values->version = SWTRACE_VERSION;
	l->values->has_events = has_events;
	l->values->probed_ratio = METRICS_UNKNOWN;
	l->values->probes_cpu_ratio = METRICS_UNKNOWN;
	msg_note("metrics are at http://%s/metrics", metrics_address_text(&at, text));
	if (!metrics_is_loopback(&at))
		msg_warn("--listen: whoever can reach this address can read them");
	listen_tell(l);
	return 0;
}

int listen_start(struct listener *l)
{
	if (!l->server || !metrics_answer(l->server))
		return 0;
	msg_error("--listen: there can be no more threads");
	msg_try("raise their number (ulimit -u, pids.max of the cgroup)");
	return EXIT_UNSUPPORTED;
}

void listen_probes(struct listener *l, unsigned call_ns)
{
	l->probes = (struct probecost){ .call_ns = call_ns, .at_ns = clock_ns(CLOCK_MONOTONIC) };
}

void listen_close(struct listener *l)
{
	metrics_close(l->server);
	free(l->values);
	*l = (struct listener){ 0 };
}

int listen_is_open(const struct listener *l)
{
	return l->server != NULL;
}

void listen_tell(struct listener *l)
{
	struct strbuf text[METRICS_FORMATS] = { 0 };

	if (!l->server)
		return;
	l->values->cpu_s = (double)own_cpu_ns() / 1e9;
	l->values->resident_bytes = own_resident_bytes();
	for (int i = 0; i < METRICS_FORMATS; i++)
		metrics_text(&text[i], l->values, (enum metrics_format)i);
	l->told_ns = clock_ns(CLOCK_MONOTONIC);
	l->is_stale = 0;
	if (metrics_publish(l->server, text) && !l->has_failed) {
		msg_warn("--listen: out of memory: metrics stay as they were");
		l->has_failed = 1;
	}
}

void listen_event(struct listener *l, const struct model_event *e)
{
	if (!l->server)
		return;
	metrics_count(&l->values->counts, e);
	l->is_stale = 1;
	listen_turn(l);
}

int listen_timeout_ms(const struct listener *l)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), due_ns = l->told_ns + LEAST_NS;

	if (!l->is_stale)
		return -1;
	return now_ns < due_ns ? (int)((due_ns - now_ns) / 1000000 + 1) : 0;
}

void listen_turn(struct listener *l)
{
	if (!listen_timeout_ms(l))
		listen_tell(l);
}

void listen_look(struct listener *l, const struct model_snapshot *s, const struct analyze_verdicts *v)
{
	if (l->server && !metrics_take(l->values, s, v))
		listen_tell(l);
}

void listen_losses(struct listener *l, const struct model_snapshot *s)
{
	if (!l->server)
		return;
	metrics_take_losses(l->values, s);
	listen_tell(l);
}

static void add_site(struct listener *l, const struct model_stack *k, const struct model_process *p,
	const struct output_stack *named, const uint64_t *live_bytes, double rate)
{
	const char *comm = p ? p->comm : "";
	char site[OUTPUT_SITE_BYTES];

	metrics_add_site(l->values, output_site(comm, k->layer, named, site), k->layer, comm, live_bytes, rate);
}

void listen_report(struct listener *l, const struct analyze_report *r, const struct analyze_verdicts *v,
	const struct output_stack *stacks)
{
	if (!l->server || metrics_take(l->values, r->snapshot, v))
		return;
	l->values->probes_cpu_ratio = probecost_look(&l->probes, r->snapshot);
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct analyze_row *row = &r->row[i];

		if (row->leak && row->leak->verdict == LEAK_YES)
			add_site(l, row->stack, row->process, &stacks[i], &row->stack->live_bytes,
				row->leak->bytes_per_s);
	}
	listen_tell(l);
}

void listen_estimate(struct listener *l, const struct analyze_estimate *e, const struct output_stack *stacks)
{
	if (!l->server || metrics_take(l->values, e->snapshot, e->verdicts))
		return;
	metrics_take_windows(l->values, e);
	for (size_t i = 0; i < e->n_rows; i++)
		add_site(l, e->row[i].stack, e->row[i].process, &stacks[i], NULL, e->row[i].rate.rate);
	listen_tell(l);
}
