// SPDX-License-Identifier: GPL-2.0-or-later
/* oracle.c - are swtrace's stacks true? usage:
 *   oracle [-n POINTS] [-t SECONDS] [-r ONE_IN] [-w MS] [-c] [-v] [-f FUNCTION]... [-x MODULE+0xVADDR]... -p PID [-p PID]...
 * At random calls of the functions (shell patterns; default: malloc and its kin, PHP's _emalloc* and _efree*) the process is
 * stopped, libdwfl unwinds the same thread, the two stacks are compared, and the process goes on. The tables, the probes and
 * the code of the walk are production's, so return probes are pending as in production.
 *   -x  probe an instruction, by its address in the file
 *   -r  of the calls one in ONE_IN may be a point       -w  let the process run up to MS milliseconds between two points
 *   -v  print each stack that is not complete           -c  probe the functions in every process that maps their file, for
 *                                                           the children's sake: choose one that no other program calls
 * Exit: 0 all points were made and tally_passes(); 1 not so; 2 usage; 3 it cannot be tried. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "collect/collect.h"
#include "swtrace.skel.h"

#include "places.h"
#include "tally.h"

#define MAX_PIDS 16
#define STOP_MS	 5000 /* within which a thread that was told to stop must have stopped */

struct oracle {
	pid_t pid[MAX_PIDS];
	struct truth *truth[MAX_PIDS];
	size_t n_pids;
	struct places places;
	unsigned points;
	unsigned seconds;
	unsigned one_in;
	unsigned wait_ms;
	struct target *target;
	struct attach *attach;
	struct collect *collect;
	struct ring_buffer *ring;
	struct tally tally;
	unsigned not_stopped;
	uint64_t end_ms;
	unsigned changes; /* of the list of libraries, or of code without the loader's knowledge */
	unsigned failed_changes;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* probe - as production does for a process whose mappings may have changed; then our own probes. */
static int probe(struct oracle *o, struct target_process *p)
{
	uint32_t changes = attach_changes(o->attach, p->pid);
	int err = target_refresh(o->target, p);

	if (!err)
		err = attach_probe(o->attach, p, changes);
	if (err >= 0)
		err = places_add(&o->places, o->attach, p);
	return err < 0 ? err : 0;
}

static void on_event(void *ctx, const struct model_event *e)
{
	struct oracle *o = ctx;
	struct target_process *p = target_find(o->target, e->pid);

	if (!p)
		return;
	if (e->type == MODEL_DL || e->type == MODEL_CODE) {
		o->changes++;
		o->failed_changes += probe(o, p) != 0;
	}
	if (e->type == MODEL_EXIT)
		p->alive = 0;
}

/* ---- points --------------------------------------------------------------------------------------------------------- */

/* thread_state - the letter of /proc/PID/task/TID/stat; 0 when the thread is gone. */
static char thread_state(const struct oracle_point *p)
{
	char path[64], line[512] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", p->tgid, p->tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	end = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return end && end[1] ? end[2] : 0;
}

static int await_stop(const struct oracle_point *p)
{
	uint64_t end = now_ms() + STOP_MS;
	char state;

	while ((state = thread_state(p)) != 'T') {
		if (!state || now_ms() > end)
			return -1;
		usleep(20);
	}
	return 0;
}

/* truth_get - libdwfl's view of a process that was asked for. */
static struct truth *truth_get(struct oracle *o, pid_t pid)
{
	for (size_t i = 0; i < o->n_pids; i++) {
		if (o->pid[i] != pid)
			continue;
		if (!o->truth[i] && truth_open(&o->truth[i], pid))
			o->truth[i] = NULL;
		return o->truth[i];
	}
	return NULL;
}

/* keep_sure - of a stack that was walked while libraries changed swtrace shows what is sure once it knows the change. */
static void keep_sure(struct oracle *o, struct oracle_point *p)
{
	struct target_process *process = target_find(o->target, (pid_t)p->tgid);

	if (p->walked.walk != SWT_WALK_UNSETTLED || !process || target_refresh(o->target, process))
		return;
	p->walked.n = target_count_sure(
		process, (const uint64_t *)p->walked.frame, p->walked.n, p->walked.generation, p->is_exact);
}

/* judge - unwind the stopped thread and compare. */
static int judge(struct oracle *o, const struct oracle_point *p)
{
	struct truth *t = truth_get(o, p->tgid), *child = NULL;
	struct truth_stack s;
	int err = 0;

	if (!t) /* children are many and short-lived */
		err = truth_open(&child, p->tgid);
	if (!err)
		err = truth_unwind(t ? t : child, p, &s);
	if (!err) {
		o->tally.children += !t;
		tally_add(&o->tally, t ? t : child, p, &s);
	}
	truth_close(child);
	return err;
}

/* on_point - the process of the point has been told to stop. */
static int on_point(void *ctx, void *data, size_t size_bytes)
{
	static struct oracle_point copy; /* the ring is mapped read-only */
	struct oracle_point *p = &copy;
	struct oracle *o = ctx;
	int err;

	if (size_bytes < sizeof(*p))
		return 0;
	memcpy(p, data, sizeof(*p));
	err = p->stop_error || await_stop(p);
	if (!err) {
		keep_sure(o, p);
		err = judge(o, p);
	}
	if (err)
		o->not_stopped++;
	kill((pid_t)p->tgid, SIGCONT);
	return 0;
}

static int any_alive(struct oracle *o)
{
	struct target_process *p;

	for (size_t i = 0; (p = target_at(o->target, i)); i++)
		if (p->alive)
			return 1;
	return 0;
}

/* wait_ms - let the process run; changes of its libraries are followed at once, as production does. */
static void wait_ms(struct oracle *o, int ms)
{
	struct pollfd fd[2] = {
		{ .fd = collect_fd(o->collect), .events = POLLIN },
		{ .fd = ring_buffer__epoll_fd(o->ring), .events = POLLIN },
	};

	poll(fd, 2, ms);
	collect_events(o->collect);
	ring_buffer__consume(o->ring);
}

static void loop(struct oracle *o)
{
	volatile __u32 *armed = &o->attach->skel->bss->oracle_armed;
	unsigned seen;

	while (o->tally.points < o->points && now_ms() < o->end_ms && any_alive(o)) {
		seen = o->tally.points + o->not_stopped;
		*armed = 1;
		while (seen == o->tally.points + o->not_stopped && now_ms() < o->end_ms && any_alive(o))
			wait_ms(o, 20);
		*armed = 0;
		/* Points would else follow each other too closely: what has become due while the process was stopped
		 * happens first. */
		wait_ms(o, (int)((unsigned)rand() % (o->wait_ms + 1)));
	}
	wait_ms(o, 50); /* one may have been on its way */
}

/* ---- set-up --------------------------------------------------------------------------------------------------------- */

static int start(struct oracle *o)
{
	struct attach_opts opts = { 0 };
	struct attach_tables tables;
	struct target_process *p;
	int err;

	err = target_open(&o->target);
	if (!err)
		err = attach_open(&o->attach, &opts);
	if (err)
		return err;
	attach_tables(o->attach, &tables);
	err = collect_open(&o->collect, &tables, on_event, o);
	o->attach->skel->bss->oracle_chance = o->one_in > 1 ? UINT32_MAX / o->one_in : UINT32_MAX;
	o->ring = ring_buffer__new(bpf_map__fd(o->attach->skel->maps.oracle_points), on_point, o, NULL);
	if (!err && !o->ring)
		err = -errno;
	for (size_t i = 0; i < o->n_pids && !err; i++) {
		err = target_add(o->target, o->pid[i], &p);
		if (!err)
			err = attach_register(o->attach, o->pid[i], 0);
		if (!err)
			err = probe(o, p);
		/* Once more: what it loaded before its loader was probed has not been told of. */
		if (!err)
			err = probe(o, p);
	}
	if (!err && !o->places.n_probed)
		err = -ENOENT;
	return err;
}

static void stop(struct oracle *o)
{
	places_free(&o->places);
	for (size_t i = 0; i < o->n_pids; i++)
		truth_close(o->truth[i]);
	ring_buffer__free(o->ring);
	collect_close(o->collect);
	attach_close(o->attach);
	target_close(o->target);
}

static int parse(struct oracle *o, int argc, char **argv)
{
	static const char *const kin[] = { "malloc", "free", "calloc", "realloc", "_emalloc*", "_efree*",
		"_erealloc*" };
	int c;

	while ((c = getopt(argc, argv, "n:t:r:w:f:x:p:cv")) != -1) {
		if (c == 'n')
			o->points = atoi(optarg);
		else if (c == 't')
			o->seconds = atoi(optarg);
		else if (c == 'r')
			o->one_in = atoi(optarg);
		else if (c == 'w')
			o->wait_ms = atoi(optarg);
		else if (c == 'f' && o->places.n_patterns < PLACES_PATTERNS)
			o->places.pattern[o->places.n_patterns++] = optarg;
		else if (c == 'x' && o->places.n_instructions < PLACES_INSTRUCTIONS)
			o->places.instruction[o->places.n_instructions++] = optarg;
		else if (c == 'p' && o->n_pids < MAX_PIDS)
			o->pid[o->n_pids++] = atoi(optarg);
		else if (c == 'c')
			o->places.everywhere = 1;
		else if (c == 'v')
			o->tally.all = 1;
		else
			return -EINVAL;
	}
	if (!o->places.n_patterns && !o->places.n_instructions) {
		memcpy(o->places.pattern, kin, sizeof(kin));
		o->places.n_patterns = sizeof(kin) / sizeof(kin[0]);
	}
	return o->n_pids && optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct oracle o = { .points = 1000, .seconds = 60, .one_in = 16, .wait_ms = 1 };
	struct rlimit files;
	int code = 1, err;

	if (parse(&o, argc, argv)) {
		fprintf(stderr,
			"usage: oracle [-n POINTS] [-t SECONDS] [-r ONE_IN] [-w MS] [-c] [-v] [-f FUNCTION]... [-x MODULE+0xVADDR]... -p PID...\n");
		return 2;
	}
	srand(getpid());
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setpriority(PRIO_PROCESS, 0, -20); /* the target's threads are many and never sleep */
	err = start(&o);
	if (err) {
		fprintf(stderr, "oracle: %s\n", strerror(-err));
		code = 3;
		goto out;
	}
	o.end_ms = now_ms() + o.seconds * 1000ULL;
	loop(&o);
	if (o.not_stopped)
		printf("%u points were lost: their thread did not stop, or had gone\n", o.not_stopped);
	tally_print(&o.tally, stdout);
	printf(", library changes %u, failed changes %u\n", o.changes, o.failed_changes);
	code = o.tally.points >= o.points && tally_passes(&o.tally) && !o.failed_changes ? 0 : 1;
out:
	stop(&o);
	return code;
}
