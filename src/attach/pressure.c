// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/pressure.c - when the live table is too full for all blocks. */
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/msg.h"

/* --max-blocks fill 77 % (SWT_FILL_PERCENT): more than asked for, and so much less that it does not go to and fro. */
#define PRESS_PERCENT 82
#define EASE_PERCENT  60

void attach_press(struct attach *a, uint64_t n_live, uint64_t n_places)
{
	__u32 *pressed = &a->skel->bss->pressed;
	__u32 was = __atomic_load_n(pressed, __ATOMIC_RELAXED), is = was;

	if (n_live * 100 > n_places * PRESS_PERCENT)
		is = 1;
	else if (n_live * 100 < n_places * EASE_PERCENT)
		is = 0;
	if (is == was)
		return;
	__atomic_store_n(pressed, is, __ATOMIC_RELAXED);
	msg_debug(is ? "the live table fills: small blocks are sampled"
		     : "the live table has room: every block is recorded");
}
