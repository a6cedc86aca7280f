// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/export.c - the files that are made of a profile while tracing goes on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live.h"
#include "cli/schedule.h"
#include "util/msg.h"
#include "util/outfile.h"

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
	if (r->save && r->events_bytes > EVENTS_BYTES) {
		msg_warn("%zu events are recorded: later ones are shown, and not recorded", n);
		fclose(r->save); /* what is in memory stays */
		r->save = NULL;
	}
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
		for (size_t i = 0; i < r->profile.n_processes; i++)
			r->profile.process[i].is_alive = 0;
		add_events(r, &r->profile);
		return r->profile.failed ? -ENOMEM : 0;
	}
	profile_free(&r->profile);
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

static int write_recording(FILE *f, const void *ctx)
{
	const struct reporter *r = ctx;

	return profile_write(&r->profile, fileno(f));
}

/* write_files - those that are asked for.  @err  of making the profile      Return: which of them could not be written, a bit each: told
 * when that begins. */
static unsigned write_files(struct reporter *r, int err)
{
	const struct report_form folded = { &r->profile, EXPORT_FOLDED }, html = { &r->profile, EXPORT_HTML },
				 pprof = { &r->profile, EXPORT_PPROF };
	const struct {
		const char *path;
		int (*write)(FILE *f, const void *ctx);
		const void *ctx;
	} file[] = {
		{ r->settings->folded, report_write_form, &folded },
		{ r->settings->flamegraph, report_write_form, &html },
		{ r->settings->pprof, report_write_form, &pprof },
		{ r->settings->task == CLI_RECORD ? r->settings->output : NULL, write_recording, r },
	};
	unsigned failed = 0;

	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
		int one = file[i].path && !err ? outfile_write(file[i].path, file[i].write, file[i].ctx) : err;

		if (!file[i].path || !one)
			continue;
		failed |= 1U << i;
		if (r->export_failed >> i & 1)
			continue;
		msg_error("%s: cannot be written: %s", file[i].path, strerror(-one));
		msg_try("free some space, or choose another file; tracing goes on");
	}
	return failed;
}

/* report_export - the profile is made at every report, also where it is not to be written at this one: when all processes end, the
 * last one is what is known of them. */
void report_export(struct reporter *r, const struct model_snapshot *now, int is_final)
{
	const struct cli_settings *s = r->settings;
	int err;

	if (!s->folded && !s->flamegraph && !s->pprof && !s->export_dir && !r->push && s->task != CLI_RECORD &&
		!r->live)
		return;
	err = make_profile(r, now);
	r->export_failed = write_files(r, err);
	if (!err && s->export_dir &&
		(is_final || schedule_is_time(r->exported_ns, s->every_ns, now->time_ns, s->interval_ns))) {
		exportdir_write(r);
		r->exported_ns = now->time_ns;
	}
	if (report_push_is_due(r, now, is_final) && (err || report_push(r, now))) {
		msg_error("push: out of memory: this profile is not sent");
		msg_try("trace fewer processes, or give swtrace more memory; tracing goes on");
	}
	if (r->live)
		live_update(r->live, now);
}
