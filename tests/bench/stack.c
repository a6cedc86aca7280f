// SPDX-License-Identifier: GPL-2.0-or-later
/* stack.c - `make bench`: nanoseconds a stack for 10, 20 and 40 frames.
 * Two targets run the same calls, one built with frame pointers and one without. A round times each program once on each
 * target, so that what disturbs the machine disturbs all of them; the medians over the rounds are told, less an empty probe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "probe.h"
#include "swtrace.skel.h"
#include "util/msg.h"

#define ROUNDS 9
#define CALLS  50000
#define DEPTHS 3

struct child {
	const char *path;
	pid_t pid;
	FILE *in;
	FILE *out;
	struct target_process *process;
	uint64_t offset; /* of probe_me in the file */
};

static void fail(const char *what, int err)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void child_start(struct child *c)
{
	int to[2], from[2];
	char line[64];

	if (pipe(to) || pipe(from))
		fail("pipe", -errno);
	c->pid = fork();
	if (!c->pid) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execl(c->path, c->path, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	c->in = fdopen(to[1], "w");
	c->out = fdopen(from[0], "r");
	if (!c->in || !c->out || !fgets(line, sizeof(line), c->out))
		fail(c->path, -EIO);
}

/* child_time - nanoseconds a call. */
static double child_time(struct child *c, int depth, unsigned long calls)
{
	char line[64];

	fprintf(c->in, "%d %lu\n", depth, calls);
	fflush(c->in);
	if (!fgets(line, sizeof(line), c->out))
		fail(c->path, -EIO);
	return strtod(line, NULL) / (double)calls;
}

static void child_add(struct child *c, struct target *t, struct attach *a)
{
	struct elffile_symbol sym;
	int err = bench_probe(a, t, c->pid, &c->process);

	if (err < 0)
		fail(c->path, err);
	for (size_t i = 0; i < c->process->n_maps; i++) {
		const struct target_module *m = c->process->map[i].module;

		if (m && m->elf && !elffile_find(m->elf, "probe_me", &sym) &&
			!elffile_vaddr_to_offset(m->elf, sym.vaddr, &c->offset))
			return;
	}
	fail("probe_me", -ENOENT);
}

static struct bpf_link *probe(const struct bpf_program *prog, const struct child *c)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts);
	struct bpf_link *l = bpf_program__attach_uprobe_opts(prog, c->pid, c->path, c->offset, &opts);

	if (!l)
		fail("probe", -errno);
	return l;
}

static double timed(const struct bpf_program *prog, struct child *c, int depth)
{
	struct bpf_link *l = probe(prog, c);
	double ns;

	child_time(c, depth, CALLS / 10);
	ns = child_time(c, depth, CALLS);
	bpf_link__destroy(l);
	return ns;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), ascending);
	return v[n / 2];
}

enum { KERNEL, COLD, CACHED, PROGRAMS };

/* One depth: time all programs in each round. */
static void measure(struct attach *a, struct child *with, struct child *without, int depth)
{
	struct swtrace_bpf *s = a->skel;
	double ns[PROGRAMS][ROUNDS], empty[ROUNDS], empty_with, m[PROGRAMS];
	unsigned frames;

	bpf_link__destroy(probe(s->progs.bench_empty, with));
	timed(s->progs.bench_count, with, depth);
	frames = s->bss->bench_frames;
	for (int i = 0; i < ROUNDS; i++) {
		empty_with = timed(s->progs.bench_empty, with, depth);
		ns[KERNEL][i] = timed(s->progs.bench_kernel, with, depth) - empty_with;
		empty[i] = timed(s->progs.bench_empty, without, depth);
		ns[COLD][i] = timed(s->progs.bench_cold, without, depth) - empty[i];
		ns[CACHED][i] = timed(s->progs.bench_cached, without, depth) - empty[i];
	}
	for (int i = 0; i < PROGRAMS; i++)
		m[i] = median(ns[i], ROUNDS);
	printf("%6d %7u %7u %9.0f %9.0f %9.0f %9.0f %12.2f\n", depth, frames, s->bss->bench_frames,
		median(empty, ROUNDS), m[KERNEL], m[COLD], m[CACHED], m[COLD] / m[KERNEL]);
	if (s->bss->bench_walk)
		fail("a stack was not complete", -EBADMSG);
}

int main(int argc, char **argv)
{
	struct child with = { .path = argv[1] }, without = { .path = argv[2] };
	struct attach_opts opts = { 0 };
	struct attach *a;
	struct target *t;
	int err;

	if (argc != 3)
		return 2;
	child_start(&with);
	child_start(&without);
	err = target_open(&t);
	if (!err)
		err = attach_open(&a, &opts);
	if (err)
		fail("attach", err);
	child_add(&with, t, a);
	child_add(&without, t, a);
	printf("nanoseconds a stack, less an empty probe: medians of %d rounds of %d calls\n", ROUNDS, CALLS);
	printf("%6s %7s %7s %9s %9s %9s %9s %12s\n", "depth", "kernel", "swtrace", "empty ns", "kernel ns", "cold ns",
		"cached ns", "cold/kernel");
	measure(a, &with, &without, 10);
	measure(a, &with, &without, 20);
	measure(a, &with, &without, 40);
	attach_close(a);
	target_close(t);
	fclose(with.in);
	fclose(without.in);
	waitpid(with.pid, NULL, 0);
	waitpid(without.pid, NULL, 0);
	return 0;
}
