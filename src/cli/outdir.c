// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/outdir.c - files with a process and a time in their names, of which the last ones stay: exports of --export-dir, and reports of
 * swtrace watch. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/outdir.h"
#include "util/msg.h"

#define DIGITS 10 /* of a pid, at most */

struct file {
	char *name;
	size_t stem_len;
};

struct files {
	struct file *file;
	size_t n;
};

void outdir_stamp(time_t t, char *out)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	*out = 0; /* for a year of more than four digits */
	strftime(out, OUTDIR_STAMP_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
}

int outdir_check(const char *dir, const char *what, const char *option)
{
	struct stat st = { 0 };
	int err = stat(dir, &st) ? -errno : !S_ISDIR(st.st_mode) ? -ENOTDIR : access(dir, W_OK | X_OK) ? -errno : 0;

	if (!err)
		return 0;
	msg_error("%s: %s cannot be written there: %s", dir, what, strerror(-err));
	if (err == -EACCES && S_ISDIR(st.st_mode) && st.st_uid != getuid())
		msg_try("%s: a directory of user %u, as whom swtrace runs without CAP_DAC_OVERRIDE; this one is of user %u: "
			"sudo chown %u DIRECTORY",
			option, getuid(), st.st_uid, getuid());
	else if (err == -ENOENT)
		msg_try("make it first: mkdir -p %s", dir);
	else
		msg_try("%s: a directory that can be written to", option);
	return err;
}

void outdir_try_file(const char *path, int err, const char *otherwise)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (err == -ENOENT && *dir && stat(dir, &st) && errno == ENOENT)
		msg_try("make its directory first: mkdir -p %s", dir);
	else
		msg_try("%s", otherwise);
}

static int is_who(const char *who, size_t n, int has_all)
{
	if (has_all && n == 3 && !strncmp(who, "all", 3))
		return 1;
	return n && n <= DIGITS && *who != '0' && strspn(who, "0123456789") == n;
}

static int is_stamp(const char *stamp)
{
	for (int i = 0; i < OUTDIR_STAMP_LEN - 1; i++)
		if (i == 8 ? stamp[i] != 'T' : stamp[i] < '0' || stamp[i] > '9')
			return 0;
	return stamp[OUTDIR_STAMP_LEN - 1] == 'Z';
}

size_t outdir_stem_len(const struct outdir_names *names, const char *name)
{
	size_t len = strlen(names->prefix), n;
	const char *who = name + len, *dash;

	if (strncmp(name, names->prefix, len) != 0)
		return 0;
	/* A host may be named as this one, and more: what stands there is a number, or none of ours. */
	dash = strchr(who, '-');
	if (!dash || !is_who(who, dash - who, names->has_all) || strlen(dash + 1) <= OUTDIR_STAMP_LEN ||
		!is_stamp(dash + 1))
		return 0;
	n = dash + 1 + OUTDIR_STAMP_LEN - name;
	for (size_t i = 0; names->suffix[i]; i++)
		if (!strcmp(name + n, names->suffix[i]))
			return n;
	return 0;
}

/* latest_first - those of one stem together. */
static int latest_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int order = strncmp(
		y->name + y->stem_len - OUTDIR_STAMP_LEN, x->name + x->stem_len - OUTDIR_STAMP_LEN, OUTDIR_STAMP_LEN);

	return order ? order : strcmp(x->name, y->name);
}

static int is_of(const struct file *f, const char *stem, size_t stem_len)
{
	return f->stem_len == stem_len && !strncmp(f->name, stem, stem_len);
}

/* path_of - Return: 0, or -ENAMETOOLONG: half of it would be another's. */
static int path_of(const char *dir, const char *name, char *out, size_t len)
{
	return snprintf(out, len, "%s/%s", dir, name) < (int)len ? 0 : -ENAMETOOLONG;
}

static int add(struct files *all, const char *name, size_t stem_len)
{
	struct file *grown = realloc(all->file, (all->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	all->file = grown;
	all->file[all->n].stem_len = stem_len;
	all->file[all->n].name = strdup(name);
	if (!all->file[all->n].name)
		return -ENOMEM;
	all->n++;
	return 0;
}

/* list - all files of such names.  Return: 0 or -errno. */
static int list(const char *dir, const struct outdir_names *names, struct files *all)
{
	DIR *d = opendir(dir);
	int err = d ? 0 : -errno;
	char path[PATH_MAX];
	struct dirent *e;
	struct stat st;

	while (d && !err && (e = readdir(d))) {
		size_t stem_len = outdir_stem_len(names, e->d_name);

		if (stem_len && !path_of(dir, e->d_name, path, sizeof(path)) && !lstat(path, &st) &&
			S_ISREG(st.st_mode))
			err = add(all, e->d_name, stem_len);
	}
	if (d)
		closedir(d);
	return err;
}

/* remove_file - Return: 0 or -errno. */
static int remove_file(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int err = path_of(dir, name, path, sizeof(path));

	if (err)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int outdir_keep(const char *dir, const struct outdir_names *names, const char *stem, uint64_t keep, size_t *n_left)
{
	struct files all = { 0 };
	int err = list(dir, names, &all), failed;
	const char *slash = strrchr(stem, '/');
	const struct file *last = NULL;
	uint64_t n_stems = 0;

	*n_left = 0;
	stem = slash ? slash + 1 : stem;
	for (size_t i = 0; i < all.n && !n_stems; i++)
		n_stems = is_of(&all.file[i], stem, strlen(stem));
	if (all.n)
		qsort(all.file, all.n, sizeof(*all.file), latest_first);
	for (size_t i = 0; i < all.n; i++) {
		const struct file *f = &all.file[i];

		if (is_of(f, stem, strlen(stem)))
			continue;
		n_stems += !last || !is_of(f, last->name, last->stem_len);
		last = f;
		failed = n_stems > keep ? remove_file(dir, f->name) : 0;
		*n_left += failed != 0;
		err = err ? err : failed;
	}
	for (size_t i = 0; i < all.n; i++)
		free(all.file[i].name);
	free(all.file);
	return err;
}
