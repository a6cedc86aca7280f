// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/report.c - one report from end to end: snapshot, ranking, names, output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "util/clock.h"
#include "util/msg.h"

/* Names of a whole report are waited for so long: longer for the last one, which has no next to make up for it. */
#define NAMES_NS      1000000000ULL
#define LAST_NAMES_NS 15000000000ULL
#define FILES_NS      10000000ULL /* and files that were not known so long */
#define LAST_FILES_NS 1000000000ULL
#define MANY_STACKS   1000 /* it is said that their names are being found */

/* name_address - the frames of one address, appended to out.  Return: their number. */
static size_t name_address(struct reporter *r, const struct target_process *p, uint64_t addr, uint32_t generation,
	int is_return, struct symbol_frame *out)
{
	static const struct model_php_frame nameless = { .function = "(no name recorded)", .file = "" };
	struct model_php_frame php;

	if (!(addr & MODEL_FRAME_PHP))
		return symbol_resolve(r->symbol, p, addr, generation, is_return, out);
	symbol_php(r->symbol, collect_php_frame(r->collect, addr, &php) ? &nameless : &php, out);
	return 1;
}

int report_name(struct reporter *r, const struct target_process *p, const uint64_t *addr, size_t n, uint32_t generation,
	int first_is_ip, struct output_stack *out)
{
	struct symbol_frame *frames = NULL, *grown;
	size_t n_frames = 0, cap = 0;

	if (out->walk == MODEL_WALK_UNSETTLED && generation)
		n = target_count_sure(p, addr, n, generation, first_is_ip);
	for (size_t i = 0; i < n; i++) {
		if (cap - n_frames < SYMBOL_MAX_FRAMES) {
			cap = 2 * cap + 4 * SYMBOL_MAX_FRAMES;
			grown = realloc(frames, cap * sizeof(*grown));
			if (!grown) {
				free(frames);
				return -ENOMEM;
			}
			frames = grown;
		}
		n_frames += name_address(r, p, addr[i], generation, i || !first_is_ip, frames + n_frames);
	}
	out->frame = frames;
	out->n = n_frames;
	return 0;
}

void report_name_block(
	struct reporter *r, const struct target_process *p, const struct model_near_stack *s, struct output_stack *out)
{
	out->walk = s->walk;
	if (p && s->is_known && report_name(r, p, s->frame, s->n_frames, s->generation, 0, out))
		out->n = 0;
}

static int name_model_stack(struct reporter *r, const struct model_stack *s, struct output_stack *out)
{
	const struct target_process *p = target_find(r->target, s->pid);

	out->walk = s->walk;
	return p ? report_name(r, p, s->frame, s->n_frames, s->generation, 0, out) : 0;
}

int report_name_rows(struct reporter *r, const struct analyze_report *report, struct output_stack **out)
{
	int err = 0;

	*out = calloc(report->n_rows ? report->n_rows : 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < report->n_rows && !err; i++)
		err = name_model_stack(r, report->row[i].stack, &(*out)[i]);
	return err;
}

void report_free_rows(struct output_stack *stacks, size_t n)
{
	for (size_t i = 0; stacks && i < n; i++)
		free((void *)stacks[i].frame);
	free(stacks);
}

/* refresh - names are looked up in the mappings as they are now; those of a process that is gone, or whose files are still being read,
 * stay as they were. Of a whole system that would take long: there the loader's word must do. */
static void refresh(struct reporter *r, int is_final)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), until_ns = now + (is_final ? LAST_FILES_NS : FILES_NS);
	struct target_process *p;

	for (size_t i = 0; !r->settings->all && (p = target_at(r->target, i)); i++)
		while (p->alive && target_refresh_within(r->target, p, now + FILES_NS) == -EINPROGRESS &&
			!collect_drain(r->collect) && (now = clock_ns(CLOCK_MONOTONIC)) < until_ns)
			;
}

/* Until when names of a report are waited for, all in all (0: for so long as is usual), and since when this time. */
struct naming {
	uint64_t until_ns;
	uint64_t since_ns;
};

static void begin_names(struct reporter *r, struct naming *n, int is_final)
{
	n->since_ns = clock_ns(CLOCK_MONOTONIC);
	if (!n->until_ns)
		n->until_ns = n->since_ns + (is_final ? LAST_NAMES_NS : NAMES_NS);
	symbol_begin(r->symbol, n->until_ns > n->since_ns ? n->until_ns - n->since_ns : 0, REPORT_YIELD_NS);
}

