// SPDX-License-Identifier: GPL-2.0-or-later
/* target/limits.c - what bounds the memory of a process: its cgroups and the machine.
 * Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of the kernel; proc(5). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target/internal.h"

#define PATH_BYTES  4096
#define TEXT_BYTES  65536
#define MOST_LEVELS 32		 /* cgroups above one another that are looked at */
#define NO_LIMIT    (1ULL << 60) /* version 1 has no word for it, but a number near 2^63 */

/* Where a hierarchy is mounted. */
struct hierarchy {
	int is_v2;
	char at[PATH_BYTES];   /* "": it is not */
	char root[PATH_BYTES]; /* the cgroup that is there */
};

/* number - in a file of a cgroup.  Return: 1; 0: there is none ("max"), or no such file. */
static int number(const char *directory, const char *name, uint64_t *out)
{
	char path[2 * PATH_BYTES], text[64], *end;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (small_file(path, text, sizeof(text)) <= 0)
		return 0;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return end != text && !errno && *out < NO_LIMIT;
}

/* idle_bytes - pages of files that have not been used of late: what the kernel takes back first. */
static uint64_t idle_bytes(const char *directory, int is_v2)
{
	const char *name = is_v2 ? "\ninactive_file " : "\ntotal_inactive_file ", *found;
	char path[2 * PATH_BYTES], text[16384];

	snprintf(path, sizeof(path), "%s/memory.stat", directory);
	if (small_file(path, text, sizeof(text)) <= 0)
		return 0;
	found = strstr(text, name);
	return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* swap_room - what the processes of a cgroup may still swap out; without end: it has no limit. Version 1 limits memory and swap
 * together. */
static uint64_t swap_room(const char *directory, int is_v2)
{
	uint64_t most, used, both, both_used;

	if (is_v2)
		return number(directory, "memory.swap.max", &most) && number(directory, "memory.swap.current", &used)
			       ? less(most, used)
			       : UINT64_MAX;
	if (!number(directory, "memory.memsw.limit_in_bytes", &both) ||
		!number(directory, "memory.memsw.usage_in_bytes", &both_used) ||
		!number(directory, "memory.limit_in_bytes", &most) ||
		!number(directory, "memory.usage_in_bytes", &used))
		return UINT64_MAX;
	return less(less(both, most), less(both_used, used));
}

/* level_look - one cgroup: is it the one with the least room so far? */
static void level_look(const char *directory, int is_v2, struct model_vitals *out)
{
	uint64_t limit = 0, high = 0, used, idle, room = UINT64_MAX, swap;
	struct stat st;
	int has_max = number(directory, is_v2 ? "memory.max" : "memory.limit_in_bytes", &limit);
	int is_high = is_v2 && number(directory, "memory.high", &high) && (!has_max || high < limit);

	/* Where nothing can be swapped out there is nothing to read. */
	swap = out->cgroup_swap_bytes ? swap_room(directory, is_v2) : 0;
	if (swap < out->cgroup_swap_bytes)
		out->cgroup_swap_bytes = swap;
	if (is_high)
		limit = high;
	if ((!has_max && !is_high) || !number(directory, is_v2 ? "memory.current" : "memory.usage_in_bytes", &used))
		return;
	idle = idle_bytes(directory, is_v2);
	used = less(used, idle);
	if (out->cgroup_bytes)
		room = less(out->cgroup_bytes, out->cgroup_used_bytes);
	if (out->cgroup_bytes && less(limit, used) >= room)
		return;
	out->cgroup_bytes = limit;
	out->cgroup_id = stat(directory, &st) ? 0 : st.st_ino;
	out->cgroup_used_bytes = used;
	out->cgroup_is_high = is_high;
}

/* levels_look - the process's cgroup, and those above it up to where the hierarchy is mounted.
 * @group  as /proc/PID/cgroup has it; "/.." is out of our sight */
static void levels_look(const struct hierarchy *h, const char *group, struct model_vitals *out)
{
	size_t n_root = strcmp(h->root, "/") != 0 ? strlen(h->root) : 0, n_at = strlen(h->at);
	char directory[PATH_BYTES];

	if (!*h->at || !strncmp(group, "/..", 3))
		return;
	/* Inside a container that has no namespace of its own for cgroups the mount shows a part of the path. */
	if (n_root && !strncmp(group, h->root, n_root) && (!group[n_root] || group[n_root] == '/'))
		group += n_root;
	if (snprintf(directory, sizeof(directory), "%s%s", h->at, group) >= (int)sizeof(directory))
		return;
	for (int i = 0; i < MOST_LEVELS; i++) {
		char *slash = strrchr(directory, '/');

		level_look(directory, h->is_v2, out);
		if (!slash || (size_t)(slash - directory) < n_at || strlen(directory) <= n_at)
			return;
		*slash = 0;
	}
}

/* unescape - mountinfo writes blanks and such in octal. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* mount_parse - a line of mountinfo: is it a hierarchy that may have limits on memory? */
static void mount_parse(const char *prefix, char *line, struct hierarchy *v2, struct hierarchy *v1)
{
	static char root[PATH_BYTES], at[PATH_BYTES];
	char type[32], *end = strstr(line, " - ");
	struct hierarchy *h = NULL;

	if (!end || sscanf(line, "%*s %*s %*s %4095s %4095s", root, at) != 2 || sscanf(end, " - %31s", type) != 1)
		return;
	if (!strcmp(type, "cgroup2"))
		h = v2;
	else if (!strcmp(type, "cgroup") && strstr(end, "memory"))
		h = v1;
	if (!h || *h->at)
		return;
	unescape(root);
	unescape(at);
	memcpy(h->root, root, sizeof(root));
	if (snprintf(h->at, sizeof(h->at), "%s%s", prefix, at) >= (int)sizeof(h->at))
		*h->at = 0;
}

static void mounts_find(const char *prefix, struct hierarchy *v2, struct hierarchy *v1)
{
	char path[PATH_BYTES], *line = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", prefix);
	f = fopen(path, "re");
	while (f && getline(&line, &cap, f) > 0)
		mount_parse(prefix, line, v2, v1);
	free(line);
	if (f)
		fclose(f);
}

/* groups_look - the lines of /proc/PID/cgroup: number:controllers:path. */
static int groups_look(const char *prefix, pid_t pid, struct model_vitals *out)
{
	struct hierarchy v2 = { .is_v2 = 1 }, v1 = { 0 };
	char path[PATH_BYTES], *text = malloc(TEXT_BYTES), *rest = NULL;
	int err;

	if (!text)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/proc/%d/cgroup", prefix, pid);
	err = small_file(path, text, TEXT_BYTES);
	if (err > 0)
		mounts_find(prefix, &v2, &v1);
	for (char *line = err > 0 ? strtok_r(text, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
		char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = 0;
		if (!strcmp(controllers, ":"))
			levels_look(&v2, group, out);
		else if (strstr(controllers, "memory"))
			levels_look(&v1, group, out);
	}
	free(text);
	return err == -ENOENT || err == -ESRCH ? -ESRCH : 0;
}

static void machine_look(const char *prefix, struct model_vitals *out)
{
	static const char *const names[] = { "MemTotal:", "MemAvailable:", "SwapFree:" };
	uint64_t *to[] = { &out->machine_bytes, &out->machine_available_bytes, &out->machine_swap_bytes };
	char path[PATH_BYTES], text[4096], *found;

	snprintf(path, sizeof(path), "%s/proc/meminfo", prefix);
	if (small_file(path, text, sizeof(text)) <= 0)
		return;
	for (int i = 0; i < 3; i++) {
		found = strstr(text, names[i]);
		if (found)
			*to[i] = strtoull(found + strlen(names[i]), NULL, 10) << 10;
	}
}

int target_limits_read(const char *root, pid_t pid, struct model_vitals *out)
{
	int err;

	out->cgroup_bytes = out->cgroup_used_bytes = out->cgroup_id = 0;
	out->machine_bytes = out->machine_available_bytes = out->machine_swap_bytes = 0;
	out->cgroup_is_high = 0;
	machine_look(root, out);
	out->cgroup_swap_bytes = out->machine_swap_bytes;
	err = groups_look(root, pid, out);
	if (!out->cgroup_bytes)
		out->cgroup_swap_bytes = 0;
	return err;
}
