// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/doctor.c - swtrace doctor: what works here, before anything is traced; and what to do about what does not. It leaves nothing
 * behind: probes are tried on swtrace itself, and for a moment on the processes that it is asked about. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/choose.h"
#include "cli/doctor.h"
#include "cli/run.h"
#include "util/clock.h"
#include "util/msg.h"

void doctor_tell(struct doctor *d, int result, const char *check, const char *try, const char *fmt, ...)
{
	struct output_check c = {
		.check = check, .result = result, .try = result == OUTPUT_OK ? NULL : try, .is_first = !d->has_begun
	};
	char *text = NULL;
	va_list args;
	int err;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	c.text = text ? text : "";
	if (d->of) {
		c.pid = d->of->pid;
		c.comm = d->of->comm;
	}
	err = d->s->json ? output_json_check(stdout, (int64_t)clock_ns(CLOCK_REALTIME), &c)
			 : output_text_check(stdout, &c);
	if (!d->err)
		d->err = err;
	d->has_begun = 1;
	d->n[result]++;
	free(text);
}

/* one - a process.  Return: 0 or exit code. */
static int one(struct doctor *d, pid_t pid)
{
	struct target_process *p;
	int err = target_add(d->target, pid, &p);

	if (err)
		return run_add_failed(pid, err);
	d->of = p;
	d->has_begun = 0;
	doctor_process(d, p);
	d->of = NULL;
	return 0;
}

/* processes - those that are asked about.  Return: 0 or exit code. */
static int processes(struct doctor *d)
{
	pid_t chosen[CLI_MAX_PIDS];
	const pid_t *pid = d->s->pid;
	size_t n = d->s->n_pids;
	int code = 0, got;

	if (!n && (d->s->selection.n_comms || d->s->selection.n_exes || d->s->selection.n_cgroups)) {
		n = choose_pids(d->s, chosen, CLI_MAX_PIDS);
		pid = chosen;
		if (!n) {
			msg_error("no process fits now");
			msg_try("ps -e lists the processes that swtrace can see from here");
			return EXIT_GONE;
		}
	}
	for (size_t i = 0; i < n; i++) {
		got = one(d, pid[i]);
		code = code ? code : got;
	}
	return code;
}

int doctor_run(const struct cli_settings *s)
{
	struct doctor d = { .s = s };
	int code = EXIT_UNSUPPORTED, err;

	if (target_open(&d.target) || reader_open(&d.reader))
		goto out;
	reader_start(d.reader);
	doctor_machine(&d);
	code = processes(&d);
	err = s->json ? output_json_doctor(stdout, (int64_t)clock_ns(CLOCK_REALTIME), d.n)
		      : output_text_doctor(stdout, d.n);
	if (!d.err)
		d.err = err;
	if (!code && d.n[OUTPUT_FAIL])
		code = EXIT_UNSUPPORTED;
	if (d.err) {
		report_tell_failed(d.err);
		code = EXIT_USAGE;
	}
out:
	attach_close(d.attach);
	reader_close(d.reader);
	target_close(d.target);
	return code;
}
