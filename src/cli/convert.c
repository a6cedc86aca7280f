// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/convert.c - swtrace report FILE: a recording in another form. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/outdir.h"
#include "util/msg.h"
#include "util/outfile.h"

/* tell_fault - of a file that is not sound.  @is_compared  with another      Return: 1: there is something of it; -1: there is nothing. */
static int tell_fault(const char *path, const struct profile *p, int is_compared)
{
	msg_error("%s: %s", path, profile_fault_text(p->fault));
	if (p->fault == PROFILE_NEWER)
		msg_try("a swtrace as new as the one that wrote it");
	else if (p->fault == PROFILE_FOREIGN)
		msg_try("a file that swtrace record has written");
	else if (p->is_headless)
		msg_try("copy the file again: nothing of it could be read");
	else if (is_compared)
		msg_try("copy the file again: what is missing of it would look as if it had come or gone; without --diff, what is whole is "
			"told");
	else
		msg_try("what is told is what is whole: %zu stacks; copy the file again", p->n_stacks);
	return p->fault == PROFILE_NEWER || p->fault == PROFILE_FOREIGN || p->is_headless || is_compared ? -1 : 1;
}

/* load - as convert_load().  @is_compared  with another: what is damaged is refused */
static int load(const char *path, struct profile *p, int is_compared)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	profile_begin(p);
	msg_progress("reading %s ...", path);
	err = fd < 0 ? -errno : profile_read(p, fd);
	if (fd >= 0)
		close(fd);
	if (!err)
		return p->fault ? tell_fault(path, p, is_compared) : 0;
	msg_error("%s: cannot be read: %s", path, strerror(-err));
	msg_try("a file that swtrace record has written, that you may read");
	return -1;
}

int convert_load(const char *path, struct profile *p)
{
	return load(path, p, 0);
}

struct job {
	const struct cli_settings *s;
	const struct profile *p;
	struct export_opts opts;
};

static int write_job(FILE *f, const void *ctx)
{
	const struct job *j = ctx;

	return export_write((enum export_format)j->s->format, f, j->p, &j->opts);
}

/* is_quiet - does nobody see what is written? Else that itself is the progress, and a line of it would stand in between. */
static int is_quiet(const struct cli_settings *s)
{
	struct stat st;

	return s->output || (!fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode));
}

/* write_to - the file that was asked for, or standard output.  Return: exit code. */
static int write_to(const struct job *j)
{
	int err;

	if (!j->s->output && j->s->format == EXPORT_PPROF && isatty(STDOUT_FILENO)) {
		msg_error("a profile for pprof is not for a terminal");
		msg_try("-o FILE.pb.gz, then go tool pprof FILE.pb.gz");
		return EXIT_USAGE;
	}
	if (is_quiet(j->s))
		msg_progress("writing %s ...", j->s->output ? j->s->output : "standard output");
	else
		msg_end_progress();
	err = j->s->output ? outfile_write(j->s->output, write_job, j) : write_job(stdout, j);

	if (!err && !j->s->output && fflush(stdout))
		err = -errno;
	if (!err || (err == -EPIPE && !j->s->output)) /* who reads it has seen enough: | head */
		return EXIT_DONE;
	msg_error("%s: cannot be written: %s", j->s->output ? j->s->output : "standard output", strerror(-err));
	outdir_try_file(j->s->output ? j->s->output : "", err, "free some space, or write elsewhere");
	return EXIT_USAGE;
}

int convert_report(const struct cli_settings *s)
{
	struct profile now, before, difference;
	struct job j = { .s = s, .p = &now, .opts = { .top = s->top, .is_difference = s->diff != NULL } };
	int has_before, has_now, code = EXIT_USAGE;

	run_begin_progress(s);
	has_before = s->diff ? load(s->diff, &before, 1) : 0;
	has_now = load(s->input, &now, s->diff != NULL);
	profile_begin(&difference);
	if (has_before >= 0 && has_now >= 0) {
		if (s->diff && s->format == EXPORT_HTML) {
			j.opts.before = &before; /* a page shows both */
			code = write_to(&j);
		} else if (s->diff && profile_subtract(&now, &before, &difference)) {
			msg_error("out of memory");
			msg_try("a machine with more");
		} else {
			if (s->diff)
				j.p = &difference;
			code = write_to(&j);
		}
	}
	msg_end_progress();
	profile_free(&difference);
	profile_free(&now);
	if (s->diff)
		profile_free(&before);
	return has_before || has_now ? EXIT_USAGE : code;
}
