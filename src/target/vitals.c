// SPDX-License-Identifier: GPL-2.0-or-later
/* target/vitals.c - the memory of a process as the kernel counts it: /proc/PID/status always, smaps_rollup when it is cheap. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/internal.h"
#include "util/clock.h"

#define STATUS_BYTES 8192 /* both files have about 1.5 KiB */

/* What smaps_rollup is taken to cost before it was ever read. */
#define PAGE_BYTES 4096
#define PAGE_NS	   25
#define MAPPING_NS 250
#define FIRST_NS   3000000 /* what may be spent at once */

/* Stacks of threads and coroutines: PHP's fibers and Swoole's coroutines have 2 MiB by default, threads 8 MiB. */
#define LEAST_STACK (16 << 10)
#define MOST_STACK  (64 << 20)
#define MOST_GUARD  (64 << 10)
#define STACK_SIZES 16 /* different ones that are counted */

/* What is known from one reading to the next. */
struct vitals {
	uint64_t seen_ns; /* first looked at, or rollup last read */
	uint64_t took_ns; /* by the last reading; 0: there was none */
	uint64_t pss_bytes;
	uint64_t pss_ns;
	uint32_t generation; /* of the mappings in which the places were found */
	int is_searched;
	struct php_places places;
};

int small_file(const char *path, char *to, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (n + 1 < cap && (got = read(fd, to + n, cap - 1 - n)) > 0)
		n += got;
	err = n ? 0 : -errno;
	close(fd);
	to[n] = 0;
	return err ? err : (int)n;
}

/* field - the number of KiB in the line of that name, in bytes.  Return: 1, or 0: there is no such line. */
static int field(const char *text, const char *name, uint64_t *bytes)
{
	size_t len = strlen(name);
	unsigned long long kib;

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, name, len) && at[len] == ':' && sscanf(at + len + 1, "%llu", &kib) == 1) {
			*bytes = kib << 10;
			return 1;
		}
	return 0;
}

int vitals_status(const char *text, struct model_vitals *out)
{
	if (!field(text, "RssAnon", &out->anon_bytes) || !field(text, "RssFile", &out->file_bytes) ||
		!field(text, "RssShmem", &out->shmem_bytes))
		return -ESRCH;
	out->rss_bytes = out->anon_bytes + out->file_bytes + out->shmem_bytes;
	field(text, "VmSwap", &out->swap_bytes);
	return 0;
}

int vitals_rollup(const char *text, struct model_vitals *out)
{
	uint64_t rss, pss, swap, anon;

	if (!field(text, "Rss", &rss) || !field(text, "Pss", &pss) || !field(text, "Swap", &swap) ||
		!field(text, "Anonymous", &anon) || anon > rss)
		return -EBADMSG;
	out->rss_bytes = rss;
	out->swap_bytes = swap;
	out->anon_bytes = anon;
	if (out->shmem_bytes > rss - anon)
		out->shmem_bytes = rss - anon;
	out->file_bytes = rss - anon - out->shmem_bytes;
	out->pss_bytes = pss;
	out->is_exact = 1;
	return 0;
}

/* rollup_is_due - would reading it take a small enough share of the time that has passed? */
static int rollup_is_due(const struct target_process *p, const struct model_vitals *now, uint64_t now_ns)
{
	uint64_t guess = now->rss_bytes / PAGE_BYTES * PAGE_NS + p->n_maps * MAPPING_NS;
	uint64_t cost = p->vitals->took_ns > guess ? p->vitals->took_ns : guess;

	if (!p->vitals->took_ns && guess <= FIRST_NS)
		return 1;
	return (double)(now_ns - p->vitals->seen_ns) * TARGET_VITALS_SHARE >= (double)cost;
}

/* read_rollup - if it may be read now, and the kernel has it (since 4.14). */
static void read_rollup(const struct target_process *p, struct model_vitals *out)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), begin;
	char path[64], text[STATUS_BYTES] = "";

	if (rollup_is_due(p, out, now_ns)) {
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", p->pid);
		begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		if (small_file(path, text, sizeof(text)) > 0 && !vitals_rollup(text, out)) {
			p->vitals->pss_bytes = out->pss_bytes;
			p->vitals->pss_ns = now_ns;
		}
		p->vitals->took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
		p->vitals->seen_ns = now_ns;
	}
	out->has_pss = p->vitals->pss_ns != 0;
	out->pss_bytes = p->vitals->pss_bytes;
	out->pss_ns = p->vitals->pss_ns;
}

/* is_stack - does the i-th mapping look like one? Whether it is, only the process knows. */
static int is_stack(const struct target_map *map, size_t i)
{
	const struct target_map *m = &map[i], *below = &map[i - 1];
	uint64_t size = m->end - m->start;

	return i && !m->module && !*m->name && !m->is_guard && !m->executable && size >= LEAST_STACK &&
	       size <= MOST_STACK && below->is_guard && below->end == m->start && !*below->name &&
	       below->end - below->start <= MOST_GUARD;
}

void vitals_stacks(const struct target_map *map, size_t n, struct model_vitals *out)
{
	struct {
		uint64_t size;
		uint64_t n;
	} found[STACK_SIZES] = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint64_t size = map[i].end - map[i].start;
		size_t k = 0;

		if (!strcmp(map[i].name, "[heap]"))
			out->heap_map_bytes += size;
		if (!i || !is_stack(map, i))
			continue;
		while (k < STACK_SIZES && found[k].n && found[k].size != size)
			k++;
		if (k == STACK_SIZES)
			continue;
		found[k].size = size;
		found[k].n++;
	}
	for (size_t k = 0; k < STACK_SIZES; k++) {
		if (found[k].n < 2) /* one alone may be anything */
			continue;
		out->n_stacks += found[k].n;
		out->stack_bytes += found[k].n * found[k].size;
	}
}

/* vitals_of - what is kept of the process; begun anew when it has executed another program or has other files mapped. */
static struct vitals *vitals_of(struct target_process *p)
{
	struct vitals *v = p->vitals;

	if (!v)
		v = p->vitals = calloc(1, sizeof(*v));
	if (v && !v->seen_ns)
		v->seen_ns = clock_ns(CLOCK_MONOTONIC);
	if (v && (!v->is_searched || v->generation != p->generation)) {
		php_find_places(p, &v->places);
		v->is_searched = 1;
		v->generation = p->generation;
	}
	return v;
}

int target_vitals_read(struct target_process *p, struct model_vitals *out)
{
	char path[64], text[STATUS_BYTES] = "";
	int err;

	*out = (struct model_vitals){ 0 };
	if (!vitals_of(p))
		return -ENOMEM;
	snprintf(path, sizeof(path), "/proc/%d/status", p->pid);
	err = small_file(path, text, sizeof(text));
	if (err < 0)
		return err == -ENOENT ? -ESRCH : err;
	err = vitals_status(text, out);
	if (err)
		return err;
	read_rollup(p, out);
	vitals_stacks(p->map, p->n_maps, out);
	php_read_places(p->pid, &p->vitals->places, out);
	return 0;
}
