// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/choose.c - the processes that are selected by name, program or cgroup, as /proc and the cgroup's own list tell. Where the kernel side
 * is loaded it selects by itself (attach/); this is for swtrace watch, which loads nothing. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/choose.h"

struct list {
	pid_t *pid;
	size_t n;
	size_t max;
};

static void list_add(struct list *l, pid_t pid)
{
	if (pid > 0 && l->n < l->max)
		l->pid[l->n++] = pid;
}

static int is_of_exe(pid_t pid, const struct attach_selection *s)
{
	char path[PATH_MAX];

	if (target_exe(pid, path, sizeof(path)))
		return 0;
	path[target_path_len(path)] = 0;
	for (size_t i = 0; i < s->n_exes; i++)
		if (target_path_fits(path, s->exe[i]))
			return 1;
	return 0;
}

static int is_of_comm(pid_t pid, const struct attach_selection *s)
{
	char path[64], comm[32] = "";
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* A name may hold a newline; the last one is not its own. */
	n = fread(comm, 1, sizeof(comm) - 1, f);
	comm[n ? n - 1 : 0] = 0;
	fclose(f);
	/* The kernel keeps 15 bytes of a name. */
	for (size_t i = 0; i < s->n_comms; i++)
		if (!strncmp(comm, s->comm[i], 15))
			return 1;
	return 0;
}

static int fits(pid_t pid, const struct attach_selection *s)
{
	return pid != getpid() && (!s->n_comms || is_of_comm(pid, s)) && (!s->n_exes || is_of_exe(pid, s));
}

static void scan_proc(const struct attach_selection *s, struct list *l)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)*e->d_name) && fits(atoi(e->d_name), s))
			list_add(l, atoi(e->d_name));
	if (dir)
		closedir(dir);
}

/* What nftw() hands to nobody. */
static const struct attach_selection *walked_for;
static struct list *walked_into;

static int take_procs(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const char *name = path + at->base;
	int pid;
	FILE *f;

	(void)st;
	f = type == FTW_F && !strcmp(name, "cgroup.procs") ? fopen(path, "re") : NULL;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (fits(pid, walked_for))
			list_add(walked_into, pid);
	if (f)
		fclose(f);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

size_t choose_pids(const struct cli_settings *s, pid_t *pid, size_t max)
{
	struct list l = { .pid = pid, .max = max };
	size_t n = 0;

	if (!s->selection.n_cgroups)
		scan_proc(&s->selection, &l);
	walked_for = &s->selection;
	walked_into = &l;
	for (size_t i = 0; i < s->selection.n_cgroups; i++)
		if (containers_path(s, i))
			nftw(containers_path(s, i), take_procs, 16, FTW_PHYS);
	walked_into = NULL;
	qsort(pid, l.n, sizeof(*pid), by_number);
	for (size_t i = 0; i < l.n; i++)
		if (!n || pid[n - 1] != pid[i])
			pid[n++] = pid[i];
	return n;
}
