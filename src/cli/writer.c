// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/writer.c - the files of a report are written by a thread of their own, one report's after the other's: a disk that is slow, a pipe
 * that nobody reads, hold up no event.
 *
 * The thread reads the reporter's profile, which is lent to it, and changes nothing but its job, which the main thread does not look at
 * until it has ended. So there is nothing to lock. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "util/caps.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/outfile.h"

#define LOOK_MS	  200		/* it is asked so often whether a job is done */
#define SLOW_NS	  5000000000ULL /* it is told that a job takes so long, */
#define LAST_S	  10		/* and in the end it is waited for so long: */
#define SILENT_NS 500000000UL	/* so much of that without a word */

struct writer {
	pthread_t thread;
	int is_running;
	uint64_t begin_ns;
	int is_slow; /* that was told */
	int is_given_up;
	struct profile profile;
	int is_owner; /* the reporter has another profile by now: this one is to be freed */
	/* What to write: a path of a file each, NULL: none; and the directory's. */
	const char *path[WRITER_FILES];
	struct exportdir_job dir;
	/* What came of it. */
	int err[WRITER_FILES];
};

static int write_recording(FILE *f, const void *ctx)
{
	return profile_write(ctx, fileno(f));
}

/* write_file - the i-th.  Return: 0 or -errno. */
static int write_file(const struct writer *w, size_t i)
{
	static const enum export_format format[WRITER_FILES] = {
		[WRITER_FOLDED] = EXPORT_FOLDED, [WRITER_FLAMEGRAPH] = EXPORT_HTML, [WRITER_PPROF] = EXPORT_PPROF
	};
	const struct report_form form = { &w->profile, format[i] };

	if (!w->path[i])
		return 0;
	if (i == WRITER_RECORDING)
		return outfile_write(w->path[i], write_recording, &w->profile);
	return outfile_write(w->path[i], report_write_form, &form);
}

static void write_files(struct writer *w)
{
	for (size_t i = 0; i < WRITER_FILES; i++)
		w->err[i] = write_file(w, i);
	if (*w->dir.stem)
		exportdir_write(&w->dir, &w->profile);
}

/* run - the thread. What puts names of traced processes into words has no rights but those to write a file. */
static void *run(void *ctx)
{
	struct writer *w = ctx;
	int err = caps_keep(CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_DAC_READ_SEARCH) | CAPS_BIT(CAP_FOWNER));

	if (!err) {
		write_files(w);
		return NULL;
	}
	for (size_t i = 0; i < WRITER_FILES; i++)
		w->err[i] = w->path[i] ? err : 0;
	w->dir.err = err;
	snprintf(w->dir.path, sizeof(w->dir.path), "%s", w->dir.stem);
	return NULL;
}

/* tell - what came of a job. A file that cannot be written is told when that begins. */
static void tell(struct reporter *r, const struct writer *w)
{
	unsigned failed = 0;

	for (size_t i = 0; i < WRITER_FILES; i++) {
		if (!w->err[i])
			continue;
		failed |= 1U << i;
		if (r->export_failed >> i & 1)
			continue;
		msg_error("%s: cannot be written: %s", w->path[i], strerror(-w->err[i]));
		msg_try("free some space, or choose another file; tracing goes on");
	}
	r->export_failed = failed;
	if (*w->dir.stem)
		exportdir_tell(r, &w->dir);
}

/* wait_for - the thread to end.  Return: 0 or an error number. */
static int wait_for(struct reporter *r, const struct writer *w)
{
	struct timespec now, until;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now;
	until.tv_nsec += SILENT_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	err = pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &until);
	if (err != ETIMEDOUT)
		return err;
	run_begin_progress(r->settings);
	msg_progress("writing files ...");
	until = now;
	until.tv_sec += LAST_S;
	err = pthread_clockjoin_np(w->thread, NULL, CLOCK_MONOTONIC, &until);
	msg_end_progress();
	return err;
}

int writer_is_idle(struct reporter *r, int is_last)
{
	struct writer *w = r->writer;
	int err;

	if (!w || !w->is_running)
		return 1;
	err = is_last ? wait_for(r, w) : pthread_tryjoin_np(w->thread, NULL);
	if (err && !is_last && !w->is_slow && clock_ns(CLOCK_MONOTONIC) > w->begin_ns + SLOW_NS) {
		w->is_slow = 1;
		msg_warn(
			"files of a report are still being written after %u s: later ones are left out until they are, and tracing goes on",
			(unsigned)(SLOW_NS / 1000000000));
	}
	if (err)
		return 0;
	w->is_running = 0;
	if (w->is_owner)
		profile_free(&w->profile);
	w->is_owner = 0;
	tell(r, w);
	if (w->is_slow && !r->export_failed && !r->dir_failed)
		msg_note("files are written again");
	w->is_slow = 0;
	return 1;
}

int writer_timeout_ms(const struct reporter *r)
{
	return r->writer && r->writer->is_running ? LOOK_MS : -1;
}

void writer_release(struct reporter *r)
{
	struct writer *w = r->writer;

	if (!w || !w->is_running || w->is_owner) {
		profile_free(&r->profile);
		return;
	}
	w->is_owner = 1;
	profile_begin(&r->profile);
}

int writer_has_profile(const struct reporter *r)
{
	return r->writer && r->writer->is_running && !r->writer->is_owner;
}

void writer_begin(struct reporter *r, const char *const path[WRITER_FILES], int is_dir_due)
{
	struct writer *w = r->writer ? r->writer : calloc(1, sizeof(*w));
	sigset_t all, before;

	r->writer = w;
	if (!w) {
		writer_tell_no_memory(r);
		return;
	}
	w->profile = r->profile;
	w->begin_ns = clock_ns(CLOCK_MONOTONIC);
	memcpy(w->path, path, sizeof(w->path));
	exportdir_plan(r, is_dir_due, &w->dir);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	w->is_running = !pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (w->is_running) {
		pthread_setname_np(w->thread, "swtrace-writer");
	} else { /* then it takes as long as it takes */
		write_files(w);
		tell(r, w);
	}
}

void writer_tell_no_memory(struct reporter *r)
{
	if (r->export_failed != ~0U) {
		msg_error("files of this report are not written: out of memory");
		msg_try("trace fewer processes, or give swtrace more memory; tracing goes on");
	}
	r->export_failed = ~0U;
}

void writer_close(struct reporter *r)
{
	struct writer *w = r->writer;

	if (!w || w->is_given_up)
		return;
	if (!writer_is_idle(r, 1)) {
		/* What it works with is left to it: it ends with the process. */
		w->is_given_up = 1;
		msg_error("files of the last report are not written after %d s", LAST_S);
		msg_try("look at the disk, or at who reads the pipe, that they are written to");
		r->export_failed = ~0U;
		return;
	}
	free(w);
	r->writer = NULL;
}
