// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics/text.c - the values as text: OpenMetrics 1.0.0, or Prometheus's format 0.0.4. A family is all samples of one name. */
#include <inttypes.h>
#include <string.h>

#include "metrics/internal.h"

enum type { GAUGE, COUNTER, INFO, STATESET };

struct family;

/* A text that is being written. */
struct text {
	struct strbuf *b;
	const struct metrics *m;
	enum metrics_format format;
	const struct family *family;
	int n_labels; /* of the sample */
};

struct family {
	const char *name; /* without "swtrace_", and without the ends that a type asks for */
	enum type type;
	const char *unit; /* ""; */
	const char *help;
	void (*add)(struct text *t); /* all its samples */
};

/* ends - what a sample's name ends with. */
static const char *const ends[] = { [GAUGE] = "", [COUNTER] = "_total", [INFO] = "_info", [STATESET] = "" };

static void begin(struct text *t)
{
	strbuf_addf(t->b, "swtrace_%s%s", t->family->name, ends[t->family->type]);
	t->n_labels = 0;
}

/* label - what is not known (NULL, "") has none. Control characters are of no use in a name, and harmful where it is shown. */
static void label(struct text *t, const char *key, const char *value)
{
	struct strbuf safe = { 0 };

	if (!value || !*value)
		return;
	strbuf_add_safe(&safe, value, "");
	strbuf_addf(t->b, "%s%s=\"", t->n_labels++ ? "," : "{", key);
	for (size_t i = 0; i < safe.len; i++) {
		if (safe.data[i] == '\\' || safe.data[i] == '"')
			strbuf_add(t->b, "\\");
		strbuf_add_bytes(t->b, safe.data + i, 1);
	}
	strbuf_add(t->b, "\"");
	t->b->failed |= safe.failed;
	strbuf_free(&safe);
}

static void number_label(struct text *t, const char *key, int value)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%d", value);
	label(t, key, buf);
}

static void end(struct text *t, uint64_t value)
{
	strbuf_addf(t->b, "%s %" PRIu64 "\n", t->n_labels ? "}" : "", value);
}

static void end_real(struct text *t, double value)
{
	strbuf_addf(t->b, "%s %.10g\n", t->n_labels ? "}" : "", value);
}

/* begin_process - a sample of a process. */
static void begin_process(struct text *t, const struct metrics_process *p)
{
	begin(t);
	if (!p->pid) {
		label(t, "pid", "other");
		return;
	}
	number_label(t, "pid", p->pid);
	label(t, "comm", p->comm);
	label(t, "role", p->role);
	if (p->worker >= 0)
		number_label(t, "worker", p->worker);
	label(t, "container", p->container);
}

#define FOR_EACH_PROCESS(t, p) \
	for (const struct metrics_process *p = (t)->m->process; p < (t)->m->process + (t)->m->n_processes; p++)

static void one(struct text *t, uint64_t value)
{
	begin(t);
	end(t, value);
}

static void add_build(struct text *t)
{
	begin(t);
	label(t, "version", t->m->version);
	end(t, 1);
}

static void add_report(struct text *t)
{
	if (!t->m->utc_ns)
		return;
	begin(t);
	strbuf_addf(t->b, " %.3f\n", (double)t->m->utc_ns / 1e9);
}

static void add_cpu(struct text *t)
{
	begin(t);
	end_real(t, t->m->cpu_s);
}

static void add_own_memory(struct text *t)
{
	one(t, t->m->resident_bytes);
}

static void add_probed(struct text *t)
{
	if (!t->m->utc_ns || t->m->probed_ratio < 0)
		return;
	begin(t);
	end_real(t, t->m->probed_ratio);
}

static void add_probes_cpu(struct text *t)
{
	if (!t->m->utc_ns || t->m->probes_cpu_ratio < 0)
		return;
	begin(t);
	end_real(t, t->m->probes_cpu_ratio);
}

static void add_alive(struct text *t)
{
	one(t, t->m->n_alive);
}

static void add_resident(struct text *t)
{
	FOR_EACH_PROCESS(t, p)
	{
		if (!p->has_resident)
			continue;
		begin_process(t, p);
		end(t, p->resident_bytes);
	}
}

static void add_layers(struct text *t, int is_blocks)
{
	FOR_EACH_PROCESS(t, p)
	{
		for (int l = 0; l < MODEL_LAYERS && p->has_live; l++) {
			begin_process(t, p);
			label(t, "layer", model_layer_name(l));
			end(t, is_blocks ? p->live_blocks[l] : p->live_bytes[l]);
		}
	}
}

static void add_live_bytes(struct text *t)
{
	add_layers(t, 0);
}

static void add_live_blocks(struct text *t)
{
	add_layers(t, 1);
}

static void add_estimate(struct text *t)
{
	if (t->m->has_books)
		one(t, t->m->is_estimate != 0);
}

