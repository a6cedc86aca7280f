// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/export.c - the files that are made of a profile while tracing goes on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "cli/schedule.h"
#include "util/msg.h"

#define EVENTS_BYTES (8 << 20) /* kept of crashes and the like, as JSON lines */

int report_export_open(struct reporter *r)
{
	r->save = open_memstream(&r->events, &r->events_bytes);
	if (r->save)
		return 0;
	report_tell_failed(-ENOMEM);
	return EXIT_UNSUPPORTED;
}

static int any_alive(const struct model_snapshot *s)
{
	for (size_t i = 0; i < s->n_processes; i++)
		if (s->process[i].alive)
			return 1;
	return 0;
}

/* add_events - those that the profile does not have yet: a line each. */
static void add_events(struct reporter *r, struct profile *p)
{
	char *at, *end;
	size_t n = 0;

	if (!r->events && (!r->save || r->settings->save))
		return;
	if (r->save)
		fflush(r->save);
	for (at = r->events; at && (end = strchr(at, '\n')); at = end + 1) {
		*end = 0;
		if (n++ >= p->n_events)
			profile_add_event(p, at);
		*end = '\n';
	}
}

void report_export_kept(struct reporter *r, int err)
{
	if (!err && ftell(r->save) <= EVENTS_BYTES)
		return;
	msg_warn(
		"crashes and other events fill the %d MiB that there are for them: later ones are shown, and not recorded",
		EVENTS_BYTES >> 20);
	fclose(r->save); /* what is in memory stays */
	r->save = NULL;
}

/* make_profile - of this moment, into r->profile. When all processes have ended, what they had is gone: the profile of the last moment
 * before is kept, and told how it ended.  Return: 0 or -ENOMEM. */
static int make_profile(struct reporter *r, const struct model_snapshot *now)
{
	struct analyze_opts opts = { .layer_mask = r->settings->layer_mask, .also_freed = 1, .verdicts = &r->verdicts };
	struct analyze_estimate *e = NULL;
	struct analyze_report *report = NULL;
	struct output_stack *stacks = NULL;
	int err;

	if (!any_alive(now) && r->profile.n_stacks) {
		if (writer_has_profile(r) && !writer_is_idle(r, 1))
			return 0;
		for (size_t i = 0; i < r->profile.n_processes; i++)
			r->profile.process[i].is_alive = 0;
		add_events(r, &r->profile);
		return r->profile.failed ? -ENOMEM : 0;
	}
	writer_release(r);
	err = r->windows ? analyze_estimate_make(now, r->windows, &opts, &e)
			 : analyze_report_make(now, r->before, &opts, &report);
	if (!err)
		err = e ? report_name_estimate(r, e, &stacks) : report_name_rows(r, report, &stacks);
	if (!err && e)
		err = output_profile_estimate(&r->profile, SWTRACE_VERSION, e, stacks, &r->history);
	else if (!err)
		err = output_profile(&r->profile, SWTRACE_VERSION, report, stacks, &r->history);
	add_events(r, &r->profile);
	report_free_rows(stacks, e ? e->n_rows : report ? report->n_rows : 0);
	analyze_estimate_free(e);
	analyze_report_free(report);
	return r->profile.failed ? -ENOMEM : err;
}

int report_write_form(FILE *f, const void *ctx)
{
	static const struct export_opts opts = { 0 };
	const struct report_form *form = ctx;

	return export_write(form->format, f, form->p, &opts);
}

int report_profile(struct reporter *r)
{
	const struct export_opts opts = { .top = r->settings->top };
	struct profile p = r->profile;

	p.n_events = 0; /* they are told by now */
	return p.n_stacks ? export_write(EXPORT_TEXT, r->out, &p, &opts) : 0;
}

/* report_export - the profile is made at every report, also where it is not to be written at this one: when all processes end, the
 * last one is what is known of them. */
void report_export(struct reporter *r, const struct model_snapshot *now, int is_final)
{
	const struct cli_settings *s = r->settings;
	const char *const path[WRITER_FILES] = { [WRITER_FOLDED] = s->folded,
		[WRITER_FLAMEGRAPH] = s->flamegraph,
		[WRITER_PPROF] = s->pprof,
		[WRITER_RECORDING] = s->task == CLI_RECORD ? s->output : NULL };
	int has_files = s->folded || s->flamegraph || s->pprof || s->task == CLI_RECORD, is_dir_due, err;

	if (!has_files && !s->export_dir && !r->push && !r->live)
		return;
	err = make_profile(r, now);
	is_dir_due = s->export_dir &&
		     (is_final || schedule_is_time(r->exported_ns, s->every_ns, now->time_ns, s->interval_ns));
	if (has_files || is_dir_due) {
		if (err) {
			writer_tell_no_memory(r);
		} else if (writer_is_idle(r, is_final)) {
			writer_begin(r, path, is_dir_due);
			r->exported_ns = is_dir_due ? now->time_ns : r->exported_ns;
		}
	}
	if (report_push_is_due(r, now, is_final) && (err || report_push(r, now))) {
		msg_error("push: out of memory: this profile is not sent");
		msg_try("trace fewer processes, or give swtrace more memory; tracing goes on");
	}
	if (r->live)
		live_update(r->live, now);
}
