// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/export.c - the files that are made of a profile while tracing goes on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
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

int report_exports(const struct reporter *r)
{
	return r->settings->folded || r->settings->export_dir || r->settings->task == CLI_RECORD;
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

	if (r->settings->task != CLI_RECORD)
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
	struct analyze_opts opts = { .layer_mask = r->settings->layer_mask, .verdicts = &r->verdicts };
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
	err = analyze_report_make(now, r->before, &opts, &report);
	if (!err)
		err = report_name_rows(r, report, &stacks);
	if (!err)
		err = output_profile(&r->profile, SWTRACE_VERSION, report, stacks, &r->history);
	add_events(r, &r->profile);
	report_free_rows(stacks, report ? report->n_rows : 0);
	analyze_report_free(report);
	return r->profile.failed ? -ENOMEM : err;
}

static int write_folded(FILE *f, const void *ctx)
{
	static const struct export_opts opts = { 0 };
	const struct reporter *r = ctx;

	return export_write(EXPORT_FOLDED, f, &r->profile, &opts);
}

static int write_recording(FILE *f, const void *ctx)
{
	const struct reporter *r = ctx;

	return profile_write(&r->profile, fileno(f));
}

void report_export(struct reporter *r, const struct model_snapshot *now, int is_final)
{
	const char *path = r->settings->folded;
	int err = make_profile(r, now);

	if (!err && path)
		err = outfile_write(path, write_folded, r);
	if (!err && r->settings->task == CLI_RECORD) {
		path = r->settings->output;
		err = outfile_write(path, write_recording, r);
	}
	if (!err && r->settings->export_dir &&
		(!r->exported_ns || now->time_ns >= r->exported_ns + r->settings->every_ns || is_final)) {
		exportdir_write(r);
		r->exported_ns = now->time_ns;
	}
	if (err && !r->export_failed) {
		msg_error("%s: cannot be written: %s", path ? path : r->settings->output, strerror(-err));
		msg_try("free some space, or choose another file; tracing goes on");
	}
	r->export_failed = err != 0;
}