static void add_growth(struct text *t)
{
	FOR_EACH_PROCESS(t, p)
	{
		for (int c = 0; c < METRICS_CURVES && p->has_growth; c++) {
			if (p->verdict[c] == GROWTH_UNKNOWN)
				continue;
			begin_process(t, p);
			label(t, "curve", model_curve_name(c));
			end_real(t, p->bytes_per_s[c]);
		}
	}
}

/* add_verdict - all states, of which one is. */
static void add_verdict(struct text *t)
{
	FOR_EACH_PROCESS(t, p)
	{
		for (int i = 0; i < METRICS_CURVES * GROWTH_VERDICTS && p->has_growth; i++) {
			enum analyze_growth_verdict state = i % GROWTH_VERDICTS;

			begin_process(t, p);
			label(t, "curve", model_curve_name(i / GROWTH_VERDICTS));
			label(t, "swtrace_verdict", analyze_growth_name(state));
			end(t, p->verdict[i / GROWTH_VERDICTS] == state);
		}
	}
}

static void add_leak(struct text *t)
{
	FOR_EACH_PROCESS(t, p)
	{
		if (p->leak_bytes_per_s < 0)
			continue;
		begin_process(t, p);
		end_real(t, p->leak_bytes_per_s);
	}
}

static void add_php(struct text *t, size_t at, int must)
{
	FOR_EACH_PROCESS(t, p)
	{
		uint64_t value = *(const uint64_t *)((const char *)p + at);

		if (!p->has_php || (!must && !value))
			continue;
		begin_process(t, p);
		end(t, value);
	}
}

static void add_php_size(struct text *t)
{
	add_php(t, offsetof(struct metrics_process, php_size_bytes), 1);
}

static void add_php_real(struct text *t)
{
	add_php(t, offsetof(struct metrics_process, php_real_bytes), 1);
}

static void add_php_limit(struct text *t)
{
	add_php(t, offsetof(struct metrics_process, php_limit_bytes), 0);
}

static void add_requests(struct text *t)
{
	FOR_EACH_PROCESS(t, p)
	{
		if (!p->has_requests)
			continue;
		begin_process(t, p);
		end(t, p->n_requests);
	}
}

static void add_limits(struct text *t)
{
	FOR_EACH_PROCESS(t, p)
	{
		for (int l = LIMIT_NONE + 1; l < LIMITS; l++) {
			if (p->limit_s[l] < 0)
				continue;
			begin_process(t, p);
			label(t, "limit", analyze_limit_name(l));
			end_real(t, p->limit_s[l]);
		}
	}
}

static void begin_site(struct text *t, const struct metrics_site *s)
{
	begin(t);
	label(t, "site", s->site);
	label(t, "comm", s->comm);
	label(t, "layer", model_layer_name(s->layer));
}

static void add_site_bytes(struct text *t)
{
	for (size_t i = 0; i < t->m->n_sites; i++) {
		if (!t->m->site[i].has_live)
			continue;
		begin_site(t, &t->m->site[i]);
		end(t, t->m->site[i].live_bytes);
	}
}

static void add_site_leak(struct text *t)
{
	for (size_t i = 0; i < t->m->n_sites; i++) {
		begin_site(t, &t->m->site[i]);
		end_real(t, t->m->site[i].leak_bytes_per_s);
	}
}

static void counted(struct text *t, const char *key, const char *value, uint64_t n)
{
	begin(t);
	label(t, key, value);
	end(t, n);
}

static void add_crashes(struct text *t)
{
	char name[16];

	for (size_t i = 0; i < METRICS_SIGNALS && t->m->has_events; i++)
		counted(t, "signal", metrics_signal_name(i, name, sizeof(name)), t->m->counts.crash[i]);
}

static void add_failures(struct text *t)
{
	static const char *const names[METRICS_FAILURES] = { "memory_limit", "out_of_memory", "heap_corrupted" };

	for (int i = 0; i < METRICS_FAILURES && t->m->has_events; i++)
		counted(t, "cause", names[i], t->m->counts.failure[i]);
}

static void add_exits(struct text *t)
{
	static const char *const names[METRICS_EXITS] = { "done", "status", "signal", "fatal_error", "memory_limit",
		"heap_corrupted", "oom" };

	for (int i = 0; i < METRICS_EXITS && t->m->has_events; i++)
		counted(t, "reason", names[i], t->m->counts.exit[i]);
}

static void add_double_frees(struct text *t)
{
	if (t->m->has_books)
		one(t, t->m->n_double_frees);
}

static void add_invalid_frees(struct text *t)
{
	if (t->m->has_books)
		one(t, t->m->n_invalid_frees);
}

static void add_freed_lookups(struct text *t)
{
	if (t->m->has_books)
		one(t, t->m->n_freed_lookups);
}

static void add_freed_found(struct text *t)
{
	if (t->m->has_books)
		one(t, t->m->n_freed_found);
}