/* is_cut - were names given up for a crash that waits? The last report has no next one that would have them: it is made anew when the
 * crash was told. */
static int is_cut(struct reporter *r, const struct naming *n, int is_final)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	return is_final && now < n->until_ns && now - n->since_ns >= REPORT_YIELD_NS && collect_drain(r->collect);
}

int report_name_estimate(struct reporter *r, const struct analyze_estimate *e, struct output_stack **out)
{
	int err = 0;

	*out = calloc(e->n_rows ? e->n_rows : 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_rows && !err; i++)
		err = name_model_stack(r, e->row[i].stack, &(*out)[i]);
	return err;
}

/* judge - is there a leak? When all have ended, what they had is gone, and what was thought of it before stands. */
static void judge(struct reporter *r, const struct model_snapshot *now, size_t n_leaks)
{
	int any_alive = 0;

	for (size_t i = 0; i < now->n_processes; i++)
		any_alive |= now->process[i].alive;
	r->has_leak = n_leaks > 0 || (r->has_leak && !any_alive);
}

/* judge_requests - growth by requests, the snapshot's included. Without memory for that it is not told, and the rest is.
 * Return: to be freed; NULL: there are none. */
static struct analyze_requests *judge_requests(struct reporter *r, const struct model_snapshot *now)
{
	if (model_request_histories_add(&r->requests, now, r->windows ? NULL : &r->history))
		return NULL;
	return analyze_requests_list(&r->requests);
}

int report_open(struct reporter *r)
{
	r->out = stdout;
	if (r->settings->task == CLI_RECORD || (r->settings->is_live && !r->settings->save))
		return report_export_open(r);
	if (!r->settings->save)
		return 0;
	r->save = fopen(r->settings->save, "ae");
	if (r->save)
		return 0;
	msg_error("%s: cannot write JSON lines: %s", r->settings->save, strerror(errno));
	msg_try("choose a file in a directory that you may write to");
	return EXIT_USAGE;
}

void report_saved(struct reporter *r, int err)
{
	if (!r->settings->save) {
		report_export_kept(r, err);
		return;
	}
	if (err && !r->save_failed) {
		msg_error("%s: cannot write JSON lines: %s", r->settings->save, strerror(-err));
		msg_try("free some space, or choose another file; tracing goes on");
	}
	r->save_failed |= err != 0;
}

/* told_identities - reports have told what the processes are, as far as it is known by now. */
static void told_identities(struct reporter *r)
{
	struct target_process *p;

	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		p->identity_told = p->identity_serial;
}

static int write_report(struct reporter *r, const struct analyze_report *report, const struct output_stack *stacks)
{
	if (r->settings->task == CLI_RECORD)
		return 0;
	if (r->save && r->settings->save)
		report_saved(r, output_json_report(r->save, report, stacks));
	if (r->live)
		return 0;
	told_identities(r);
	return r->settings->json ? output_json_report(r->out, report, stacks)
				 : output_text_report(r->out, report, stacks);
}

static int write_estimate(struct reporter *r, const struct analyze_estimate *e, const struct output_stack *stacks)
{
	if (r->settings->task == CLI_RECORD)
		return 0;
	if (r->save && r->settings->save)
		report_saved(r, output_json_estimate(r->save, e, stacks));
	told_identities(r);
	return r->settings->json ? output_json_estimate(r->out, e, stacks) : output_text_estimate(r->out, e, stacks);
}

int report_write_event(struct reporter *r, const struct model_event *e, const struct output_stack *stack)
{
	if (r->save)
		report_saved(r, output_json_event(r->save, e, stack));
	return r->settings->json ? output_json_event(r->out, e, stack) : output_text_event(r->out, e, stack);
}

int report_write_end(struct reporter *r, const struct output_end *x)
{
	if (r->save)
		report_saved(r, output_json_end(r->save, x));
	return r->settings->json ? output_json_end(r->out, x) : output_text_end(r->out, x);
}

