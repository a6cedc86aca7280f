// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/windows.c - tracing on a budget: when its time comes, a window is opened, waited for and closed, and what it cost is
 * measured for the plan of the next one. In between, PHP's own count of its heap is looked at, which costs the process nothing.
 *
 * A window is waited for here, not in the loop of run.c: what else that does, such as looking up names, may take seconds, and
 * the window would stay open meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/run.h"
#include "cli/schedule.h"
#include "util/clock.h"
#include "util/msg.h"

#define SAMPLE_NS 250000000ULL /* between two looks at the heap */
#define POINT_NS  500000000ULL /* between two points of its curve: the least of what was seen */

#define MOST_URGENT (-20) /* setpriority(2); without the right to it it has no effect */

/* What placing and removing is taken to cost before it was measured: see docs/windows.md. */
#define FIRST_EDGE_NS	  20000000ULL
#define EDGE_A_PROCESS_NS 20000000ULL

/* Of a window, two thirds are judged; what is born later may just not have been freed yet. */
#define JUDGED_PARTS 2
#define PARTS	     3

/* What is kept of a process beside model_windowed: the same place in the list. */
struct followed {
	uint64_t heap_at;	       /* 0 = not found */
	uint32_t generation;	       /* of the mappings in which it was looked for */
	struct model_heap_point least; /* of the curve's next point; size 0 = nothing was seen yet */
	uint64_t point_ns;	       /* when that began */
};

_Static_assert(SCHEDULE_MOST_NS / MODEL_WINDOW_SLOT_NS < MODEL_WINDOW_SLOTS, "a window's slots can be told apart");

struct windows {
	struct model_windows model;
	struct followed *followed;
	struct schedule schedule;
	uint64_t start_ns;
	int fd_timer;
};

static void set_timer(struct windows *w)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), next = now + SAMPLE_NS;
	struct itimerspec t = { 0 };

	if (w->schedule.next_ns > now && w->schedule.next_ns < next)
		next = w->schedule.next_ns;
	t.it_value.tv_sec = (time_t)(next / 1000000000);
	t.it_value.tv_nsec = (long)(next % 1000000000);
	timerfd_settime(w->fd_timer, TFD_TIMER_ABSTIME, &t, NULL);
}

