// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/exportdir.c - --export-dir: exports under names with host, process and time, of which the last ones stay.
 *
 * "swtrace-HOST-PID-20261129T010203Z.folded", and the same with the other forms' suffixes; PID is that of the process that was named, or "all". */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/outdir.h"
#include "util/msg.h"
#include "util/outfile.h"
#include "util/strbuf.h"

/* In this order, and no further than to the first that fails: the largest of a small profile, the page, is the last. */
static const enum export_format forms[] = { EXPORT_FOLDED, EXPORT_PPROF, EXPORT_JSON, EXPORT_HTML };
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

/* prefix_of - of all names on this machine: "swtrace-HOST-". A name of a host has no slash; if it has, it is none. */
static void prefix_of(char *out, size_t len)
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c; c++)
		if (*c == '/' || *c <= ' ')
			*c = '_';
	snprintf(out, len, "swtrace-%s-", *host ? host : "host");
}

/* remove_old - all but the last ones.  Return: 0 or -errno. */
static int remove_old(struct exportdir_job *j)
{
	char prefix[HOST_NAME_MAX + 16];
	const char *suffix[N_FORMS + 1] = { NULL };
	const struct outdir_names names = { prefix, suffix, 1 };

	prefix_of(prefix, sizeof(prefix));
	for (size_t i = 0; i < N_FORMS; i++)
		suffix[i] = export_format_suffix(forms[i]);
	return outdir_keep(j->dir, &names, j->stem, j->keep, &j->n_left);
}

/* stem_of - DIRECTORY/swtrace-HOST-PID-TIME. */
static void stem_of(const struct reporter *r, char *out, size_t len)
{
	const struct target_process *named = target_at(r->target, 0); /* the first one, as long as tracing goes on */
	char prefix[HOST_NAME_MAX + 16], stamp[OUTDIR_STAMP_LEN + 1], who[16] = "all";

	prefix_of(prefix, sizeof(prefix));
	outdir_stamp(r->profile.utc_ns / 1000000000, stamp);
	if (!r->settings->all && named)
		snprintf(who, sizeof(who), "%d", named->pid);
	snprintf(out, len, "%s/%s%s-%s", r->settings->export_dir, prefix, who, stamp);
}

void exportdir_plan(const struct reporter *r, int is_due, struct exportdir_job *j)
{
	j->dir = r->settings->export_dir;
	j->keep = r->settings->keep;
	*j->stem = 0;
	if (is_due)
		stem_of(r, j->stem, sizeof(j->stem));
}

void exportdir_write(struct exportdir_job *j, const struct profile *p)
{
	j->err = 0;
	for (size_t i = 0; i < N_FORMS && !j->err; i++) {
		struct report_form form = { p, forms[i] };

		snprintf(j->path, sizeof(j->path), "%s%s", j->stem, export_format_suffix(forms[i]));
		j->err = outfile_write(j->path, report_write_form, &form);
	}
	j->err_old = remove_old(j);
}

void exportdir_tell(struct reporter *r, const struct exportdir_job *j)
{
	if (j->err && !r->dir_failed) {
		msg_error("%s: cannot be written: %s", j->path, strerror(-j->err));
		msg_try("free some space, or --keep fewer; tracing goes on, and so do exports");
	} else if (!j->err && r->dir_failed) {
		msg_note("%s: exports are written again", j->dir);
	}
	r->dir_failed = j->err != 0;
	if (j->err_old && !r->dir_is_left)
		msg_warn("%s: old exports cannot be removed (%zu files): %s", j->dir, j->n_left, strerror(-j->err_old));
	r->dir_is_left = j->err_old != 0;
}
