/* SPDX-License-Identifier: GPL-2.0-or-later */
/* truth.h - the stack of a stopped thread by elfutils' libdwfl: a second unwinder, which has no line in common with ours.
 *
 * It starts from the registers at the hit and reads the process's own memory. What return probes have replaced there is
 * put back. It knows .eh_frame (and .debug_frame) only: where a frame's code has none, libdwfl would go on with a guess by
 * the frame pointer, so the stack is ended there.
 * Owner: one struct truth a process; thread: one. */
#ifndef ORACLE_TRUTH_H
#define ORACLE_TRUTH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "swtrace/abi.h"

#include "point.h"

struct truth;

/* Why libdwfl's stack ends. */
enum truth_end {
	TRUTH_ROOT,   /* at a frame whose return address is said to be undefined, or is 0 */
	TRUTH_NO_CFI, /* the last frame's code has no unwind information */
	TRUTH_LONG,   /* more than SWT_MAX_FRAMES */
	TRUTH_ERROR,  /* see truth_stack.error */
	TRUTH_ENDS
};

struct truth_stack {
	enum truth_end end;
	const char *error; /* of libdwfl; static */
	int has_signal;	   /* a signal handler's frame is in it */
	int has_rbx;	   /* a frame whose CFA is based on rbx: the loader binds a symbol */
	int has_deref;	   /* a frame whose stack is realigned */
	int n_trampolines; /* of return probes, that a signal has interrupted */
	size_t n;
	uint64_t frame[SWT_MAX_FRAMES];
};

/* truth_open - Return: 0, -ENOMEM, or -EIO: libdwfl refuses the process. */
int truth_open(struct truth **out, pid_t pid);
void truth_close(struct truth *t);

/* truth_unwind - the stack of the point's thread, which must be stopped. The process's mappings are read again.
 * Return: 0 and *out, or -EIO and out->error. */
int truth_unwind(struct truth *t, const struct oracle_point *p, struct truth_stack *out);

/* truth_module - name of the file that holds addr, and the offset in it, as of the last truth_unwind(). */
const char *truth_module(struct truth *t, uint64_t addr, uint64_t *offset);

#endif
