// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/events.c - events from the ring buffer, as struct model_event. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "collect/internal.h"
#include "swtrace/abi.h"
#include "util/clock.h"
#include "util/msg.h"

_Static_assert((int)MODEL_WALK_COMPLETE == SWT_WALK_COMPLETE && (int)MODEL_WALK_NO_MAPPING == SWT_WALK_NO_MAPPING &&
		       (int)MODEL_WALK_NO_ROW == SWT_WALK_NO_ROW && (int)MODEL_WALK_UNREAD == SWT_WALK_UNREAD &&
		       (int)MODEL_WALK_JIT == SWT_WALK_JIT && (int)MODEL_WALK_DEEP == SWT_WALK_DEEP &&
		       (int)MODEL_WALK_FIBER == SWT_WALK_FIBER && (int)MODEL_WALK_UNSETTLED == SWT_WALK_UNSETTLED,
	"ends of stacks are numbered alike");
_Static_assert(MODEL_MAX_FRAMES >= SWT_MAX_FRAMES, "a crash's stack fits");

int64_t collect_utc_ns(uint64_t time_ns)
{
	uint64_t mono_ns = clock_ns(CLOCK_MONOTONIC);

	return (int64_t)(clock_ns(CLOCK_REALTIME) - mono_ns + time_ns);
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
	case SWT_EVENT_CODE:
		return MODEL_CODE;
	case SWT_EVENT_LIMIT:
		return MODEL_LIMIT;
	case SWT_EVENT_MEMORY:
		return MODEL_MEMORY;
	case SWT_EVENT_CORRUPT:
		return MODEL_CORRUPT;
	case SWT_EVENT_FREED:
		return MODEL_FREED;
	case SWT_EVENT_STRAY:
		return MODEL_STRAY;
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

static void signal_fill(struct model_event *m, struct model_crash *crash, const struct swt_event_signal *s)
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
	crash_event_fill(crash, s);
	m->crash = crash;
}

/* record_handle - one record of the ring. Its size must be that of its type, or the two sides do not belong together. */
static void record_handle(struct collect *c, const void *data, size_t size_bytes)
{
	const struct swt_event *e = data;
	struct model_crash crash;
	struct model_near block;
	struct model_stray stray;
	struct model_event m;
	int type;

	memset(&m, 0, sizeof(m));
	if (size_bytes < sizeof(*e) || (type = event_type(e->type)) < 0 ||
		(type == MODEL_SIGNAL && size_bytes < sizeof(struct swt_event_signal)) ||
		(type == MODEL_FREED && size_bytes < sizeof(struct swt_event_freed)) ||
		(type == MODEL_STRAY && size_bytes < sizeof(struct swt_event_stray))) {
		msg_warn("events: a record of unknown kind was ignored");
		return;
	}
	m.type = type;
	m.time_ns = e->time_ns;
	m.utc_ns = collect_utc_ns(e->time_ns);
	m.pid = e->tgid;
	m.tid = e->tid;
	memcpy(m.comm, e->comm, sizeof(m.comm) - 1);
	m.stopped = (type == MODEL_EXEC || type == MODEL_DL) && e->value & SWT_STOPPED;
	m.by_thread = type == MODEL_EXEC && e->value & SWT_EXEC_BY_THREAD;
	m.left = type == MODEL_EXEC && e->value & SWT_EXEC_LEFT;
	m.wait_status = type == MODEL_EXIT ? (int)e->value : 0;
	m.child_pid = type == MODEL_FORK ? (int)e->value : 0;
	if (type == MODEL_SIGNAL)
		signal_fill(&m, &crash, data);
	if (end_fill(&m, e, size_bytes)) {
		msg_warn("events: a record of the wrong size was ignored");
		return;
	}
	if (type == MODEL_SIGNAL)
		calls_fill(&crash, &((const struct swt_event_signal *)data)->last, c->tables.tick_ns);
	if (type == MODEL_FREED)
		freed_event_fill(c, &m, &block, data);
	if (type == MODEL_STRAY)
		stray_event_fill(c, &m, &stray, data);
	c->on_event(c->ctx, &m);
}

static int is_crash(const void *record, size_t size_bytes)
{
	return size_bytes >= sizeof(struct swt_event) && ((const struct swt_event *)record)->type == SWT_EVENT_SIGNAL;
}

#define QUEUE_BYTES (32 << 20) /* of address space; memory is taken as far as it was ever filled */

/* has_room - for all that the ring holds, and what comes meanwhile. A record has a header of 8 bytes there, too. */
static int has_room(const struct collect *c)
{
	return QUEUE_BYTES - c->queue_bytes >= 2 * (size_t)SWT_EVENT_RING_BYTES;
}

/* on_record - queue a record. What does not fit is in the kernel's count of lost events no more, so there is always room
 * first for all that the ring can hold. */
static int on_record(void *ctx, void *data, size_t size_bytes)
{
	size_t padded = (size_bytes + 7) & ~7UL;
	struct collect *c = ctx;
	uint64_t size = size_bytes;

	if (c->queue_bytes + sizeof(size) + padded > QUEUE_BYTES)
		return 0;
	memcpy(c->queue + c->queue_bytes, &size, sizeof(size));
	memcpy(c->queue + c->queue_bytes + sizeof(size), data, size_bytes);
	c->queue_bytes += sizeof(size) + padded;
	c->n_crashes += is_crash(data, size_bytes);
	return 0;
}

int collect_drain(struct collect *c)
{
	/* Without it they stay in the ring; when that is full, the kernel side counts. */
	if (has_room(c))
		ring_buffer__consume(c->ring);
	return c->n_crashes > 0;
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
	/* Not to be moved when it grows: to copy some MiB to memory that was never touched takes a tenth of a second. */
	c->queue = mmap(NULL, QUEUE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	c->ring = c->queue == MAP_FAILED ? NULL : ring_buffer__new(tables->fd_events, on_record, c, NULL);
	if (!c->ring) {
		int err = -errno;

		if (c->queue != MAP_FAILED)
			munmap(c->queue, QUEUE_BYTES);
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
	munmap(c->queue, QUEUE_BYTES);
	free(c->last.of_stack);
	free(c->last.generations);
	free(c->last.is_estimate);
	vitals_clear(&c->vitals);
	free(c);
}

int collect_fd(const struct collect *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

int collect_events(struct collect *c)
{
	static union {
		char bytes[sizeof(struct swt_event_signal)];
		uint64_t align;
	} record;
	uint64_t size;
	int n = 0;

	collect_drain(c);
	while (c->queue_at < c->queue_bytes) {
		memcpy(&size, c->queue + c->queue_at, sizeof(size));
		/* A copy: what handles it may drain, which moves the queue. */
		if (size <= sizeof(record))
			memcpy(record.bytes, c->queue + c->queue_at + sizeof(size), size);
		c->queue_at += sizeof(size) + ((size + 7) & ~7UL);
		if (size > sizeof(record))
			continue;
		c->n_crashes -= is_crash(record.bytes, size);
		record_handle(c, record.bytes, size);
		n++;
	}
	c->queue_at = 0;
	c->queue_bytes = 0;
	c->n_crashes = 0;
	return n;
}
