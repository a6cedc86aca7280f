// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/ends.c - what the kernel side tells of the ends of processes. */
#include <errno.h>
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

static void exit_fill(struct model_event *m, const struct swt_event_exit *x)
{
	m->end.reason = x->is_oom ? MODEL_REASON_OOM : MODEL_REASON_NONE;
	m->end.peak_rss_bytes = x->peak_rss_bytes;
	m->end.sender_pid = (int)x->sender_pid;
	memcpy(m->end.sender_comm, x->sender_comm, sizeof(m->end.sender_comm) - 1);
}

int end_fill(struct model_event *m, const struct swt_event *e, size_t size_bytes)
{
	if (e->type != SWT_EVENT_EXIT)
		return 0;
	if (size_bytes < sizeof(struct swt_event_exit))
		return -EBADMSG;
	exit_fill(m, (const struct swt_event_exit *)e);
	return 0;
}