/* remember - what later verdicts are to know of this snapshot. Without memory for that there are none, and the numbers stay. */
static void remember(struct reporter *r, const struct model_snapshot *now)
{
	struct model_process *grown = realloc(r->looked_at, (now->n_processes + 1) * sizeof(*grown));

	if (grown) {
		r->looked_at = grown;
		r->n_looked_at = now->n_processes;
		r->looked_ns = now->time_ns;
		if (now->n_processes)
			memcpy(grown, now->process, now->n_processes * sizeof(*grown));
	}
	for (size_t i = 0; grown && i < r->n_looked_at; i++) {
		grown[i].identity = NULL;
		grown[i].allocator = NULL;
	}
	if (model_history_add(&r->history, now) > 0)
		collect_set_bounds(r->collect, &r->history.bounds);
}

/* make_estimate - the report of tracing in windows.  Return: as make_once(). */
static int make_estimate(struct reporter *r, int is_final, struct naming *naming)
{
	struct analyze_opts opts = {
		.top = r->settings->top,
		.layer_mask = r->settings->layer_mask,
		.verdicts = &r->verdicts,
	};
	struct analyze_estimate *e = NULL;
	struct analyze_requests *requests = NULL;
	struct model_snapshot *now = NULL;
	struct output_stack *stacks = NULL;
	int err;

	refresh(r, is_final);
	err = collect_snapshot(r->collect, &r->settings->filter, is_final, r->target, &now);
	if (!err)
		err = analyze_verdicts_update(&r->verdicts, now, &r->history, 1);
	if (!err)
		err = analyze_estimate_make(now, r->windows, &opts, &e);
	if (err)
		goto out;
	begin_names(r, naming, is_final);
	err = report_name_estimate(r, e, &stacks);
	if (!err && is_cut(r, naming, is_final))
		err = 1;
	if (err)
		goto out;
	e->requests = requests = judge_requests(r, now);
	e->number = ++r->n_reports;
	e->is_final = is_final;
	judge(r, now, e->n_sure);
	listen_estimate(&r->listener, e, stacks);
	err = write_estimate(r, e, stacks);
	report_export(r, now, is_final);
out:
	report_free_rows(stacks, e ? e->n_rows : 0);
	analyze_estimate_free(e);
	free(requests);
	if (now && err <= 0)
		remember(r, now);
	model_snapshot_free(now);
	return err;
}

void report_tell_failed(int err)
{
	if (err == -ENOMEM) {
		msg_error("out of memory: there is no report without it");
		msg_try("trace fewer processes, or give swtrace more memory");
	} else {
		msg_error("standard output: cannot write the report: %s", strerror(-err));
		msg_try(err == -EPIPE ? "keep the reader of the pipe open" : "free some space, or write elsewhere");
	}
}

void report_clear(struct reporter *r)
{
	if (r->save)
		fclose(r->save);
	free(r->events);
	push_close(r->push, 0);
	writer_close(r);
	writer_release(r);
	model_snapshot_free(r->before);
	free(r->looked_at);
	model_history_clear(&r->history);
	model_request_histories_clear(&r->requests);
	analyze_verdicts_clear(&r->verdicts);
	free(r->ends.note);
	listen_close(&r->listener);
}

uint64_t report_sample(struct reporter *r)
{
	struct model_snapshot *now = NULL;
	uint64_t next_ns;
	int err;

	err = r->windows ? collect_vitals(r->collect, r->target, &now)
			 : collect_snapshot(r->collect, &r->settings->filter, 0, r->target, &now);
	if (!err && !analyze_verdicts_update(&r->verdicts, now, &r->history, 0))
		remember(r, now);
	next_ns = model_sample_ns(now ? now->time_ns - now->start_ns : 0);
	model_snapshot_free(now);
	return next_ns < r->settings->interval_ns ? next_ns : 0;
}