static void add_losses(struct text *t)
{
	for (size_t i = 0; i < t->m->n_losses; i++)
		counted(t, "cause", t->m->loss[i].key, t->m->loss[i].count);
}

static const struct family families[] = {
	{ "build", INFO, "", "What swtrace is.", add_build },
	{ "report_timestamp_seconds", GAUGE, "seconds", "The moment that the values are of, since 1970.", add_report },
	{ "self_cpu_seconds", COUNTER, "seconds", "CPU time of swtrace itself, without its readers of files.",
		add_cpu },
	{ "self_resident_memory_bytes", GAUGE, "bytes", "Resident memory of swtrace itself.", add_own_memory },
	{ "probed_ratio", GAUGE, "ratio", "With --overhead: share of time in which probes were in place.", add_probed },
	{ "probes_cpu_ratio", GAUGE, "ratio",
		"Estimate: share of one CPU that probes take of the traced processes: their calls since the report before, "
		"times what a call costs here.",
		add_probes_cpu },
	{ "processes", GAUGE, "", "Processes that are traced or watched, and live.", add_alive },
	{ "resident_memory_bytes", GAUGE, "bytes", "Resident memory of a process.", add_resident },
	{ "live_bytes", GAUGE, "bytes", "Allocated since tracing began, and not freed.", add_live_bytes },
	{ "live_blocks", GAUGE, "", "Blocks allocated since tracing began, and not freed.", add_live_blocks },
	{ "live_is_estimate", GAUGE, "", "1: live bytes and blocks are estimates, since the table of blocks was full.",
		add_estimate },
	{ "growth_bytes_per_second", GAUGE, "bytes_per_second", "How fast memory of a process grows, by its lows.",
		add_growth },
	{ "verdict", STATESET, "", "What is thought of that growth.", add_verdict },
	{ "leak_bytes_per_second", GAUGE, "bytes_per_second", "What all stacks of a process that leak leave behind.",
		add_leak },
	{ "php_heap_size_bytes", GAUGE, "bytes", "PHP's memory_get_usage().", add_php_size },
	{ "php_heap_real_bytes", GAUGE, "bytes", "PHP's memory_get_usage(true): what memory_limit is about.",
		add_php_real },
	{ "php_memory_limit_bytes", GAUGE, "bytes", "PHP's memory_limit.", add_php_limit },
	{ "requests", COUNTER, "", "Requests that a process has begun since it is traced.", add_requests },
	{ "time_to_limit_seconds", GAUGE, "seconds", "Until a process meets that limit, if it goes on like this.",
		add_limits },
	{ "site_live_bytes", GAUGE, "bytes", "Live bytes of a stack that leaks; reports tell which one the site is.",
		add_site_bytes },
	{ "site_leak_bytes_per_second", GAUGE, "bytes_per_second", "What a stack that leaks leaves behind.",
		add_site_leak },
	{ "crashes", COUNTER, "", "Signals that killed a process, by a crash.", add_crashes },
	{ "php_failures", COUNTER, "", "PHP gave up: a request or a process has ended.", add_failures },
	{ "exits", COUNTER, "", "Processes that have ended.", add_exits },
	{ "double_frees", COUNTER, "", "Blocks that were freed twice.", add_double_frees },
	{ "invalid_frees", COUNTER, "", "Frees of what was no block.", add_invalid_frees },
	{ "freed_lookups", COUNTER, "", "Frees of unknown blocks, looked for among those freed before.",
		add_freed_lookups },
	{ "freed_found", COUNTER, "", "Of those, blocks that were found.", add_freed_found },
	{ "losses", COUNTER, "", "What the values do not contain.", add_losses },
};

/* add_head - the family's lines before its samples. The older format has no infos and state sets, and no units. */
static void add_head(struct text *t)
{
	static const char *const types[METRICS_FORMATS][4] = {
		[METRICS_TEXT] = { "gauge", "counter", "gauge", "gauge" },
		[METRICS_OPENMETRICS] = { "gauge", "counter", "info", "stateset" },
	};
	const struct family *f = t->family;
	const char *end = t->format == METRICS_TEXT ? ends[f->type] : "";

	strbuf_addf(t->b, "# HELP swtrace_%s%s %s\n", f->name, end, f->help);
	strbuf_addf(t->b, "# TYPE swtrace_%s%s %s\n", f->name, end, types[t->format][f->type]);
	if (t->format == METRICS_OPENMETRICS && *f->unit)
		strbuf_addf(t->b, "# UNIT swtrace_%s %s\n", f->name, f->unit);
}

void metrics_text(struct strbuf *b, const struct metrics *m, enum metrics_format format)
{
	struct text t = { .b = b, .m = m, .format = format };

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		t.family = &families[i];
		add_head(&t);
		t.family->add(&t);
	}
	if (format == METRICS_OPENMETRICS)
		strbuf_add(b, "# EOF\n");
}