/* process_of - what is known of a process; it begins to be now, if it is a new one.  Return: its place, or -ENOMEM. */
static int process_of(struct windows *w, pid_t pid)
{
	struct model_windows *m = &w->model;
	struct model_windowed *grown;
	struct followed *followed;

	for (size_t i = 0; i < m->n_processes; i++)
		if (m->process[i].pid == pid)
			return (int)i;
	grown = realloc(m->process, (m->n_processes + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	m->process = grown;
	followed = realloc(w->followed, (m->n_processes + 1) * sizeof(*followed));
	if (!followed)
		return -ENOMEM;
	w->followed = followed;
	grown[m->n_processes] = (struct model_windowed){ .pid = pid, .since = m->n_windows + 1 };
	followed[m->n_processes] = (struct followed){ 0 };
	return (int)m->n_processes++;
}

/* look_at - PHP's count of the heap of one process. */
static void look_at(struct windows *w, const struct target_process *p)
{
	int at = process_of(w, p->pid);
	uint64_t size, now = clock_ns(CLOCK_MONOTONIC);
	struct followed *f;

	if (at < 0)
		return;
	f = &w->followed[at];
	if (!f->heap_at && f->generation != p->generation) {
		f->generation = p->generation;
		if (target_zend_heap(p, &f->heap_at))
			f->heap_at = 0;
	}
	if (!f->heap_at || target_zend_size(p->pid, f->heap_at, &size) || !size)
		return;
	w->model.process[at].has_heap = 1;
	if (!f->least.size_bytes)
		f->point_ns = now;
	if (!f->least.size_bytes || size < f->least.size_bytes)
		f->least = (struct model_heap_point){ .time_ns = now, .size_bytes = size };
	if (now - f->point_ns < POINT_NS)
		return;
	model_heap_add(&w->model.process[at], &f->least);
	f->least.size_bytes = 0;
}

static void look_at_all(struct run *r)
{
	const struct target_process *p;

	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		if (p->alive)
			look_at(r->windows, p);
}

static void note_window(struct windows *w, const struct attach_window *a, uint32_t judged_slots)
{
	struct model_window one = {
		.first = a->number, .last = a->number, .time_ns = a->open_ns, .judged_slots = judged_slots
	};

	w->model.n_windows = a->number;
	w->model.recorded_ns += a->close_ns - a->open_ns;
	model_windows_add(&w->model, &one);
}

static void wait_ns(uint64_t ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void run_window(struct run *r)
{
	struct windows *w = r->windows;
	uint32_t judged_slots = (uint32_t)(w->schedule.window_ns / MODEL_WINDOW_SLOT_NS * JUDGED_PARTS / PARTS);
	struct attach_window a;
	int nice = getpriority(PRIO_PROCESS, 0), n;

	/* On a machine under load a window must not stay open until it is our turn. */
	setpriority(PRIO_PROCESS, 0, MOST_URGENT);
	n = attach_open_window(r->attach, judged_slots, &a);
	if (n > 0)
		wait_ns(w->schedule.window_ns);
	attach_close_window(r->attach, &a);
	setpriority(PRIO_PROCESS, 0, nice);
	if (n > 0) /* else there was nothing to see: no process has its libraries yet, or all have ended */
		note_window(w, &a, judged_slots);
	schedule_next(
		&w->schedule, a.end_ns, a.end_ns - a.begin_ns - (a.close_ns - a.open_ns), attach_probed_ns(r->attach));
}

void windows_on_time(struct run *r)
{
	struct windows *w = r->windows;
	uint64_t ticks;

	if (read(w->fd_timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	look_at_all(r);
	if (clock_ns(CLOCK_MONOTONIC) >= w->schedule.next_ns && !attach_is_closing(r->attach))
		run_window(r);
	set_timer(w);
}

int windows_begin(struct run *r)
{
	struct windows *w = calloc(1, sizeof(*w));
	uint64_t seed = 0;
	size_t n;
	int err;

	if (!w)
		return -ENOMEM;
	w->fd_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->fd_timer < 0) {
		err = -errno;
		msg_error("--overhead: cannot make a timer: %s", strerror(-err));
		msg_try("raise the limit of open files (ulimit -n)");
		free(w);
		return err;
	}
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = clock_ns(CLOCK_MONOTONIC);
	w->model.budget = r->s->overhead_percent / 100;
	w->start_ns = clock_ns(CLOCK_MONOTONIC);
	n = target_count(r->target);
	schedule_begin(&w->schedule, r->s->overhead_percent, seed, w->start_ns, FIRST_EDGE_NS + n * EDGE_A_PROCESS_NS);
	r->windows = w;
	r->reporter.windows = &w->model;
	collect_set_windows(r->collect, &w->model);
	look_at_all(r);
	set_timer(w);
	return 0;
}

int windows_fd(const struct run *r)
{
	return r->windows ? r->windows->fd_timer : -1;
}

void windows_update(struct run *r)
{
	struct windows *w = r->windows;

	if (!w)
		return;
	w->model.elapsed_ns = clock_ns(CLOCK_MONOTONIC) - w->start_ns;
	w->model.probed_ns = attach_probed_ns(r->attach);
	attach_window_effects(r->attach, &w->model.n_cut, &w->model.n_cleared);
}

void windows_forget(struct run *r, pid_t pid)
{
	struct windows *w = r->windows;

	for (size_t i = 0; w && i < w->model.n_processes; i++) {
		if (w->model.process[i].pid != pid)
			continue;
		w->model.n_processes--;
		w->model.process[i] = w->model.process[w->model.n_processes];
		w->followed[i] = w->followed[w->model.n_processes];
		break;
	}
}

void windows_end(struct run *r)
{
	if (!r->windows)
		return;
	close(r->windows->fd_timer);
	free(r->windows->model.process);
	free(r->windows->followed);
	free(r->windows);
	r->windows = NULL;
}
