// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/events.c - events from the ring buffer, as struct model_event. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "collect/internal.h"
#include "swtrace/abi.h"
#include "util/msg.h"

_Static_assert((int)MODEL_WALK_COMPLETE == SWT_WALK_COMPLETE && (int)MODEL_WALK_NO_MAPPING == SWT_WALK_NO_MAPPING &&
		       (int)MODEL_WALK_NO_ROW == SWT_WALK_NO_ROW && (int)MODEL_WALK_UNREAD == SWT_WALK_UNREAD &&
		       (int)MODEL_WALK_JIT == SWT_WALK_JIT && (int)MODEL_WALK_DEEP == SWT_WALK_DEEP &&
		       (int)MODEL_WALK_FIBER == SWT_WALK_FIBER,
	"ends of stacks are numbered alike");
_Static_assert(MODEL_MAX_FRAMES >= SWT_MAX_FRAMES, "a crash's stack fits");

int64_t collect_utc_ns(uint64_t time_ns)
{
	struct timespec mono, real;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (real.tv_sec - mono.tv_sec) * 1000000000LL + (real.tv_nsec - mono.tv_nsec) + (int64_t)time_ns;
}

static int event_type(uint32_t type)
{
	switch (type) {
	case SWT_EVENT_EXEC:
		return MODEL_EXEC;
	case SWT_EVENT_EXIT:
		return MODEL_EXIT;
	case SWT_EVENT_FORK:
		return MODEL_FORK;
	case SWT_EVENT_SIGNAL:
		return MODEL_SIGNAL;
	case SWT_EVENT_DL:
		return MODEL_DL;
	default:
		return -EBADMSG;
	}
}

/* Signals whose si_addr the kernel fills in when it sends them itself (siginfo(7)). */
static int has_fault_addr(const struct swt_event_signal *s)
{
	return s->code > 0 && s->code != 0x80 /* SI_KERNEL: no address is known */ &&
	       (s->signal == 4 || s->signal == 5 || s->signal == 7 || s->signal == 8 || s->signal == 11);
}

static void signal_fill(struct model_event *m, const struct swt_event_signal *s)
{
	size_t n = s->n_frames < SWT_MAX_FRAMES ? s->n_frames : SWT_MAX_FRAMES;

	m->signal = s->signal;
	m->code = s->code;
	m->has_fault_addr = has_fault_addr(s);
	m->fault_addr = m->has_fault_addr ? s->fault_addr : 0;
	m->sender_pid = s->code <= 0 ? s->sender_pid : 0;
	m->ip = s->ip;
	m->sp = s->sp;
	m->walk = s->walk;
	m->n_frames = n;
	memcpy(m->frame, s->frame, n * sizeof(*m->frame));
}

/* on_record - one record of the ring. Its size must be that of its type, or the two sides do not belong together. */
static int on_record(void *ctx, void *data, size_t size_bytes)
{
	const struct swt_event *e = data;
	struct collect *c = ctx;
	struct model_event m;
	int type;

	memset(&m, 0, sizeof(m));
	if (size_bytes < sizeof(*e) || (type = event_type(e->type)) < 0 ||
		(type == MODEL_SIGNAL && size_bytes < sizeof(struct swt_event_signal))) {
		msg_warn("events: a record of unknown kind was ignored");
		return 0;
	}
	m.type = type;
	m.time_ns = e->time_ns;
	m.utc_ns = collect_utc_ns(e->time_ns);
	m.pid = e->tgid;
	m.tid = e->tid;
	memcpy(m.comm, e->comm, sizeof(m.comm) - 1);
	m.stopped = (type == MODEL_EXEC || type == MODEL_DL) && e->value & SWT_STOPPED;
	m.by_thread = type == MODEL_EXEC && e->value & SWT_EXEC_BY_THREAD;
	m.wait_status = type == MODEL_EXIT ? (int)e->value : 0;
	m.child_pid = type == MODEL_FORK ? (int)e->value : 0;
	if (type == MODEL_SIGNAL)
		signal_fill(&m, data);
	c->on_event(c->ctx, &m);
	return 0;
}

int collect_open(struct collect **out, const struct attach_tables *tables,
	void (*on_event)(void *ctx, const struct model_event *e), void *ctx)
{
	struct collect *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->tables = *tables;
	c->on_event = on_event;
	c->ctx = ctx;
	c->ring = ring_buffer__new(tables->fd_events, on_record, c, NULL);
	if (!c->ring) {
		int err = -errno;

		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void collect_close(struct collect *c)
{
	if (!c)
		return;
	ring_buffer__free(c->ring);
	free(c);
}

int collect_fd(const struct collect *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

int collect_events(struct collect *c)
{
	return ring_buffer__consume(c->ring);
}