/* make_once - a report.  Return: 0; -errno of stdout, or -ENOMEM; 1: there is none, a crash is to be told first. */
static int make_once(struct reporter *r, int is_final, struct naming *naming)
{
	struct analyze_opts opts = {
		.top = r->settings->top,
		.layer_mask = r->settings->layer_mask,
		.is_system = r->settings->all,
		.verdicts = &r->verdicts,
		.history = &r->history,
	};
	struct analyze_report *report = NULL;
	struct analyze_requests *requests = NULL;
	struct model_snapshot *now = NULL;
	struct output_stack *stacks = NULL;
	int err;

	if (r->windows)
		return make_estimate(r, is_final, naming);
	refresh(r, is_final);
	err = collect_snapshot(r->collect, &r->settings->filter, is_final, r->target, &now);
	if (err)
		goto out;
	err = analyze_verdicts_update(&r->verdicts, now, &r->history, is_final);
	if (!err)
		err = analyze_report_make(now, r->before, &opts, &report);
	if (err)
		goto out;
	begin_names(r, naming, is_final);
	if (is_final || report->n_rows > MANY_STACKS)
		msg_progress("finding names for %zu stacks ...", report->n_rows);
	err = report_name_rows(r, report, &stacks);
	if (!err && is_cut(r, naming, is_final))
		err = 1;
	if (err)
		goto out;
	report->requests = requests = judge_requests(r, now);
	report->number = ++r->n_reports;
	report->is_final = is_final;
	r->n_rows = report->n_rows;
	judge(r, now, report->n_leaks);
	listen_report(&r->listener, report, &r->verdicts, stacks);
	if (!r->live)
		msg_end_progress();
	err = write_report(r, report, stacks);
	report_export(r, now, is_final);
out:
	report_free_rows(stacks, report ? report->n_rows : 0);
	analyze_report_free(report);
	free(requests);
	if (now && err <= 0) {
		model_snapshot_free(r->before);
		r->before = now;
		remember(r, now);
	} else {
		model_snapshot_free(now);
	}
	return err;
}

int report_make(struct reporter *r, int is_final)
{
	struct naming naming = { 0 };
	int err;

	if (report_ends_again(r))
		return r->err;
	while ((err = make_once(r, is_final, &naming)) > 0) {
		msg_end_progress();
		collect_events(r->collect);
		if (r->err)
			return r->err;
	}
	r->err = err;
	return err;
}

int report_quietly(struct reporter *r)
{
	struct model_snapshot *now = NULL;
	struct target_process *p;
	int err;

	/* Who has just begun may not say yet what it is; who crashes cannot be asked any more, nor for its memory. */
	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		target_identity(p);
	err = collect_vitals(r->collect, r->target, &now);
	if (!err && !analyze_verdicts_update(&r->verdicts, now, &r->history, 0))
		remember(r, now);
	if (!err)
		listen_losses(&r->listener, now);
	model_snapshot_free(now);
	return listen_is_open(&r->listener) ? err : 0; /* crashes are told without it */
}

int report_losses(struct reporter *r)
{
	struct model_snapshot *now = NULL;

	r->err = collect_snapshot(r->collect, &r->settings->filter, 1, r->target, &now);
	if (!r->err && r->save && r->settings->save)
		report_saved(r, output_json_losses(r->save, now));
	if (!r->err)
		r->err = r->settings->json ? output_json_losses(r->out, now) : output_text_losses(r->out, now);
	model_snapshot_free(now);
	return r->err;
}

int report_event(struct reporter *r, const struct model_event *e)
{
	struct target_process *p = target_find(r->target, e->pid);
	struct output_stack stack = { .walk = e->walk };
	struct model_event told = *e;

	if (e->type != MODEL_EXIT && e->type != MODEL_FREED && e->type != MODEL_STRAY)
		listen_event(&r->listener, e);
	if (!p && e->type != MODEL_FREED && e->type != MODEL_STRAY)
		p = target_child(r->target, e->pid);
	/* The process is dying but still has its mappings; if it is faster, or its files take too long to be read, the last known ones
	 * serve. */
	if (e->type == MODEL_SIGNAL && p)
		target_refresh_names(r->target, p, report_signal_until(e));
	told.identity = p ? target_identity(p) : NULL;
	if (e->type == MODEL_FREED)
		return report_freed(r, &told);
	if (e->type == MODEL_STRAY)
		return report_stray(r, &told);
	if (e->type == MODEL_EXIT || e->type >= MODEL_LIMIT)
		return report_end(r, p, &told);
	if (e->type == MODEL_SIGNAL && e->crash)
		return report_crash(r, p, &told);
	if (e->type == MODEL_SIGNAL)
		report_name_signal(r, p, &told, &stack);
	r->err = report_write_event(r, &told, &stack);
	free((void *)stack.frame);
	return r->err;
}
