// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/exportdir.c - --export-dir: exports under names with host, process and time, of which the last ones stay.
 *
 * "swtrace-HOST-PID-20261129T010203Z.folded", and the same with the other forms' suffixes; PID is that of the process that was named, or "all". */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/msg.h"
#include "util/outfile.h"
#include "util/strbuf.h"

/* In this order, and no further than to the first that fails: the largest of a small profile, the page, is the last. */
static const enum export_format forms[] = { EXPORT_FOLDED, EXPORT_PPROF, EXPORT_JSON, EXPORT_HTML };
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

#define STAMP_LEN 16 /* "20261129T010203Z" */

int exportdir_check(const char *dir)
{
	struct stat st;

	if (!stat(dir, &st) && S_ISDIR(st.st_mode) && !access(dir, W_OK | X_OK))
		return 0;
	msg_error("%s: exports cannot be written there", dir);
	msg_try("--export-dir: a directory that can be written to");
	return EXIT_USAGE;
}

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

/* suffix_at - where the suffix of one of our names begins: behind a time. NULL: it is no such name. */
static const char *suffix_at(const char *name, const char *prefix)
{
	const char *who = name + strlen(prefix), *dot = strchr(who, '.'), *stamp = dot ? dot - STAMP_LEN : NULL;
	size_t n = stamp && stamp > who ? (size_t)(stamp - who) - 1 : 0;

	if (!n || stamp[-1] != '-' || stamp[8] != 'T' || dot[-1] != 'Z')
		return NULL;
	/* A host may be named as this one, and more. */
	if (strspn(who, "0123456789") != n && (n != 3 || strncmp(who, "all", 3) != 0))
		return NULL;
	for (int i = 0; i < STAMP_LEN - 1; i++)
		if (i != 8 && (stamp[i] < '0' || stamp[i] > '9'))
			return NULL;
	for (size_t i = 0; i < N_FORMS; i++)
		if (!strcmp(dot, export_format_suffix(forms[i])))
			return dot;
	return NULL;
}

static int is_ours(const struct dirent *d)
{
	char prefix[HOST_NAME_MAX + 16];

	prefix_of(prefix, sizeof(prefix));
	return !strncmp(d->d_name, prefix, strlen(prefix)) && suffix_at(d->d_name, prefix);
}

static const char *stamp_of(const struct dirent *d)
{
	char prefix[HOST_NAME_MAX + 16];

	prefix_of(prefix, sizeof(prefix));
	return suffix_at(d->d_name, prefix) - STAMP_LEN;
}

/* by_stamp - the latest first; those of one moment together. */
static int by_stamp(const struct dirent **a, const struct dirent **b)
{
	int order = strncmp(stamp_of(*b), stamp_of(*a), STAMP_LEN);

	return order ? order : strcmp((*a)->d_name, (*b)->d_name);
}

/* remove_old - all but the last ones. */
static int remove_old(const char *dir, uint64_t keep)
{
	struct dirent **list = NULL;
	uint64_t n_stamps = 0;
	char path[PATH_MAX];
	int n = scandir(dir, &list, is_ours, by_stamp), err = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		n_stamps += !i || strncmp(stamp_of(list[i]), stamp_of(list[i - 1]), STAMP_LEN) != 0;
		if (n_stamps > keep) {
			snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
			if (unlink(path) && errno != ENOENT)
				err = -errno;
		}
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return err;
}

/* stem_of - DIRECTORY/swtrace-HOST-PID-TIME. */
static void stem_of(const struct reporter *r, char *out, size_t len)
{
	const struct target_process *named = target_at(r->target, 0); /* the first one, as long as tracing goes on */
	char prefix[HOST_NAME_MAX + 16], stamp[STAMP_LEN + 8], who[16] = "all";
	time_t t = r->profile.utc_ns / 1000000000;
	struct tm tm;

	prefix_of(prefix, sizeof(prefix));
	gmtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
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
	j->err_old = remove_old(j->dir, j->keep);
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
	if (j->err_old)
		msg_warn("%s: old exports cannot be removed: %s", j->dir, strerror(-j->err_old));
}
