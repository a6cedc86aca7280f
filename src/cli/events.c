// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/events.c - what happens to the traced processes, and what swtrace does about it: probe what they load, follow them
 * through exec, tell of signals and ends, know their children. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cli/due.h"
#include "cli/live.h"
#include "util/msg.h"

void events_process_gone(struct run *r, struct target_process *p)
{
	if (!p->alive)
		return;
	p->alive = 0;
	if (run_any_alive(r))
		return;
	if (live_can_stay(r))
		r->is_over = 1;
	else
		run_finish(r, EXIT_GONE);
}

/* probe - what is new in a process whose files are read. Once the loader is watched, it is looked at again: for what was loaded until then. */
static int probe(struct run *r, struct target_process *p, uint32_t changes)
{
	int was_watched = attach_is_watched(r->attach, p), n;

	target_identity(p);
	n = attach_probe(r->attach, p, changes);
	if (n > 0 && !r->s->all)
		run_tell_allocators(p);
	if (n >= 0 && !was_watched && attach_is_watched(r->attach, p))
		due_add(r, p->pid);
	return n;
}

int events_probe(struct run *r, struct target_process *p)
{
	uint32_t changes = attach_changes(r->attach, p->pid);
	int err = target_refresh(r->target, p);

	return err ? err : probe(r, p, changes);
}

/* continue_command - what the started program maps by now is probed, n functions (-errno: it cannot be): let it go on. It is stopped
 * again at the next change of its libraries until its libc is there. */
static void continue_command(struct run *r, struct target_process *p, int n)
{
	r->launch.is_stopped = 0;
	if (n > 0 && target_is_started(p))
		collect_trust(r->reporter.collect, p->pid);
	if (n < 0)
		msg_warn("%d: cannot place probes: %s", p->pid, strerror(-n));
	if (target_is_started(p)) {
		attach_set_stop(r->attach, p->pid, 1, 0);
		if (!n && !r->s->crashes)
			run_no_allocator(p);
	} else {
		attach_set_stop(r->attach, p->pid, 1, 1);
	}
	kill(p->pid, SIGCONT);
}

int events_look(struct run *r, struct target_process *p)
{
	uint32_t changes = attach_changes(r->attach, p->pid);
	int err = target_refresh_within(r->target, p, r->look_ns);

	if (!err && !attach_is_ready(r->attach, p, r->look_ns))
		err = -EINPROGRESS;
	if (err == -EINPROGRESS && due_while_read(r, p->pid, 0))
		return 0;
	if (err == -EINPROGRESS)
		err = events_probe(r, p);
	else if (!err)
		err = probe(r, p, changes);
	if (r->launch.is_stopped && p->pid == r->launch.pid)
		continue_command(r, p, err);
	return err;
}

/* on_child - an event of a child of a traced process. Children are known so that a crash of theirs has a stack; their memory is
 * not traced. */
static int on_child(struct run *r, struct target_process *child, const struct model_event *e)
{
	if (e->type == MODEL_EXEC || e->type == MODEL_EXIT) {
		attach_forget(r->attach, child->pid);
		target_drop_child(r->target, child->pid);
	} else if (e->type == MODEL_SIGNAL && !r->reporter.err) {
		return report_event(&r->reporter, e);
	}
	return 0;
}

/* is_told - exec is told later, when the new program is probed; what the loader does is of interest to programs alone. */
static int is_told(const struct run *r, const struct model_event *e)
{
	return e->type == MODEL_EXIT || e->type == MODEL_FORK || e->type == MODEL_SIGNAL || e->type >= MODEL_FREED ||
	       (e->type == MODEL_DL && r->s->json);
}

/* on_process - an event of a traced process. */
static int on_process(struct run *r, struct target_process *p, const struct model_event *e)
{
	int err = 0;

	if (!r->reporter.err && is_told(r, e))
		err = report_event(&r->reporter, e);
	/* The links of its probes mean a thread that is no more. */
	if (e->type == MODEL_EXEC)
		windows_forget(r, p->pid);
	if (e->type == MODEL_EXEC && e->by_thread)
		attach_unprobe(r->attach, p->pid);
	if (e->type == MODEL_EXEC || e->type == MODEL_DL || e->type == MODEL_CODE) {
		/* If it has ended instead, its exit is an event of its own. */
		if (e->stopped && !launch_await_stop(&r->launch))
			r->launch.is_stopped = 1;
		if (!e->stopped || r->launch.is_stopped)
			events_look(r, p);
	}
	if (e->type == MODEL_EXEC && !r->reporter.err)
		err = report_event(&r->reporter, e);
	if (e->type == MODEL_EXIT)
		events_process_gone(r, p);
	return err;
}

void events_handle(void *ctx, const struct model_event *e)
{
	struct run *r = ctx;
	struct target_process *p = target_find(r->target, e->pid), *child = p ? NULL : target_child(r->target, e->pid);
	int err = 0;

	if (r->s->all) {
		err = system_event(r, e);
		if (err)
			run_output_lost(r, err);
		return;
	}
	if (e->type == MODEL_FORK && e->child_pid && (p || child) &&
		target_fork(r->target, p ? p : child, e->child_pid))
		msg_warn("%d: its child %d is not known: out of memory", e->pid, e->child_pid);
	if (p && e->type == MODEL_EXEC && p->is_followed)
		follow_retire(r, p);
	else if (p)
		err = on_process(r, p, e);
	else if (child)
		err = on_child(r, child, e);
	if (p && e->type == MODEL_FORK && e->child_pid)
		follow_child(r, p, e->child_pid);
	if (err)
		run_output_lost(r, err);
}

void events_reap(struct run *r)
{
	attach_reap_children(r->attach);
	target_reap_children(r->target);
}
