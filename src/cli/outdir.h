/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/outdir.h - a directory in which reports have names of their own, of which the last ones stay.
 *
 * "PREFIXWHO-20261129T010203Z.SUFFIX": the number of a process, and a time in UTC. What stands before the suffix is a stem; the files of
 * one stem belong together. All others are nobody's business. */
#ifndef CLI_OUTDIR_H
#define CLI_OUTDIR_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define OUTDIR_STAMP_LEN 16 /* of the time */

struct outdir_names {
	const char *prefix;
	const char *const *suffix; /* all that there are, with their dots; NULL ends them */
	int has_all;		   /* WHO may be "all", too */
};

/* outdir_check - can files be written to that directory? What is wrong is told.  @what  "reports"  @option  that named it: "--out"
 * Return: 0 or -errno. */
int outdir_check(const char *dir, const char *what, const char *option);

/* outdir_try_file - a file cannot be written: what to try. If it is its directory that is not there: to make that first.
 * @err  -errno  @otherwise  what else to try */
void outdir_try_file(const char *path, int err, const char *otherwise);

/* outdir_stamp - a time as it stands in names.  @out  OUTDIR_STAMP_LEN + 1 */
void outdir_stamp(time_t t, char *out);

/* outdir_stem_len - how long the stem of a file's name is; 0: it is no such name. */
size_t outdir_stem_len(const struct outdir_names *names, const char *name);

/* outdir_keep - remove the files of all stems but the last ones, by their times. What is no regular file stays.
 * @stem  what was just written, with the directory or without. If there is any of it, it is one of the last ones, whatever its time: a clock may
 * have been set back since the others
 * @n_left  out: files that could not be removed      Return: 0; -errno of one of these, or of reading the directory; -ENOMEM. */
int outdir_keep(const char *dir, const struct outdir_names *names, const char *stem, uint64_t keep, size_t *n_left);

#endif
